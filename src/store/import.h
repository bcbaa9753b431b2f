/* An import from within: what its files share. */
#pragma once

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"
#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* What a batch brings to one probe. */
struct import_probe {
    const char *id;
    int64_t num;
    size_t n;     /* rows of the batch, */
    size_t start; /* from here on in import.order */
};

struct import {
    struct store *s;
    struct import_batch *b;
    struct import_totals totals; /* of the open transaction */
    VEC(struct import_probe) probes;
    struct table by_id; /* places in `probes`, from 1, as pointers */
    uint32_t *owners;   /* of each row: its place in `probes` */
    uint32_t *order;    /* rows by probe, and within a probe by slot */

    /* What is done: the probes before this one, and rows of this one. */
    size_t probe, row;

    /* Of one run: what is to be written, rising in slot. */
    VEC(struct result) changed;
    VEC(bool) stored; /* it takes the place of another one */
};

/* Rows of one probe: order[start, end). */
struct import_rows {
    int64_t num;
    size_t start, end;
    bool sealed; /* they may reach a chunk */
};

static inline const struct import_row *import_row_at(const struct import *im, size_t place)
{
    return &im->b->rows[im->order[place]];
}

/* What one line met: nothing, the same, or something else, which it replaces if
 * `replace`. Counts it; true: it is to be stored. */
bool import_meet(struct import *im, bool any, bool same);

/* The samples among the rows: stored, and events taken back. In a transaction. */
int import_samples(struct import *im, const struct import_rows *p, struct err *reterr);

/* Results of one probe that are, or were already, stored. */
struct import_run {
    int64_t probe;
    int64_t first_us, last_us; /* slots */
    bool lost_first_event;     /* it was replaced by something that is no event */
};

/* Sees to the probe's schedule, first event and end of history, and keeps the
 * span as one in which a prober was alive. In the transaction of the results. */
int import_describe(struct store *s, const struct import_batch *b, const struct import_run *run,
                    struct err *reterr);
