/*
 * Error budgets from counts, in integers: which side of an objective a count
 * is on is never decided in floating point. Formulas: docs/numbers.md.
 *
 * All that is decided by a budget is decided by a struct budget_use, whatever it was
 * made of: one target, several in turn, or members.
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

/* ---- budgets ----------------------------------------------------------------- */

/* Of counts by one target, in units of 10^-12 of what they count; `whole` of these are
 * an event or a slice (slices_whole()). */
struct budget_use budget_use_make(struct counts c, struct decimal target, int64_t whole);

/* Of several targets in turn: sums over parts that were made with one `whole`. */
void budget_use_add(struct budget_use *into, struct budget_use part);

/* The same budget with so much spent of it, in what its counts counted. */
struct budget_use budget_use_with(struct budget_use u, int64_t bad);

/* What a target allows in n events or slices, in units of uses made with `whole`. */
uint128 budget_allows(struct decimal target, int64_t n, int64_t whole);

/* spent >= ratio * allowed, exactly; no data is false. */
bool budget_consumed_at_least(struct budget_use u, struct decimal ratio);
/*
 * Whether what is left of a rolling window's budget is spent within a time if it goes on
 * as it did in the last hours, exactly:
 *
 *     left / full * length / (recent.spent / recent.allowed) <= within
 *
 * A budget that is spent has nothing left. When nothing was spent lately there is no end.
 */
struct budget_pace {
    struct budget_use recent; /* of the last hours, by the newest target */
    uint128 full;             /* what that allows of the whole window */
    int64_t length_us;        /* of the window */
};
bool budget_exhausts_within(struct budget_use u, const struct budget_pace *p, int64_t within_us);

/* 1 - spent / allowed < ratio (at most 1), exactly; no data is false. */
bool budget_left_below(struct budget_use u, struct decimal ratio);

/* The budget is used up beyond what the objective allows: spent > allowed. */
bool budget_breached(struct budget_use u);

/* One event or slice or more is allowed: a bad one is not a breach by itself. */
bool budget_is_conclusive(struct budget_use u);

/* State in the order of the manual: no_data, breached, warming, at_risk, met. */
enum slo_state budget_state(struct budget_use u, int64_t first_event_us, int64_t window_start_us);

/* For people: spent / allowed, 0 without data; and 1 - that, which may be negative. */
double budget_consumed(struct budget_use u);
double budget_remaining(struct budget_use u);

/* Fills has_budget, allowed, projected, consumed, remaining and their ratios.
 * `projected` is in units of `u` and known before the first event. Without data
 * has_budget is false and the rest is 0, as it is of a use of zeroes. */
void budget_fill(struct report_slo *r, struct budget_use u, uint128 projected);

/* ---- burn rates -------------------------------------------------------------- */

/* bad / total >= factor * (1 - target), exactly; total 0 is false. */
bool budget_burns_at(int64_t bad, int64_t total, struct decimal target, struct decimal factor);
/* The same of (bad / total) * (observed / expected). */
bool budget_burns_partly(int64_t bad, int64_t total, int64_t observed, int64_t expected,
                         struct decimal target, struct decimal factor);

/* factor > 1 / (1-T): a burn rate that even a total outage does not reach. */
bool budget_unreachable(struct decimal target, struct decimal factor);

/* 1 / (1-T), the burn rate of a total outage, rounded down to two decimals. */
struct decimal budget_largest_burn(struct decimal target);

/* The burn rate that spends `share` (at most 1) of the budget of a window in a
 * part of it: share * window / part. Rounded down at the twelfth decimal, or the
 * last that an int64_t holds, so a tier fires at the exact rate as well. */
struct decimal budget_share_factor(struct decimal share, int64_t window_us, int64_t part_us);

/* burn rate for people; 0 when total is 0. */
double budget_burn(int64_t bad, int64_t total, struct decimal target);

/* (1-T) * events, for people. */
double budget_allowed(int64_t events, struct decimal target);

/* Wilson score interval of good/total at 95 %, within [0, 1]; total > 0. */
void budget_wilson(struct counts c, double *ret_low, double *ret_high);
