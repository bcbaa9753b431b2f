/*
 * What an evaluation tick costs: 1,000 SLOs with the four default tiers, each
 * on an SLI of its own that is probed every 10 s. Prints one JSON object.
 *
 * Only evaluator_run_due() is timed, in CPU time of the thread, the median of
 * the ticks. Between two ticks the results of 10 s come in and `chill` bytes
 * are written over, as a daemon does other work in between: the windows are
 * not in the caches when the next tick comes.
 */
#include "base/mem.h"
#include "base/units.h"
#include "engine/evaluate.h"
#include "slo/live.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SLOS 1000
#define WARM_TICKS 400 /* an hour and some */
#define TICKS 360
#define CHILL (16 << 20)
#define T0 (20000 * USEC_PER_DAY)

static const struct tier_def tiers[] = {
    {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
    {SEVERITY_PAGE, 6 * USEC_PER_HOUR, 30 * USEC_PER_MIN, {6, 0}, 2},
    {SEVERITY_TICKET, USEC_PER_DAY, 2 * USEC_PER_HOUR, {3, 0}, 2},
    {SEVERITY_TICKET, 3 * USEC_PER_DAY, 6 * USEC_PER_HOUR, {1, 0}, 2},
};

struct bench {
    struct evaluator *e;
    struct config *config;
    char *chill;
    int transitions;
};

static void on_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    struct bench *b = ctx;
    (void)view, (void)t;
    b->transitions++;
}

static int64_t cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void add_slo(struct config *c, size_t i, int64_t window_us)
{
    struct probe_def *p = arena_alloc(&c->arena, sizeof(*p));
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    p->id = arena_printf(&c->arena, "probe-%05zu", i);
    p->interval_us = 10 * USEC_PER_SEC;
    p->timeout_us = 5 * USEC_PER_SEC;
    d->name = arena_printf(&c->arena, "slo-%05zu", i);
    d->service = "bench";
    d->objective_name = "";
    d->sli.probe = p->id;
    d->sli.key = p->id;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = p;
    d->target = (struct decimal){999, 3};
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = window_us};
    d->alerting = true;
    d->tiers = tiers;
    d->tier_count = countof(tiers);
    c->slos[i] = d;
}

static struct config *make_config(int64_t window_us)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slo_count = SLOS;
    c->slos = arena_alloc(&c->arena, SLOS * sizeof(*c->slos));
    for (size_t i = 0; i < SLOS; i++)
        add_slo(c, i, window_us);
    return c;
}

/* As a restart gives it: hours, minutes of three days, two hours of events. */
static struct live *history(int64_t longest_us)
{
    struct live *l = live_new(longest_us, T0);
    int64_t minutes = T0 - 3 * USEC_PER_DAY - USEC_PER_HOUR, tens = T0 - 2 * USEC_PER_HOUR;
    for (int64_t t = T0 - longest_us; t < minutes; t += USEC_PER_HOUR) {
        int64_t bad = t / USEC_PER_HOUR % 50 == 0;
        live_add_counts(l, t, USEC_PER_HOUR, &(struct counts){360 - bad, bad, 0}, 1);
    }
    for (int64_t t = minutes; t < tens; t += USEC_PER_MIN)
        live_add_counts(l, t, USEC_PER_MIN, &(struct counts){6, 0, 0}, 1);
    for (int64_t t = tens; t < T0; t += 10 * USEC_PER_SEC)
        live_add(l, t, OUTCOME_GOOD);
    return l;
}

static void start(struct bench *b, int64_t window_us)
{
    struct evaluator_hooks hooks = {on_transition, b};
    struct pending_sli *pending = mem_array(SLOS, sizeof(*pending));
    b->config = make_config(window_us);
    b->e = evaluator_new(&hooks, T0);
    evaluator_set_config(b->e, b->config, NULL, T0);
    size_t n = evaluator_pending(b->e, pending, SLOS);
    for (size_t i = 0; i < n; i++) {
        const struct slo_def *d = b->config->slos[i];
        struct probe_revision rev = {0, d->probe->interval_us, d->probe->phase_us,
                                     d->probe->timeout_us};
        struct store_probe known = {.first_event_us = 0,
                                    .last_slot_us = T0 - 10 * USEC_PER_SEC,
                                    .revisions = &rev,
                                    .revision_count = 1};
        struct live *l = history(pending[i].longest_us);
        evaluator_set_history(b->e, d->sli.probe, &known);
        evaluator_merge(b->e, pending[i].sli->key, &(struct sli_past){.live = l});
        evaluator_set_alert(b->e, d->name, "", &(struct alert_state){0});
        live_free(l);
    }
    free(pending);
}

static void results(struct bench *b, int64_t slot_us, enum outcome o)
{
    struct result r = {.slot_us = slot_us, .done_us = slot_us + 20000, .total_us = 20000};
    r.outcome = (uint8_t)o;
    r.reason = o == OUTCOME_BAD ? REASON_CONNECT : REASON_NONE;
    for (size_t i = 0; i < SLOS; i++)
        evaluator_result(b->e, b->config->slos[i]->sli.probe, &(struct observation){.result = r});
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median tick, in microseconds. */
static double run(struct bench *b, int64_t *t_us, int n, enum outcome o)
{
    int64_t *took = mem_array((size_t)n, sizeof(*took));
    for (int i = 0; i < n; i++) {
        results(b, *t_us + USEC_PER_SEC, o);
        *t_us += 10 * USEC_PER_SEC;
        memset(b->chill, i, CHILL);
        int64_t before = cpu_ns();
        evaluator_run_due(b->e, *t_us);
        took[i] = cpu_ns() - before;
    }
    qsort(took, (size_t)n, sizeof(*took), by_value);
    double median = (double)took[n / 2] / 1000;
    free(took);
    return median;
}

struct figures {
    double tick_us, outage_us;
    size_t bytes;
    int transitions;
};

static struct figures measure(struct bench *b, int64_t window_us)
{
    struct figures f = {0};
    size_t before = mallinfo2().uordblks;
    int64_t t = T0;
    b->transitions = 0;
    start(b, window_us);
    run(b, &t, WARM_TICKS, OUTCOME_GOOD);
    f.tick_us = run(b, &t, TICKS, OUTCOME_GOOD);
    /* Not the definitions: those are the snapshot's. */
    struct config *c = make_config(window_us);
    size_t after = mallinfo2().uordblks;
    config_unref(c);
    f.bytes = after - before - 2 * (after - mallinfo2().uordblks);
    run(b, &t, 60, OUTCOME_BAD); /* all fire */
    f.outage_us = run(b, &t, TICKS, OUTCOME_BAD);
    f.transitions = b->transitions;
    evaluator_free(b->e);
    config_unref(b->config);
    return f;
}

int main(void)
{
    struct bench b = {.chill = mem_alloc(CHILL)};
    struct figures week = measure(&b, 7 * USEC_PER_DAY), quarter = measure(&b, 90 * USEC_PER_DAY);
    printf("{\"slos\": %d, \"tiers\": %zu, \"tick_us_7d\": %.1f, \"tick_us_90d\": %.1f,"
           " \"tick_us_outage\": %.1f, \"fired\": %d, \"bytes_per_sli\": %zu}\n",
           SLOS, countof(tiers), week.tick_us, quarter.tick_us, quarter.outage_us,
           quarter.transitions, quarter.bytes / SLOS);
    free(b.chill);
    return 0;
}
