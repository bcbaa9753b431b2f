#include "cli/status.h"

#include "base/json.h"
#include "base/units.h"
#include "base/when.h"
#include "nines/probe.h"
#include "report/fmt.h"
#include "report/groups.h"

#include <inttypes.h>

static void put_string(struct str *out, const char *key, const char *value)
{
    str_addf(out, "\"%s\":", key);
    json_add_string(out, value);
}

static void put_time(struct str *out, const char *key, int64_t us)
{
    char text[WHEN_MAX];
    put_string(out, key, us > 0 ? when_text(text, us) : NULL);
}

typedef char *number_text(char buf[static FMT_MAX], double v);

static void put_number(struct str *out, const char *key, bool has, double v, number_text *text)
{
    char buf[FMT_MAX];
    str_addf(out, "\"%s\":%s", key, has ? text(buf, v) : "null");
}

static void put_burn(struct str *out, const char *key, const struct report_slo *s,
                     int64_t window_us)
{
    const struct report_burn *b = fmt_find_burn(s, window_us);
    put_number(out, key, b && b->has_rate, b ? b->rate : 0, fmt_ratio);
}

static void put_slo(struct str *out, const struct report_slo *s, const struct alert_state *a)
{
    char target[UNITS_MAX];
    double coverage = 0;
    bool covered = fmt_coverage(s, &coverage);
    str_addc(out, '{');
    put_string(out, "slo", s->def->name);
    str_addc(out, ',');
    put_string(out, "service", s->def->service);
    str_addc(out, ',');
    put_string(out, "objective_name", s->def->objective_name);
    str_addc(out, ',');
    put_string(out, "target", decimal_text(target, s->def->target));
    str_addc(out, ',');
    put_string(out, "state", slo_state_name(s->state));
    str_addc(out, ',');
    put_number(out, "sli", s->has_sli, s->sli, fmt_near_one);
    str_addf(out, ",\"good\":%" PRId64 ",\"bad\":%" PRId64 ",", s->counts.good, s->counts.bad);
    if (s->source == SOURCE_RAW)
        str_addf(out, "\"event_parts\":%d,", RAW_PARTS);
    put_number(out, "coverage", covered, coverage, fmt_ratio);
    str_addc(out, ',');
    put_number(out, "remaining_ratio", s->has_budget, s->remaining_ratio, fmt_ratio);
    str_addc(out, ',');
    put_burn(out, "burn_1h", s, USEC_PER_HOUR);
    str_addc(out, ',');
    put_burn(out, "burn_6h", s, 6 * USEC_PER_HOUR);
    str_addc(out, ',');
    put_string(out, "alert", alert_phase_name(a->phase));
    str_addc(out, ',');
    put_string(out, "severity", a->phase == ALERT_INACTIVE ? NULL : severity_name(a->severity));
    str_addc(out, ',');
    put_time(out, "since", a->since_us);
    str_addc(out, '}');
}

static void put_components(struct str *out, const struct components *c)
{
    char latency[FMT_MAX];
    str_add(out, ",\"components\":[");
    for (size_t i = 0; i < c->n; i++) {
        const struct component *at = &c->at[i];
        str_add(out, i ? ",{" : "{");
        put_string(out, "name", at->name);
        str_addc(out, ',');
        put_string(out, "state", at->state);
        str_addf(out, ",\"latency_ms\":%s}",
                 at->latency_us < 0 ? "null" : fmt_real(latency, (double)at->latency_us / 1000, 3));
    }
    str_addc(out, ']');
}

static void put_probe(struct str *out, const struct overview_probe *p)
{
    char latency[FMT_MAX];
    str_addc(out, '{');
    put_string(out, "probe", p->def->id);
    if (!p->has_last) {
        str_add(out, ",\"last\":null}");
        return;
    }
    str_add(out, ",\"last\":{");
    put_time(out, "time", p->last.slot_us);
    str_addc(out, ',');
    put_string(out, "outcome", outcome_name((enum outcome)p->last.outcome));
    str_addc(out, ',');
    put_string(out, "reason", reason_name((enum reason)p->last.reason));
    str_addf(out, ",\"code\":%d,\"latency_ms\":%s,", p->last.code,
             fmt_real(latency, (double)p->last.total_us / 1000, 3));
    put_string(out, "message", p->message);
    str_add(out, "},");
    put_string(out, "version", *p->version ? p->version : NULL);
    put_components(out, &p->components);
    str_addc(out, '}');
}

int status_put_json(const struct overview *o, const struct report_style *style, struct str *out)
{
    str_addc(out, '{');
    put_time(out, "at", o->now_us);
    str_addf(out, ",\"daemon\":{\"running\":%s,", o->running ? "true" : "false");
    put_time(out, "started_at", o->heartbeat.started_us);
    str_addc(out, ',');
    put_time(out, "alive_at", o->heartbeat.alive_us);
    str_addc(out, ',');
    put_time(out, "complete_through", o->heartbeat.complete_through_us);
    str_add(out, "},\"slos\":[");
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
        put_probe(out, &o->probes[i]);
    }
    str_add(out, "]}\n");
    return out->overflow ? -1 : 0;
}
