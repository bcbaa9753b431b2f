/* An import from within: what its files share. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct import_batch;
struct store;

/* Results of one probe that are, or were already, stored. */
struct import_run {
    int64_t probe;
    int64_t first_us, last_us; /* slots */
    bool lost_first_event;     /* it was replaced by something that is no event */
};

/* Sees to the probe's schedule, first event and end of history, and keeps the
 * span as one in which a prober was alive. In the transaction of the results. */
int import_describe(struct store *s, const struct import_batch *b, const struct import_run *run,
                    struct err *reterr);
