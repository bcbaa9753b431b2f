/* The circuit breaker and the rate, each on a clock of the test's. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/units.h"
#include "notify/breaker.h"
#include "notify/rate.h"

#define S USEC_PER_SEC

static void test_breaker(void **state)
{
    (void)state;
    struct breaker b = {0};
    for (int i = 0; i < 4; i++) {
        breaker_failure(&b, 5, 100 * S, 8 * S);
        assert_int_equal(breaker_state(&b, 100 * S), BREAKER_CLOSED);
        assert_int_equal(breaker_due_us(&b, 100 * S), 100 * S);
    }
    breaker_failure(&b, 5, 100 * S, 16 * S);
    assert_int_equal(b.failures, 5);
    assert_int_equal(breaker_state(&b, 100 * S), BREAKER_OPEN);
    assert_int_equal(breaker_state(&b, 116 * S - 1), BREAKER_OPEN);
    assert_int_equal(breaker_due_us(&b, 100 * S), 116 * S);
    assert_int_equal(breaker_state(&b, 116 * S), BREAKER_HALF_OPEN);
    assert_int_equal(breaker_due_us(&b, 117 * S), 117 * S);
    /* The attempt fails: open again, at once. */
    breaker_failure(&b, 5, 117 * S, 32 * S);
    assert_int_equal(breaker_state(&b, 148 * S), BREAKER_OPEN);
    assert_int_equal(breaker_state(&b, 149 * S), BREAKER_HALF_OPEN);
    /* It succeeds: closed, and it takes five again. */
    breaker_success(&b);
    for (int i = 0; i < 4; i++)
        breaker_failure(&b, 5, 150 * S, 8 * S);
    assert_int_equal(breaker_state(&b, 150 * S), BREAKER_CLOSED);
    breaker_success(&b);
    breaker_failure(&b, 5, 150 * S, 8 * S);
    assert_int_equal(breaker_state(&b, 150 * S), BREAKER_CLOSED);
}

/* What the service asked for holds in any state, and opens nothing by itself. */
static void test_hold(void **state)
{
    (void)state;
    struct breaker b = {0};
    breaker_hold(&b, 150 * S);
    breaker_hold(&b, 120 * S);
    assert_int_equal(breaker_state(&b, 100 * S), BREAKER_CLOSED);
    assert_int_equal(breaker_due_us(&b, 100 * S), 150 * S);
    assert_int_equal(breaker_due_us(&b, 151 * S), 151 * S);
    breaker_failure(&b, 1, 100 * S, 8 * S);
    assert_int_equal(breaker_due_us(&b, 100 * S), 150 * S);
    breaker_failure(&b, 1, 100 * S, 80 * S);
    assert_int_equal(breaker_due_us(&b, 100 * S), 180 * S);
    breaker_success(&b);
    assert_int_equal(breaker_due_us(&b, 100 * S), 100 * S);
}

/* All that come, each as soon as it may; how many in [from, to). */
static int taken(struct rate *r, int per_minute, int64_t from_us, int64_t to_us)
{
    int n = 0;
    for (int64_t t = from_us; (t = rate_due_us(r, per_minute, t)) < to_us; n++)
        rate_take(r, per_minute, t);
    return n;
}

static void test_rate(void **state)
{
    (void)state;
    static const int rates[] = {1, 2, 7, 59, 60, 61, 999, RATE_PER_MINUTE_MAX};
    for (size_t i = 0; i < countof(rates); i++) {
        struct rate r = {0};
        int n = rates[i];
        /* A full bucket at once, then evenly. */
        assert_int_equal(taken(&r, n, 1000 * S, 1000 * S + 1), n);
        assert_int_equal(rate_due_us(&r, n, 1000 * S), 1000 * S + (60 * S + n - 1) / n);
        assert_in_range(taken(&r, n, 1000 * S, 1060 * S), n - 1, n);
        /* Over an hour nothing is lost by rounding. */
        assert_in_range(taken(&r, n, 1060 * S, 4660 * S), 60 * n - 1, 60 * n);
        /* After a pause it holds a minute's, not more. */
        assert_int_equal(taken(&r, n, 100000 * S, 100000 * S + 1), n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
