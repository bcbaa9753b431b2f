/*
 * Composites: what the budgets and slices of several objectives make of one, by
 * weight. Pure, in integers; docs/numbers.md, "Composites", has the formulas.
 *
 * Shares of a budget and burn rates are whole numbers of 10^-12 here: each member's is
 * cut there, and their sum is exact.
 */
#pragma once

#include "base/str.h"
#include "nines/diag.h"
#include "nines/slo.h"
#include "slo/budget.h"
#include "slo/tiers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPOSITE_PARTS 1000000000000

/* weight * spent / allowed, both at most 2^120; 0 if nothing is allowed. */
uint128 composite_term(struct decimal weight, uint128 spent, uint128 allowed);

/* The budget of a composite under Occurrences, of its members' uses in their order:
 * spent is the share in 10^-12, allowed 10^12, or 0 if no member has data. */
struct budget_use composite_use(const struct slo_def *slo, const struct budget_use *uses);

/* The rate that all members' outage burns at, in 10^-12: under Occurrences the sum of
 * w / B; under Timeslices 1 / B of the composite, and under RatioTimeslices that times
 * the weights' sum, up to 1. */
uint128 composite_largest_burn(const struct slo_def *slo);
/* The fewest that one member's outage burns, likewise. */
uint128 composite_least_burn(const struct slo_def *slo);

/* Under Occurrences the target is what the members' come to, 1 - 1 / largest burn, cut
 * after the twelfth place. What is not above 0 and below 1 goes to diag. */
void composite_set_target(struct slo_def *slo, struct diag *diag);

/* For people: the SLI of any SLO with data; of a composite under Occurrences 1 - B times
 * what is consumed, of all others the share of what is judged good. */
double composite_sli(const struct slo_def *slo, struct counts judged, struct budget_use use);

/* The worth of a slice (slo/slices.h) of what the slice is worth by each member. */
struct counts composite_slice(const struct slo_def *slo, const struct counts *worth);
/* What of a slice's loss is a member's, before the loss is cut to the whole slice. */
uint128 composite_loss(const struct slo_def *slo, size_t member, struct counts worth);

/* A window for the tiers of a composite under Occurrences: sums, and the rate. */
struct tier_counts composite_tier_counts(const struct slo_def *slo,
                                         const struct tier_counts *members);
/* Some member was observed too little for a tier to clear. */
bool composite_is_blind(const struct slo_def *slo, const struct tier_counts *members);

/* For people: "api-availability, 2 x checkout/goal". */
void composite_expression(const struct slo_def *slo, struct str *out);

/* Slices must hold a run of every member. */
void composite_check_slices(const struct slo_def *slo, struct diag *diag);
