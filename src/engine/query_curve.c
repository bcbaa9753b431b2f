#include "engine/query_internal.h"

#include "base/mem.h"
#include "model/sketch.h"
#include "slo/budget.h"

#include <assert.h>

/* Longer spans are drawn in whole hours, which rollups answer. */
#define HOURLY_FROM_US (2 * USEC_PER_DAY)

/* The finest step that draws a span in QUERY_POINTS_MAX points and holds at
 * least one slot. `hourly`: in whole hours, whatever its length. */
static int64_t choose_step(int64_t span_us, int64_t interval_us, bool hourly)
{
    static const int64_t seconds[] = {1,    5,    10,   15,    30,    60,    120,   300,    600,
                                      1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800};
    int64_t step = 0;
    for (size_t i = 0; i < countof(seconds); i++) {
        step = seconds[i] * USEC_PER_SEC;
        bool coarse = (!hourly && span_us < HOURLY_FROM_US) || step >= USEC_PER_HOUR;
        if (coarse && step >= interval_us && span_us <= step * QUERY_POINTS_MAX)
            return step;
    }
    int64_t weeks = span_us / QUERY_POINTS_MAX / step + 1;
    return weeks * step;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whole steps in one call; the last one may be cut short by `upto`. */
static int read_counts(const struct slo_query *q, int64_t first_us, size_t n, struct counts *ret,
                       struct err *reterr)
{
    const struct report_slo *s = q->out;
    size_t whole = (size_t)((s->upto_us - first_us) / s->step_us);
    if (whole > n)
        whole = n;
    if (whole > 0 &&
        store_reader_series(q->reader, &q->def->sli, first_us, s->step_us, whole, ret, reterr) < 0)
        return -1;
    if (whole == n)
        return 0;
    return store_reader_counts(q->reader, &q->def->sli, first_us + (int64_t)whole * s->step_us,
                               s->upto_us, &ret[whole], reterr);
}

static int read_latency(const struct slo_query *q, struct report_point *p, int64_t end_us,
                        struct sketch *sketch, struct err *reterr)
{
    bool lower;
    sketch_clear(sketch);
    if (store_reader_latency(q->reader, q->def->sli.probe, p->at_us, end_us, sketch, reterr) < 0)
        return -1;
    p->p50_us = sketch_quantile(sketch, 50, 100, &lower);
    p->p95_us = sketch_quantile(sketch, 95, 100, &lower);
    p->p99_us = sketch_quantile(sketch, 99, 100, &lower);
    return 0;
}

/* `bad_us` so far: the curve falls from 1 at the window's start to the report's
 * own remaining ratio at its end. */
static void set_budget(const struct slo_query *q, struct report_point *p, int64_t bad_so_far)
{
    int64_t total = counts_total(q->out->counts);
    if (bad_so_far > total) /* events that came while the report was read */
        bad_so_far = total;
    p->has_budget = total > 0;
    p->budget_remaining = budget_remaining(
        (struct counts){.good = total - bad_so_far, .bad = bad_so_far}, q->def->target);
}

static int fill_points(struct slo_query *q, int64_t first_us, const struct counts *counts,
                       int64_t bad, struct err *reterr)
{
    struct report_slo *s = q->out;
    struct sketch sketch = SKETCH_INIT;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->point_count; i++) {
        struct report_point *p = &s->points[i];
        struct counts c = counts[i];
        p->at_us = first_us + (int64_t)i * s->step_us;
        int64_t end = min64(p->at_us + s->step_us, s->upto_us);
        p->counts = c;
        p->expected = slo_query_slots(q, p->at_us, end) - c.excluded;
        if (p->expected < counts_total(c))
            p->expected = counts_total(c);
        p->p50_us = p->p95_us = p->p99_us = -1;
        bad += c.bad;
        set_budget(q, p, bad);
        p->has_burn = counts_total(c) > 0;
        p->burn = budget_burn(c.bad, counts_total(c), q->def->target);
        if (counts_total(c) > 0)
            rc = read_latency(q, p, end, &sketch, reterr);
    }
    sketch_release(&sketch);
    return rc;
}

/* Steps begin at multiples of their length. What lies before the first one is
 * not drawn, but its bad events are counted by the budget. */
int query_step_curve(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    const struct probe_revision *last = &q->revisions[q->revision_count - 1];
    s->step_us =
        choose_step(s->end_us - s->start_us, last->interval_us, s->start_us < q->raw_since_us);
    int64_t first = (s->start_us + s->step_us - 1) / s->step_us * s->step_us;
    if (first >= s->upto_us)
        return 0;
    s->point_count = (size_t)((s->upto_us - first + s->step_us - 1) / s->step_us);
    assert(s->point_count <= QUERY_POINTS_MAX);
    s->points = arena_alloc(q->arena, s->point_count * sizeof(*s->points));
    struct counts before;
    if (store_reader_counts(q->reader, &q->def->sli, s->start_us, first, &before, reterr) < 0)
        return -1;
    struct counts *counts = mem_array(s->point_count, sizeof(*counts));
    int rc = read_counts(q, first, s->point_count, counts, reterr);
    if (rc == 0)
        rc = fill_points(q, first, counts, before.bad, reterr);
    free(counts);
    return rc;
}
