/* Reasons: what a pass brings, added up. */
#include "io/sqlite.h"
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
        x->out[bad_reason(x->sli, r)]++;
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
