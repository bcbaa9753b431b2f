/* What one question may cost is bounded; its answers are held by test_query.c. */
#include "engine/sieved.h"

#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A minute of each day: of three centuries no store is asked. */
static void test_too_many(void **state)
{
    const struct exclusion daily = {.timezone = "UTC",
                                    .rrule = "FREQ=DAILY",
                                    .from_us = 9 * USEC_PER_DAY,
                                    .to_us = 9 * USEC_PER_DAY + USEC_PER_MIN};
    const struct exclusion *const list[] = {&daily};
    struct exclusions *set = NULL;
    struct counts c;
    struct err err = {{0}};
    (void)state;
    if (exclusions_make(list, 1, &set, &err) < 0)
        fail_msg("%s", err.msg);
    struct sieve s = sieve_make(set, &(struct slo_def){.no_data = NO_DATA_EXCLUDE});
    assert_int_equal(sieved_counts(NULL, NULL, &s, 0, 300 * 366 * USEC_PER_DAY, &c, &err), -1);
    assert_non_null(strstr(err.msg, "more than 100000 exclusions in one span of time"));
    exclusions_unref(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
