#include "report/curve.h"

#include "base/mem.h"
#include "base/units.h"

#include <assert.h>
#include <math.h>

/* The smallest round duration that covers `span` in `max` buckets. */
static int64_t round_step(int64_t span, int64_t step, size_t max)
{
    static const int64_t seconds[] = {1,     2,     5,     10,     15,     30,      60,     120,
                                      300,   600,   900,   1800,   3600,   7200,    10800,  14400,
                                      21600, 43200, 86400, 172800, 604800, 1209600, 2592000};
    int64_t least = span / (int64_t)max + (span % (int64_t)max != 0);
    if (least < step)
        least = step;
    for (size_t i = 0; i < countof(seconds); i++) {
        int64_t us = seconds[i] * USEC_PER_SEC;
        if (us >= least && us % step == 0)
            return us;
    }
    return (least + step - 1) / step * step;
}

static int64_t worst(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void keep_worst(struct percentiles *into, const struct percentiles *p)
{
    into->p50_us = worst(into->p50_us, p->p50_us);
    into->p95_us = worst(into->p95_us, p->p95_us);
    into->p99_us = worst(into->p99_us, p->p99_us);
}

static void bucket_add(struct bucket *b, const struct report_point *p, int64_t step)
{
    b->to_us = p->at_us + step;
    counts_add(&b->counts, p->counts);
    b->expected += p->expected;
    b->observed += p->observed;
    b->p50_us = worst(b->p50_us, p->p50_us);
    b->p95_us = worst(b->p95_us, p->p95_us);
    b->p99_us = worst(b->p99_us, p->p99_us);
    keep_worst(&b->ttft, &p->ttft);
    keep_worst(&b->gap, &p->gap);
    if (p->has_budget && isfinite(p->budget_remaining)) {
        b->has_budget = true;
        b->budget = p->budget_remaining;
    }
    if (p->has_burn && isfinite(p->burn)) {
        b->burn = b->has_burn ? fmax(b->burn, p->burn) : p->burn;
        b->has_burn = true;
    }
}

void curve_build(struct curve *c, const struct report_slo *s, size_t max)
{
    assert(max > 0 && max <= CURVE_MAX);
    *c = (struct curve){.slo = s};
    int64_t span = s->end_us - s->start_us;
    if (!s->point_count || s->step_us <= 0 || span <= 0)
        return;
    c->step_us = round_step(span, s->step_us, max);
    int64_t key = INT64_MIN;
    int64_t last = s->upto_us > s->start_us && s->upto_us < s->end_us ? s->upto_us : s->end_us;
    for (size_t i = 0; i < s->point_count; i++) {
        const struct report_point *p = &s->points[i];
        if (p->at_us + s->step_us <= s->start_us || p->at_us >= s->end_us)
            continue;
        int64_t from = p->at_us > s->start_us ? p->at_us : s->start_us;
        int64_t k = from / c->step_us;
        if (k != key && c->n == max + 1)
            return;
        if (k != key) {
            key = k;
            c->at[c->n++] = (struct bucket){.from_us = from,
                                            .p50_us = -1,
                                            .p95_us = -1,
                                            .p99_us = -1,
                                            .ttft = {-1, -1, -1},
                                            .gap = {-1, -1, -1}};
        }
        bucket_add(&c->at[c->n - 1], p, s->step_us);
        if (c->at[c->n - 1].to_us > last)
            c->at[c->n - 1].to_us = last;
    }
}

enum cell curve_cell(const struct bucket *b)
{
    if (counts_total(b->counts) == 0)
        return b->counts.excluded ? CELL_EXCLUDED : CELL_NO_DATA;
    if (b->counts.bad == 0)
        return CELL_GOOD;
    return b->counts.good ? CELL_PARTIAL : CELL_BAD;
}

const char *cell_name(enum cell c)
{
    switch (c) {
    case CELL_NO_DATA:
        return "no data";
    case CELL_EXCLUDED:
        return "excluded";
    case CELL_GOOD:
        return "good";
    case CELL_PARTIAL:
        return "partly bad";
    case CELL_BAD:
        return "bad";
    }
    assert(!"cell");
    return "";
}
