/* Counts of an SLI by cells, steps or one span: sums of what a pass brings. */
#include "base/mem.h"
#include "io/sqlite.h"
#include "store/pass.h"
#include "store/rollup_sum.h"

#include <assert.h>

struct tally {
    const struct sli_def *sli;
    struct counts *out;
};

/* Sums of a damaged file may be anything: far below what a number can hold it
 * is enough. */
static bool has_room(const struct counts *c)
{
    return (c->good | c->bad | c->excluded | c->scrapes | c->silent) >> 61 == 0;
}

static void add_part(void *ctx, size_t cell, struct counts c)
{
    if (has_room(&((struct tally *)ctx)->out[cell]))
        counts_add(&((struct tally *)ctx)->out[cell], c);
}

static int add_rolled(void *ctx, size_t cell, enum pass_span span, struct sqlite_rows *row,
                      struct err *reterr)
{
    (void)span;
    struct counts c;
    if (rollup_counts(row, &c, reterr) < 0)
        return -1;
    add_part(ctx, cell, c);
    return 0;
}

static void add_result(void *ctx, size_t cell, const struct result *r)
{
    struct tally *t = ctx;
    struct counts *into = &t->out[cell];
    enum outcome o = sli_classify(t->sli, r);
    into->good += o == OUTCOME_GOOD;
    into->bad += o == OUTCOME_BAD;
    into->excluded += o == OUTCOME_EXCLUDED;
}

static const struct pass_visitor visitor = {
    .rolled = add_rolled, .part = add_part, .result = add_result, .event = add_part};

int store_reader_cells(struct store_reader *r, const struct sli_def *sli, const int64_t *edges,
                       size_t n, struct counts *ret, struct err *reterr)
{
    struct rolled at;
    struct tally t = {sli, ret};
    memset(ret, 0, n * sizeof(*ret));
    if (n == 0)
        return 0;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_rolled(r, sli->probe, sli, &at, reterr);
    if (rc > 0)
        rc = pass_run(r, &at, edges, n, &visitor, &t, reterr);
    return reader_end(r, rc);
}

int store_reader_series(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t step_us, size_t n, struct counts *ret, struct err *reterr)
{
    assert(step_us > 0);
    int64_t *edges = mem_array(n + 1, sizeof(*edges));
    for (size_t i = 0; i <= n; i++)
        edges[i] = from_us + (int64_t)i * step_us;
    int rc = store_reader_cells(r, sli, edges, n, ret, reterr);
    free(edges);
    return rc;
}

int store_reader_counts(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t to_us, struct counts *ret, struct err *reterr)
{
    struct counts c = {0};
    if (to_us > from_us &&
        store_reader_cells(r, sli, (int64_t[]){from_us, to_us}, 1, &c, reterr) < 0)
        return -1;
    *ret = c;
    return 0;
}
