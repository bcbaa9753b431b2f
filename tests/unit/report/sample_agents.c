/* Objectives on an agent's probe: what its answers came to in 30 days, by hand. */
#include "sample.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/units.h"

#include <string.h>

#define DAYS 30

static double noise(unsigned long long i)
{
    return (double)(str_hash(&i, sizeof i) >> 11) / 9007199254740992.0;
}

/* 0.15 and 0.60 of a million tokens. */
static int64_t cost_of(int64_t in, int64_t out)
{
    return in * 150000 + out * 600000;
}

static void fill_day(struct report_answer_day *d, const struct report_slo *s, int day)
{
    struct answer_sums *sums = &d->sums;
    d->from_us = s->start_us + day * USEC_PER_DAY;
    d->to_us = d->from_us + USEC_PER_DAY;
    sums->held = day == 12 || day == 13 ? 90 - day : 0;
    sums->limited = day == 20 ? 14 : 0;
    sums->runs = 288 - sums->held;
    sums->good = sums->runs - (day == 17 ? 41 : day % 3);
    sums->tokens_unknown = sums->cost_unknown = day == 17 ? 7 : 0;
    sums->tokens_in = sums->runs * 41;
    sums->tokens_cached = sums->runs * 3;
    sums->tokens_out = sums->runs * (day == 26 ? 290 : 57) + (int64_t)(noise((unsigned)day) * 900);
    sums->tokens_reasoning = sums->runs * 11;
    sums->cost = cost_of(sums->tokens_in, sums->tokens_out);
}

/* A first token that is slow for some hours, and a day of stalls. */
static void fill_points(struct report_slo *s)
{
    for (size_t i = 0; i < s->point_count; i++) {
        struct report_point *p = &s->points[i];
        double slow = i >= 300 && i < 309 ? 6 : 1, stalled = i >= 430 && i < 450 ? 9 : 1;
        p->ttft = p->gap = (struct percentiles){-1, -1, -1};
        if (p->p50_us < 0)
            continue;
        p->p50_us *= 110;
        p->p95_us *= 60;
        p->p99_us *= 40;
        p->ttft.p50_us = (int64_t)(310000 * slow * (0.9 + 0.2 * noise(i)));
        p->ttft.p95_us = (int64_t)((double)p->ttft.p50_us * (1.4 + noise(i * 3)));
        p->ttft.p99_us = (int64_t)((double)p->ttft.p95_us * (1.1 + noise(i * 5)));
        p->gap.p50_us = (int64_t)(42000 * stalled * (0.9 + 0.2 * noise(i * 7)));
        p->gap.p95_us = (int64_t)((double)p->gap.p50_us * (1.6 + noise(i * 11)));
        p->gap.p99_us = (int64_t)((double)p->gap.p95_us * (1.2 + 2 * noise(i * 13)));
    }
}

void sample_answers(struct report *r, struct report_slo *s)
{
    struct report_answers *a = arena_alloc(&r->arena, sizeof *a);
    *a = (struct report_answers){
        .streams = true,
        .ttft = {8600, 140, 318000, 520000, 744000, 2130000, 9800000, false, false, false, true},
        .gap = {8600, 140, 42100, 68000, 91000, 402000, 6100000, false, false, false, true},
        .token = {8600, 140, 24300000, 31000000, 38500000, 41000000, 950000000, false, false, false,
                  true},
        .currency = "USD"};
    a->days = arena_alloc(&r->arena, DAYS * sizeof *a->days);
    for (int i = 0; i < DAYS; i++) {
        fill_day(&a->days[a->day_count], s, i);
        answer_sums_add(&a->sums, &a->days[a->day_count++].sums);
    }
    a->has_per_good = true;
    a->per_good = (a->sums.cost + a->sums.good / 2) / a->sums.good;
    s->latency.p50_us = 1450000;
    s->latency.p90_us = 2210000;
    s->latency.p95_us = 2650000;
    s->latency.p99_us = 6020000;
    s->latency.max_us = 60000000;
    s->answers = a;
    fill_points(s);
}

/* `bound` of no measure is one of the whole answer. */
static void add_measure(struct report *r, const char *name, const char *expression,
                        enum answer_measure measure, int64_t bound)
{
    struct report_slo *s = sample_add(r, SAMPLE_MET);
    struct slo_def *def = arena_alloc(&r->arena, sizeof *def);
    *def = *s->def;
    def->name = name;
    def->description = NULL;
    def->sli.probe = "chat-answers";
    def->sli.measure = measure;
    *(measure ? &def->sli.bound : &def->sli.faster_than_us) = bound;
    s->def = def;
    s->source = measure ? SOURCE_ANSWERS : SOURCE_RESULTS;
    s->expression = expression;
    sample_answers(r, s);
}

void sample_agents(struct report *r)
{
    sample_init(r);
    add_measure(r, "chat-answered", "within 20s", MEASURE_NONE, 20 * USEC_PER_SEC);
    add_measure(r, "chat-first-token", "first token within 800ms", MEASURE_TTFT, 800000);
    add_measure(r, "chat-no-gap", "no gap over 1s", MEASURE_GAP, 1000000);
    add_measure(r, "chat-speed", "at least 20 tokens a second", MEASURE_SPEED, 20000);
    add_measure(r, "chat-cost", "at a cost of at most 0.002 USD", MEASURE_COST, 2000000000);
    sample_add(r, SAMPLE_RATIO);
}
