/*
 * One pass over what is stored of something that is rolled up, shared out to
 * consecutive spans ("cells"): whole days where they lie within one cell, else
 * hours, else the parts that are packed in those, and results (of metric SLIs
 * events) where the edge of a cell cuts all of these or where nothing is rolled
 * up. What a cell gets is exactly what its results say; where a part that a cell's edge cuts is not
 * empty and its results are gone, the pass fails and says so.
 */
#pragma once

#include "base/err.h"
#include "nines/result.h"
#include "nines/slo.h"
#include "store/reader.h"

#include <stddef.h>
#include <stdint.h>

struct sqlite_rows;

/* Columns of a day's or an hour's row. */
enum {
    PASS_START,
    PASS_GOOD,
    PASS_BAD,
    PASS_EXCLUDED,
    PASS_REASONS,
    PASS_PACKED,
    PASS_SCRAPES,
    PASS_SILENT
};

enum pass_span { PASS_DAY, PASS_HOUR };

struct pass_visitor {
    /* A row that lies within the cell. */
    int (*rolled)(void *ctx, size_t cell, enum pass_span span, struct sqlite_rows *row,
                  struct err *reterr);
    /* Counts of a packed part of a row; NULL: what is packed are no counts. */
    void (*part)(void *ctx, size_t cell, struct counts c);
    /* A cell that is an hour of a day's row; NULL: that says nothing of hours. */
    int (*hour)(void *ctx, size_t cell, struct sqlite_rows *day, int hour, struct err *reterr);
    void (*result)(void *ctx, size_t cell, const struct result *r);
    /* An event of a metric SLI, which has no results; NULL where none is asked. */
    void (*event)(void *ctx, size_t cell, struct counts c);
};

/* Cells are [edges[i], edges[i + 1]), i < n; visited in rising order. Within a
 * transaction. */
int pass_run(struct store_reader *r, const struct rolled *at, const int64_t *edges, size_t n,
             const struct pass_visitor *v, void *ctx, struct err *reterr);
