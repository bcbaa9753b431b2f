#include "report/answers.h"
#include "report/fmt.h"
#include "report/formats.h"
#include "report/groups.h"
#include "report/incidents.h"
#include "report/policy.h"

#include "base/json.h"
#include "base/units.h"
#include "base/when.h"
#include "model/select.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

/*
 * A writer of JSON text in the order of the calls. Members of the three outer
 * levels stand on lines of their own, what is deeper stays on the line, so the
 * document reads like its manual and diffs well.
 */
struct json {
    struct str *out;
    int depth;
    bool first; /* of the current object or array */
};

#define LINE_DEPTH 3

static void json_newline(struct json *j)
{
    str_addc(j->out, '\n');
    for (int i = 0; i < j->depth; i++)
        str_add(j->out, "  ");
}

/* Everything before a value: the comma, the line, the key. */
static void json_key(struct json *j, const char *key)
{
    if (!j->first)
        str_add(j->out, j->depth <= LINE_DEPTH ? "," : ", ");
    if (j->depth > 0 && j->depth <= LINE_DEPTH)
        json_newline(j);
    j->first = false;
    if (key) {
        json_add_string(j->out, key);
        str_add(j->out, ": ");
    }
}

static void json_open(struct json *j, const char *key, char bracket)
{
    json_key(j, key);
    str_addc(j->out, bracket);
    j->depth++;
    j->first = true;
}

static void json_close(struct json *j, char bracket)
{
    j->depth--;
    if (j->depth < LINE_DEPTH && !j->first)
        json_newline(j);
    str_addc(j->out, bracket);
    j->first = false;
}

static void json_string(struct json *j, const char *key, const char *value)
{
    json_key(j, key);
    json_add_string(j->out, value ? value : "");
}

static void json_int(struct json *j, const char *key, int64_t value)
{
    json_key(j, key);
    str_addf(j->out, "%" PRId64, value);
}

static void json_literal(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    str_add(j->out, text);
}

typedef char *number_text(char buf[static FMT_MAX], double v);

static void json_number(struct json *j, const char *key, bool has, double v, number_text *text)
{
    char buf[FMT_MAX];
    json_literal(j, key, has && isfinite(v) ? text(buf, v) : "null");
}

static char *amount(char buf[static FMT_MAX], double v)
{
    return fmt_real(buf, v, 6);
}

static void json_seconds(struct json *j, const char *key, int64_t us)
{
    char buf[FMT_MAX];
    json_literal(j, key, us < 0 ? "null" : fmt_seconds(buf, us));
}

static void json_time(struct json *j, const char *key, int64_t us)
{
    char buf[WHEN_MAX];
    json_string(j, key, when_text(buf, us));
}

static void json_span(struct json *j, const char *key, int64_t us)
{
    char buf[UNITS_MAX];
    json_string(j, key, units_duration(buf, us));
}

/* ---- the parts of an SLO, in the order of docs/report.md --------------- */

static void put_window(struct json *j, const struct report_slo *s)
{
    const struct window_def *w = &s->def->window;
    json_open(j, "window", '{');
    json_string(j, "type", w->type == WINDOW_ROLLING ? "rolling" : "calendar");
    json_string(j, "duration", w->text);
    json_time(j, "start", s->start_us);
    json_time(j, "end", s->end_us);
    json_close(j, '}');
}

static void put_slices(struct json *j, const struct report_slo *s)
{
    const struct slo_def *def = s->def;
    char slice[UNITS_MAX], target[UNITS_MAX];
    if (def->method == METHOD_OCCURRENCES)
        return;
    json_open(j, "slices", '{');
    json_string(j, "length", units_duration(slice, def->slice_us));
    json_int(j, "judged", s->slices);
    if (def->method == METHOD_TIMESLICES) {
        json_string(j, "target", decimal_text(target, def->slice_target));
        json_int(j, "bad", s->judged.bad);
    }
    json_close(j, '}');
}

static void put_sli(struct json *j, const struct report_slo *s)
{
    json_number(j, "sli", s->has_sli, s->sli, fmt_near_one);
    json_int(j, "good", s->counts.good);
    json_int(j, "bad", s->counts.bad);
    json_int(j, "total", counts_total(s->counts));
    json_int(j, "excluded", s->counts.excluded);
    if (s->source == SOURCE_RAW)
        json_int(j, "event_parts", RAW_PARTS);
}

static void put_coverage(struct json *j, const struct report_slo *s)
{
    double ratio = 0;
    bool has = fmt_coverage(s, &ratio);
    json_open(j, "coverage", '{');
    json_int(j, "expected", s->expected);
    json_int(j, "observed", s->observed);
    json_number(j, "ratio", has, ratio, fmt_ratio);
    json_open(j, "missing", '{');
    json_int(j, "prober_down", s->prober_down);
    json_int(j, "target_silent", s->target_silent);
    json_int(j, "not_started", s->not_started);
    json_close(j, '}');
    json_close(j, '}');
}

static void put_confidence(struct json *j, const struct report_slo *s)
{
    if (!s->has_confidence) {
        json_literal(j, "confidence", "null");
        return;
    }
    json_open(j, "confidence", '{');
    json_literal(j, "level", "0.95");
    json_number(j, "low", true, s->confidence_low, fmt_near_one);
    json_number(j, "high", true, s->confidence_high, fmt_near_one);
    json_close(j, '}');
}

static void put_exhausts(struct json *j, const struct report_slo *s)
{
    if (s->exhausts_at_us)
        json_time(j, "exhausts_at", s->exhausts_at_us);
    else
        json_literal(j, "exhausts_at", "null");
    if (!s->exhausts_earliest_us) {
        json_literal(j, "exhausts_between", "null");
        return;
    }
    json_open(j, "exhausts_between", '[');
    json_time(j, NULL, s->exhausts_earliest_us);
    if (s->exhausts_latest_us)
        json_time(j, NULL, s->exhausts_latest_us);
    else
        json_literal(j, NULL, "null");
    json_close(j, ']');
}

static void put_budget(struct json *j, const struct report_slo *s)
{
    json_open(j, "budget", '{');
    json_string(j, "unit", fmt_unit(s));
    json_number(j, "allowed", true, s->allowed, amount);
    json_number(j, "projected", true, s->projected, amount);
    json_number(j, "consumed", true, s->consumed, amount);
    json_number(j, "remaining", true, s->remaining, amount);
    json_number(j, "consumed_ratio", s->has_budget, s->consumed_ratio, fmt_ratio);
    json_number(j, "remaining_ratio", s->has_budget, s->remaining_ratio, fmt_ratio);
    put_exhausts(j, s);
    json_close(j, '}');
}

static void put_targets(struct json *j, const struct report_slo *s)
{
    char text[UNITS_MAX];
    if (!fmt_has_targets(s))
        return;
    json_open(j, "targets", '[');
    for (size_t i = 0; i < s->target_count; i++) {
        const struct report_target *t = &s->targets[i];
        json_open(j, NULL, '{');
        json_time(j, "since", t->since_us);
        json_string(j, "target", decimal_text(text, t->target));
        json_int(j, "total", t->total);
        json_number(j, "allowed", true, t->allowed, amount);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_burn(struct json *j, const struct report_slo *s)
{
    json_open(j, "burn", '[');
    for (size_t i = 0; i < s->burn_count; i++) {
        json_open(j, NULL, '{');
        json_span(j, "window", s->burn[i].window_us);
        json_number(j, "rate", s->burn[i].has_rate, s->burn[i].rate, fmt_ratio);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_tiers(struct json *j, const struct report_slo *s)
{
    char text[UNITS_MAX];
    json_open(j, "tiers", '[');
    for (size_t i = 0; i < s->tier_count; i++) {
        const struct report_tier *t = &s->tiers[i];
        json_open(j, NULL, '{');
        json_string(j, "severity", severity_name(t->def.severity));
        json_span(j, "long", t->def.long_us);
        json_span(j, "short", t->def.short_us);
        json_string(j, "factor", decimal_text(text, t->def.factor));
        json_literal(j, "firing", t->firing ? "true" : "false");
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_latency(struct json *j, const struct report_latency *l)
{
    const struct {
        const char *name;
        int64_t us;
        bool lower;
    } q[] = {{"p50", l->p50_us, l->p50_lower},
             {"p90", l->p90_us, l->p90_lower},
             {"p95", l->p95_us, l->p95_lower},
             {"p99", l->p99_us, l->p99_lower}};
    json_open(j, "latency", '{');
    json_int(j, "count", l->count);
    json_int(j, "censored", l->censored);
    for (size_t i = 0; i < 4; i++)
        json_seconds(j, q[i].name, q[i].us);
    json_seconds(j, "max", l->max_us);
    json_open(j, "lower_bound", '[');
    for (size_t i = 0; i < 4; i++) {
        if (q[i].lower && q[i].us >= 0)
            json_string(j, NULL, q[i].name);
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void put_reasons(struct json *j, const struct report_slo *s)
{
    json_open(j, "reasons", '[');
    for (size_t i = 0; i < s->reason_count; i++) {
        json_open(j, NULL, '{');
        json_string(j, "reason", reason_name(s->reasons[i].reason));
        json_int(j, "count", s->reasons[i].count);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_source(struct json *j, const struct report_slo *s)
{
    json_open(j, "source", '{');
    if (s->def->sli.probe)
        json_string(j, "probe", s->def->sli.probe);
    else
        json_number(j, "probe", false, 0, fmt_ratio);
    json_string(j, "kind", sli_source_name(s->source));
    json_string(j, "expression", s->expression);
    json_close(j, '}');
}

/* Only a composite has them. */
static void put_members(struct json *j, const struct report_slo *s)
{
    char weight[UNITS_MAX];
    if (s->member_count == 0)
        return;
    json_open(j, "members", '[');
    for (size_t i = 0; i < s->member_count; i++) {
        const struct report_member *m = &s->members[i];
        json_open(j, NULL, '{');
        json_string(j, "slo", m->def->name);
        json_string(j, "objective_name", m->def->objective_name);
        json_string(j, "weight", decimal_text(weight, m->weight));
        json_string(j, "state", slo_state_name(m->state));
        json_number(j, "sli", m->has_sli, m->sli, fmt_near_one);
        json_int(j, "good", m->counts.good);
        json_int(j, "bad", m->counts.bad);
        json_int(j, "total", counts_total(m->counts));
        json_number(j, "consumed_ratio", m->has_budget, m->consumed_ratio, fmt_ratio);
        json_number(j, "share", m->has_share, m->share, fmt_ratio);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_annotations(struct json *j, const struct report_slo *s)
{
    json_open(j, "annotations", '[');
    for (size_t i = 0; i < s->annotation_count; i++) {
        const struct report_annotation *a = &s->annotations[i];
        json_open(j, NULL, '{');
        json_time(j, "at", a->at_us);
        json_string(j, "kind", a->kind);
        json_string(j, "probe", a->probe);
        json_string(j, "text", a->text);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void put_exclusions(struct json *j, const struct report_slo *s)
{
    json_open(j, "exclusions", '[');
    for (size_t i = 0; i < s->exclusion_count; i++) {
        const struct report_exclusion *e = &s->exclusions[i];
        json_open(j, NULL, '{');
        json_time(j, "start", e->from_us);
        json_time(j, "end", e->to_us);
        json_string(j, "mode", exclusion_mode_name(e->exclusion->mode));
        json_string(j, "name", e->exclusion->name);
        if (e->exclusion->id)
            json_int(j, "id", e->exclusion->id);
        else
            json_literal(j, "id", "null");
        json_string(j, "reason", e->exclusion->reason);
        json_string(j, "author", e->exclusion->author);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* Only where something is. */
static void put_excluded(struct json *j, const struct report_slo *s)
{
    const struct report_slo *u = s->unexcluded;
    if (!u)
        return;
    put_exclusions(j, s);
    json_int(j, "exclusion_count", (int64_t)s->excluded_spans);
    json_open(j, "unexcluded", '{');
    json_string(j, "state", slo_state_name(u->state));
    put_sli(j, u);
    json_number(j, "consumed_ratio", u->has_budget, u->consumed_ratio, fmt_ratio);
    json_number(j, "remaining_ratio", u->has_budget, u->remaining_ratio, fmt_ratio);
    json_close(j, '}');
}

/* Only the report of a period has it. */
static void put_previous(struct json *j, const struct report_slo *s)
{
    const struct report_slo *p = s->previous;
    if (!p)
        return;
    json_open(j, "previous", '{');
    json_time(j, "start", p->start_us);
    json_time(j, "end", p->end_us);
    json_string(j, "state", slo_state_name(p->state));
    put_sli(j, p);
    json_number(j, "consumed_ratio", p->has_budget, p->consumed_ratio, fmt_ratio);
    json_number(j, "sli_change", s->has_sli && p->has_sli, s->sli - p->sli, fmt_near_one);
    json_number(j, "consumed_ratio_change", s->has_budget && p->has_budget,
                s->consumed_ratio - p->consumed_ratio, fmt_ratio);
    json_close(j, '}');
}

static void put_labels(struct json *j, const struct slo_def *def)
{
    json_open(j, "labels", '{');
    for (size_t i = 0, n = slo_label_count(def); i < n; i++) {
        struct slo_label l = slo_label_at(def, i);
        json_string(j, l.key, l.value);
    }
    json_close(j, '}');
}

static void put_slo(struct json *j, const struct report_slo *s)
{
    char text[UNITS_MAX];
    json_open(j, NULL, '{');
    json_string(j, "slo", s->def->name);
    json_string(j, "service", s->def->service);
    json_string(j, "objective_name", s->def->objective_name);
    put_labels(j, s->def);
    json_string(j, "target", decimal_text(text, s->def->target));
    json_string(j, "budgeting_method", s->budgeting_method);
    put_slices(j, s);
    put_source(j, s);
    put_window(j, s);
    json_string(j, "state", slo_state_name(s->state));
    put_sli(j, s);
    put_coverage(j, s);
    put_confidence(j, s);
    put_budget(j, s);
    put_targets(j, s);
    json_key(j, "policy");
    policy_put_json(j->out, s);
    put_burn(j, s);
    put_tiers(j, s);
    put_members(j, s);
    put_latency(j, &s->latency);
    if (s->answers) {
        json_key(j, "answers");
        answers_put_json(j->out, s->answers);
    }
    put_reasons(j, s);
    put_annotations(j, s);
    put_excluded(j, s);
    put_previous(j, s);
    json_close(j, '}');
}

static int write_json(const struct report *r, const struct report_style *style, struct str *out)
{
    struct json j = {.out = out, .first = true};
    json_open(&j, NULL, '{');
    json_time(&j, "generated_at", r->generated_at_us);
    json_time(&j, "at", r->at_us);
    json_open(&j, "slos", '[');
    for (size_t i = 0; i < r->slo_count; i++)
        put_slo(&j, &r->slos[i]);
    json_close(&j, ']');
    json_key(&j, "incidents");
    incidents_put_json(out, r, "\n    ");
    json_key(&j, "rollups");
    groups_put_json(out, r, style->group_by, "\n    ");
    json_close(&j, '}');
    str_addc(out, '\n');
    assert(j.depth == 0);
    return out->overflow ? -1 : 0;
}

const struct report_format report_json = {
    .name = "json",
    .help = "for other tools; docs/report.md is its manual",
    .write = write_json,
};
