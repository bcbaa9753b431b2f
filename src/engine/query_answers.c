/*
 * What the runs of an agent's probe came to in the window: times of their answers,
 * tokens and cost by the day. Of all runs, excluded ones too, as latency is: what was
 * spent in a maintenance is spent.
 */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "model/sketch.h"
#include "nines/probe.h"
#include "nines/store_reader.h"

#include <stdlib.h>

#define NO_PERCENTILES ((struct percentiles){-1, -1, -1})

static bool has_answers(const struct slo_query *q)
{
    const struct probe_def *probe = q->def->probe;
    return !q->def->member_count && probe && probe->kind && probe->kind->answers;
}

static bool streams(const struct slo_query *q)
{
    const struct probe_def *probe = q->def->probe;
    return probe->kind->streams && probe->kind->streams(probe->spec);
}

void query_fill_latency(struct report_latency *l, const struct sketch *sketch)
{
    l->count = sketch->count;
    l->censored = sketch->censored;
    l->max_us = sketch->max_us;
    l->p50_us = sketch_quantile(sketch, 50, 100, &l->p50_lower);
    l->p90_us = sketch_quantile(sketch, 90, 100, &l->p90_lower);
    l->p95_us = sketch_quantile(sketch, 95, 100, &l->p95_lower);
    l->p99_us = sketch_quantile(sketch, 99, 100, &l->p99_lower);
}

/* ---- of the whole window ----------------------------------------------------------- */

static int read_sketch(const struct slo_query *q, enum answer_sketch which,
                       struct report_latency *ret, struct err *reterr)
{
    struct sketch sketch = SKETCH_INIT;
    int rc = store_reader_answer_sketch(q->reader, q->def->sli.probe, which, q->out->start_us,
                                        q->out->upto_us, &sketch, reterr);
    if (rc == 0)
        query_fill_latency(ret, &sketch);
    sketch_release(&sketch);
    return rc;
}

/* The window cut at each midnight of UTC. */
static size_t cut_days(const struct report_slo *s, int64_t *edges)
{
    size_t n = 0;
    edges[0] = s->start_us;
    while (edges[n] < s->upto_us) {
        int64_t next = (edges[n] / USEC_PER_DAY + 1) * USEC_PER_DAY;
        edges[++n] = next < s->upto_us ? next : s->upto_us;
    }
    return n;
}

/* Runs that are neither good nor bad cost what they cost. */
static bool has_spent(const struct answer_sums *s)
{
    return s->tokens_in || s->tokens_out || s->tokens_unknown || s->cost || s->cost_unknown;
}

static void keep_days(struct slo_query *q, const int64_t *edges, const struct answer_sums *sums,
                      size_t n)
{
    struct report_answers *a = q->out->answers;
    a->days = arena_alloc(q->arena, (n + 1) * sizeof(*a->days));
    for (size_t i = 0; i < n; i++) {
        answer_sums_add(&a->sums, &sums[i]);
        if (sums[i].runs || sums[i].held || sums[i].limited || has_spent(&sums[i]))
            a->days[a->day_count++] = (struct report_answer_day){edges[i], edges[i + 1], sums[i]};
    }
}

static int read_days(struct slo_query *q, struct err *reterr)
{
    const struct report_slo *s = q->out;
    size_t most = (size_t)((s->upto_us - s->start_us) / USEC_PER_DAY) + 3;
    int64_t *edges = mem_array(most, sizeof(*edges));
    struct answer_sums *sums = mem_array(most, sizeof(*sums));
    size_t n = cut_days(s, edges);
    int rc = store_reader_answers(q->reader, q->def->sli.probe, edges, n, sums, reterr);
    if (rc == 0)
        keep_days(q, edges, sums, n);
    free(edges);
    free(sums);
    return rc;
}

/* Rounded to the nearest, halves up. */
static void set_per_good(struct report_answers *a)
{
    a->has_per_good = a->sums.good > 0;
    if (a->has_per_good)
        a->per_good = (int64_t)(((int128)a->sums.cost * 2 + a->sums.good) / (2 * a->sums.good));
}

/* ---- over time ----------------------------------------------------------------------- */

static int read_curve(struct slo_query *q, enum answer_sketch which, struct err *reterr)
{
    struct report_slo *s = q->out;
    size_t n = s->point_count;
    int64_t *edges = mem_array(n + 1, sizeof(*edges));
    struct percentiles *p = mem_array(n, sizeof(*p));
    for (size_t i = 0; i < n; i++)
        edges[i] = s->points[i].at_us;
    edges[n] = s->upto_us;
    int rc =
        store_reader_answer_percentiles(q->reader, q->def->sli.probe, which, edges, n, p, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++)
        *(which == ANSWER_SKETCH_TTFT ? &s->points[i].ttft : &s->points[i].gap) = p[i];
    free(edges);
    free(p);
    return rc;
}

static int read_streamed(struct slo_query *q, struct err *reterr)
{
    struct report_answers *a = q->out->answers;
    if (!a->streams)
        return 0;
    if (read_sketch(q, ANSWER_SKETCH_TTFT, &a->ttft, reterr) < 0 ||
        read_sketch(q, ANSWER_SKETCH_GAP, &a->gap, reterr) < 0)
        return -1;
    if (q->out->point_count == 0)
        return 0;
    return read_curve(q, ANSWER_SKETCH_TTFT, reterr) < 0 ? -1
                                                         : read_curve(q, ANSWER_SKETCH_GAP, reterr);
}

int query_step_answers(struct slo_query *q, struct err *reterr)
{
    const struct report_latency none = {
        .p50_us = -1, .p90_us = -1, .p95_us = -1, .p99_us = -1, .max_us = -1};
    struct report_slo *s = q->out;
    for (size_t i = 0; i < s->point_count; i++)
        s->points[i].ttft = s->points[i].gap = NO_PERCENTILES;
    if (!has_answers(q))
        return 0;
    s->answers = arena_alloc(q->arena, sizeof(*s->answers));
    *s->answers = (struct report_answers){.streams = streams(q),
                                          .ttft = none,
                                          .gap = none,
                                          .token = none,
                                          .currency = q->config->daemon.prices.currency};
    if (read_days(q, reterr) < 0 ||
        read_sketch(q, ANSWER_SKETCH_TOKEN, &s->answers->token, reterr) < 0 ||
        read_streamed(q, reterr) < 0)
        return -1;
    set_per_good(s->answers);
    return 0;
}
