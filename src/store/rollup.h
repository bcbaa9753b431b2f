/*
 * Rolling up: whole hours of results become one packed row for each stream, and
 * whole days of hours another one, in slices short enough not to hold up a
 * batch. `rolled_through` moves in the same transaction as the rows it speaks
 * of, and so does `days_through`, which follows it.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct catalog;
struct scanner;
struct sqlite;
struct store;

#define ROLL_SLICE_US 20000
#define ROLL_PAUSE_US 60000 /* after a slice beside a prober, which needs the processor too */

/* Rolls up for about ROLL_SLICE_US, or derives events, which comes before; 1
 * there may be more, 0 nothing left, -1 failed and rolled back. */
int rollup_slice(struct store *s, struct err *reterr);

struct rollup_checked {
    int64_t hours, days; /* rows that are as they should be */
};

/*
 * Are the rollups of a probe what its results say? Adds up every hour again
 * whose results are there, and every day from its hours, and compares; also
 * that no row is missing and none too many. Only reads: `c` is loaded from
 * `db`, all of it within one transaction of the caller's. 1 when all is well, 0
 * when not, and then reterr names the first difference, -1 when something could
 * not be read. Adds to `checked`.
 */
int rollup_verify(struct catalog *c, struct sqlite *db, struct scanner *scanner, int64_t probe,
                  struct rollup_checked *checked, struct err *reterr);
