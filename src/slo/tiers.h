/*
 * Multi-window burn-rate tiers: which ones an SLO has, and when one fires.
 *
 * fires: burn(long) >= F and burn(short) >= F and bad(long) >= min_failures,
 * where burn = (bad / total) * (observed / expected) / (1 - T): slots that never
 * ran count as expected, so a young SLO cannot page by division. What is
 * observed of a probe SLI are its events, so that it burns bad / expected; of a
 * metric SLI they are its scrapes.
 */
#pragma once

#include "nines/diag.h"
#include "base/wide.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIERS_MAX 16
#define EVALUATE_EVERY_US (10 * USEC_PER_SEC)

#define TIER_MIN_FAILURES 2

/*
 * The tiers of an SLO that alerts and whose probe is resolved; returns how many.
 *
 * The default ones: 14.4 (1h/5m) and 6 (6h/30m) page, 3 (1d/2h) and 1 (3d/6h)
 * ticket; those not shorter than the SLO's window, unreachable ones (F > 1/(1-T))
 * and those whose long window holds fewer than 2 * min_failures slots are left out,
 * the latter two with a warning.
 *
 * Declared ones: all of them, though what is left out above is an error here, and
 * so are a long window that is longer than the SLO's, F below 1, a short window
 * that had to become as long as the long one, and two tiers of one severity with
 * the same windows. F of a budget share: budget_share_factor().
 *
 * Short windows are stretched to max(short, 2 * interval + timeout), rounded up to
 * a minute, beyond 3 d to an hour; where one was declared that is a warning.
 */
size_t tiers_make(const struct slo_def *slo, struct diag *diag,
                  struct tier_def out[static TIERS_MAX]);

/* What tiers count, events by the slot or slices: how far apart they are. Of a
 * composite's events those of the member that runs most rarely. */
int64_t tier_unit_us(const struct slo_def *slo);

/* Gives a decoded SLO its tiers, if it alerts and its probe is resolved. Hook of
 * the configuration loader: errors and warnings go to c->diag. */
void slo_finish(struct slo_def *slo, struct decode *c);

/* What starts of windows are floored to: 10 s for L up to 1 h, 1 min up to 3 d,
 * 1 h beyond. Lengths of tiers are multiples of it. */
int64_t tier_window_step(int64_t length_us);
/* Start of a tier window that ends at t: t - L floored to its step. */
int64_t tier_window_start(int64_t t_us, int64_t length_us);

/* What one window saw: events, and slots. Of a composite (slo/composite.h) these are
 * sums, or slices, and under Occurrences its rate is no ratio of them. */
struct tier_counts {
    int64_t bad, total;
    int64_t observed, expected;
    int64_t whole; /* what one failure, or slot, is in all of these: the parts of a slice
                      or of an event; 0: 1 */
    bool summed;   /* the rate is `burn` */
    bool blind;    /* a member was observed too little to clear */
    uint128 burn;  /* in 10^-12 */
};

/* Counts of a window of the SLO that holds `slots` scheduled slots: silent ones
 * are what its no_data says, excluded ones are not expected, and nothing
 * observed is unexpected. */
struct tier_counts tier_counts_make(const struct slo_def *slo, struct counts c, int64_t slots);
/* Its burn rate, for people. */
double tier_burn(struct tier_counts c, struct decimal target);

bool tier_fires(const struct tier_def *tier, struct decimal target, struct tier_counts lng,
                struct tier_counts shrt);

/* Its half of that: the long window burns at the factor, and enough in it failed. */
bool tier_long_burns(const struct tier_def *tier, struct decimal target, struct tier_counts lng);

/* A firing tier must not clear while less than half of the short window's
 * expected slots are observed. */
bool tier_may_clear(struct tier_counts shrt);

/* The smallest k of `slots` (> 0) that burns at the factor, k / slots >= F * (1-T);
 * 0: not even all of them do. */
int64_t tier_fewest(int64_t slots, struct decimal target, struct decimal factor);

/* The smallest number of failures in a row that fires the tier at this
 * interval, max(k, min_failures); 0 when it can never fire. For lint. */
int64_t tier_failures_to_fire(const struct tier_def *tier, struct decimal target,
                              int64_t interval_us);
