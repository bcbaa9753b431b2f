#include "slo/budget.h"

#include "base/mem.h"
#include "base/wide.h"

#include <assert.h>
#include <math.h>

/* share.n * window * 10^12 is at most 10^12 * 3.4e14 * 10^12, which 128 bits hold. */
#define SHARE_WINDOW_MAX_US (3900 * USEC_PER_DAY)

#define PARTS ((uint128)1000000000000) /* of what is counted: targets have 12 decimals */

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

/* ---- budgets --------------------------------------------------------------------- */

static uint128 to_parts(struct decimal d)
{
    assert(d.n >= 0 && d.scale >= 0 && d.scale <= 12);
    return (uint128)d.n * (uint128)decimal_pow10(12 - d.scale);
}

uint128 budget_allows(struct decimal target, int64_t n, int64_t whole)
{
    assert(n >= 0 && whole > 0);
    return to_parts(decimal_one_minus(target)) * (uint128)n * (uint128)whole;
}

struct budget_use budget_use_make(struct counts c, struct decimal target, int64_t whole)
{
    assert(c.good >= 0 && c.bad >= 0);
    return (struct budget_use){.spent = (uint128)c.bad * PARTS,
                               .allowed = budget_allows(target, counts_total(c), 1),
                               .one = (uint128)whole * PARTS};
}

void budget_use_add(struct budget_use *into, struct budget_use part)
{
    assert(into->one == 0 || into->one == part.one);
    into->spent += part.spent;
    into->allowed += part.allowed;
    into->one = part.one;
}

struct budget_use budget_use_with(struct budget_use u, int64_t bad)
{
    assert(bad >= 0);
    u.spent = (uint128)bad * PARTS;
    return u;
}

bool budget_consumed_at_least(struct budget_use u, struct decimal ratio)
{
    return u.allowed > 0 &&
           wide_at_least(u.spent, (uint128)decimal_pow10(ratio.scale), u.allowed, (uint128)ratio.n);
}

/* The lowest first. A product of two uses and a time has more than 256 bits. */
struct widest {
    uint128 at[3];
};

static struct widest product_of_three(uint128 a, uint128 b, int64_t c)
{
    struct wide ab = wide_product(a, b);
    struct wide low = wide_product(ab.low, (uint128)c), high = wide_product(ab.high, (uint128)c);
    uint128 middle = low.high + high.low;
    return (struct widest){{low.low, middle, high.high + (middle < low.high)}};
}

static bool is_at_most(const struct widest *a, const struct widest *b)
{
    size_t i = countof(a->at) - 1;
    while (i > 0 && a->at[i] == b->at[i])
        i--;
    return a->at[i] <= b->at[i];
}

bool budget_exhausts_within(struct budget_use u, const struct budget_pace *p, int64_t within_us)
{
    uint128 rest = u.spent < u.allowed ? u.allowed - u.spent : 0;
    if (u.allowed == 0 || p->recent.spent == 0 || p->full == 0)
        return false;
    struct widest need = product_of_three(rest, p->recent.allowed, p->length_us);
    struct widest have = product_of_three(p->recent.spent, p->full, within_us);
    return is_at_most(&need, &have);
}

bool budget_left_below(struct budget_use u, struct decimal ratio)
{
    struct decimal spend = decimal_one_minus(ratio);
    return !wide_at_least(u.allowed, (uint128)spend.n, u.spent,
                          (uint128)decimal_pow10(spend.scale));
}

bool budget_breached(struct budget_use u)
{
    return u.spent > u.allowed;
}

bool budget_is_conclusive(struct budget_use u)
{
    return u.allowed > 0 && u.allowed >= u.one;
}

enum slo_state budget_state(struct budget_use u, int64_t first_event_us, int64_t window_start_us)
{
    if (u.allowed == 0)
        return SLO_NO_DATA;
    if (budget_breached(u))
        return SLO_BREACHED;
    if (first_event_us > window_start_us)
        return SLO_WARMING;
    if (budget_consumed_at_least(u, (struct decimal){75, 2}))
        return SLO_AT_RISK;
    return SLO_MET;
}

double budget_consumed(struct budget_use u)
{
    return u.allowed > 0 ? (double)u.spent / (double)u.allowed : 0;
}

/* The subtraction is exact, so 0 is 0 and no digits cancel. */
static double left(struct budget_use u)
{
    return u.allowed >= u.spent ? (double)(u.allowed - u.spent) : -(double)(u.spent - u.allowed);
}

double budget_remaining(struct budget_use u)
{
    return u.allowed > 0 ? left(u) / (double)u.allowed : 1;
}

/* The whole ones apart: 10^23 is no double, but 10^23 / 10^12 is. */
static double in_ones(uint128 units, uint128 one)
{
    return (double)(units / one) + (double)(units % one) / (double)one;
}

void budget_fill(struct report_slo *r, struct budget_use u, uint128 projected)
{
    uint128 one = u.one > 0 ? u.one : 1;
    r->has_budget = u.allowed > 0;
    r->allowed = r->consumed = r->remaining = 0;
    r->consumed_ratio = r->remaining_ratio = 0;
    r->projected = in_ones(projected, one);
    if (!r->has_budget)
        return;
    r->allowed = in_ones(u.allowed, one);
    r->consumed = in_ones(u.spent, one);
    r->remaining = u.allowed >= u.spent ? in_ones(u.allowed - u.spent, one)
                                        : -in_ones(u.spent - u.allowed, one);
    r->consumed_ratio = budget_consumed(u);
    r->remaining_ratio = budget_remaining(u);
}

/* ---- burn rates ------------------------------------------------------------------ */

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
