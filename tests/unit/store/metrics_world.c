#include "metrics_world.h"

#include "base/mem.h"
#include "model/expr.h"
#include "model/selector.h"
#include "nines/probe.h"
#include "slo/derive.h"
#include "store/dbcheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define QUEUE 4
#define WORK 6
#define FAILED 7

const char *const world_series[WORLD_SERIES] = {
    "http_requests_total{status=\"200\"}",
    "http_requests_total{status=\"500\"}",
    "http_requests_total{pod=\"a\",status=\"500\"}",
    "http_requests_total{pod=\"b\",status=\"503\"}",
    "queue",
    "queue{name=\"b\"}",
    "work_total",
    "failed_ratio",
    "failed_ratio{pod=\"b\"}",
};

uint32_t world_next(struct world *w)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return w->seed >> 8;
}

int64_t world_slot_us(int64_t i)
{
    return T0 + 17 * USEC_PER_SEC + i * WORLD_INTERVAL_US;
}

static const struct selector *select_text(struct world *w, const char *text)
{
    const struct selector *s = NULL;
    struct err err = {{0}};
    if (selector_parse(&w->arena, text, strlen(text), &s, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static const struct expr *condition(struct world *w, const char *text)
{
    const struct expr *e = NULL;
    struct err err = {{0}};
    if (expr_parse(&w->arena, text, &e, NULL, &err) < 0)
        fail_msg("%s", err.msg);
    return e;
}

void world_init(struct world *w, uint32_t seed)
{
    static const char *const keys[] = {WORLD_PROBE " bad", WORLD_PROBE " good",
                                       WORLD_PROBE " queue", WORLD_PROBE " rate",
                                       WORLD_PROBE " raw"};
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->metrics[0] =
        (struct sli_metric){.kind = SLI_RATIO,
                            .bad = select_text(w, "http_requests_total{status=~\"5..\"}"),
                            .total = select_text(w, "http_requests_total")};
    w->metrics[1] =
        (struct sli_metric){.kind = SLI_RATIO,
                            .good = select_text(w, "http_requests_total{status=\"200\"}"),
                            .total = select_text(w, "http_requests_total")};
    w->metrics[2] =
        (struct sli_metric){.kind = SLI_THRESHOLD, .condition = condition(w, "queue < 50")};
    w->metrics[3] = (struct sli_metric){.kind = SLI_THRESHOLD,
                                        .condition = condition(w, "rate(work_total) >= 1/s")};
    w->metrics[4] = (struct sli_metric){.kind = SLI_RAW, .bad = select_text(w, "failed_ratio")};
    for (size_t i = 0; i < WORLD_SLIS; i++) {
        w->slis[i] = sli_def(WORLD_PROBE, 0, keys[i]);
        w->slis[i].metric = &w->metrics[i];
        for (int64_t k = 0; k < WORLD_SLOTS; k++)
            w->asked[i][k].asked = true; /* nothing is known */
    }
    fixture_init(&w->f);
    fixture_open(&w->f);
}

void world_release(struct world *w)
{
    fixture_release(&w->f);
    arena_release(&w->arena);
}

/* ---- what happens ------------------------------------------------------------- */

/* The first slot behind all that is stored. */
static int64_t behind(const struct world *w)
{
    int64_t i = WORLD_SLOTS;
    while (i > 0 && !w->slots[i - 1].present && !w->slots[i - 1].scrape)
        i--;
    return i;
}

static uint64_t source_of(const void *spec)
{
    return *(const uint64_t *)spec;
}

static const struct probe_kind kind = {.name = "world", .samples = true, .source = source_of};
static const struct probe_kind plain_kind = {.name = "plain"};

/* A ratio's series are among those of the other one. */
static struct world_asked ask(size_t sli, unsigned slis)
{
    struct world_asked a = {.named = slis >> sli & 1};
    a.asked = a.named || (sli < 2 && slis & 3);
    return a;
}

static void ask_from(struct world *w, int64_t slot, unsigned slis, bool anew)
{
    for (size_t i = 0; i < WORLD_SLIS; i++) {
        struct world_asked a = ask(i, slis), before = {.asked = true};
        if (slot > 0)
            before = w->asked[i][slot - 1];
        a.run = before.run + (anew || a.asked != before.asked);
        for (int64_t k = slot; k < WORLD_SLOTS; k++)
            w->asked[i][k] = a;
    }
}

static size_t wanted_of(const struct sli_metric *m, const struct selector *ret[])
{
    if (m->kind == SLI_THRESHOLD)
        return expr_selectors(m->condition, ret);
    ret[0] = m->good ? m->good : m->bad;
    ret[1] = m->total;
    return m->total ? 2 : 1;
}

void world_declare_only(struct world *w, unsigned slis, uint64_t source)
{
    struct probe_def def = probe_def(WORLD_PROBE, WORLD_INTERVAL_US);
    const struct selector *wanted[WORLD_SLIS * EXPR_SELECTORS_MAX];
    def.phase_us = world_slot_us(0) % WORLD_INTERVAL_US;
    def.kind = source ? &kind : &plain_kind;
    def.spec = &source;
    def.wanted = wanted;
    for (size_t i = 0; i < WORLD_SLIS; i++)
        if (slis >> i & 1)
            def.wanted_count += wanted_of(&w->metrics[i], &wanted[def.wanted_count]);
    int64_t next = behind(w);
    store_push_probe(w->f.store, 5, &def, world_slot_us(0));
    store_push_wanted(w->f.store, 5, &def, world_slot_us(next));
    ask_from(w, next, slis, w->source && w->source != source);
    w->source = source;
    for (size_t i = 0; i < WORLD_SLIS; i++) {
        if (!(slis >> i & 1))
            continue;
        w->declared[i] = true;
        store_push_sli(w->f.store, &w->slis[i]);
    }
}

void world_declare(struct world *w, size_t slis)
{
    world_declare_only(w, (1u << slis) - 1, 1);
}

static void step(struct world *w, int series, uint32_t most)
{
    if (world_next(w) % 60 == 0)
        w->counters[series] = 0; /* restarted */
    w->counters[series] += world_next(w) % most + (world_next(w) % 4) * 0.25;
}

void world_scrape(struct world *w, struct world_slot *ret)
{
    static const uint32_t most[WORLD_SERIES] = {200, 5, 3, 3, 0, 0, 120, 0, 0};
    for (int i = 0; i < WORLD_SERIES; i++)
        if (most[i])
            step(w, i, most[i]);
    ret->scrape = true;
    ret->has = 0;
    for (int i = 0; i < WORLD_SERIES; i++) {
        bool flickers = i == 2 || i == 3 || i == QUEUE + 1 || i == FAILED + 1;
        bool away = flickers ? world_next(w) % 8 < 3 : world_next(w) % 40 == 0;
        if (!away)
            ret->has |= 1u << i;
        if (i >= FAILED) /* some are none of 0 to 1 */
            ret->values[i] = (double)(world_next(w) % 110) / 100 - 0.05;
        else
            ret->values[i] = most[i] ? w->counters[i] : (double)(world_next(w) % 60);
    }
    if (world_next(w) % 50 == 0)
        ret->has = 0; /* an empty page */
}

void world_push(struct world *w, int64_t i)
{
    const struct world_slot *s = &w->slots[i];
    struct sample at[WORLD_SERIES];
    struct store_extra extra = {.samples = at};
    int64_t total = 1000 + world_next(w) % 100000;
    struct result r = result_at(world_slot_us(i), s->outcome,
                                s->outcome == OUTCOME_GOOD ? REASON_NONE : REASON_CONNECT, total);
    r.flags = s->scrape ? RESULT_SCRAPED : 0;
    uint32_t first = world_next(w) % WORLD_SERIES;
    for (uint32_t k = 0; s->scrape && k < WORLD_SERIES; k++) {
        uint32_t x = (first + k) % WORLD_SERIES;
        if (s->has >> x & 1)
            at[extra.sample_count++] = (struct sample){world_series[x], s->values[x]};
    }
    assert_true(store_reserve(w->f.store));
    assert_true(store_push_result(w->f.store, 5, &r, &extra));
}

static void slot_happens(struct world *w, struct world_slot *s)
{
    uint32_t what = world_next(w) % 100;
    s->present = true;
    s->outcome = what < 85 ? OUTCOME_GOOD : OUTCOME_BAD;
    if (what < 92)
        world_scrape(w, s); /* a bad one, too: its assertions failed */
    else if (what > 97)
        s->outcome = what == 98 ? OUTCOME_EXCLUDED : OUTCOME_SKIPPED;
}

void world_run(struct world *w, int64_t n)
{
    for (; n > 0 && w->live < WORLD_SLOTS; n--, w->live++) {
        uint32_t gap = world_next(w);
        if (gap % 400 == 0) { /* the prober was away */
            w->live += world_next(w) % 80;
            continue;
        }
        struct world_slot *s = &w->slots[w->live];
        bool stored = s->present || s->scrape;
        if (!stored && gap % 300 == 1) /* the target is away */
            for (int64_t k = 0; k < 200 && w->live < WORLD_SLOTS - 1; k++, w->live++) {
                s = &w->slots[w->live];
                if (s->present || s->scrape)
                    break;
                s->present = true;
                s->outcome = OUTCOME_BAD;
                world_push(w, w->live);
            }
        s = &w->slots[w->live];
        if (s->present || s->scrape)
            continue;
        slot_happens(w, s);
        world_push(w, w->live);
    }
    int64_t now = world_slot_us(w->live);
    store_push_heartbeat(w->f.store, now, now);
}

/* ---- what is asked ------------------------------------------------------------ */

struct expected {
    const struct world *w;
    size_t sli;
    int64_t slot; /* that is fed */
    int64_t first_us;
    struct counts counts[WORLD_SLOTS];
};

static void on_derived(void *ctx, const struct derived *e)
{
    struct expected *x = ctx;
    const struct world_slot *s = &x->w->slots[x->slot];
    int64_t i = (e->slot_us - world_slot_us(0)) / WORLD_INTERVAL_US;
    bool data = e->counts.good + e->counts.bad + e->counts.scrapes > 0;
    bool asked = s->present && !s->imported && x->w->asked[x->sli][x->slot].named;
    assert_int_equal(world_slot_us(i), e->slot_us);
    if (!data && !asked && x->first_us == INT64_MAX)
        return;
    if (e->counts.excluded == 0 && e->slot_us < x->first_us)
        x->first_us = e->slot_us;
    counts_add(&x->counts[i], e->counts);
}

static void feed(struct expected *x, struct derive *d, const struct world_slot *s)
{
    struct sample at[WORLD_SERIES];
    struct scrape scrape = {.slot_us = world_slot_us(x->slot),
                            .interval_us = WORLD_INTERVAL_US,
                            .state = s->scrape                        ? SCRAPE_DATA
                                     : s->outcome == OUTCOME_EXCLUDED ? SCRAPE_EXCLUDED
                                                                      : SCRAPE_SILENT,
                            .at = at};
    for (int k = 0; s->scrape && k < WORLD_SERIES; k++)
        if (s->has >> k & 1)
            at[scrape.n++] = (struct sample){world_series[k], s->values[k]};
    derive_feed(d, &scrape, on_derived, x);
}

static void know(const struct expected *x, struct derive *d, const struct world_slot *s)
{
    for (int k = 0; s->scrape && k < WORLD_SERIES; k++)
        if (s->has >> k & 1)
            derive_know(d, world_series[k], world_slot_us(x->slot));
}

static void expect(struct expected *x, const struct world *w, size_t sli)
{
    struct derive *d = derive_new(&w->slis[sli]);
    int run = 0;
    memset(x, 0, sizeof(*x));
    x->w = w;
    x->sli = sli;
    x->first_us = INT64_MAX;
    for (x->slot = 0; x->slot < WORLD_SLOTS; x->slot++) {
        const struct world_slot *s = &w->slots[x->slot];
        const struct world_asked *a = &w->asked[sli][x->slot];
        if (a->run != run)
            derive_restart(d, world_slot_us(x->slot));
        run = a->run;
        if (!a->asked)
            know(x, d, s);
        else if (s->scrape || (s->present && s->outcome != OUTCOME_SKIPPED))
            feed(x, d, s);
    }
    derive_free(d);
}

struct heard {
    struct counts counts[WORLD_SLOTS];
    int64_t last_us, last_done_us;
};

static bool hear(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct heard *h = ctx;
    assert_true(slot_us > h->last_us || (slot_us == h->last_us && done_us > h->last_done_us));
    assert_true(done_us >= slot_us);
    h->last_us = slot_us;
    h->last_done_us = done_us;
    counts_add(&h->counts[(slot_us - world_slot_us(0)) / WORLD_INTERVAL_US], c);
    return true;
}

static void check_events(struct world *w, struct store_reader *r, int64_t raw_since_us,
                         const struct expected *x)
{
    struct heard *h = mem_alloc(sizeof(*h));
    int64_t first = 0;
    assert_int_equal(store_reader_events(r, &w->slis[x->sli], 0, INT64_MAX, hear, h, NULL), 0);
    for (int64_t i = 0; i < WORLD_SLOTS; i++)
        if (world_slot_us(i) < raw_since_us)
            assert_true(counts_empty(h->counts[i]));
        else if (memcmp(&h->counts[i], &x->counts[i], sizeof(x->counts[i])) != 0)
            fail_msg("SLI %zu, slot %lld: %lld %lld %lld %lld %lld, not %lld %lld %lld %lld %lld",
                     x->sli, (long long)i, (long long)h->counts[i].good,
                     (long long)h->counts[i].bad, (long long)h->counts[i].excluded,
                     (long long)h->counts[i].scrapes, (long long)h->counts[i].silent,
                     (long long)x->counts[i].good, (long long)x->counts[i].bad,
                     (long long)x->counts[i].excluded, (long long)x->counts[i].scrapes,
                     (long long)x->counts[i].silent);
    assert_int_equal(store_reader_first_event(r, &w->slis[x->sli], &first, NULL), 0);
    assert_int_equal(first, x->first_us);
    free(h);
}

/* Spans of any length, also some that cut minutes and hours. */
static void check_cells(struct world *w, struct store_reader *r, int64_t raw_since_us,
                        const struct expected *x)
{
    static const int64_t steps[] = {WORLD_INTERVAL_US, USEC_PER_MIN,          7 * USEC_PER_MIN,
                                    USEC_PER_HOUR,     5 * USEC_PER_HOUR + 1, USEC_PER_DAY};
    int64_t edges[42];
    struct counts got[41];
    size_t n = 1 + world_next(w) % 41;
    int64_t step = steps[world_next(w) % countof(steps)];
    edges[0] = world_slot_us(world_next(w) % WORLD_SLOTS);
    if (world_next(w) % 2 || raw_since_us)
        edges[0] -= edges[0] % USEC_PER_HOUR;
    if (edges[0] < raw_since_us)
        step -= step % USEC_PER_HOUR; /* what is left of it are hours */
    if (step == 0)
        step = USEC_PER_HOUR;
    for (size_t i = 1; i <= n; i++)
        edges[i] = edges[i - 1] + step;
    assert_int_equal(store_reader_cells(r, &w->slis[x->sli], edges, n, got, NULL), 0);
    for (size_t k = 0; k < n; k++) {
        struct counts want = {0};
        for (int64_t i = 0; i < WORLD_SLOTS; i++)
            if (world_slot_us(i) >= edges[k] && world_slot_us(i) < edges[k + 1])
                counts_add(&want, x->counts[i]);
        assert_memory_equal(&got[k], &want, sizeof(want));
    }
    int64_t reasons[REASON_COUNT], bad = 0;
    for (size_t k = 0; k < n; k++)
        bad += got[k].bad;
    assert_int_equal(store_reader_reasons(r, &w->slis[x->sli], edges[0], edges[n], reasons, NULL),
                     0);
    assert_int_equal(reasons[REASON_METRIC], bad);
}

void world_check(struct world *w)
{
    struct expected *x = mem_alloc(sizeof(*x));
    fixture_flush(&w->f);
    struct store_reader *r = fixture_reader(&w->f);
    struct store_probe p;
    assert_int_equal(store_reader_probe(r, WORLD_PROBE, &p, NULL), 1);
    for (size_t i = 0; i < WORLD_SLIS; i++) {
        if (p.raw_since_us && !w->declared[i])
            continue; /* nothing is known of what is gone */
        expect(x, w, i);
        check_events(w, r, p.raw_since_us, x);
        for (int k = 0; k < 4; k++)
            check_cells(w, r, p.raw_since_us, x);
    }
    free(p.revisions);
    store_reader_free(r);
    free(x);
}

static void on_fault(void *ctx, const char *text)
{
    (void)ctx;
    fail_msg("%s", text);
}

int64_t world_verify(struct world *w)
{
    struct dbcheck c = {.path = w->f.path, .fault = on_fault};
    fixture_settle(&w->f);
    assert_int_equal(dbcheck_run(&c, NULL), 0);
    return c.totals.events;
}
