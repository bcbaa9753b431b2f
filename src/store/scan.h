/*
 * The results of one probe in slot order, plain rows and sealed chunks as one
 * stream. Whoever reads results reads them here: the roller, all readers,
 * checks and export. A chunk's span holds no plain row, so the two never
 * interleave within it.
 *
 *     struct scan *sc = scan_begin(&scanner, num, from, to, SCAN_EVENTS, reterr);
 *     while ((rc = scan_next(sc, &r, reterr)) > 0)
 *         use(r);
 *
 * A scanner belongs to one connection and keeps the chunks it decoded last, so
 * that reading on, or looking at both ends of a window again and again, does not
 * decode again. All scans run within a transaction of the caller's.
 */
#pragma once

#include "base/err.h"
#include "nines/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite;
struct sqlite_rows;
struct scan;

#define SCANNER_KEEPS 4 /* chunks */

struct scanner {
    struct sqlite *db;
    const char *path;    /* NULL: an error names the damage, and neither file nor cure */
    struct scan *scan;   /* its only one; made when first needed */
    struct result *rows; /* of the chunk loaded last; NULL: none */
    size_t n;
    struct scanner_kept {
        int64_t chunk; /* its num; 0: none. Nums are never used again */
        struct result *rows;
        size_t n;
    } kept[SCANNER_KEEPS]; /* the one loaded last is the first */
};

/* `path`: the database's, must outlive the scanner. */
void scanner_init(struct scanner *s, struct sqlite *db, const char *path);
void scanner_release(struct scanner *s);
/* After a rollback: what was read then may never have been. */
void scanner_forget(struct scanner *s);

/* Where a chunk is; a row of CHUNK_SPAN_COLUMNS. */
struct chunk_span {
    int64_t num, first_us, last_us, n;
};

#define CHUNK_SPAN_COLUMNS "num, first, last, n"

/* For the condition of a query in the index chunk_span, probe ?1: chunks that
 * may reach into [?2, ?3). Spans of one probe never overlap, so that is those
 * that begin in it and the last one that begins before. */
#define CHUNK_SPAN_REACHES                                                                         \
    "probe = ?1 AND first < ?3 AND first >= coalesce("                                             \
    "(SELECT max(first) FROM chunk WHERE probe = ?1 AND first <= ?2), ?2)"

/* A row of "SELECT CHUNK_SPAN_COLUMNS ...". */
void chunk_span_read(struct sqlite_rows *q, struct chunk_span *ret);

/* The results of one chunk, at s->rows[0, s->n) until the next chunk is read.
 * A chunk that is not what the table says of it is an error. */
int scanner_load(struct scanner *s, const struct chunk_span *span, struct err *reterr);

/* The error of a chunk that is not what it should be; `what` says how. */
int scanner_damaged(const struct scanner *s, int64_t chunk, const char *what, struct err *reterr);

/* The first of the loaded rows whose slot is at or after `slot_us`; s->n if none. */
size_t scanner_seek(const struct scanner *s, int64_t slot_us);

/* EVENTS: slot, outcome, reason and total are filled, and the answer of a run that has one;
 * the rest may be zero. */
enum scan_columns { SCAN_ALL, SCAN_EVENTS };

/* Slots in [from, to). One scan of a scanner at a time; it ends when scan_next()
 * gives anything but 1, or with scan_end(). NULL on error. */
struct scan *scan_begin(struct scanner *s, int64_t probe, int64_t from_us, int64_t to_us,
                        enum scan_columns columns, struct err *reterr);
/* 1 a row, which lives until the next call; 0 the end; -1 error. */
int scan_next(struct scan *sc, const struct result **ret, struct err *reterr);
void scan_end(struct scan *sc); /* NULL is fine */

/* The first slot at or after `from_us` that has a result, before `to_us`: 1
 * found, 0 none, -1 error. */
int scan_first_slot(struct scanner *s, int64_t probe, int64_t from_us, int64_t to_us,
                    int64_t *ret_slot, struct err *reterr);
/* The newest slot that has a result, in the same way. */
int scan_last_slot(struct scanner *s, int64_t probe, int64_t *ret_slot, struct err *reterr);
/* The first slot whose result is good or bad, in the same way. */
int scan_first_event(struct scanner *s, int64_t probe, int64_t *ret_slot, struct err *reterr);
