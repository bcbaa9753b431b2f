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
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIERS_MAX 16
#define EVALUATE_EVERY_US (10 * USEC_PER_SEC)

/* The `default` tiers that suit this SLO: 14.4 (1h/5m) and 6 (6h/30m) page,
 * 3 (1d/2h) and 1 (3d/6h) ticket; those not shorter than the SLO's window,
 * unreachable ones (F > 1/(1-T)) and those whose long window holds fewer than
 * 2 * min_failures slots are dropped, the latter two with a warning. Short
 * windows are stretched to max(short, 2 * interval + timeout), rounded up to a
 * minute. Returns the number written. */
size_t tiers_default(struct decimal target, int64_t slo_window_us, int64_t interval_us,
                     int64_t timeout_us, struct pos pos, struct diag *diag,
                     struct tier_def out[static TIERS_MAX]);

/* Gives a decoded SLO its tiers: the default ones if it alerts and its probe
 * is resolved. Hook of the configuration loader; warnings go to c->diag. */
void slo_finish(struct slo_def *slo, struct decode *c);

/* Start of a tier window that ends at t: t - L floored to 10 s for L up to
 * 1 h, to 1 min up to 3 d, to 1 h beyond. */
int64_t tier_window_start(int64_t t_us, int64_t length_us);

/* What one window saw: events, and slots. */
struct tier_counts {
    int64_t bad, total;
    int64_t observed, expected;
};

/* Counts of a window of the SLO that holds `slots` scheduled slots: silent ones
 * are what its no_data says, excluded ones are not expected, and nothing
 * observed is unexpected. */
struct tier_counts tier_counts_make(const struct slo_def *slo, struct counts c, int64_t slots);
/* Its burn rate, for people. */
double tier_burn(struct tier_counts c, struct decimal target);

bool tier_fires(const struct tier_def *tier, struct decimal target, struct tier_counts lng,
                struct tier_counts shrt);

/* A firing tier must not clear while less than half of the short window's
 * expected slots are observed. */
bool tier_may_clear(struct tier_counts shrt);

/* The smallest number of failures in a row that fires the tier at this
 * interval, max(k, min_failures); 0 when it can never fire. For lint. */
int64_t tier_failures_to_fire(const struct tier_def *tier, struct decimal target,
                              int64_t interval_us);
