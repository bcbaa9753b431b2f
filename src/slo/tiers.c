#include "slo/tiers.h"

#include "base/mem.h"
#include "nines/probe.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/window.h"

#include <assert.h>

#define MIN_FAILURES 2

static const struct tier_def default_tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, MIN_FAILURES},
    {SEVERITY_PAGE, 6 * USEC_PER_HOUR, 30 * USEC_PER_MIN, {6, 0}, MIN_FAILURES},
    {SEVERITY_TICKET, USEC_PER_DAY, 2 * USEC_PER_HOUR, {3, 0}, MIN_FAILURES},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, MIN_FAILURES},
};

static int64_t stretch_short(int64_t short_us, int64_t interval_us, int64_t timeout_us)
{
    int64_t least = 2 * interval_us + timeout_us;
    if (least < short_us)
        least = short_us;
    return (least + USEC_PER_MIN - 1) / USEC_PER_MIN * USEC_PER_MIN;
}

static void warn_dropped(struct diag *diag, struct pos pos, const struct tier_def *t,
                         const char *why)
{
    char lng[UNITS_MAX], factor[UNITS_MAX];
    diag_warning(diag, pos, "the %s tier %s over %s is left out: %s", severity_name(t->severity),
                 decimal_text(factor, t->factor), units_duration(lng, t->long_us), why);
}

static bool suits(const struct tier_def *t, struct decimal target, int64_t interval_us,
                  struct pos pos, struct diag *diag)
{
    if (budget_unreachable(target, t->factor)) {
        warn_dropped(diag, pos, t, "even a total outage of this objective burns slower");
        return false;
    }
    if (t->long_us / interval_us < 2 * t->min_failures) {
        warn_dropped(diag, pos, t, "the probe runs too rarely for that window");
        return false;
    }
    return true;
}

size_t tiers_default(struct decimal target, int64_t slo_window_us, int64_t interval_us,
                     int64_t timeout_us, struct pos pos, struct diag *diag,
                     struct tier_def out[static TIERS_MAX])
{
    size_t n = 0;
    assert(interval_us > 0);
    for (size_t i = 0; i < countof(default_tiers); i++) {
        struct tier_def t = default_tiers[i];
        if (t.long_us >= slo_window_us || !suits(&t, target, interval_us, pos, diag))
            continue;
        t.short_us = stretch_short(t.short_us, interval_us, timeout_us);
        out[n++] = t;
    }
    return n;
}

void slo_finish(struct slo_def *slo, struct decode *c)
{
    struct tier_def tiers[TIERS_MAX];
    slo->tiers = NULL;
    slo->tier_count = 0;
    if (!slo->alerting || !slo->probe)
        return;
    size_t n = tiers_default(slo->target, window_nominal_us(&slo->window), slo->probe->interval_us,
                             slo->probe->timeout_us, slo->pos, c->diag, tiers);
    if (n == 0)
        return;
    struct tier_def *kept = arena_alloc(c->arena, n * sizeof(*kept));
    memcpy(kept, tiers, n * sizeof(*kept));
    slo->tiers = kept;
    slo->tier_count = n;
}

int64_t tier_window_start(int64_t t_us, int64_t length_us)
{
    int64_t step = length_us <= USEC_PER_HOUR      ? EVALUATE_EVERY_US
                   : length_us <= 3 * USEC_PER_DAY ? USEC_PER_MIN
                                                   : USEC_PER_HOUR;
    int64_t start = t_us - length_us;
    int64_t over = start % step;
    return start - (over < 0 ? over + step : over);
}

struct tier_counts tier_counts_make(const struct slo_def *slo, struct counts c, int64_t slots)
{
    c = slo_apply_no_data(c, slo->no_data);
    struct tier_counts v = {c.bad, counts_total(c), sli_observed(&slo->sli, c), slots - c.excluded};
    if (v.expected < v.observed)
        v.expected = v.observed;
    return v;
}

double tier_burn(struct tier_counts c, struct decimal target)
{
    if (c.observed == c.total)
        return budget_burn(c.bad, c.expected, target);
    if (c.expected <= 0)
        return 0;
    return budget_burn(c.bad, c.total, target) * (double)c.observed / (double)c.expected;
}

static bool burns(struct tier_counts c, struct decimal target, struct decimal factor)
{
    if (c.observed == c.total)
        return budget_burns_at(c.bad, c.expected, target, factor);
    return budget_burns_partly(c.bad, c.total, c.observed, c.expected, target, factor);
}

bool tier_fires(const struct tier_def *tier, struct decimal target, struct tier_counts lng,
                struct tier_counts shrt)
{
    return lng.bad >= tier->min_failures && burns(lng, target, tier->factor) &&
           burns(shrt, target, tier->factor);
}

bool tier_may_clear(struct tier_counts shrt)
{
    return 2 * shrt.observed >= shrt.expected;
}

/* The smallest k with k / slots >= factor * (1 - target), by halving. */
static int64_t fewest_bad(int64_t slots, struct decimal target, struct decimal factor)
{
    int64_t low = 1, high = slots;
    if (!budget_burns_at(slots, slots, target, factor))
        return 0;
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        if (budget_burns_at(mid, slots, target, factor))
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

int64_t tier_failures_to_fire(const struct tier_def *tier, struct decimal target,
                              int64_t interval_us)
{
    assert(interval_us > 0);
    int64_t in_long = tier->long_us / interval_us, in_short = tier->short_us / interval_us;
    if (in_short < 1)
        in_short = 1;
    int64_t k = fewest_bad(in_long, target, tier->factor);
    int64_t k_short = fewest_bad(in_short, target, tier->factor);
    if (k == 0 || k_short == 0)
        return 0;
    if (k < k_short)
        k = k_short;
    if (k < tier->min_failures)
        k = tier->min_failures;
    return k <= in_long ? k : 0;
}
