#include "slo/targets.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MIN USEC_PER_MIN
#define HOUR USEC_PER_HOUR

static const struct slo_target three[] = {
    {100 * HOUR + 7 * MIN, {99, 2}},
    {102 * HOUR, {999, 3}},
    {103 * HOUR + 30 * MIN, {995, 3}},
};

static void assert_part(const struct target_part *p, int64_t from_us, int64_t to_us, int64_t n,
                        int scale)
{
    assert_int_equal(p->from_us, from_us);
    assert_int_equal(p->to_us, to_us);
    assert_int_equal(p->target.n, n);
    assert_int_equal(p->target.scale, scale);
}

static void what_is_written_may_not_be_in_force(void **state)
{
    (void)state;
    struct slo_def slo = {.target = {9950, 4}};
    assert_true(targets_in_force(&slo, three, 3));
    assert_false(targets_in_force(&slo, three, 2)); /* that was before, or is to come */
    assert_false(targets_in_force(&slo, NULL, 0));
    slo.target = (struct decimal){99, 2};
    assert_false(targets_in_force(&slo, three, 3)); /* it was once */
}

static void windows_are_cut_where_targets_change(void **state)
{
    (void)state;
    const struct slo_def slo = {.method = METHOD_OCCURRENCES};
    struct target_part p[3];
    assert_int_equal(targets_cut(&slo, three, 3, 90 * HOUR, 110 * HOUR, p), 3);
    assert_part(&p[0], 90 * HOUR, 102 * HOUR, 99, 2); /* the first holds before it too */
    assert_part(&p[1], 102 * HOUR, 103 * HOUR + 30 * MIN, 999, 3);
    assert_part(&p[2], 103 * HOUR + 30 * MIN, 110 * HOUR, 995, 3);
    assert_int_equal(targets_cut(&slo, three, 3, 90 * HOUR, 102 * HOUR, p), 1);
    assert_part(&p[0], 90 * HOUR, 102 * HOUR, 99, 2);
    assert_int_equal(targets_cut(&slo, three, 3, 102 * HOUR, 103 * HOUR, p), 1);
    assert_part(&p[0], 102 * HOUR, 103 * HOUR, 999, 3);
    assert_int_equal(targets_cut(&slo, three, 3, 102 * HOUR - 1, 102 * HOUR + 1, p), 2);
    assert_part(&p[0], 102 * HOUR - 1, 102 * HOUR, 99, 2);
    assert_part(&p[1], 102 * HOUR, 102 * HOUR + 1, 999, 3);
    assert_int_equal(targets_cut(&slo, three, 3, 105 * HOUR, 110 * HOUR, p), 1);
    assert_part(&p[0], 105 * HOUR, 110 * HOUR, 995, 3);
    assert_int_equal(targets_cut(&slo, three, 3, 103 * HOUR, 103 * HOUR, p), 1);
    assert_part(&p[0], 103 * HOUR, 103 * HOUR, 999, 3);
}

/* Slices of an hour: that from 103:00 to 104:00 began under the second target. */
static void slices_go_by_their_beginning(void **state)
{
    (void)state;
    const struct slo_def slo = {
        .method = METHOD_TIMESLICES, .slice_us = HOUR, .window.type = WINDOW_ROLLING};
    struct target_part p[3];
    assert_int_equal(targets_border(&slo, 102 * HOUR), 102 * HOUR);
    assert_int_equal(targets_border(&slo, 103 * HOUR + 30 * MIN), 104 * HOUR);
    assert_int_equal(targets_cut(&slo, three, 3, 90 * HOUR, 110 * HOUR, p), 3);
    assert_part(&p[0], 90 * HOUR, 102 * HOUR, 99, 2);
    assert_part(&p[1], 102 * HOUR, 104 * HOUR, 999, 3);
    assert_part(&p[2], 104 * HOUR, 110 * HOUR, 995, 3);
    /* The window begins within that slice, behind the change: it is of the second one still. */
    assert_int_equal(targets_cut(&slo, three, 3, 103 * HOUR + 45 * MIN, 105 * HOUR, p), 2);
    assert_part(&p[0], 103 * HOUR + 45 * MIN, 104 * HOUR, 999, 3);
    assert_part(&p[1], 104 * HOUR, 105 * HOUR, 995, 3);
}

/* Two changes within a slice: the one between holds for none. */
static void targets_of_no_slice_are_left_out(void **state)
{
    (void)state;
    const struct slo_def slo = {
        .method = METHOD_RATIO_TIMESLICES, .slice_us = 6 * HOUR, .window.type = WINDOW_ROLLING};
    struct slo_target list[] = {
        {0, {99, 2}}, {96 * HOUR + 1 * MIN, {999, 3}}, {96 * HOUR + 2 * MIN, {9, 1}}};
    struct target_part p[3];
    assert_int_equal(targets_cut(&slo, list, 3, 90 * HOUR, 120 * HOUR, p), 2);
    assert_part(&p[0], 90 * HOUR, 102 * HOUR, 99, 2);
    assert_part(&p[1], 102 * HOUR, 120 * HOUR, 9, 1);
    list[2].target = (struct decimal){99, 2};
    assert_int_equal(targets_cut(&slo, list, 3, 90 * HOUR, 120 * HOUR, p), 1);
    assert_part(&p[0], 90 * HOUR, 120 * HOUR, 99, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_may_not_be_in_force),
        cmocka_unit_test(windows_are_cut_where_targets_change),
        cmocka_unit_test(slices_go_by_their_beginning),
        cmocka_unit_test(targets_of_no_slice_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
