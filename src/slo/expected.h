/*
 * How many events a span should have held: slots by the schedule in force at
 * each of them, and why the others are missing.
 */
#pragma once

#include "nines/slo.h"
#include "nines/store_reader.h"

#include <stddef.h>
#include <stdint.h>

/* Slots in [from, to). Each revision is in force from its since_us to the
 * next one's; the first also covers all time before it. */
int64_t expected_slots(const struct probe_revision *revs, size_t n, int64_t from_us, int64_t to_us);

/* The slots that counts are of: events of a probe SLI, scrapes of a metric SLI. */
int64_t sli_observed(const struct sli_def *sli, struct counts c);

/* What an objective makes of its silent slots: none are left unless they are to
 * be excluded. */
struct counts slo_apply_no_data(const struct slo_def *slo, struct counts c);

/* Gives back an allocated array of them, and the hours that they hold. */
void revisions_free(struct probe_revision *revs, size_t n);

struct coverage {
    int64_t expected, observed, prober_down, target_silent, not_started;
};

/* Silent slots, as far as no_data left them, are `target_silent`; other slots
 * before the first event are `not_started`, and every other one that is not
 * observed is `prober_down`. Excluded ones leave `expected`. `early`: how many
 * slots before the first event are excluded; silence and scrapes are events.
 * expected = observed + missing always holds. */
struct coverage expected_coverage(const struct sli_def *sli, const struct probe_revision *revs,
                                  size_t n, int64_t from_us, int64_t to_us, int64_t first_event_us,
                                  struct counts c, int64_t early);
/* The same by how many slots there are, and how many `before` the first event. */
struct coverage expected_of_slots(const struct sli_def *sli, int64_t slots, int64_t before,
                                  struct counts c, int64_t early);
