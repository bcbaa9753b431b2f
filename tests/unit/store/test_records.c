/* Each kind of record comes back as it was pushed, also after a restart. */
#include "fixture.h"

#include "base/mem.h"
#include "base/str.h"
#include "slo/expected.h"
#include "slo/hours.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MIN USEC_PER_MIN

/* ---- alerts -------------------------------------------------------------------- */

static struct alert_transition transition(const char *slo, int64_t at_us)
{
    return (struct alert_transition){
        .slo = slo,
        .objective_name = "fast",
        .service = "agent-api",
        .at_us = at_us,
        .kind = ALERT_EVENT_ESCALATE,
        .notify = true,
        .severity = SEVERITY_PAGE,
        .since_us = at_us - 9,
        .state = {ALERT_FIRING, SEVERITY_PAGE, at_us - 7, at_us - 5, at_us, 0x80000005},
        .tier = {SEVERITY_TICKET, USEC_PER_HOUR, 5 * USEC_PER_MIN, {144, 1}, 2},
        .long_counts = {100, 20, 3},
        .short_counts = {10, 9, 1},
        .long_expected = 240,
        .short_expected = 20,
        .long_burn = 83.25,
        .short_burn = 450.5,
    };
}

struct seen {
    struct alert_transition at[4];
    char slo[4][32], condition[4][32];
    size_t n, stop_after;
};

static bool see(void *ctx, const struct alert_transition *t)
{
    struct seen *s = ctx;
    s->at[s->n] = *t;
    str_copy(s->slo[s->n], sizeof(s->slo[0]), t->slo);
    str_copy(s->condition[s->n], sizeof(s->condition[0]), t->condition);
    assert_string_equal(t->objective_name, "fast");
    assert_string_equal(t->service, "agent-api");
    return ++s->n != s->stop_after;
}

static void check_state(const struct alert_state *got, const struct alert_state *want)
{
    assert_int_equal(got->phase, want->phase);
    assert_int_equal(got->severity, want->severity);
    assert_int_equal(got->since_us, want->since_us);
    assert_int_equal(got->cooling_since_us, want->cooling_since_us);
    assert_int_equal(got->evaluated_us, want->evaluated_us);
    assert_int_equal(got->firing, want->firing);
}

static void check_transition(const struct alert_transition *got,
                             const struct alert_transition *want)
{
    assert_int_equal(got->at_us, want->at_us);
    assert_int_equal(got->kind, want->kind);
    assert_int_equal(got->notify, want->notify);
    assert_int_equal(got->severity, want->severity);
    assert_int_equal(got->since_us, want->since_us);
    check_state(&got->state, &want->state);
    assert_int_equal(got->tier.severity, want->tier.severity);
    assert_int_equal(got->tier.long_us, want->tier.long_us);
    assert_int_equal(got->tier.short_us, want->tier.short_us);
    assert_int_equal(decimal_cmp(got->tier.factor, want->tier.factor), 0);
    assert_int_equal(got->tier.min_failures, want->tier.min_failures);
    assert_memory_equal(&got->long_counts, &want->long_counts, sizeof(got->long_counts));
    assert_memory_equal(&got->short_counts, &want->short_counts, sizeof(got->short_counts));
    assert_int_equal(got->long_expected, want->long_expected);
    assert_int_equal(got->short_expected, want->short_expected);
    assert_true(got->long_burn == want->long_burn && got->short_burn == want->short_burn);
}

static void transitions_come_back(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct alert_transition a = transition("a", T0), b = transition("b", T0 + 10);
    store_push_transition(f.store, &a);
    store_push_transition(f.store, &b);
    fixture_close(&f); /* commits */
    struct store_reader *r = fixture_reader(&f);
    struct seen s = {0};
    assert_int_equal(store_reader_transitions(r, NULL, T0, T0 + 11, see, &s, NULL), 0);
    assert_int_equal(s.n, 2);
    check_transition(&s.at[0], &a);
    check_transition(&s.at[1], &b);
    s = (struct seen){0};
    assert_int_equal(store_reader_transitions(r, "b", 0, INT64_MAX, see, &s, NULL), 0);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.slo[0], "b");
    s = (struct seen){0};
    assert_int_equal(store_reader_transitions(r, NULL, T0, T0 + 10, see, &s, NULL), 0);
    assert_int_equal(s.n, 1);
    s = (struct seen){.stop_after = 1};
    assert_int_equal(store_reader_transitions(r, NULL, 0, INT64_MAX, see, &s, NULL), 0);
    assert_int_equal(s.n, 1);

    struct alert_state st;
    assert_int_equal(store_reader_alert(r, "", "b", "fast", &st, NULL), 0);
    check_state(&st, &b.state);
    assert_int_equal(store_reader_alert(r, "", "b", "", &st, NULL), 0);
    assert_int_equal(st.phase, ALERT_INACTIVE);
    assert_int_equal(st.evaluated_us, 0);
    store_reader_free(r);
    fixture_release(&f);
}

static void an_alert_is_of_its_condition(void **state)
{
    (void)state;
    struct fixture f;
    struct alert_state st;
    fixture_init(&f);
    fixture_open(&f);
    struct alert_transition a = transition("a", T0), b = transition("a", T0 + 10);
    b.condition = "failures";
    b.state.phase = ALERT_PENDING;
    store_push_transition(f.store, &a);
    store_push_transition(f.store, &b);
    fixture_close(&f);
    struct store_reader *r = fixture_reader(&f);
    struct seen s = {0};
    assert_int_equal(store_reader_transitions(r, "a", 0, INT64_MAX, see, &s, NULL), 0);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.condition[0], "");
    assert_string_equal(s.condition[1], "failures");
    s = (struct seen){0};
    assert_int_equal(store_reader_alerts(r, see, &s, NULL), 0);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.condition[0], "");
    assert_string_equal(s.condition[1], "failures");
    assert_int_equal(store_reader_alert(r, NULL, "a", "fast", &st, NULL), 0);
    check_state(&st, &a.state);
    assert_int_equal(store_reader_alert(r, "failures", "a", "fast", &st, NULL), 0);
    check_state(&st, &b.state);
    assert_int_equal(store_reader_alert(r, "no_data", "a", "fast", &st, NULL), 0);
    assert_int_equal(st.phase, ALERT_INACTIVE);
    store_reader_free(r);
    fixture_release(&f);
}

/* ---- definitions --------------------------------------------------------------- */

static void push_with_hours(struct fixture *f, const char *text, int64_t at_us)
{
    struct probe_def def = probe_def("api", 15 * USEC_PER_SEC);
    struct hours *h = NULL;
    assert_true(!text || hours_parse(text, &h, NULL) == 0);
    def.hours = h;
    store_push_probe(f->store, 0, &def, at_us);
    hours_unref(h);
}

static void service_hours_are_part_of_a_schedule(void **state)
{
    static const char office[] = "Europe/Berlin mon-fri 08:00-18:00";
    struct fixture f;
    struct store_probe p;
    (void)state;
    fixture_init(&f);
    fixture_open(&f);
    push_with_hours(&f, NULL, T0);
    push_with_hours(&f, office, T0 + 1);
    push_with_hours(&f, office, T0 + 2);
    fixture_close(&f);
    fixture_open(&f); /* what is in the file counts as well */
    push_with_hours(&f, office, T0 + 3);
    push_with_hours(&f, "UTC daily 08:00-18:00", T0 + 4);
    push_with_hours(&f, NULL, T0 + 5);
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_probe(r, "api", &p, NULL), 1);
    assert_int_equal(p.revision_count, 4);
    assert_null(p.revisions[0].hours);
    assert_int_equal(p.revisions[1].since_us, T0 + 1);
    assert_string_equal(hours_text(p.revisions[1].hours), office);
    assert_int_equal(p.revisions[2].since_us, T0 + 4);
    assert_string_equal(hours_text(p.revisions[2].hours), "UTC daily 08:00-18:00");
    assert_null(p.revisions[3].hours);
    revisions_free(p.revisions, p.revision_count);
    /* What nobody can have written is told. */
    struct err err;
    fixture_sql(&f, "UPDATE probe_revision SET hours = 'UTC never' WHERE hours LIKE 'UTC%'");
    assert_int_equal(store_reader_probe(r, "api", &p, &err), -1);
    assert_non_null(strstr(err.msg, "days"));
    store_reader_free(r);
    fixture_release(&f);
}

static void revisions_are_kept_when_they_change(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct probe_def def = probe_def("p", 15 * USEC_PER_SEC);
    store_push_probe(f.store, 0, &def, T0);
    store_push_probe(f.store, 0, &def, T0 + 1); /* unchanged: no revision */
    fixture_close(&f);
    fixture_open(&f);
    store_push_probe(f.store, 5, &def, T0 + 2);
    def.interval_us = 30 * USEC_PER_SEC;
    store_push_probe(f.store, 5, &def, T0 + 3);
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    struct store_probe p;
    assert_int_equal(store_reader_probe(r, "p", &p, NULL), 1);
    assert_int_equal(p.revision_count, 2);
    assert_int_equal(p.revisions[0].since_us, T0);
    assert_int_equal(p.revisions[0].interval_us, 15 * USEC_PER_SEC);
    assert_int_equal(p.revisions[1].since_us, T0 + 3);
    assert_int_equal(p.revisions[1].interval_us, 30 * USEC_PER_SEC);
    assert_int_equal(p.revisions[1].phase_us, def.phase_us);
    assert_int_equal(p.revisions[1].timeout_us, def.timeout_us);
    assert_int_equal(p.first_event_us, INT64_MAX);
    assert_int_equal(p.last_slot_us, INT64_MIN);
    free(p.revisions);
    store_reader_free(r);
    fixture_release(&f);
}

static void a_renamed_probe_keeps_its_history(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct probe_def def = probe_def("old", USEC_PER_SEC);
    struct sli_def sli = sli_def("old", 0, "old"), renamed = sli_def("new", 0, "new");
    struct result x = result_at(T0, OUTCOME_GOOD, REASON_NONE, 5);
    store_push_probe(f.store, 0, &def, T0);
    store_push_sli(f.store, &sli);
    push_result(f.store, 0, &x);
    store_push_heartbeat(f.store, T0 + USEC_PER_HOUR, T0 + USEC_PER_HOUR);
    fixture_settle(&f);
    def.id = "new";
    def.renamed_from = "old";
    store_push_probe(f.store, 1, &def, T0 + USEC_PER_HOUR);
    store_push_sli(f.store, &renamed);
    x.slot_us += 1;
    push_result(f.store, 1, &x);
    fixture_settle(&f);
    struct store_reader *r = fixture_reader(&f);
    struct counts c;
    assert_int_equal(store_reader_counts(r, &renamed, 0, INT64_MAX / 2, &c, NULL), 0);
    assert_int_equal(c.good, 2);
    assert_int_equal(store_reader_counts(r, &sli, 0, INT64_MAX / 2, &c, NULL), 0);
    assert_int_equal(c.good, 0);
    store_reader_free(r);
    fixture_release(&f);
}

static void an_slo_is_as_old_as_its_first_revision(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct slo_def slo = {.name = "s",
                          .objective_name = "",
                          .target = {999, 3},
                          .window = {.text = "30d"},
                          .content = UINT64_MAX,
                          .sli = sli_def("p", 0, "p")};
    store_push_slo(f.store, &slo, T0);
    store_push_slo(f.store, &slo, T0 + 5);
    slo.content = 2;
    store_push_slo(f.store, &slo, T0 + 9);
    fixture_flush(&f);
    assert_int_equal(fixture_sql(&f, "SELECT min(since) FROM slo_revision WHERE slo = 's'"), T0);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM slo_revision"), 2);
    fixture_release(&f);
}

static struct slo_target *targets_of(struct fixture *f, const char *objective, size_t *ret_n)
{
    struct slo_target *t;
    struct store_reader *r = fixture_reader(f);
    assert_int_equal(store_reader_slo_targets(r, "s", objective, &t, ret_n, NULL), 0);
    store_reader_free(r);
    return t;
}

static void assert_target(const struct slo_target *t, int64_t since_us, struct decimal target)
{
    assert_int_equal(t->since_us, since_us);
    assert_int_equal(decimal_cmp(t->target, target), 0);
}

/* Restarts and changes of anything else are no change of the target, and nor is one
 * that did not outlive its minute. */
static void targets_are_known_by_the_minute(void **state)
{
    (void)state;
    static const struct {
        int64_t at_us;
        struct decimal target;
    } pushes[] = {
        {T0 + 50, {999, 3}},
        {T0 + 3 * MIN, {999, 3}},
        {T0 + 5 * MIN + 20, {99, 2}},
        {T0 + 7 * MIN + 20, {990, 3}}, /* the same, written otherwise */
        {T0 + 9 * MIN, {5, 1}},
        {T0 + 9 * MIN + 30 * USEC_PER_SEC, {99, 2}},
        {T0 + 11 * MIN - 1, {9, 1}},
        {T0 + 10 * MIN, {95, 2}}, /* the clock was set back */
    };
    struct fixture f;
    size_t n;
    fixture_init(&f);
    fixture_open(&f);
    struct slo_def slo = {.name = "s", .objective_name = "a", .sli = sli_def("p", 0, "p")};
    for (size_t i = 0; i < countof(pushes); i++) {
        slo.content = i;
        slo.target = pushes[i].target;
        store_push_slo(f.store, &slo, pushes[i].at_us);
        if (i == 3) {
            fixture_flush(&f);
            fixture_close(&f);
            fixture_open(&f);
        }
    }
    fixture_flush(&f);
    struct slo_target *t = targets_of(&f, "a", &n);
    assert_int_equal(n, 3);
    assert_target(&t[0], T0, (struct decimal){999, 3});
    assert_target(&t[1], T0 + 5 * MIN, (struct decimal){99, 2});
    assert_target(&t[2], T0 + 10 * MIN, (struct decimal){95, 2});
    free(t);
    free(targets_of(&f, "b", &n));
    assert_int_equal(n, 0);
    fixture_release(&f);
}

/* One key, another meaning: rollups of the old one must not be believed. */
static void a_redefined_sli_is_counted_anew(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct probe_def def = probe_def("p", USEC_PER_SEC);
    struct sli_def sli = sli_def("p", 0, "key");
    struct result x = result_at(T0, OUTCOME_GOOD, REASON_NONE, 500);
    store_push_probe(f.store, 0, &def, T0);
    store_push_sli(f.store, &sli);
    push_result(f.store, 0, &x);
    store_push_heartbeat(f.store, T0 + USEC_PER_HOUR, T0 + USEC_PER_HOUR);
    fixture_settle(&f);
    struct store_reader *r = fixture_reader(&f);
    struct counts c;
    sli.faster_than_us = 400;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_reader_counts(r, &sli, T0, T0 + USEC_PER_HOUR, &c, NULL), 0);
        assert_int_equal(c.good, 0);
        assert_int_equal(c.bad, 1);
        store_push_sli(f.store, &sli);
        fixture_settle(&f);
    }
    store_reader_free(r);
    fixture_release(&f);
}

/* ---- results and heartbeats ------------------------------------------------------ */

static void failures_come_with_their_message(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct probe_def def = probe_def("p", USEC_PER_SEC);
    char body[3 * STORE_EVIDENCE_MAX];
    memset(body, 'x', sizeof(body));
    store_push_probe(f.store, 0, &def, T0);
    for (int i = 0; i < 10; i++) {
        struct result x = result_at(T0 + i, i % 2 ? OUTCOME_BAD : OUTCOME_GOOD,
                                    i % 2 ? REASON_STATUS : REASON_NONE, 5);
        char message[32];
        snprintf(message, sizeof(message), "status 50%d", i);
        assert_true(store_reserve(f.store));
        store_push_result(f.store, 0, &x,
                          &(struct store_extra){.message = i % 2 ? message : NULL,
                                                .body = i % 2 ? body : NULL,
                                                .body_len = sizeof(body)});
    }
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    struct failure got[3];
    size_t n;
    assert_int_equal(store_reader_failures(r, "p", T0, T0 + 9, got, 3, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_int_equal(got[0].result.slot_us, T0 + 7);
    assert_string_equal(got[0].message, "status 507");
    assert_int_equal(got[2].result.slot_us, T0 + 3);
    assert_int_equal(got[2].result.reason, REASON_STATUS);
    assert_int_equal(store_reader_failures(r, "q", T0, T0 + 9, got, 3, &n, NULL), 0);
    assert_int_equal(n, 0);
    store_reader_free(r);
    assert_int_equal(fixture_sql(&f, "SELECT max(length(body)) FROM evidence"), STORE_EVIDENCE_MAX);
    /* A week later the evidence is gone and the results are not. */
    store_push_heartbeat(f.store, T0 + 8 * USEC_PER_DAY, T0);
    fixture_settle(&f);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM evidence"), 0);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM result"), 10);
    fixture_release(&f);
}

static void heartbeats_make_spans(void **state)
{
    (void)state;
    struct fixture f;
    struct store_heartbeat h;
    fixture_init(&f);
    fixture_open(&f);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_heartbeat(r, &h, NULL), 0);
    assert_int_equal(h.started_us, 0);
    store_push_heartbeat(f.store, T0, T0 - 5);
    store_push_heartbeat(f.store, T0 + USEC_PER_SEC, T0 + 7);
    fixture_flush(&f);
    assert_int_equal(store_reader_heartbeat(r, &h, NULL), 0);
    assert_int_equal(h.started_us, T0);
    assert_int_equal(h.alive_us, T0 + USEC_PER_SEC);
    assert_int_equal(h.complete_through_us, T0 + 7);
    store_push_heartbeat(f.store, T0 + USEC_PER_DAY, T0 + 9); /* asleep in between */
    store_push_heartbeat(f.store, T0 + USEC_PER_DAY + 1, T0 + 10);
    fixture_flush(&f);
    assert_int_equal(store_reader_heartbeat(r, &h, NULL), 0);
    assert_int_equal(h.started_us, T0 + USEC_PER_DAY);
    assert_int_equal(h.complete_through_us, T0 + 10);
    store_reader_free(r);
    struct store_stats st;
    store_get_stats(f.store, &st);
    assert_int_equal(st.complete_through_us, T0 + 10);
    fixture_release(&f);
}

static void a_full_queue_refuses_slots_not_results(void **state)
{
    (void)state;
    struct fixture f;
    struct store_stats st;
    fixture_init(&f);
    struct store_options o = {.path = f.path, .queue_bytes = 10 * STORE_RESULT_BYTES};
    assert_int_equal(store_open(&o, &f.store, NULL), 0);
    struct probe_def def = probe_def("p", USEC_PER_SEC);
    store_push_probe(f.store, 0, &def, T0);
    fixture_flush(&f);
    for (int i = 0; i < 10; i++)
        assert_true(store_reserve(f.store));
    assert_false(store_reserve(f.store));
    store_unreserve(f.store);
    assert_true(store_reserve(f.store));
    for (int i = 0; i < 10; i++) {
        struct result x = result_at(T0 + i, OUTCOME_BAD, REASON_DNS, 5);
        /* The evidence of all of them does not fit, the results do. */
        store_push_result(f.store, 0, &x,
                          &(struct store_extra){.message = "a message of some length"});
    }
    fixture_flush(&f);
    assert_true(store_reserve(f.store)); /* committed: room again */
    store_unreserve(f.store);
    store_get_stats(f.store, &st);
    assert_int_equal(st.refused_slots, 1);
    assert_int_equal(st.queued_bytes, 0);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM result"), 10);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transitions_come_back),
        cmocka_unit_test(an_alert_is_of_its_condition),
        cmocka_unit_test(revisions_are_kept_when_they_change),
        cmocka_unit_test(service_hours_are_part_of_a_schedule),
        cmocka_unit_test(a_renamed_probe_keeps_its_history),
        cmocka_unit_test(targets_are_known_by_the_minute),
        cmocka_unit_test(an_slo_is_as_old_as_its_first_revision),
        cmocka_unit_test(a_redefined_sli_is_counted_anew),
        cmocka_unit_test(failures_come_with_their_message),
        cmocka_unit_test(heartbeats_make_spans),
        cmocka_unit_test(a_full_queue_refuses_slots_not_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
