/* What several objectives make of one budget, by figures worked out by hand. */
#include "slo/composite.h"

#include "base/wide.h"
#include "slo/slices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct decimal one = {1, 0};

struct fixture {
    struct slo_def slo, as[2];
    struct slo_member members[2];
};

static void make(struct fixture *f, enum budget_method method, struct decimal w0, struct decimal w1)
{
    *f = (struct fixture){0};
    f->slo = (struct slo_def){.name = "all",
                              .method = method,
                              .members = f->members,
                              .member_count = 2,
                              .target = {9, 1},
                              .slice_us = USEC_PER_MIN,
                              .slice_target = {95, 2}};
    f->as[0] = f->as[1] = f->slo;
    f->as[0].member_count = f->as[1].member_count = 0;
    f->as[0].target = (struct decimal){99, 2};
    f->as[1].target = (struct decimal){995, 3};
    f->as[0].objective_name = f->as[1].objective_name = "";
    f->members[0] = (struct slo_member){&f->as[0], &f->as[0], w0};
    f->members[1] = (struct slo_member){&f->as[1], &f->as[1], w1};
}

/* 3 of 10 allowed at weight 2, 1 of 5 allowed: 2 * 0.3 + 0.2 = 0.8. */
static void occurrences_add_up(void **state)
{
    struct fixture f;
    struct budget_use uses[2] = {{3, 10, 1}, {1, 5, 1}}, all;
    (void)state;
    make(&f, METHOD_OCCURRENCES, (struct decimal){2, 0}, one);
    all = composite_use(&f.slo, uses);
    assert_true(all.spent == 800000000000u && all.allowed == COMPOSITE_PARTS);
    assert_int_equal(budget_state(all, 0, 0), SLO_AT_RISK);
    uses[1].spent = 2; /* 0.6 + 0.4: used up to the last bit, and no more */
    assert_false(budget_breached(composite_use(&f.slo, uses)));
    uses[1] = (struct budget_use){0}; /* without data it adds nothing */
    assert_true(composite_use(&f.slo, uses).spent == 600000000000u);
    uses[0] = (struct budget_use){0};
    assert_true(composite_use(&f.slo, uses).allowed == 0);
    /* A third, cut: 0.333333333333 */
    assert_true(composite_term(one, 1, 3) == 333333333333u);
    assert_true(composite_term((struct decimal){5, 1}, 1, 3) == 166666666666u);
}

/* B = 1 / (2 / 0.01 + 1 / 0.005) = 1 / 400: 99.75 %. */
static void target_is_what_members_come_to(void **state)
{
    struct fixture f;
    struct diag d = {0};
    (void)state;
    make(&f, METHOD_OCCURRENCES, (struct decimal){2, 0}, one);
    composite_set_target(&f.slo, &d);
    assert_int_equal(d.errors, 0);
    assert_int_equal(decimal_cmp(f.slo.target, (struct decimal){9975, 4}), 0);
    assert_true(composite_largest_burn(&f.slo) == (uint128)400 * COMPOSITE_PARTS);
    assert_true(composite_least_burn(&f.slo) == (uint128)200 * COMPOSITE_PARTS);
    struct budget_use half = {.spent = COMPOSITE_PARTS / 2, .allowed = COMPOSITE_PARTS, .one = 1};
    assert_true(fabs(composite_sli(&f.slo, (struct counts){0}, half) - 0.99875) < 1e-12);
    make(&f, METHOD_OCCURRENCES, (struct decimal){1, 3}, (struct decimal){1, 3});
    composite_set_target(&f.slo, &d); /* 0.1 + 0.2 */
    assert_int_equal(d.errors, 1);
    assert_non_null(strstr(d.items[0].text, "weights are so small"));
    make(&f, METHOD_OCCURRENCES, (struct decimal){1000, 0}, (struct decimal){1000, 0});
    f.as[0].target = (struct decimal){999999999999, 12};
    composite_set_target(&f.slo, &d);
    assert_int_equal(d.errors, 2);
    assert_non_null(strstr(d.items[1].text, "weights are so large"));
    diag_release(&d);
}

static struct counts ratio(int64_t percent)
{
    return (struct counts){.good = percent * (SLICE_RATIO_PARTS / 100),
                           .bad = (100 - percent) * (SLICE_RATIO_PARTS / 100)};
}

/* The OpenSLO README: 95 % and 95 % make 90 %. */
static void ratios_lose_together(void **state)
{
    struct fixture f;
    struct counts worth[2] = {ratio(95), ratio(95)}, c;
    (void)state;
    make(&f, METHOD_RATIO_TIMESLICES, one, one);
    c = composite_slice(&f.slo, worth);
    assert_int_equal(c.good, ratio(90).good);
    assert_int_equal(c.bad, ratio(90).bad);
    f.members[0].weight = (struct decimal){25, 1}; /* 1 - 2.5 * 0.05 - 0.05 = 0.825 */
    assert_int_equal(composite_slice(&f.slo, worth).good, 825000000000);
    worth[0] = ratio(10); /* down to 0 */
    assert_int_equal(composite_slice(&f.slo, worth).bad, SLICE_RATIO_PARTS);
    worth[0] = (struct counts){.silent = 1}; /* no data is no loss */
    assert_int_equal(composite_slice(&f.slo, worth).bad, 50000000000);
    worth[1] = (struct counts){0};
    c = composite_slice(&f.slo, worth);
    assert_int_equal(counts_total(c), 0);
    assert_int_equal(c.silent, 1);
    worth[0] = (struct counts){0}; /* out of hours: nothing at all */
    assert_int_equal(composite_slice(&f.slo, worth).silent, 0);
}

static void one_bad_member_is_a_bad_slice(void **state)
{
    struct fixture f;
    struct counts worth[2] = {{.good = 1}, {.bad = 1}};
    (void)state;
    make(&f, METHOD_TIMESLICES, (struct decimal){5, 1}, one);
    assert_int_equal(composite_slice(&f.slo, worth).bad, 1);
    worth[1] = (struct counts){.silent = 1};
    assert_int_equal(composite_slice(&f.slo, worth).good, 1);
    worth[0] = (struct counts){.bad = 1}; /* weights change nothing */
    assert_int_equal(composite_slice(&f.slo, worth).bad, 1);
    assert_true(composite_largest_burn(&f.slo) == (uint128)10 * COMPOSITE_PARTS);
}

/* 2 * (1/100 / 0.01) + (1/200 / 0.005) = 3, exactly: a tier of 3 fires, one above not. */
static void tiers_add_burns(void **state)
{
    struct fixture f;
    struct tier_counts m[2] = {{.bad = 1, .total = 100, .observed = 100, .expected = 100},
                               {.bad = 1, .total = 200, .observed = 200, .expected = 200}};
    struct tier_def tier = {SEVERITY_PAGE, USEC_PER_HOUR, USEC_PER_HOUR, {3, 0}, 2};
    (void)state;
    make(&f, METHOD_OCCURRENCES, (struct decimal){2, 0}, one);
    struct tier_counts c = composite_tier_counts(&f.slo, m);
    assert_true(c.burn == (uint128)3 * COMPOSITE_PARTS && c.bad == 2);
    assert_true(tier_fires(&tier, f.slo.target, c, c));
    tier.factor = (struct decimal){3000000000001, 12};
    assert_false(tier_fires(&tier, f.slo.target, c, c));
    tier.factor = (struct decimal){3, 0};
    tier.min_failures = 3;
    assert_false(tier_fires(&tier, f.slo.target, c, c));
    assert_true(tier_may_clear(c));
    m[1] = (struct tier_counts){.expected = 200}; /* half of the other one is not enough */
    c = composite_tier_counts(&f.slo, m);
    assert_false(tier_may_clear(c));
    assert_true(c.burn == (uint128)2 * COMPOSITE_PARTS);
    /* Of counters: 50 bad of 1000 events from 5 of 10 scrapes, 2 * 0.05 * 0.5 / 0.01 */
    m[0] = (struct tier_counts){.bad = 50, .total = 1000, .observed = 5, .expected = 10};
    assert_true(composite_tier_counts(&f.slo, m).burn == (uint128)5 * COMPOSITE_PARTS);
}

static void quotients_are_wide(void **state)
{
    const uint128 large = (uint128)1 << 100;
    (void)state;
    assert_true(wide_quotient(large, large, large, large) == 1);
    assert_true(wide_quotient(large, 3 * large, large, large) == 3);
    assert_true(wide_quotient(large, large - 1, large, large) == 0);
    assert_true(wide_quotient(10, 10, 3, 3) == 11);
    assert_true(wide_quotient(large, large, 3, large) == large / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(occurrences_add_up),   cmocka_unit_test(target_is_what_members_come_to),
        cmocka_unit_test(ratios_lose_together), cmocka_unit_test(one_bad_member_is_a_bad_slice),
        cmocka_unit_test(tiers_add_burns),      cmocka_unit_test(quotients_are_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
