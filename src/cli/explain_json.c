#include "cli/explain.h"

#include "base/units.h"
#include "cli/json_out.h"

#include <inttypes.h>

static char *amount(char buf[static FMT_MAX], double v)
{
    return fmt_real(buf, v, 6);
}

static void put_head(struct str *out, const struct explain *e)
{
    const struct report_slo *s = e->slo;
    char target[UNITS_MAX], gap[UNITS_MAX];
    json_put_time(out, "at", e->report->at_us);
    json_put_string(out, "slo", s->def->name);
    json_put_string(out, "service", s->def->service);
    json_put_string(out, "objective_name", s->def->objective_name);
    json_put_string(out, "target", decimal_text(target, s->def->target));
    str_add(out, ",\"window\":{");
    json_put_time(out, "start", s->start_us);
    json_put_time(out, "end", s->end_us);
    str_add(out, "},");
    json_put_string(out, "state", slo_state_name(s->state));
    json_put_number(out, "sli", s->has_sli, s->sli, fmt_near_one);
    str_addf(out,
             ",\"good\":%" PRId64 ",\"bad\":%" PRId64 ",\"total\":%" PRId64 ",\"excluded\":%" PRId64
             ",",
             s->counts.good, s->counts.bad, counts_total(s->counts), s->counts.excluded);
    if (s->source == SOURCE_RAW)
        json_put_int(out, "event_parts", RAW_PARTS);
    json_put_string(out, "gap", units_duration(gap, e->gap_us));
    str_addc(out, ',');
}

static void put_budget(struct str *out, const struct report_slo *s)
{
    str_add(out, "\"budget\":{");
    json_put_string(out, "unit", fmt_unit(s));
    json_put_number(out, "allowed", true, s->allowed, amount);
    json_put_number(out, "consumed", true, s->consumed, amount);
    json_put_number(out, "remaining", true, s->remaining, amount);
    json_put_number(out, "consumed_ratio", s->has_budget, s->consumed_ratio, fmt_ratio);
    json_put_number(out, "remaining_ratio", s->has_budget, s->remaining_ratio, fmt_ratio);
    str_addf(out,
             "},\"coverage\":{\"expected\":%" PRId64 ",\"observed\":%" PRId64
             ",\"missing\":{\"prober_down\":%" PRId64 ",\"target_silent\":%" PRId64
             ",\"not_started\":%" PRId64 "}},",
             s->expected, s->observed, s->prober_down, s->target_silent, s->not_started);
}

static void put_around(struct str *out, const struct report_slo *slo, const struct explain_span *s)
{
    str_add(out, ",\"annotations\":[");
    for (size_t i = 0; i < s->annotation_count; i++) {
        const struct report_annotation *a = &slo->annotations[s->annotation_first + i];
        str_add(out, i ? ",{" : "{");
        json_put_time(out, "at", a->at_us);
        json_put_string(out, "kind", a->kind);
        json_put_string(out, "probe", a->probe);
        json_put_string(out, "text", a->text);
        str_addc(out, '}');
    }
    str_add(out, "],\"alerts\":[");
    for (size_t i = 0; i < s->alert_count; i++) {
        const struct report_incident *n = &slo->incidents[s->alert_first + i];
        str_add(out, i ? ",{" : "{");
        json_put_string(out, "severity", severity_name(n->severity));
        json_put_time(out, "fired_at", n->from_us);
        json_put_time_if(out, "resolved_at", n->to_us);
        str_addc(out, '}');
    }
    str_addc(out, ']');
}

static void put_span(struct str *out, const struct explain *e, size_t i)
{
    const struct explain_span *s = &e->spans[i];
    double share;
    bool has = explain_share(e, s, &share);
    str_addf(out, "%s{\"span\":%zu,", i ? "," : "", i + 1);
    json_put_time(out, "start", s->from_us);
    json_put_time(out, "end", s->to_us);
    str_addf(out, ",\"bad\":%" PRId64 ",\"total\":%" PRId64 ",", s->lost, s->total);
    json_put_number(out, "budget_ratio", has, share, fmt_ratio);
    str_add(out, ",\"reasons\":[");
    for (size_t r = 0; r < s->reason_count; r++)
        str_addf(out, "%s{\"reason\":\"%s\",\"count\":%" PRId64 "}", r ? "," : "",
                 reason_name(s->reasons[r].reason), s->reasons[r].count);
    str_addc(out, ']');
    put_around(out, e->slo, s);
    str_addc(out, '}');
}

static void put_gaps(struct str *out, const struct explain *e)
{
    str_addf(out, "],\"missing\":{\"count\":%" PRId64 ",\"slots\":%" PRId64 ",\"spans\":[",
             e->missing.count, e->missing.lost);
    for (size_t i = 0; i < e->gap_count; i++) {
        const struct explain_span *s = &e->gaps[i];
        str_addf(out, "%s{\"cause\":\"%s\",", i ? "," : "", explain_cause_name(s->cause));
        json_put_time(out, "start", s->from_us);
        json_put_time(out, "end", s->to_us);
        str_addf(out, ",\"slots\":%" PRId64 "}", s->lost);
    }
    str_add(out, "]}");
}

static void put_row(struct str *out, const struct explain_row *r)
{
    char latency[FMT_MAX];
    str_addc(out, '{');
    json_put_time(out, "time", r->at_us);
    str_addf(out, ",\"bad\":%" PRId64 ",\"good\":%" PRId64 ",\"reason\":\"%s\",\"code\":", r->bad,
             r->good, reason_name(r->reason));
    if (r->code)
        str_addf(out, "%d", r->code);
    else
        str_add(out, "null");
    str_addf(out, ",\"latency\":%s,", r->total_us < 0 ? "null" : fmt_seconds(latency, r->total_us));
    json_put_string(out, "message", r->message);
    str_addc(out, '}');
}

static void put_members(struct str *out, const struct report_slo *s)
{
    char weight[UNITS_MAX];
    str_add(out, "\"members\":[");
    for (size_t i = 0; i < s->member_count; i++) {
        const struct report_member *m = &s->members[i];
        str_add(out, i ? ",{" : "{");
        json_put_string(out, "slo", m->def->name);
        json_put_string(out, "objective_name", m->def->objective_name);
        json_put_string(out, "weight", decimal_text(weight, m->weight));
        json_put_string(out, "state", slo_state_name(m->state));
        json_put_number(out, "consumed_ratio", m->has_budget, m->consumed_ratio, fmt_ratio);
        json_put_number(out, "share", m->has_share, m->share, fmt_ratio);
        str_addc(out, '}');
    }
    str_add(out, "],");
}

int explain_put_json(const struct explain *e, struct str *out)
{
    str_addc(out, '{');
    put_head(out, e);
    put_budget(out, e->slo);
    if (e->slo->member_count)
        put_members(out, e->slo);
    str_addf(out, "\"span_count\":%" PRId64 ",\"spans\":[", e->bad.count);
    for (size_t i = 0; i < e->span_count; i++)
        put_span(out, e, i);
    put_gaps(out, e);
    explain_json_excluded(out, e->slo);
    str_addf(out, ",\"rows\":{\"span\":%zu,\"bad\":%" PRId64 ",\"shown\":%" PRId64 ",\"rows\":[",
             e->rank, e->rank ? e->chosen.lost : 0, e->rows_bad);
    for (size_t i = 0; i < e->row_count; i++) {
        str_add(out, i ? "," : "");
        put_row(out, &e->rows[i]);
    }
    str_add(out, "]}}\n");
    return out->overflow ? -1 : 0;
}
