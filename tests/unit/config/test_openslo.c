/* OpenSLO documents are the short form's SLOs, and back. */
#include "../cmocka_all.h"
#include "fake.h"
#include "openslo_texts.h"

#include "config/load.h"
#include "config/openslo_write.h"

#include "base/mem.h"
#include "base/units.h"
#include "nines/diag.h"
#include "nines/slo.h"

#include <stdio.h>

static void slis(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{probe: a}",
        "{probe: a, faster_than: 1500ms}",
        "{probe: a, classify: {rate_limited: excluded, status: good}}",
        "{probe: page, ratio: {bad: 'x{code=~\"5..\",path=\"it''s\"}', total: x}}",
        ("{probe: page, ratio: {good: \"x{a=\\\"\\u00e9\\\\\\\\n\\\"}\", total: "
         "'{__name__=~\"x.*\"}'}}"),
        "{probe: page, histogram: 'latency_seconds{path=\"/\"}', faster_than: 250ms}",
        "{probe: page, threshold: 'queue_depth < 10000'}",
        "{probe: page, threshold: 'rate(x{a=\" < 5\"}) / rate(y) >= 99.9%'}",
        "{probe: page, threshold: rate(traces) >= 1000/s}",
        "{probe: page, threshold: temperature > -4.5e-7}",
        "{probe: page, threshold: config == 3}",
        "{probe: page, threshold: config != 3}",
        "{probe: page, threshold: absent(fatal)}",
        "{probe: doc, component: redis}",
        "{probe: doc, component: 'a \"b\" \\\\n', faster_than: 50ms}",
        "{probe: doc, component: \"two\\nlines\"}",
        "{probe: doc, threshold: 'component_up{component=\"redis\"} >= 1'}",
        "{probe: chat, ttft_faster_than: 800ms}",
        "{probe: chat, gap_below: 1500ms, classify: {rate_limited: excluded}}",
        "{probe: chat, tokens_per_second_at_least: 30.125}",
        "{probe: chat, cost_at_most: 0.000000000001}",
    };
    for (size_t i = 0; i < countof(texts); i++) {
        mem_auto char *text = mem_printf(
            PROBES SLOS "  - {name: s, sli: %s, objective: 99.9%%, window: 30d}\n", texts[i]);
        openslo_there_and_back(text);
    }
}

static void definitions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "window: 90m",
        "window: 2w, alerting: none",
        "window: {calendar: 1 month, timezone: Europe/Berlin}",
        "window: {calendar: 2 weeks}",
        "window: {calendar: 1 quarter, start: 2026-02-15, timezone: UTC}",
        "window: {calendar: 3 days, start: '2026-01-02 06:30:00'}",
        "window: {calendar: 1 year}, no_data: bad, runbook: 'https://example.org/?a=b#c', "
        "dashboard: 'https://example.org/d'",
        "window: 1d, service: my shop, description: \"two\\nlines, 'quoted' \\u00e9\"",
        "window: 1d, labels: {team: a, b_c: 'true', d: '1.0', e: ''}",
        "window: 1d, description: \"\\x85a\\x9b b\\u2028c\\u2029 d\\ufeff\\uffff \\U0001f600 "
        "\\x7f\"",
        "window: 1d, alerting: {min_failures: 3}",
        "window: 1d, alerting: {for: 90s, min_failures: 3}",
        "window: 1d, alerting: {for: 1d}",
        ("window: 30d, alerting: {tiers: [{severity: page, long: 1h, short: 5m, factor: 14.4}, "
         "{severity: ticket, long: 3d, budget: 10%, min_failures: 4}], min_failures: 5}"),
        "window: 30d, budgeting: {method: Timeslices, slice: 5m, slice_target: 95%}",
        "window: 30d, budgeting: {method: RatioTimeslices, slice: 1h}",
    };
    for (size_t i = 0; i < countof(texts); i++) {
        mem_auto char *text = mem_printf(
            PROBES SLOS "  - {name: s, sli: {probe: a}, objective: 99.95%%, %s}\n", texts[i]);
        openslo_there_and_back(text);
    }
}

static const char objectives_text[] =
    PROBES "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: queue}\nspec:\n"
           "  service: shop\n"
           "  indicator:\n    metadata: {name: x}\n    spec: {thresholdMetric: {metricSource:\n"
           "      {type: nines, spec: {probe: page, query: queue_depth}}}}\n"
           "  budgetingMethod: Timeslices\n"
           "  timeWindow: [{duration: 4w, isRolling: true}]\n"
           "  objectives:\n"
           "    - {target: 0.9, op: lt, value: 10, timeSliceWindow: 1m, timeSliceTarget: 1}\n"
           "    - {targetPercent: 99.90, displayName: 'far off', op: gte, value: 1e3,\n"
           "       timeSliceWindow: 1h, timeSliceTarget: 0.50}\n";

static void objectives(void **state)
{
    (void)state;
    struct config *c = openslo_load(objectives_text);
    assert_int_equal(c->slo_count, 2);
    const struct slo_def *far = c->slos[0], *first = c->slos[1];
    assert_string_equal(far->objective_name, "far off");
    assert_string_equal(far->sli.key, "page threshold=queue_depth >= 1000");
    assert_int_equal(decimal_cmp(far->target, (struct decimal){999, 3}), 0);
    assert_int_equal(decimal_cmp(far->slice_target, (struct decimal){5, 1}), 0);
    assert_int_equal(far->slice_us, USEC_PER_HOUR);
    assert_string_equal(first->objective_name, "objective-1");
    assert_string_equal(first->sli.key, "page threshold=queue_depth < 10");
    assert_int_equal(first->slice_us, USEC_PER_MIN);
    assert_int_equal(first->method, METHOD_TIMESLICES);
    assert_string_equal(first->service, "shop");
    assert_false(first->alerting); /* no policy, no annotation */
    assert_int_equal(first->window.duration_us, 28 * USEC_PER_DAY);
    assert_true(first->content != far->content);
    config_unref(c);
    fake_take_counts();
    openslo_there_and_back(objectives_text);
}

#define SLO_OF(metadata, window)                                                                   \
    PROBES "apiVersion: openslo/v1\nkind: SLO\nmetadata: " metadata "\nspec:\n  service: x\n"      \
           "  indicator:\n    metadata: {name: x}\n    spec:\n      ratioMetric:\n"                \
           "        good: {metricSource: {type: nines, spec: {probe: a}}}\n"                       \
           "        total: {metricSource: {type: nines, spec: {probe: a}}}\n"                      \
           "  budgetingMethod: Occurrences\n  timeWindow: [" window "]\n"                          \
           "  objectives: [{target: 0.99}]\n"

/* Where the calendar's own periods begin needs no anchor: it is the short form's. */
static void calendars(void **state)
{
    (void)state;
    static const struct {
        const char *duration, *start, *text;
        int64_t anchor_s; /* -1: the default one */
    } cases[] = {
        {"1d", "2026-02-03 00:00:00", "1 day", -1},
        {"1d", "2026-02-03 06:00:00", "1 day", 1770098400},
        {"2d", "2026-02-03 00:00:00", "2 days", 1770076800},
        {"2d", "2026-02-04 00:00:00", "2 days", -1},
        {"1w", "2026-02-02 00:00:00", "1 week", -1},
        {"1w", "2026-02-03 00:00:00", "1 week", 1770076800},
        {"1M", "2026-02-01 00:00:00", "1 month", -1},
        {"1M", "2026-02-02 00:00:00", "1 month", 1769990400},
        {"2M", "2026-02-01 00:00:00", "2 months", 1769904000},
        {"2M", "2026-03-01 00:00:00", "2 months", -1},
        {"1Q", "2026-04-01 00:00:00", "1 quarter", -1},
        {"1Q", "2026-02-01 00:00:00", "1 quarter", 1769904000},
        {"1Y", "2026-01-01 00:00:00", "1 year", -1},
        {"1Y", "2026-04-01 00:00:00", "1 year", 1775001600},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        mem_auto char *text = mem_printf(
            SLO_OF("{name: s}", "{duration: %s, calendar: {startTime: %s, timeZone: UTC}}"),
            cases[i].duration, cases[i].start);
        struct config *c = openslo_load(text);
        const struct window_def *w = &c->slos[0]->window;
        assert_int_equal(w->type, WINDOW_CALENDAR);
        assert_string_equal(w->text, cases[i].text);
        assert_int_equal(w->anchor_s, cases[i].anchor_s < 0 ? window_default_anchor(w->unit)
                                                            : cases[i].anchor_s);
        config_unref(c);
        fake_take_counts();
        openslo_there_and_back(text);
    }
}

/* Each objective over each window, and alerts by the first of these. */
static void many_of_one(void **state)
{
    (void)state;
    static const char text[] = PROBES SLOS
        "  - {name: s, sli: {probe: a}, objective: {promise: 99.5%, goal: 99.9%},\n"
        "     window: [2w, {calendar: 1 month, timezone: Europe/Berlin, start: 2026-01-02}, 1d],\n"
        "     alerting: {min_failures: 3}}\n"
        "  - {name: t, sli: {probe: a}, objective: {b: 50%, a: 0.5%}, window: 1d}\n"
        "  - {name: u, sli: {probe: a}, objective: 50%, window: [1d, 90s], alerting: none}\n";
    static const struct {
        const char *objective, *window;
        bool alerting;
    } wanted[] = {{"goal 1 month", "1 month", false},
                  {"goal 14d", "14d", true},
                  {"goal 1d", "1d", false},
                  {"promise 1 month", "1 month", false},
                  {"promise 14d", "14d", true},
                  {"promise 1d", "1d", false},
                  {"a", "1d", true},
                  {"b", "1d", true},
                  {"1d", "1d", false},
                  {"1m30s", "1m30s", false}};
    struct config *c = openslo_load(text);
    assert_int_equal(c->slo_count, countof(wanted));
    for (size_t i = 0; i < c->slo_count; i++) {
        const struct slo_def *s = c->slos[i];
        assert_string_equal(s->objective_name, wanted[i].objective);
        assert_string_equal(s->window.text, wanted[i].window);
        assert_int_equal(s->alerting, wanted[i].alerting);
        assert_int_equal(s->min_failures, i == 1 || i == 4 ? 3 : 0);
        assert_true((s->window.zone != NULL) == (s->window.type == WINDOW_CALENDAR));
        for (size_t k = 0; k < i; k++)
            assert_true(c->slos[k]->content != s->content);
    }
    assert_int_equal(decimal_cmp(c->slos[0]->target, (struct decimal){999, 3}), 0);
    assert_int_equal(decimal_cmp(c->slos[6]->target, (struct decimal){5, 3}), 0);
    config_unref(c);
    fake_take_counts();
    openslo_there_and_back(text);
}

static void labels(void **state)
{
    (void)state;
    struct config *c = openslo_load(SLO_OF("{name: s, labels: {app.k8s.io: [a, b], 2-x: c}}",
                                           "{duration: 1d, isRolling: true}"));
    const struct string_map *l = &c->slos[0]->labels;
    assert_int_equal(l->n, 2);
    assert_string_equal(l->at[0].key, "app_k8s_io");
    assert_string_equal(l->at[0].value, "a,b");
    assert_string_equal(l->at[1].key, "_2_x");
    assert_string_equal(l->at[1].value, "c");
    config_unref(c);
    fake_take_counts();
}

/* The same as in the short form, for who changes from one to the other. */
static void same_revision(void **state)
{
    (void)state;
    struct config *c =
        openslo_load(PROBES SLOS "  - {name: s, sli: {probe: a, faster_than: 1s}, objective: 99%,\n"
                                 "     window: {calendar: 1 month, timezone: Europe/Berlin}}\n");
    struct config *o =
        openslo_load(PROBES "apiVersion: openslo/v1\nkind: SLO\n"
                            "metadata: {name: s, annotations: {nines/alerting: default}}\n"
                            "spec:\n  service: x\n"
                            "  indicator:\n    metadata: {name: x}\n    spec:\n"
                            "      ratioMetric:\n"
                            "        good: {metricSource: {type: nines, spec: {probe: a, "
                            "faster_than: 1s}}}\n"
                            "        total: {metricSource: {type: nines, spec: {probe: a}}}\n"
                            "  budgetingMethod: Occurrences\n"
                            "  timeWindow: [{duration: 1M, calendar: {startTime: 2026-01-01 "
                            "00:00:00, timeZone: Europe/Berlin}}]\n"
                            "  objectives: [{target: 0.99}]\n");
    assert_true(c->slos[0]->content == o->slos[0]->content);
    config_unref(c);
    config_unref(o);
    fake_take_counts();
}

static void not_sayable(void **state)
{
    (void)state;
    struct str out;
    struct err err;
    struct config *c =
        openslo_load(PROBES SLOS "  - {name: s, sli: {probe: a}, objective: 99%, window: 90s}\n");
    str_init(&out, TEXT_MAX);
    assert_int_equal(openslo_write(c->slos, 1, &out, &err), -1);
    assert_string_equal(err.msg,
                        "SLO 's': OpenSLO's durations are whole minutes; the window is 1m30s");
    assert_int_equal(out.len, 0);
    str_release(&out);
    config_unref(c);
    fake_take_counts();
}

#define SLIS 600

/* Each of many references to nothing is told; how far names are searched for one that
 * is meant has an end. */
static void many_misspelt_references(void **state)
{
    (void)state;
    struct diag diag = {0};
    struct config *c = NULL;
    struct str text;
    str_init(&text, TEXT_MAX);
    str_add(&text, PROBES);
    for (int i = 0; i < SLIS; i++)
        str_addf(&text,
                 "apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: indicator-%d}\n"
                 "spec: {thresholdMetric: {metricSource: {type: nines, spec: {probe: page, "
                 "query: x}}}}\n---\n",
                 i);
    for (int i = 0; i < DIAG_MAX + 1; i++)
        str_addf(&text,
                 "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: s%d}\n"
                 "spec: {service: x, indicatorRef: indikator-%d, budgetingMethod: Occurrences,\n"
                 "  timeWindow: [{duration: 1d, isRolling: true}],\n"
                 "  objectives: [{target: 0.9, op: lt, value: 1}]}\n---\n",
                 i, i);
    assert_int_equal(config_load_text("x.yaml", text.buf, text.len, &fake_tables, &c, &diag), -1);
    assert_int_equal(diag.errors, DIAG_MAX + 1);
    assert_string_equal(diag.items[0].text,
                        "indicatorRef: no document of kind SLI has the name 'indikator-0'; did you "
                        "mean 'indicator-0'?");
    assert_string_equal(diag.items[DIAG_MAX - 1].text,
                        "indicatorRef: no document of kind SLI has the name 'indikator-199'");
    str_release(&text);
    diag_release(&diag);
    fake_take_counts();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slis),
        cmocka_unit_test(definitions),
        cmocka_unit_test(objectives),
        cmocka_unit_test(same_revision),
        cmocka_unit_test(not_sayable),
        cmocka_unit_test(calendars),
        cmocka_unit_test(labels),
        cmocka_unit_test(many_of_one),
        cmocka_unit_test(many_misspelt_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
