/* What is looked up for an alert of a probe, in a real database; and that nothing is begun
 * when its time is over. */
#include "../cmocka_all.h"
#include "../store/fixture.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engine/facts.h"

#include <string.h>

static const struct probe_kind http = {.name = "http"};
static const struct probe_def api = {.id = "api", .kind = &http, .interval_us = USEC_PER_MIN};

static struct alert_transition moves(enum alert_event_kind kind, int64_t at_us)
{
    return (struct alert_transition){.condition = "failures",
                                     .slo = "api",
                                     .objective_name = "3/5",
                                     .service = "",
                                     .at_us = at_us,
                                     .kind = kind,
                                     .notify = true,
                                     .severity = SEVERITY_PAGE,
                                     .since_us = T0 + 5 * USEC_PER_MIN};
}

/* Two kinds of failures, a deploy of the probe and one of another, and the alert. */
static void fill(struct fixture *f)
{
    struct import_row rows[5];
    for (int i = 0; i < 5; i++)
        rows[i] = (struct import_row){"api",
                                      result_at(T0 + i * USEC_PER_MIN, OUTCOME_BAD,
                                                i == 1 ? REASON_CONNECT : REASON_STATUS, 20000),
                                      0};
    struct import_batch b = {.rows = rows, .n = 5, .create_interval_us = USEC_PER_MIN};
    import_now(f->store, &b);
    const struct annotation deploys[] = {
        {.at_us = T0 - USEC_PER_HOUR, .kind = "deploy", .probe = "api", .text = "1.0 -> 1.1"},
        {.at_us = T0, .kind = "deploy", .probe = "web", .text = "7 -> 8"},
        {.at_us = T0 + USEC_PER_MIN, .kind = "note", .probe = "", .text = "lunch"}};
    for (size_t i = 0; i < countof(deploys); i++)
        store_push_annotation(f->store, &deploys[i]);
    struct alert_transition t = moves(ALERT_EVENT_FIRE, T0 + 5 * USEC_PER_MIN);
    store_push_transition(f->store, &t);
    fixture_flush(f);
}

static struct alert_facts look(struct fixture *f, const struct alert_transition *t,
                               struct arena *arena, int64_t deadline_ns)
{
    struct config config = {.refs = 1};
    struct facts_wanted want = {
        .config = &config, .probe = &api, .alert = t, .deadline_ns = deadline_ns};
    struct alert_facts got = {0};
    struct store_reader *r = fixture_reader(f);
    facts_read(r, &want, arena, &got);
    store_reader_free(r);
    return got;
}

static void test_probe(void **state)
{
    struct fixture f;
    struct arena arena = {0};
    (void)state;
    fixture_init(&f);
    fixture_open(&f);
    fill(&f);
    struct alert_transition t = moves(ALERT_EVENT_FIRE, T0 + 5 * USEC_PER_MIN);
    struct alert_facts got = look(&f, &t, &arena, INT64_MAX);
    assert_int_equal(got.probe_count, 1);
    assert_string_equal(got.probes[0].id, "api");
    assert_int_equal(got.probes[0].reason_count, 2);
    assert_int_equal(got.probes[0].reasons[0].reason, REASON_STATUS);
    assert_int_equal(got.probes[0].reasons[0].count, 4);
    assert_int_equal(got.probes[0].reasons[1].count, 1);
    assert_int_equal(got.probes[0].evidence->at_us, T0 + 4 * USEC_PER_MIN);
    assert_string_equal(got.deploy->text, "1.0 -> 1.1");
    assert_int_equal(got.incident, 1);
    /* Its end is of the same incident; another life of it is of none. */
    t = moves(ALERT_EVENT_RESOLVE, T0 + 9 * USEC_PER_MIN);
    got = look(&f, &t, &arena, INT64_MAX);
    assert_int_equal(got.incident, 1);
    assert_string_equal(got.deploy->text, "1.0 -> 1.1");
    t.since_us++;
    assert_int_equal(look(&f, &t, &arena, INT64_MAX).incident, 0);
    /* Too late for what may take long. */
    t = moves(ALERT_EVENT_FIRE, T0 + 5 * USEC_PER_MIN);
    got = look(&f, &t, &arena, clock_mono_ns());
    assert_null(got.deploy);
    assert_int_equal(got.incident, 0);
    arena_release(&arena);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
