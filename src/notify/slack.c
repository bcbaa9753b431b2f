/*
 * `slack_configs`: one attachment, to an incoming webhook or, with a token of a bot as
 * http_config.authorization, to chat.postMessage.
 */
#include "notify/receivers.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE_MAX 1024
#define BODY_CHARS 8000 /* Slack cuts 40,000 by itself and says nothing */
#define NAME_MAX_CHARS 256
#define URL_CHARS 2048
#define FIELDS_MAX 50
#define ADDRESS_VARIABLE "SLACK_API_URL"

struct slack_field {
    struct template *title, *value;
    int shortness; /* 0: as short_fields says; 1: no; 2: yes */
};

struct slack_spec {
    struct receiver_common common;
    struct secret api_url;
    struct template *channel, *username, *color, *title, *title_link, *pretext, *text, *footer,
        *fallback, *callback_id, *icon_emoji, *icon_url, *image_url, *thumb_url;
    bool short_fields, link_names;
    struct string_list mrkdwn_in;
    struct slack_field *fields;
    size_t field_count;
};

static const struct slack_spec slack_defaults = {0};

static void decode_short(struct decode *c, const struct node *n, void *out)
{
    static const struct field as_bool = {"short", FIELD_BOOL, 0};
    bool yes = false;
    decode_value(c, n, &as_bool, &yes);
    *(int *)out = yes ? 2 : 1;
}

static const struct field slack_field_fields[] = {
    {"title", FIELD_CUSTOM, offsetof(struct slack_field, title), .flags = FIELD_REQUIRED,
     .decode = text_decode},
    {"value", FIELD_CUSTOM, offsetof(struct slack_field, value), .flags = FIELD_REQUIRED,
     .decode = text_decode},
    {"short", FIELD_CUSTOM, offsetof(struct slack_field, shortness), .decode = decode_short},
    {0},
};

/* `out` is the address of the first field pointer; the count follows it. */
static void decode_fields(struct decode *c, const struct node *n, void *out)
{
    struct slack_spec *s = (struct slack_spec *)((char *)out - offsetof(struct slack_spec, fields));
    if (n->kind != NODE_SEQ || n->n > FIELDS_MAX) {
        diag_error(c->diag, n->pos, "fields: expected a list of at most %d {title, value, short}",
                   FIELDS_MAX);
        return;
    }
    s->fields = arena_alloc(c->arena, (n->n + 1) * sizeof(*s->fields));
    s->field_count = n->n;
    for (size_t i = 0; i < n->n; i++)
        decode_object(c, n->items[i], slack_field_fields, &s->fields[i]);
}

#define AT(key) offsetof(struct slack_spec, key)

static const struct field slack_fields[] = {
    RECEIVER_FIELDS,
    SECRET_FIELDS("api_url", AT(api_url), "address of the incoming webhook, or of the API"),
    TEXT_FIELD("channel", AT(channel), "channel or user; a webhook has its own"),
    TEXT_FIELD("username", AT(username), "name of the sender"),
    TEXT_FIELD("color", AT(color), "good, warning, danger or #rrggbb"),
    TEXT_FIELD("title", AT(title), "title of the attachment"),
    TEXT_FIELD("title_link", AT(title_link), "where it leads"),
    TEXT_FIELD("pretext", AT(pretext), "what stands above the attachment"),
    TEXT_FIELD("text", AT(text), "text of the attachment"),
    TEXT_FIELD("footer", AT(footer), "what stands below it"),
    TEXT_FIELD("fallback", AT(fallback), "what notifications on a phone show"),
    TEXT_FIELD("callback_id", AT(callback_id), "id of the attachment"),
    TEXT_FIELD("icon_emoji", AT(icon_emoji), "icon of the sender, :name:"),
    TEXT_FIELD("icon_url", AT(icon_url), "address of that icon"),
    TEXT_FIELD("image_url", AT(image_url), "address of an image"),
    TEXT_FIELD("thumb_url", AT(thumb_url), "address of a small one"),
    {"short_fields", FIELD_BOOL, AT(short_fields), .help = "fields side by side"},
    {"link_names", FIELD_BOOL, AT(link_names), .help = "names of channels and users are links"},
    {"mrkdwn_in", FIELD_STRING_LIST, AT(mrkdwn_in),
     .help = "texts with markup; fallback, pretext and text by default"},
    {"fields", FIELD_CUSTOM, AT(fields), .decode = decode_fields,
     .help = "list of {title, value, short}"},
    {0},
};

/* A text in capitals that stands where an address should: YOUR_SLACK_WEBHOOK_URL. */
static bool is_placeholder(const struct secret *s)
{
    return s->source && str_eq(s->source, "the configuration") && strchr(s->value, '_') &&
           s->value[strspn(s->value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

/* Files that are shown to others often leave the address out. */
static bool take_environment(struct decode *c, struct pos pos, const char *why,
                             struct slack_spec *s)
{
    const char *value = getenv(ADDRESS_VARIABLE);
    if (!value || !*value) {
        diag_error(c->diag, pos,
                   "%s; expected an address, or the environment variable " ADDRESS_VARIABLE, why);
        return false;
    }
    diag_warning(c->diag, pos, "%s: it is that of the environment variable " ADDRESS_VARIABLE, why);
    s->api_url = (struct secret){arena_strdup(c->arena, value), "env " ADDRESS_VARIABLE};
    return true;
}

static bool take_address(struct decode *c, const struct node *n, const struct node *global,
                         struct slack_spec *s)
{
    size_t errors = c->diag->errors;
    const struct node *at = node_get(n, "api_url");
    bool given = receiver_global_secret(c, n, "api_url", global, "slack_api_url", &s->api_url);
    if (c->diag->errors > errors)
        return false;
    if (!given && !take_environment(c, n->pos, "missing key 'api_url' or 'api_url_file'", s))
        return false;
    if (given && !at && !node_get(n, "api_url_file"))
        at = node_get(global, "slack_api_url");
    const char *key = at && at != node_get(n, "api_url") ? "slack_api_url" : "api_url";
    const char *why = arena_printf(c->arena, "%s is a placeholder", key);
    if (at && is_placeholder(&s->api_url) && !take_environment(c, at->pos, why, s))
        return false;
    if (access_url_ok(s->api_url.value))
        return true;
    diag_error(c->diag, at ? at->pos : n->pos, "%s is not an http:// or https:// address", key);
    return false;
}

static void slack_prepare(struct decode *c, const struct node *n, const struct node *global,
                          void *spec)
{
    static const char *const marked[] = {"fallback", "pretext", "text"};
    struct slack_spec *s = spec;
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "api_url", false);
    if (!take_address(c, n, global, s))
        return;
    text_default(c, &s->color, "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}");
    text_default(c, &s->username, "nines");
    text_default(c, &s->title, TEXT_TITLE);
    text_default(c, &s->title_link, "{{ .ExternalURL }}");
    text_default(c, &s->text, TEXT_BODY);
    text_default(c, &s->fallback, TEXT_TITLE);
    if (s->mrkdwn_in.at)
        return;
    s->mrkdwn_in.at = arena_alloc(c->arena, sizeof(marked));
    for (size_t i = 0; i < sizeof(marked) / sizeof(*marked); i++)
        s->mrkdwn_in.at[s->mrkdwn_in.n++] = marked[i];
}

static void add_fields(struct form *f, const struct slack_spec *s)
{
    form_open(f, "fields", '[');
    for (size_t i = 0; i < s->field_count; i++) {
        const struct slack_field *field = &s->fields[i];
        bool is_short = field->shortness ? field->shortness == 2 : s->short_fields;
        form_open(f, NULL, '{');
        form_text(f, "title", field->title, TEXT_SLACK, TITLE_MAX);
        form_text(f, "value", field->value, TEXT_SLACK, BODY_CHARS);
        form_raw(f, "short", is_short ? "true" : "false");
        form_close(f, '}');
    }
    form_close(f, ']');
}

static void add_attachment(struct form *f, const struct slack_spec *s)
{
    form_open(f, NULL, '{');
    form_text(f, "title", s->title, TEXT_SLACK, TITLE_MAX);
    form_text(f, "title_link", s->title_link, TEXT_PLAIN, URL_CHARS);
    form_text(f, "pretext", s->pretext, TEXT_SLACK, TITLE_MAX);
    form_text(f, "text", s->text, TEXT_SLACK, BODY_CHARS);
    form_text(f, "fallback", s->fallback, TEXT_SLACK, TITLE_MAX);
    form_text(f, "callback_id", s->callback_id, TEXT_PLAIN, NAME_MAX_CHARS);
    form_text(f, "image_url", s->image_url, TEXT_PLAIN, URL_CHARS);
    form_text(f, "thumb_url", s->thumb_url, TEXT_PLAIN, URL_CHARS);
    form_text(f, "footer", s->footer, TEXT_SLACK, 300);
    form_text(f, "color", s->color, TEXT_PLAIN, NAME_MAX_CHARS);
    if (s->field_count)
        add_fields(f, s);
    form_open(f, "mrkdwn_in", '[');
    for (size_t i = 0; i < s->mrkdwn_in.n; i++)
        form_string(f, NULL, s->mrkdwn_in.at[i]);
    form_close(f, ']');
    form_close(f, '}');
}

static int slack_build(const void *spec, const struct message *m, const char *dedup_key,
                       struct outgoing *out, struct err *reterr)
{
    const struct slack_spec *s = spec;
    struct form f;
    (void)dedup_key; /* Slack knows no such thing */
    str_add(&out->url, s->api_url.value);
    outgoing_header(out, "Content-Type", "application/json; charset=utf-8");
    form_init(&f, m, &out->body);
    form_open(&f, NULL, '{');
    form_text(&f, "channel", s->channel, TEXT_PLAIN, NAME_MAX_CHARS);
    form_text(&f, "username", s->username, TEXT_PLAIN, NAME_MAX_CHARS);
    form_text(&f, "icon_emoji", s->icon_emoji, TEXT_PLAIN, NAME_MAX_CHARS);
    form_text(&f, "icon_url", s->icon_url, TEXT_PLAIN, URL_CHARS);
    if (s->link_names)
        form_raw(&f, "link_names", "true");
    form_open(&f, "attachments", '[');
    add_attachment(&f, s);
    form_close(&f, ']');
    form_close(&f, '}');
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_slack = {
    .name = "slack",
    .help = "Slack: an incoming webhook, or chat.postMessage",
    .fields = slack_fields,
    .defaults = &slack_defaults,
    .spec_size = sizeof(struct slack_spec),
    .prepare = slack_prepare,
    .build = slack_build,
    .judge = verdict_slack,
};
