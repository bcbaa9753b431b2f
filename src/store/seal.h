/*
 * Sealing: rows that are a day old and rolled up become chunks (chunk.h), in
 * slices short enough not to hold up a batch; the rows go in the transaction
 * that brings their chunk. A late row, or an import into a sealed span, opens
 * the chunk first: its results become rows again.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"

#include <stddef.h>
#include <stdint.h>

struct result;
struct store;

#define SEAL_AGE_US USEC_PER_DAY        /* younger results stay rows */
#define SEAL_ROWS 4096                  /* a chunk has whole hours, until it has so many rows */
#define SEAL_WAIT_US (7 * USEC_PER_DAY) /* fewer rows wait until the oldest is so old */
#define SEAL_SLICE_US 10000             /* and a chunk more */
#define SEAL_PAUSE_US 50000             /* old files have much to be sealed: no hurry */

/* Seals for a few milliseconds; 1 there may be more, 0 nothing left, -1 failed
 * and rolled back. */
int seal_slice(struct store *s, struct err *reterr);

/* Chunks of rows[0, n), rising in slot, whose span [first, last] has neither
 * rows nor chunks of this probe: the import of history. Within the caller's
 * transaction; the caller sees to the catalog's other duties (rollups,
 * first_event). */
int seal_append(struct store *s, int64_t probe, const struct result *rows, size_t n,
                struct err *reterr);

/* Makes sure that the results in [from, to) are plain rows: opens the chunks
 * that reach into it. Cheap where nothing is sealed. Within the caller's
 * transaction. */
int seal_open(struct store *s, int64_t probe, int64_t from_us, int64_t to_us, struct err *reterr);
