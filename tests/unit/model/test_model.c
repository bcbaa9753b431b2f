/* result names, classification, schedules, diag. */
#include "../cmocka_all.h"

#include "base/units.h"
#include "model/schedule.h"
#include "nines/alert.h"
#include "nines/diag.h"
#include "nines/report.h"
#include "nines/result.h"
#include "nines/slo.h"

#include <string.h>

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < REASON_COUNT; i++) {
        assert_int_equal(reason_parse(reason_name((enum reason)i)), i);
        assert_true(reason_text((enum reason)i)[0]);
    }
    for (int i = 0; i < OUTCOME_COUNT; i++)
        assert_int_equal(outcome_parse(outcome_name((enum outcome)i)), i);
    assert_int_equal(outcome_parse("Good"), -1);
    assert_int_equal(reason_parse(""), -1);
    assert_string_equal(reason_name(REASON_TTFB_TIMEOUT), "ttfb_timeout");
    assert_string_equal(reason_name((enum reason)200), "unknown");
    assert_string_equal(severity_name(SEVERITY_PAGE), "page");
    assert_string_equal(slo_state_name(SLO_MET), "met");
    assert_string_equal(slo_state_name(SLO_AT_RISK), "at_risk");
    assert_string_equal(slo_state_name(SLO_NO_DATA), "no_data");
    assert_string_equal(alert_event_name(ALERT_EVENT_FIRE), "fire");
    assert_string_equal(alert_event_name(ALERT_EVENT_RESOLVE), "resolve");
    assert_string_equal(alert_phase_name(ALERT_COOLING), "cooling");
    /* Stored numbers: these may never change. */
    assert_int_equal(OUTCOME_SKIPPED, 3);
    assert_int_equal(REASON_STATUS, 12);
    assert_int_equal(REASON_INTERNAL, 24);
}

static void sli_init(struct sli_def *sli, int64_t faster_than_us)
{
    *sli = (struct sli_def){.faster_than_us = faster_than_us};
    memset(sli->classify, -1, sizeof(sli->classify));
}

static enum outcome classify(const struct sli_def *sli, enum outcome o, enum reason why,
                             int64_t total_us)
{
    struct result r = {.outcome = (uint8_t)o, .reason = (uint8_t)why, .total_us = total_us};
    return sli_classify(sli, &r);
}

static void classification(void **state)
{
    (void)state;
    struct sli_def sli;
    sli_init(&sli, 0);
    assert_int_equal(classify(&sli, OUTCOME_GOOD, REASON_NONE, 1LL << 40), OUTCOME_GOOD);
    assert_int_equal(classify(&sli, OUTCOME_BAD, REASON_STATUS, 1), OUTCOME_BAD);
    assert_int_equal(classify(&sli, OUTCOME_EXCLUDED, REASON_RATE_LIMITED, 1), OUTCOME_EXCLUDED);
    assert_int_equal(classify(&sli, OUTCOME_SKIPPED, REASON_PROBER, 0), OUTCOME_SKIPPED);

    sli_init(&sli, 500000);
    assert_int_equal(classify(&sli, OUTCOME_GOOD, REASON_NONE, 500000), OUTCOME_GOOD);
    assert_int_equal(classify(&sli, OUTCOME_GOOD, REASON_NONE, 500001), OUTCOME_BAD);
    assert_int_equal(classify(&sli, OUTCOME_BAD, REASON_CONNECT, 10), OUTCOME_BAD);
    assert_int_equal(classify(&sli, OUTCOME_EXCLUDED, REASON_RATE_LIMITED, 9000000),
                     OUTCOME_EXCLUDED);

    sli.classify[REASON_RATE_LIMITED] = OUTCOME_EXCLUDED;
    sli.classify[REASON_STATUS] = OUTCOME_GOOD;
    sli.classify[REASON_PROBER] = OUTCOME_BAD;
    sli.classify[REASON_NONE] = OUTCOME_BAD;
    assert_int_equal(classify(&sli, OUTCOME_BAD, REASON_RATE_LIMITED, 1), OUTCOME_EXCLUDED);
    assert_int_equal(classify(&sli, OUTCOME_BAD, REASON_STATUS, 1), OUTCOME_GOOD);
    assert_int_equal(classify(&sli, OUTCOME_BAD, REASON_STATUS, 500001), OUTCOME_BAD);
    assert_int_equal(classify(&sli, OUTCOME_SKIPPED, REASON_PROBER, 0), OUTCOME_SKIPPED);
    assert_int_equal(classify(&sli, OUTCOME_GOOD, REASON_NONE, 1), OUTCOME_GOOD);
}

static void phases(void **state)
{
    (void)state;
    int64_t p = schedule_phase("api-health", 15 * USEC_PER_SEC);
    assert_true(p >= 0 && p < 15 * USEC_PER_SEC && p % 1000 == 0);
    assert_true(p == schedule_phase("api-health", 15 * USEC_PER_SEC));
    assert_true(p != schedule_phase("api-healti", 15 * USEC_PER_SEC));
    assert_int_equal(schedule_phase("x", 999), 0);
}

static void slots(void **state)
{
    (void)state;
    assert_int_equal(schedule_next(3, 10, 0), 3);
    assert_int_equal(schedule_next(3, 10, 3), 3);
    assert_int_equal(schedule_next(3, 10, 4), 13);
    assert_int_equal(schedule_next(3, 10, 13), 13);
    assert_int_equal(schedule_next(3, 10, -50), 3);
    assert_int_equal(schedule_count(3, 10, 3, 13), 1);
    assert_int_equal(schedule_count(3, 10, 3, 14), 2);
    assert_int_equal(schedule_count(3, 10, 4, 13), 0);
    assert_int_equal(schedule_count(3, 10, 13, 13), 0);
    assert_int_equal(schedule_count(3, 10, 14, 3), 0);
    assert_int_equal(schedule_count(3, 10, -100, 4), 1);
    /* count is additive and agrees with walking next() */
    int64_t day = USEC_PER_DAY, iv = 7 * USEC_PER_SEC, ph = 6543000, t = 1792656000000000;
    int64_t n = 0;
    for (int64_t s = schedule_next(ph, iv, t); s < t + day; s = schedule_next(ph, iv, s + 1))
        n++;
    assert_int_equal(schedule_count(ph, iv, t, t + day), n);
    assert_int_equal(
        schedule_count(ph, iv, t, t + day / 3) + schedule_count(ph, iv, t + day / 3, t + day), n);
}

static void diag_sorts_stably_and_copies(void **state)
{
    (void)state;
    struct diag d = {0};
    char file[] = "b.yaml";
    diag_error(&d, (struct pos){file, 2, 1}, "first %d", 1);
    diag_error(&d, (struct pos){file, 2, 1}, "second");
    diag_warning(&d, (struct pos){file, 1, 9}, "third");
    diag_error(&d, (struct pos){"a.yaml", 7, 1}, "fourth");
    file[0] = 'x';
    diag_sort(&d);
    assert_string_equal(d.items[0].text, "fourth");
    assert_string_equal(d.items[1].text, "third");
    assert_string_equal(d.items[2].text, "first 1");
    assert_string_equal(d.items[3].text, "second");
    assert_string_equal(d.items[2].pos.file, "b.yaml");
    assert_true(d.errors == 3 && d.warnings == 1 && d.dropped == 0);
    diag_release(&d);
}

static void diag_keeps_errors_over_warnings(void **state)
{
    (void)state;
    struct diag d = {0};
    for (int i = 0; i < DIAG_MAX + 5; i++)
        diag_warning(&d, (struct pos){NULL, i, 1}, "warning");
    for (int i = 0; i < DIAG_MAX + 3; i++)
        diag_error(&d, (struct pos){"f", i, 1}, "error %d", i);
    assert_int_equal(d.n, DIAG_MAX);
    assert_int_equal(d.errors, DIAG_MAX + 3);
    assert_int_equal(d.warnings, DIAG_MAX + 5);
    assert_int_equal(d.dropped, DIAG_MAX + 8);
    for (size_t i = 0; i < d.n; i++)
        assert_false(d.items[i].warning);
    diag_release(&d);
    assert_int_equal(d.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(classification),
        cmocka_unit_test(phases),
        cmocka_unit_test(slots),
        cmocka_unit_test(diag_sorts_stably_and_copies),
        cmocka_unit_test(diag_keeps_errors_over_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
