/*
 * `ntfy_configs`, of ours: a message on a topic, published as JSON (headers would need
 * an encoding of their own for what is not ASCII).
 */
#include "notify/receivers.h"

#include "base/str.h"

#include <string.h>

#define TITLE_CHARS 250
#define MESSAGE_BYTES 4096 /* beyond, ntfy makes a file of it */
#define REQUEST_MAX 8000   /* and a request twice as long is refused */

struct ntfy_spec {
    struct receiver_common common;
    struct secret token;
    const char *url, *topic;
    struct template *title, *message, *priority, *tags, *click;
};

static const struct ntfy_spec ntfy_defaults = {
    .common.base.send_resolved = true,
    .url = "https://ntfy.sh",
};

#define AT(key) offsetof(struct ntfy_spec, key)

static const struct field ntfy_fields[] = {
    RECEIVER_FIELDS,
    {"url", FIELD_STRING, AT(url), .help = "address of the server"},
    {"topic", FIELD_STRING, AT(topic), .flags = FIELD_REQUIRED, .help = "name of the topic"},
    SECRET_FIELDS("token", AT(token), "access token"),
    TEXT_FIELD("title", AT(title), "title"),
    TEXT_FIELD("message", AT(message), "text"),
    TEXT_FIELD("priority", AT(priority), "min, low, default, high, max, or 1 to 5"),
    TEXT_FIELD("tags", AT(tags), "tags and names of emojis, separated by commas"),
    TEXT_FIELD("click", AT(click), "address to open"),
    {0},
};

static bool topic_ok(const char *s)
{
    static const char ok[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    size_t n = strspn(s, ok);
    return n > 0 && n <= 64 && s[n] == '\0';
}

static void ntfy_prepare(struct decode *c, const struct node *n, const struct node *global,
                         void *spec)
{
    struct ntfy_spec *s = spec;
    const struct http_access *a = &s->common.access;
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "token", false);
    secret_check_url(c, n, "url", s->url);
    if (!topic_ok(s->topic))
        diag_error(c->diag, node_get(n, "topic")->pos,
                   "topic: expected up to 64 letters, digits, - and _");
    if (s->token.value && node_get(n, "http_config") &&
        (a->basic.username || a->authorization.type))
        diag_error(c->diag, n->pos, "one of token and a login in http_config, not both");
    text_default(c, &s->title, TEXT_TITLE);
    text_default(c, &s->message, TEXT_BODY);
    text_default(c, &s->priority,
                 "{{ if ne .Status \"firing\" }}default{{ else if eq .CommonLabels.severity "
                 "\"critical\" \"page\" }}max{{ else }}high{{ end }}");
    text_default(c, &s->tags,
                 "{{ if eq .Status \"firing\" }}rotating_light{{ else }}white_check_mark{{ end }}");
    text_default(c, &s->click, "{{ .ExternalURL }}");
}

static void add_priority(struct form *f, const struct ntfy_spec *s)
{
    static const char *const names[] = {"min", "low", "default", "high", "max", "urgent"};
    static const char *const numbers[] = {"1", "2", "3", "4", "5", "5"};
    const char *priority = "3";
    struct str said;
    form_value(f, s->priority, 16, &said);
    for (size_t i = 0; i < 6; i++)
        if (str_eq(said.buf, names[i]) || str_eq(said.buf, numbers[i]))
            priority = numbers[i];
    form_raw(f, "priority", priority);
    str_release(&said);
}

static void add_message(struct form *f, const struct ntfy_spec *s, size_t max)
{
    struct str text;
    str_init(&text, TEXT_RENDER_MAX);
    texts_add(&f->texts, s->message, TEXT_PLAIN, max, TEXT_BYTES, &text);
    form_open(f, NULL, '{');
    form_string(f, "topic", s->topic);
    form_text(f, "title", s->title, TEXT_PLAIN, TITLE_CHARS);
    if (text.len)
        form_string(f, "message", text.buf);
    add_priority(f, s);
    form_words(f, "tags", s->tags, 50, 10);
    form_text(f, "click", s->click, TEXT_PLAIN, 1024);
    form_close(f, '}');
    str_release(&text);
}

static int ntfy_build(const void *spec, const struct message *m, const char *dedup_key,
                      struct outgoing *out, struct err *reterr)
{
    const struct ntfy_spec *s = spec;
    char bearer[1024];
    struct form f;
    (void)dedup_key; /* ntfy knows no such thing */
    outgoing_url(out, s->url, "");
    outgoing_header(out, "Content-Type", "application/json");
    if (s->token.value) {
        snprintf(bearer, sizeof(bearer), "Bearer %.1000s", s->token.value);
        outgoing_header(out, "Authorization", bearer);
        explicit_bzero(bearer, sizeof(bearer));
    }
    form_init(&f, m, &out->body);
    for (size_t max = MESSAGE_BYTES; max >= 16; max -= max / 4) {
        str_clear(&out->body);
        add_message(&f, s, max);
        if (out->body.len <= REQUEST_MAX)
            break;
    }
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_ntfy = {
    .name = "ntfy",
    .help = "ntfy, a message on a topic",
    .fields = ntfy_fields,
    .defaults = &ntfy_defaults,
    .spec_size = sizeof(struct ntfy_spec),
    .prepare = ntfy_prepare,
    .build = ntfy_build,
    .judge = verdict_http,
};
