/* Reasons and latencies: what a pass brings, added up. */
#include "io/sqlite.h"
#include "model/sketch.h"
#include "store/packed.h"
#include "store/pass.h"
#include "store/rollup_sum.h"
#include "store/rows.h"

/* ---- reasons ------------------------------------------------------------------ */

struct reasons {
    const struct sli_def *sli;
    int64_t *out;
};

static int add_rolled_reasons(void *ctx, size_t cell, enum pass_span span, struct sqlite_rows *row,
                              struct err *reterr)
{
    (void)cell, (void)span;
    size_t n;
    const void *data = sqlite_blob(row, PASS_REASONS, &n);
    return n ? packed_get_reasons(data, n, ((struct reasons *)ctx)->out, reterr) : 0;
}

static void add_reason(void *ctx, size_t cell, const struct result *r)
{
    struct reasons *x = ctx;
    (void)cell;
    if (sli_classify(x->sli, r) == OUTCOME_BAD)
        x->out[bad_reason(r)]++;
}

static void add_event_reason(void *ctx, size_t cell, struct counts c)
{
    (void)cell;
    ((struct reasons *)ctx)->out[REASON_METRIC] += c.bad;
}

static const struct pass_visitor reasons_visitor = {
    .rolled = add_rolled_reasons, .result = add_reason, .event = add_event_reason};

int store_reader_reasons(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                         int64_t to_us, int64_t ret[REASON_COUNT], struct err *reterr)
{
    struct rolled at;
    struct reasons x = {sli, ret};
    memset(ret, 0, REASON_COUNT * sizeof(*ret));
    if (to_us <= from_us)
        return 0;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_rolled(r, sli->probe, sli, &at, reterr);
    if (rc > 0)
        rc = pass_run(r, &at, (int64_t[]){from_us, to_us}, 1, &reasons_visitor, &x, reterr);
    return reader_end(r, rc);
}

/* ---- latencies ---------------------------------------------------------------- */

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

static void add_run(struct sketch *into, const struct result *r)
{
    if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)
        sketch_add(into, r->total_us, r->outcome == OUTCOME_BAD);
}

static int add_rolled_latency(void *ctx, size_t cell, enum pass_span span, struct sqlite_rows *row,
                              struct err *reterr)
{
    (void)cell;
    return add_sketch(ctx, span, row, reterr);
}

static void add_latency(void *ctx, size_t cell, const struct result *r)
{
    (void)cell;
    add_run(ctx, r);
}

static const struct pass_visitor latency_visitor = {.rolled = add_rolled_latency,
                                                    .result = add_latency};

static int pass_latency(struct store_reader *r, const char *probe, const int64_t *edges, size_t n,
                        const struct pass_visitor *v, void *ctx, struct err *reterr)
{
    struct rolled at;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_rolled(r, probe, NULL, &at, reterr);
    if (rc > 0)
        rc = pass_run(r, &at, edges, n, v, ctx, reterr);
    return reader_end(r, rc);
}

int store_reader_latency(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         struct sketch *into, struct err *reterr)
{
    if (to_us <= from_us)
        return 0;
    return pass_latency(r, probe, (int64_t[]){from_us, to_us}, 1, &latency_visitor, into, reterr);
}

/* ---- percentiles -------------------------------------------------------------- */

struct ranking {
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
    add_run(&k->sketch, r);
}

static const struct pass_visitor ranking_visitor = {
    .rolled = rank_rolled, .hour = rank_hour, .result = rank_result};

int store_reader_percentiles(struct store_reader *r, const char *probe, const int64_t *edges,
                             size_t n, struct percentiles *ret, struct err *reterr)
{
    struct ranking k = {.out = ret, .sketch = SKETCH_INIT, .day_us = -1};
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct percentiles){-1, -1, -1};
    int rc = n == 0 ? 0 : pass_latency(r, probe, edges, n, &ranking_visitor, &k, reterr);
    if (rc == 0)
        enter(&k, n);
    sketch_release(&k.sketch);
    return rc;
}
