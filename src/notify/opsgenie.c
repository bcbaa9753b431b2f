/*
 * `opsgenie_configs`: one alert for a group, created and closed by its alias. Opsgenie
 * counts a repeated create of an open alert and opens no second one.
 */
#include "notify/receivers.h"

#include "base/str.h"

#include <string.h>

#define MESSAGE_CHARS 130
#define DESCRIPTION_CHARS 15000
#define SOURCE_CHARS 100
#define ENTITY_CHARS 512
#define NOTE_CHARS 25000
#define DETAILS_BYTES 8000 /* characters of all; bytes are never fewer */
#define RESPONDERS_MAX 50

static const char *const responder_types[] = {"team", "user", "escalation", "schedule", NULL};

struct opsgenie_responder {
    struct template *id, *name, *username;
    int type;
};

struct opsgenie_spec {
    struct receiver_common common;
    struct secret api_key;
    const char *api_url;
    struct template *message, *description, *source, *entity, *note, *priority, *tags, *actions;
    struct text_map details;
    struct opsgenie_responder *responders;
    size_t responder_count;
};

static const struct opsgenie_spec opsgenie_defaults = {
    .common.base.send_resolved = true,
    .api_url = "https://api.opsgenie.com/",
};

static const struct field responder_fields[] = {
    TEXT_FIELD("id", offsetof(struct opsgenie_responder, id), "id, or"),
    TEXT_FIELD("name", offsetof(struct opsgenie_responder, name), "name, or"),
    TEXT_FIELD("username", offsetof(struct opsgenie_responder, username), "name of a user"),
    {"type", FIELD_ENUM, offsetof(struct opsgenie_responder, type), .flags = FIELD_REQUIRED,
     .names = responder_types},
    {0},
};

static void decode_responders(struct decode *c, const struct node *n, void *out)
{
    struct opsgenie_spec *s =
        (struct opsgenie_spec *)((char *)out - offsetof(struct opsgenie_spec, responders));
    if (n->kind != NODE_SEQ || n->n > RESPONDERS_MAX) {
        diag_error(c->diag, n->pos, "responders: expected a list of at most %d", RESPONDERS_MAX);
        return;
    }
    s->responders = arena_alloc(c->arena, (n->n + 1) * sizeof(*s->responders));
    s->responder_count = n->n;
    for (size_t i = 0; i < n->n; i++) {
        struct opsgenie_responder *r = &s->responders[i];
        decode_object(c, n->items[i], responder_fields, r);
        if (!r->id + !r->name + !r->username != 2)
            diag_error(c->diag, n->items[i]->pos, "one of id, name and username");
    }
}

#define AT(key) offsetof(struct opsgenie_spec, key)

static const struct field opsgenie_fields[] = {
    RECEIVER_FIELDS,
    SECRET_FIELDS("api_key", AT(api_key), "key of an API integration"),
    {"api_url", FIELD_STRING, AT(api_url), .help = "https://api.eu.opsgenie.com/ in Europe"},
    TEXT_FIELD("message", AT(message), "title of the alert"),
    TEXT_FIELD("description", AT(description), "its text"),
    TEXT_FIELD("source", AT(source), "where it comes from"),
    TEXT_FIELD("entity", AT(entity), "what is affected"),
    TEXT_FIELD("note", AT(note), "a note on it"),
    TEXT_FIELD("priority", AT(priority), "P1 to P5"),
    TEXT_FIELD("tags", AT(tags), "tags, separated by commas"),
    TEXT_FIELD("actions", AT(actions), "names of actions, separated by commas"),
    {"details", FIELD_CUSTOM, AT(details), .decode = text_decode_map,
     .help = "texts by name, beside the common labels"},
    {"responders", FIELD_CUSTOM, AT(responders), .decode = decode_responders,
     .help = "list of {id, name or username, type}"},
    {0},
};

static void opsgenie_prepare(struct decode *c, const struct node *n, const struct node *global,
                             void *spec)
{
    struct opsgenie_spec *s = spec;
    receiver_prepare(c, n, global, &s->common);
    bool given = receiver_global_secret(c, n, "api_key", global, "opsgenie_api_key", &s->api_key);
    secret_check_pair(c, n, "api_key", !given);
    secret_check_url(c, n, "api_url", s->api_url);
    receiver_global_url(c, n, "api_url", global, "opsgenie_api_url", &s->api_url);
    text_default(c, &s->message, TEXT_TITLE);
    text_default(c, &s->description, TEXT_BODY);
    text_default(c, &s->source, "{{ or .ExternalURL \"nines\" }}");
}

/* Common labels, and what the configuration says instead of them or beside. */
static void add_details(struct form *f, const struct opsgenie_spec *s, size_t max)
{
    const struct string_map *labels = &f->texts.plain->common_labels;
    struct str value;
    form_open(f, "details", '{');
    for (size_t i = 0; i < labels->n; i++) {
        bool given = false;
        for (size_t k = 0; k < s->details.n; k++)
            given = given || str_eq(s->details.at[k].key, labels->at[i].key);
        str_init(&value, TEXT_RENDER_MAX);
        text_cut(labels->at[i].value, strlen(labels->at[i].value), max, TEXT_CHARS, false, &value);
        if (!given)
            form_string(f, labels->at[i].key, value.buf);
        str_release(&value);
    }
    for (size_t k = 0; k < s->details.n; k++)
        form_text(f, s->details.at[k].key, s->details.at[k].text, TEXT_PLAIN, max);
    form_close(f, '}');
}

/* Details that are too long altogether lose their ends; too many of them, and there
 * are none. */
static void add_fitting_details(struct form *f, const struct opsgenie_spec *s)
{
    size_t start = f->out->len;
    for (size_t max = DETAILS_BYTES; max >= 16; max /= 2) {
        add_details(f, s, max);
        if (f->out->len - start <= DETAILS_BYTES)
            return;
        f->out->len = start;
        f->out->buf[start] = '\0';
    }
}

static void add_responders(struct form *f, const struct opsgenie_spec *s)
{
    if (s->responder_count == 0)
        return;
    form_open(f, "responders", '[');
    for (size_t i = 0; i < s->responder_count; i++) {
        const struct opsgenie_responder *r = &s->responders[i];
        form_open(f, NULL, '{');
        form_text(f, "id", r->id, TEXT_PLAIN, ENTITY_CHARS);
        form_text(f, "name", r->name, TEXT_PLAIN, ENTITY_CHARS);
        form_text(f, "username", r->username, TEXT_PLAIN, ENTITY_CHARS);
        form_string(f, "type", responder_types[r->type]);
        form_close(f, '}');
    }
    form_close(f, ']');
}

static void add_priority(struct form *f, const struct opsgenie_spec *s)
{
    struct str said;
    form_value(f, s->priority, 8, &said);
    if (said.len == 2 && said.buf[0] == 'P' && said.buf[1] >= '1' && said.buf[1] <= '5')
        form_string(f, "priority", said.buf);
    str_release(&said);
}

static void add_alert(struct form *f, const struct opsgenie_spec *s, const char *alias)
{
    form_string(f, "alias", alias);
    if (!form_text(f, "message", s->message, TEXT_PLAIN, MESSAGE_CHARS))
        form_string(f, "message", "alert");
    form_text(f, "description", s->description, TEXT_PLAIN, DESCRIPTION_CHARS);
    add_fitting_details(f, s);
    form_text(f, "entity", s->entity, TEXT_PLAIN, ENTITY_CHARS);
    add_priority(f, s);
    if (s->tags)
        form_words(f, "tags", s->tags, 50, 20);
    if (s->actions)
        form_words(f, "actions", s->actions, 50, 10);
    add_responders(f, s);
}

static int opsgenie_build(const void *spec, const struct message *m, const char *dedup_key,
                          struct outgoing *out, struct err *reterr)
{
    const struct opsgenie_spec *s = spec;
    char id[GROUP_ID_SIZE], key[1024];
    struct form f;
    (void)dedup_key; /* the alias names the alert */
    group_id(id, m);
    outgoing_url(out, s->api_url, "v2/alerts");
    if (!m->firing)
        str_addf(&out->url, "/%s/close?identifierType=alias", id);
    if ((size_t)snprintf(key, sizeof(key), "GenieKey %s", s->api_key.value) >= sizeof(key))
        return err_set(reterr, "api_key is too long");
    outgoing_header(out, "Authorization", key);
    explicit_bzero(key, sizeof(key));
    outgoing_header(out, "Content-Type", "application/json");
    form_init(&f, m, &out->body);
    form_open(&f, NULL, '{');
    if (m->firing)
        add_alert(&f, s, id);
    form_text(&f, "source", s->source, TEXT_PLAIN, SOURCE_CHARS);
    form_text(&f, "note", s->note, TEXT_PLAIN, NOTE_CHARS);
    form_close(&f, '}');
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_opsgenie = {
    .name = "opsgenie",
    .help = "Opsgenie, Alert API v2",
    .fields = opsgenie_fields,
    .defaults = &opsgenie_defaults,
    .spec_size = sizeof(struct opsgenie_spec),
    .prepare = opsgenie_prepare,
    .build = opsgenie_build,
    .judge = verdict_http,
};
