/*
 * What a stream of a metric SLI has beside what other streams have: its
 * definition as text, how far it is derived, and the derivation that goes on
 * with the next scrape. Part of the catalog; writer thread only (checks and
 * readers have catalogs, or definitions, of their own).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/when.h"
#include "nines/slo.h"
#include "store/derivation.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite;
struct sqlite_rows;

#define DERIVED_ALL WHEN_END_US

/* As it is stored: selectors of a ratio, of a raw one without `total`, or a condition;
 * NULL: none. */
struct metric_text {
    const char *good, *bad, *total, *condition;
};

struct metric_text metric_text(const struct sli_metric *m); /* points into `m` */
struct metric_text metric_text_copy(const struct metric_text *t);
void metric_text_release(struct metric_text *t); /* of a copy */
bool metric_text_same(const struct metric_text *a, const struct metric_text *b);

/* Parses it into the arena: points into that. */
int metric_text_parse(struct arena *a, const struct metric_text *t, struct sli_metric *ret,
                      struct err *reterr);

/* The columns of a stored definition, and a row that has them from `column` on:
 * points into the row. */
#define METRIC_COLUMNS "good_series, bad_series, total_series, condition"
struct metric_text metric_text_read(struct sqlite_rows *q, int column);

struct metric_stream {
    struct metric_text text;
    int64_t derived_through; /* slots before this have their events; DERIVED_ALL: all have */
    int64_t first_event;     /* slot of the first event; INT64_MAX: none */

    bool broken;        /* its text cannot be parsed */
    struct arena arena; /* of all that is below; empty: not parsed yet */
    struct sli_metric def;
    struct sli_def sli;
    struct asked_spans asked;
    struct derivation derivation; /* as of the last slot before derived_through */
    bool begun;                   /* there are the two */
};

struct metric_stream *metric_new(const struct metric_text *text); /* copies it */
void metric_free(struct metric_stream *m);                        /* NULL is fine */
void metric_redefine(struct metric_stream *m, const struct metric_text *text);

/* Makes m->sli. The text comes out of a file: what it says may be wrong. */
int metric_parse(struct metric_stream *m, struct err *reterr);

/* Begins the derivation of slots from `from_us` on, without what is stored of before. */
int metric_begin(struct metric_stream *m, struct sqlite *db, int64_t probe, int64_t from_us,
                 struct err *reterr);
/* It has to begin again. */
void metric_forget(struct metric_stream *m);
