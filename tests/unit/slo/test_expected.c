#include "slo/expected.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define S USEC_PER_SEC

static const struct sli_def plain = {.probe = "api"};

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
    struct coverage v = expected_coverage(&plain, &rev, 1, 0, 1000 * S, 200 * S, c, 0);
    assert_int_equal(v.expected, 93);
    assert_int_equal(v.observed, 65);
    assert_int_equal(v.not_started, 20);
    assert_int_equal(v.prober_down, 8);
    assert_int_equal(v.target_silent, 0);
    /* four of the excluded ones came before the first event */
    v = expected_coverage(&plain, &rev, 1, 0, 1000 * S, 200 * S, c, 4);
    assert_int_equal(v.expected, 93);
    assert_int_equal(v.not_started, 16);
    assert_int_equal(v.prober_down, 12);
    v = expected_coverage(&plain, &rev, 1, 0, 1000 * S, INT64_MAX, (struct counts){0}, 0);
    assert_int_equal(v.expected, 100);
    assert_int_equal(v.not_started, 100);
    assert_int_equal(v.prober_down, 0);
    /* more results than slots, as an import can bring */
    v = expected_coverage(&plain, &rev, 1, 0, 100 * S, 50 * S, (struct counts){.good = 40}, 0);
    assert_int_equal(v.expected, 40);
    assert_int_equal(v.observed, 40);
    assert_int_equal(v.not_started, 0);
    assert_int_equal(v.prober_down, 0);
}

/* A ratio's events are requests: what is observed are scrapes. */
static void a_silent_target_is_a_cause_of_its_own(void **state)
{
    (void)state;
    const struct probe_revision rev = {0, 10 * S, 0, S};
    const struct sli_metric ratio = {.kind = SLI_RATIO};
    const struct sli_def sli = {.probe = "api", .metric = &ratio};
    struct counts c = {.good = 60000, .bad = 5, .excluded = 7, .scrapes = 50, .silent = 12};
    struct coverage v = expected_coverage(&sli, &rev, 1, 0, 1000 * S, 200 * S, c, 0);
    assert_int_equal(v.expected, 93);
    assert_int_equal(v.observed, 50);
    assert_int_equal(v.target_silent, 12);
    assert_int_equal(v.not_started, 20);
    assert_int_equal(v.prober_down, 11);
    /* five slots before the first event were silent, one excluded */
    v = expected_coverage(&sli, &rev, 1, 0, 1000 * S, 200 * S, c, 6);
    assert_int_equal(v.not_started, 14);
    assert_int_equal(v.prober_down, 17);
    /* never any data: the target did not say anything yet */
    c = (struct counts){.silent = 100};
    v = expected_coverage(&sli, &rev, 1, 0, 1000 * S, INT64_MAX, c, 100);
    assert_int_equal(v.target_silent, 100);
    assert_int_equal(v.not_started + v.prober_down + v.observed, 0);
    /* more scrapes than slots */
    c = (struct counts){.good = 1, .scrapes = 90, .silent = 20};
    v = expected_coverage(&sli, &rev, 1, 0, 1000 * S, 0, c, 0);
    assert_int_equal(v.expected, 110);
    assert_int_equal(v.prober_down + v.not_started, 0);
}

static void no_data_is_what_the_objective_says(void **state)
{
    (void)state;
    const struct sli_metric threshold = {.kind = SLI_THRESHOLD};
    const struct sli_def sli = {.probe = "api", .metric = &threshold};
    const struct counts c = {.good = 5, .bad = 2, .excluded = 1, .scrapes = 7, .silent = 3};
    struct counts as = slo_apply_no_data(&(struct slo_def){.no_data = NO_DATA_EXCLUDE}, c);
    assert_true(as.good == 5 && as.bad == 2 && as.scrapes == 7 && as.silent == 3);
    as = slo_apply_no_data(&(struct slo_def){.no_data = NO_DATA_GOOD}, c);
    assert_true(as.good == 8 && as.bad == 2 && as.scrapes == 10 && as.silent == 0);
    as = slo_apply_no_data(&(struct slo_def){.no_data = NO_DATA_BAD}, c);
    assert_true(as.good == 5 && as.bad == 5 && as.scrapes == 10 && as.silent == 0);
    assert_int_equal(as.excluded, 1);
    const struct sli_metric raw = {.kind = SLI_RAW};
    const struct slo_def shares = {.sli.metric = &raw, .no_data = NO_DATA_GOOD};
    assert_int_equal(sli_observed(&sli, as), 10);
    assert_int_equal(sli_observed(&plain, as), 10);
    as = slo_apply_no_data(&shares, c);
    assert_true(as.good == 5 + 3 * RAW_PARTS && as.bad == 2 && as.scrapes == 10);
    assert_int_equal(sli_observed(&plain, (struct counts){.good = 4, .bad = 2}), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_target_is_a_cause_of_its_own),
        cmocka_unit_test(no_data_is_what_the_objective_says),
        cmocka_unit_test(schedules_in_force),
        cmocka_unit_test(cuts_add_up),
        cmocka_unit_test(every_missing_slot_has_one_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
