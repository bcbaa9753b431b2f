/*
 * `webhook_configs`: the message itself as JSON, in the format of Alertmanager's
 * webhook, version 4.
 */
#include "notify/receivers.h"

#include "wire/message.h"

#include <string.h>
#include <strings.h>

#define HEADERS_MAX 10

struct webhook_spec {
    struct receiver_common common;
    struct secret url;
    struct secret_map headers;
    int64_t max_alerts; /* 0: all */
};

static const struct webhook_spec webhook_defaults = {.common.base.send_resolved = true};

static const struct field webhook_fields[] = {
    RECEIVER_FIELDS,
    ADDRESS_FIELDS("url", offsetof(struct webhook_spec, url), "where to POST it"),
    {"headers", FIELD_SECRET_MAP, offsetof(struct webhook_spec, headers),
     .help = "headers to add; values may be secrets"},
    {"max_alerts", FIELD_INT, offsetof(struct webhook_spec, max_alerts), .max = MESSAGE_ALERTS_MAX,
     .help = "alerts in one message; 0, the default: all"},
    {0},
};

/* What the request has anyway, or what would make it another one. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"Content-Type",    "Content-Length", "Host",
                                       "Idempotency-Key", "User-Agent",     "Transfer-Encoding",
                                       "Accept",          "Connection",     "Expect"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

static bool name_ok(const char *name)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *name && name[strspn(name, token)] == '\0';
}

static bool has_login(const struct http_access *a)
{
    return a->basic.username || a->authorization.credentials.value;
}

static void check_headers(struct decode *c, const struct node *n, const struct http_access *a,
                          const struct secret_map *map)
{
    const struct node *at = node_get(n, "headers");
    if (map->n > HEADERS_MAX)
        diag_error(c->diag, at->pos, "headers: more than %d", HEADERS_MAX);
    for (size_t i = 0; i < map->n; i++) {
        const char *key = map->at[i].key, *value = map->at[i].value.value;
        if (!name_ok(key))
            diag_error(c->diag, at->pos, "headers: '%.60s' is not the name of a header", key);
        else if (is_ours(key))
            diag_error(c->diag, at->pos, "headers: %s cannot be set", key);
        else if (strcasecmp(key, "Authorization") == 0 && has_login(a))
            diag_error(c->diag, at->pos, "one of headers.Authorization and a login in http_config");
        for (; value && *value; value++)
            if ((unsigned char)*value < ' ' || *value == 0x7f) {
                diag_error(c->diag, at->pos, "headers: the value of %s has control characters",
                           key);
                break;
            }
    }
}

static void webhook_prepare(struct decode *c, const struct node *n, const struct node *global,
                            void *spec)
{
    struct webhook_spec *s = spec;
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "url", true);
    secret_check_url(c, n, "url", s->url.value);
    check_headers(c, n, &s->common.access, &s->headers);
}

static int webhook_build(const void *spec, const struct message *m, const char *dedup_key,
                         struct outgoing *out, struct err *reterr)
{
    const struct webhook_spec *s = spec;
    struct message cut = *m;
    if (s->max_alerts > 0 && m->alert_count > (size_t)s->max_alerts) {
        cut.alert_count = (size_t)s->max_alerts;
        cut.truncated += (int64_t)(m->alert_count - cut.alert_count);
    }
    str_add(&out->url, s->url.value);
    outgoing_header(out, "Content-Type", "application/json");
    outgoing_header(out, "Idempotency-Key", dedup_key);
    for (size_t i = 0; i < s->headers.n; i++)
        outgoing_header(out, s->headers.at[i].key, s->headers.at[i].value.value);
    message_write(&cut, &out->body);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_webhook = {
    .name = "webhook",
    .help = "POST the message as JSON",
    .fields = webhook_fields,
    .defaults = &webhook_defaults,
    .spec_size = sizeof(struct webhook_spec),
    .prepare = webhook_prepare,
    .build = webhook_build,
    .judge = verdict_http,
};
