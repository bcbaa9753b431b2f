#include "slo/conditions.h"

#include "base/str.h"
#include "base/units.h"
#include "slo/alert.h"
#include "slo/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define T0 (1000000 * S)

static enum severity judge(struct condition c, struct condition_view v, int64_t t_us)
{
    if (c.severity == SEVERITY_NONE)
        c.severity = SEVERITY_TICKET;
    return condition_judge(&c, &v, t_us);
}

static void each_kind_has_its_names(void **state)
{
    (void)state;
    for (int i = 0; i < CONDITION_KINDS; i++) {
        const struct condition_info *a = condition_info((enum condition_kind)i);
        assert_true(a->name && a->alert && a->severity != SEVERITY_NONE);
        for (int k = 0; k < i; k++) {
            const struct condition_info *b = condition_info((enum condition_kind)k);
            assert_false(str_eq(a->name, b->name) || str_eq(a->alert, b->alert));
        }
    }
    assert_string_equal(condition_info(CONDITION_FAILURES)->alert, "ProbeFailing");
    assert_int_equal(condition_info(CONDITION_PROBER_DOWN)->about, CONDITION_OF_PROCESS);
}

static void silence(void **state)
{
    static const struct {
        int64_t data, listens, interval, quiet_for; /* since T0; how long it may be silent */
    } cases[] = {
        {0, -MIN, 15 * S, 5 * MIN},         /* never less than five minutes */
        {0, -MIN, 100 * S, 5 * MIN},        /* where three intervals are as long */
        {0, -MIN, 3 * MIN, 9 * MIN},        /* else three intervals */
        {0, MIN, 15 * S, 6 * MIN},          /* what was not listened to is not silence */
        {INT64_MIN, 0, 15 * S, 5 * MIN},    /* it has never said anything */
        {2 * MIN, -60 * MIN, MIN, 7 * MIN}, /* what counts is the newest */
    };
    const struct condition c = {.kind = CONDITION_NO_DATA};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool never = cases[i].data == INT64_MIN;
        struct condition_view v = {.data_us = never ? INT64_MIN : T0 + cases[i].data,
                                   .listens_us = T0 + cases[i].listens,
                                   .interval_us = cases[i].interval};
        assert_int_equal(judge(c, v, T0 + cases[i].quiet_for - 1), SEVERITY_NONE);
        assert_int_equal(judge(c, v, T0 + cases[i].quiet_for), SEVERITY_TICKET);
    }
}

static void the_prober(void **state)
{
    const struct condition c = {.kind = CONDITION_PROBER_DOWN, .severity = SEVERITY_PAGE};
    (void)state;
    assert_int_equal(judge(c, (struct condition_view){0}, T0), SEVERITY_NONE);
    struct condition_view v = {.failing_us = T0};
    assert_int_equal(judge(c, v, T0 + 30 * S - 1), SEVERITY_NONE);
    assert_int_equal(judge(c, v, T0 + 30 * S), SEVERITY_PAGE);
    v = (struct condition_view){.gap_from_us = T0 - 2 * MIN, .gap_to_us = T0};
    assert_int_equal(judge(c, v, T0), SEVERITY_TICKET);
    assert_int_equal(judge(c, v, T0 + MIN - 1), SEVERITY_TICKET);
    assert_int_equal(judge(c, v, T0 + MIN), SEVERITY_NONE);
    v.gap_from_us++; /* as short as a restart */
    assert_int_equal(judge(c, v, T0), SEVERITY_NONE);
    v = (struct condition_view){
        .failing_us = T0 - MIN, .gap_from_us = T0 - 5 * MIN, .gap_to_us = T0};
    assert_int_equal(judge(c, v, T0), SEVERITY_PAGE); /* the worse of both */
}

/* Against a count over the list of all runs. */
static void k_of_n_failures(void **state)
{
    (void)state;
    srandom(3);
    for (int run = 0; run < 300; run++) {
        struct condition c = {.kind = CONDITION_FAILURES};
        struct condition_view v = {0};
        enum outcome all[300];
        int n = 0;
        c.of = run % 10 ? 1 + (int)(random() % CONDITION_RUNS_MAX) : CONDITION_RUNS_MAX;
        c.failures = 1 + (int)(random() % c.of);
        for (int i = 0; i < 300; i++) {
            enum outcome o = (enum outcome)(random() % OUTCOME_COUNT);
            run_tail_add(&v.runs, o);
            if (o == OUTCOME_GOOD || o == OUTCOME_BAD)
                all[n++] = o;
            int bad = 0;
            for (int k = n > c.of ? n - c.of : 0; k < n; k++)
                bad += all[k] == OUTCOME_BAD;
            assert_int_equal(judge(c, v, T0) != SEVERITY_NONE, bad >= c.failures);
        }
        assert_int_equal(v.runs.n, n < CONDITION_RUNS_MAX ? n : CONDITION_RUNS_MAX);
    }
}

static void a_certificate(void **state)
{
    const struct condition c = {.kind = CONDITION_CERTIFICATE, .within_us = 14 * USEC_PER_DAY};
    struct condition_view v = {0};
    (void)state;
    assert_int_equal(judge(c, v, T0), SEVERITY_NONE); /* none was seen */
    v.cert_not_after_us = T0 + 14 * USEC_PER_DAY;
    assert_int_equal(judge(c, v, T0 - 1), SEVERITY_NONE);
    assert_int_equal(judge(c, v, T0), SEVERITY_TICKET);
    assert_int_equal(judge(c, v, T0 + 20 * USEC_PER_DAY), SEVERITY_TICKET); /* it has ended */
}

static void a_share_of_the_budget(void **state)
{
    const struct condition half = {.kind = CONDITION_BUDGET_SPENT, .spent = {5, 1}};
    const struct decimal target = {999, 3};
    struct condition_view v = {0};
    (void)state;
    assert_int_equal(judge(half, v, T0), SEVERITY_NONE); /* no data */
    v.use = budget_use_make((struct counts){.good = 99951, .bad = 49}, target, 1);
    assert_int_equal(judge(half, v, T0), SEVERITY_NONE);
    v.use = budget_use_make((struct counts){.good = 99950, .bad = 50}, target, 1);
    assert_int_equal(judge(half, v, T0), SEVERITY_TICKET);
}

/* 30 days of a run each 10 s at 99.9 %: 259.2 failures are allowed. After 130 of
 * them 129.2 are left, and at a burn rate of 10 these last 30 d * 129.2 / 259.2 / 10. */
static void an_end_in_sight(void **state)
{
    struct condition c = {.kind = CONDITION_EXHAUSTS};
    const struct decimal target = {999, 3};
    struct condition_view v = {0};
    (void)state;
    c.within_us = 3 * USEC_PER_DAY;
    assert_int_equal(judge(c, v, T0), SEVERITY_NONE); /* no data */
    v.use = budget_use_make((struct counts){.good = 259070, .bad = 130}, target, 1);
    v.pace.length_us = 30 * USEC_PER_DAY;
    v.pace.full = v.use.allowed;
    v.pace.recent = budget_use_make((struct counts){.good = 2160}, target, 1);
    assert_int_equal(judge(c, v, T0), SEVERITY_NONE); /* nothing burns */
    /* 18 of 1800 in 6 hours are a burn rate of 10: it is exact to the microsecond. */
    v.pace.recent = budget_use_make((struct counts){.good = 1782, .bad = 18}, target, 1);
    c.within_us = 129200 * S;
    assert_int_equal(judge(c, v, T0), SEVERITY_TICKET);
    c.within_us--;
    assert_int_equal(judge(c, v, T0), SEVERITY_NONE);
    /* A budget that is gone is used up within any time, as long as it burns. */
    v.use = budget_use_make((struct counts){.good = 258900, .bad = 300}, target, 1);
    c.within_us = 10 * S;
    assert_int_equal(judge(c, v, T0), SEVERITY_TICKET);
    v.pace.recent = budget_use_make((struct counts){.good = 2160}, target, 1);
    assert_int_equal(judge(c, v, T0), SEVERITY_NONE);
    /* The largest numbers that there may be. */
    v.use = (struct budget_use){1, (uint128)1 << 120, 1};
    v.pace.recent = (struct budget_use){(uint128)1 << 119, (uint128)1 << 120, 1};
    v.pace.full = (uint128)1 << 120;
    v.pace.length_us = 3660 * USEC_PER_DAY;
    c.within_us = 2 * v.pace.length_us;
    assert_int_equal(judge(c, v, T0), SEVERITY_TICKET);
    c.within_us = 2 * v.pace.length_us - 1;
    assert_int_equal(judge(c, v, T0), SEVERITY_NONE);
}

/* What an earlier process knew and this one does not yet: it goes on. */
static void what_is_not_known_yet(void **state)
{
    const struct condition cert = {.kind = CONDITION_CERTIFICATE, .severity = SEVERITY_TICKET};
    const struct condition quiet = {.kind = CONDITION_NO_DATA, .severity = SEVERITY_TICKET};
    const struct alert_state none = {0},
                             firing = {.phase = ALERT_FIRING, .evaluated_us = T0 + 6 * MIN},
                             cooling = {.phase = ALERT_COOLING, .evaluated_us = T0 + 6 * MIN};
    struct condition_view v = {.data_us = T0, .listens_us = T0 + 7 * MIN, .interval_us = 10 * S};
    (void)state;
    assert_int_equal(condition_wanted(&cert, &v, &firing, T0 + 8 * MIN), SEVERITY_TICKET);
    assert_int_equal(condition_wanted(&cert, &v, &cooling, T0 + 8 * MIN), SEVERITY_NONE);
    assert_int_equal(condition_wanted(&cert, &v, &none, T0 + 8 * MIN), SEVERITY_NONE);
    assert_int_equal(condition_wanted(&quiet, &v, &firing, T0 + 8 * MIN), SEVERITY_TICKET);
    assert_int_equal(condition_wanted(&quiet, &v, &cooling, T0 + 8 * MIN), SEVERITY_NONE);
    assert_int_equal(condition_wanted(&quiet, &v, &none, T0 + 8 * MIN), SEVERITY_NONE);
    v.data_us = INT64_MIN;
    assert_int_equal(condition_wanted(&quiet, &v, &firing, T0 + 8 * MIN), SEVERITY_TICKET);
    v.data_us = T0 + 6 * MIN; /* it has been heard of since */
    assert_int_equal(condition_wanted(&quiet, &v, &firing, T0 + 8 * MIN), SEVERITY_NONE);
    v.cert_not_after_us = T0 + 30 * USEC_PER_DAY;
    assert_int_equal(condition_wanted(&cert, &v, &firing, T0 + 8 * MIN), SEVERITY_NONE);
}

static void names_tell_them_apart(void **state)
{
    struct condition c = {.key = "75%"};
    char name[CONDITION_NAME_MAX];
    (void)state;
    assert_string_equal(condition_name(&c, "", name), "75%");
    assert_string_equal(condition_name(&c, "goal", name), "goal 75%");
    c.key = NULL;
    assert_string_equal(condition_name(&c, "goal", name), "goal");
    assert_string_equal(condition_name(&c, "", name), "");
}

/* A condition is an alert like any other: it fires once, cools and resolves. */
static void as_an_alert(void **state)
{
    const struct condition c = {
        .kind = CONDITION_FAILURES, .severity = SEVERITY_PAGE, .failures = 3, .of = 5};
    static const char runs[] = "ggbgbgbbggggbbb";
    struct condition_view v = {0};
    struct alert_state s = {0};
    struct alert_transition t;
    int64_t at = T0;
    char seen[64] = "";
    (void)state;
    for (const char *r = runs; *r; r++) {
        run_tail_add(&v.runs, *r == 'b' ? OUTCOME_BAD : OUTCOME_GOOD);
        at += 10 * S;
        bool moved = alert_step_plain(&s, 0, condition_judge(&c, &v, at), at, false, &t);
        if (moved) {
            assert_int_equal(t.at_us, at);
            assert_int_equal(t.tier.long_us, 0);
            assert_int_equal(t.notify, t.kind == ALERT_EVENT_FIRE);
        }
        str_copy(seen + (r - runs), 2, moved ? (const char[]){"FED-R"[t.kind], '\0'} : ".");
        assert_false(alert_step_plain(&s, 0, SEVERITY_NONE, at, false, &t)); /* not twice */
    }
    /* three of five at the 7th; two of five at the 10th; three again at the last */
    assert_string_equal(seen, "......F..-....R");
    for (int i = 0; i < 31; i++) {
        at += 10 * S;
        assert_int_equal(alert_step_plain(&s, 0, SEVERITY_NONE, at, false, &t), i == 0 || i == 30);
    }
    assert_int_equal(t.kind, ALERT_EVENT_RESOLVE);
    assert_true(t.notify);
    assert_int_equal(s.phase, ALERT_INACTIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_names),
        cmocka_unit_test(silence),
        cmocka_unit_test(the_prober),
        cmocka_unit_test(k_of_n_failures),
        cmocka_unit_test(a_certificate),
        cmocka_unit_test(a_share_of_the_budget),
        cmocka_unit_test(an_end_in_sight),
        cmocka_unit_test(what_is_not_known_yet),
        cmocka_unit_test(names_tell_them_apart),
        cmocka_unit_test(as_an_alert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
