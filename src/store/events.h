/*
 * The events of a metric SLI in slot order: what is stored of them, and behind
 * that what its samples say, derived as they are read. So a reader knows an SLI
 * that the store was never told of, and one whose events are still being derived.
 */
#pragma once

#include "base/err.h"
#include "nines/store_reader.h"
#include "store/reader.h"

#include <stdint.h>

struct asked_spans;
struct scanner;
struct sqlite;

/* Events at slots in [from, to), those of one slot by when they were visible.
 * 0, 1 when fn ended it, -1. Within a transaction. */
int events_visit(struct store_reader *r, const struct rolled *at, int64_t from_us, int64_t to_us,
                 store_event_fn fn, void *ctx, struct err *reterr);

/* What is to be derived, and from where. */
struct events_source {
    struct sqlite *db;
    struct scanner *scanner;
    int64_t probe;
    const struct sli_def *sli;
    int64_t since_us; /* slots before give no events: their results are gone, or their
                         events stored */
    const struct asked_spans *asked;
    int64_t first_us; /* first event before since_us; INT64_MAX: none */
};

/* The same out of samples alone. */
int events_derive(const struct events_source *src, int64_t from_us, int64_t to_us,
                  store_event_fn fn, void *ctx, struct err *reterr);
