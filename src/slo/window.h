/*
 * The span an objective looks at. Half-open, microseconds.
 *
 * Rolling: [at - W, at). Calendar: the period that holds `at`, following the
 * wall clock of its zone: boundaries are anchor + k periods, never counted from one
 * another, so days may have 23 or 25 hours. A day that a month does not have
 * overflows: a month behind 31 January is 3 March, or 2 March in a leap year. `at` on
 * a boundary belongs to the period that starts there.
 */
#pragma once

#include "nines/slo.h"

#include <stdint.h>

struct span {
    int64_t start_us, end_us;
};

struct span window_span(const struct window_def *w, int64_t at_us);

/* Nominal length, for tier rules (a month counts 30 d, a quarter 90, a year 365). */
int64_t window_nominal_us(const struct window_def *w);

/* No span of the window is longer: a month may have 31 days, one with 25 hours. */
int64_t window_longest_us(const struct window_def *w);
