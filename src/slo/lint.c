#include "slo/lint.h"

#include "base/wide.h"
#include "nines/probe.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/tiers.h"
#include "slo/window.h"

#include <assert.h>

#define MONDAY_US (4 * USEC_PER_DAY) /* service hours are those of weeks */

static bool counts_runs(const struct slo_def *slo)
{
    return slo->member_count == 0 && (!slo->sli.metric || slo->sli.metric->kind != SLI_RATIO);
}

static int64_t runs_of(const struct slo_def *slo, int64_t length_us)
{
    int64_t unit = tier_unit_us(slo);
    struct probe_revision rev = {.interval_us = unit, .hours = slo->probe->hours};
    if (slo->method != METHOD_OCCURRENCES || !slo->probe->hours)
        return length_us / unit;
    return expected_slots(&rev, 1, MONDAY_US, MONDAY_US + length_us);
}

static int64_t allowed_of(int64_t expected, struct decimal target)
{
    struct decimal miss = decimal_one_minus(target);
    return (int64_t)((uint128)expected * (uint128)miss.n / (uint128)decimal_pow10(miss.scale));
}

void lint_slo(const struct slo_def *slo, struct lint_slo *ret)
{
    double high;
    *ret = (struct lint_slo){.counted = counts_runs(slo)};
    if (!ret->counted)
        return;
    ret->expected = runs_of(slo, window_nominal_us(&slo->window));
    ret->allowed = allowed_of(ret->expected, slo->target);
    if (ret->expected > 0)
        budget_wilson((struct counts){.good = ret->expected}, &ret->proven, &high);
}

/* ---- tiers ---------------------------------------------------------------------- */

/* How much longer than its length a window can be: it begins at a whole step and
 * ends on the grid. */
static int64_t slack(int64_t length_us)
{
    return tier_window_step(length_us) - EVALUATE_EVERY_US;
}

/* The most slots that a window of the length can hold. */
static int64_t most_slots(int64_t length_us, int64_t unit_us)
{
    return (length_us + slack(length_us) + unit_us - 1) / unit_us;
}

/*
 * Slots fall anywhere in windows and on the grid, so both are bounds: the windows
 * that ask for the most failures, the outage that begins just after a slot and ends
 * just after one, and an evaluation that has just been missed. A slice is known when
 * it ends: the one that an outage begins in may still be good, and the one that it
 * ends in bad already.
 */
static int64_t part_slice(const struct slo_def *slo)
{
    return slo->method == METHOD_OCCURRENCES ? 0 : slo->slice_us;
}

static int64_t longest_detect(const struct slo_def *slo, const struct tier_def *tier)
{
    int64_t unit = tier_unit_us(slo);
    int64_t lng = tier_fewest(most_slots(tier->long_us, unit), slo->target, tier->factor);
    int64_t shrt = tier_fewest(most_slots(tier->short_us, unit), slo->target, tier->factor);
    int64_t k = lng > shrt ? lng : shrt;
    if (k < tier->min_failures)
        k = tier->min_failures;
    return k * unit + part_slice(slo) + slo->probe->timeout_us + slo->for_us + EVALUATE_EVERY_US;
}

static int64_t longest_reset(const struct slo_def *slo, const struct tier_def *tier)
{
    int64_t unit = tier_unit_us(slo), least = tier->short_us / unit;
    int64_t k = tier_fewest(least > 0 ? least : 1, slo->target, tier->factor);
    return tier->short_us + slack(tier->short_us) + part_slice(slo) - (k - 1) * unit +
           EVALUATE_EVERY_US;
}

static bool is_calm(const struct slo_def *slo, const struct tier_def *tier, int64_t interval_us)
{
    int64_t slots = tier->long_us / interval_us;
    return tier_fewest(slots > 0 ? slots : 1, slo->target, tier->factor) >= LINT_CALM;
}

static int64_t calm_interval(const struct slo_def *slo, const struct tier_def *tier)
{
    int64_t low = 1, high = slo->probe->interval_us / USEC_PER_SEC;
    if (high < 1 || is_calm(slo, tier, slo->probe->interval_us) ||
        !is_calm(slo, tier, low * USEC_PER_SEC))
        return 0;
    while (low < high) {
        int64_t mid = low + (high - low + 1) / 2;
        if (is_calm(slo, tier, mid * USEC_PER_SEC))
            low = mid;
        else
            high = mid - 1;
    }
    return low * USEC_PER_SEC;
}

void lint_tier(const struct slo_def *slo, const struct tier_def *tier, struct lint_tier *ret)
{
    struct tier_def alone = *tier;
    alone.min_failures = 1;
    *ret = (struct lint_tier){
        .fewest = tier_failures_to_fire(tier, slo->target, tier_unit_us(slo)),
        .by_ratio = tier_failures_to_fire(&alone, slo->target, tier_unit_us(slo)),
        .detect_us = longest_detect(slo, tier),
        .reset_us = longest_reset(slo, tier),
    };
    if (slo->method == METHOD_OCCURRENCES && counts_runs(slo))
        ret->calm_us = calm_interval(slo, tier);
}
