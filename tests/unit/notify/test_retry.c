#include "notify/retry.h"

#include "base/units.h"
#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MIN USEC_PER_SEC
#define MAX (5 * USEC_PER_MIN)

static void test_backoff(void **state)
{
    uint64_t random = 88172645463325252u;

    (void)state;
    assert_int_equal(retry_backoff_us(1, MIN, MAX, random), MIN);
    for (int attempts = 1; attempts < 80; attempts++) {
        int64_t high = attempts > 9 ? MAX : MIN << (attempts - 1);
        if (high > MAX)
            high = MAX;
        int64_t low = high / 2 > MIN ? high / 2 : MIN;
        int64_t seen_low = INT64_MAX, seen_high = 0;
        for (int i = 0; i < 200; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            int64_t wait = retry_backoff_us(attempts, MIN, MAX, random >> 11);
            assert_in_range(wait, low, high);
            seen_low = wait < seen_low ? wait : seen_low;
            seen_high = wait > seen_high ? wait : seen_high;
        }
        /* It is spread, not a constant. */
        assert_true(seen_high - seen_low >= (high - low) / 2);
    }
    assert_int_equal(retry_backoff_us(1000000, 1, 1, random), 1);
}

static void test_retry_after(void **state)
{
    const int64_t now = 784111777LL * USEC_PER_SEC; /* Sun, 06 Nov 1994 08:49:37 GMT */

    (void)state;
    assert_int_equal(when_retry_after_us("120", now), 120 * USEC_PER_SEC);
    assert_int_equal(when_retry_after_us("0", now), 0);
    assert_int_equal(when_retry_after_us("99999999999999999999", now), INT64_MAX);
    assert_int_equal(when_retry_after_us("9223372036854775807", now), INT64_MAX);
    assert_int_equal(when_retry_after_us("Sun, 06 Nov 1994 08:50:37 GMT", now), 60 * USEC_PER_SEC);
    assert_int_equal(when_retry_after_us("Sun, 06 Nov 1994 08:48:37 GMT", now), 0);
    const char *const wrong[] = {"",
                                 "-5",
                                 "1.5",
                                 "10 s",
                                 "soon",
                                 "Sun, 06 Nov 1994 08:50:37",
                                 "Sun, 06 Nov 1994 08:50:37 GMT!"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(when_retry_after_us(wrong[i], now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
