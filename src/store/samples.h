/*
 * The samples of scrapes, as they lie in the tables `series` and `sample`.
 *
 * A slot had a scrape that gave its data when it has a row of series 0; its
 * value is the number of samples. What is not among them was not there. (A NaN is
 * no value and is not stored: whoever derives takes it as not there.) A series
 * that the next scrape does not have is marked `gone`: so the last value of each
 * series before any instant is found in the last scrape before it, and in the
 * marks.
 */
#pragma once

#include "base/err.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <stddef.h>
#include <stdint.h>

struct feed; /* of one probe, in the catalog: its series by text, its last scrape */
struct sqlite;

void feed_free(struct feed *f); /* NULL is fine */

/* ---- writing; within the caller's transaction ------------------------------ */

/* A scrape; samples that its slot has already stay. */
int samples_insert(struct store *s, int64_t probe, int64_t slot_us, const struct sample *at,
                   size_t n, struct err *reterr);

/* The number of a canonical series, which is added if there is none. */
int samples_series(struct store *s, int64_t probe, const char *text, int64_t *ret_num,
                   struct err *reterr);

/* Rows at `slot_us` were changed in another way: counts them again, and marks
 * what is gone from there and from the scrape before. */
int samples_changed(struct store *s, int64_t probe, int64_t slot_us, struct err *reterr);

/* ---- reading; within the caller's transaction ------------------------------ */

/* The slot of the last scrape before an instant: 1 found, 0 none, -1 error. */
int samples_last_scrape(struct sqlite *db, int64_t probe, int64_t before_us, int64_t *ret_slot,
                        struct err *reterr);

/* What store_reader_last_samples() tells. */
int samples_before(struct sqlite *db, int64_t probe, int64_t before_us, store_sample_fn fn,
                   void *ctx, struct err *reterr);
