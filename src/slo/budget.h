/*
 * Error budgets from counts, in integers: which side of an objective a count
 * is on is never decided in floating point. Formulas: docs/numbers.md.
 *
 * Target T = n / 10^s. Occurrences: consumed = bad / ((1-T) * V).
 */
#pragma once

#include "nines/report.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stdint.h>

/* bad / total >= factor * (1 - target), exactly; total 0 is false. */
bool budget_burns_at(int64_t bad, int64_t total, struct decimal target, struct decimal factor);

/* consumed >= num/den of the budget, exactly; no events is false. */
bool budget_consumed_at_least(struct counts c, struct decimal target, int64_t num, int64_t den);

/* The budget is used up beyond what the objective allows: bad > (1-T) * V. */
bool budget_breached(struct counts c, struct decimal target);

/* State in the order of the manual: no_data, breached, warming, at_risk, met. */
enum slo_state budget_state(struct counts c, struct decimal target, int64_t first_event_us,
                            int64_t window_start_us);

/* burn rate for people; 0 when total is 0. */
double budget_burn(int64_t bad, int64_t total, struct decimal target);

/* Wilson score interval of good/total at 95 %. */
void budget_wilson(struct counts c, double *ret_low, double *ret_high);

/* Fills allowed, consumed, remaining and their ratios (Occurrences);
 * `expected_whole` is the expected events of the whole period, for projected. */
void budget_fill(struct report_slo *r, struct counts c, struct decimal target,
                 int64_t expected_whole);
