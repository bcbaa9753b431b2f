#include "cli/status.h"

#include "base/units.h"
#include "cli/json_out.h"
#include "nines/probe.h"
#include "report/groups.h"

#include <inttypes.h>

static void put_burn(struct str *out, const char *key, const struct report_slo *s,
                     int64_t window_us)
{
    const struct report_burn *b = fmt_find_burn(s, window_us);
    json_put_number(out, key, b && b->has_rate, b ? b->rate : 0, fmt_ratio);
}

static void put_slo(struct str *out, const struct report_slo *s, const struct alert_state *a)
{
    char target[UNITS_MAX];
    double coverage = 0;
    bool covered = fmt_coverage(s, &coverage);
    str_addc(out, '{');
    json_put_string(out, "slo", s->def->name);
    json_put_string(out, "service", s->def->service);
    json_put_string(out, "objective_name", s->def->objective_name);
    json_put_string(out, "target", decimal_text(target, s->def->target));
    json_put_string(out, "state", slo_state_name(s->state));
    json_put_number(out, "sli", s->has_sli, s->sli, fmt_near_one);
    str_addf(out, ",\"good\":%" PRId64 ",\"bad\":%" PRId64 ",", s->counts.good, s->counts.bad);
    if (s->source == SOURCE_RAW)
        json_put_int(out, "event_parts", RAW_PARTS);
    json_put_number(out, "coverage", covered, coverage, fmt_ratio);
    json_put_number(out, "remaining_ratio", s->has_budget, s->remaining_ratio, fmt_ratio);
    put_burn(out, "burn_1h", s, USEC_PER_HOUR);
    put_burn(out, "burn_6h", s, 6 * USEC_PER_HOUR);
    json_put_string(out, "alert", alert_phase_name(a->phase));
    json_put_string(out, "severity",
                    a->phase == ALERT_INACTIVE ? NULL : severity_name(a->severity));
    json_put_time_if(out, "since", a->since_us);
    str_addc(out, '}');
}

static void put_components(struct str *out, const struct components *c)
{
    char latency[FMT_MAX];
    str_add(out, ",\"components\":[");
    for (size_t i = 0; i < c->n; i++) {
        const struct component *at = &c->at[i];
        str_add(out, i ? ",{" : "{");
        json_put_string(out, "name", at->name);
        json_put_string(out, "state", at->state);
        str_addf(out, ",\"latency_ms\":%s}",
                 at->latency_us < 0 ? "null" : fmt_real(latency, (double)at->latency_us / 1000, 3));
    }
    str_addc(out, ']');
}

static void put_result(struct str *out, const char *key, const struct result *r,
                       const char *message)
{
    char latency[FMT_MAX];
    json_put_key(out, key);
    if (!r) {
        str_add(out, "null");
        return;
    }
    str_addc(out, '{');
    json_put_time_if(out, "time", r->slot_us);
    json_put_string(out, "outcome", outcome_name((enum outcome)r->outcome));
    json_put_string(out, "reason", reason_name((enum reason)r->reason));
    str_addf(out, ",\"code\":%d,\"latency_ms\":%s,", r->code,
             fmt_real(latency, (double)r->total_us / 1000, 3));
    json_put_string(out, "message", message);
    str_addc(out, '}');
}

/* What stands for it while a cap keeps it from being asked. */
static void put_held(struct str *out, const struct overview_probe *p)
{
    json_put_key(out, "held_back");
    if (!p->held) {
        str_add(out, "null");
        return;
    }
    str_addc(out, '{');
    put_result(out, "last_run", overview_health(p), p->ran_message ? p->ran_message : "");
    str_addc(out, '}');
}

static void put_probe(struct str *out, const struct overview *o, const struct overview_probe *p)
{
    str_addc(out, '{');
    json_put_string(out, "probe", p->def->id);
    status_put_spend_json(out, o, p);
    put_result(out, "last", p->has_last ? &p->last : NULL, p->message);
    if (!p->has_last) {
        str_addc(out, '}');
        return;
    }
    put_held(out, p);
    json_put_string(out, "version", *p->version ? p->version : NULL);
    put_components(out, &p->components);
    str_addc(out, '}');
}

static void put_daemon(struct str *out, const struct overview *o)
{
    if (o->past) {
        str_add(out, ",\"daemon\":null");
        return;
    }
    str_addf(out, ",\"daemon\":{\"running\":%s,", o->running ? "true" : "false");
    json_put_time_if(out, "started_at", o->heartbeat.started_us);
    json_put_time_if(out, "alive_at", o->heartbeat.alive_us);
    json_put_time_if(out, "watchdog_at", o->heartbeat.watchdog_us);
    json_put_time_if(out, "complete_through", o->heartbeat.complete_through_us);
    str_addc(out, '}');
}

int status_put_json(const struct overview *o, const struct report_style *style, struct str *out)
{
    str_addc(out, '{');
    json_put_time_if(out, "at", o->now_us);
    put_daemon(out, o);
    str_add(out, ",\"slos\":[");
    for (size_t i = 0; i < o->report->slo_count; i++) {
        if (i)
            str_addc(out, ',');
        put_slo(out, &o->report->slos[i], &o->alerts[i]);
    }
    str_add(out, "],\"rollups\":");
    groups_put_json(out, o->report, style->group_by, "");
    str_add(out, ",\"probes\":[");
    for (size_t i = 0; i < o->probe_count; i++) {
        if (i)
            str_addc(out, ',');
        put_probe(out, o, &o->probes[i]);
    }
    str_addc(out, ']');
    status_put_spend_json(out, o, NULL);
    status_put_incidents_json(out, o);
    status_put_conditions_json(out, o);
    status_put_silences_json(out, o);
    str_add(out, "}\n");
    return out->overflow ? -1 : 0;
}
