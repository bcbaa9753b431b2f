/*
 * `discord_configs`: a webhook of a channel, told by one embed.
 */
#include "notify/receivers.h"

#include "base/str.h"

#define CONTENT_CHARS 2000
#define TITLE_CHARS 256
#define DESCRIPTION_CHARS 4096
#define USERNAME_CHARS 80
#define RED "10038562"
#define GREEN "3066993"

struct discord_spec {
    struct receiver_common common;
    struct secret webhook_url;
    struct template *content, *title, *message, *username, *avatar_url;
};

static const struct discord_spec discord_defaults = {.common.base.send_resolved = true};

#define AT(key) offsetof(struct discord_spec, key)

static const struct field discord_fields[] = {
    RECEIVER_FIELDS,
    SECRET_FIELDS("webhook_url", AT(webhook_url), "address of the webhook"),
    TEXT_FIELD("content", AT(content), "text outside of the frame; mentions work there only"),
    TEXT_FIELD("title", AT(title), "title of the frame"),
    TEXT_FIELD("message", AT(message), "text in the frame"),
    TEXT_FIELD("username", AT(username), "name of the sender"),
    TEXT_FIELD("avatar_url", AT(avatar_url), "address of its picture"),
    {0},
};

static void discord_prepare(struct decode *c, const struct node *n, const struct node *global,
                            void *spec)
{
    struct discord_spec *s = spec;
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "webhook_url", true);
    secret_check_url(c, n, "webhook_url", s->webhook_url.value);
    text_default(c, &s->title, TEXT_TITLE);
    text_default(c, &s->message, TEXT_BODY);
}

static int discord_build(const void *spec, const struct message *m, const char *dedup_key,
                         struct outgoing *out, struct err *reterr)
{
    const struct discord_spec *s = spec;
    struct form f;
    (void)dedup_key; /* Discord knows no such thing */
    str_add(&out->url, s->webhook_url.value);
    outgoing_header(out, "Content-Type", "application/json");
    form_init(&f, m, &out->body);
    form_open(&f, NULL, '{');
    form_text(&f, "content", s->content, TEXT_PLAIN, CONTENT_CHARS);
    form_open(&f, "embeds", '[');
    form_open(&f, NULL, '{');
    form_text(&f, "title", s->title, TEXT_PLAIN, TITLE_CHARS);
    form_text(&f, "description", s->message, TEXT_PLAIN, DESCRIPTION_CHARS);
    form_raw(&f, "color", m->firing ? RED : GREEN);
    form_close(&f, '}');
    form_close(&f, ']');
    form_text(&f, "username", s->username, TEXT_PLAIN, USERNAME_CHARS);
    form_text(&f, "avatar_url", s->avatar_url, TEXT_PLAIN, 2048);
    form_close(&f, '}');
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_discord = {
    .name = "discord",
    .help = "Discord, a webhook of a channel",
    .fields = discord_fields,
    .defaults = &discord_defaults,
    .spec_size = sizeof(struct discord_spec),
    .prepare = discord_prepare,
    .build = discord_build,
    .judge = verdict_discord,
};
