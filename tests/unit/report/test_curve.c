/* Points into buckets, and the plot's arithmetic. */
#include "sample.h"

#include "base/arena.h"
#include "base/units.h"
#include "report/curve.h"
#include "report/svg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_month_by_three_hours(void **state)
{
    struct report r;
    struct curve c;
    struct counts sum = {0};
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    curve_build(&c, s, CURVE_MAX);
    assert_int_equal(c.step_us, 3 * USEC_PER_HOUR);
    assert_int_equal(c.n, 240);
    for (size_t i = 0; i < c.n; i++) {
        sum.good += c.at[i].counts.good;
        sum.bad += c.at[i].counts.bad;
        sum.excluded += c.at[i].counts.excluded;
        assert_int_equal(c.at[i].from_us, s->start_us + (int64_t)i * c.step_us);
        assert_int_equal(c.at[i].to_us, c.at[i].from_us + c.step_us);
    }
    assert_memory_equal(&sum, &s->counts, sizeof sum);
    assert_true(c.at[239].budget == s->points[719].budget_remaining);
    curve_build(&c, s, 32);
    assert_int_equal(c.step_us, USEC_PER_DAY);
    sample_release(&r);
}

/* A window that does not begin on a round instant gets a short first bucket. */
static void test_ragged_start(void **state)
{
    struct report r;
    struct curve c;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_MET);
    s->start_us += 25 * USEC_PER_HOUR + 30 * USEC_PER_MIN;
    curve_build(&c, s, 32);
    assert_int_equal(c.at[0].from_us, s->start_us);
    assert_int_equal(c.at[1].from_us % USEC_PER_DAY, 0);
    assert_int_equal(c.n, 29);
    sample_release(&r);
}

/* The running step of a period is drawn up to now, not up to its end. */
static void test_ends_now(void **state)
{
    struct report r;
    struct curve c;
    (void)state;
    sample_init(&r);
    struct report_slo *s = sample_add(&r, SAMPLE_AT_RISK);
    s->upto_us -= 10 * USEC_PER_MIN;
    curve_build(&c, s, CURVE_MAX);
    assert_int_equal(c.at[c.n - 1].to_us, s->upto_us);
    sample_release(&r);
}

/* Three minutes in steps of a second: columns below a minute. */
static void test_short_window(void **state)
{
    enum { STEPS = 180 };
    struct report_point points[STEPS] = {{0}};
    struct report_slo s = {.start_us = SAMPLE_AT_US,
                           .end_us = SAMPLE_AT_US + 3 * USEC_PER_MIN,
                           .step_us = USEC_PER_SEC,
                           .points = points,
                           .point_count = STEPS};
    struct curve c;
    (void)state;
    for (int i = 0; i < STEPS; i++)
        points[i].at_us = s.start_us + i * USEC_PER_SEC;
    curve_build(&c, &s, 60);
    assert_int_equal(c.step_us, 5 * USEC_PER_SEC);
    assert_int_equal(c.n, 36);
}

static void test_no_points(void **state)
{
    struct report_slo s = {.start_us = 0, .end_us = USEC_PER_DAY, .step_us = USEC_PER_HOUR};
    struct curve c;
    (void)state;
    curve_build(&c, &s, 60);
    assert_int_equal(c.n, 0);
}

static void test_cells(void **state)
{
    struct bucket b = {.from_us = 0};
    (void)state;
    assert_int_equal(curve_cell(&b), CELL_NO_DATA);
    b.counts.excluded = 1;
    assert_int_equal(curve_cell(&b), CELL_EXCLUDED);
    b.counts.good = 1;
    assert_int_equal(curve_cell(&b), CELL_GOOD);
    b.counts.bad = 1;
    assert_int_equal(curve_cell(&b), CELL_PARTIAL);
    b.counts.good = 0;
    assert_int_equal(curve_cell(&b), CELL_BAD);
}

static void test_scales(void **state)
{
    struct plot p = {.from_us = 1000, .to_us = 2000, .y = {SCALE_LINEAR, -1, 1}};
    (void)state;
    assert_float_equal(plot_x(&p, 1500), 500, 1e-9);
    assert_float_equal(plot_x(&p, 0), 0, 1e-9);
    assert_float_equal(plot_y(&p, 1), 0, 1e-9);
    assert_float_equal(plot_y(&p, 0), 50, 1e-9);
    assert_float_equal(plot_y(&p, -9), 100, 1e-9);
    p.y = (struct scale){SCALE_LOG, 1, 100};
    assert_float_equal(plot_y(&p, 10), 50, 1e-9);
    assert_float_equal(plot_y(&p, 0), 100, 1e-9);
    p.y = (struct scale){SCALE_LOG1P, 0, 99};
    assert_float_equal(plot_y(&p, 9), 50, 1e-9);
    assert_float_equal(nice_step(0, 1, 4), 0.25, 1e-9);
    assert_float_equal(nice_step(-12, 1, 4), 5, 1e-9);
}

static void test_time_ticks(void **state)
{
    int64_t at[TIME_TICKS_MAX];
    bool clock;
    (void)state;
    size_t n = time_ticks(SAMPLE_AT_US - 30 * USEC_PER_DAY, SAMPLE_AT_US, 8, at, &clock);
    assert_int_equal(n, 6);
    assert_false(clock);
    assert_int_equal(at[0] % USEC_PER_DAY, 0);
    n = time_ticks(SAMPLE_AT_US - USEC_PER_DAY, SAMPLE_AT_US, 8, at, &clock);
    assert_int_equal(n, 4);
    assert_true(clock);
    n = time_ticks(0, 5000 * USEC_PER_DAY, 8, at, &clock);
    assert_true(n <= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_month_by_three_hours),
        cmocka_unit_test(test_ragged_start),
        cmocka_unit_test(test_ends_now),
        cmocka_unit_test(test_short_window),
        cmocka_unit_test(test_no_points),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_time_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
