/*
 * How many events a span should have held: slots by the schedule in force at
 * each of them, and why the others are missing.
 */
#pragma once

#include "nines/slo.h"
#include "nines/store.h"

#include <stddef.h>
#include <stdint.h>

/* Slots in [from, to). Each revision is in force from its since_us to the
 * next one's; the first also covers all time before it. */
int64_t expected_slots(const struct probe_revision *revs, size_t n, int64_t from_us, int64_t to_us);

struct coverage {
    int64_t expected, observed, prober_down, target_silent, not_started;
};

/* For a probe SLI: slots before the first event are `not_started`, every other
 * one without a good or bad result is `prober_down`; excluded ones leave
 * `expected`, `early_excluded` of them lying before the first event.
 * expected = observed + missing always holds. */
struct coverage expected_coverage(const struct probe_revision *revs, size_t n, int64_t from_us,
                                  int64_t to_us, int64_t first_event_us, struct counts c,
                                  int64_t early_excluded);
