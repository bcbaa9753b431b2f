#include "engine/counters.h"

#include "base/mem.h"

#include <assert.h>

static const int64_t latency_bounds[] = {
    5000,    10000,   25000,   50000,    100000,   250000,   500000,
    1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
};

static const int64_t lag_bounds[] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000,
};

static_assert(countof(latency_bounds) <= HISTOGRAM_MAX, "buckets must fit");
static_assert(countof(lag_bounds) <= HISTOGRAM_MAX, "buckets must fit");

void histogram_init_latency(struct histogram *h)
{
    *h = (struct histogram){.bounds_us = latency_bounds, .n = countof(latency_bounds)};
}

void histogram_init_lag(struct histogram *h)
{
    *h = (struct histogram){.bounds_us = lag_bounds, .n = countof(lag_bounds)};
}

void histogram_add(struct histogram *h, int64_t us)
{
    size_t i = 0;

    if (us < 0)
        us = 0;
    while (i < h->n && us > h->bounds_us[i])
        i++;
    h->counts[i]++;
    h->sum_us += us;
}

void probe_counters_init(struct probe_counters *c)
{
    *c = (struct probe_counters){0};
    histogram_init_latency(&c->latency);
}

void probe_counters_release(struct probe_counters *c)
{
    mem_free(&c->answers);
    free(c->counts);
    c->counts = NULL;
    c->count_n = 0;
}

static struct probe_count *count_of(struct probe_counters *c, const struct result *r)
{
    for (size_t i = 0; i < c->count_n; i++) {
        if (c->counts[i].outcome == r->outcome && c->counts[i].reason == r->reason)
            return &c->counts[i];
    }
    c->counts = mem_resize(c->counts, c->count_n + 1, sizeof(*c->counts));
    c->counts[c->count_n] = (struct probe_count){.outcome = r->outcome, .reason = r->reason};
    return &c->counts[c->count_n++];
}

static struct answer_counters *answers_of(struct probe_counters *c)
{
    if (c->answers)
        return c->answers;
    c->answers = mem_alloc(sizeof(*c->answers));
    histogram_init_latency(&c->answers->ttft);
    histogram_init_latency(&c->answers->gap);
    return c->answers;
}

static void add_answer(struct probe_counters *c, const struct result *r, bool judged)
{
    const struct answer *a = &r->answer;
    struct answer_counters *to = answers_of(c);
    bool timed = judged && a->flags & ANSWER_STREAMED;
    if (timed && a->first_token_us)
        histogram_add(&to->ttft, a->first_token_us);
    if (timed && a->last_event_us)
        histogram_add(&to->gap, a->gap_us);
    answer_sums_result(&to->sums, r);
}

void probe_counters_add(struct probe_counters *c, const struct result *r)
{
    assert(r->outcome < OUTCOME_COUNT && r->reason < REASON_COUNT);
    count_of(c, r)->n++;
    bool judged = r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD;
    if (judged)
        histogram_add(&c->latency, r->total_us);
    if (r->flags & RESULT_ANSWER)
        add_answer(c, r, judged);
}

void probe_counters_add_held(struct probe_counters *c, const struct result *r)
{
    count_of(c, r)->n++;
    answers_of(c)->waited += r->reason != REASON_SPEND_CAP;
    answer_sums_result(&c->answers->sums, r);
}

void probe_counters_add_scrape(struct probe_counters *c, size_t samples)
{
    c->scrapes++;
    c->samples += (int64_t)samples;
}

struct probe_counters probe_counters_copy(struct arena *a, const struct probe_counters *c)
{
    struct probe_counters copy = *c;

    copy.counts = arena_alloc(a, c->count_n * sizeof(*c->counts));
    if (c->count_n)
        memcpy(copy.counts, c->counts, c->count_n * sizeof(*c->counts));
    if (c->answers) {
        copy.answers = arena_alloc(a, sizeof(*copy.answers));
        *copy.answers = *c->answers;
    }
    return copy;
}
