/* What explanations say of answers that are bad by a measure. */
#include "slo/seen.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void assert_seen(enum answer_measure m, int64_t bound, const struct answer *a,
                        const char *currency, const char *want)
{
    struct sli_def sli = {.measure = m, .bound = bound};
    struct str out;
    str_init(&out, 4096);
    assert_int_equal(answer_keeps(a, m, bound), 0);
    sli_seen(&sli, a, currency, &out);
    assert_string_equal(out.buf, want);
    str_release(&out);
}

static void test_times(void **state)
{
    struct answer a = {.first_token_us = 1912345, .last_event_us = 9000000, .gap_us = 2100000};
    (void)state;
    assert_seen(MEASURE_TTFT, 800000, &a, NULL, "first token after 1.91s, 800ms allowed");
    assert_seen(MEASURE_GAP, 1000000, &a, NULL, "a gap of 2.10s, 1s allowed");
    a.first_token_us = 800001; /* "800ms, 800ms allowed" would be no reason */
    assert_seen(MEASURE_TTFT, 800000, &a, NULL, "first token after 800.001ms, 800ms allowed");
}

static void test_speed(void **state)
{
    struct answer a = {.first_token_us = 100000,
                       .last_token_us = 2100000,
                       .tokens_out = 31,
                       .tokens_reasoning = 0};
    (void)state;
    assert_seen(MEASURE_SPEED, 20000, &a, NULL, "15.5 tokens a second, at least 20 expected");
    a.last_token_us = 1100001;
    a.tokens_out = 20; /* 19.99998: not rounded up to what is expected */
    assert_seen(MEASURE_SPEED, 20000, &a, NULL, "19.999 tokens a second, at least 20 expected");
}

static void test_cost(void **state)
{
    struct answer a = {.cost = 3100000000};
    (void)state;
    assert_seen(MEASURE_COST, 2000000000, &a, "USD", "a cost of 0.0031 USD, at most 0.002 allowed");
    a.cost = 2000000001;
    assert_seen(MEASURE_COST, 2000000000, &a, NULL,
                "a cost of 0.002000000001, at most 0.002 allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_times), cmocka_unit_test(test_speed),
                                       cmocka_unit_test(test_cost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
