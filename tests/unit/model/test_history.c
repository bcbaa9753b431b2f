/* How counters grow: each rule by values worked out by hand. */
#include "model/history.h"

#include "base/mem.h"
#include "base/units.h"
#include "model/selector.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define S USEC_PER_SEC

struct world {
    struct arena arena;
    struct history *h;
    const struct selector *all; /* x */
};

static const struct selector *select_text(struct world *w, const char *text)
{
    const struct selector *s = NULL;
    assert_int_equal(selector_parse(&w->arena, text, strlen(text), &s, NULL, NULL), 0);
    return s;
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->h = history_new(USEC_PER_HOUR);
    w->all = select_text(w, "x");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    history_free(w->h);
    arena_release(&w->arena);
    free(w);
    return 0;
}

/* Adds the scrape "x=1 x{a="1"}=2". */
static void add(struct world *w, int64_t at_us, const char *page)
{
    struct sample at[16];
    size_t n = 0;
    mem_auto char *text = mem_strdup(page);
    char *save = NULL;
    for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
        char *value = strrchr(p, '=');
        *value++ = '\0';
        at[n++] = (struct sample){p, strtod(value, NULL)};
    }
    history_add(w->h, at_us, at, n);
}

static void grew(const struct growth g, double by, size_t series, int resets)
{
    if (g.by != by || g.series != series || g.resets != resets)
        fail_msg("grew by %g in %zu series, %d resets; not %g, %zu, %d", g.by, g.series, g.resets,
                 by, series, resets);
}

static void test_steps(void **state)
{
    struct world *w = *state;
    assert_int_equal(history_scrapes(w->h), 0);
    assert_true(history_last_us(w->h) == INT64_MIN);
    grew(history_step(w->h, w->all), 0, 0, 0);
    add(w, 15 * S, "x{a=\"1\"}=100 x{a=\"2\"}=7 y=3");
    struct growth g = history_step(w->h, w->all);
    grew(g, 0, 2, 0); /* a baseline */
    assert_true(g.from_us == 15 * S && g.to_us == 15 * S);
    add(w, 30 * S, "x{a=\"1\"}=110 x{a=\"2\"}=7 x{a=\"3\"}=5 y=3");
    g = history_step(w->h, w->all);
    grew(g, 15, 3, 0); /* 10, 0, and 5 from nothing */
    assert_true(g.from_us == 15 * S && g.to_us == 30 * S);
    add(w, 45 * S, "x{a=\"1\"}=4 x{a=\"2\"}=9 x{a=\"3\"}=5");
    grew(history_step(w->h, w->all), 6, 3, 1); /* a reset grows by its new value */
    add(w, 60 * S, "x{a=\"2\"}=10 y=9");
    grew(history_step(w->h, w->all), 1, 1, 0);
    assert_int_equal(history_step(w->h, w->all).known, 3);
    grew(history_step(w->h, select_text(w, "y")), 6, 1, 0); /* returned: 9 - 3 */
    add(w, 75 * S, "x{a=\"1\"}=6 x{a=\"2\"}=10 x{a=\"3\"}=1");
    grew(history_step(w->h, w->all), 3, 3, 1); /* 6 - 4, 0, and 1 after a reset */
    assert_int_equal(history_scrapes(w->h), 5);
    assert_true(history_last_us(w->h) == 75 * S);
}

static void test_values_that_are_none(void **state)
{
    struct world *w = *state;
    add(w, 1 * S, "x=1 x{a=\"1\"}=NaN");
    add(w, 2 * S, "x=NaN x{a=\"1\"}=5");
    grew(history_step(w->h, w->all), 5, 1, 0); /* new: NaN was absent */
    add(w, 3 * S, "x=4 x{a=\"1\"}=inf");
    grew(history_step(w->h, w->all), 3, 2, 0);
    add(w, 4 * S, "x=4 x{a=\"1\"}=6");
    grew(history_step(w->h, w->all), 6, 2, 1);
    add(w, 5 * S, "x=-3 x{a=\"1\"}=6");
    grew(history_step(w->h, w->all), 0, 2, 1); /* no counter, but it never shrinks */
    add(w, 6 * S, "x=1 x=100 x{a=\"1\"}=6");
    grew(history_step(w->h, w->all), 4, 2, 0); /* told twice */
}

static void test_seeds(void **state)
{
    struct world *w = *state;
    history_seed(w->h, "x{a=\"1\"}", 30 * S, 100);
    history_seed(w->h, "x{a=\"2\"}", 15 * S, 50);
    history_seed(w->h, "x{a=\"2\"}", 10 * S, 1); /* older than what is known */
    history_seed(w->h, "x{a=\"4\"}", 20 * S, NAN);
    history_seed_scrape(w->h, 30 * S);
    assert_int_equal(history_scrapes(w->h), 1);
    struct growth g = history_step(w->h, w->all);
    grew(g, 0, 1, 0);
    assert_true(g.from_us == 30 * S && g.to_us == 30 * S);
    add(w, 45 * S, "x{a=\"1\"}=101 x{a=\"2\"}=52 x{a=\"3\"}=10");
    g = history_step(w->h, w->all);
    grew(g, 13, 3, 0);
    assert_true(g.from_us == 30 * S && g.to_us == 45 * S);
}

static void test_seeded_by_an_empty_scrape(void **state)
{
    struct world *w = *state;
    history_seed_scrape(w->h, 30 * S);
    add(w, 45 * S, "x=9");
    grew(history_step(w->h, w->all), 9, 1, 0);
}

static void test_windows(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 40; i++) {
        char page[64];
        snprintf(page, sizeof(page), "x=%d x{a=\"1\"}=%d", i, 2 * i);
        add(w, i * 10 * S, page);
        struct growth g = history_growth(w->h, w->all, 60 * S);
        int steps = i - 1 < 6 ? i - 1 : 6;
        grew(g, 3 * steps, 2, 0);
        assert_true(g.to_us == i * 10 * S && g.from_us == (i - steps) * 10 * S);
    }
    /* Asked for the first time now: it begins with the newest step. */
    struct growth g = history_growth(w->h, w->all, 120 * S);
    grew(g, 3, 2, 0);
    assert_true(g.from_us == 390 * S && g.to_us == 400 * S);
    /* After a gap the scrape before the window's first is far away. */
    add(w, 1000 * S, "x=41 x{a=\"1\"}=1");
    g = history_growth(w->h, w->all, 60 * S);
    grew(g, 2, 2, 1);
    assert_true(g.from_us == 400 * S);
}

static void test_long_windows_are_bounded(void **state)
{
    struct world *w = *state;
    double errors = 0;
    for (int i = 1; i <= 10000; i++) {
        struct sample at = {"x", i};
        history_add(w->h, i * (S / 4), &at, 1);
        struct growth g = history_growth(w->h, w->all, USEC_PER_HOUR);
        double want = (double)((g.to_us - g.from_us) / (S / 4));
        errors += fabs(g.by - want);
    }
    assert_true(errors == 0);
    for (int i = 10001; i <= 30000; i++) {
        struct sample at = {"x", i};
        history_add(w->h, i * (S / 4), &at, 1);
        struct growth g = history_growth(w->h, w->all, USEC_PER_HOUR);
        assert_true(g.by >= 14396 - 4 || i < 14400);
        assert_true(g.by <= 14400 + 4);
    }
}

static void collect(void *ctx, const char *series, double value)
{
    struct str *out = ctx;
    str_addf(out, "%s=%g ", series, value);
}

static void test_values_and_changes(void **state)
{
    struct world *w = *state;
    struct str out;
    str_init(&out, 1024);
    add(w, 1 * S, "x{b=\"1\"}=1 x{a=\"1\"}=2 y=3");
    assert_int_equal(history_values(w->h, w->all, collect, &out), 2);
    assert_string_equal(out.buf, "x{a=\"1\"}=2 x{b=\"1\"}=1 ");
    str_clear(&out);
    assert_int_equal(history_changes(w->h, w->all, collect, &out), 0);
    add(w, 2 * S, "x{b=\"1\"}=0 y=3 x{c=\"1\"}=5");
    assert_int_equal(history_changes(w->h, w->all, collect, &out), 1);
    assert_string_equal(out.buf, "x{b=\"1\"}=-1 ");
    assert_int_equal(history_values(w->h, w->all, NULL, NULL), 2);
    str_release(&out);
}

static void on_bucket(void *ctx, double le, const struct growth *g)
{
    str_addf(ctx, "%g:%g/%d ", le, g->by, (int)((g->to_us - g->from_us) / S));
}

static void test_buckets(void **state)
{
    struct world *w = *state;
    struct str out;
    str_init(&out, 1024);
    add(w, 10 * S, "x{le=\"+Inf\"}=5 x{le=\"0.5\"}=2 x{le=\"0.1\"}=1 x{a=\"2\",le=\"0.5\"}=1 x=7");
    assert_int_equal(history_buckets(w->h, w->all, 20 * S, on_bucket, &out), 3);
    assert_string_equal(out.buf, "0.1:0/0 0.5:0/0 inf:0/0 ");
    for (int i = 2; i <= 4; i++) {
        char page[160];
        snprintf(page, sizeof(page),
                 "x{le=\"+Inf\"}=%d x{le=\"0.5\"}=%d x{a=\"2\",le=\"0.5\"}=%d x{le=\"1\"}=%d",
                 5 * i, 2 * i, i, i);
        add(w, i * 10 * S, page);
        str_clear(&out);
        history_buckets(w->h, w->all, 20 * S, on_bucket, &out);
    }
    assert_string_equal(out.buf, "0.5:6/20 1:2/20 inf:10/20 ");
    str_clear(&out);
    history_buckets(w->h, w->all, 0, on_bucket, &out);
    assert_string_equal(out.buf, "0.5:3/10 1:1/10 inf:5/10 ");
    str_release(&out);
}

static void test_only_what_is_wanted_is_kept(void **state)
{
    struct world *w = *state;
    history_want(w->h, select_text(w, "x{a=~\"1|2\"}"));
    history_want(w->h, select_text(w, "{__name__=~\"z.*\"}"));
    history_seed(w->h, "x{a=\"3\"}", S, 1);
    add(w, 2 * S, "x=1 x{a=\"1\"}=1 x{a=\"3\"}=1 xy=1 z=1 zz{b=\"1\"}=1");
    assert_int_equal(history_values(w->h, w->all, NULL, NULL), 1);
    assert_int_equal(history_values(w->h, select_text(w, "{__name__=~\".+\"}"), NULL, NULL), 3);
}

static void test_the_oldest_series_go(void **state)
{
    struct world *w = *state;
    struct sample at[SAMPLES_MAX];
    char(*names)[32] = mem_array(SAMPLES_MAX + 1, sizeof(*names));
    for (int i = 0; i <= SAMPLES_MAX; i++)
        snprintf(names[i], sizeof(names[i]), "x{a=\"%d\"}", i);
    for (int i = 0; i < SAMPLES_MAX; i++)
        at[i] = (struct sample){names[i], 1};
    history_add(w->h, 1 * S, at, SAMPLES_MAX);
    grew(history_step(w->h, w->all), 0, SAMPLES_MAX, 0);
    /* All but one come again, a new one first: none of the others may go. */
    at[0].series = names[SAMPLES_MAX];
    history_add(w->h, 2 * S, at, SAMPLES_MAX);
    grew(history_step(w->h, w->all), 1, SAMPLES_MAX, 0);
    at[0].series = names[0];
    history_add(w->h, 3 * S, at, SAMPLES_MAX);
    grew(history_step(w->h, w->all), 1, SAMPLES_MAX, 0); /* forgotten: as new */
    assert_int_equal(history_step(w->h, w->all).known, SAMPLES_MAX);
    free(names);
}

static void test_many_selectors(void **state)
{
    struct world *w = *state;
    const struct selector *s[200];
    for (int i = 0; i < 200; i++) {
        char text[32];
        snprintf(text, sizeof(text), "x{a=\"%d\"}", i);
        s[i] = select_text(w, text);
    }
    add(w, 1 * S, "x{a=\"0\"}=0 x{a=\"64\"}=0 x{a=\"199\"}=0");
    for (int i = 0; i < 200; i++)
        history_step(w->h, s[i]);
    add(w, 2 * S, "x{a=\"0\"}=1 x{a=\"64\"}=2 x{a=\"199\"}=3 x{a=\"7\"}=4");
    grew(history_step(w->h, s[0]), 1, 1, 0);
    grew(history_step(w->h, s[64]), 2, 1, 0);
    grew(history_step(w->h, s[199]), 3, 1, 0);
    grew(history_step(w->h, s[7]), 4, 1, 0);
    grew(history_step(w->h, s[8]), 0, 0, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_steps),
        CASE(test_values_that_are_none),
        CASE(test_seeds),
        CASE(test_seeded_by_an_empty_scrape),
        CASE(test_windows),
        CASE(test_long_windows_are_bounded),
        CASE(test_values_and_changes),
        CASE(test_buckets),
        CASE(test_only_what_is_wanted_is_kept),
        CASE(test_the_oldest_series_go),
        CASE(test_many_selectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
