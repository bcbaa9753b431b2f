/*
 * `telegram_configs`: sendMessage of the Bot API.
 */
#include "notify/receivers.h"

#include "base/str.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_CHARS_MAX 4096 /* after entities are parsed, which is how texts are cut */

enum { PARSE_HTML, PARSE_NONE };
static const char *const parse_modes[] = {"HTML", "", NULL};

struct telegram_spec {
    struct receiver_common common;
    struct secret bot_token;
    const char *api_url;
    int64_t chat_id, message_thread_id;
    struct template *message;
    bool disable_notifications;
    int parse_mode;
};

static const struct telegram_spec telegram_defaults = {
    .common.base.send_resolved = true,
    .api_url = "https://api.telegram.org",
};

/* In Markdown a name like `objective_name` is half an italic: nothing can escape it for
 * a template that prints it. */
static void decode_parse_mode(struct decode *c, const struct node *n, void *out)
{
    static const struct field as_enum = {"parse_mode", FIELD_ENUM, 0, .names = parse_modes};
    if (n->kind == NODE_SCALAR && str_starts(n->text, "Markdown"))
        diag_error(c->diag, n->pos,
                   "parse_mode: write the message in HTML; what alerts put into Markdown "
                   "cannot be escaped");
    else if (n->kind == NODE_SCALAR && n->text[0] == '\0')
        *(int *)out = PARSE_NONE;
    else
        decode_value(c, n, &as_enum, out);
}

#define AT(key) offsetof(struct telegram_spec, key)

static const struct field telegram_fields[] = {
    RECEIVER_FIELDS,
    SECRET_FIELDS("bot_token", AT(bot_token), "token of the bot"),
    {"api_url", FIELD_STRING, AT(api_url), .help = "address of the Bot API"},
    {"chat_id", FIELD_INT, AT(chat_id), .flags = FIELD_REQUIRED, .min = INT64_MIN,
     .help = "number of the chat; groups have negative ones"},
    {"message_thread_id", FIELD_INT, AT(message_thread_id), .min = 1, .help = "topic of a forum"},
    TEXT_FIELD("message", AT(message), "the text"),
    {"disable_notifications", FIELD_BOOL, AT(disable_notifications), .help = "without a sound"},
    {"parse_mode", FIELD_CUSTOM, AT(parse_mode), .decode = decode_parse_mode,
     .help = "HTML (default), or \"\" for plain text"},
    {0},
};

static void telegram_prepare(struct decode *c, const struct node *n, const struct node *global,
                             void *spec)
{
    static const char ok[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:_-";
    struct telegram_spec *s = spec;
    const char *token = s->bot_token.value;
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "bot_token", true);
    secret_check_url(c, n, "api_url", s->api_url);
    receiver_global_url(c, n, "api_url", global, "telegram_api_url", &s->api_url);
    if (token && token[strspn(token, ok)] != '\0')
        diag_error(c->diag, n->pos,
                   "bot_token: expected digits, a colon, and letters, digits, - and _");
    text_default(c, &s->message,
                 s->parse_mode == PARSE_HTML ? "<b>" TEXT_TITLE "</b>\n" TEXT_BODY
                                             : TEXT_TITLE "\n" TEXT_BODY);
}

static int telegram_build(const void *spec, const struct message *m, const char *dedup_key,
                          struct outgoing *out, struct err *reterr)
{
    const struct telegram_spec *s = spec;
    bool html = s->parse_mode == PARSE_HTML;
    char number[32];
    struct form f;
    (void)dedup_key; /* Telegram knows no such thing */
    outgoing_url(out, s->api_url, "bot");
    str_addf(&out->url, "%s/sendMessage", s->bot_token.value);
    outgoing_header(out, "Content-Type", "application/json");
    form_init(&f, m, &out->body);
    form_open(&f, NULL, '{');
    snprintf(number, sizeof(number), "%" PRId64, s->chat_id);
    form_raw(&f, "chat_id", number);
    if (s->message_thread_id) {
        snprintf(number, sizeof(number), "%" PRId64, s->message_thread_id);
        form_raw(&f, "message_thread_id", number);
    }
    form_text(&f, "text", s->message, html ? TEXT_HTML : TEXT_PLAIN, TEXT_CHARS_MAX);
    if (html)
        form_string(&f, "parse_mode", "HTML");
    if (s->disable_notifications)
        form_raw(&f, "disable_notification", "true");
    form_raw(&f, "link_preview_options", "{\"is_disabled\":true}");
    form_close(&f, '}');
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_telegram = {
    .name = "telegram",
    .help = "Telegram, a message of a bot",
    .fields = telegram_fields,
    .defaults = &telegram_defaults,
    .spec_size = sizeof(struct telegram_spec),
    .prepare = telegram_prepare,
    .build = telegram_build,
    .judge = verdict_telegram,
};
