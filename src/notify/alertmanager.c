/*
 * `alertmanager_configs`, of ours: the alerts themselves, to the API v2 of an
 * Alertmanager, which groups and sends them by its own rules.
 */
#include "notify/receivers.h"

#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "nines/route.h"

#define LIFETIME_US (12 * USEC_PER_HOUR)
/* Of the routes there are without `route` (alert/default_route.h). */
#define REPEAT_US (4 * USEC_PER_HOUR)

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

/* ---- whether it is told again in time -------------------------------------------------- */

/* A group is told again at the first of its flushes that is a repeat_interval later. */
static int64_t longest_gap(const struct route_def *r)
{
    int64_t flushes = (r->repeat_interval_us + r->group_interval_us - 1) / r->group_interval_us;
    return flushes * r->group_interval_us;
}

static void check_route(struct decode *c, const struct receiver_def *to,
                        const struct integration_def *def, const struct route_def *r)
{
    const struct alertmanager_spec *s = (const void *)def->spec;
    char lifetime[UNITS_MAX], gap[UNITS_MAX];
    if (str_eq(r->receiver, to->name) && s->lifetime_us <= longest_gap(r))
        diag_error(c->diag, def->pos,
                   "lifetime: alerts would end after %s, but the route at line %d tells them "
                   "again every %s (repeat_interval, to the next group_interval): give a longer "
                   "lifetime",
                   units_duration(lifetime, s->lifetime_us), r->pos.line,
                   units_duration(gap, longest_gap(r)));
    for (size_t i = 0; i < r->route_count; i++)
        check_route(c, to, def, &r->routes[i]);
}

static void check_unrouted(struct decode *c, const struct integration_def *def)
{
    const struct alertmanager_spec *s = (const void *)def->spec;
    char lifetime[UNITS_MAX];
    if (s->lifetime_us <= REPEAT_US)
        diag_error(c->diag, def->pos,
                   "lifetime: alerts would end after %s, but without 'route' they are told again "
                   "every 4h: give a longer lifetime",
                   units_duration(lifetime, s->lifetime_us));
}

/* Its alert must not end before it is told again, or it comes and goes there. */
static void check_watchdog(struct decode *c, const struct watchdog_config *w,
                           const struct integration_def *def)
{
    const struct alertmanager_spec *s = (const void *)def->spec;
    char lifetime[UNITS_MAX], every[UNITS_MAX];
    if (s->lifetime_us <= w->every_us)
        diag_error(c->diag, def->pos,
                   "lifetime: the watchdog's alert would end after %s, but it is told again every "
                   "%s: give a longer lifetime",
                   units_duration(lifetime, s->lifetime_us), units_duration(every, w->every_us));
}

static void check_one(struct decode *c, const struct config *cfg, const struct receiver_def *to,
                      const struct integration_def *def)
{
    const struct watchdog_config *w = &cfg->daemon.watchdog;
    bool watches = w->every_us && w->receiver && str_eq(w->receiver, to->name);
    if (watches)
        check_watchdog(c, w, def);
    if (cfg->routing)
        check_route(c, to, def, &cfg->routing->root);
    else if (!watches) /* which is told of nothing else then */
        check_unrouted(c, def);
}

void alertmanager_check(const struct config *cfg, struct decode *c)
{
    for (size_t i = 0; i < cfg->receiver_count; i++) {
        const struct receiver_def *to = cfg->receivers[i];
        for (size_t k = 0; k < to->n; k++)
            if (to->at[k].kind == &notifier_alertmanager)
                check_one(c, cfg, to, &to->at[k]);
    }
}

/* ---- the request ------------------------------------------------------------------------ */

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
