/*
 * What an objective and its tiers are worth at the interval that its probe runs
 * at, before anything ran: for `nines check`. All of it follows from slots, the
 * grid of evaluations and the exact rules of slo/tiers.h; docs/numbers.md says how.
 *
 * Runs stand for slices where the budget is counted in those. The events of a
 * ratio SLI are not runs: of those only the times hold, at a steady rate of events.
 */
#pragma once

#include "nines/slo.h"

#include <stdbool.h>
#include <stdint.h>

#define LINT_CALM 3 /* fewer failed runs than this are no reason to wake somebody */

struct lint_slo {
    bool counted;     /* false: a ratio SLI or a composite, of which nothing of the following
                         is known */
    int64_t expected; /* runs of a whole window, within the probe's hours */
    int64_t allowed;  /* failed ones among those that leave the objective met */
    double proven;    /* lower end of the interval of confidence if none of them fails */
};

/* The SLO's probe, or its members, are resolved. */
void lint_slo(const struct slo_def *slo, struct lint_slo *ret);

struct lint_tier {
    int64_t fewest;   /* failed runs in a row that fire it */
    int64_t by_ratio; /* the same if min_failures were 1 */
    /* How long it can take to fire after a total outage begins, and to fall quiet
     * after one ends that lasted at least its short window. A run that hangs fails
     * at its timeout; that is part of it, as is what the alert waits for. */
    int64_t detect_us, reset_us;
    /* The longest interval, in whole seconds, at which LINT_CALM failed runs are
     * needed for its ratio. 0: they are already, or at no interval of seconds. */
    int64_t calm_us;
};

/* Not of a composite: what one failure burns there depends on whose it is. */
void lint_tier(const struct slo_def *slo, const struct tier_def *tier, struct lint_tier *ret);
