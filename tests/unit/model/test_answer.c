/* What answers keep of what is promised of them, on the bound and where they do not tell. */
#include "nines/answer.h"
#include "nines/result.h"
#include "nines/slo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* 34 tokens in 1.478 s, as docs/numbers.md works it. */
static struct answer worked(void)
{
    return (struct answer){.first_token_us = 402000,
                           .last_token_us = 1880000,
                           .last_event_us = 1899900,
                           .gap_us = 120500,
                           .tokens_in = 21,
                           .tokens_out = 34,
                           .tokens_cached = 5,
                           .tokens_reasoning = -1,
                           .cost = 23175000};
}

static void test_on_the_bound_is_kept(void **state)
{
    struct answer a = worked();
    (void)state;
    assert_int_equal(answer_keeps(&a, MEASURE_TTFT, 402000), 1);
    assert_int_equal(answer_keeps(&a, MEASURE_TTFT, 401999), 0);
    assert_int_equal(answer_keeps(&a, MEASURE_GAP, 120500), 1);
    assert_int_equal(answer_keeps(&a, MEASURE_GAP, 120499), 0);
    assert_int_equal(answer_keeps(&a, MEASURE_SPEED, 23000), 1);
    assert_int_equal(answer_keeps(&a, MEASURE_SPEED, 23010), 0);
    assert_int_equal(answer_keeps(&a, MEASURE_COST, 23175000), 1);
    assert_int_equal(answer_keeps(&a, MEASURE_COST, 23174999), 0);
}

static void assert_speed(const struct answer *a, int64_t want_tokens, int64_t want_us)
{
    int64_t tokens, us;
    assert_true(answer_speed(a, &tokens, &us));
    assert_int_equal(tokens, want_tokens);
    assert_int_equal(us, want_us);
}

static void test_speed_is_of_tokens_that_came_in_its_time(void **state)
{
    struct answer a = worked();
    int64_t tokens, us;
    (void)state;
    assert_speed(&a, 34, 1478000);
    a.flags = ANSWER_REASONED; /* before the first token, and who knows how much */
    assert_false(answer_speed(&a, &tokens, &us));
    assert_int_equal(answer_keeps(&a, MEASURE_SPEED, 1), -1);
    a.tokens_reasoning = 10;
    assert_speed(&a, 24, 1478000);
    a.tokens_reasoning = 40; /* more than there are */
    assert_speed(&a, 0, 1478000);
    assert_int_equal(answer_keeps(&a, MEASURE_SPEED, 1), 0);
    a = worked();
    a.first_token_us = a.last_token_us; /* in one piece */
    assert_speed(&a, 34, 1880000);
    a.tokens_out = -1;
    assert_false(answer_speed(&a, &tokens, &us));
}

static void test_what_is_not_told_is_excluded(void **state)
{
    struct sli_def sli = {.measure = MEASURE_COST, .bound = COST_ONE};
    struct result r = {.outcome = OUTCOME_GOOD, .flags = RESULT_ANSWER, .answer = worked()};
    (void)state;
    memset(sli.classify, -1, sizeof(sli.classify));
    assert_int_equal(sli_classify(&sli, &r), OUTCOME_GOOD);
    r.answer.cost = -1;
    assert_int_equal(sli_classify(&sli, &r), OUTCOME_EXCLUDED);
    r.outcome = OUTCOME_BAD;
    r.reason = REASON_TLS;
    assert_int_equal(sli_classify(&sli, &r), OUTCOME_BAD);
    sli.classify[REASON_TLS] = OUTCOME_GOOD; /* then it has to tell as well */
    assert_int_equal(sli_classify(&sli, &r), OUTCOME_EXCLUDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_the_bound_is_kept),
        cmocka_unit_test(test_speed_is_of_tokens_that_came_in_its_time),
        cmocka_unit_test(test_what_is_not_told_is_excluded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
