#include "slo/expected.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define S USEC_PER_SEC

static void schedules_in_force(void **state)
{
    (void)state;
    /* slots at 3, 13, 23, ... until 100 s, then at 101, 106, 111, ... */
    const struct probe_revision revs[] = {{50 * S, 10 * S, 3 * S, S}, {100 * S, 5 * S, S, S}};
    assert_int_equal(expected_slots(revs, 2, 0, 100 * S), 10);
    assert_int_equal(expected_slots(revs, 2, 3 * S, 13 * S), 1);
    assert_int_equal(expected_slots(revs, 2, 4 * S, 13 * S), 0);
    assert_int_equal(expected_slots(revs, 2, 4 * S, 13 * S + 1), 1);
    assert_int_equal(expected_slots(revs, 2, 90 * S, 111 * S), 1 + 2);
    assert_int_equal(expected_slots(revs, 2, 100 * S, 120 * S), 4);
    assert_int_equal(expected_slots(revs, 2, 120 * S, 100 * S), 0);
    assert_int_equal(expected_slots(revs, 0, 0, 100 * S), 0);
}

/* Any cut of a span into two holds as many slots as the whole. */
static void cuts_add_up(void **state)
{
    (void)state;
    const struct probe_revision revs[] = {
        {0, 7 * S, 2 * S, S}, {61 * S, 3 * S, S, S}, {64 * S, 11 * S, 5 * S, S}};
    int64_t whole = expected_slots(revs, 3, 10 * S, 200 * S);
    for (int64_t cut = 10; cut <= 200; cut++)
        assert_int_equal(expected_slots(revs, 3, 10 * S, cut * S) +
                             expected_slots(revs, 3, cut * S, 200 * S),
                         whole);
}

static void every_missing_slot_has_one_cause(void **state)
{
    (void)state;
    const struct probe_revision rev = {0, 10 * S, 0, S};
    struct counts c = {.good = 60, .bad = 5, .excluded = 7};
    struct coverage v = expected_coverage(&rev, 1, 0, 1000 * S, 200 * S, c, 0);
    assert_int_equal(v.expected, 93);
    assert_int_equal(v.observed, 65);
    assert_int_equal(v.not_started, 20);
    assert_int_equal(v.prober_down, 8);
    assert_int_equal(v.target_silent, 0);
    /* four of the excluded ones came before the first event */
    v = expected_coverage(&rev, 1, 0, 1000 * S, 200 * S, c, 4);
    assert_int_equal(v.expected, 93);
    assert_int_equal(v.not_started, 16);
    assert_int_equal(v.prober_down, 12);
    v = expected_coverage(&rev, 1, 0, 1000 * S, INT64_MAX, (struct counts){0}, 0);
    assert_int_equal(v.expected, 100);
    assert_int_equal(v.not_started, 100);
    assert_int_equal(v.prober_down, 0);
    /* more results than slots, as an import can bring */
    v = expected_coverage(&rev, 1, 0, 100 * S, 50 * S, (struct counts){.good = 40}, 0);
    assert_int_equal(v.expected, 40);
    assert_int_equal(v.observed, 40);
    assert_int_equal(v.not_started, 0);
    assert_int_equal(v.prober_down, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_in_force),
        cmocka_unit_test(cuts_add_up),
        cmocka_unit_test(every_missing_slot_has_one_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
