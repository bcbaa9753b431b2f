/*
 * What one hour, or one day, of a stream adds up to, and how it lies in a row
 * of `rollup` or `rollup_day`. Whoever writes these rows and whoever checks
 * them adds up here.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "model/sketch.h"
#include "nines/result.h"
#include "store/catalog.h"
#include "store/packed.h"

#include <stddef.h>
#include <stdint.h>

struct sqlite;
struct sqlite_rows;

enum rollup_span { ROLLUP_HOUR, ROLLUP_DAY };

struct rollup_sum {
    enum stream_kind kind;
    enum rollup_span span;
    int64_t start_us;
    struct counts sum, parts[PACKED_MINUTES]; /* minutes; the first 24 are a day's hours */
    int64_t reasons[REASON_COUNT];
    struct sketch sketch;
    struct percentiles hours[PACKED_HOURS]; /* of a day's sketch */
    struct answer_sums answers;
};

/* Those of a sketch; -1 while it is empty. */
struct percentiles rollup_percentiles(const struct sketch *s);

/* Adds what a run means to a sketch of this kind: nothing, perhaps. */
void rollup_sketch_result(struct sketch *into, enum stream_kind kind, const struct result *r);

/* Takes the hours' percentiles off the packed sketch of a day; the sketch
 * follows. */
int rollup_day_percentiles(const void **packed, size_t *n,
                           struct percentiles ret[static PACKED_HOURS], struct err *reterr);

/* Empty. One that is used again is begun again; the first time it is zeroes. */
void rollup_sum_begin(struct rollup_sum *s, enum stream_kind kind, enum rollup_span span,
                      int64_t start_us);
void rollup_sum_release(struct rollup_sum *s);

/* Adds a result of this hour as the stream sees it. */
void rollup_sum_result(struct rollup_sum *s, const struct stream *st, const struct result *r);

/* Adds an event of this hour of a metric stream. */
void rollup_sum_event(struct rollup_sum *s, int64_t slot_us, struct counts c);
/* Makes `sum` the sum of the stored events of an hour. */
int rollup_sum_events(struct sqlite *db, int64_t stream, struct rollup_sum *sum, int64_t hour_us,
                      struct err *reterr);

/* How a sum lies in its row, behind the stream and the start. */
#define ROLLUP_COLUMNS "good, bad, excluded, reasons, packed, scrapes, silent"

/* The counts of a stored row that begins so. */
int rollup_counts(struct sqlite_rows *row, struct counts *ret, struct err *reterr);

/* Adds a stored hour of this day: `row` begins with its start and ROLLUP_COLUMNS. */
int rollup_sum_hour(struct rollup_sum *day, struct sqlite_rows *row, struct err *reterr);

/* Makes this begun sum what a stored row of its kind and span says. */
int rollup_sum_load(struct rollup_sum *s, struct sqlite_rows *row, struct err *reterr);

/* The columns `reasons` and `packed`; no reasons are an SQL null. */
struct rollup_text {
    struct str reasons, packed;
};

int rollup_sum_encode(const struct rollup_sum *s, struct rollup_text *ret, struct err *reterr);
void rollup_text_release(struct rollup_text *t);
