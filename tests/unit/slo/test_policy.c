/* Which step of an error-budget policy holds, to the last unit. */
#include "slo/policy.h"

#include "slo/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct policy_step steps[] = {
    {{5, 1}, "look", false}, {{1, 0}, "freeze", true}, {{10, 0}, "all hands", false}};
static const struct slo_def slo = {.policy = {steps, 3}}, none = {.name = "none"};

static void expect(struct budget_use use, const struct policy_step *now,
                   const struct policy_step *next, const struct policy_step *stop)
{
    struct report_slo r = {.def = &slo, .use = use};
    policy_fill(&r);
    assert_ptr_equal(r.policy, now);
    assert_ptr_equal(r.policy_next, next);
    assert_ptr_equal(policy_reached(&slo, use, true), stop);
}

static void test_a_step_holds_from_its_share_on(void **state)
{
    (void)state;
    const uint128 all = (uint128)1 << 119;
    expect((struct budget_use){0, 0}, NULL, &steps[0], NULL);
    expect((struct budget_use){0, all}, NULL, &steps[0], NULL);
    expect((struct budget_use){all / 2 - 1, all}, NULL, &steps[0], NULL);
    expect((struct budget_use){all / 2, all}, &steps[0], &steps[1], NULL);
    expect((struct budget_use){all - 1, all}, &steps[0], &steps[1], NULL);
    expect((struct budget_use){all, all}, &steps[1], &steps[2], &steps[1]);
    expect((struct budget_use){10 * 7 - 1, 7}, &steps[1], &steps[2], &steps[1]);
    expect((struct budget_use){10 * 7, 7}, &steps[2], NULL, &steps[1]);
}

static void test_without_a_policy(void **state)
{
    (void)state;
    struct report_slo r = {.def = &none, .use = {2, 1}};
    policy_fill(&r);
    assert_null(r.policy);
    assert_null(r.policy_next);
    assert_null(policy_reached(&none, r.use, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_holds_from_its_share_on),
        cmocka_unit_test(test_without_a_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
