/*
 * The metrics of a full picture, of an empty one and of none: what they say,
 * and that promtool finds nothing to object to. With an argument, prints them:
 * the promtool test pipes that.
 */
#include "web/metrics.h"

#include "fixture.h"
#include "base/mem.h"
#include "web/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

static void has_line(const struct str *s, const char *line)
{
    mem_auto char *whole = mem_printf("\n%s\n", line);

    if (!strstr(s->buf, whole))
        fail_msg("no line: %s", line);
}

static void write_fixture(struct str *out)
{
    struct config *c = fixture_config();
    struct status *s = fixture_status(c);

    metrics_write(s, s->built_mono_ns, out);
    status_unref(s);
    fixture_config_free(c);
}

static void test_full(void **state)
{
    struct str out;

    (void)state;
    str_init(&out, 1 << 20);
    write_fixture(&out);
    has_line(&out, "nines_ready 1");
    has_line(&out, "nines_probe_results_total{probe=\"api-health\",outcome=\"good\"} 7");
    has_line(&out, "nines_probe_results_total{probe=\"fresh\",outcome=\"bad\"} 0");
    has_line(&out, "nines_probe_failures_total{probe=\"api-health\",outcome=\"bad\","
                   "reason=\"status\"} 1");
    has_line(&out, "nines_probe_duration_seconds_bucket{probe=\"api-health\",le=\"0.025\"} 7");
    has_line(&out, "nines_probe_duration_seconds_count{probe=\"api-health\"} 8");
    has_line(&out, "nines_probe_duration_seconds_sum{probe=\"api-health\"} 5.086415");
    has_line(&out, "nines_probe_good{probe=\"api-health\"} 0");
    has_line(&out, "nines_probe_phase_seconds{probe=\"api-health\",phase=\"wait\"} 0.0112");
    has_line(&out, "nines_probe_last_slot_timestamp_seconds{probe=\"api-health\"} "
                   "1789999995.123456");
    has_line(&out, "nines_slo_sli_ratio{slo=\"api-availability\",objective=\"\","
                   "service=\"agent \\\"api\\\"\\n\\\\ core\"} 0.999");
    assert_non_null(strstr(out.buf, "\nnines_slo_budget_remaining_ratio{slo=\"api-availability\""));
    assert_null(strstr(out.buf, "\nnines_slo_budget_remaining_ratio{slo=\"empty\""));
    assert_null(strstr(out.buf, "\nnines_probe_good{probe=\"fresh\"}"));
    assert_null(strstr(out.buf, "nan"));
    assert_null(strstr(out.buf, "window=\"1h\"")); /* no rate, no sample */
    str_release(&out);
}

static void test_answers(void **state)
{
    struct str out;

    (void)state;
    str_init(&out, 1 << 20);
    write_fixture(&out);
    has_line(&out, "nines_probe_input_tokens_total{probe=\"chat\"} 240");
    has_line(&out, "nines_probe_output_tokens_total{probe=\"chat\"} 60");
    has_line(&out, "nines_probe_cached_tokens_total{probe=\"chat\"} 200");
    has_line(&out, "nines_probe_reasoning_tokens_total{probe=\"chat\"} 0");
    has_line(&out, "nines_probe_tokens_unknown_runs_total{probe=\"chat\"} 1");
    has_line(&out, "nines_probe_cost_total{probe=\"chat\",currency=\"USD\"} 0.005");
    has_line(&out, "nines_probe_cost_unknown_runs_total{probe=\"chat\"} 1");
    has_line(&out, "nines_probe_held_slots_total{probe=\"chat\",reason=\"spend_cap\"} 1");
    has_line(&out, "nines_probe_held_slots_total{probe=\"chat\",reason=\"retry_after\"} 1");
    has_line(&out, "nines_probe_held{probe=\"chat\",reason=\"spend_cap\"} 1");
    /* Those of runs, and of none that was not sent or is the prober's own fault. */
    has_line(&out, "nines_probe_duration_seconds_count{probe=\"chat\"} 2");
    has_line(&out, "nines_probe_first_token_seconds_sum{probe=\"chat\"} 0.6");
    has_line(&out, "nines_probe_first_token_seconds_bucket{probe=\"chat\",le=\"0.5\"} 2");
    has_line(&out, "nines_probe_gap_seconds_count{probe=\"chat\"} 2");
    has_line(&out, "nines_probe_gap_seconds_sum{probe=\"chat\"} 0.04");
    has_line(&out, "nines_probe_spent_tokens{probe=\"chat\",span=\"hour\"} 1300");
    has_line(&out, "nines_probe_spent_tokens{probe=\"chat\",span=\"day\"} 1450");
    has_line(&out, "nines_probe_spent_cost{probe=\"chat\",span=\"day\",currency=\"USD\"} 1.5");
    has_line(&out, "nines_probe_spend_cap_tokens{probe=\"chat\",span=\"hour\"} 20000");
    has_line(&out, "nines_probe_spend_cap_cost{probe=\"chat\",span=\"day\",currency=\"USD\"} 2");
    has_line(&out, "nines_spent_tokens{span=\"hour\"} 1300");
    has_line(&out, "nines_spent_cost{span=\"hour\",currency=\"USD\"} 0.005");
    has_line(&out, "nines_spend_cap_tokens{span=\"day\"} 100000");
    assert_null(strstr(out.buf, "nines_spend_cap_tokens{span=\"hour\"}"));
    assert_null(strstr(out.buf, "nines_probe_input_tokens_total{probe=\"fresh\"}"));
    str_release(&out);
}

#define SLACK "{receiver=\"team \\\"a\\\"\",integration=\"slack"

static void test_notify(void **state)
{
    struct str out;

    (void)state;
    str_init(&out, 1 << 20);
    write_fixture(&out);
    has_line(&out, "nines_notify_messages_total 6");
    has_line(&out, "nines_notify_receivers_broken 1");
    has_line(&out, "nines_notify_receiver_attempts_total" SLACK "\",result=\"delivered\"} 3");
    has_line(&out, "nines_notify_receiver_attempts_total" SLACK " 2\",result=\"retried\"} 9");
    has_line(&out, "nines_notify_receiver_pending" SLACK " 2\"} 2");
    has_line(&out, "nines_notify_receiver_failing" SLACK "\"} 0");
    has_line(&out, "nines_notify_receiver_broken" SLACK " 2\"} 1");
    has_line(&out, "nines_notify_receiver_oldest_pending_seconds" SLACK "\"} 0");
    has_line(&out, "nines_notify_receiver_oldest_pending_seconds" SLACK " 2\"} 90.5");
    str_release(&out);
}

#define REDIS "slo=\"api-redis\",objective=\"\",service=\"agent \\\"api\\\"\\n\\\\ core\""

static void test_samples(void **state)
{
    struct str out;

    (void)state;
    str_init(&out, 1 << 20);
    write_fixture(&out);
    has_line(&out, "nines_probe_scrapes_total{probe=\"api-ready\"} 2");
    has_line(&out, "nines_probe_samples_total{probe=\"api-ready\"} 5");
    has_line(&out, "nines_probe_component_state{probe=\"api-ready\",component=\"redis\","
                   "state=\"degraded\"} 1");
    has_line(&out, "nines_probe_component_state{probe=\"api-ready\",component=\"a \\\"b\\\"\","
                   "state=\"unhealthy\"} 1");
    has_line(&out, "nines_probe_component_state{probe=\"api-ready\",component=\"db\","
                   "state=\"healthy\"} 1");
    has_line(&out, "nines_probe_component_latency_seconds{probe=\"api-ready\",component=\"redis\"} "
                   "0.25");
    assert_null(strstr(out.buf, "upside"));
    assert_null(strstr(out.buf, "component_latency_seconds{probe=\"api-ready\",component=\"db\""));
    assert_null(strstr(out.buf, "nines_probe_scrapes_total{probe=\"fresh\"}"));
    has_line(&out, "nines_slo_events{" REDIS ",class=\"silent\"} 7");
    has_line(&out, "nines_slo_resets_total{" REDIS "} 3");
    has_line(&out, "nines_slo_clamped_total{" REDIS "} 2");
    assert_null(strstr(out.buf, "nines_slo_clamped_total{slo=\"empty\""));
    str_release(&out);
}

static void test_none(void **state)
{
    struct str out;

    (void)state;
    str_init(&out, 1 << 20);
    metrics_write(NULL, 0, &out);
    has_line(&out, "nines_ready 0");
    has_line(&out, "nines_check_ok{check=\"engine\"} 0");
    assert_null(strstr(out.buf, "nines_store_"));
    str_release(&out);
}

static void test_health(void **state)
{
    struct config *c = fixture_config();
    struct status *s = fixture_status(c);
    struct str out;
    json_error_t error;

    (void)state;
    str_init(&out, 1 << 20);
    assert_true(health_details(s, s->built_mono_ns, &out));
    json_t *doc = json_loads(out.buf, 0, &error);
    assert_non_null(doc);
    const json_t *probe = json_array_get(json_object_get(doc, "probes"), 0);
    assert_string_equal(json_string_value(json_object_get(probe, "reason")), "status");
    assert_string_equal(json_string_value(json_object_get(probe, "slot")),
                        "2026-09-21T14:13:15.123456Z");
    const json_t *parts =
        json_object_get(json_array_get(json_object_get(doc, "probes"), 2), "components");
    assert_int_equal(json_array_size(parts), 3); /* by name */
    assert_string_equal(json_string_value(json_object_get(json_array_get(parts, 0), "name")),
                        "a \"b\"");
    assert_string_equal(json_string_value(json_object_get(json_array_get(parts, 2), "state")),
                        "degraded");
    assert_true(json_is_null(json_object_get(json_array_get(parts, 1), "latency_ms")));
    assert_true(json_real_value(json_object_get(json_array_get(parts, 2), "latency_ms")) == 250);
    const json_t *slo = json_array_get(json_object_get(doc, "slos"), 1);
    assert_true(json_is_null(json_object_get(slo, "sli")));
    json_decref(doc);
    str_clear(&out);
    assert_false(health_ready(NULL, 0, &out));
    assert_non_null(strstr(out.buf, "\"starting\""));
    str_release(&out);
    status_unref(s);
    fixture_config_free(c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),   cmocka_unit_test(test_answers),
        cmocka_unit_test(test_notify), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_none),   cmocka_unit_test(test_health),
    };

    (void)argv;
    if (argc > 1) {
        struct str out;
        str_init(&out, 1 << 20);
        write_fixture(&out);
        fputs(out.buf, stdout);
        str_release(&out);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
