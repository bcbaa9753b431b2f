/* How alerts and incidents meet. */
#include "engine/replay_score.h"

#include "base/mem.h"
#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MIN USEC_PER_MIN
#define T0 (20000 * USEC_PER_DAY)
#define SHORT_US (5 * MIN)

static struct score s;

static int setup(void **state)
{
    (void)state;
    score_init(&s, T0, T0 + USEC_PER_DAY);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    score_release(&s);
    return 0;
}

static void tell(const char *slo, int64_t minute, enum alert_event_kind kind, enum severity sev,
                 bool notify)
{
    struct alert_transition t = {.slo = slo,
                                 .objective_name = "",
                                 .at_us = T0 + minute * MIN,
                                 .kind = kind,
                                 .severity = sev,
                                 .notify = notify,
                                 .tier.short_us = SHORT_US};
    score_take(&s, &t);
}

/* Fires, ceases, and is resolved five minutes later. */
static void alert(const char *slo, int64_t from, int64_t clear, enum severity sev)
{
    tell(slo, from, ALERT_EVENT_FIRE, sev, true);
    tell(slo, clear, ALERT_EVENT_COOL, sev, false);
    tell(slo, clear + 5, ALERT_EVENT_RESOLVE, sev, true);
}

static struct score_incident incident(int64_t from, int64_t to)
{
    return (struct score_incident){.name = "x", .from_us = T0 + from * MIN, .to_us = T0 + to * MIN};
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    struct score_incident in[] = {incident(10, 20)};
    score_finish(&s, in, 1);
    assert_int_equal(score_sent(&s) + s.muted + s.firing + s.right, 0);
    assert_null(s.longest);
    assert_int_equal(s.judged, 1);
    assert_int_equal(s.detected, 0);
    assert_int_equal(in[0].detected_us, -1);
    assert_int_equal(in[0].reset_us, -1);
    assert_int_equal(in[0].severity, SEVERITY_NONE);
}

static void test_by_what_an_alert_belongs(void **state)
{
    (void)state;
    struct score_incident in[] = {
        incident(10, 20),   /* a fires in it */
        incident(30, 36),   /* b's short window saw its last minute */
        incident(50, 55),   /* c's did not */
        incident(80, 90),   /* d fired long before, and still when it began */
        incident(110, 120), /* d had ceased by then */
        incident(-10, 5),   /* begins before the span */
    };
    alert("a", 12, 25, SEVERITY_PAGE);
    alert("b", 40, 42, SEVERITY_TICKET);
    alert("c", 60, 62, SEVERITY_TICKET);
    alert("d", 70, 110, SEVERITY_TICKET);
    score_finish(&s, in, countof(in));
    const size_t alerts[] = {1, 1, 0, 1, 0, 0};
    for (size_t i = 0; i < countof(in); i++)
        assert_int_equal(in[i].alerts, alerts[i]);
    assert_int_equal(in[0].detected_us, 2 * MIN);
    assert_int_equal(in[0].reset_us, 5 * MIN);
    assert_int_equal(in[0].severity, SEVERITY_PAGE);
    assert_int_equal(in[0].ticket_us, -1);
    assert_int_equal(in[1].detected_us, 10 * MIN);
    assert_int_equal(in[3].detected_us, 0);
    assert_int_equal(in[3].reset_us, 20 * MIN);
    assert_false(in[5].judged);
    assert_int_equal(s.judged, 5);
    assert_int_equal(s.detected, 3);
    assert_int_equal(s.right, 3);
    assert_int_equal(s.pages, 1);
    assert_int_equal(s.tickets, 3);
    assert_string_equal(s.longest->slo, "d");
    assert_int_equal(score_length_us(&s, s.longest), 45 * MIN);
}

static void test_an_alert_that_grows_and_returns(void **state)
{
    (void)state;
    struct score_incident in[] = {incident(10, 20)};
    tell("a", 12, ALERT_EVENT_FIRE, SEVERITY_TICKET, true);
    tell("a", 15, ALERT_EVENT_ESCALATE, SEVERITY_PAGE, true);
    tell("a", 30, ALERT_EVENT_COOL, SEVERITY_PAGE, false);
    tell("a", 32, ALERT_EVENT_REFIRE, SEVERITY_PAGE, false);
    score_finish(&s, in, 1);
    assert_int_equal(s.pages, 1);
    assert_int_equal(s.tickets, 0);
    assert_int_equal(s.firing, 1);
    assert_int_equal(in[0].severity, SEVERITY_TICKET);
    assert_int_equal(in[0].detected_us, 2 * MIN);
    assert_int_equal(in[0].page_us, 5 * MIN);
    assert_int_equal(in[0].ticket_us, 2 * MIN);
    assert_int_equal(in[0].reset_us, -1); /* it fires to the end */
    assert_int_equal(score_length_us(&s, s.longest), USEC_PER_DAY - 12 * MIN);
}

static void test_an_alert_nobody_was_told_of(void **state)
{
    (void)state;
    struct score_incident in[] = {incident(10, 20)};
    tell("a", 12, ALERT_EVENT_FIRE, SEVERITY_PAGE, false);
    tell("a", 15, ALERT_EVENT_COOL, SEVERITY_PAGE, false);
    tell("a", 20, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, false);
    score_finish(&s, in, 1);
    assert_int_equal(score_sent(&s), 0);
    assert_int_equal(s.muted, 1);
    assert_int_equal(s.detected, 0);
    assert_int_equal(s.transitions, 3);
}

static void test_objectives_are_alerts_of_their_own(void **state)
{
    (void)state;
    struct score_incident in[] = {incident(10, 20)};
    tell("a", 12, ALERT_EVENT_FIRE, SEVERITY_TICKET, true);
    tell("b", 13, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    tell("a", 22, ALERT_EVENT_COOL, SEVERITY_TICKET, false);
    tell("b", 24, ALERT_EVENT_COOL, SEVERITY_PAGE, false);
    tell("a", 27, ALERT_EVENT_RESOLVE, SEVERITY_TICKET, true);
    tell("b", 29, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, true);
    score_finish(&s, in, 1);
    assert_int_equal(in[0].alerts, 2);
    assert_int_equal(in[0].detected_us, 2 * MIN);
    assert_int_equal(in[0].page_us, 3 * MIN);
    assert_int_equal(in[0].reset_us, 4 * MIN);
    assert_int_equal(s.firing, 0);
}

static void test_more_alerts_than_are_kept(void **state)
{
    (void)state;
    for (int64_t i = 0; i < SCORE_ALERTS_MAX; i++) {
        tell("a", i, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
        tell("a", i, ALERT_EVENT_RESOLVE, SEVERITY_PAGE, true);
    }
    assert_false(s.full);
    tell("a", 1, ALERT_EVENT_FIRE, SEVERITY_PAGE, true);
    assert_true(s.full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_what_an_alert_belongs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_alert_that_grows_and_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_alert_nobody_was_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(test_objectives_are_alerts_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_alerts_than_are_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
