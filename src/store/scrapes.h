/*
 * The slots of a probe in order as metric SLIs are derived from them: results
 * and samples as one stream of struct scrape. A slot with samples is a scrape
 * with data, whatever its result says (an import may bring either alone);
 * skipped ones do not count. Whoever derives reads here: the writer, readers and
 * checks.
 *
 *     struct scrapes *sc = scrapes_begin(db, scanner, num, from, to, reterr);
 *     while ((rc = scrapes_next(sc, &slot, reterr)) > 0)
 *         use(slot);
 *     scrapes_end(sc);
 *
 * One at a time for a scanner, and no scan beside it. Within one transaction.
 */
#pragma once

#include "base/err.h"
#include "nines/sample.h"

#include <stdbool.h>
#include <stdint.h>

struct scanner;
struct scrapes;
struct sqlite;

struct scraped {
    struct scrape scrape;
    int64_t done_us; /* when its result was visible; the slot, without a result */
    bool measured;   /* by a prober: not imported */
};

/* Slots in [from, to). NULL on error. */
struct scrapes *scrapes_begin(struct sqlite *db, struct scanner *scanner, int64_t probe,
                              int64_t from_us, int64_t to_us, struct err *reterr);
/* 1 a slot, whose samples live until the next call; 0 the end; -1 error. */
int scrapes_next(struct scrapes *sc, const struct scraped **ret, struct err *reterr);
void scrapes_end(struct scrapes *sc); /* NULL is fine */

/* The interval in force at a slot; a guess where none is known. */
int scrapes_interval(struct sqlite *db, int64_t probe, int64_t slot_us, int64_t *ret_us,
                     struct err *reterr);
