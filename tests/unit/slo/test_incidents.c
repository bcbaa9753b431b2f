/* Which alerts make an incident, and its times: table by table. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/units.h"
#include "slo/incidents.h"

#include <stdio.h>

#define T0 (1790000000 * USEC_PER_SEC)
#define MIN USEC_PER_MIN

static struct alert_transition moved(const char *slo, const char *service, int64_t at_us,
                                     enum alert_event_kind kind, enum severity severity)
{
    return (struct alert_transition){.slo = slo,
                                     .objective_name = "",
                                     .service = service,
                                     .at_us = at_us,
                                     .kind = kind,
                                     .notify = kind != ALERT_EVENT_COOL,
                                     .severity = severity,
                                     .since_us = at_us};
}

static const char *a_service[] = {"agents"}, *a_slo[] = {"batch"};

/* Opened at T0, about a service and an SLO of another one. */
static struct incident about(int64_t id)
{
    return (struct incident){.id = id,
                             .title = "",
                             .opened_us = T0,
                             .opened_by = "",
                             .closed_by = "",
                             .slos = {a_slo, 1},
                             .services = {a_service, 1}};
}

static void only_a_sent_page_opens(void **state)
{
    (void)state;
    struct alert_transition t = moved("a", "s", T0, ALERT_EVENT_FIRE, SEVERITY_PAGE);
    assert_true(incident_may_open(&t));
    t.kind = ALERT_EVENT_ESCALATE;
    assert_true(incident_may_open(&t));
    t.notify = false; /* muted */
    assert_true(incident_may_join(&t) && !incident_may_open(&t));
    t = moved("a", "s", T0, ALERT_EVENT_FIRE, SEVERITY_TICKET);
    assert_true(incident_may_join(&t) && !incident_may_open(&t));
    const enum alert_event_kind others[] = {ALERT_EVENT_DEESCALATE, ALERT_EVENT_COOL,
                                            ALERT_EVENT_REFIRE,     ALERT_EVENT_RESOLVE,
                                            ALERT_EVENT_PEND,       ALERT_EVENT_CALM};
    for (size_t i = 0; i < countof(others); i++) {
        t = moved("a", "s", T0, others[i], SEVERITY_PAGE);
        assert_false(incident_may_join(&t));
    }
}

static void takes_what_it_is_about(void **state)
{
    static const struct {
        const char *slo, *service;
        int64_t at_us;
        bool takes;
    } cases[] = {
        {"api", "agents", T0 + 100 * MIN, true},    /* its service, whenever */
        {"batch", "other", T0 + 100 * MIN, true},   /* its SLO */
        {"x", "other", T0 + 5 * MIN, true},         /* together with it */
        {"x", "other", T0 + 5 * MIN + 1, false},    /* later */
        {"x", "", T0 + 6 * MIN, false},             /* no service is none of its own */
        {"x", "other", T0 - 5 * MIN, true},         /* just before it */
        {"x", "other", T0 - 5 * MIN - 1, false},    /* long before it */
        {"api", "agents", T0 - 5 * MIN - 1, false}, /* also of its service */
    };
    (void)state;
    struct incident in = about(1);
    for (size_t i = 0; i < countof(cases); i++) {
        struct alert_transition t = moved(cases[i].slo, cases[i].service, cases[i].at_us,
                                          ALERT_EVENT_FIRE, SEVERITY_TICKET);
        if (incident_takes(&in, &t) != cases[i].takes)
            fail_msg("case %zu", i);
    }
    in.began_us = T0 - 60 * MIN; /* a person says so */
    struct alert_transition t =
        moved("x", "other", T0 - 65 * MIN, ALERT_EVENT_FIRE, SEVERITY_TICKET);
    assert_true(incident_takes(&in, &t));
    t.at_us--;
    assert_false(incident_takes(&in, &t));
    t.at_us = T0 - 30 * MIN; /* neither when it began nor when it was opened */
    assert_false(incident_takes(&in, &t));
    t.service = "agents";
    assert_true(incident_takes(&in, &t));
}

static void a_closed_one_is_opened_again(void **state)
{
    (void)state;
    struct incident in = about(1);
    struct alert_transition page =
        moved("api", "agents", T0 + 25 * MIN, ALERT_EVENT_FIRE, SEVERITY_PAGE);
    in.closed_us = T0 + 10 * MIN;
    assert_true(incident_takes(&in, &page));
    page.at_us++;
    assert_false(incident_takes(&in, &page)); /* too late */
    page.at_us--;
    page.severity = SEVERITY_TICKET;
    assert_false(incident_takes(&in, &page));
    page.severity = SEVERITY_PAGE;
    page.service = "other"; /* that it came just then is no reason */
    assert_false(incident_takes(&in, &page));
    page.service = "agents";
    in.closed_by = "anna";
    assert_false(incident_takes(&in, &page));
    in.closed_by = "";
    in.opened_by = "anna";
    assert_false(incident_takes(&in, &page));
}

static void the_nearest_one_is_chosen(void **state)
{
    (void)state;
    struct incident list[4] = {about(1), about(2), about(3), about(4)};
    struct alert_transition t =
        moved("api", "agents", T0 + 2 * MIN, ALERT_EVENT_FIRE, SEVERITY_PAGE);
    list[2].services.n = list[3].services.n = 0; /* only at the same time */
    list[0].closed_us = T0 + MIN;
    assert_int_equal(incident_of(list, 4, &t)->id, 2);
    assert_int_equal(incident_of(list + 2, 2, &t)->id, 4);
    assert_int_equal(incident_of(list, 1, &t)->id, 1);
    assert_null(incident_of(list, 0, &t));
    t.service = "other";
    assert_null(incident_of(list, 1, &t));
}

static void an_alert_lives(void **state)
{
    (void)state;
    struct alert_transition t = moved("a", "s", T0, ALERT_EVENT_FIRE, SEVERITY_TICKET);
    t.notify = false;
    t.tier.long_us = 60 * MIN;
    t.tier.short_us = 5 * MIN;
    struct incident_alert a = incident_alert_begin(&t);
    assert_true(a.told_us == 0 && a.severity == SEVERITY_TICKET && a.fired_us == T0);
    assert_true(a.long_us == 60 * MIN && a.short_us == 5 * MIN);
    assert_string_equal(a.condition, "");
    t = moved("a", "s", T0 + MIN, ALERT_EVENT_ESCALATE, SEVERITY_PAGE);
    incident_alert_step(&a, &t);
    assert_true(a.told_us == T0 + MIN && a.severity == SEVERITY_PAGE);
    t = moved("a", "s", T0 + 2 * MIN, ALERT_EVENT_COOL, SEVERITY_PAGE);
    incident_alert_step(&a, &t);
    assert_true(a.cleared_us == T0 + 2 * MIN && a.resolved_us == 0);
    t = moved("a", "s", T0 + 3 * MIN, ALERT_EVENT_REFIRE, SEVERITY_PAGE);
    incident_alert_step(&a, &t);
    assert_true(a.cleared_us == 0);
    t = moved("a", "s", T0 + 4 * MIN, ALERT_EVENT_COOL, SEVERITY_PAGE);
    incident_alert_step(&a, &t);
    struct incident_alert cools = a;
    t = moved("a", "s", T0 + 9 * MIN, ALERT_EVENT_RESOLVE, SEVERITY_PAGE);
    incident_alert_step(&a, &t);
    assert_true(a.cleared_us == T0 + 4 * MIN && a.resolved_us == T0 + 9 * MIN);

    /* A page that is a ticket from now on is over; that goes on by itself. */
    a = cools;
    t = moved("a", "s", T0 + 5 * MIN, ALERT_EVENT_REFIRE, SEVERITY_PAGE);
    incident_alert_step(&a, &t);
    t = moved("a", "s", T0 + 6 * MIN, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET);
    incident_alert_step(&a, &t);
    assert_int_equal(a.severity, SEVERITY_PAGE);
    assert_true(a.cleared_us == T0 + 6 * MIN && a.resolved_us == T0 + 6 * MIN);
    t = moved("a", "s", T0 + 60 * MIN, ALERT_EVENT_COOL, SEVERITY_TICKET);
    incident_alert_step(&a, &t);
    t = moved("a", "s", T0 + 65 * MIN, ALERT_EVENT_RESOLVE, SEVERITY_TICKET);
    incident_alert_step(&a, &t);
    assert_true(a.cleared_us == T0 + 6 * MIN && a.resolved_us == T0 + 6 * MIN);
    t = moved("a", "s", T0 + 7 * MIN, ALERT_EVENT_ESCALATE, SEVERITY_PAGE);
    incident_alert_step(&a, &t);
    assert_true(a.cleared_us == 0 && a.resolved_us == 0);

    /* Nobody was told that it is a ticket, so it is a page to people until they are. */
    t = moved("a", "s", T0 + 8 * MIN, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET);
    t.notify = false;
    t.state.told = SEVERITY_PAGE;
    incident_alert_step(&a, &t);
    assert_true(a.cleared_us == 0 && a.resolved_us == 0);
    t = moved("a", "s", T0 + 9 * MIN, ALERT_EVENT_DEESCALATE, SEVERITY_TICKET);
    t.state.told = SEVERITY_TICKET;
    incident_alert_step(&a, &t);
    assert_true(a.cleared_us == T0 + 9 * MIN && a.resolved_us == T0 + 9 * MIN);
}

static void titles(void **state)
{
    char buf[INCIDENT_TITLE_MAX + 1];
    (void)state;
    struct alert_transition t = {.slo = "api", .objective_name = ""};
    incident_title(&t, buf, sizeof(buf));
    assert_string_equal(buf, "api");
    t.objective_name = "goal";
    incident_title(&t, buf, sizeof(buf));
    assert_string_equal(buf, "api / goal");
    t.condition = "failures";
    t.objective_name = "3/5";
    incident_title(&t, buf, sizeof(buf));
    assert_string_equal(buf, "failures of api 3/5");
    t = (struct alert_transition){.condition = "prober_down", .slo = "", .objective_name = ""};
    incident_title(&t, buf, sizeof(buf));
    assert_string_equal(buf, "prober_down");
}

/* ---- times ------------------------------------------------------------------------- */

static void assert_times(const struct incident *in, int64_t alerts_began, int64_t began,
                         int64_t detected, int64_t restored)
{
    struct incident_times t = incident_times(in, alerts_began);
    assert_int_equal(t.began_us, began);
    assert_int_equal(t.detected_us, detected);
    assert_int_equal(t.restored_us, restored);
    assert_int_equal(t.detect_us, !began || !detected ? -1
                                  : detected > began  ? detected - began
                                                      : 0);
    assert_int_equal(t.restore_us, began && restored ? restored - began : -1);
}

static void times_of_one_that_alerts_opened(void **state)
{
    (void)state;
    struct incident_alert alerts[2] = {{.told_us = T0 + MIN}, {.told_us = 0}};
    struct incident in = about(1);
    in.alerts = alerts;
    in.alert_count = 2;
    assert_times(&in, T0 - 3 * MIN, T0 - 3 * MIN, T0 + MIN, 0);
    assert_true(incident_times(&in, 0).alerted);
    assert_times(&in, 0, 0, T0 + MIN, 0); /* no window tells */
    alerts[0].cleared_us = T0 + 20 * MIN;
    alerts[1].cleared_us = T0 + 30 * MIN;
    in.closed_us = T0 + 35 * MIN;
    assert_times(&in, T0, T0, T0 + MIN, T0 + 30 * MIN); /* not the cooling after it */
    alerts[0].severity = SEVERITY_PAGE;                 /* beside a ticket */
    assert_times(&in, T0, T0, T0 + MIN, T0 + 20 * MIN);
    alerts[1].severity = SEVERITY_PAGE;
    in.restored_us = T0 + 22 * MIN; /* a person knows better */
    assert_times(&in, T0, T0, T0 + MIN, T0 + 22 * MIN);
    in.restored_us = 0;
    alerts[1].cleared_us = 0; /* closed by hand while it burned */
    assert_times(&in, T0, T0, T0 + MIN, T0 + 35 * MIN);
}

static void times_of_one_that_a_person_opened(void **state)
{
    (void)state;
    struct incident in = about(1);
    in.opened_by = "anna";
    assert_times(&in, 0, T0, T0, 0); /* who opens one sees it */
    assert_false(incident_times(&in, 0).alerted);
    in.began_us = T0 - 30 * MIN;
    assert_times(&in, 0, T0 - 30 * MIN, T0, 0);
    in.closed_us = T0 + MIN;
    assert_times(&in, 0, T0 - 30 * MIN, T0, T0 + MIN);
    in.restored_us = T0 - 10 * MIN; /* it was over before she wrote it down */
    assert_times(&in, 0, T0 - 30 * MIN, 0, T0 - 10 * MIN);
    in.detected_us = T0 - 25 * MIN;
    assert_times(&in, 0, T0 - 30 * MIN, T0 - 25 * MIN, T0 - 10 * MIN);
    struct incident_alert alert = {.told_us = T0 - 28 * MIN};
    in.alerts = &alert;
    in.alert_count = 1;
    assert_times(&in, T0 - 40 * MIN, T0 - 30 * MIN, T0 - 28 * MIN, T0 - 10 * MIN);
    in.began_us = 0;
    assert_times(&in, T0 - 40 * MIN, T0 - 40 * MIN, T0 - 28 * MIN, T0 - 10 * MIN);
    in.began_us = T0 - 20 * MIN; /* told before that: at once */
    assert_times(&in, 0, T0 - 20 * MIN, T0 - 28 * MIN, T0 - 10 * MIN);
}

static void means(void **state)
{
    (void)state;
    int64_t spans[] = {5, 1, 100, 2};
    struct incident_mean m = incident_mean(spans, 0);
    assert_true(m.n == 0 && m.mean_us == -1 && m.median_us == -1);
    m = incident_mean(spans, 1);
    assert_true(m.n == 1 && m.mean_us == 5 && m.median_us == 5);
    m = incident_mean(spans, 3);
    assert_true(m.mean_us == 35 && m.median_us == 5);
    m = incident_mean(spans, 4);
    assert_true(m.mean_us == 27 && m.median_us == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_sent_page_opens),
        cmocka_unit_test(takes_what_it_is_about),
        cmocka_unit_test(a_closed_one_is_opened_again),
        cmocka_unit_test(the_nearest_one_is_chosen),
        cmocka_unit_test(an_alert_lives),
        cmocka_unit_test(titles),
        cmocka_unit_test(times_of_one_that_alerts_opened),
        cmocka_unit_test(times_of_one_that_a_person_opened),
        cmocka_unit_test(means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
