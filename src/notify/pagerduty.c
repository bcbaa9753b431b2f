/*
 * `pagerduty_configs`: Events API v2. A group is one incident: its key is made of the
 * group's, so that `resolve` finds what `trigger` opened.
 */
#include "notify/receivers.h"

#include "base/str.h"

#define SUMMARY_MAX 1024
#define EVENT_MAX (500 << 10) /* PagerDuty refuses an event over 512 KB */
#define DETAIL_CHARS 32768
#define DETAILS_MAX 64
#define LINKS_MAX 32
#define URL_CHARS 2048

struct pagerduty_link {
    struct template *href, *text, *src, *alt;
};

struct pagerduty_links {
    struct pagerduty_link *at;
    size_t n;
};

struct pagerduty_spec {
    struct receiver_common common;
    struct secret routing_key, service_key;
    const char *url;
    struct template *client, *client_url, *description, *source, *severity, *class, *component,
        *group;
    struct text_map details;
    struct pagerduty_links links, images;
};

static const struct pagerduty_spec pagerduty_defaults = {
    .common.base.send_resolved = true,
    .url = "https://events.pagerduty.com/v2/enqueue",
};

static const struct field link_fields[] = {
    {"href", FIELD_CUSTOM, offsetof(struct pagerduty_link, href), .flags = FIELD_REQUIRED,
     .decode = text_decode},
    TEXT_FIELD("text", offsetof(struct pagerduty_link, text), "what it is called"),
    {0},
};

static const struct field image_fields[] = {
    {"src", FIELD_CUSTOM, offsetof(struct pagerduty_link, src), .flags = FIELD_REQUIRED,
     .decode = text_decode},
    TEXT_FIELD("alt", offsetof(struct pagerduty_link, alt), "what it shows"),
    TEXT_FIELD("href", offsetof(struct pagerduty_link, href), "where it leads"),
    {0},
};

static void decode_list(struct decode *c, const struct node *n, const struct field *fields,
                        struct pagerduty_links *ret)
{
    if (n->kind != NODE_SEQ || n->n > LINKS_MAX) {
        diag_error(c->diag, n->pos, "expected a list of at most %d", LINKS_MAX);
        return;
    }
    ret->at = arena_alloc(c->arena, (n->n + 1) * sizeof(*ret->at));
    ret->n = n->n;
    for (size_t i = 0; i < n->n; i++)
        decode_object(c, n->items[i], fields, &ret->at[i]);
}

static void decode_links(struct decode *c, const struct node *n, void *out)
{
    decode_list(c, n, link_fields, out);
}

static void decode_images(struct decode *c, const struct node *n, void *out)
{
    decode_list(c, n, image_fields, out);
}

#define AT(key) offsetof(struct pagerduty_spec, key)

static const struct field pagerduty_fields[] = {
    RECEIVER_FIELDS,
    SECRET_FIELDS("routing_key", AT(routing_key), "integration key of Events API v2"),
    SECRET_FIELDS("service_key", AT(service_key), "the same, by its name of old"),
    {"url", FIELD_STRING, AT(url), .help = "address of the Events API v2"},
    TEXT_FIELD("client", AT(client), "name of the monitor"),
    TEXT_FIELD("client_url", AT(client_url), "its address"),
    TEXT_FIELD("description", AT(description), "summary of the incident"),
    TEXT_FIELD("source", AT(source), "what is affected"),
    TEXT_FIELD("severity", AT(severity), "critical, error, warning or info"),
    TEXT_FIELD("class", AT(class), "class of the event"),
    TEXT_FIELD("component", AT(component), "part that is affected"),
    TEXT_FIELD("group", AT(group), "group of parts"),
    {"details", FIELD_CUSTOM, AT(details), .decode = text_decode_map,
     .help = "texts by name, beside firing, resolved, num_firing, num_resolved"},
    {"links", FIELD_CUSTOM, AT(links), .decode = decode_links, .help = "list of {href, text}"},
    {"images", FIELD_CUSTOM, AT(images), .decode = decode_images,
     .help = "list of {src, alt, href}"},
    {0},
};

#define EACH(which)                                                                                \
    "{{ range .Alerts." which " }}" TEXT_HEAD "\n{{ end }}{{ print " TEXT_SAYS " }}\n"             \
    "{{ .Labels }}\n{{ if gt (len $.Alerts) 1 }}\n{{ end }}{{ end }}"

static void add_details(struct decode *c, struct text_map *map)
{
    static const char *const ours[][2] = {
        {"firing", EACH("Firing")},
        {"resolved", EACH("Resolved")},
        {"num_firing", "{{ len .Alerts.Firing }}"},
        {"num_resolved", "{{ len .Alerts.Resolved }}"},
    };
    struct text_map all = {arena_alloc(c->arena, (map->n + 4) * sizeof(*all.at)), 0};
    for (size_t i = 0; i < map->n; i++)
        all.at[all.n++] = map->at[i];
    for (size_t k = 0; k < 4; k++) {
        bool given = false;
        for (size_t i = 0; i < map->n; i++)
            given = given || str_eq(map->at[i].key, ours[k][0]);
        if (given)
            continue;
        all.at[all.n].key = ours[k][0];
        text_default(c, &all.at[all.n++].text, ours[k][1]);
    }
    *map = all;
}

static void pagerduty_prepare(struct decode *c, const struct node *n, const struct node *global,
                              void *spec)
{
    struct pagerduty_spec *s = spec;
    bool service = node_get(n, "service_key") || node_get(n, "service_key_file");
    bool routing = node_get(n, "routing_key") || node_get(n, "routing_key_file");
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "routing_key", !service);
    secret_check_pair(c, n, "service_key", false);
    if (service && routing)
        diag_error(c->diag, n->pos, "one of routing_key and service_key, not both");
    secret_check_url(c, n, "url", s->url);
    receiver_global_url(c, n, "url", global, "pagerduty_url", &s->url);
    if (s->details.n > DETAILS_MAX)
        diag_error(c->diag, n->pos, "details: more than %d", DETAILS_MAX);
    if (!s->source)
        s->source = s->client;
    text_default(c, &s->client, "nines");
    text_default(c, &s->source, "{{ or .CommonLabels.service \"nines\" }}");
    text_default(c, &s->client_url, "{{ .ExternalURL }}");
    text_default(c, &s->description, TEXT_TITLE);
    text_default(c, &s->severity,
                 "{{ if eq .CommonLabels.severity \"critical\" \"page\" }}critical"
                 "{{ else if eq .CommonLabels.severity \"warning\" \"ticket\" }}warning"
                 "{{ else if eq .CommonLabels.severity \"info\" }}info{{ else }}error{{ end }}");
    add_details(c, &s->details);
}

/* Any other word would have the event refused. */
static void add_severity(struct form *f, const struct pagerduty_spec *s)
{
    static const char *const known[] = {"critical", "error", "warning", "info"};
    const char *severity = "error";
    struct str said;
    form_value(f, s->severity, SUMMARY_MAX, &said);
    for (size_t i = 0; i < 4; i++)
        if (str_eq(said.buf, known[i]))
            severity = known[i];
    form_string(f, "severity", severity);
    str_release(&said);
}

static void add_payload(struct form *f, const struct pagerduty_spec *s, size_t detail)
{
    form_open(f, "payload", '{');
    if (!form_text(f, "summary", s->description, TEXT_PLAIN, SUMMARY_MAX))
        form_string(f, "summary", "alert");
    if (!form_text(f, "source", s->source, TEXT_PLAIN, SUMMARY_MAX))
        form_string(f, "source", "nines");
    add_severity(f, s);
    form_text(f, "class", s->class, TEXT_PLAIN, SUMMARY_MAX);
    form_text(f, "component", s->component, TEXT_PLAIN, SUMMARY_MAX);
    form_text(f, "group", s->group, TEXT_PLAIN, SUMMARY_MAX);
    form_text_map(f, "custom_details", &s->details, detail, s->details.n);
    form_close(f, '}');
}

static void add_links(struct form *f, const char *key, const struct pagerduty_links *links)
{
    if (links->n == 0)
        return;
    form_open(f, key, '[');
    for (size_t i = 0; i < links->n; i++) {
        form_open(f, NULL, '{');
        form_text(f, "src", links->at[i].src, TEXT_PLAIN, URL_CHARS);
        form_text(f, "href", links->at[i].href, TEXT_PLAIN, URL_CHARS);
        form_text(f, "alt", links->at[i].alt, TEXT_PLAIN, SUMMARY_MAX);
        form_text(f, "text", links->at[i].text, TEXT_PLAIN, SUMMARY_MAX);
        form_close(f, '}');
    }
    form_close(f, ']');
}

static void add_event(struct form *f, const struct pagerduty_spec *s, size_t detail)
{
    const struct message *m = f->texts.plain;
    char id[GROUP_ID_SIZE];
    form_open(f, NULL, '{');
    form_string(f, "routing_key",
                s->routing_key.value ? s->routing_key.value : s->service_key.value);
    form_string(f, "dedup_key", group_id(id, m));
    form_string(f, "event_action", m->firing ? "trigger" : "resolve");
    if (m->firing) {
        form_text(f, "client", s->client, TEXT_PLAIN, SUMMARY_MAX);
        form_text(f, "client_url", s->client_url, TEXT_PLAIN, URL_CHARS);
        add_payload(f, s, detail);
        add_links(f, "links", &s->links);
        add_links(f, "images", &s->images);
    }
    form_close(f, '}');
}

static int pagerduty_build(const void *spec, const struct message *m, const char *dedup_key,
                           struct outgoing *out, struct err *reterr)
{
    const struct pagerduty_spec *s = spec;
    struct form f;
    (void)dedup_key; /* theirs names the incident */
    str_add(&out->url, s->url);
    outgoing_header(out, "Content-Type", "application/json");
    form_init(&f, m, &out->body);
    /* The details take what room there is. */
    for (size_t detail = DETAIL_CHARS; detail >= 32; detail /= 4) {
        str_clear(&out->body);
        add_event(&f, s, detail);
        if (out->body.len <= EVENT_MAX && !out->body.overflow)
            break;
    }
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_pagerduty = {
    .name = "pagerduty",
    .help = "PagerDuty, Events API v2",
    .fields = pagerduty_fields,
    .defaults = &pagerduty_defaults,
    .spec_size = sizeof(struct pagerduty_spec),
    .prepare = pagerduty_prepare,
    .build = pagerduty_build,
    .judge = verdict_http,
};
