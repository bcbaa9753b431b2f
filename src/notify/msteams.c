/*
 * `msteams_configs` (a connector card) and `msteamsv2_configs` (an adaptive card, as a
 * workflow takes it).
 */
#include "notify/receivers.h"

#include "base/str.h"

#define CARD_MAX (27 << 10) /* Teams refuses a message over 28 KB */
#define TITLE_CHARS 512
#define TEXT_CHARS_MAX 16384

struct msteams_spec {
    struct receiver_common common;
    struct secret webhook_url;
    struct template *title, *summary, *text;
};

static const struct msteams_spec msteams_defaults = {.common.base.send_resolved = true};

#define AT(key) offsetof(struct msteams_spec, key)
/* clang-format off */
#define CARD_FIELDS                                                                                \
    RECEIVER_FIELDS,                                                                               \
    SECRET_FIELDS("webhook_url", AT(webhook_url), "address of the webhook"),                       \
    TEXT_FIELD("title", AT(title), "title of the card"),                                           \
    TEXT_FIELD("text", AT(text), "its text")
/* clang-format on */

static const struct field msteams_fields[] = {
    CARD_FIELDS,
    TEXT_FIELD("summary", AT(summary), "what notifications show"),
    {0},
};

static const struct field msteamsv2_fields[] = {
    CARD_FIELDS,
    {0},
};

/* A single line end is a space in their markup. */
#define CARD_TEXT                                                                                  \
    "{{ range .Alerts }}" TEXT_HEAD "\n\n{{ end }}{{ reReplaceAll \"\\n\" \"\\n\\n\" " TEXT_SAYS   \
    " }}\n\n{{ .Labels }}\n\n{{ end }}"                                                            \
    "{{ if gt .TruncatedAlerts 0 }}and {{ .TruncatedAlerts }} more\n\n{{ end }}"

static void msteams_prepare(struct decode *c, const struct node *n, const struct node *global,
                            void *spec)
{
    struct msteams_spec *s = spec;
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "webhook_url", true);
    secret_check_url(c, n, "webhook_url", s->webhook_url.value);
    text_default(c, &s->title, TEXT_TITLE);
    text_default(c, &s->summary, TEXT_TITLE);
    text_default(c, &s->text, CARD_TEXT);
}

static void add_connector_card(struct form *f, const struct msteams_spec *s, size_t max)
{
    form_open(f, NULL, '{');
    form_string(f, "@context", "http://schema.org/extensions");
    form_string(f, "@type", "MessageCard");
    form_text(f, "title", s->title, TEXT_PLAIN, TITLE_CHARS);
    form_text(f, "summary", s->summary, TEXT_PLAIN, TITLE_CHARS);
    form_text(f, "text", s->text, TEXT_PLAIN, max);
    form_string(f, "themeColor", f->texts.plain->firing ? "8C1A1A" : "2DC72D");
    form_close(f, '}');
}

static void add_block(struct form *f, const struct template *t, size_t max, const char *color)
{
    form_open(f, NULL, '{');
    form_string(f, "type", "TextBlock");
    if (!form_text(f, "text", t, TEXT_PLAIN, max))
        form_string(f, "text", "");
    form_raw(f, "wrap", "true");
    if (color) {
        form_string(f, "weight", "bolder");
        form_string(f, "size", "medium");
        form_string(f, "style", "heading");
        form_string(f, "color", color);
    }
    form_close(f, '}');
}

static void add_adaptive_card(struct form *f, const struct msteams_spec *s, size_t max)
{
    form_open(f, NULL, '{');
    form_string(f, "type", "message");
    form_open(f, "attachments", '[');
    form_open(f, NULL, '{');
    form_string(f, "contentType", "application/vnd.microsoft.card.adaptive");
    form_raw(f, "contentUrl", "null");
    form_open(f, "content", '{');
    form_string(f, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    form_string(f, "type", "AdaptiveCard");
    form_string(f, "version", "1.4");
    form_open(f, "body", '[');
    add_block(f, s->title, TITLE_CHARS, f->texts.plain->firing ? "attention" : "good");
    add_block(f, s->text, max, NULL);
    form_close(f, ']');
    form_raw(f, "msteams", "{\"width\":\"Full\"}");
    form_close(f, '}');
    form_close(f, '}');
    form_close(f, ']');
    form_close(f, '}');
}

static int build(const struct msteams_spec *s, const struct message *m,
                 void (*card)(struct form *f, const struct msteams_spec *s, size_t max),
                 struct outgoing *out, struct err *reterr)
{
    struct form f;
    str_add(&out->url, s->webhook_url.value);
    outgoing_header(out, "Content-Type", "application/json");
    form_init(&f, m, &out->body);
    for (size_t max = TEXT_CHARS_MAX; max >= 16; max /= 2) {
        str_clear(&out->body);
        card(&f, s, max);
        if (out->body.len <= CARD_MAX)
            break;
    }
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

/* Teams knows no dedup key. */
static int msteams_build(const void *spec, const struct message *m, const char *dedup_key,
                         struct outgoing *out, struct err *reterr)
{
    (void)dedup_key;
    return build(spec, m, add_connector_card, out, reterr);
}

static int msteamsv2_build(const void *spec, const struct message *m, const char *dedup_key,
                           struct outgoing *out, struct err *reterr)
{
    (void)dedup_key;
    return build(spec, m, add_adaptive_card, out, reterr);
}

const struct notifier_kind notifier_msteams = {
    .name = "msteams",
    .help = "Microsoft Teams, by a connector",
    .fields = msteams_fields,
    .defaults = &msteams_defaults,
    .spec_size = sizeof(struct msteams_spec),
    .prepare = msteams_prepare,
    .build = msteams_build,
    .judge = verdict_msteams,
};

const struct notifier_kind notifier_msteamsv2 = {
    .name = "msteamsv2",
    .help = "Microsoft Teams, by a workflow",
    .fields = msteamsv2_fields,
    .defaults = &msteams_defaults,
    .spec_size = sizeof(struct msteams_spec),
    .prepare = msteams_prepare,
    .build = msteamsv2_build,
    .judge = verdict_msteams,
};
