#include "slo/budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct decimal three_nines = {999, 3};

static struct budget_use use(int64_t good, int64_t bad, struct decimal target)
{
    return budget_use_make((struct counts){good, bad, 0}, target, 1);
}

static void fill(struct report_slo *r, struct counts c, struct decimal target, int64_t whole)
{
    budget_fill(r, budget_use_make(c, target, 1), budget_allows(target, whole, 1));
}

static void worked_example_of_occurrences(void **state)
{
    (void)state;
    static const int good[] = {2, 10, 12, 13, 13, 12, 13, 13, 12, 11};
    static const int valid[] = {4, 10, 12, 13, 14, 15, 14, 13, 12, 11};
    struct counts c = {0};
    for (int i = 0; i < 10; i++) {
        c.good += good[i];
        c.bad += valid[i] - good[i];
    }
    struct report_slo r = {0};
    struct decimal target = {95, 2};
    fill(&r, c, target, 118);
    assert_int_equal(counts_total(c), 118);
    assert_true(r.has_budget);
    assert_true(fabs(r.allowed - 5.9) < 1e-12);
    assert_true(fabs(r.projected - 5.9) < 1e-12);
    assert_true(r.consumed == 7);
    assert_true(fabs(r.remaining + 1.1) < 1e-12);
    assert_true(fabs(r.consumed_ratio - 1.186441) < 5e-7);
    assert_true(fabs(r.remaining_ratio + 0.186441) < 5e-7);
    assert_true(budget_breached(use(c.good, c.bad, target)));
}

static void example_of_the_report(void **state)
{
    (void)state;
    struct report_slo r = {0};
    fill(&r, (struct counts){172700, 100, 0}, three_nines, 172800);
    assert_true(r.allowed == 172.8);
    assert_true(r.remaining == 72.8);
    assert_true(fabs(r.consumed_ratio - 0.578704) < 5e-7);
    assert_true(fabs(r.remaining_ratio - 0.421296) < 5e-7);
}

/* Budget minutes of windows at 99.9 %, one event a minute. */
static void budget_minutes(void **state)
{
    (void)state;
    assert_true(fabs(budget_allowed(30 * 1440, three_nines) - 43.2) < 1e-12);
    assert_true(fabs(budget_allowed(28 * 1440, three_nines) - 40.32) < 1e-12);
    assert_true(fabs(budget_allowed(743 * 60, three_nines) - 44.58) < 1e-12);
    assert_true(fabs(budget_allowed(721 * 60, three_nines) - 43.26) < 1e-12);
    assert_true(fabs(budget_allowed(10080, (struct decimal){9995, 4}) - 5.04) < 1e-12);
}

static void meeting_and_firing_are_inclusive(void **state)
{
    (void)state;
    /* 14.4 * 0.001 is 0.0144 and nothing beside it. */
    assert_true(budget_burns_at(144, 10000, three_nines, (struct decimal){144, 1}));
    assert_false(budget_burns_at(143, 10000, three_nines, (struct decimal){144, 1}));
    assert_true(budget_burns_at(144000000, 10000000000, three_nines, (struct decimal){144, 1}));
    assert_false(budget_burns_at(143999999, 10000000000, three_nines, (struct decimal){144, 1}));
    assert_false(budget_burns_at(0, 0, three_nines, (struct decimal){0, 0}));
    /* exactly on the objective is met */
    assert_false(budget_breached(use(999, 1, three_nines)));
    assert_true(budget_breached(use(998, 2, three_nines)));
    assert_false(budget_breached(use(0, 0, three_nines)));
}

static void reachability(void **state)
{
    (void)state;
    struct decimal f = {144, 1};
    assert_false(budget_unreachable((struct decimal){94, 2}, f)); /* 1/(1-T) = 16.7 */
    assert_true(budget_unreachable((struct decimal){93, 2}, f));  /* 14.29 */
    assert_false(budget_unreachable((struct decimal){9, 1}, (struct decimal){10, 0})); /* equal */
}

static void assert_decimal(struct decimal got, int64_t n, int scale)
{
    assert_int_equal(got.n, n);
    assert_int_equal(got.scale, scale);
}

static void a_share_of_the_budget_is_a_rate(void **state)
{
    (void)state;
    const int64_t h = USEC_PER_HOUR, d = USEC_PER_DAY;
    const struct decimal two = {2, 2}, five = {5, 2}, ten = {1, 1}, one = {1, 0};
    assert_decimal(budget_share_factor(two, 30 * d, h), 144, 1);
    assert_decimal(budget_share_factor(five, 30 * d, 6 * h), 6, 0);
    assert_decimal(budget_share_factor(ten, 30 * d, d), 3, 0);
    assert_decimal(budget_share_factor(ten, 30 * d, 3 * d), 1, 0);
    assert_decimal(budget_share_factor(two, 28 * d, h), 1344, 2);
    assert_decimal(budget_share_factor(ten, 7 * d, h), 168, 1);
    assert_decimal(budget_share_factor(one, 30 * d, 30 * d), 1, 0);
    /* No decimal: cut, not rounded, so that it is reached by what is equal. */
    assert_decimal(budget_share_factor(ten, 28 * d, 3 * d), 933333333333, 12);
    assert_decimal(budget_share_factor((struct decimal){5, 1}, 30 * d, 7 * d), 2142857142857, 12);
    assert_true(budget_burns_at(15, 7000, three_nines, (struct decimal){2142857142857, 12}));
    assert_decimal(budget_share_factor((struct decimal){2, 1}, 10 * d, 3 * d), 666666666666, 12);
    /* The largest and the longest there are. */
    assert_decimal(budget_share_factor(one, 3660 * d, USEC_PER_MIN), 3660 * 1440, 0);
    assert_decimal(budget_share_factor(one, 3660 * d, 70 * USEC_PER_SEC), 4517485714285714285, 12);
    assert_decimal(budget_share_factor((struct decimal){1, 12}, 3660 * d, 3660 * d), 1, 12);
}

static void a_total_outage_burns_most(void **state)
{
    (void)state;
    assert_decimal(budget_largest_burn(three_nines), 1000, 0);
    assert_decimal(budget_largest_burn((struct decimal){7, 1}), 333, 2);
    assert_decimal(budget_largest_burn((struct decimal){5, 1}), 2, 0);
    assert_decimal(budget_largest_burn((struct decimal){999999999999, 12}), 1000000000000, 0);
    /* What is printed can be reached. */
    assert_false(budget_unreachable((struct decimal){7, 1}, (struct decimal){333, 2}));
    assert_true(budget_unreachable((struct decimal){7, 1}, (struct decimal){334, 2}));
}

static void enough_events_to_judge(void **state)
{
    (void)state;
    assert_false(budget_is_conclusive(use(999, 0, three_nines)));
    assert_true(budget_is_conclusive(use(999, 1, three_nines)));
    assert_false(budget_is_conclusive(use(0, 0, (struct decimal){0, 0})));
}

static void states_in_their_order(void **state)
{
    (void)state;
    struct counts none = {0, 0, 5}, breached = {0, 1, 0}, risky = {9993, 7, 0},
                  risky_too = {3997, 3, 0}, fine = {9997, 3, 0}, quarter = {9994, 6, 0};
    assert_int_equal(budget_state(budget_use_make(none, three_nines, 1), 5, 0), SLO_NO_DATA);
    assert_int_equal(budget_state(budget_use_make(breached, three_nines, 1), 5, 0), SLO_BREACHED);
    assert_int_equal(budget_state(budget_use_make(risky, three_nines, 1), 5, 0), SLO_WARMING);
    assert_int_equal(budget_state(budget_use_make(risky, three_nines, 1), 0, 0),
                     SLO_MET); /* 70 % */
    assert_int_equal(budget_state(budget_use_make(risky_too, three_nines, 1), 0, 0),
                     SLO_AT_RISK); /* 75 % exactly */
    assert_int_equal(budget_state(budget_use_make(fine, three_nines, 1), 0, 0), SLO_MET);
    assert_int_equal(budget_state(budget_use_make(quarter, three_nines, 1), 1, 0), SLO_WARMING);
}

static void huge_counts_stay_exact(void **state)
{
    (void)state;
    struct decimal target = {999999999999, 12}; /* twelve nines */
    int64_t total = BUDGET_EVENTS_MAX;
    assert_false(budget_breached(use(total - 9223372, 9223372, target)));
    assert_true(budget_breached(use(total - 9223373, 9223373, target)));
    struct decimal factor = {999999999999999999, 12};
    assert_false(budget_burns_at(total, total, (struct decimal){5, 1}, factor));
    assert_true(budget_burns_at(total, total, (struct decimal){5, 1}, (struct decimal){2, 0}));
    /* One event, or one slot, more or less. */
    factor = (struct decimal){1, 0};
    target = (struct decimal){5, 1};
    int64_t half = total / 2; /* odd */
    assert_true(budget_burns_partly(half, half - 1, half / 2, half - 1, target, factor));
    assert_false(budget_burns_partly(half, half, half / 2, half, target, factor));
    assert_true(budget_burns_partly(half, half, half / 2 + 1, half, target, factor));
    assert_false(budget_burns_partly(half - 1, half, half / 2 + 1, half + 1, target, factor));
    assert_false(budget_burns_partly(1, 0, 1, 1, target, factor));
    assert_false(budget_burns_partly(1, 1, 1, 0, target, factor));
}

/* 99 % for half of 20 000 events and 99.9 % for the rest allow 100 + 10. */
static void targets_in_turn_add_up(void **state)
{
    (void)state;
    for (int64_t bad = 109; bad <= 111; bad++) {
        struct budget_use u = {0};
        struct report_slo r = {0};
        budget_use_add(&u, use(10000 - bad, bad, (struct decimal){99, 2}));
        budget_use_add(&u, use(10000, 0, three_nines));
        assert_int_equal(budget_breached(u), bad > 110); /* just that much is met */
        assert_int_equal(budget_state(u, 0, 0), bad > 110 ? SLO_BREACHED : SLO_AT_RISK);
        assert_int_equal(budget_consumed_at_least(u, (struct decimal){1, 0}), bad >= 110);
        assert_int_equal(budget_left_below(u, (struct decimal){0, 0}), bad > 110);
        budget_fill(&r, u, u.allowed);
        assert_true(r.allowed == 110 && r.projected == 110);
        assert_true(r.consumed == (double)bad && r.remaining == (double)(110 - bad));
    }
}

/* Where the bad events were is all the same, and nothing is lost of twelve nines. */
static void targets_in_turn_are_exact(void **state)
{
    const struct decimal twelve = {999999999999, 12}, none = {0, 0};
    struct budget_use u = use(BUDGET_EVENTS_MAX, 0, none);
    (void)state;
    budget_use_add(&u, use(0, 1, twelve));
    assert_true(u.allowed == (uint128)BUDGET_EVENTS_MAX * 1000000000000 + 1);
    assert_true(u.spent == 1000000000000);
    u = use(999999999999, 0, twelve);
    assert_false(budget_is_conclusive(u));
    budget_use_add(&u, use(0, 1, twelve));
    assert_true(budget_is_conclusive(u));
    assert_false(budget_breached(u));
    assert_true(budget_breached(budget_use_with(u, 2)));
}

/* 10^23 parts are no double; the events that they are, are one. */
static void amounts_of_many_events_are_shown_whole(void **state)
{
    (void)state;
    struct report_slo r;
    budget_fill(&r, use(999999999000, 1000, (struct decimal){9, 1}), 0);
    assert_true(r.allowed == 1e11 && r.consumed == 1000 && r.remaining == 1e11 - 1000);
    budget_fill(&r, use(0, 1000000000000, (struct decimal){9, 1}), 0);
    assert_true(r.remaining == -9e11);
}

static void what_is_left_is_compared_exactly(void **state)
{
    (void)state;
    struct budget_use u = use(10000 - 9, 9, three_nines); /* a tenth is left */
    assert_false(budget_left_below(u, (struct decimal){1, 1}));
    assert_true(budget_left_below(u, (struct decimal){100000000001, 12}));
    assert_false(budget_left_below(use(0, 0, three_nines), (struct decimal){1, 0}));
    assert_true(budget_consumed_at_least(u, (struct decimal){9, 1}));
    assert_false(budget_consumed_at_least(u, (struct decimal){900000000001, 12}));
    assert_false(budget_consumed_at_least(use(0, 0, three_nines), (struct decimal){0, 0}));
}

/* A month has its budget before it has its first event. */
static void a_budget_is_projected_without_events(void **state)
{
    (void)state;
    struct report_slo r = {0};
    fill(&r, (struct counts){0}, three_nines, 172800);
    assert_false(r.has_budget);
    assert_true(r.projected == 172.8);
    assert_true(r.allowed == 0 && r.consumed == 0 && r.remaining == 0);
}

static void nothing_strange_is_printed(void **state)
{
    (void)state;
    static const struct counts cases[] = {{0, 0, 0},   {1, 0, 0},      {0, 1, 0},
                                          {999, 1, 0}, {172800, 0, 9}, {0, 172800, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct report_slo r = {0};
        fill(&r, cases[i], three_nines, 0);
        double v[] = {r.allowed,
                      r.projected,
                      r.consumed,
                      r.remaining,
                      r.consumed_ratio,
                      r.remaining_ratio,
                      budget_burn(cases[i].bad, counts_total(cases[i]), three_nines),
                      budget_remaining(use(cases[i].good, cases[i].bad, three_nines))};
        for (size_t k = 0; k < sizeof(v) / sizeof(v[0]); k++) {
            assert_true(isfinite(v[k]));
            assert_false(v[k] == 0 && signbit(v[k]));
        }
        assert_int_equal(r.has_budget, i != 0);
    }
}

/* References from the textbook form, (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2))
 * / (1 + z2/n), in 30 decimal digits; 81/263 is Newcombe's (1998) example. */
static void wilson_interval(void **state)
{
    (void)state;
    double low, high;
    budget_wilson((struct counts){81, 182, 0}, &low, &high);
    assert_true(fabs(low - 0.255288519878274) < 1e-14);
    assert_true(fabs(high - 0.366209576982800) < 1e-14);
    budget_wilson((struct counts){172700, 100, 0}, &low, &high);
    assert_true(fabs(low - 0.999296262094660) < 1e-14);
    assert_true(fabs(high - 0.999524126057016) < 1e-14);
    budget_wilson((struct counts){100, 0, 0}, &low, &high);
    assert_true(fabs(low - 100 / (100 + 3.8414588)) < 1e-7);
    assert_true(high == 1);
    budget_wilson((struct counts){0, 7, 0}, &low, &high);
    assert_true(low == 0 && !signbit(low));
    assert_true(fabs(high - 3.8414588 / (7 + 3.8414588)) < 1e-7);
    for (int64_t n = 1; n < 200; n++) {
        for (int64_t bad = 0; bad <= n; bad++) {
            double sli = (double)(n - bad) / (double)n;
            budget_wilson((struct counts){n - bad, bad, 0}, &low, &high);
            assert_true(0 <= low && low <= sli && sli <= high && high <= 1);
        }
    }
}

/* 0 %: all events are allowed to be bad, and all figures are what they come to. */
static void an_objective_of_nothing(void **state)
{
    (void)state;
    const struct decimal zero = {0, 0}, one = {1, 0};
    const struct budget_use none = use(0, 4, zero);
    struct report_slo r = {0};
    assert_false(budget_breached(none));
    assert_int_equal(budget_state(none, 0, 0), SLO_AT_RISK);
    assert_int_equal(budget_state(use(1, 3, zero), 0, 0), SLO_AT_RISK);
    assert_int_equal(budget_state(use(2, 2, zero), 0, 0), SLO_MET);
    assert_true(budget_is_conclusive(use(0, 1, zero)));
    assert_decimal(budget_largest_burn(zero), 1, 0);
    assert_false(budget_unreachable(zero, one));
    assert_true(budget_unreachable(zero, (struct decimal){1000000000001, 12}));
    assert_true(budget_burns_at(4, 4, zero, one));
    assert_false(budget_burns_at(3, 4, zero, one));
    fill(&r, (struct counts){0, 4, 0}, zero, 10);
    assert_true(r.allowed == 4 && r.projected == 10 && r.consumed_ratio == 1);
    assert_true(r.remaining == 0 && !signbit(r.remaining));
    assert_true(r.remaining_ratio == 0 && !signbit(r.remaining_ratio));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_example_of_occurrences),
        cmocka_unit_test(example_of_the_report),
        cmocka_unit_test(budget_minutes),
        cmocka_unit_test(meeting_and_firing_are_inclusive),
        cmocka_unit_test(reachability),
        cmocka_unit_test(a_share_of_the_budget_is_a_rate),
        cmocka_unit_test(a_total_outage_burns_most),
        cmocka_unit_test(enough_events_to_judge),
        cmocka_unit_test(states_in_their_order),
        cmocka_unit_test(huge_counts_stay_exact),
        cmocka_unit_test(targets_in_turn_add_up),
        cmocka_unit_test(targets_in_turn_are_exact),
        cmocka_unit_test(amounts_of_many_events_are_shown_whole),
        cmocka_unit_test(what_is_left_is_compared_exactly),
        cmocka_unit_test(a_budget_is_projected_without_events),
        cmocka_unit_test(nothing_strange_is_printed),
        cmocka_unit_test(wilson_interval),
        cmocka_unit_test(an_objective_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
