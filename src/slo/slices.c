#include "slo/slices.h"

#include "base/wide.h"
#include "nines/probe.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"

#include <assert.h>
#include <stdio.h>

/* ---- what slices have to fit ------------------------------------------------------- */

static void check_window(const struct slo_def *slo, struct diag *diag)
{
    const struct window_def *w = &slo->window;
    char slice[UNITS_MAX], length[UNITS_MAX];
    bool rolling = w->type == WINDOW_ROLLING;
    int64_t whole = rolling ? w->duration_us : USEC_PER_DAY;
    units_duration(slice, slo->slice_us);
    if (!rolling && w->anchor_s % 60)
        diag_error(diag, slo->slice_pos,
                   "slice: slices begin with the window, and that has to be at a whole minute");
    else if (whole % slo->slice_us)
        diag_error(diag, slo->slice_pos, "slice: %s does not divide the %s of %s into whole slices",
                   slice, rolling ? "window" : "calendar day", units_duration(length, whole));
    else if (window_longest_us(w) / slo->slice_us > SLICES_MAX)
        diag_error(diag, slo->slice_pos,
                   "slice: a window of %s holds more than %d slices of %s; take longer ones",
                   w->text, SLICES_MAX, slice);
}

static void check_interval(const struct slo_def *slo, struct diag *diag)
{
    char slice[UNITS_MAX], interval[UNITS_MAX];
    if (slo->slice_us < slo->probe->interval_us)
        diag_error(diag, slo->slice_pos,
                   "slice: %s is shorter than the interval of the probe '%s' (%s): most slices "
                   "would hold nothing",
                   units_duration(slice, slo->slice_us), slo->probe->id,
                   units_duration(interval, slo->probe->interval_us));
}

static void check_tiers(const struct slo_def *slo, struct diag *diag)
{
    char slice[UNITS_MAX], lng[UNITS_MAX], shrt[UNITS_MAX];
    for (size_t i = 0; i < slo->tier_count; i++) {
        const struct tier_def *t = &slo->tiers[i];
        if (t->short_us % slo->slice_us == 0)
            continue;
        diag_error(diag, slo->slice_pos,
                   "slice: %s does not divide the short window of %s that the %s tier over %s "
                   "has: take a slice that does, other tiers, or 'alerting: none'",
                   units_duration(slice, slo->slice_us), units_duration(shrt, t->short_us),
                   severity_name(t->severity), units_duration(lng, t->long_us));
        return;
    }
}

void slices_check(const struct slo_def *slo, struct diag *diag)
{
    if (slo->method == METHOD_OCCURRENCES)
        return;
    check_window(slo, diag);
    if (slo->member_count)
        composite_check_slices(slo, diag);
    else
        check_interval(slo, diag);
    check_tiers(slo, diag);
}

/* ---- borders ------------------------------------------------------------------ */

void slices_key(const struct slo_def *slo, char buf[static SLICES_KEY_MAX])
{
    const struct window_def *w = &slo->window;
    char target[UNITS_MAX];
    int n =
        snprintf(buf, SLICES_KEY_MAX, "%s %lld %s %d", budget_method_name(slo->method),
                 (long long)slo->slice_us, decimal_text(target, slo->slice_target), slo->no_data);
    if (w->type == WINDOW_CALENDAR)
        snprintf(buf + n, SLICES_KEY_MAX - (size_t)n, " %d %d %lld %.100s", w->unit, w->count,
                 (long long)w->anchor_s, w->timezone);
}

struct slice_grid slices_grid(const struct slo_def *slo)
{
    assert(slo->method != METHOD_OCCURRENCES && slo->slice_us > 0);
    return (struct slice_grid){.slo = slo};
}

static int64_t floor_to(int64_t us, int64_t step_us)
{
    int64_t over = us % step_us;
    return us - (over < 0 ? over + step_us : over);
}

static void enter_period(struct slice_grid *g, int64_t t_us)
{
    if (t_us < g->period.start_us || t_us >= g->period.end_us)
        g->period = window_span(&g->slo->window, t_us);
}

int64_t slices_floor(struct slice_grid *g, int64_t t_us)
{
    if (g->slo->window.type == WINDOW_ROLLING)
        return floor_to(t_us, g->slo->slice_us);
    enter_period(g, t_us);
    return g->period.start_us + floor_to(t_us - g->period.start_us, g->slo->slice_us);
}

int64_t slices_next(struct slice_grid *g, int64_t border_us)
{
    int64_t next = border_us + g->slo->slice_us;
    if (g->slo->window.type == WINDOW_ROLLING)
        return next;
    enter_period(g, border_us);
    return next < g->period.end_us ? next : g->period.end_us;
}

bool slices_divide(const struct slo_def *slo, int64_t window_us)
{
    return slo->method == METHOD_OCCURRENCES || window_us % slo->slice_us == 0;
}

/* ---- worth ---------------------------------------------------------------------- */

int64_t slices_whole(const struct slo_def *slo)
{
    if (slo->method == METHOD_OCCURRENCES)
        return sli_event(&slo->sli);
    return slo->method == METHOD_RATIO_TIMESLICES ? SLICE_RATIO_PARTS : 1;
}

/* good / total >= slice_target */
static bool is_good(const struct slo_def *slo, struct counts c)
{
    struct decimal t = slo->slice_target;
    return (uint128)c.good * (uint128)decimal_pow10(t.scale) >=
           (uint128)counts_total(c) * (uint128)t.n;
}

struct counts slices_judge(const struct slo_def *slo, struct counts c, int64_t slots)
{
    c = slo_apply_no_data(slo, c);
    int64_t total = counts_total(c), whole = slices_whole(slo), good;
    if (total == 0)
        return (struct counts){.silent = slots > c.excluded};
    if (slo->method == METHOD_TIMESLICES)
        good = is_good(slo, c);
    else
        good = (int64_t)((uint128)c.good * (uint128)whole / (uint128)total);
    return (struct counts){.good = good, .bad = whole - good};
}

/* ---- budgets ---------------------------------------------------------------------- */

struct tier_counts slices_tier_counts(const struct slo_def *slo, struct counts worth)
{
    int64_t whole = slices_whole(slo), total = counts_total(worth);
    return (struct tier_counts){.bad = worth.bad,
                                .total = total,
                                .observed = total,
                                .expected = total + worth.silent * whole,
                                .whole = whole};
}

struct budget_use slices_use(const struct slo_def *slo, struct counts worth, struct decimal target)
{
    return budget_use_make(worth, target, slices_whole(slo));
}
