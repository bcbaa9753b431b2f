/* Words about an SLO, the same in every format. */
#include "report/fmt.h"

#include "base/units.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *fmt_state(enum slo_state s)
{
    switch (s) {
    case SLO_MET:
        return "met";
    case SLO_BREACHED:
        return "breached";
    case SLO_AT_RISK:
        return "at risk";
    case SLO_WARMING:
        return "warming";
    case SLO_NO_DATA:
        return "no data";
    }
    assert(!"slo_state");
    return "";
}

const char *fmt_failure(const struct report_failure *f)
{
    return f->message && *f->message ? f->message : reason_text(f->reason);
}

/* Members' budgets are of one unit each, and theirs together of none. */
static bool has_unit(const struct report_slo *s)
{
    return s->def->member_count == 0 || s->def->method != METHOD_OCCURRENCES;
}

const char *fmt_unit(const struct report_slo *s)
{
    if (!has_unit(s))
        return "budget";
    return str_eq(s->budgeting_method, "Occurrences") ? "events" : "slices";
}

void fmt_spent(struct str *out, const struct report_slo *s, const char *bad)
{
    char a[FMT_MAX], b[FMT_MAX];
    if (has_unit(s))
        str_addf(out, "%s of %s %s%s spent", fmt_events(a, s->consumed), fmt_events(b, s->allowed),
                 bad, fmt_unit(s));
    else
        str_addf(out, "%s of it spent", fmt_percent(a, s->consumed_ratio, 1));
}

void fmt_member(struct str *out, const struct report_member *m)
{
    const char *objective = m->def->objective_name;
    str_addf(out, "%s%s%s", m->def->name, objective[0] ? " / " : "", objective);
}

char *fmt_counted(char buf[static FMT_MAX], const struct report_slo *s, int64_t n)
{
    int64_t event = sli_event(&s->def->sli);
    return event == 1 ? fmt_count(buf, n) : fmt_events(buf, (double)n / (double)event);
}

void fmt_judged(struct str *out, const struct report_slo *s)
{
    char good[FMT_MAX], all[FMT_MAX], slice[UNITS_MAX];
    if (s->def->method == METHOD_OCCURRENCES) {
        str_addf(out, "%s good of %s%s", fmt_counted(good, s, s->counts.good),
                 fmt_counted(all, s, counts_total(s->counts)),
                 s->source == SOURCE_RAW ? " scrapes" : "");
        return;
    }
    fmt_count(all, s->slices);
    if (s->def->method == METHOD_TIMESLICES)
        str_addf(out, "%s good of %s slices of %s", fmt_count(good, s->judged.good), all,
                 units_duration(slice, s->def->slice_us));
    else
        str_addf(out, "mean of %s slices of %s", all, units_duration(slice, s->def->slice_us));
}

char *fmt_window(char buf[static FMT_MAX], const struct report_slo *s)
{
    const struct window_def *w = &s->def->window;
    if (w->type == WINDOW_ROLLING)
        snprintf(buf, FMT_MAX, "%.40s rolling", w->text);
    else
        snprintf(buf, FMT_MAX, "%.20s, %.36s", w->text, w->timezone ? w->timezone : "UTC");
    return buf;
}

void fmt_period(struct str *out, const struct report_slo *s)
{
    char from[FMT_MAX], to[FMT_MAX], clock[FMT_MAX];
    fmt_date(from, s->start_us);
    if (s->start_us % USEC_PER_DAY == 0 && s->end_us % USEC_PER_DAY == 0)
        str_addf(out, "%s to %s", from, fmt_date(to, s->end_us));
    else
        str_addf(out, "%s %s to %s", from, fmt_clock(clock, s->start_us),
                 fmt_instant(to, s->end_us));
}

void fmt_title(struct str *out, const struct report_slo *s)
{
    str_add(out, s->def->name);
    if (s->def->objective_name && s->def->objective_name[0])
        str_addf(out, " / %s", s->def->objective_name);
}

void fmt_subject(struct str *out, const struct report_slo *s)
{
    if (s->source == SOURCE_COMPOSITE) {
        str_addf(out, "made of %s", s->expression);
        return;
    }
    str_add(out, s->def->sli.probe ? s->def->sli.probe : s->def->name);
    if (s->expression && *s->expression)
        str_addf(out, "%s%s %s", s->source == SOURCE_RESULTS ? "" : ":",
                 s->answers && s->source == SOURCE_RESULTS ? " whole answer" : "", s->expression);
}

static const char *measure_name(enum answer_measure m)
{
    static const char *const names[MEASURE_COUNT] = {"Good", "First token", "No gap", "Speed",
                                                     "Cost"};
    assert(m < MEASURE_COUNT);
    return names[m];
}

const char *fmt_sli_name(const struct report_slo *s)
{
    switch (s->source) {
    case SOURCE_RESULTS:
        return s->def->sli.faster_than_us > 0 ? "Fast enough" : "Availability";
    case SOURCE_RATIO:
        return "Good events";
    case SOURCE_HISTOGRAM:
        return "Fast enough";
    case SOURCE_THRESHOLD:
        return "Within the limit";
    case SOURCE_COMPONENT:
        return "Component well";
    case SOURCE_RAW:
        return "Good share";
    case SOURCE_COMPOSITE:
        return "All together";
    case SOURCE_ANSWERS:
        return measure_name(s->def->sli.measure);
    }
    assert(!"sli_source");
    return "";
}

bool fmt_counts_runs(const struct report_slo *s)
{
    return s->source == SOURCE_RESULTS || s->source == SOURCE_ANSWERS;
}

const char *fmt_observed(const struct report_slo *s)
{
    return fmt_counts_runs(s)              ? "checks"
           : s->source == SOURCE_COMPOSITE ? "checks and scrapes"
                                           : "scrapes";
}

char *fmt_excluded(char buf[static FMT_MAX], const struct report_slo *s, int64_t n)
{
    char count[FMT_MAX];
    const char *of = fmt_counts_runs(s) || s->source == SOURCE_COMPOSITE ? ""
                     : n == 1                                            ? "scrape "
                                                                         : "scrapes ";
    snprintf(buf, FMT_MAX, "%.32s %sexcluded", fmt_count(count, n), of);
    return buf;
}

const char *fmt_reason(const struct report_slo *s, enum reason reason)
{
    if (reason == REPORT_REASON_UNKNOWN)
        return "of hours whose results are deleted, and that exclusions cut";
    if (reason != REASON_METRIC)
        return reason_text(reason);
    switch (s->source) {
    case SOURCE_RESULTS:
    case SOURCE_ANSWERS:
    case SOURCE_COMPOSITE:
        break;
    case SOURCE_RATIO:
        return "bad by the target's own counters";
    case SOURCE_HISTOGRAM:
        return "slower, by the target's own histogram";
    case SOURCE_THRESHOLD:
        return "the condition did not hold";
    case SOURCE_RAW:
        return "the share that was not good";
    case SOURCE_COMPONENT:
        return "the component was not well, or too slow";
    }
    return reason_text(reason);
}

static void put_overspent(struct str *out, const struct report_slo *s)
{
    char consumed[FMT_MAX], allowed[FMT_MAX];
    if (!has_unit(s)) {
        str_addf(out, "The budget is spent: %s of it", fmt_percent(consumed, s->consumed_ratio, 1));
        return;
    }
    str_addf(out, "The budget is spent: %s bad %s where %s %s allowed",
             fmt_events(consumed, s->consumed), fmt_unit(s), fmt_events(allowed, s->allowed),
             s->allowed == 1 ? "is" : "are");
}

void fmt_trend(struct str *out, const struct report_slo *s)
{
    char sli[FMT_MAX], spent[FMT_MAX], points[FMT_MAX];
    const struct report_slo *p = s->previous;
    if (!p->has_budget) {
        str_add(out, "The period before has no data");
        return;
    }
    str_addf(out, "The period before: %s, %s of the budget spent", fmt_sli(sli, p),
             fmt_percent(spent, p->consumed_ratio, 1));
    if (!s->has_budget)
        return;
    double change = (s->consumed_ratio - p->consumed_ratio) * 100;
    fmt_real(points, fabs(change), 1);
    if (strcmp(points, "0") == 0)
        str_add(out, "; now as much");
    else
        str_addf(out, "; now %s points %s", points, change > 0 ? "more" : "less");
}

void fmt_outlook(struct str *out, const struct report_slo *s)
{
    char text[FMT_MAX];
    if (!s->has_budget)
        str_add(out,
                s->observed ? "There were no events to judge by" : "There is no data to judge by");
    else if (s->remaining <= 0)
        put_overspent(out, s);
    else if (s->previous)
        str_add(out, "The period is over");
    else if (s->exhausts_at_us)
        str_addf(out, "At the 6h burn rate the budget runs out on %s",
                 fmt_instant(text, s->exhausts_at_us));
    else
        str_add(out, "At the 6h burn rate the budget holds");
}

void fmt_outlook_range(struct str *out, const struct report_slo *s)
{
    char text[FMT_MAX];
    if (!s->has_budget || s->remaining <= 0 || s->previous || !s->exhausts_at_us ||
        !s->exhausts_earliest_us)
        return;
    str_addf(out, "95%% interval %s ", fmt_instant(text, s->exhausts_earliest_us));
    if (s->exhausts_latest_us)
        str_addf(out, "to %s", fmt_instant(text, s->exhausts_latest_us));
    else
        str_add(out, "or later");
}

void fmt_missing(struct str *out, const struct report_slo *s)
{
    const struct {
        int64_t n;
        const char *name;
    } causes[] = {{s->prober_down, "prober down"},
                  {s->target_silent, "target silent"},
                  {s->not_started, "not started"}};
    char text[FMT_MAX];
    const char *comma = "";
    for (size_t i = 0; i < 3; i++) {
        if (!causes[i].n)
            continue;
        str_addf(out, "%s%s %s", comma, fmt_count(text, causes[i].n), causes[i].name);
        comma = ", ";
    }
}

const struct report_burn *fmt_find_burn(const struct report_slo *s, int64_t window_us)
{
    for (size_t i = 0; i < s->burn_count; i++) {
        if (s->burn[i].window_us == window_us)
            return s->burn[i].has_rate && isfinite(s->burn[i].rate) ? &s->burn[i] : NULL;
    }
    return NULL;
}

bool fmt_coverage(const struct report_slo *s, double *ret)
{
    if (s->expected <= 0)
        return false;
    *ret = (double)s->observed / (double)s->expected;
    return true;
}

size_t fmt_tally(const struct report *r, enum slo_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < r->slo_count; i++)
        n += r->slos[i].state == state;
    return n;
}
