/* Latencies, and what answers measured: sketches that a pass brings, added up. */
#include "io/sqlite.h"
#include "model/sketch.h"
#include "store/packed.h"
#include "store/pass.h"
#include "store/rollup_sum.h"

/* ---- one sketch --------------------------------------------------------------- */

struct adding {
    enum stream_kind kind;
    struct sketch *into;
};

static int add_sketch(struct sketch *into, enum pass_span span, struct sqlite_rows *row,
                      struct err *reterr)
{
    struct percentiles unused[PACKED_HOURS];
    size_t n;
    const void *data = sqlite_blob(row, PASS_PACKED, &n);
    if (span == PASS_DAY && rollup_day_percentiles(&data, &n, unused, reterr) < 0)
        return -1;
    return sketch_decode(data, n, into, reterr);
}

static int add_rolled(void *ctx, size_t cell, enum pass_span span, struct sqlite_rows *row,
                      struct err *reterr)
{
    (void)cell;
    return add_sketch(((struct adding *)ctx)->into, span, row, reterr);
}

static void add_result(void *ctx, size_t cell, const struct result *r)
{
    const struct adding *x = ctx;
    (void)cell;
    rollup_sketch_result(x->into, x->kind, r);
}

static const struct pass_visitor adding_visitor = {.rolled = add_rolled, .result = add_result};

static int pass_sketches(struct store_reader *r, const char *probe, enum stream_kind kind,
                         const int64_t *edges, size_t n, const struct pass_visitor *v, void *ctx,
                         struct err *reterr)
{
    struct rolled at;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_rolled_probe(r, probe, kind, &at, reterr);
    if (rc > 0)
        rc = pass_run(r, &at, edges, n, v, ctx, reterr);
    return reader_end(r, rc);
}

static int read_sketch(struct store_reader *r, const char *probe, enum stream_kind kind,
                       int64_t from_us, int64_t to_us, struct sketch *into, struct err *reterr)
{
    struct adding x = {kind, into};
    if (to_us <= from_us)
        return 0;
    return pass_sketches(r, probe, kind, (int64_t[]){from_us, to_us}, 1, &adding_visitor, &x,
                         reterr);
}

/* ---- percentiles -------------------------------------------------------------- */

struct ranking {
    enum stream_kind kind;
    struct percentiles *out;
    struct sketch sketch; /* of `cell`, until the next one begins */
    size_t cell;
    int64_t day_us; /* whose hours these are; -1: none yet */
    struct percentiles hours[PACKED_HOURS];
};

static void enter(struct ranking *k, size_t cell)
{
    if (k->cell == cell)
        return;
    if (k->sketch.count)
        k->out[k->cell] = rollup_percentiles(&k->sketch);
    sketch_clear(&k->sketch);
    k->cell = cell;
}

static int rank_rolled(void *ctx, size_t cell, enum pass_span span, struct sqlite_rows *row,
                       struct err *reterr)
{
    struct ranking *k = ctx;
    enter(k, cell);
    return add_sketch(&k->sketch, span, row, reterr);
}

static int rank_hour(void *ctx, size_t cell, struct sqlite_rows *day, int hour, struct err *reterr)
{
    struct ranking *k = ctx;
    size_t n;
    int64_t day_us = sqlite_int(day, PASS_START);
    if (day_us != k->day_us) {
        const void *data = sqlite_blob(day, PASS_PACKED, &n);
        if (rollup_day_percentiles(&data, &n, k->hours, reterr) < 0)
            return -1;
        k->day_us = day_us;
    }
    k->out[cell] = k->hours[hour];
    return 0;
}

static void rank_result(void *ctx, size_t cell, const struct result *r)
{
    struct ranking *k = ctx;
    enter(k, cell);
    rollup_sketch_result(&k->sketch, k->kind, r);
}

static const struct pass_visitor ranking_visitor = {
    .rolled = rank_rolled, .hour = rank_hour, .result = rank_result};

static int read_percentiles(struct store_reader *r, const char *probe, enum stream_kind kind,
                            const int64_t *edges, size_t n, struct percentiles *ret,
                            struct err *reterr)
{
    struct ranking k = {.kind = kind, .out = ret, .sketch = SKETCH_INIT, .day_us = -1};
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct percentiles){-1, -1, -1};
    int rc = n == 0 ? 0 : pass_sketches(r, probe, kind, edges, n, &ranking_visitor, &k, reterr);
    if (rc == 0)
        enter(&k, n);
    sketch_release(&k.sketch);
    return rc;
}

/* ---- of what ------------------------------------------------------------------ */

static enum stream_kind kind_of(enum answer_sketch which)
{
    return (enum stream_kind)((int)STREAM_TTFT + (int)which);
}

int store_reader_latency(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         struct sketch *into, struct err *reterr)
{
    return read_sketch(r, probe, STREAM_LATENCY, from_us, to_us, into, reterr);
}

int store_reader_percentiles(struct store_reader *r, const char *probe, const int64_t *edges,
                             size_t n, struct percentiles *ret, struct err *reterr)
{
    return read_percentiles(r, probe, STREAM_LATENCY, edges, n, ret, reterr);
}

int store_reader_answer_sketch(struct store_reader *r, const char *probe, enum answer_sketch which,
                               int64_t from_us, int64_t to_us, struct sketch *into,
                               struct err *reterr)
{
    return read_sketch(r, probe, kind_of(which), from_us, to_us, into, reterr);
}

int store_reader_answer_percentiles(struct store_reader *r, const char *probe,
                                    enum answer_sketch which, const int64_t *edges, size_t n,
                                    struct percentiles *ret, struct err *reterr)
{
    return read_percentiles(r, probe, kind_of(which), edges, n, ret, reterr);
}

/* ---- sums --------------------------------------------------------------------- */

static int add_rolled_sums(void *ctx, size_t cell, enum pass_span span, struct sqlite_rows *row,
                           struct err *reterr)
{
    (void)span;
    size_t n;
    const void *data = sqlite_blob(row, PASS_PACKED, &n);
    return packed_get_answers(data, n, (struct answer_sums *)ctx + cell, reterr);
}

static void add_result_sums(void *ctx, size_t cell, const struct result *r)
{
    answer_sums_result((struct answer_sums *)ctx + cell, r);
}

static const struct pass_visitor sums_visitor = {.rolled = add_rolled_sums,
                                                 .result = add_result_sums};

int store_reader_answers(struct store_reader *r, const char *probe, const int64_t *edges, size_t n,
                         struct answer_sums *ret, struct err *reterr)
{
    struct rolled at;
    memset(ret, 0, n * sizeof(*ret));
    if (n == 0)
        return 0;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_rolled_probe(r, probe, STREAM_ANSWERS, &at, reterr);
    if (rc > 0)
        rc = pass_run(r, &at, edges, n, &sums_visitor, ret, reterr);
    return reader_end(r, rc);
}
