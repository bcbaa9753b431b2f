/*
 * `webhook_configs`: the message itself as JSON, in the format of Alertmanager's
 * webhook, version 4.
 */
#include "notify/receivers.h"

#include "wire/message.h"

struct webhook4_spec {
    struct receiver_common common;
    struct secret url;
    int64_t max_alerts; /* 0: all */
};

static const struct webhook4_spec webhook4_defaults = {.common.send_resolved = true};

static const struct field webhook4_fields[] = {
    RECEIVER_FIELDS,
    SECRET_FIELDS("url", offsetof(struct webhook4_spec, url), "where to POST it"),
    {"max_alerts", FIELD_INT, offsetof(struct webhook4_spec, max_alerts), .max = MESSAGE_ALERTS_MAX,
     .help = "alerts in one message; 0, the default: all"},
    {0},
};

static void webhook4_prepare(struct decode *c, const struct node *n, void *spec)
{
    struct webhook4_spec *s = spec;
    secret_check_pair(c, n, "url", true);
    secret_check_url(c, n, "url", s->url.value);
}

static int webhook4_build(const void *spec, const struct message *m, const char *dedup_key,
                          struct outgoing *out, struct err *reterr)
{
    const struct webhook4_spec *s = spec;
    struct message cut = *m;
    if (s->max_alerts > 0 && m->alert_count > (size_t)s->max_alerts) {
        cut.alert_count = (size_t)s->max_alerts;
        cut.truncated += (int64_t)(m->alert_count - cut.alert_count);
    }
    str_add(&out->url, s->url.value);
    outgoing_header(out, "Content-Type", "application/json");
    outgoing_header(out, "Idempotency-Key", dedup_key);
    message_write(&cut, &out->body);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct receiver_type receiver_webhook = {
    .name = "webhook",
    .help = "POST the message as JSON",
    .fields = webhook4_fields,
    .defaults = &webhook4_defaults,
    .spec_size = sizeof(struct webhook4_spec),
    .prepare = webhook4_prepare,
    .build = webhook4_build,
    .judge = verdict_http,
};
