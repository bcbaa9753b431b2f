/*
 * What objectives the history of a probe would have kept: targets of availability,
 * and bounds on latency, of streamed answers also on their first token and their gaps,
 * each with what it would have cost. Exact counts; from the
 * store, for whole windows [from, to). Blocks: not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUGGEST_TARGETS 8
#define SUGGEST_BOUNDS 4
#define SUGGEST_MIN_BAD 3 /* a target that allows fewer bad events than this is not advised */

struct suggest_target {
    struct decimal target;
    double allowed;  /* bad events */
    double consumed; /* of the budget; more than 1: breached */
    bool breached;
};

/* The targets for one SLI, the strictest last. */
struct suggestion {
    int64_t faster_than_us; /* 0: availability, or `measure` */
    enum answer_measure measure;
    int64_t bound; /* of it, in microseconds */
    struct counts counts;
    struct suggest_target targets[SUGGEST_TARGETS];
    /* The strictest that would have left a quarter of its budget, and allows
     * SUGGEST_MIN_BAD bad events; -1: none would. */
    int advised;
};

struct suggest {
    int64_t from_us, to_us;
    struct suggestion availability;
    struct suggestion latency[SUGGEST_BOUNDS]; /* by bound; only those with another one */
    size_t latency_count;
    struct suggestion answers[2 * SUGGEST_BOUNDS]; /* of streams: by TTFT, then by GAP */
    size_t answer_count;
    int64_t p50_us, p90_us, p99_us; /* -1: no data, or beyond what was measured */
};

/* `from_us` 0: 30 days before `to_us`. Not before what is kept of single results. No
 * data is no error: counts are 0. `streams`: its runs give answers that are streamed. */
int suggest_read(struct store_reader *r, const char *probe, bool streams, int64_t from_us,
                 int64_t to_us, struct suggest *ret, struct err *reterr);
