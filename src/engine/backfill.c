#include "engine/backfill.h"

#include "base/mem.h"
#include "slo/live.h"

/* A run may last this long: rows younger than this are looked at one by one,
 * for whether they were done by the attach instant. Timeouts are at most 1 h. */
#define SETTLE_US (2 * USEC_PER_HOUR)
#define MINUTES_US (3 * USEC_PER_DAY)

struct rows {
    const struct sli_def *sli;
    struct live *live;
    int64_t attached_us;
};

static bool add_row(void *ctx, const struct result *r)
{
    struct rows *rows = ctx;
    enum outcome o = sli_classify(rows->sli, r);
    if (r->done_us <= rows->attached_us && o != OUTCOME_SKIPPED)
        live_add(rows->live, r->slot_us, o);
    return true;
}

/* Whole steps of [from, to) from rollups. */
static int add_steps(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                     int64_t to_us, int64_t step_us, struct live *live, struct err *reterr)
{
    if (to_us <= from_us)
        return 0;
    size_t n = (size_t)((to_us - from_us) / step_us);
    struct counts *c = mem_array(n, sizeof(*c));
    int rc = store_reader_series(r, sli, from_us, step_us, n, c, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (counts_total(c[i]) + c[i].excluded > 0)
            live_add_counts(live, from_us + (int64_t)i * step_us, step_us, c[i]);
    free(c);
    return rc;
}

static int64_t floor_hour(int64_t us)
{
    return us - us % USEC_PER_HOUR;
}

int backfill_sli(struct store_reader *r, const struct sli_def *sli, int64_t longest_us,
                 int64_t attached_us, struct live **ret, struct err *reterr)
{
    struct rows rows = {sli, live_new(longest_us, attached_us), attached_us};
    int64_t first = floor_hour(attached_us - longest_us) - USEC_PER_HOUR;
    int64_t minutes = floor_hour(attached_us - MINUTES_US) - USEC_PER_HOUR;
    int64_t settled = floor_hour(attached_us - SETTLE_US);
    if (first < 0)
        first = 0;
    if (minutes < first)
        minutes = first;
    if (add_steps(r, sli, first, minutes, USEC_PER_HOUR, rows.live, reterr) < 0 ||
        add_steps(r, sli, minutes, settled, USEC_PER_MIN, rows.live, reterr) < 0 ||
        store_reader_results(r, sli->probe, settled, attached_us + 1, add_row, &rows, reterr) < 0) {
        live_free(rows.live);
        return -1;
    }
    *ret = rows.live;
    return 0;
}
