/*
 * A SQLite connection with cached statements and our error form. Only src/io
 * and src/store see it. MEMSTATUS is off: sqlite_global_init() before use.
 *
 * Statements are cached by the address of their text, so `sql` is a string
 * literal everywhere below. Values are bound by type:
 *
 *     sqlite_run(db, "UPDATE t SET a = ?1 WHERE b = ?2",
 *                BIND(v_int(7), v_text("x")), reterr);
 *
 *     struct sqlite_rows *q = sqlite_query(db, "SELECT a, b FROM t", NULL, reterr);
 *     while ((rc = sqlite_next(q, reterr)) > 0)
 *         use(sqlite_int(q, 0), sqlite_text(q, 1));
 *
 * A connection belongs to one thread at a time.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite;
struct sqlite_rows; /* a statement that is being run */

void sqlite_global_init(void); /* idempotent; before any thread */

enum sqlite_access { SQLITE_ACCESS_READ, SQLITE_ACCESS_WRITE };

/* Opens an existing database for reading, or opens or creates one for writing.
 * Nothing is read yet: that the file is a database shows with the first query.
 * Waits up to `busy_ms` for locks. */
int sqlite_open(const char *path, enum sqlite_access access, int busy_ms, struct sqlite **ret,
                struct err *reterr);
void sqlite_close(struct sqlite *db); /* NULL is fine; no rows may be open */

void sqlite_set_wait(struct sqlite *db, int busy_ms); /* from now on */

bool sqlite_is_readonly(const struct sqlite *db); /* asked for writing, got reading */

/* Keeps the -wal and -shm files after the last close, without a checkpoint
 * then, so that readers of other users work while no writer runs. */
int sqlite_keep_wal(struct sqlite *db, struct err *reterr);

/* ---- values ---------------------------------------------------------------- */

enum sqlite_type {
    SQLITE_END_OF_VALUES,
    SQLITE_VALUE_INT,
    SQLITE_VALUE_DOUBLE,
    SQLITE_VALUE_TEXT,
    SQLITE_VALUE_BLOB,
    SQLITE_VALUE_NULL
};

struct sqlite_bound {
    enum sqlite_type type;
    int64_t i;
    double d;
    const void *p; /* must live until the call returns, for a query until its end */
    size_t n;
};

static inline struct sqlite_bound v_int(int64_t i)
{
    return (struct sqlite_bound){.type = SQLITE_VALUE_INT, .i = i};
}

static inline struct sqlite_bound v_double(double d)
{
    return (struct sqlite_bound){.type = SQLITE_VALUE_DOUBLE, .d = d};
}

/* NULL text becomes an SQL null. */
static inline struct sqlite_bound v_text(const char *s)
{
    return (struct sqlite_bound){.type = s ? SQLITE_VALUE_TEXT : SQLITE_VALUE_NULL, .p = s};
}

static inline struct sqlite_bound v_blob(const void *p, size_t n)
{
    return (struct sqlite_bound){.type = p ? SQLITE_VALUE_BLOB : SQLITE_VALUE_NULL, .p = p, .n = n};
}

#define BIND(...) ((const struct sqlite_bound[]){__VA_ARGS__, {.type = SQLITE_END_OF_VALUES}})

/* ---- running --------------------------------------------------------------- */

/* Several statements in a row, none of them cached. */
int sqlite_exec(struct sqlite *db, const char *sql, struct err *reterr);

/* One statement to its end; rows it gives are dropped. `args` may be NULL. */
int sqlite_run(struct sqlite *db, const char *sql, const struct sqlite_bound *args,
               struct err *reterr);

/* Begins a query; NULL on error. It ends when sqlite_next() gives anything but
 * 1, or with sqlite_end(). The same text may not be begun twice at once. */
struct sqlite_rows *sqlite_query(struct sqlite *db, const char *sql,
                                 const struct sqlite_bound *args, struct err *reterr);
int sqlite_next(struct sqlite_rows *q, struct err *reterr); /* 1 row, 0 end, -1 error */
void sqlite_end(struct sqlite_rows *q);                     /* NULL is fine */

bool sqlite_null(struct sqlite_rows *q, int column);
int64_t sqlite_int(struct sqlite_rows *q, int column);
double sqlite_double(struct sqlite_rows *q, int column);
const char *sqlite_text(struct sqlite_rows *q, int column); /* never NULL; until next */
const void *sqlite_blob(struct sqlite_rows *q, int column, size_t *ret_n); /* until next */

/* The integer in the first column of the first row: 1 found, 0 no row or an
 * SQL null, -1 error. */
int sqlite_lookup(struct sqlite *db, const char *sql, const struct sqlite_bound *args, int64_t *ret,
                  struct err *reterr);

int64_t sqlite_changes(struct sqlite *db); /* rows changed by the last statement */
int64_t sqlite_last_id(struct sqlite *db); /* rowid of the last insert */

/* Ends an open transaction, if there is one. Cannot fail in a way that matters. */
void sqlite_rollback(struct sqlite *db);

/* ---- write-ahead log ------------------------------------------------------- */

int64_t sqlite_commits(const struct sqlite *db);   /* of this connection, that wrote */
int64_t sqlite_wal_pages(const struct sqlite *db); /* as of the last commit */

/* PASSIVE, or TRUNCATE: that one waits for readers and may fail. */
int sqlite_checkpoint(struct sqlite *db, bool truncate, struct err *reterr);

/* ---- copies -------------------------------------------------------------- */

/* After each piece; `done` of `total` pages. */
typedef void (*sqlite_copied_fn)(void *ctx, int64_t done, int64_t total);

/* Makes `to`, a new database that nobody else has open, a copy of `from`, page
 * for page. With a transaction open on `from` that has read something, it is
 * what that one sees, whatever is written meanwhile. `fn` may be NULL. */
int sqlite_copy(struct sqlite *from, struct sqlite *to, sqlite_copied_fn fn, void *ctx,
                struct err *reterr);

/* ---- tests ----------------------------------------------------------------- */

/* Called before each step of a statement; a result other than 0 is taken for
 * SQLite's answer (13 is "disk full", 5 "busy"), and the step is not made. */
typedef int (*sqlite_fault_fn)(void *ctx, const char *sql);
void sqlite_set_fault(struct sqlite *db, sqlite_fault_fn fault, void *ctx);
