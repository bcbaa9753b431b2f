#include "slo/window.h"

#include "base/mem.h"
#include "base/when.h"
#include "io/zone.h"
#include "slo/budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int64_t at(const char *text)
{
    int64_t us;
    assert_int_equal(when_parse(text, strlen(text), &us, NULL), 0);
    return us;
}

static void check(const char *zone, enum calendar_unit unit, int count, const char *when,
                  const char *start, const char *end)
{
    struct zone *z;
    char a[WHEN_MAX], b[WHEN_MAX];
    assert_int_equal(zone_open(zone, &z, NULL), 0);
    struct window_def w = {.type = WINDOW_CALENDAR,
                           .unit = unit,
                           .count = count,
                           .anchor_s = window_default_anchor(unit),
                           .zone = z};
    struct span s = window_span(&w, at(when));
    assert_string_equal(when_text(a, s.start_us), start);
    assert_string_equal(when_text(b, s.end_us), end);
    zone_free(z);
}

static void rolling(void **state)
{
    (void)state;
    struct window_def w = {.type = WINDOW_ROLLING, .duration_us = 30 * USEC_PER_DAY};
    struct span s = window_span(&w, at("2026-11-21T00:00:00.000001Z"));
    assert_int_equal(s.start_us, at("2026-10-22T00:00:00.000001Z"));
    assert_int_equal(s.end_us, at("2026-11-21T00:00:00.000001Z"));
    assert_int_equal(window_nominal_us(&w), 30 * USEC_PER_DAY);
}

static void calendar_periods(void **state)
{
    (void)state;
    check("UTC", CALENDAR_MONTH, 1, "2026-02-28T23:59:59.999999Z", "2026-02-01T00:00:00Z",
          "2026-03-01T00:00:00Z");
    check("UTC", CALENDAR_MONTH, 1, "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z",
          "2026-04-01T00:00:00Z");
    check("UTC", CALENDAR_DAY, 1, "2026-11-21T12:00:00Z", "2026-11-21T00:00:00Z",
          "2026-11-22T00:00:00Z");
    check("UTC", CALENDAR_WEEK, 1, "2026-11-21T12:00:00Z", "2026-11-16T00:00:00Z",
          "2026-11-23T00:00:00Z"); /* Monday to Monday */
    check("UTC", CALENDAR_QUARTER, 1, "2026-11-21T12:00:00Z", "2026-10-01T00:00:00Z",
          "2027-01-01T00:00:00Z");
    check("UTC", CALENDAR_YEAR, 1, "2028-02-29T12:00:00Z", "2028-01-01T00:00:00Z",
          "2029-01-01T00:00:00Z");
    /* several units: counted from the anchor, so these are not "the last two" */
    check("UTC", CALENDAR_MONTH, 2, "2026-12-15T00:00:00Z", "2026-11-01T00:00:00Z",
          "2027-01-01T00:00:00Z");
    check("UTC", CALENDAR_WEEK, 2, "1970-01-04T00:00:00Z", "1969-12-22T00:00:00Z",
          "1970-01-05T00:00:00Z");
    check("UTC", CALENDAR_WEEK, 2, "1970-01-12T00:00:00Z", "1970-01-05T00:00:00Z",
          "1970-01-19T00:00:00Z");
}

static void calendar_follows_the_wall_clock(void **state)
{
    (void)state;
    /* 25-hour and 23-hour days */
    check("Europe/Berlin", CALENDAR_DAY, 1, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z",
          "2026-10-25T23:00:00Z");
    check("Europe/Berlin", CALENDAR_DAY, 1, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z",
          "2026-03-29T22:00:00Z");
    /* the last moment of October in Berlin, and the first of November */
    check("Europe/Berlin", CALENDAR_MONTH, 1, "2026-10-31T22:59:59.999999Z", "2026-09-30T22:00:00Z",
          "2026-10-31T23:00:00Z");
    check("Europe/Berlin", CALENDAR_MONTH, 1, "2026-10-31T23:00:00Z", "2026-10-31T23:00:00Z",
          "2026-11-30T23:00:00Z");
    check("America/New_York", CALENDAR_WEEK, 1, "2026-03-10T00:00:00Z", "2026-03-09T04:00:00Z",
          "2026-03-16T04:00:00Z");
}

/* A midnight that does not exist: the day begins when the clock shows one. */
static void missing_midnight(void **state)
{
    (void)state;
    check("America/Santiago", CALENDAR_DAY, 1, "2022-09-11T12:00:00Z", "2022-09-11T04:00:00Z",
          "2022-09-12T03:00:00Z");
    check("America/Santiago", CALENDAR_DAY, 1, "2022-09-11T03:59:59Z", "2022-09-10T04:00:00Z",
          "2022-09-11T04:00:00Z");
}

/* A midnight that comes twice: at 00:01 the clock went back to 23:01. The day
 * begins with the first one. */
static void repeated_midnight(void **state)
{
    (void)state;
    static const char *const times[] = {"2010-11-07T02:30:00Z", "2010-11-07T02:45:00Z",
                                        "2010-11-07T03:30:00Z", "2010-11-08T03:29:59Z"};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        check("America/St_Johns", CALENDAR_DAY, 1, times[i], "2010-11-07T02:30:00Z",
              "2010-11-08T03:30:00Z");
    check("America/St_Johns", CALENDAR_DAY, 1, "2010-11-07T02:29:59Z", "2010-11-06T02:30:00Z",
          "2010-11-07T02:30:00Z");
}

/* Budget minutes of months at 99.9 %. */
static void months_of_published_tables(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *when;
        double minutes;
    } rows[] = {
        {"UTC", "2026-02-10T00:00:00Z", 40.32},
        {"UTC", "2026-03-10T00:00:00Z", 44.64},
        {"UTC", "2026-04-10T00:00:00Z", 43.2},
        {"America/New_York", "2026-03-10T00:00:00Z", 44.58},
        {"America/New_York", "2026-11-10T00:00:00Z", 43.26},
        {"Europe/Warsaw", "2026-10-10T00:00:00Z", 44.70},
        {"Australia/Lord_Howe", "2026-04-10T00:00:00Z", 43.23},
        {"Australia/Lord_Howe", "2026-10-10T00:00:00Z", 44.61},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zone *z;
        assert_int_equal(zone_open(rows[i].zone, &z, NULL), 0);
        struct window_def w = {
            .type = WINDOW_CALENDAR, .unit = CALENDAR_MONTH, .count = 1, .zone = z};
        struct span s = window_span(&w, at(rows[i].when));
        double minutes =
            budget_allowed((s.end_us - s.start_us) / USEC_PER_MIN, (struct decimal){999, 3});
        assert_true(fabs(minutes - rows[i].minutes) < 1e-9);
        assert_int_equal(window_nominal_us(&w), 30 * USEC_PER_DAY);
        zone_free(z);
    }
}

/* Periods touch: each end is the next one's start, over years of changes. */
static void periods_have_no_gaps(void **state)
{
    (void)state;
    static const enum calendar_unit units[] = {CALENDAR_DAY, CALENDAR_WEEK, CALENDAR_MONTH,
                                               CALENDAR_QUARTER, CALENDAR_YEAR};
    struct zone *z;
    assert_int_equal(zone_open("Australia/Lord_Howe", &z, NULL), 0);
    for (size_t u = 0; u < 5; u++) {
        struct window_def w = {.type = WINDOW_CALENDAR,
                               .unit = units[u],
                               .count = 1,
                               .anchor_s = window_default_anchor(units[u]),
                               .zone = z};
        int64_t t = at("2024-12-31T20:00:00Z"), end = at("2028-01-02T00:00:00Z");
        while (t < end) {
            struct span s = window_span(&w, t), before = window_span(&w, s.start_us - 1);
            assert_true(s.start_us <= t && t < s.end_us);
            assert_int_equal(before.end_us, s.start_us);
            t = s.end_us;
        }
    }
    zone_free(z);
}

/* As many of each as may be declared, over leap years and changes of the clock;
 * and not by so much that windows would be kept for nothing. */
static void no_period_is_longer(void **state)
{
    static const int most[] = {[CALENDAR_DAY] = 366,
                               [CALENDAR_WEEK] = 52,
                               [CALENDAR_MONTH] = 12,
                               [CALENDAR_QUARTER] = 4,
                               [CALENDAR_YEAR] = 10};
    struct zone *z;
    (void)state;
    assert_int_equal(zone_open("Europe/Berlin", &z, NULL), 0);
    for (size_t i = 0; i < 24 * countof(most); i++) {
        size_t unit = i / 24, n = i % 12 * (size_t)most[unit] / 12 + 1;
        struct window_def w = {
            .type = WINDOW_CALENDAR, .unit = (enum calendar_unit)unit, .count = (int)n, .zone = z};
        if (i % 24 < 12) /* else from midnight of 1970-01-01, a Thursday */
            w.anchor_s = (when_days_from_civil(2020, 1, 20 + (int)i % 12) * 24 + 2) * 3600 + 1799;
        int64_t t = at("2019-01-01T00:00:00Z"), end = at("2033-01-02T00:00:00Z"), longest = 0;
        while (t < end) {
            struct span s = window_span(&w, t);
            longest = s.end_us - s.start_us > longest ? s.end_us - s.start_us : longest;
            t = s.end_us;
        }
        assert_true(window_longest_us(&w) >= longest);
        assert_true(window_longest_us(&w) <= longest + longest / 10 + USEC_PER_DAY);
    }
    zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rolling),
        cmocka_unit_test(calendar_periods),
        cmocka_unit_test(calendar_follows_the_wall_clock),
        cmocka_unit_test(missing_midnight),
        cmocka_unit_test(repeated_midnight),
        cmocka_unit_test(months_of_published_tables),
        cmocka_unit_test(periods_have_no_gaps),
        cmocka_unit_test(no_period_is_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
