#include "engine/query_internal.h"

#include "base/mem.h"
#include "slo/budget.h"
#include "slo/expected.h"

#include <assert.h>

/* Longer spans are drawn in whole hours, which rollups answer. */
#define HOURLY_FROM_US (2 * USEC_PER_DAY)

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

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

/* The curve falls from 1 at the window's start to the report's
 * own remaining ratio at its end. */
static void set_budget(const struct slo_query *q, struct report_point *p, int64_t bad_so_far)
{
    int64_t total = counts_total(q->out->judged);
    if (bad_so_far > total) /* events that came while the report was read */
        bad_so_far = total;
    p->has_budget = total > 0;
    p->budget_remaining = budget_remaining(budget_use_with(q->out->use, bad_so_far));
}

/* Steps begin at multiples of their length. What lies before the first one is
 * not drawn, but its bad events are counted by the budget. */
int query_step_grid(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    const struct probe_revision *last = &q->revisions[q->revision_count - 1];
    (void)reterr;
    s->step_us = choose_step(s->end_us - s->start_us, max64(last->interval_us, q->def->slice_us),
                             s->start_us < q->raw_since_us);
    int64_t first = (s->start_us + s->step_us - 1) / s->step_us * s->step_us;
    if (first >= s->upto_us)
        return 0;
    s->point_count = (size_t)((s->upto_us - first + s->step_us - 1) / s->step_us);
    assert(s->point_count <= QUERY_POINTS_MAX);
    s->points = arena_alloc(q->arena, s->point_count * sizeof(*s->points));
    for (size_t i = 0; i < s->point_count; i++)
        s->points[i].at_us = first + (int64_t)i * s->step_us;
    return 0;
}

/* The end of a step; the last one may be cut short by `upto`. */
static int64_t end_of(const struct report_slo *s, size_t i)
{
    return i + 1 < s->point_count ? s->points[i + 1].at_us : s->upto_us;
}

static int fill_percentiles(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    size_t n = s->point_count;
    int64_t *edges = mem_array(n + 1, sizeof(*edges));
    struct percentiles *p = mem_array(n, sizeof(*p));
    for (size_t i = 0; i < n; i++)
        edges[i] = s->points[i].at_us;
    edges[n] = s->upto_us;
    int rc = store_reader_percentiles(q->reader, q->def->sli.probe, edges, n, p, reterr);
    for (size_t i = 0; i < n; i++) {
        /* What is excluded of the objective are runs all the same. */
        bool shown = counts_total(s->points[i].counts) > 0 ||
                     sieve_touches(q->sieve, edges[i], edges[i + 1]);
        s->points[i].p50_us = shown ? p[i].p50_us : -1;
        s->points[i].p95_us = shown ? p[i].p95_us : -1;
        s->points[i].p99_us = shown ? p[i].p99_us : -1;
    }
    free(edges);
    free(p);
    return rc;
}

int query_step_curve(struct slo_query *q, struct err *reterr)
{
    struct report_slo *s = q->out;
    struct counts c, judged;
    if (s->point_count == 0)
        return 0;
    if (slo_query_judged(q, s->start_us, s->points[0].at_us, &c, reterr) < 0)
        return -1;
    int64_t bad = c.bad;
    for (size_t i = 0; i < s->point_count; i++) {
        struct report_point *p = &s->points[i];
        if (slo_query_counts(q, p->at_us, end_of(s, i), &c, reterr) < 0 ||
            slo_query_judged(q, p->at_us, end_of(s, i), &judged, reterr) < 0)
            return -1;
        p->counts = c;
        p->p50_us = p->p95_us = p->p99_us = -1;
        p->observed = sli_observed(&q->def->sli, c);
        p->expected = slo_query_slots(q, p->at_us, end_of(s, i)) - c.excluded;
        if (p->expected < p->observed)
            p->expected = p->observed;
        bad += judged.bad;
        set_budget(q, p, bad);
        p->has_burn = counts_total(judged) > 0;
        p->burn = budget_burn(judged.bad, counts_total(judged), q->def->target);
    }
    return q->def->sli.metric ? 0 : fill_percentiles(q, reterr);
}
