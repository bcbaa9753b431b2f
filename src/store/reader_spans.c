/* Reasons of one span, and latencies of cells: what a pass brings, added up. */
#include "io/sqlite.h"
#include "model/sketch.h"
#include "store/packed.h"
#include "store/pass.h"
#include "store/rows.h"

/* ---- reasons ------------------------------------------------------------------ */

struct reasons {
    const struct sli_def *sli;
    int64_t *out;
};

static int add_rolled_reasons(void *ctx, size_t cell, struct sqlite_rows *row, struct err *reterr)
{
    (void)cell;
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

static const struct pass_visitor reasons_visitor = {add_rolled_reasons, NULL, add_reason};

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

/* `sketch` is of `cell`, and handed out when the next one begins. */
struct latencies {
    struct sketch *sketch;
    size_t cell;
    store_sketch_fn fn; /* NULL: there is only one cell */
    void *ctx;
};

static void hand_out(struct latencies *l)
{
    if (!l->fn || l->sketch->count == 0)
        return;
    l->fn(l->ctx, l->cell, l->sketch);
    sketch_clear(l->sketch);
}

static void enter(struct latencies *l, size_t cell)
{
    if (l->cell == cell)
        return;
    hand_out(l);
    l->cell = cell;
}

static int add_rolled_sketch(void *ctx, size_t cell, struct sqlite_rows *row, struct err *reterr)
{
    struct latencies *l = ctx;
    size_t n;
    const void *data = sqlite_blob(row, PASS_PACKED, &n);
    enter(l, cell);
    return sketch_decode(data, n, l->sketch, reterr);
}

static void add_latency(void *ctx, size_t cell, const struct result *r)
{
    struct latencies *l = ctx;
    enter(l, cell);
    if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)
        sketch_add(l->sketch, r->total_us, r->outcome == OUTCOME_BAD);
}

static const struct pass_visitor latency_visitor = {add_rolled_sketch, NULL, add_latency};

static int run(struct store_reader *r, const char *probe, const int64_t *edges, size_t n,
               struct latencies *l, struct err *reterr)
{
    struct rolled at;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_rolled(r, probe, NULL, &at, reterr);
    if (rc > 0)
        rc = pass_run(r, &at, edges, n, &latency_visitor, l, reterr);
    if (rc == 0)
        hand_out(l);
    return reader_end(r, rc);
}

int store_reader_latency(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         struct sketch *into, struct err *reterr)
{
    struct latencies l = {.sketch = into};
    if (to_us <= from_us)
        return 0;
    return run(r, probe, (int64_t[]){from_us, to_us}, 1, &l, reterr);
}

int store_reader_latencies(struct store_reader *r, const char *probe, const int64_t *edges,
                           size_t n, store_sketch_fn fn, void *ctx, struct err *reterr)
{
    struct sketch sketch = SKETCH_INIT;
    struct latencies l = {.sketch = &sketch, .fn = fn, .ctx = ctx};
    int rc = n == 0 ? 0 : run(r, probe, edges, n, &l, reterr);
    sketch_release(&sketch);
    return rc;
}
