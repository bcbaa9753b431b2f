/* Composites of OpenSLO are those of the short form, and back where they can be said. */
#include "../cmocka_all.h"
#include "fake.h"
#include "openslo_texts.h"

#include "config/openslo_write.h"

#include "base/mem.h"
#include "base/units.h"

#define RATIO(of)                                                                                  \
    "{ratioMetric: {counter: true, good: {metricSource: {type: nines, spec: {" of "}}},"           \
    " total: {metricSource: {type: nines, spec: {probe: a}}}}}"
#define RUNS                                                                                       \
    "apiVersion: openslo/v1\nkind: SLI\nmetadata: {name: runs}\nspec: " RATIO("probe: a") "\n---"  \
                                                                                          "\n"
#define FAST "indicator: {metadata: {name: f}, spec: " RATIO("probe: a, faster_than: 1s") "}"
#define QUEUE                                                                                      \
    "indicator: {metadata: {name: q}, spec: {thresholdMetric: {metricSource: {type: nines, "       \
    "spec: {probe: page, query: queue_depth}}}}}, op: lt, value: 10"

#define COMPOSITE(metadata, method, objectives)                                                    \
    PROBES RUNS "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: whole" metadata               \
                "}\nspec:\n  service: shop\n  budgetingMethod: " method                            \
                "\n  timeWindow: [{duration: 30d, isRolling: true}]\n  objectives:\n" objectives

#define SLICE ", timeSliceWindow: 5m, timeSliceTarget: 0.95}\n"

static const char burns[] = COMPOSITE(
    ", labels: {team: web}, annotations: {nines/alerting: default, nines/runbook: x, "
    "nines/dashboard: y}",
    "Occurrences",
    "    - {displayName: front, target: 0.99, indicatorRef: runs, compositeWeight: 2.50}\n"
    "    - {target: 0.999, " QUEUE "}\n"
    "    - {displayName: fast, target: 0.9, compositeWeight: 0.000001, " FAST "}\n");

static void is_decimal(struct decimal d, int64_t n, int scale)
{
    assert_int_equal(decimal_cmp(d, (struct decimal){n, scale}), 0);
}

/* Each objective is an SLO; the composite has no objective name, and is what alerts. */
static void objectives(void **state)
{
    (void)state;
    struct config *c = openslo_load(burns);
    assert_int_equal(c->slo_count, 4);
    const struct slo_def *whole = c->slos[0];
    static const char *const names[] = {"", "fast", "front", "objective-2"};
    for (size_t i = 0; i < 4; i++) {
        const struct slo_def *s = c->slos[i];
        assert_string_equal(s->name, "whole");
        assert_string_equal(s->objective_name, names[i]);
        assert_string_equal(s->service, "shop");
        assert_string_equal(s->labels.at[0].value, "web");
        assert_int_equal(s->alerting, i == 0);
        assert_int_equal(s->runbook != NULL, i == 0);
        assert_int_equal(s->dashboard != NULL, i == 0);
        assert_int_equal(s->window.duration_us, 30 * USEC_PER_DAY);
        assert_int_equal(s->member_count, i ? 0 : 3);
    }
    const struct slo_member *m = whole->members;
    assert_ptr_equal(m[0].slo, c->slos[2]);
    assert_ptr_equal(m[1].slo, c->slos[3]);
    assert_ptr_equal(m[2].slo, c->slos[1]);
    is_decimal(m[0].weight, 25, 1);
    is_decimal(m[1].weight, 1, 0);
    is_decimal(m[2].weight, 1, 6);
    is_decimal(m[0].as->target, 99, 2);
    is_decimal(m[1].as->target, 999, 3);
    assert_string_equal(m[0].as->sli.key, "a");
    assert_string_equal(m[1].as->sli.key, "page threshold=queue_depth < 10");
    assert_string_equal(m[2].as->sli.key, "a faster_than=1000000us");
    config_unref(c);
    fake_take_counts();
}

/* One target, which is the composite's. */
static void slices(void **state)
{
    (void)state;
    struct config *c = openslo_load(
        COMPOSITE("", "Timeslices",
                  "    - {displayName: a, target: 0.90, indicatorRef: runs" SLICE
                  "    - {displayName: b, targetPercent: 90, compositeWeight: 3, " QUEUE SLICE));
    const struct slo_def *whole = c->slos[0];
    assert_int_equal(c->slo_count, 3);
    assert_int_equal(whole->member_count, 2);
    is_decimal(whole->target, 9, 1);
    is_decimal(whole->slice_target, 95, 2);
    assert_int_equal(whole->slice_us, 5 * USEC_PER_MIN);
    assert_int_equal(whole->method, METHOD_TIMESLICES);
    assert_false(whole->alerting);
    is_decimal(whole->members[1].weight, 3, 0);
    config_unref(c);
    fake_take_counts();
}

static void there_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        burns,
        COMPOSITE("", "Timeslices",
                  "    - {displayName: z, target: 0.9, indicatorRef: runs" SLICE
                  "    - {displayName: a, target: 0.9, compositeWeight: 3, " QUEUE SLICE),
        COMPOSITE("", "RatioTimeslices",
                  "    - {target: 0.9, indicatorRef: runs, compositeWeight: 0.5, "
                  "timeSliceWindow: 1h}\n"
                  "    - {target: 0.9, " QUEUE ", timeSliceWindow: 1h}\n"),
        COMPOSITE(", annotations: {nines/no_data: bad}", "Occurrences",
                  "    - {target: 0.9, indicatorRef: runs}\n"),
        COMPOSITE(", annotations: {nines/windows: '[{calendar: 1 month}, 7d]', "
                  "nines/policy: '[{spent: 100%, then: Only fixes}]'}",
                  "Occurrences", "    - {target: 0.9, indicatorRef: runs}\n"),
        COMPOSITE(", annotations: {nines/windows: '[{calendar: 1 month}, 7d]', "
                  "nines/alerting: default}",
                  "Occurrences", "    - {displayName: 1 week, target: 0.9, indicatorRef: runs}\n"),
    };
    for (size_t i = 0; i < countof(texts); i++)
        openslo_there_and_back(texts[i]);
}

/* ---- composites of the short form ----------------------------------------------------- */

#define MEMBERS                                                                                    \
    "  - {name: front, sli: {probe: a}, objective: 99%, window: 7d}\n"                             \
    "  - {name: back, sli: {probe: a, faster_than: 1s}, window: 30d,\n"                            \
    "     objective: {goal: 99.9%, promise: 95%}, budgeting: {method: Timeslices, slice: 1h,\n"    \
    "     slice_target: 50%}}\n"                                                                   \
    "  - {name: late, sli: {probe: page, threshold: x < 3}, objective: 50%, window: 1d, "          \
    "no_data: bad}\n"

/* The document of the SLO `name`, and what became of it. */
static int write_one(const struct config *c, const char *name, struct str *out, struct err *err)
{
    size_t i = 0;
    while (!str_eq(c->slos[i]->name, name))
        i++;
    return openslo_write(c->slos + i, openslo_objectives(c->slos + i, c->slo_count - i), out, err);
}

/* The same runs, targets, weights, slices and window. */
static void same_arithmetic(const struct slo_def *a, const struct slo_def *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->objective_name, b->objective_name);
    assert_string_equal(a->window.text, b->window.text);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->alerting, b->alerting);
    assert_int_equal(decimal_cmp(a->target, b->target), 0);
    assert_int_equal(a->member_count, b->member_count);
    for (size_t i = 0; i < a->member_count; i++) {
        const struct slo_def *x = a->members[i].as, *y = b->members[i].as;
        assert_int_equal(decimal_cmp(a->members[i].weight, b->members[i].weight), 0);
        assert_int_equal(decimal_cmp(x->target, y->target), 0);
        assert_int_equal(decimal_cmp(x->slice_target, y->slice_target), 0);
        assert_string_equal(x->sli.key, y->sli.key);
        assert_string_equal(x->window.text, y->window.text);
        assert_int_equal(x->method, y->method);
        assert_int_equal(x->slice_us, y->slice_us);
        assert_int_equal(x->no_data, y->no_data);
    }
}

static void inlined(const char *composite, const char *const *names)
{
    struct err err;
    struct str out;
    mem_auto char *text = mem_printf("%s  - {name: whole, %s}\n", PROBES SLOS MEMBERS, composite);
    struct config *before = openslo_load(text);
    str_init(&out, TEXT_MAX);
    str_add(&out, PROBES);
    assert_int_equal(write_one(before, "whole", &out, &err), 0);
    struct config *after = openslo_load(out.buf);
    size_t compared = 0, named = 0;
    for (size_t i = 0; i < after->slo_count; i++) {
        const struct slo_def *s = after->slos[i];
        if (s->member_count == 0) {
            assert_string_equal(s->objective_name, names[named++]);
            continue;
        }
        for (size_t k = 0; k < before->slo_count; k++)
            if (str_eq(before->slos[k]->name, "whole") &&
                str_eq(before->slos[k]->objective_name, s->objective_name)) {
                same_arithmetic(before->slos[k], s);
                compared++;
            }
    }
    assert_true(compared > 0);
    assert_int_equal(compared + named, after->slo_count);
    assert_null(names[named]);
    config_unref(before);
    config_unref(after);
    fake_take_counts();
    openslo_there_and_back(out.buf);
    str_release(&out);
}

static void of_other_slos(void **state)
{
    (void)state;
    static const char *const three[] = {"back/goal", "back/promise", "front", NULL};
    static const char *const one[] = {"late", NULL};
    inlined("window: 30d, composite: [{slo: front, weight: 2.5}, {slo: back, objective: promise}, "
            "{slo: back, objective: goal, weight: 0.25}]",
            three);
    inlined("window: 30d, objective: 97%, budgeting: {method: Timeslices, slice: 5m, "
            "slice_target: 95%}, composite: [{slo: back, objective: goal}, {slo: front}, "
            "{slo: back, objective: promise}]",
            three);
    inlined("window: {calendar: 1 month, timezone: Europe/Berlin}, objective: 97%, alerting: none, "
            "budgeting: {method: RatioTimeslices, slice: 1h}, composite: [{slo: late}]",
            one);
    inlined("window: [7d, {calendar: 1 week}, 14d], alerting: none, composite: [{slo: late}]", one);
}

/* Names that have no place there become numbers, all of them. */
static void long_names(void **state)
{
    (void)state;
    static const char text[] = PROBES SLOS
        "  - {name: a23456789b23456789c23456789d23456789e23456789f23456789g23456, sli: {probe: a}, "
        "window: 1d,\n"
        "     objective: {goal: 99%, x: 98%}}\n"
        "  - {name: b, sli: {probe: a}, window: 1d, objective: 97%}\n"
        "  - {name: whole, window: 1d, composite: [{slo: b}, {objective: goal, slo: "
        "a23456789b23456789c23456789d23456789e23456789f23456789g23456}]}\n";
    struct err err;
    struct str out;
    struct config *c = openslo_load(text);
    str_init(&out, TEXT_MAX);
    str_add(&out, PROBES);
    assert_int_equal(write_one(c, "whole", &out, &err), 0);
    assert_null(strstr(out.buf, "displayName"));
    config_unref(c);
    fake_take_counts();
    openslo_there_and_back(out.buf);
    str_release(&out);
}

static void not_sayable(void **state)
{
    (void)state;
    static const struct {
        const char *composite, *error;
    } cases[] = {
        {"window: 30d, composite: [{slo: front}, {slo: late}]",
         "SLO 'whole' is a composite, and its members differ in no_data: 'front' has exclude and "
         "'late' bad; an annotation says it for all of them in OpenSLO"},
        {"window: 30d, objective: {a: 90%, b: 80%}, budgeting: {method: RatioTimeslices, "
         "slice: 1h}, composite: [{slo: front}]",
         "SLO 'whole' is a composite of several objectives; one of OpenSLO has one target"},
        {"window: 90s, composite: [{slo: front}]",
         "SLO 'whole': OpenSLO's durations are whole minutes; the window is 1m30s"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct err err;
        struct str out;
        mem_auto char *text =
            mem_printf("%s  - {name: whole, %s}\n", PROBES SLOS MEMBERS, cases[i].composite);
        struct config *c = openslo_load(text);
        str_init(&out, TEXT_MAX);
        assert_int_equal(write_one(c, "whole", &out, &err), -1);
        assert_string_equal(err.msg, cases[i].error);
        assert_int_equal(out.len, 0);
        str_release(&out);
        config_unref(c);
        fake_take_counts();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objectives),     cmocka_unit_test(slices),
        cmocka_unit_test(there_and_back), cmocka_unit_test(of_other_slos),
        cmocka_unit_test(long_names),     cmocka_unit_test(not_sayable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
