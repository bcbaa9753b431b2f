/* What SLIs are told to people as. */
#include "slo/source.h"

#include "slo/metric.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/units.h"
#include "model/expr.h"
#include "model/selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct selector *selector(struct arena *a, const char *text)
{
    const struct selector *s;
    struct err err;
    if (!text)
        return NULL;
    if (selector_parse(a, text, strlen(text), &s, NULL, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return s;
}

static void check(const struct sli_def *sli, enum sli_source source, const char *want)
{
    struct str out;
    str_init(&out, 8192);
    sli_expression(sli, &out);
    assert_string_equal(out.buf ? out.buf : "", want);
    assert_string_equal(sli_source_name(sli_source(sli)), sli_source_name(source));
    str_release(&out);
}

static void check_ratio(const char *good, const char *bad, const char *total,
                        enum sli_source source, const char *want)
{
    struct arena a = {0};
    struct sli_metric m = {.kind = SLI_RATIO,
                           .good = selector(&a, good),
                           .bad = selector(&a, bad),
                           .total = selector(&a, total)};
    check(&(struct sli_def){.probe = "p", .metric = &m}, source, want);
    arena_release(&a);
}

static void check_condition(const char *text, enum sli_source source, const char *want)
{
    struct arena a = {0};
    struct sli_metric m = {.kind = SLI_THRESHOLD};
    struct err err;
    size_t at;
    if (expr_parse(&a, text, &m.condition, &at, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    check(&(struct sli_def){.probe = "p", .metric = &m}, source, want);
    arena_release(&a);
}

static void results(void **state)
{
    (void)state;
    check(&(struct sli_def){.probe = "p"}, SOURCE_RESULTS, "");
    check(&(struct sli_def){.probe = "p", .faster_than_us = 500000}, SOURCE_RESULTS,
          "within 500ms");
}

static void ratios(void **state)
{
    (void)state;
    check_ratio(NULL, "http_requests_total{status=~\"5..\"}", "http_requests_total", SOURCE_RATIO,
                "bad http_requests_total{status=~\"5..\"} of http_requests_total");
    check_ratio("hits_total", NULL, "lookups_total", SOURCE_RATIO,
                "good hits_total of lookups_total");
    check_ratio("h_bucket{le=\"0.5\"}", NULL, "other_count", SOURCE_RATIO,
                "good h_bucket{le=\"0.5\"} of other_count");
    check_ratio("h_bucket{le=~\"0.5\"}", NULL, "h_count", SOURCE_RATIO,
                "good h_bucket{le=~\"0.5\"} of h_count");
}

static void raw_ratios(void **state)
{
    struct arena a = {0};
    struct sli_metric good = {.kind = SLI_RAW, .good = selector(&a, "up:ratio{job=\"api\"}")};
    struct sli_metric bad = {.kind = SLI_RAW, .bad = selector(&a, "errors:ratio")};
    const struct sli_def sli = {.probe = "p", .metric = &good, .key = "p raw"};
    (void)state;
    check(&sli, SOURCE_RAW, "good share up:ratio{job=\"api\"}");
    check(&(struct sli_def){.probe = "p", .metric = &bad}, SOURCE_RAW, "bad share errors:ratio");
    assert_string_equal(sli_source_name(SOURCE_RAW), "raw");
    const struct sli_def *copy = sli_copy(&a, &sli);
    check(copy, SOURCE_RAW, "good share up:ratio{job=\"api\"}");
    assert_int_equal(sli_event(copy), RAW_PARTS);
    assert_int_equal(sli_event(&(struct sli_def){.probe = "p"}), 1);
    arena_release(&a);
}

static void histograms(void **state)
{
    (void)state;
    check_ratio("h_seconds_bucket{le=\"0.5\"}", NULL, "h_seconds_count", SOURCE_HISTOGRAM,
                "h_seconds within 500ms");
    check_ratio("h_bucket{le=\"2\",path!=\"/x\"}", NULL, "h_count{path!=\"/x\"}", SOURCE_HISTOGRAM,
                "h{path!=\"/x\"} within 2s");
    /* Values that look like matchers, names that end like them. */
    check_ratio("h_bucket{a=\"x,le=\\\"9\\\"\",le=\"0.025\",role=\"7\"}", NULL, "h_count",
                SOURCE_HISTOGRAM, "h within 25ms");
    check_ratio("h_bucket{a=\"{,le=\",le=\"+Inf\"}", NULL, "h_count", SOURCE_HISTOGRAM,
                "h within +Inf");
}

static void conditions(void **state)
{
    (void)state;
    check_condition("worker_queue_depth<10000", SOURCE_THRESHOLD, "worker_queue_depth < 10000");
    check_condition("component_up{component=\"redis\"} == 1", SOURCE_COMPONENT, "redis");
    check_condition("component_latency_seconds{component=\"redis\"} <= 0.05", SOURCE_COMPONENT,
                    "redis within 50ms");
    check_condition("component_up == 1", SOURCE_THRESHOLD, "component_up == 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results),    cmocka_unit_test(ratios),     cmocka_unit_test(raw_ratios),
        cmocka_unit_test(histograms), cmocka_unit_test(conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
