/*
 * `alertmanager_configs`, of ours: the alerts themselves, to the API v2 of an
 * Alertmanager, which groups and sends them by its own rules.
 */
#include "notify/receivers.h"

#include "base/str.h"
#include "base/units.h"
#include "base/when.h"

#define LIFETIME_US (12 * USEC_PER_HOUR)

struct alertmanager_spec {
    struct receiver_common common;
    struct secret url;
    int64_t lifetime_us;
};

static const struct alertmanager_spec alertmanager_defaults = {
    .common.base.send_resolved = true,
    .lifetime_us = LIFETIME_US,
};

static const struct field alertmanager_fields[] = {
    RECEIVER_FIELDS,
    ADDRESS_FIELDS("url", offsetof(struct alertmanager_spec, url), "address of the Alertmanager"),
    {"lifetime", FIELD_DURATION, offsetof(struct alertmanager_spec, lifetime_us),
     .min = USEC_PER_MIN,
     .help = "an alert that is not repeated for so long is over; longer than repeat_interval"},
    {0},
};

static void alertmanager_prepare(struct decode *c, const struct node *n, const struct node *global,
                                 void *spec)
{
    struct alertmanager_spec *s = spec;
    receiver_prepare(c, n, global, &s->common);
    secret_check_pair(c, n, "url", true);
    secret_check_url(c, n, "url", s->url.value);
}

/* An empty value is no label to Alertmanager, and neither is an empty name. */
static void add_map(struct form *f, const char *key, const struct string_map *map)
{
    form_open(f, key, '{');
    for (size_t i = 0; i < map->n; i++)
        if (map->at[i].key[0] && map->at[i].value[0])
            form_string(f, map->at[i].key, map->at[i].value);
    form_close(f, '}');
}

static void add_alert(struct form *f, const struct alertmanager_spec *s,
                      const struct message_alert *a)
{
    char when[WHEN_MAX];
    int64_t ends = a->firing ? f->texts.plain->at_us + s->lifetime_us : a->ends_us;
    form_open(f, NULL, '{');
    add_map(f, "labels", &a->labels);
    add_map(f, "annotations", &a->annotations);
    form_string(f, "startsAt", when_text(when, a->starts_us));
    form_string(f, "endsAt", when_text(when, ends));
    if (a->generator_url && access_url_ok(a->generator_url))
        form_string(f, "generatorURL", a->generator_url);
    form_close(f, '}');
}

static int alertmanager_build(const void *spec, const struct message *m, const char *dedup_key,
                              struct outgoing *out, struct err *reterr)
{
    const struct alertmanager_spec *s = spec;
    struct form f;
    (void)dedup_key; /* labels name an alert */
    outgoing_url(out, s->url.value, "api/v2/alerts");
    outgoing_header(out, "Content-Type", "application/json");
    form_init(&f, m, &out->body);
    form_open(&f, NULL, '[');
    for (size_t i = 0; i < m->alert_count; i++)
        add_alert(&f, s, &m->alerts[i]);
    form_close(&f, ']');
    form_release(&f);
    return outgoing_finish(out, &s->common.access, reterr);
}

const struct notifier_kind notifier_alertmanager = {
    .name = "alertmanager",
    .help = "the alerts, to an Alertmanager",
    .fields = alertmanager_fields,
    .defaults = &alertmanager_defaults,
    .spec_size = sizeof(struct alertmanager_spec),
    .prepare = alertmanager_prepare,
    .build = alertmanager_build,
    .judge = verdict_http,
};
