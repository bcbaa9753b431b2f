#include "slo/tiers.h"

#include "base/mem.h"
#include "nines/probe.h"
#include "slo/budget.h"
#include "slo/composite.h"
#include "slo/expected.h"
#include "slo/window.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct tier_def default_tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 0},
    {SEVERITY_PAGE, 6 * USEC_PER_HOUR, 30 * USEC_PER_MIN, {6, 0}, 0},
    {SEVERITY_TICKET, USEC_PER_DAY, 2 * USEC_PER_HOUR, {3, 0}, 0},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, 0},
};

/* ---- what both kinds have in common ----------------------------------------------- */

int64_t tier_window_step(int64_t length_us)
{
    return length_us <= USEC_PER_HOUR      ? EVALUATE_EVERY_US
           : length_us <= 3 * USEC_PER_DAY ? USEC_PER_MIN
                                           : USEC_PER_HOUR;
}

static int64_t round_up(int64_t us, int64_t step_us)
{
    return (us + step_us - 1) / step_us * step_us;
}

static int64_t least_short(const struct probe_def *probe)
{
    return 2 * probe->interval_us + probe->timeout_us;
}

/* Of all that the objective counts: the probe whose results take longest to come. */
static const struct probe_def *slowest_probe(const struct slo_def *slo)
{
    const struct probe_def *slowest = slo_part(slo, 0)->probe;
    for (size_t i = 1; i < slo_part_count(slo); i++)
        if (least_short(slo_part(slo, i)->probe) > least_short(slowest))
            slowest = slo_part(slo, i)->probe;
    return slowest;
}

static int64_t stretch_short(int64_t short_us, const struct slo_def *slo)
{
    int64_t least = least_short(slowest_probe(slo));
    int64_t us = round_up(least < short_us ? short_us : least, USEC_PER_MIN);
    return round_up(us, tier_window_step(us));
}

int64_t tier_unit_us(const struct slo_def *slo)
{
    int64_t longest = slo->slice_us;
    if (slo->method != METHOD_OCCURRENCES)
        return longest;
    for (size_t i = 0; i < slo_part_count(slo); i++)
        if (slo_part(slo, i)->probe->interval_us > longest)
            longest = slo_part(slo, i)->probe->interval_us;
    return longest;
}

static bool unreachable(const struct slo_def *slo, struct decimal factor)
{
    uint128 unit = (uint128)decimal_pow10(factor.scale);
    if (slo->member_count == 0)
        return budget_unreachable(slo->target, factor);
    return !wide_at_least(composite_largest_burn(slo), unit, COMPOSITE_PARTS, (uint128)factor.n);
}

/* For messages: rounded down to two decimals. */
static struct decimal largest_burn(const struct slo_def *slo)
{
    if (slo->member_count == 0)
        return budget_largest_burn(slo->target);
    uint128 hundredths = composite_largest_burn(slo) / (COMPOSITE_PARTS / 100);
    return decimal_lowest((struct decimal){(int64_t)hundredths, 2});
}

static bool too_few(const struct slo_def *slo, const struct tier_def *t)
{
    return t->long_us / tier_unit_us(slo) < 2LL * t->min_failures;
}

static int min_failures(const struct slo_def *slo)
{
    return slo->min_failures ? slo->min_failures : TIER_MIN_FAILURES;
}

/* ---- the default ones ------------------------------------------------------------- */

static void warn_dropped(struct diag *diag, struct pos pos, const struct tier_def *t,
                         const char *why)
{
    char lng[UNITS_MAX], factor[UNITS_MAX];
    diag_warning(diag, pos, "the %s tier %s over %s is left out: %s", severity_name(t->severity),
                 decimal_text(factor, t->factor), units_duration(lng, t->long_us), why);
}

static bool suits(const struct slo_def *slo, const struct tier_def *t, struct diag *diag)
{
    char why[128], most[UNITS_MAX];
    if (unreachable(slo, t->factor)) {
        snprintf(why, sizeof(why), "even a total outage of this objective burns at %s only",
                 decimal_text(most, largest_burn(slo)));
        warn_dropped(diag, slo->pos, t, why);
        return false;
    }
    if (too_few(slo, t)) {
        warn_dropped(diag, slo->pos, t,
                     slo->method == METHOD_OCCURRENCES ? "the probe runs too rarely for that window"
                                                       : "slices are too long for that window");
        return false;
    }
    return true;
}

static size_t make_default(const struct slo_def *slo, struct diag *diag,
                           struct tier_def out[static TIERS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < countof(default_tiers); i++) {
        struct tier_def t = default_tiers[i];
        t.min_failures = min_failures(slo);
        if (t.long_us >= window_nominal_us(&slo->window) || !suits(slo, &t, diag))
            continue;
        t.short_us = stretch_short(t.short_us, slo);
        out[n++] = t;
    }
    return n;
}

/* ---- declared ones ---------------------------------------------------------------- */

static void check_factor(const struct slo_def *slo, const struct tier_decl *d,
                         const struct tier_def *t, struct diag *diag)
{
    char factor[UNITS_MAX], share[UNITS_MAX], lng[UNITS_MAX], most[UNITS_MAX], target[UNITS_MAX];
    const struct decimal one = {1, 0};
    decimal_text(factor, t->factor);
    if (decimal_cmp(t->factor, one) < 0)
        diag_error(diag, d->burn_pos,
                   "budget: to spend %s of the budget of %s in %s is a burn rate of %s; below 1 "
                   "there is budget over at the window's end: a larger share, or a shorter window",
                   decimal_percent(share, d->budget), slo->window.text,
                   units_duration(lng, d->long_us), factor);
    else if (unreachable(slo, t->factor))
        diag_error(diag, d->burn_pos,
                   "%s: a burn rate of %s is out of reach: at an objective of %s even a total "
                   "outage burns at %s only",
                   d->budget.n ? "budget" : "factor", factor, decimal_percent(target, slo->target),
                   decimal_text(most, largest_burn(slo)));
}

static void check_long(const struct slo_def *slo, const struct tier_decl *d,
                       const struct tier_def *t, struct diag *diag)
{
    char lng[UNITS_MAX], unit[UNITS_MAX];
    units_duration(lng, t->long_us);
    if (t->long_us > window_nominal_us(&slo->window))
        diag_error(diag, d->long_pos, "long: %s is longer than the window of the SLO (%s)", lng,
                   slo->window.text);
    else if (too_few(slo, t))
        diag_error(diag, d->long_pos,
                   "long: %s holds %lld %s of %s; for min_failures of %d it must hold %d", lng,
                   (long long)(t->long_us / tier_unit_us(slo)),
                   slo->method == METHOD_OCCURRENCES ? "slots" : "slices",
                   units_duration(unit, tier_unit_us(slo)), t->min_failures, 2 * t->min_failures);
}

static void check_short(const struct slo_def *slo, const struct tier_decl *d,
                        const struct tier_def *t, struct diag *diag)
{
    char declared[UNITS_MAX], needed[UNITS_MAX], lng[UNITS_MAX];
    units_duration(needed, t->short_us);
    if (t->short_us >= t->long_us)
        diag_error(diag, d->long_pos,
                   "long: the short window is at least %s, two intervals and a timeout of the "
                   "probe '%s' in whole minutes; a long one of %s is no longer than that",
                   needed, slowest_probe(slo)->id, units_duration(lng, t->long_us));
    else if (d->short_us && d->short_us != t->short_us)
        diag_warning(diag, d->short_pos,
                     "short: %s is stretched to %s, two intervals and a timeout of the probe '%s' "
                     "in whole minutes",
                     units_duration(declared, d->short_us), needed, slowest_probe(slo)->id);
}

/* Their metrics would have the same labels. */
static void check_distinct(const struct tier_decl *d, const struct tier_def *tiers, size_t i,
                           struct diag *diag)
{
    const struct tier_def *t = &tiers[i];
    char lng[UNITS_MAX], shrt[UNITS_MAX];
    for (size_t k = 0; k < i; k++) {
        if (tiers[k].severity != t->severity || tiers[k].long_us != t->long_us ||
            tiers[k].short_us != t->short_us)
            continue;
        diag_error(diag, d->pos, "two %s tiers have the windows %s and %s",
                   severity_name(t->severity), units_duration(lng, t->long_us),
                   units_duration(shrt, t->short_us));
        return;
    }
}

static size_t make_declared(const struct slo_def *slo, struct diag *diag,
                            struct tier_def out[static TIERS_MAX])
{
    assert(slo->declared_count <= TIERS_MAX);
    for (size_t i = 0; i < slo->declared_count; i++) {
        const struct tier_decl *d = &slo->declared[i];
        int64_t shrt = d->short_us ? d->short_us : d->long_us / 12;
        struct tier_def t = {d->severity, d->long_us, stretch_short(shrt, slo), d->factor,
                             d->min_failures ? d->min_failures : min_failures(slo)};
        if (d->budget.n)
            t.factor = budget_share_factor(d->budget, window_nominal_us(&slo->window), d->long_us);
        out[i] = t;
        check_factor(slo, d, &t, diag);
        check_long(slo, d, &t, diag);
        check_short(slo, d, &t, diag);
        check_distinct(d, out, i, diag);
    }
    return slo->declared_count;
}

size_t tiers_make(const struct slo_def *slo, struct diag *diag,
                  struct tier_def out[static TIERS_MAX])
{
    assert(tier_unit_us(slo) > 0);
    return slo->declared ? make_declared(slo, diag, out) : make_default(slo, diag, out);
}

void slo_finish(struct slo_def *slo, struct decode *c)
{
    struct tier_def tiers[TIERS_MAX];
    slo->tiers = NULL;
    slo->tier_count = 0;
    if (!slo->alerting || !slo_part(slo, 0)->probe)
        return;
    size_t n = tiers_make(slo, c->diag, tiers);
    if (n == 0)
        return;
    struct tier_def *kept = arena_alloc(c->arena, n * sizeof(*kept));
    memcpy(kept, tiers, n * sizeof(*kept));
    slo->tiers = kept;
    slo->tier_count = n;
}

/* ---- windows ---------------------------------------------------------------------- */

int64_t tier_window_start(int64_t t_us, int64_t length_us)
{
    int64_t step = tier_window_step(length_us);
    int64_t start = t_us - length_us;
    int64_t over = start % step;
    return start - (over < 0 ? over + step : over);
}

struct tier_counts tier_counts_make(const struct slo_def *slo, struct counts c, int64_t slots)
{
    c = slo_apply_no_data(slo, c);
    const int64_t whole = sli_event(&slo->sli);
    struct tier_counts v = {.bad = c.bad,
                            .total = counts_total(c),
                            .observed = sli_observed(&slo->sli, c) * whole,
                            .expected = (slots - c.excluded) * whole,
                            .whole = whole};
    if (v.expected < v.observed)
        v.expected = v.observed;
    return v;
}

double tier_burn(struct tier_counts c, struct decimal target)
{
    if (c.summed)
        return (double)c.burn / (double)COMPOSITE_PARTS;
    if (c.observed == c.total)
        return budget_burn(c.bad, c.expected, target);
    if (c.expected <= 0)
        return 0;
    return budget_burn(c.bad, c.total, target) * (double)c.observed / (double)c.expected;
}

static bool burns(struct tier_counts c, struct decimal target, struct decimal factor)
{
    if (c.summed)
        return wide_at_least(c.burn, (uint128)decimal_pow10(factor.scale), COMPOSITE_PARTS,
                             (uint128)factor.n);
    if (c.observed == c.total)
        return budget_burns_at(c.bad, c.expected, target, factor);
    return budget_burns_partly(c.bad, c.total, c.observed, c.expected, target, factor);
}

bool tier_long_burns(const struct tier_def *tier, struct decimal target, struct tier_counts lng)
{
    int64_t whole = lng.whole ? lng.whole : 1;
    return lng.bad >= tier->min_failures * whole && burns(lng, target, tier->factor);
}

bool tier_fires(const struct tier_def *tier, struct decimal target, struct tier_counts lng,
                struct tier_counts shrt)
{
    return tier_long_burns(tier, target, lng) && burns(shrt, target, tier->factor);
}

bool tier_may_clear(struct tier_counts shrt)
{
    return !shrt.blind && 2 * shrt.observed >= shrt.expected;
}

int64_t tier_fewest(int64_t slots, struct decimal target, struct decimal factor)
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
    int64_t k = tier_fewest(in_long, target, tier->factor);
    int64_t k_short = tier_fewest(in_short, target, tier->factor);
    if (k == 0 || k_short == 0)
        return 0;
    if (k < k_short)
        k = k_short;
    if (k < tier->min_failures)
        k = tier->min_failures;
    return k <= in_long ? k : 0;
}
