/* What receivers are told of an alert, held against files that people have read. */
#include "engine/alert_text.h"

#include "base/mem.h"
#include "model/message.h"
#include "slo/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define T0 1795255200000000LL /* 2026-11-21T10:00:00Z */

static struct pair slo_labels[] = {{.key = "severity", .value = "none"},
                                   {.key = "team", .value = "platform"}};
static struct pair probe_labels[] = {{.key = "region", .value = "eu"},
                                     {.key = "team", .value = "web"}};

static const struct probe_def probe = {.id = "api-health", .labels = {probe_labels, 2}};

static const struct slo_def slo = {.name = "api's",
                                   .objective_name = "",
                                   .service = "agent-api",
                                   .description = "Answers of the agents' API.",
                                   .runbook = "https://wiki.example/api",
                                   .target = {999, 3},
                                   .window.text = "30d",
                                   .probe = &probe,
                                   .sli.probe = "api-health",
                                   .labels = {slo_labels, 2}};

static const struct report_reason reasons[] = {{REASON_STATUS, 12}, {REASON_CONNECT, 3}};
static const struct report_failure failure = {T0 - 5 * USEC_PER_SEC, REASON_STATUS, 503,
                                              "status is 503\nnot \x1b[31m200"};
static const struct alert_probe probes[] = {{"api-health", reasons, 2, &failure},
                                            {"api-ready", NULL, 0, NULL}};
static const struct annotation deploy = {T0 - USEC_PER_HOUR, "deploy", "api-health",
                                         "1.0.0 -> 1.1.0",   false,    0};

static struct slo_view view_of(const struct slo_def *def)
{
    struct slo_view v = {.def = def};
    v.use = budget_use_make((struct counts){.good = 99956, .bad = 44}, def->target, 1);
    return v;
}

static struct alert_transition moves(enum alert_event_kind kind, enum severity severity)
{
    return (struct alert_transition){
        .slo = slo.name,
        .objective_name = "",
        .service = "agent-api",
        .at_us = T0 + 20 * USEC_PER_MIN,
        .kind = kind,
        .notify = true,
        .severity = severity,
        .since_us = T0,
        .tier = {severity, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
        .long_burn = 16.194332,
        .short_burn = 148.148148};
}

static const struct alert_facts all_facts = {.probes = probes,
                                             .probe_count = 2,
                                             .deploy = &deploy,
                                             .exhausts_at_us = T0 + USEC_PER_DAY,
                                             .has_lost = true,
                                             .lost = 17,
                                             .lost_ratio = 0.17,
                                             .incident = 7,
                                             .dashboard_url = "https://nines.example/slo/api",
                                             .generator_url = "https://nines.example/"};

static void add_map(struct str *out, const char *name, const struct string_map *m)
{
    for (size_t i = 0; i < m->n; i++) {
        assert_true(i == 0 || strcmp(m->at[i - 1].key, m->at[i].key) < 0);
        str_addf(out, "  %s %s: ", name, m->at[i].key);
        message_quote(m->at[i].value, strlen(m->at[i].value), out);
        str_addc(out, '\n');
    }
}

static void print_alerts(struct str *out, const char *title, const struct message_alert *alerts,
                         size_t n)
{
    str_addf(out, "%s\n", title);
    for (size_t i = 0; i < n; i++) {
        const struct message_alert *m = &alerts[i];
        str_addf(out, " %s %lld %lld %s\n", m->firing ? "firing" : "resolved",
                 (long long)(m->starts_us - T0) / USEC_PER_SEC,
                 m->ends_us ? (long long)(m->ends_us - T0) / USEC_PER_SEC : 0, m->generator_url);
        add_map(out, "label", &m->labels);
        add_map(out, "annotation", &m->annotations);
        assert_int_equal(strlen(m->fingerprint), 16);
    }
}

static void tell(struct str *out, const char *title, const struct slo_def *def,
                 struct alert_transition t, const struct alert_facts *facts)
{
    struct arena a = {0};
    struct message_alert alerts[ALERT_TEXT_MAX];
    struct slo_view v = view_of(def);
    struct severity_labels names = SEVERITY_LABELS_DEFAULT;
    size_t n = alert_text(&v, &t, facts, &names, &a, alerts);
    print_alerts(out, title, alerts, n);
    arena_release(&a);
}

static void tell_condition(struct str *out, const char *title, struct condition c,
                           struct condition_subject who, enum alert_event_kind kind,
                           const struct alert_facts *facts)
{
    const int64_t at = T0 + 20 * USEC_PER_MIN;
    const struct condition_view v = {
        .data_us = at - 7 * USEC_PER_MIN,
        .listens_us = T0 - USEC_PER_DAY,
        .interval_us = USEC_PER_MIN,
        .failing_us = kind == ALERT_EVENT_DEESCALATE ? 0 : at - 45 * USEC_PER_SEC,
        .gap_from_us = at - USEC_PER_HOUR,
        .gap_to_us = at - 10 * USEC_PER_SEC,
        .cert_not_after_us = at + c.within_us,
        .use = view_of(&slo).use};
    struct arena a = {0};
    struct message_alert alerts[ALERT_TEXT_MAX];
    struct severity_labels names = SEVERITY_LABELS_DEFAULT;
    struct alert_transition t = {.at_us = at,
                                 .since_us = kind == ALERT_EVENT_FIRE ? at : T0,
                                 .kind = kind,
                                 .severity = kind == ALERT_EVENT_DEESCALATE
                                                 ? SEVERITY_TICKET
                                                 : condition_info(c.kind)->severity};
    size_t n = condition_text(&c, &who, &v, &t, facts, &names, &a, alerts);
    print_alerts(out, title, alerts, n);
    arena_release(&a);
}

static void tell_conditions(struct str *out)
{
    const struct alert_facts none = {0};
    const struct condition_subject of_slo = {&slo, NULL}, of_probe = {NULL, &probe}, us = {0};
    tell_condition(out, "silent", (struct condition){.kind = CONDITION_NO_DATA}, of_slo,
                   ALERT_EVENT_FIRE, &none);
    tell_condition(out, "heard again", (struct condition){.kind = CONDITION_NO_DATA}, of_slo,
                   ALERT_EVENT_RESOLVE, &none);
    tell_condition(out, "cannot store", (struct condition){.kind = CONDITION_PROBER_DOWN}, us,
                   ALERT_EVENT_FIRE, &none);
    tell_condition(out, "was down", (struct condition){.kind = CONDITION_PROBER_DOWN}, us,
                   ALERT_EVENT_DEESCALATE, &none);
    tell_condition(out, "fails",
                   (struct condition){.kind = CONDITION_FAILURES, .failures = 3, .of = 5}, of_probe,
                   ALERT_EVENT_FIRE, &all_facts);
    tell_condition(
        out, "ends",
        (struct condition){.kind = CONDITION_CERTIFICATE, .within_us = 13 * USEC_PER_DAY}, of_probe,
        ALERT_EVENT_FIRE, &none);
    tell_condition(out, "has ended", (struct condition){.kind = CONDITION_CERTIFICATE}, of_probe,
                   ALERT_EVENT_FIRE, &none);
    tell_condition(out, "spent",
                   (struct condition){.kind = CONDITION_BUDGET_SPENT, .spent = {4, 1}}, of_slo,
                   ALERT_EVENT_FIRE, &none);
}

static void as_in_the_file(void **state)
{
    const struct alert_facts none = {0};
    struct slo_def bare = {.name = "b",
                           .objective_name = "fast \"p\"",
                           .service = "s",
                           .target = {99, 2},
                           .window.text = "1d",
                           .sli.probe = "p"};
    struct str got;
    (void)state;
    str_init(&got, 1 << 20);
    tell(&got, "fire", &slo, moves(ALERT_EVENT_FIRE, SEVERITY_PAGE), &all_facts);
    tell(&got, "escalate", &slo, moves(ALERT_EVENT_ESCALATE, SEVERITY_PAGE), &none);
    tell(&got, "deescalate", &slo, moves(ALERT_EVENT_DEESCALATE, SEVERITY_TICKET), &none);
    tell(&got, "resolve", &slo, moves(ALERT_EVENT_RESOLVE, SEVERITY_TICKET), &all_facts);
    struct alert_transition t = moves(ALERT_EVENT_FIRE, SEVERITY_TICKET);
    t.slo = bare.name;
    t.objective_name = bare.objective_name;
    t.service = bare.service;
    t.tier = (struct tier_def){0};
    tell(&got, "bare", &bare, t, &none);
    tell_conditions(&got);
    const char *path = GOLDEN_TEXT;
    if (getenv("NINES_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fputs(got.buf, f);
        fclose(f);
    }
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    mem_auto char *want = mem_alloc(1 << 16);
    size_t n = fread(want, 1, (1 << 16) - 1, f);
    fclose(f);
    want[n] = '\0';
    assert_string_equal(got.buf, want);
    str_release(&got);
}

/* Wherever the address is said: an SLO's own is the one that people get. */
static void shows_its_own_dashboard(void **state)
{
    struct arena a = {0};
    struct slo_def own = slo;
    struct slo_view v = view_of(&own);
    struct message_alert alerts[ALERT_TEXT_MAX];
    struct severity_labels names = SEVERITY_LABELS_DEFAULT;
    struct alert_transition t = moves(ALERT_EVENT_ESCALATE, SEVERITY_PAGE);
    const struct condition_view seen = {.use = v.use};
    const struct condition silent = {.kind = CONDITION_NO_DATA};
    (void)state;
    own.dashboard = "https://boards.example/api";
    size_t n = alert_text(&v, &t, &all_facts, &names, &a, alerts);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(message_label(&alerts[i].annotations, "dashboard_url"), own.dashboard);
    t.kind = ALERT_EVENT_FIRE;
    condition_text(&silent, &(struct condition_subject){&own, NULL}, &seen, &t, &all_facts, &names,
                   &a, alerts);
    assert_string_equal(message_label(&alerts[0].annotations, "dashboard_url"), own.dashboard);
    condition_text(&silent, &(struct condition_subject){NULL, &probe}, &seen, &t, &all_facts,
                   &names, &a, alerts);
    assert_string_equal(message_label(&alerts[0].annotations, "dashboard_url"),
                        all_facts.dashboard_url);
    arena_release(&a);
}

/* The label sets of what ends and what begins differ by severity alone, and what a
 * resolve names is what fired. */
static void ends_what_it_began(void **state)
{
    struct arena a = {0};
    struct slo_view v = view_of(&slo);
    struct severity_labels names = SEVERITY_LABELS_DEFAULT, one = {"bad", "bad"};
    struct message_alert fire[ALERT_TEXT_MAX], up[ALERT_TEXT_MAX], over[ALERT_TEXT_MAX];
    struct alert_transition t = moves(ALERT_EVENT_FIRE, SEVERITY_TICKET);
    (void)state;
    assert_int_equal(alert_text(&v, &t, &all_facts, &names, &a, fire), 1);
    t = moves(ALERT_EVENT_ESCALATE, SEVERITY_PAGE);
    assert_int_equal(alert_text(&v, &t, &all_facts, &names, &a, up), 2);
    assert_string_equal(up[0].fingerprint, fire[0].fingerprint);
    assert_false(up[0].firing);
    assert_int_equal(up[0].ends_us, t.at_us);
    assert_true(up[1].firing);
    assert_string_not_equal(up[1].fingerprint, up[0].fingerprint);
    t = moves(ALERT_EVENT_RESOLVE, SEVERITY_PAGE);
    assert_int_equal(alert_text(&v, &t, &all_facts, &names, &a, over), 1);
    assert_string_equal(over[0].fingerprint, up[1].fingerprint);
    /* Both severities by one word are one alert. */
    t = moves(ALERT_EVENT_ESCALATE, SEVERITY_PAGE);
    assert_int_equal(alert_text(&v, &t, &all_facts, &one, &a, up), 1);
    assert_true(up[0].firing);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_in_the_file),
        cmocka_unit_test(shows_its_own_dashboard),
        cmocka_unit_test(ends_what_it_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
