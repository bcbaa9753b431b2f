/* What a sieve leaves is what the definition says, minute by minute. */
#include "slo/sieve.h"

#include "base/mem.h"
#include "base/units.h"
#include "slo/expected.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIN USEC_PER_MIN

static const struct exclusion drop = {.timezone = "UTC", .from_us = 10 * MIN, .to_us = 20 * MIN};
static const struct exclusion touching = {
    .timezone = "UTC", .mode = EXCLUSION_COUNT_GOOD, .from_us = 20 * MIN, .to_us = 25 * MIN};
static const struct exclusion later = {.timezone = "UTC", .from_us = 60 * MIN, .to_us = 61 * MIN};
static const struct probe_revision revision = {.interval_us = 30 * USEC_PER_SEC};

static struct exclusions *make(void)
{
    const struct exclusion *const list[] = {&drop, &touching, &later};
    struct exclusions *set = NULL;
    assert_int_equal(exclusions_make(list, countof(list), &set, NULL), 0);
    return set;
}

static void test_events(void **state)
{
    struct exclusions *set = make();
    struct sieve s = sieve_make(set, &(struct slo_def){.no_data = NO_DATA_BAD});
    const struct counts c = {.good = 3, .bad = 2, .excluded = 1, .scrapes = 4, .silent = 5};
    (void)state;
    /* to and fro, so that what is remembered is left again */
    for (int i = 0; i < 200; i++) {
        int64_t minute = i * 37 % 70;
        struct counts left = sieve_event(&s, minute * MIN + i, c);
        bool none = (minute >= 10 && minute < 20) || minute == 60;
        bool good = minute >= 20 && minute < 25;
        assert_int_equal(left.good, none ? 0 : good ? 10 : 3);
        assert_int_equal(left.bad, none || good ? 0 : 2);
        assert_int_equal(left.silent, none || good ? 0 : 5);
        assert_int_equal(left.scrapes, none ? 0 : good ? 9 : 4);
        assert_int_equal(left.excluded, none ? 0 : 1);
    }
    exclusions_unref(set);
}

static void test_slots(void **state)
{
    struct exclusions *set = make();
    struct sieve s = sieve_make(set, &(struct slo_def){.no_data = NO_DATA_EXCLUDE}), all = {0};
    (void)state;
    for (int from = 0; from < 70; from += 3) {
        for (int to = from; to < 70; to += 7) {
            int64_t n = 0;
            for (int minute = from; minute < to; minute++)
                n += (minute < 10 || minute >= 20) && minute != 60 ? 2 : 0;
            assert_int_equal(sieve_slots(&s, &revision, 1, from * MIN, to * MIN), n);
            assert_int_equal(sieve_slots(&all, &revision, 1, from * MIN, to * MIN),
                             2 * (to - from));
            assert_int_equal(sieve_touches(&s, from * MIN, to * MIN),
                             from < to && ((from < 25 && to > 10) || (from <= 60 && to > 60)));
        }
    }
    assert_false(sieve_touches(&all, 0, 70 * MIN));
    exclusions_unref(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
