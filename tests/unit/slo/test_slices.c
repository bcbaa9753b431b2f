/* Budgets in slices: the published worked examples, borders and checks. */
#include "slo/slices.h"

#include "base/mem.h"
#include "base/when.h"
#include "io/zone.h"
#include "nines/probe.h"
#include "slo/budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define assert_near(a, b, d) assert_true(fabs((a) - (b)) < (d))

static const struct decimal all = {1, 0};

static struct slo_def sliced(enum budget_method method, struct decimal target,
                             struct decimal slice_target)
{
    return (struct slo_def){.target = target,
                            .window = {.type = WINDOW_ROLLING, .duration_us = USEC_PER_DAY},
                            .method = method,
                            .slice_us = USEC_PER_MIN,
                            .slice_target = slice_target};
}

static int64_t at(const char *text)
{
    int64_t us;
    assert_int_equal(when_parse(text, strlen(text), &us, NULL), 0);
    return us;
}

/* ---- worked examples --------------------------------------------------------------- */

static struct counts ten_slices(const struct slo_def *slo)
{
    static const int good[] = {2, 10, 12, 13, 13, 12, 13, 13, 12, 11};
    static const int valid[] = {4, 10, 12, 13, 14, 15, 14, 13, 12, 11};
    struct counts sum = {0};
    for (int i = 0; i < 10; i++)
        counts_add(&sum, slices_judge(slo, (struct counts){good[i], valid[i] - good[i]}, 15));
    return sum;
}

static void fill(struct report_slo *r, const struct slo_def *slo, struct counts worth, int64_t n)
{
    budget_fill(r, slices_use(slo, worth, slo->target),
                budget_allows(slo->target, n, slices_whole(slo)));
}

static void ten_slices_good_or_bad(void **state)
{
    struct slo_def slo =
        sliced(METHOD_TIMESLICES, (struct decimal){95, 2}, (struct decimal){95, 2});
    struct counts worth = ten_slices(&slo);
    struct report_slo r = {0};
    (void)state;
    assert_int_equal(worth.good, 6);
    assert_int_equal(worth.bad, 4);
    fill(&r, &slo, worth, 20);
    assert_near(r.allowed, 0.5, 1e-12);
    assert_near(r.projected, 1.0, 1e-12);
    assert_true(r.consumed == 4);
    assert_near(r.consumed_ratio, 8.0, 1e-12);
    assert_near(r.remaining, -3.5, 1e-12);
    assert_int_equal(budget_state(slices_use(&slo, worth, slo.target), 0, 0), SLO_BREACHED);
}

static void ten_slices_by_ratio(void **state)
{
    struct slo_def slo = sliced(METHOD_RATIO_TIMESLICES, (struct decimal){95, 2}, all);
    struct counts worth = ten_slices(&slo);
    struct report_slo r = {0};
    (void)state;
    /* 0.5 + 13/14 + 12/15 + 13/14 and six whole ones, each rounded down to 10^-12 */
    assert_int_equal(worth.good, 9157142857142LL);
    assert_int_equal(counts_total(worth), 10 * SLICE_RATIO_PARTS);
    assert_near((double)worth.good / (double)counts_total(worth), 0.9157142857, 5e-11);
    fill(&r, &slo, worth, 10);
    assert_near(r.consumed_ratio, 1.685714, 5e-7);
    assert_near(r.consumed, 0.842857, 5e-7);
    assert_near(r.allowed, 0.5, 1e-12);
    assert_near(r.projected, 0.5, 1e-12);
}

static struct counts many(const struct slo_def *slo, int64_t n, struct counts events)
{
    struct counts one = slices_judge(slo, events, 1);
    return (struct counts){.good = one.good * n, .bad = one.bad * n};
}

static void two_weeks_of_minutes(void **state)
{
    struct slo_def slo =
        sliced(METHOD_TIMESLICES, (struct decimal){95, 2}, (struct decimal){95, 2});
    struct report_slo r = {0};
    (void)state;
    fill(&r, &slo, many(&slo, 20160, (struct counts){.good = 1}), 20160);
    assert_near(r.allowed, 1008, 1e-9);
    slo.target = (struct decimal){9995, 4};
    fill(&r, &slo, many(&slo, 10080, (struct counts){.good = 1}), 10080);
    assert_near(r.allowed, 5.04, 1e-9);
}

/* At 99 % throughout, how many slices at 1 % use the budget up. */
static void slices_that_use_a_budget_up(void **state)
{
    struct slo_def slo = sliced(METHOD_RATIO_TIMESLICES, (struct decimal){95, 2}, all);
    (void)state;
    for (int64_t low = 822; low <= 823; low++) {
        struct counts worth = many(&slo, 20160 - low, (struct counts){99, 1});
        counts_add(&worth, many(&slo, low, (struct counts){1, 99}));
        assert_int_equal(budget_breached(slices_use(&slo, worth, slo.target)), low > 822.857);
    }
}

static void bad_slices_of_a_week(void **state)
{
    struct slo_def slo =
        sliced(METHOD_TIMESLICES, (struct decimal){95, 2}, (struct decimal){95, 2});
    const struct counts good = {.good = 1}, bad = {.bad = 1};
    (void)state;
    struct counts worth = many(&slo, 10000, good);
    counts_add(&worth, many(&slo, 80, bad));
    assert_near((double)worth.good / (double)counts_total(worth), 0.99206349, 5e-9);
    worth = many(&slo, 158, good);
    counts_add(&worth, many(&slo, 10, bad));
    assert_near((double)worth.good / (double)counts_total(worth), 0.94047619, 5e-9);
}

/* ---- one slice ----------------------------------------------------------------------- */

static void exactly_the_target_is_good(void **state)
{
    struct slo_def slo = sliced(METHOD_TIMESLICES, all, (struct decimal){333333333333, 12});
    (void)state;
    assert_int_equal(slices_judge(&slo, (struct counts){1, 2}, 3).good, 1);
    slo.slice_target.n++;
    assert_int_equal(slices_judge(&slo, (struct counts){1, 2}, 3).bad, 1);
    slo.slice_target = all;
    assert_int_equal(slices_judge(&slo, (struct counts){INT64_MAX, 0}, 3).good, 1);
    assert_int_equal(slices_judge(&slo, (struct counts){INT64_MAX - 1, 1}, 3).bad, 1);
}

static void assert_worth(struct counts w, int64_t good, int64_t bad, int64_t silent)
{
    assert_int_equal(w.good, good);
    assert_int_equal(w.bad, bad);
    assert_int_equal(w.silent, silent);
    assert_int_equal(w.excluded, 0);
    assert_int_equal(w.scrapes, 0);
}

static void slices_without_data(void **state)
{
    struct slo_def slo = sliced(METHOD_TIMESLICES, (struct decimal){9, 1}, (struct decimal){9, 1});
    const struct counts silent = {.silent = 3}, excluded = {.excluded = 4};
    (void)state;
    assert_worth(slices_judge(&slo, (struct counts){0}, 4), 0, 0, 1);
    assert_worth(slices_judge(&slo, (struct counts){0}, 0), 0, 0, 0);
    assert_worth(slices_judge(&slo, excluded, 4), 0, 0, 0);
    assert_worth(slices_judge(&slo, excluded, 5), 0, 0, 1);
    assert_worth(slices_judge(&slo, silent, 4), 0, 0, 1);
    slo.no_data = NO_DATA_GOOD;
    assert_worth(slices_judge(&slo, silent, 4), 1, 0, 0);
    assert_worth(slices_judge(&slo, (struct counts){0}, 4), 0, 0, 1);
    slo.no_data = NO_DATA_BAD;
    assert_worth(slices_judge(&slo, silent, 4), 0, 1, 0);
    slo.method = METHOD_RATIO_TIMESLICES;
    assert_worth(slices_judge(&slo, (struct counts){.good = 2, .silent = 1}, 4),
                 SLICE_RATIO_PARTS / 3 * 2, SLICE_RATIO_PARTS - SLICE_RATIO_PARTS / 3 * 2, 0);
}

/* A slice is judged by the mean of its scrapes, whatever they are counted in. */
static void slices_of_shares(void **state)
{
    struct slo_def slo = sliced(METHOD_TIMESLICES, (struct decimal){9, 1}, (struct decimal){95, 2});
    const struct sli_metric raw = {.kind = SLI_RAW};
    struct counts c = {.good = 1900000, .bad = 100000, .scrapes = 2, .silent = 1};
    (void)state;
    slo.sli.metric = &raw;
    assert_worth(slices_judge(&slo, c, 3), 1, 0, 0);
    c.good--;
    c.bad++;
    assert_worth(slices_judge(&slo, c, 3), 0, 1, 0);
    slo.method = METHOD_RATIO_TIMESLICES;
    assert_worth(slices_judge(&slo, c, 3), 949999500000, 50000500000, 0);
    assert_int_equal(slices_whole(&slo), SLICE_RATIO_PARTS);
    slo.no_data = NO_DATA_BAD; /* 1.899999 of 3 */
    assert_worth(slices_judge(&slo, c, 3), 633333000000, 366667000000, 0);
    slo.method = METHOD_OCCURRENCES;
    assert_int_equal(slices_whole(&slo), RAW_PARTS);
    /* 90 % of 12 scrapes: 1.2 of them, which is one and more */
    struct budget_use use = slices_use(&slo, (struct counts){11000000, 1000000}, slo.target);
    struct report_slo r = {0};
    budget_fill(&r, use, budget_allows(slo.target, 24, slices_whole(&slo)));
    assert_true(budget_is_conclusive(use));
    assert_true(r.allowed == 1.2 && r.consumed == 1 && r.projected == 2.4);
    use = slices_use(&slo, (struct counts){8999999, 1000000}, slo.target);
    assert_false(budget_is_conclusive(use));
}

static void what_tiers_see(void **state)
{
    struct slo_def slo = sliced(METHOD_RATIO_TIMESLICES, (struct decimal){9, 1}, all);
    const struct tier_def tier = {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {2, 0}, 2};
    struct counts worth = {
        .good = 2 * SLICE_RATIO_PARTS, .bad = 2 * SLICE_RATIO_PARTS, .silent = 6};
    (void)state;
    struct tier_counts c = slices_tier_counts(&slo, worth);
    assert_true(c.expected == 10 * SLICE_RATIO_PARTS && c.observed == 4 * SLICE_RATIO_PARTS);
    assert_near(tier_burn(c, slo.target), 2, 1e-12);
    assert_true(tier_fires(&tier, slo.target, c, c));
    assert_false(tier_may_clear(c));
    worth.silent++; /* the same over one slice more */
    struct tier_counts more = slices_tier_counts(&slo, worth);
    assert_false(tier_fires(&tier, slo.target, c, more));
    worth = (struct counts){.good = 1, .bad = 2 * SLICE_RATIO_PARTS - 1};
    c = slices_tier_counts(&slo, worth);
    assert_false(tier_fires(&tier, slo.target, c, c)); /* not two whole slices */
}

/* ---- borders --------------------------------------------------------------------------- */

static void rolling_borders_lie_on_the_epoch(void **state)
{
    struct slo_def slo = sliced(METHOD_TIMESLICES, all, all);
    (void)state;
    slo.slice_us = 7 * USEC_PER_MIN;
    struct slice_grid g = slices_grid(&slo);
    assert_int_equal(slices_floor(&g, 14 * USEC_PER_MIN), 14 * USEC_PER_MIN);
    assert_int_equal(slices_floor(&g, 14 * USEC_PER_MIN - 1), 7 * USEC_PER_MIN);
    assert_int_equal(slices_floor(&g, -1), -7 * USEC_PER_MIN);
    assert_int_equal(slices_next(&g, 7 * USEC_PER_MIN), 14 * USEC_PER_MIN);
}

/* A day of 23 hours and one of 25 in slices of six: the last one is shorter. */
static void a_period_may_end_in_a_shorter_slice(void **state)
{
    static const char *const borders[] = {"2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z",
                                          "2026-03-29T11:00:00Z", "2026-03-29T17:00:00Z",
                                          "2026-03-29T22:00:00Z", "2026-03-30T04:00:00Z"};
    struct slo_def slo = sliced(METHOD_TIMESLICES, all, all);
    struct zone *z;
    (void)state;
    assert_int_equal(zone_open("Europe/Berlin", &z, NULL), 0);
    slo.window = (struct window_def){
        .type = WINDOW_CALENDAR,
        .unit = CALENDAR_DAY,
        .count = 1,
        .zone = z,
    };
    slo.slice_us = 6 * USEC_PER_HOUR;
    struct slice_grid g = slices_grid(&slo);
    for (size_t i = 0; i + 1 < countof(borders); i++) {
        assert_int_equal(slices_next(&g, at(borders[i])), at(borders[i + 1]));
        assert_int_equal(slices_floor(&g, at(borders[i])), at(borders[i]));
        assert_int_equal(slices_floor(&g, at(borders[i + 1]) - 1), at(borders[i]));
    }
    assert_int_equal(slices_next(&g, at("2026-10-25T22:00:00Z")), at("2026-10-25T23:00:00Z"));
    zone_free(z);
}

/* ---- checks ------------------------------------------------------------------------------ */

static void check(const struct slo_def *slo, const char *wanted)
{
    struct diag d = {0};
    slices_check(slo, &d);
    if (!wanted) {
        assert_int_equal(d.n, 0);
    } else {
        assert_int_equal(d.n, 1);
        assert_non_null(strstr(d.items[0].text, wanted));
        assert_int_equal(d.items[0].pos.line, 7);
    }
    diag_release(&d);
}

static void what_slices_have_to_fit(void **state)
{
    struct probe_def probe = {.id = "p", .interval_us = 15 * USEC_PER_SEC};
    struct tier_def tier = {SEVERITY_PAGE, USEC_PER_HOUR, 5 * USEC_PER_MIN, {2, 0}, 2};
    struct slo_def slo = sliced(METHOD_TIMESLICES, all, all);
    (void)state;
    slo.slice_pos = (struct pos){.line = 7, .column = 1};
    slo.probe = &probe;
    slo.tiers = &tier;
    slo.tier_count = 1;
    slo.window.text = "1d";
    check(&slo, NULL);
    slo.slice_us = 2 * USEC_PER_MIN;
    check(&slo, "2m does not divide the short window of 5m that the page tier over 1h has");
    slo.tier_count = 0;
    slo.slice_us = 7 * USEC_PER_MIN;
    check(&slo, "7m does not divide the window of 1d");
    slo.window.duration_us = 7 * USEC_PER_DAY;
    check(&slo, NULL);
    slo.window.type = WINDOW_CALENDAR;
    slo.window.unit = CALENDAR_WEEK;
    slo.window.count = 1;
    check(&slo, "7m does not divide the calendar day of 1d");
    slo.slice_us = USEC_PER_MIN;
    check(&slo, NULL);
    slo.window.unit = CALENDAR_YEAR;
    check(&slo, NULL);
    slo.window.count = 2;
    check(&slo, "holds more than 600000 slices of 1m");
    probe.interval_us = 6 * USEC_PER_MIN;
    slo.slice_us = 5 * USEC_PER_MIN;
    check(&slo, "5m is shorter than the interval of the probe 'p' (6m)");
    slo.method = METHOD_OCCURRENCES;
    check(&slo, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_slices_good_or_bad),
        cmocka_unit_test(ten_slices_by_ratio),
        cmocka_unit_test(two_weeks_of_minutes),
        cmocka_unit_test(slices_that_use_a_budget_up),
        cmocka_unit_test(bad_slices_of_a_week),
        cmocka_unit_test(exactly_the_target_is_good),
        cmocka_unit_test(slices_without_data),
        cmocka_unit_test(slices_of_shares),
        cmocka_unit_test(what_tiers_see),
        cmocka_unit_test(rolling_borders_lie_on_the_epoch),
        cmocka_unit_test(a_period_may_end_in_a_shorter_slice),
        cmocka_unit_test(what_slices_have_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
