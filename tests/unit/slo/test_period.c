#include "slo/period.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "io/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static struct period parsed(const char *text)
{
    struct period p;
    struct err err;
    if (period_parse(text, &p, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return p;
}

static void check(const char *text, const char *zone, const char *start, const char *end)
{
    struct zone *z = NULL;
    char a[WHEN_MAX], b[WHEN_MAX], name[PERIOD_MAX];
    struct period p = parsed(text);
    if (zone)
        assert_int_equal(zone_open(zone, &z, NULL), 0);
    struct span s = period_span(&p, z);
    assert_string_equal(when_text(a, s.start_us), start);
    assert_string_equal(when_text(b, s.end_us), end);
    assert_string_equal(period_text(name, &p), text);
    zone_free(z);
}

static void shapes(void **state)
{
    (void)state;
    check("2026", NULL, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    check("2026-Q3", NULL, "2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z");
    check("2026-Q4", NULL, "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z");
    check("2026-12", NULL, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    check("2024-02", NULL, "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
    check("2024-02-29", NULL, "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z");
    check("2026-12-31", NULL, "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z");
    check("2026-W45", NULL, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z");
    check("2026-W01", NULL, "2025-12-29T00:00:00Z", "2026-01-05T00:00:00Z");
    check("2026-W53", NULL, "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z");
}

static void zones(void **state)
{
    (void)state;
    check("2026-10", "Europe/Berlin", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
    check("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"); /* 23 h */
    check("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"); /* 25 h */
    check("2026-W44", "America/New_York", "2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z");
    check("2026-Q1", "Asia/Kolkata", "2025-12-31T18:30:00Z", "2026-03-31T18:30:00Z");
    check("2026", "Australia/Lord_Howe", "2025-12-31T13:00:00Z", "2026-12-31T13:00:00Z");
}

static void check_before(const char *text, const char *wanted)
{
    char name[PERIOD_MAX];
    struct period p = parsed(text), before = period_before(&p);
    struct span a = period_span(&before, NULL), b = period_span(&p, NULL);
    assert_string_equal(period_text(name, &before), wanted);
    assert_int_equal(a.end_us, b.start_us);
}

static void the_one_before(void **state)
{
    (void)state;
    check_before("2026", "2025");
    check_before("2026-Q1", "2025-Q4");
    check_before("2026-01", "2025-12");
    check_before("2026-03-01", "2026-02-28");
    check_before("2024-03-01", "2024-02-29");
    check_before("2027-W01", "2026-W53");
    check_before("2026-W01", "2025-W52");
}

/* Every day of 130 years, and its week as the C library names it. */
static void every_day(void **state)
{
    (void)state;
    char text[64], name[PERIOD_MAX];
    int64_t from = when_days_from_civil(1971, 1, 4), to = when_days_from_civil(2101, 1, 1);
    for (int64_t day = from; day < to; day++) {
        time_t t = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(text, sizeof text, "%Y-%m-%d", &tm);
        struct period p = parsed(text);
        assert_int_equal(period_span(&p, NULL).start_us, day * USEC_PER_DAY);
        assert_string_equal(period_text(name, &p), text);
        strftime(text, sizeof text, "%G-W%V", &tm);
        p = parsed(text);
        struct span s = period_span(&p, NULL);
        assert_true(s.start_us <= day * USEC_PER_DAY && day * USEC_PER_DAY < s.end_us);
        assert_int_equal(s.end_us - s.start_us, 7 * USEC_PER_DAY);
        assert_string_equal(period_text(name, &p), text);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "expected a period"},          {"26", "expected a period"},
        {"2026-", "expected a period"},     {"2026-1", "expected a period"},
        {"2026-10-", "expected a period"},  {"2026-10-1", "expected a period"},
        {"2026-10-21x", "found '2026-10"},  {"2026-q3", "expected a period"},
        {"2026-Q33", "expected a period"},  {"2026-W45-1", "expected a period"},
        {"2026/10", "expected a period"},   {"-2026", "expected a period"},
        {" 2026", "expected a period"},     {"2026-10-21T00:00:00Z", "expected a period"},
        {"2026-Q0", "no quarter 0"},        {"2026-Q5", "no quarter 5"},
        {"2026-W00", "no week 0 in 2026"},  {"2025-W53", "no week 53 in 2025"},
        {"2026-W54", "no week 54 in 2026"}, {"2026-00", "no month 00"},
        {"2026-13", "no month 13"},         {"2026-02-29", "2026-02 has 28 days, none is 29"},
        {"2026-10-00", "none is 0"},        {"1970", "years are 1971 to 9998"},
        {"9999-12", "years are"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct period p;
        struct err err = {{0}};
        assert_int_equal(period_parse(cases[i].text, &p, &err), -1);
        if (!strstr(err.msg, cases[i].says))
            fail_msg("%s: %s", cases[i].text, err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),    cmocka_unit_test(zones),   cmocka_unit_test(the_one_before),
        cmocka_unit_test(every_day), cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
