/* Events from samples: each rule by values worked out by hand, and that a
 * history cut at any point and seeded again gives the same events. */
#include "slo/derive.h"

#include "base/mem.h"
#include "base/vec.h"
#include "model/expr.h"
#include "model/selector.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define INTERVAL (15 * S)
#define MOST (DERIVE_RATE_MAX * INTERVAL) /* from slot to slot */

struct world {
    struct arena arena;
    struct sli_metric metric;
    struct sli_def sli;
    struct derive *d;
    VEC(struct derived) events;
};

static const struct selector *select_text(struct world *w, const char *text)
{
    const struct selector *s = NULL;
    assert_int_equal(selector_parse(&w->arena, text, strlen(text), &s, NULL, NULL), 0);
    return s;
}

static struct world *world_new(void)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->sli.metric = &w->metric;
    return w;
}

static struct world *ratio(const char *good, const char *bad, const char *total)
{
    struct world *w = world_new();
    w->metric.kind = SLI_RATIO;
    w->metric.good = good ? select_text(w, good) : NULL;
    w->metric.bad = bad ? select_text(w, bad) : NULL;
    w->metric.total = select_text(w, total);
    w->d = derive_new(&w->sli);
    return w;
}

static struct world *threshold(const char *condition)
{
    struct world *w = world_new();
    struct err err = {{0}};
    w->metric.kind = SLI_THRESHOLD;
    if (expr_parse(&w->arena, condition, &w->metric.condition, NULL, &err) < 0)
        fail_msg("%s: %s", condition, err.msg);
    w->d = derive_new(&w->sli);
    return w;
}

static struct world *raw(const char *good, const char *bad)
{
    struct world *w = world_new();
    w->metric.kind = SLI_RAW;
    w->metric.good = good ? select_text(w, good) : NULL;
    w->metric.bad = bad ? select_text(w, bad) : NULL;
    w->d = derive_new(&w->sli);
    return w;
}

static void world_free(struct world *w)
{
    derive_free(w->d);
    arena_release(&w->arena);
    vec_release(&w->events);
    free(w);
}

static void collect(void *ctx, const struct derived *e)
{
    struct world *w = ctx;
    if (w->events.len > 0)
        assert_true(e->slot_us > w->events.at[w->events.len - 1].slot_us);
    vec_push(&w->events, *e);
}

/* Feeds slot k: a page like "x=1 y=2", or NULL for a failed run. */
static void feed(struct world *w, int64_t k, const char *page)
{
    struct sample at[16];
    struct scrape s = {.slot_us = k * INTERVAL, .interval_us = INTERVAL, .at = at};
    mem_auto char *text = mem_strdup(page ? page : "");
    char *save = NULL;
    for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
        char *value = strrchr(p, '=');
        *value++ = '\0';
        at[s.n++] = (struct sample){p, strtod(value, NULL)};
    }
    s.state = page ? SCRAPE_DATA : SCRAPE_SILENT;
    vec_clear(&w->events);
    derive_feed(w->d, &s, collect, w);
}

static void got(const struct world *w, size_t i, int64_t k, struct counts c)
{
    assert_true(i < w->events.len);
    const struct derived *e = &w->events.at[i];
    if (e->slot_us != k * INTERVAL || memcmp(&e->counts, &c, sizeof(c)) != 0)
        fail_msg("%zu: slot %g: good %d bad %d excluded %d scrapes %d silent %d", i,
                 (double)e->slot_us / INTERVAL, (int)e->counts.good, (int)e->counts.bad,
                 (int)e->counts.excluded, (int)e->counts.scrapes, (int)e->counts.silent);
}

#define ONE(w, k, ...)                                                                             \
    do {                                                                                           \
        assert_int_equal((w)->events.len, 1);                                                      \
        got((w), 0, (k), (struct counts){__VA_ARGS__});                                            \
    } while (0)

static void test_a_ratio_of_counters(void **state)
{
    (void)state;
    struct world *w = ratio(NULL, "x{code=~\"5..\"}", "x");
    feed(w, 1, "x{code=\"200\"}=1000 x{code=\"500\"}=10");
    ONE(w, 1, .scrapes = 1); /* a baseline */
    feed(w, 2, "x{code=\"200\"}=1090 x{code=\"500\"}=12");
    ONE(w, 2, .good = 90, .bad = 2, .scrapes = 1);
    feed(w, 3, "x{code=\"200\"}=1090 x{code=\"500\"}=12 x{code=\"503\"}=4");
    ONE(w, 3, .bad = 4, .scrapes = 1); /* a new series began at 0 */
    feed(w, 4, "x{code=\"200\"}=20 x{code=\"500\"}=1");
    ONE(w, 4, .good = 20, .bad = 1, .scrapes = 1);
    assert_true(w->events.at[0].reset);
    feed(w, 5, "x{code=\"200\"}=30 x{code=\"500\"}=1 x{code=\"503\"}=6");
    ONE(w, 5, .good = 10, .bad = 2, .scrapes = 1); /* it returned: 6 - 4 */
    assert_false(w->events.at[0].reset);
    feed(w, 6, "y=1");
    ONE(w, 6, .silent = 1);
    feed(w, 7, "x{code=\"200\"}=35 x{code=\"503\"}=6");
    ONE(w, 7, .good = 5, .scrapes = 1);
    feed(w, 8, "x{code=\"200\"}=NaN");
    ONE(w, 8, .silent = 1);
    world_free(w);
}

static void test_silence_and_exclusion(void **state)
{
    (void)state;
    struct world *w = ratio("good", NULL, "total");
    feed(w, 1, NULL);
    ONE(w, 1, .silent = 1);
    feed(w, 2, "good=10 total=10");
    ONE(w, 2, .scrapes = 1);
    struct scrape s = {3 * INTERVAL, INTERVAL, SCRAPE_EXCLUDED, NULL, 0};
    vec_clear(&w->events);
    derive_feed(w->d, &s, collect, w);
    ONE(w, 3, .excluded = 1);
    /* Two intervals: it belongs to the later scrape alone. */
    feed(w, 4, "good=16 total=20");
    ONE(w, 4, .good = 6, .bad = 4, .scrapes = 1);
    feed(w, 5, "total=22"); /* `good` is gone: none was */
    ONE(w, 5, .bad = 2, .scrapes = 1);
    world_free(w);
}

static void test_growth_is_spread_over_a_gap(void **state)
{
    (void)state;
    struct world *w = ratio(NULL, "bad", "total");
    feed(w, 10, "bad=0 total=0");
    feed(w, 11, NULL);
    feed(w, 12, NULL);
    feed(w, 13, "bad=2 total=10");
    assert_int_equal(w->events.len, 3);
    got(w, 0, 11, (struct counts){.good = 2}); /* 8 and 2 in three: 2 3 3, 0 1 1 */
    got(w, 1, 12, (struct counts){.good = 3, .bad = 1});
    got(w, 2, 13, (struct counts){.good = 3, .bad = 1, .scrapes = 1});
    feed(w, 16, "bad=2 total=10"); /* nothing grew */
    ONE(w, 16, .scrapes = 1);
    feed(w, 20, "bad=2 total=11");
    ONE(w, 20, .good = 1, .scrapes = 1); /* one event is in the last share */
    world_free(w);
}

static void test_a_long_gap_has_longer_steps(void **state)
{
    (void)state;
    struct world *w = ratio(NULL, "bad", "total");
    int64_t gap = 2 * DERIVE_SPREAD_MAX + 1; /* three slots a step */
    feed(w, 7, "bad=0 total=0");
    feed(w, 7 + gap, "bad=1000000 total=4000000");
    size_t n = (size_t)(gap / 3);
    assert_int_equal(w->events.len, n);
    struct counts sum = {0};
    for (size_t i = 0; i < n; i++) {
        const struct derived *e = &w->events.at[i];
        assert_true(e->slot_us == (7 + gap - 3 * (int64_t)(n - 1 - i)) * INTERVAL);
        assert_true(e->slot_us > 7 * INTERVAL);
        assert_true(llabs(e->counts.bad - 1000000 / (int64_t)n) <= 1);
        counts_add(&sum, e->counts);
    }
    assert_true(sum.good == 3000000 && sum.bad == 1000000 && sum.scrapes == 1);
    world_free(w);
}

static void test_clamps(void **state)
{
    (void)state;
    struct world *w = ratio("good", NULL, "total");
    feed(w, 1, "good=0 total=0");
    feed(w, 2, "good=12 total=10");
    ONE(w, 2, .good = 10, .scrapes = 1);
    assert_true(w->events.at[0].clamped);
    feed(w, 3, "good=13 total=12");
    ONE(w, 3, .good = 1, .bad = 1, .scrapes = 1);
    assert_false(w->events.at[0].clamped);
    feed(w, 4, "good=5e299 total=1e300");
    ONE(w, 4, .good = MOST / 2, .bad = MOST / 2, .scrapes = 1);
    assert_true(w->events.at[0].clamped);
    feed(w, 5, "good=0 total=inf");
    ONE(w, 5, .scrapes = 1);
    /* By more than a number can say, each of them and as a sum. */
    feed(w, 6, "good=-1.7e308 total=-1.7e308");
    feed(w, 7, "good=1.7e308 total=1.7e308");
    ONE(w, 7, .good = MOST, .scrapes = 1);
    assert_true(w->events.at[0].clamped);
    feed(w, 8, "good=1.7e308 total=-1.7e308");
    feed(w, 9, "good=1.7e308 total=1.7e308");
    ONE(w, 9, .bad = MOST, .scrapes = 1);
    world_free(w);
}

static void test_counts_are_whole(void **state)
{
    (void)state;
    struct world *w = ratio(NULL, "bad", "total");
    feed(w, 1, "bad=0.5 total=0.75");
    int64_t total = 0;
    for (int i = 1; i <= 40; i++) {
        char page[64];
        snprintf(page, sizeof(page), "bad=0.5 total=%.2f", 0.75 + i * 0.25);
        feed(w, 1 + i, page);
        total += w->events.at[0].counts.good;
    }
    assert_int_equal(total, 10);
    world_free(w);
}

static void test_thresholds(void **state)
{
    (void)state;
    struct world *w = threshold("depth < 10");
    feed(w, 1, "depth{q=\"a\"}=3 depth{q=\"b\"}=9");
    ONE(w, 1, .good = 1, .scrapes = 1);
    feed(w, 2, "depth{q=\"a\"}=3 depth{q=\"b\"}=10");
    ONE(w, 2, .bad = 1, .scrapes = 1);
    feed(w, 3, "depth{q=\"a\"}=NaN");
    ONE(w, 3, .silent = 1);
    feed(w, 4, NULL);
    ONE(w, 4, .silent = 1);
    world_free(w);

    w = threshold("component_up{component=\"redis\"} == 1");
    feed(w, 1, "component_up{component=\"redis\"}=0.5");
    ONE(w, 1, .bad = 1, .scrapes = 1);
    feed(w, 2, "component_up{component=\"database\"}=1");
    ONE(w, 2, .silent = 1);
    world_free(w);
}

static void test_a_rate_threshold(void **state)
{
    (void)state;
    struct world *w = threshold("rate(n) >= 1000/s");
    feed(w, 1, NULL);
    feed(w, 2, "n=500");
    ONE(w, 2, .scrapes = 1); /* a baseline */
    feed(w, 3, "n=15500");
    ONE(w, 3, .good = 1, .scrapes = 1);
    feed(w, 4, "n=30499");
    ONE(w, 4, .bad = 1, .scrapes = 1);
    feed(w, 6, "n=60499"); /* over the whole gap */
    ONE(w, 6, .good = 1, .scrapes = 1);
    feed(w, 7, "m=1");
    ONE(w, 7, .silent = 1);
    feed(w, 8, "n=15000"); /* a reset: all of it is new */
    ONE(w, 8, .good = 1, .scrapes = 1);
    world_free(w);
}

/* ---- raw ratios ---------------------------------------------------------------- */

static void test_raw_ratios(void **state)
{
    (void)state;
    struct world *w = raw("r", NULL);
    feed(w, 1, "r=0.999"); /* the first one counts: nothing has to grow */
    ONE(w, 1, .good = 999000, .bad = 1000, .scrapes = 1);
    feed(w, 2, "r=1");
    ONE(w, 2, .good = RAW_PARTS, .scrapes = 1);
    feed(w, 3, "r=0");
    ONE(w, 3, .bad = RAW_PARTS, .scrapes = 1);
    assert_false(w->events.at[0].clamped);
    feed(w, 4, "r=0.0000005"); /* a half is rounded down, what is more is up */
    ONE(w, 4, .bad = RAW_PARTS, .scrapes = 1);
    feed(w, 5, "r=0.0000005000001");
    ONE(w, 5, .good = 1, .bad = RAW_PARTS - 1, .scrapes = 1);
    feed(w, 6, "r=0.9999995");
    ONE(w, 6, .good = RAW_PARTS - 1, .bad = 1, .scrapes = 1);
    feed(w, 7, "r=0.9999996");
    ONE(w, 7, .good = RAW_PARTS, .scrapes = 1);
    assert_false(w->events.at[0].clamped);
    feed(w, 8, "other=1");
    ONE(w, 8, .silent = 1);
    feed(w, 9, "r=NaN");
    ONE(w, 9, .silent = 1);
    feed(w, 10, NULL);
    ONE(w, 10, .silent = 1);
    feed(w, 90, "r=0.25"); /* nothing is spread over a gap */
    ONE(w, 90, .good = 250000, .bad = 750000, .scrapes = 1);
    world_free(w);
}

static void test_raw_ratios_are_cut(void **state)
{
    static const char *const above[] = {"r=1.0000001", "r=98", "r=1e308", "r=Inf"};
    static const char *const below[] = {"r=-0.0000001", "r=-1", "r=-Inf"};
    (void)state;
    struct world *w = raw("r", NULL);
    for (size_t i = 0; i < countof(above); i++) {
        feed(w, (int64_t)i, above[i]);
        ONE(w, (int64_t)i, .good = RAW_PARTS, .scrapes = 1);
        assert_true(w->events.at[0].clamped);
    }
    for (size_t i = 0; i < countof(below); i++) {
        feed(w, 10 + (int64_t)i, below[i]);
        ONE(w, 10 + (int64_t)i, .bad = RAW_PARTS, .scrapes = 1);
        assert_true(w->events.at[0].clamped);
    }
    feed(w, 20, "r=-0");
    ONE(w, 20, .bad = RAW_PARTS, .scrapes = 1);
    assert_false(w->events.at[0].clamped);
    world_free(w);
}

/* It is the failures that are rounded down at a half. */
static void test_raw_failures(void **state)
{
    (void)state;
    struct world *w = raw(NULL, "e{code=~\"5..\"}");
    feed(w, 1, "e{code=\"500\"}=0.001 e{code=\"200\"}=0.5");
    ONE(w, 1, .good = 999000, .bad = 1000, .scrapes = 1);
    feed(w, 2, "e{code=\"500\"}=0.0000005");
    ONE(w, 2, .good = RAW_PARTS, .scrapes = 1);
    feed(w, 3, "e{code=\"500\"}=7");
    ONE(w, 3, .bad = RAW_PARTS, .scrapes = 1);
    assert_true(w->events.at[0].clamped);
    world_free(w);
}

/* Each series is a share of one, and the scrape their mean. */
static void test_raw_ratios_of_several_series(void **state)
{
    (void)state;
    struct world *w = raw("r", NULL);
    feed(w, 1, "r{a=\"1\"}=0.5 r{a=\"2\"}=1");
    ONE(w, 1, .good = 750000, .bad = 250000, .scrapes = 1);
    feed(w, 2, "r{a=\"1\"}=0 r{a=\"2\"}=0 r{a=\"3\"}=1"); /* 333333.3 */
    ONE(w, 2, .good = 333333, .bad = 666667, .scrapes = 1);
    feed(w, 3, "r{a=\"1\"}=0 r{a=\"2\"}=1 r{a=\"3\"}=1"); /* 666666.7 */
    ONE(w, 3, .good = 666667, .bad = 333333, .scrapes = 1);
    feed(w, 4, "r{a=\"1\"}=0.000001 r{a=\"2\"}=0"); /* half a part */
    ONE(w, 4, .bad = RAW_PARTS, .scrapes = 1);
    feed(w, 5, "r{a=\"1\"}=NaN r{a=\"2\"}=0.25"); /* one that is not there is not counted */
    ONE(w, 5, .good = 250000, .bad = 750000, .scrapes = 1);
    feed(w, 6, "r{a=\"1\"}=3 r{a=\"2\"}=0.5"); /* cut before they are averaged */
    ONE(w, 6, .good = 750000, .bad = 250000, .scrapes = 1);
    assert_true(w->events.at[0].clamped);
    world_free(w);
}

/* ---- a cut makes no difference ------------------------------------------------ */

#define NAMES 6
#define SLOTS 60

struct page {
    int64_t k;
    enum scrape_state state;
    struct sample at[NAMES];
    size_t n;
};

static uint64_t next(uint64_t *rng)
{
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    return *rng;
}

/* Counters that grow, fall, vanish, return and turn NaN. */
static size_t make_pages(struct page pages[SLOTS], uint64_t *rng)
{
    static const char *const names[NAMES] = {
        "bad", "bad{a=\"1\"}", "total", "total{a=\"1\"}", "total{a=\"2\"}", "other",
    };
    double values[NAMES] = {0};
    size_t n = 0;
    for (int64_t k = 0; k < SLOTS; k++) {
        struct page *p = &pages[n];
        uint64_t fate = next(rng) % 16;
        for (size_t i = 0; i < NAMES; i++)
            values[i] = next(rng) % 12 ? values[i] + (double)(next(rng) % 64) / 4 : 0.5;
        if (fate == 0)
            continue; /* no slot */
        *p = (struct page){.k = k, .state = SCRAPE_DATA};
        p->state = fate == 1 ? SCRAPE_EXCLUDED : fate <= 3 ? SCRAPE_SILENT : SCRAPE_DATA;
        for (size_t i = 0; i < NAMES && p->state == SCRAPE_DATA; i++)
            if (next(rng) % 4)
                p->at[p->n++] = (struct sample){names[i], next(rng) % 20 ? values[i] : NAN};
        n++;
    }
    return n;
}

static void feed_page(struct world *w, const struct page *p)
{
    struct scrape s = {p->k * INTERVAL, INTERVAL, p->state, p->at, p->n};
    derive_feed(w->d, &s, collect, w);
}

/* Starts again with what a store keeps of the pages before `cut`. */
static void restart(struct world *w, const struct page *pages, size_t cut)
{
    derive_free(w->d);
    w->d = derive_new(&w->sli);
    for (size_t i = 0; i < cut; i++) {
        const struct page *p = &pages[cut - 1 - i];
        if (p->state != SCRAPE_DATA)
            continue;
        for (size_t j = 0; j < p->n; j++)
            derive_seed(w->d, p->at[j].series, p->k * INTERVAL, p->at[j].value);
        derive_seed_scrape(w->d, p->k * INTERVAL);
    }
}

static bool same(const struct derived *a, const struct derived *b)
{
    return a->slot_us == b->slot_us && memcmp(&a->counts, &b->counts, sizeof(a->counts)) == 0 &&
           a->clamped == b->clamped && a->reset == b->reset;
}

static void same_after_cuts(struct world *w, struct world *cut, uint64_t seed)
{
    struct page pages[SLOTS];
    uint64_t rng = seed * 0x9e3779b97f4a7c15;
    size_t n = make_pages(pages, &rng);
    restart(w, pages, 0);
    restart(cut, pages, 0);
    for (size_t i = 0; i < n; i++) {
        if (next(&rng) % 6 == 0)
            restart(cut, pages, i);
        vec_clear(&w->events);
        vec_clear(&cut->events);
        feed_page(w, &pages[i]);
        feed_page(cut, &pages[i]);
        assert_int_equal(w->events.len, cut->events.len);
        for (size_t j = 0; j < w->events.len; j++)
            if (!same(&w->events.at[j], &cut->events.at[j]))
                fail_msg("seed %d: slot %d differs", (int)seed, (int)pages[i].k);
    }
}

static void test_a_restart_makes_no_difference(void **state)
{
    (void)state;
    struct world *w = ratio(NULL, "bad", "total"), *cut = ratio(NULL, "bad", "total");
    for (uint64_t seed = 1; seed <= 400; seed++)
        same_after_cuts(w, cut, seed);
    world_free(w);
    world_free(cut);
    w = threshold("rate(total) - rate(bad) >= 0.25");
    cut = threshold("rate(total) - rate(bad) >= 0.25");
    for (uint64_t seed = 1; seed <= 200; seed++)
        same_after_cuts(w, cut, seed);
    world_free(w);
    world_free(cut);
    w = raw("bad", NULL);
    cut = raw("bad", NULL);
    for (uint64_t seed = 1; seed <= 100; seed++)
        same_after_cuts(w, cut, seed);
    world_free(w);
    world_free(cut);
    w = threshold("change(total) >= 0");
    cut = threshold("change(total) >= 0");
    for (uint64_t seed = 1; seed <= 200; seed++)
        same_after_cuts(w, cut, seed);
    world_free(w);
    world_free(cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ratio_of_counters),
        cmocka_unit_test(test_silence_and_exclusion),
        cmocka_unit_test(test_growth_is_spread_over_a_gap),
        cmocka_unit_test(test_a_long_gap_has_longer_steps),
        cmocka_unit_test(test_clamps),
        cmocka_unit_test(test_counts_are_whole),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_a_rate_threshold),
        cmocka_unit_test(test_raw_ratios),
        cmocka_unit_test(test_raw_ratios_are_cut),
        cmocka_unit_test(test_raw_failures),
        cmocka_unit_test(test_raw_ratios_of_several_series),
        cmocka_unit_test(test_a_restart_makes_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
