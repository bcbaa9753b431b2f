#include "slo/lint.h"

#include "../cmocka_all.h"
#include "base/mem.h"
#include "nines/probe.h"
#include "slo/expected.h"
#include "slo/tiers.h"

#include <math.h>

#define S USEC_PER_SEC
#define MINUTE USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY

static const struct tier_def defaults[] = {{SEVERITY_PAGE, HOUR, 5 * MINUTE, {144, 1}, 2},
                                           {SEVERITY_PAGE, 6 * HOUR, 30 * MINUTE, {6, 0}, 2},
                                           {SEVERITY_TICKET, DAY, 2 * HOUR, {3, 0}, 2},
                                           {SEVERITY_TICKET, 3 * DAY, 6 * HOUR, {1, 0}, 2}};

struct subject {
    struct probe_def probe;
    struct slo_def slo;
};

static void begin(struct subject *s, int64_t interval, int64_t timeout)
{
    *s = (struct subject){.probe = {.id = "api", .interval_us = interval, .timeout_us = timeout},
                          .slo = {.target = {999, 3}, .alerting = true}};
    s->slo.probe = &s->probe;
    s->slo.window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = 30 * DAY};
}

/* Failures, minutes to detect and to reset at 99.9 %, worked out by hand from
 * k * interval + 10 s and S - (k - 1) * interval + 10 s, and the 50 s by which a
 * window over an hour may be longer. */
static void table_of_the_default_tiers(void **state)
{
    (void)state;
    static const struct {
        int64_t interval;
        int64_t fewest[4], by_ratio[4];
        int64_t detect_s[4], reset_s[4];
        int64_t allowed;
    } rows[] = {
        {10 * S,
         {6, 13, 26, 26},
         {6, 13, 26, 26},
         {70, 140, 270, 270},
         {310, 1800, 7240, 21640},
         259},
        {15 * S,
         {4, 9, 18, 18},
         {4, 9, 18, 18},
         {70, 145, 280, 280},
         {310, 1810, 7245, 21645},
         172},
        {30 * S, {2, 5, 9, 9}, {2, 5, 9, 9}, {70, 160, 280, 280}, {310, 1810, 7260, 21660}, 86},
        {60 * S, {2, 3, 5, 5}, {1, 3, 5, 5}, {130, 190, 310, 310}, {310, 1810, 7260, 21660}, 43},
        {300 * S,
         {2, 2, 2, 2},
         {1, 1, 1, 1},
         {610, 610, 610, 610},
         {310 + 300, 1810, 7260, 21660},
         8},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct subject s;
        struct diag diag = {0};
        struct tier_def tiers[TIERS_MAX];
        struct lint_slo all;
        begin(&s, rows[i].interval, 0);
        assert_int_equal(tiers_make(&s.slo, &diag, tiers), 4);
        for (size_t j = 0; j < 4; j++) {
            struct lint_tier t;
            lint_tier(&s.slo, &tiers[j], &t);
            assert_int_equal(t.fewest, rows[i].fewest[j]);
            assert_int_equal(t.by_ratio, rows[i].by_ratio[j]);
            assert_int_equal(t.detect_us / S, rows[i].detect_s[j]);
            assert_int_equal(t.reset_us / S, rows[i].reset_s[j]);
        }
        lint_slo(&s.slo, &all);
        assert_true(all.counted);
        assert_int_equal(all.expected, 30 * DAY / rows[i].interval);
        assert_int_equal(all.allowed, rows[i].allowed);
        double n = (double)all.expected;
        assert_true(fabs(all.proven - n / (n + 3.841458820694124)) < 1e-12);
    }
}

/* ---- against the rule itself ------------------------------------------------------ */

struct outage {
    const struct subject *subject;
    const struct tier_def *tier;
    int64_t phase, run; /* of the slots; how long one takes */
    int64_t from, to;   /* slots in it fail */
};

static struct tier_counts seen(const struct outage *o, int64_t t, int64_t length)
{
    const struct probe_revision rev = {0, o->subject->probe.interval_us, o->phase, 0, NULL};
    int64_t start = tier_window_start(t, length), end = t - o->run + 1 < t ? t - o->run + 1 : t;
    int64_t bad_from = start > o->from ? start : o->from, bad_to = end < o->to ? end : o->to;
    int64_t all = expected_slots(&rev, 1, start, t);
    int64_t done = end > start ? expected_slots(&rev, 1, start, end) : 0;
    int64_t bad = bad_to > bad_from ? expected_slots(&rev, 1, bad_from, bad_to) : 0;
    return (struct tier_counts){bad, done, done, all};
}

static bool fires(const struct outage *o, int64_t t)
{
    return tier_fires(o->tier, o->subject->slo.target, seen(o, t, o->tier->long_us),
                      seen(o, t, o->tier->short_us));
}

static int64_t until(const struct outage *o, int64_t from, bool state)
{
    int64_t t = (from + EVALUATE_EVERY_US - 1) / EVALUATE_EVERY_US * EVALUATE_EVERY_US;
    while (fires(o, t) != state)
        t += EVALUATE_EVERY_US;
    return t - from;
}

/* No outage takes longer than is said, and some outage nearly as long. */
static void bounds_hold_and_are_tight(void **state)
{
    (void)state;
    static const int64_t intervals[] = {10 * S, 15 * S, 30 * S, 60 * S, 300 * S};
    for (size_t i = 0; i < countof(intervals); i++) {
        for (size_t j = 0; j < countof(defaults); j++) {
            int64_t detect = 0, reset = 0;
            struct lint_tier said;
            struct subject s;
            struct tier_def tier = defaults[j];
            begin(&s, intervals[i], 5 * S);
            if (tier.short_us < 11 * MINUTE && intervals[i] == 300 * S)
                tier.short_us = 11 * MINUTE; /* stretched */
            lint_tier(&s.slo, &tier, &said);
            for (int64_t at = 0; at < 40; at++) {
                /* Phases and starts that fall everywhere on the grid and the minutes. */
                struct outage o = {&s, &tier, .phase = at * 7919117 % intervals[i],
                                   .run = at % 2 ? 5 * S : 0};
                o.from = 10 * DAY + at * 13 * S + at * 1234567;
                if (at % 4 > 1)
                    o.from = 10 * DAY + o.phase + at * intervals[i] + 1; /* just after a slot */
                o.to = o.from + 7 * HOUR;
                if (at % 8 > 3)
                    o.to = 10 * DAY + 8 * HOUR + o.phase + at * intervals[i] + 1;
                int64_t took = until(&o, o.from, true), ends = until(&o, o.to, false);
                assert_true(took <= said.detect_us);
                assert_true(ends <= said.reset_us);
                detect = took > detect ? took : detect;
                reset = ends > reset ? ends : reset;
            }
            int64_t near = intervals[i] + EVALUATE_EVERY_US + (tier.short_us > HOUR ? MINUTE : 0);
            assert_true(detect > said.detect_us - near);
            assert_true(reset > said.reset_us - near);
        }
    }
}

/* ---- the continuous limit ---------------------------------------------------------- */

/* F * B * L to detect and S * (1 - F * B) to reset, in minutes, for a total outage. */
static void converges_as_the_interval_shrinks(void **state)
{
    (void)state;
    static const double detect[] = {0.864, 2.16, 4.32, 4.32};
    static const double reset[] = {4.928, 29.82, 119.64, 359.64};
    static const int64_t intervals[] = {60 * S, 10 * S, S, S / 10, S / 100};
    for (size_t j = 0; j < countof(defaults); j++) {
        for (size_t i = 0; i < countof(intervals); i++) {
            struct subject s;
            struct lint_tier t;
            begin(&s, intervals[i], 0);
            lint_tier(&s.slo, &defaults[j], &t);
            double step = 2 * (double)intervals[i] / 60e6;
            /* What does not shrink: the grid, and the start at a whole minute. */
            double grid = 10.0 / 60, slack = defaults[j].short_us > HOUR ? 50.0 / 60 : 0;
            double more = defaults[j].long_us > HOUR ? 50.0 / 60 * 0.006 : 0;
            /* min_failures is two runs at least */
            double least = detect[j] > step ? detect[j] : step;
            assert_true((double)t.detect_us / 60e6 >= detect[j] + grid - 1e-9);
            assert_true((double)t.detect_us / 60e6 <= least + grid + more + step);
            assert_true((double)t.reset_us / 60e6 >= reset[j] + grid + slack - 1e-9);
            assert_true((double)t.reset_us / 60e6 <= reset[j] + grid + slack + step);
        }
    }
}

/* ---- advice -------------------------------------------------------------------------- */

static void interval_that_takes_three(void **state)
{
    (void)state;
    static const struct {
        int64_t interval;
        struct decimal target;
        int64_t calm;
    } rows[] = {
        {60 * S, {999, 3}, 25 * S}, /* 2 / 138 is 1.449 %, 2 / 139 is 1.439 % */
        {26 * S, {999, 3}, 25 * S},
        {25 * S, {999, 3}, 0},
        {10 * S, {9999, 4}, 2 * S}, /* 2 / 1800 is 0.111 %, 2 / 1200 is 0.167 % */
        {10 * S, {99999, 5}, 0},    /* not even each second */
        {500 * USEC_PER_MSEC, {99999, 5}, 0},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct subject s;
        struct lint_tier t;
        begin(&s, rows[i].interval, 0);
        s.slo.target = rows[i].target;
        lint_tier(&s.slo, &defaults[0], &t);
        assert_int_equal(t.calm_us, rows[i].calm);
    }
}

static void events_of_ratios_are_not_runs(void **state)
{
    (void)state;
    const struct sli_metric ratio = {.kind = SLI_RATIO};
    struct subject s;
    struct lint_slo all;
    struct lint_tier t;
    begin(&s, 60 * S, 0);
    s.slo.sli.metric = &ratio;
    lint_slo(&s.slo, &all);
    assert_false(all.counted);
    lint_tier(&s.slo, &defaults[0], &t);
    assert_int_equal(t.calm_us, 0);
    assert_int_equal(t.detect_us, 130 * S);
}

static void slices_stand_for_runs(void **state)
{
    (void)state;
    struct subject s;
    struct lint_slo all;
    struct lint_tier t;
    begin(&s, 10 * S, 5 * S);
    s.slo.method = METHOD_TIMESLICES;
    s.slo.slice_us = MINUTE;
    lint_slo(&s.slo, &all);
    assert_int_equal(all.expected, 43200);
    assert_int_equal(all.allowed, 43);
    lint_tier(&s.slo, &defaults[1], &t);
    assert_int_equal(t.fewest, 3);
    /* three whole slices, one that was begun, the last run and the grid */
    assert_int_equal(t.detect_us / S, 4 * 60 + 5 + 10);
    /* one slice of 30 burns, the one that the outage ended in is among them */
    assert_int_equal(t.reset_us / S, 30 * 60 + 60 + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_the_default_tiers),
        cmocka_unit_test(bounds_hold_and_are_tight),
        cmocka_unit_test(converges_as_the_interval_shrinks),
        cmocka_unit_test(interval_that_takes_three),
        cmocka_unit_test(events_of_ratios_are_not_runs),
        cmocka_unit_test(slices_stand_for_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
