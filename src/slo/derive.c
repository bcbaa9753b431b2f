#include "slo/derive.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/wide.h"
#include "model/expr.h"
#include "model/history.h"
#include "model/selector.h"

#include <assert.h>
#include <float.h>
#include <math.h>

struct derive {
    const struct sli_metric *metric;
    struct history *history;
};

static void want_all(struct derive *d)
{
    const struct sli_metric *m = d->metric;
    const struct selector *named[EXPR_SELECTORS_MAX] = {m->good, m->bad, m->total};
    size_t n = 3;
    if (m->kind == SLI_THRESHOLD)
        n = expr_selectors(m->condition, named);
    for (size_t i = 0; i < n; i++)
        if (named[i])
            history_want(d->history, named[i]);
}

struct derive *derive_new(const struct sli_def *sli)
{
    const struct sli_metric *m = sli->metric;
    assert(m);
    if (m->kind == SLI_THRESHOLD)
        assert(expr_window_us(m->condition) == 0);
    else
        assert(!m->total == (m->kind == SLI_RAW) && !m->good == !!m->bad);
    struct derive *d = mem_alloc(sizeof(*d));
    d->metric = m;
    d->history = history_new(0);
    want_all(d);
    return d;
}

void derive_free(struct derive *d)
{
    if (!d)
        return;
    history_free(d->history);
    free(d);
}

/* The events that a counter has counted so far. */
static double whole(const struct derive *d, double value)
{
    return d->metric->kind == SLI_RATIO ? floor(value) : value;
}

void derive_seed(struct derive *d, const char *series, int64_t at_us, double value)
{
    history_seed(d->history, series, at_us, whole(d, value));
}

void derive_seed_scrape(struct derive *d, int64_t at_us)
{
    history_seed_scrape(d->history, at_us);
}

void derive_restart(struct derive *d, int64_t since_us)
{
    history_restart(d->history, since_us);
}

void derive_know(struct derive *d, const char *series, int64_t at_us)
{
    history_know(d->history, series, at_us);
}

/* ---- ratios -------------------------------------------------------------- */

/* The i-th of n equal shares of an amount: whole numbers that add up to it. */
static int64_t share(int64_t amount, int64_t i, int64_t n)
{
    return (int64_t)((int128)amount * (i + 1) / n - (int128)amount * i / n);
}

/* How many steps of *ret_us the growth of a span is spread over. */
static int64_t spread_steps(int64_t span_us, int64_t interval_us, int64_t *ret_us)
{
    int64_t slots = interval_us > 0 ? span_us / interval_us : 0;
    *ret_us = interval_us;
    if (span_us <= 2 * interval_us || slots == 0)
        return 1;
    int64_t slots_a_step = (slots + DERIVE_SPREAD_MAX - 1) / DERIVE_SPREAD_MAX;
    *ret_us = slots_a_step * interval_us;
    return slots / slots_a_step;
}

static void emit_spread(const struct derived *last, int64_t span_us, int64_t interval_us,
                        derive_fn emit, void *ctx)
{
    int64_t step_us, n = spread_steps(span_us, interval_us, &step_us);
    const struct counts all = last->counts;
    struct derived e = *last;
    for (int64_t i = 0; i < n; i++) {
        bool is_last = i == n - 1;
        e.slot_us = last->slot_us - (n - 1 - i) * step_us;
        e.counts = (struct counts){.good = share(all.good, i, n), .bad = share(all.bad, i, n)};
        e.counts.scrapes = is_last ? all.scrapes : 0;
        e.clamped = is_last && last->clamped;
        e.reset = is_last && last->reset;
        if (is_last || !counts_empty(e.counts))
            emit(ctx, &e);
    }
}

/* Good and bad ones from what two counters have grown by. Each step of a series may
 * be as long as all numbers, and then their sum is infinite. */
static void count_events(const struct derive *d, double part, double total, int64_t span_us,
                         struct derived *e)
{
    const double most = (double)span_us * DERIVE_RATE_MAX;
    part = fmin(part, DBL_MAX);
    total = fmin(total, DBL_MAX);
    if (part > total) {
        part = total;
        e->clamped = true;
    }
    if (total > most) {
        part = floor(part / total * most);
        total = most;
        e->clamped = true;
    }
    int64_t rest = (int64_t)total - (int64_t)part;
    e->counts.good = d->metric->good ? (int64_t)part : rest;
    e->counts.bad = d->metric->good ? rest : (int64_t)part;
}

static const struct selector *part_of(const struct sli_metric *m)
{
    return m->good ? m->good : m->bad;
}

static void feed_ratio(struct derive *d, const struct scrape *s, derive_fn emit, void *ctx)
{
    const struct sli_metric *m = d->metric;
    struct sample floors[SAMPLES_MAX]; /* there are thousands of derivations */
    size_t n = s->n < SAMPLES_MAX ? s->n : SAMPLES_MAX;
    for (size_t i = 0; i < n; i++)
        floors[i] = (struct sample){s->at[i].series, floor(s->at[i].value)};
    history_add(d->history, s->slot_us, floors, n);

    struct derived e = {.slot_us = s->slot_us};
    struct growth total = history_step(d->history, m->total);
    struct growth part = history_step(d->history, part_of(m));
    if (total.series == 0) {
        e.counts.silent = 1;
        emit(ctx, &e);
        return;
    }
    e.counts.scrapes = 1;
    e.reset = total.resets + part.resets > 0;
    int64_t span_us = total.to_us - total.from_us;
    count_events(d, part.by, total.by, span_us, &e);
    emit_spread(&e, span_us, s->interval_us, emit, ctx);
}

/* ---- thresholds ---------------------------------------------------------- */

static bool has_series(struct derive *d)
{
    const struct selector *named[EXPR_SELECTORS_MAX];
    size_t n = expr_selectors(d->metric->condition, named);
    for (size_t i = 0; i < n; i++)
        if (history_values(d->history, named[i], NULL, NULL) > 0)
            return true;
    return false;
}

static void feed_threshold(struct derive *d, const struct scrape *s, derive_fn emit, void *ctx)
{
    struct derived e = {.slot_us = s->slot_us};
    history_add(d->history, s->slot_us, s->at, s->n);
    switch (expr_ask(d->metric->condition, d->history, s->slot_us, NULL, 0)) {
    case EXPR_HOLDS:
        e.counts = (struct counts){.good = 1, .scrapes = 1};
        break;
    case EXPR_FAILS:
        e.counts = (struct counts){.bad = 1, .scrapes = 1};
        break;
    case EXPR_UNKNOWN:
        if (history_scrapes(d->history) == 1 && expr_looks_back(d->metric->condition) &&
            has_series(d))
            e.counts.scrapes = 1;
        else
            e.counts.silent = 1;
        break;
    }
    emit(ctx, &e);
}

/* ---- raw ratios ------------------------------------------------------------ */

struct shares {
    int64_t sum; /* of all series, in parts */
    bool cut;
};

static void add_share(void *ctx, const char *series, double value)
{
    struct shares *all = ctx;
    double share = fmin(fmax(value, 0), 1), parts = share * RAW_PARTS, whole = floor(parts);
    (void)series;
    all->sum += (int64_t)whole + (parts - whole > 0.5);
    all->cut |= share != value;
}

static void feed_raw(struct derive *d, const struct scrape *s, derive_fn emit, void *ctx)
{
    struct derived e = {.slot_us = s->slot_us};
    struct shares all = {0};
    history_add(d->history, s->slot_us, s->at, s->n);
    int64_t n = (int64_t)history_values(d->history, part_of(d->metric), add_share, &all);
    if (n == 0) {
        e.counts.silent = 1;
    } else {
        int64_t part = (2 * all.sum + n - 1) / (2 * n), rest = RAW_PARTS - part;
        e.counts.scrapes = 1;
        e.counts.good = d->metric->good ? part : rest;
        e.counts.bad = d->metric->good ? rest : part;
        e.clamped = all.cut;
    }
    emit(ctx, &e);
}

static void feed_data(struct derive *d, const struct scrape *s, derive_fn emit, void *ctx)
{
    switch (d->metric->kind) {
    case SLI_RATIO:
        feed_ratio(d, s, emit, ctx);
        return;
    case SLI_THRESHOLD:
        feed_threshold(d, s, emit, ctx);
        return;
    case SLI_RAW:
        feed_raw(d, s, emit, ctx);
        return;
    }
}

/* ---- either ---------------------------------------------------------------- */

void derive_feed(struct derive *d, const struct scrape *s, derive_fn emit, void *ctx)
{
    struct derived e = {.slot_us = s->slot_us};
    switch (s->state) {
    case SCRAPE_DATA:
        feed_data(d, s, emit, ctx);
        return;
    case SCRAPE_SILENT:
        e.counts.silent = 1;
        break;
    case SCRAPE_EXCLUDED:
        e.counts.excluded = 1;
        break;
    }
    emit(ctx, &e);
}
