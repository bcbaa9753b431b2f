/*
 * The results of one probe in the order in which they were done, read from the
 * store a page at a time: for replay.
 *
 * Rows are stored by slot. A run that began later was done later than its slot, so
 * a row is told as soon as everything up to the slot that it was done at is read.
 */
#pragma once

#include "base/err.h"
#include "base/vec.h"
#include "nines/result.h"
#include "nines/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_reader;

struct feed_row {
    struct result result;
    struct sample *at; /* owned, their texts too; NULL: it was no scrape */
    size_t n;
    bool measured; /* has a result of its own that counts; else only samples */
};

struct feed {
    const char *probe;         /* borrowed */
    size_t order;              /* among feeds: of what was done at once, this one's comes first */
    bool samples;              /* they are wanted too */
    int64_t step_us;           /* slots of one page, where samples are wanted */
    int64_t from_us, to_us;    /* done after, and up to */
    int64_t read_us;           /* slots before this have been read */
    VEC(struct feed_row) rows; /* by done, then slot; those before `head` were told */
    size_t head;
};

/* Slots before `from_us` by less than this may have been done after it. */
#define FEED_SETTLE_US (2 * USEC_PER_HOUR)

/* `interval_us`: about how far apart its slots are. */
void feed_init(struct feed *f, const char *probe, bool samples, int64_t interval_us,
               int64_t from_us, int64_t to_us);
void feed_release(struct feed *f);

/* Reads until the first row is certain: 1, or 0 at the end, or -1. */
int feed_fill(struct feed *f, struct store_reader *r, struct err *reterr);
const struct feed_row *feed_first(const struct feed *f); /* after feed_fill() gave 1 */
void feed_next(struct feed *f);                          /* and then feed_fill() again */
