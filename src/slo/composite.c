#include "slo/composite.h"

#include "base/wide.h"
#include "nines/probe.h"
#include "slo/slices.h"

#include <assert.h>

/* ---- budgets ------------------------------------------------------------------ */

uint128 composite_term(struct decimal weight, uint128 spent, uint128 allowed)
{
    assert(weight.n > 0 && weight.scale <= 6);
    if (allowed == 0)
        return 0;
    return wide_quotient((uint128)weight.n * COMPOSITE_PARTS, spent,
                         (uint128)decimal_pow10(weight.scale), allowed);
}

struct budget_use composite_use(const struct slo_def *slo, const struct budget_use *uses)
{
    struct budget_use all = {.one = COMPOSITE_PARTS};
    for (size_t i = 0; i < slo->member_count; i++) {
        if (uses[i].allowed == 0)
            continue;
        all.allowed = COMPOSITE_PARTS;
        all.spent += composite_term(slo->members[i].weight, uses[i].spent, uses[i].allowed);
    }
    return all;
}

/* w / B */
static uint128 outage(struct decimal weight, struct decimal target)
{
    struct decimal miss = decimal_one_minus(target);
    return composite_term(weight, (uint128)decimal_pow10(miss.scale), (uint128)miss.n);
}

static uint128 at_most(uint128 a, uint128 b)
{
    return a < b ? a : b;
}

static uint128 slice_outage(const struct slo_def *slo, uint128 lost)
{
    struct decimal miss = decimal_one_minus(slo->target);
    return at_most(lost, COMPOSITE_PARTS) * (uint128)decimal_pow10(miss.scale) / (uint128)miss.n;
}

/* A whole slice of one member, in parts of 10^-12. */
static uint128 slice_lost(const struct slo_def *slo, size_t i)
{
    return slo->method == METHOD_TIMESLICES ? COMPOSITE_PARTS
                                            : composite_term(slo->members[i].weight, 1, 1);
}

uint128 composite_largest_burn(const struct slo_def *slo)
{
    uint128 sum = 0;
    for (size_t i = 0; i < slo->member_count; i++)
        sum += slo->method == METHOD_OCCURRENCES
                   ? outage(slo->members[i].weight, slo->members[i].as->target)
                   : slice_lost(slo, i);
    return slo->method == METHOD_OCCURRENCES ? sum : slice_outage(slo, sum);
}

uint128 composite_least_burn(const struct slo_def *slo)
{
    uint128 least = composite_largest_burn(slo);
    for (size_t i = 0; i < slo->member_count; i++)
        least = at_most(least, slo->method == METHOD_OCCURRENCES
                                   ? outage(slo->members[i].weight, slo->members[i].as->target)
                                   : slice_outage(slo, slice_lost(slo, i)));
    return least;
}

void composite_set_target(struct slo_def *slo, struct diag *diag)
{
    uint128 largest = composite_largest_burn(slo), square = COMPOSITE_PARTS;
    square *= COMPOSITE_PARTS;
    uint128 miss = largest ? (square + largest - 1) / largest : square;
    slo->target = (struct decimal){9, 1};
    if (miss >= COMPOSITE_PARTS)
        diag_error(diag, slo->pos,
                   "composite: the weights are so small that even an outage of all members would "
                   "not use up the budget: their sum of weight / (1 - objective) must be above 1");
    else if (miss <= 1)
        diag_error(diag, slo->pos,
                   "composite: the weights are so large that no budget is left: the sum of weight "
                   "/ (1 - objective) must be below 10^12");
    else
        slo->target =
            decimal_lowest((struct decimal){(int64_t)((uint128)COMPOSITE_PARTS - miss), 12});
}

double composite_sli(const struct slo_def *slo, struct counts judged, struct budget_use use)
{
    if (slo->member_count == 0 || slo->method != METHOD_OCCURRENCES)
        return (double)judged.good / (double)counts_total(judged);
    return 1 - budget_consumed(use) * COMPOSITE_PARTS / (double)composite_largest_burn(slo);
}

/* ---- slices -------------------------------------------------------------------- */

uint128 composite_loss(const struct slo_def *slo, size_t member, struct counts worth)
{
    struct decimal weight = slo->members[member].weight;
    if (slo->method == METHOD_TIMESLICES)
        return (uint128)worth.bad;
    return (uint128)worth.bad * (uint128)weight.n / (uint128)decimal_pow10(weight.scale);
}

struct counts composite_slice(const struct slo_def *slo, const struct counts *worth)
{
    uint128 lost = 0, whole = (uint128)slices_whole(slo);
    bool data = false, expected = false;
    for (size_t i = 0; i < slo->member_count; i++) {
        data |= counts_total(worth[i]) > 0;
        expected |= worth[i].silent > 0;
        lost += composite_loss(slo, i, worth[i]);
    }
    int64_t bad = (int64_t)at_most(lost, whole);
    if (!data)
        return (struct counts){.silent = expected};
    return (struct counts){.good = (int64_t)whole - bad, .bad = bad};
}

void composite_expression(const struct slo_def *slo, struct str *out)
{
    const struct decimal one = {1, 0};
    char weight[UNITS_MAX];
    for (size_t i = 0; i < slo->member_count; i++) {
        const struct slo_member *m = &slo->members[i];
        const char *objective = m->slo->objective_name;
        str_add(out, i ? ", " : "");
        if (decimal_cmp(m->weight, one) != 0)
            str_addf(out, "%s x ", decimal_text(weight, m->weight));
        str_addf(out, "%s%s%s", m->slo->name, objective[0] ? "/" : "", objective);
    }
}

void composite_check_slices(const struct slo_def *slo, struct diag *diag)
{
    char slice[UNITS_MAX], interval[UNITS_MAX];
    for (size_t i = 0; i < slo->member_count; i++) {
        const struct slo_def *as = slo->members[i].as;
        if (slo->slice_us >= as->probe->interval_us)
            continue;
        diag_error(diag, slo->slice_pos,
                   "slice: %s is shorter than the interval of the probe '%s' (%s), which the "
                   "member '%s' counts: most of its slices would hold nothing",
                   units_duration(slice, slo->slice_us), as->probe->id,
                   units_duration(interval, as->probe->interval_us), as->name);
    }
}

/* ---- tiers ---------------------------------------------------------------------- */

bool composite_is_blind(const struct slo_def *slo, const struct tier_counts *members)
{
    bool blind = false;
    for (size_t i = 0; !blind && i < slo->member_count; i++)
        blind = !tier_may_clear(members[i]);
    return blind;
}

/* w * (bad / total) * (observed / expected) / B */
static uint128 burn_of(const struct slo_member *m, const struct tier_counts *c)
{
    struct decimal miss = decimal_one_minus(m->as->target);
    uint128 unit = (uint128)m->weight.n * COMPOSITE_PARTS * (uint128)decimal_pow10(miss.scale);
    uint128 over = (uint128)decimal_pow10(m->weight.scale) * (uint128)miss.n;
    if (c->bad == 0 || c->total <= 0 || c->expected <= 0)
        return 0;
    if (c->observed == c->total)
        return wide_quotient(unit, (uint128)c->bad, over, (uint128)c->expected);
    return wide_quotient(unit, (uint128)c->bad * (uint128)c->observed, over,
                         (uint128)c->total * (uint128)c->expected);
}

struct tier_counts composite_tier_counts(const struct slo_def *slo,
                                         const struct tier_counts *members)
{
    struct tier_counts all = {.summed = true, .blind = composite_is_blind(slo, members)};
    for (size_t i = 0; i < slo->member_count; i++) {
        const struct tier_counts *c = &members[i];
        all.bad += c->bad;
        all.total += c->total;
        all.observed += c->observed;
        all.expected += c->expected;
        all.burn += burn_of(&slo->members[i], c);
    }
    return all;
}
