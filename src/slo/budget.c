#include "slo/budget.h"

#include "base/wide.h"

#include <assert.h>
#include <math.h>

/* share.n * window * 10^12 is at most 10^12 * 3.4e14 * 10^12, which 128 bits hold. */
#define SHARE_WINDOW_MAX_US (3900 * USEC_PER_DAY)

/* Events the target allows in `events`, in units of 10^-scale events. */
static uint128 allowed_units(int64_t events, struct decimal miss)
{
    assert(events >= 0);
    assert(miss.n > 0 && miss.scale >= 0 && miss.scale <= 12);
    return (uint128)events * (uint128)miss.n;
}

static uint128 in_units(int64_t events, struct decimal miss)
{
    assert(events >= 0);
    return (uint128)events * (uint128)decimal_pow10(miss.scale);
}

/* part / whole >= factor * (1 - target) */
static bool burns(uint128 part, uint128 whole, struct decimal target, struct decimal factor)
{
    struct decimal miss = decimal_one_minus(target);
    return wide_at_least(part,
                         (uint128)decimal_pow10(miss.scale) * (uint128)decimal_pow10(factor.scale),
                         whole, (uint128)miss.n * (uint128)factor.n);
}

bool budget_burns_at(int64_t bad, int64_t total, struct decimal target, struct decimal factor)
{
    return total > 0 && burns((uint128)bad, (uint128)total, target, factor);
}

bool budget_burns_partly(int64_t bad, int64_t total, int64_t observed, int64_t expected,
                         struct decimal target, struct decimal factor)
{
    return total > 0 && expected > 0 &&
           burns((uint128)bad * (uint128)observed, (uint128)total * (uint128)expected, target,
                 factor);
}

bool budget_consumed_at_least(struct counts c, struct decimal target, int64_t num, int64_t den)
{
    assert(num >= 0 && den > 0 && den <= 100 && num <= 100 * den);
    if (counts_total(c) <= 0)
        return false;
    struct decimal miss = decimal_one_minus(target);
    return in_units(c.bad, miss) * (uint128)den >=
           allowed_units(counts_total(c), miss) * (uint128)num;
}

bool budget_breached(struct counts c, struct decimal target)
{
    if (counts_total(c) <= 0)
        return false;
    struct decimal miss = decimal_one_minus(target);
    return in_units(c.bad, miss) > allowed_units(counts_total(c), miss);
}

bool budget_is_conclusive(struct counts c, struct decimal target)
{
    struct decimal miss = decimal_one_minus(target);
    return allowed_units(counts_total(c), miss) >= in_units(1, miss);
}

bool budget_unreachable(struct decimal target, struct decimal factor)
{
    return !budget_burns_at(1, 1, target, factor);
}

struct decimal budget_largest_burn(struct decimal target)
{
    struct decimal miss = decimal_one_minus(target);
    assert(miss.n > 0 && miss.scale <= 12);
    return decimal_lowest((struct decimal){decimal_pow10(miss.scale + 2) / miss.n, 2});
}

struct decimal budget_share_factor(struct decimal share, int64_t window_us, int64_t part_us)
{
    assert(share.n >= 0 && share.n <= decimal_pow10(share.scale) && share.scale <= 12);
    assert(window_us > 0 && window_us <= SHARE_WINDOW_MAX_US && part_us > 0);
    uint128 over = (uint128)decimal_pow10(share.scale) * (uint128)part_us;
    uint128 spent = (uint128)share.n * (uint128)window_us;
    int scale = 12;
    while (spent * (uint128)decimal_pow10(scale) / over > INT64_MAX)
        scale--;
    int64_t n = (int64_t)(spent * (uint128)decimal_pow10(scale) / over);
    return decimal_lowest((struct decimal){n, scale});
}

enum slo_state budget_state(struct counts c, struct decimal target, int64_t first_event_us,
                            int64_t window_start_us)
{
    if (counts_total(c) == 0)
        return SLO_NO_DATA;
    if (budget_breached(c, target))
        return SLO_BREACHED;
    if (first_event_us > window_start_us)
        return SLO_WARMING;
    if (budget_consumed_at_least(c, target, 3, 4))
        return SLO_AT_RISK;
    return SLO_MET;
}

double budget_burn(int64_t bad, int64_t total, struct decimal target)
{
    if (total <= 0)
        return 0;
    struct decimal miss = decimal_one_minus(target);
    return (double)in_units(bad, miss) / (double)allowed_units(total, miss);
}

double budget_allowed(int64_t events, struct decimal target)
{
    struct decimal miss = decimal_one_minus(target);
    return (double)allowed_units(events, miss) / (double)decimal_pow10(miss.scale);
}

/* allowed - bad in units: the subtraction is exact, so 0 is 0 and no digits
 * cancel. */
static double left_units(struct counts c, struct decimal miss)
{
    uint128 allowed = allowed_units(counts_total(c), miss), bad = in_units(c.bad, miss);
    return allowed >= bad ? (double)(allowed - bad) : -(double)(bad - allowed);
}

double budget_remaining(struct counts c, struct decimal target)
{
    if (counts_total(c) <= 0)
        return 1;
    struct decimal miss = decimal_one_minus(target);
    return left_units(c, miss) / (double)allowed_units(counts_total(c), miss);
}

void budget_wilson(struct counts c, double *ret_low, double *ret_high)
{
    assert(counts_total(c) > 0);
    const double z2 = 1.959963984540054 * 1.959963984540054; /* 97.5th percentile, squared */
    double n = (double)counts_total(c), good = (double)c.good, bad = (double)c.bad;
    double spread = sqrt(z2 * (good * bad / n + z2 / 4));
    /* Exact ends: the square root would leave 1e-17 where there must be 0. */
    *ret_low = c.good == 0 ? 0 : (good + z2 / 2 - spread) / (n + z2);
    *ret_high = c.bad == 0 ? 1 : (good + z2 / 2 + spread) / (n + z2);
}

void budget_fill(struct report_slo *r, struct counts c, struct decimal target,
                 int64_t expected_whole)
{
    r->has_budget = counts_total(c) > 0;
    r->allowed = r->consumed = r->remaining = 0;
    r->consumed_ratio = r->remaining_ratio = 0;
    r->projected = budget_allowed(expected_whole, target);
    if (!r->has_budget)
        return;
    struct decimal miss = decimal_one_minus(target);
    r->allowed = budget_allowed(counts_total(c), target);
    r->consumed = (double)c.bad;
    r->remaining = left_units(c, miss) / (double)decimal_pow10(miss.scale);
    r->consumed_ratio = budget_burn(c.bad, counts_total(c), target);
    r->remaining_ratio = budget_remaining(c, target);
}
