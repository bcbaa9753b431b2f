/*
 * Error budgets from counts, in integers: which side of an objective a count
 * is on is never decided in floating point. Formulas: docs/numbers.md.
 *
 * Target T = n / 10^s, 0 <= T < 1. Occurrences: consumed = bad / ((1-T) * V).
 * Counts are at most BUDGET_EVENTS_MAX together, for which all that is decided
 * is exact. Doubles given back are finite and never a negative zero.
 */
#pragma once

#include "base/wide.h"
#include "nines/report.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_EVENTS_MAX INT64_MAX

/*
 * What is spent of a budget: spent / allowed, both in one unit of the maker's choice
 * and at most 2^120. allowed 0: there is no data. All that is decided by a budget is
 * decided by this, whatever it was made of: one target, several in turn, or members.
 */
struct budget_use {
    uint128 spent, allowed;
};

/* bad / total >= factor * (1 - target), exactly; total 0 is false. */
bool budget_burns_at(int64_t bad, int64_t total, struct decimal target, struct decimal factor);
/* The same of (bad / total) * (observed / expected). */
bool budget_burns_partly(int64_t bad, int64_t total, int64_t observed, int64_t expected,
                         struct decimal target, struct decimal factor);

/* consumed >= num/den of the budget (den <= 100), exactly; no events is false. */
bool budget_consumed_at_least(struct counts c, struct decimal target, int64_t num, int64_t den);

/* The budget is used up beyond what the objective allows: bad > (1-T) * V. */
bool budget_breached(struct counts c, struct decimal target);

/* V >= 1 / (1-T): enough events that one bad one is not a breach by itself. */
bool budget_is_conclusive(struct counts c, struct decimal target);

/* factor > 1 / (1-T): a burn rate that even a total outage does not reach. */
bool budget_unreachable(struct decimal target, struct decimal factor);

/* 1 / (1-T), the burn rate of a total outage, rounded down to two decimals. */
struct decimal budget_largest_burn(struct decimal target);

/* The burn rate that spends `share` (at most 1) of the budget of a window in a
 * part of it: share * window / part. Rounded down at the twelfth decimal, or the
 * last that an int64_t holds, so a tier fires at the exact rate as well. */
struct decimal budget_share_factor(struct decimal share, int64_t window_us, int64_t part_us);

/* State in the order of the manual: no_data, breached, warming, at_risk, met. */
enum slo_state budget_state(struct counts c, struct decimal target, int64_t first_event_us,
                            int64_t window_start_us);

/* burn rate for people; 0 when total is 0. */
double budget_burn(int64_t bad, int64_t total, struct decimal target);

/* 1 - consumed for people, for curves; may be negative; 1 when total is 0. */
double budget_remaining(struct counts c, struct decimal target);

/* (1-T) * events, for people. */
double budget_allowed(int64_t events, struct decimal target);

/* Wilson score interval of good/total at 95 %, within [0, 1]; total > 0. */
void budget_wilson(struct counts c, double *ret_low, double *ret_high);

/* Fills has_budget, allowed, projected, consumed, remaining and their ratios
 * (Occurrences); `expected_whole` is the expected events of the whole period,
 * for projected, which is known before the first event. Without events has_budget is
 * false and the rest is 0. */
void budget_fill(struct report_slo *r, struct counts c, struct decimal target,
                 int64_t expected_whole);
