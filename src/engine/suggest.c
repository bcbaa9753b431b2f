#include "engine/suggest.h"

#include "base/mem.h"
#include "model/sketch.h"
#include "slo/budget.h"
#include "slo/expected.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_US (30 * USEC_PER_DAY)
#define KEY_MAX 512

static const struct decimal targets[SUGGEST_TARGETS] = {
    {9, 1}, {95, 2}, {98, 2}, {99, 2}, {995, 3}, {999, 3}, {9995, 4}, {9999, 4},
};

/* ---- one SLI -------------------------------------------------------------------- */

static void judge(struct suggestion *s)
{
    int64_t total = counts_total(s->counts);
    s->advised = -1;
    for (int i = 0; i < SUGGEST_TARGETS; i++) {
        struct suggest_target *t = &s->targets[i];
        struct budget_use use = budget_use_make(s->counts, targets[i], 1);
        t->target = targets[i];
        t->allowed = budget_allowed(total, targets[i]);
        t->consumed = budget_consumed(use);
        t->breached = budget_breached(use);
        if (total && t->allowed >= SUGGEST_MIN_BAD &&
            !budget_consumed_at_least(use, (struct decimal){75, 2}))
            s->advised = i;
    }
}

/* `bound` 0: availability; else of `m`, or of latency. */
static int read_sli(struct store_reader *r, const char *probe, const struct suggest *g,
                    enum answer_measure m, int64_t bound, struct suggestion *ret,
                    struct err *reterr)
{
    char key[KEY_MAX];
    int64_t faster_than_us = m == MEASURE_NONE ? bound : 0;
    struct sli_def sli = {.probe = probe,
                          .faster_than_us = faster_than_us,
                          .measure = m,
                          .bound = bound - faster_than_us,
                          .key = key};
    memset(sli.classify, -1, sizeof(sli.classify));
    snprintf(key, sizeof(key), "%s", probe);
    if (bound)
        snprintf(key, sizeof(key), "%s %s=%" PRId64 "us", probe,
                 m == MEASURE_NONE ? "faster_than" : answer_measure_name(m), bound);
    *ret = (struct suggestion){.faster_than_us = faster_than_us, .measure = m, .bound = sli.bound};
    if (store_reader_counts(r, &sli, g->from_us, g->to_us, &ret->counts, reterr) < 0)
        return -1;
    judge(ret);
    return 0;
}

/* ---- bounds ---------------------------------------------------------------------- */

/* The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten that is not below:
 * what people write. */
static int64_t round_up(int64_t us)
{
    static const int64_t steps[] = {10, 15, 20, 25, 30, 40, 50, 60, 80, 100};
    int64_t unit = 1;
    while (unit * 100 < us)
        unit *= 10;
    for (size_t i = 0; i < countof(steps); i++)
        if (unit * steps[i] >= us)
            return unit * steps[i];
    return unit * 100;
}

/* Those that so many runs kept, each bound once: appended to `into`. */
static int read_bounds(struct store_reader *r, const char *probe, const struct suggest *g,
                       enum answer_measure m, const struct sketch *sketch, struct suggestion *into,
                       size_t *n, struct err *reterr)
{
    static const int64_t permille[SUGGEST_BOUNDS] = {900, 950, 990, 999};
    int64_t last = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SUGGEST_BOUNDS; i++) {
        bool beyond;
        int64_t us = sketch_quantile(sketch, permille[i], 1000, &beyond);
        int64_t bound = us > 0 && !beyond ? round_up(us) : 0;
        if (bound && bound != last)
            rc = read_sli(r, probe, g, m, bound, &into[(*n)++], reterr);
        last = bound ? bound : last;
    }
    return rc;
}

static int read_answers(struct store_reader *r, const char *probe, struct suggest *g,
                        struct err *reterr)
{
    static const struct {
        enum answer_sketch sketch;
        enum answer_measure measure;
    } of[] = {{ANSWER_SKETCH_TTFT, MEASURE_TTFT}, {ANSWER_SKETCH_GAP, MEASURE_GAP}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < countof(of); i++) {
        struct sketch sketch = SKETCH_INIT;
        rc = store_reader_answer_sketch(r, probe, of[i].sketch, g->from_us, g->to_us, &sketch,
                                        reterr);
        if (rc == 0)
            rc = read_bounds(r, probe, g, of[i].measure, &sketch, g->answers, &g->answer_count,
                             reterr);
        sketch_release(&sketch);
    }
    return rc;
}

static int read_latency(struct store_reader *r, const char *probe, struct suggest *g,
                        struct err *reterr)
{
    struct sketch sketch = SKETCH_INIT;
    bool lower[3];
    int rc = store_reader_latency(r, probe, g->from_us, g->to_us, &sketch, reterr);
    g->p50_us = sketch_quantile(&sketch, 50, 100, &lower[0]);
    g->p90_us = sketch_quantile(&sketch, 90, 100, &lower[1]);
    g->p99_us = sketch_quantile(&sketch, 99, 100, &lower[2]);
    g->p50_us = lower[0] ? -1 : g->p50_us;
    g->p90_us = lower[1] ? -1 : g->p90_us;
    g->p99_us = lower[2] ? -1 : g->p99_us;
    if (rc == 0)
        rc = read_bounds(r, probe, g, MEASURE_NONE, &sketch, g->latency, &g->latency_count, reterr);
    sketch_release(&sketch);
    return rc;
}

static int read_all(struct store_reader *r, const char *probe, bool streams, struct suggest *g,
                    struct err *reterr)
{
    if (read_sli(r, probe, g, MEASURE_NONE, 0, &g->availability, reterr) < 0)
        return -1;
    if (read_latency(r, probe, g, reterr) < 0)
        return -1;
    return streams ? read_answers(r, probe, g, reterr) : 0;
}

int suggest_read(struct store_reader *r, const char *probe, bool streams, int64_t from_us,
                 int64_t to_us, struct suggest *ret, struct err *reterr)
{
    int64_t first = from_us ? from_us : to_us - DEFAULT_US;
    struct store_probe known = {0};
    *ret = (struct suggest){.from_us = first > 0 ? first : 0, .to_us = to_us};
    if (store_reader_begin(r, reterr) < 0)
        return -1;
    int rc = store_reader_probe(r, probe, &known, reterr);
    /* A bound that no objective has is counted in results: as far as they are kept. */
    if (known.raw_since_us > ret->from_us)
        ret->from_us = known.raw_since_us < to_us ? known.raw_since_us : to_us;
    revisions_free(known.revisions, known.revision_count);
    if (rc >= 0)
        rc = read_all(r, probe, streams, ret, reterr);
    store_reader_end(r);
    return rc;
}
