/*
 * Counts of events by steps of time, the newest so many of them: bucket b is
 * the step that starts at b * step, counted from the epoch, and lies in a ring.
 *
 * Kept small, as there are thousands: each sort of event is a column of its
 * own, and a column that never counted anything is not there. Columns
 * are cut into blocks of RING_BLOCK buckets; one whose buckets are all equal is
 * a single number, any other has that of the least and the narrowest integers
 * that hold the rest. What runs on a schedule and is well takes a few bytes an
 * hour.
 */
#pragma once

#include "nines/slo.h"

#include <stddef.h>
#include <stdint.h>

#define RING_BLOCK 64 /* buckets */
#define RING_COUNT_MAX ((int64_t)1 << 56)

struct ring_block;

enum ring_column { RING_GOOD, RING_BAD, RING_EXCLUDED, RING_SCRAPES, RING_SILENT, RING_COLUMNS };

/* Fields are for ring.c, but for step_us. */
struct ring {
    int64_t step_us, head; /* the newest bucket */
    uint32_t blocks;
    struct ring_block *columns[RING_COLUMNS];
};

/* `buckets` and more, the newest of them the one that holds now_us. */
void ring_init(struct ring *r, int64_t step_us, size_t buckets, int64_t now_us);
void ring_release(struct ring *r);

/* Where the oldest bucket starts; events before it are not kept. */
int64_t ring_oldest_us(const struct ring *r);

/* Makes the bucket of now_us the newest, if it is newer. */
void ring_advance(struct ring *r, int64_t now_us);

/* Each of one bucket stays below RING_COUNT_MAX, and with corrections, which are
 * negative, at 0 or above. What is outside the ring is ignored. */
void ring_add(struct ring *r, int64_t at_us, struct counts c);
/* The same for n buckets in a row, the first one starting at from_us. */
void ring_add_series(struct ring *r, int64_t from_us, const struct counts *at, size_t n);
/* Adds the events of `from`, which has the same step. */
void ring_merge(struct ring *into, const struct ring *from);

/* Adds the counts of [from, to) to *sum, both on borders of buckets. */
void ring_sum(const struct ring *r, int64_t from_us, int64_t to_us, struct counts *sum);
