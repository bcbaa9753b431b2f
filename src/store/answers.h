/*
 * The table `answer`: a row for each plain row of `result` that has
 * RESULT_ANSWER, written and deleted with it, and none else. Sealed results have
 * theirs in their chunk. NULL is what is not known or did not happen.
 */
#pragma once

#include "base/err.h"
#include "nines/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite;
struct sqlite_rows;

/* For the condition of a query: what no struct answer can be. */
#define ANSWERS_IMPOSSIBLE                                                                         \
    " coalesce(headers, 1) NOT BETWEEN 1 AND 4294967295"                                           \
    " OR coalesce(first_event, 1) NOT BETWEEN 1 AND 4294967295"                                    \
    " OR coalesce(first_token, 1) NOT BETWEEN 1 AND 4294967295"                                    \
    " OR coalesce(last_token, 1) NOT BETWEEN 1 AND 4294967295"                                     \
    " OR coalesce(last_event, 1) NOT BETWEEN 1 AND 4294967295"                                     \
    " OR coalesce(gap, 0) NOT BETWEEN 0 AND 4294967295"                                            \
    " OR events NOT BETWEEN 0 AND 4294967295 OR flags NOT BETWEEN 0 AND 4294967295"                \
    " OR coalesce(tokens_in, 0) NOT BETWEEN 0 AND 100000000"                                       \
    " OR coalesce(tokens_out, 0) NOT BETWEEN 0 AND 100000000"                                      \
    " OR coalesce(tokens_cached, 0) NOT BETWEEN 0 AND 100000000"                                   \
    " OR coalesce(tokens_reasoning, 0) NOT BETWEEN 0 AND 100000000"                                \
    " OR coalesce(cost, 0) < 0"

/* Of a result that was inserted just now; nothing, if it has no answer. In the caller's
 * transaction, as all that writes. */
int answers_insert(struct sqlite *db, int64_t probe, const struct result *r, struct err *reterr);

/* Of slots in [from, to). */
int answers_delete(struct sqlite *db, int64_t probe, int64_t from_us, int64_t to_us,
                   struct err *reterr);

/* Fills in the answers of rows[0, n), plain ones, rising in slot. One that is not there
 * is an error. */
int answers_fill(struct sqlite *db, int64_t probe, struct result *rows, size_t n,
                 struct err *reterr);

/* The answers of [from, to) beside a query that reads the results: asked for at rising
 * slots. One at a time for a connection. */
struct answers {
    struct sqlite_rows *rows;
    bool live; /* the query has not ended */
    int64_t slot_us;
    struct answer at; /* of slot_us, if it is live */
};

/* 1: there are some; 0: there are none, and nothing is to be ended; -1. */
int answers_begin(struct answers *a, struct sqlite *db, int64_t probe, int64_t from_us,
                  int64_t to_us, struct err *reterr);
/* Fills in r->answer, if it has one. Damage, and an error, if it is not there. */
int answers_take(struct answers *a, struct result *r, struct err *reterr);
void answers_end(struct answers *a);
