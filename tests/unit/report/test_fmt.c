/* Numbers and foreign text as reports print them. */
#include "report/fmt.h"

#include "base/units.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void test_machine_numbers(void **state)
{
    char b[FMT_MAX];
    (void)state;
    assert_string_equal(fmt_real(b, 172.8, 6), "172.8");
    assert_string_equal(fmt_real(b, 100, 6), "100");
    assert_string_equal(fmt_real(b, 0.1 + 0.2, 6), "0.3");
    assert_string_equal(fmt_real(b, -0.0, 6), "0");
    assert_string_equal(fmt_real(b, -1e-12, 6), "0");
    assert_string_equal(fmt_real(b, 1e300, 6), "1e+300");
    assert_string_equal(fmt_ratio(b, 100 / 172.8), "0.578704");
    assert_string_equal(fmt_ratio(b, 1), "1.0");
    assert_string_equal(fmt_ratio(b, 0), "0.0");
    assert_string_equal(fmt_ratio(b, -0.0), "0.0");
    assert_string_equal(fmt_ratio(b, -10.9), "-10.9");
    assert_string_equal(fmt_ratio(b, 0.0000123456789), "0.0000123457");
    assert_string_equal(fmt_near_one(b, 172700.0 / 172800), "0.999421296");
    assert_string_equal(fmt_near_one(b, 1), "1.0");
    assert_string_equal(fmt_seconds(b, 12300), "0.0123");
    assert_string_equal(fmt_seconds(b, 2000000), "2.0");
    assert_string_equal(fmt_seconds(b, 0), "0.0");
    assert_string_equal(fmt_seconds(b, 5000120), "5.00012");
}

static void test_people_numbers(void **state)
{
    char b[FMT_MAX];
    (void)state;
    assert_string_equal(fmt_count(b, 0), "0");
    assert_string_equal(fmt_count(b, 999), "999");
    assert_string_equal(fmt_count(b, 172800), "172,800");
    assert_string_equal(fmt_count(b, -1234567), "-1,234,567");
    assert_string_equal(fmt_count(b, INT64_MIN), "-9,223,372,036,854,775,808");
    assert_string_equal(fmt_events(b, 172.84), "172.8");
    assert_string_equal(fmt_events(b, 12400.4), "12,400");
    assert_string_equal(fmt_percent(b, 0.4213, 1), "42.1%");
    assert_string_equal(fmt_percent(b, -0.0001, 1), "0.0%");
    assert_string_equal(fmt_percent(b, -24.5, 1), "-2,450.0%");
    assert_string_equal(fmt_percent(b, NAN, 1), FMT_NONE);
    assert_string_equal(fmt_floor(b, 0.9999999, 3), "99.999%");
    assert_string_equal(fmt_floor(b, 0.999, 3), "99.900%");
    assert_string_equal(fmt_floor(b, 1, 3), "100%");
    assert_string_equal(fmt_burn(b, 0), "0.00");
    assert_string_equal(fmt_burn(b, 14.4), "14.4");
    assert_string_equal(fmt_burn(b, 9.999), "10.0");
    assert_string_equal(fmt_factor(b, (struct decimal){144, 1}), "14.4");
    assert_string_equal(fmt_factor(b, (struct decimal){13125, 3}), "13.125");
    assert_string_equal(fmt_factor(b, (struct decimal){2142857142857, 12}), "2.143");
    assert_string_equal(fmt_factor(b, (struct decimal){1000, 0}), "1000");
    assert_string_equal(fmt_burn(b, 1000), "1,000");
    assert_string_equal(fmt_burn(b, INFINITY), FMT_NONE);
    assert_string_equal(fmt_latency(b, -1, false), FMT_NONE);
    assert_string_equal(fmt_latency(b, 12300, true), "\xe2\x89\xa5"
                                                     "12.3ms");
}

/* A miss by one event in a million is never printed as a hit. */
static void test_sli_is_floored(void **state)
{
    char b[FMT_MAX];
    struct slo_def def = {.target = {999, 3}};
    struct report_slo s = {.def = &def, .has_sli = true, .sli = 998999.0 / 1000000};
    (void)state;
    assert_string_equal(fmt_sli(b, &s), "99.899%");
    s.sli = 0.999;
    assert_string_equal(fmt_sli(b, &s), "99.900%");
    s.has_sli = false;
    assert_string_equal(fmt_sli(b, &s), FMT_NONE);
}

static void test_time(void **state)
{
    char b[FMT_MAX];
    int64_t at = 1795219200000000LL + 8 * USEC_PER_HOUR + 15 * USEC_PER_SEC;
    (void)state;
    assert_string_equal(fmt_day(b, at), "21 Nov");
    assert_string_equal(fmt_date(b, at), "21 Nov 2026");
    assert_string_equal(fmt_clock(b, at), "08:00");
    assert_string_equal(fmt_instant(b, at), "21 Nov 2026 08:00 UTC");
    assert_string_equal(fmt_stamp(b, at), "2026-11-21 08:00:15");
    assert_string_equal(fmt_span(b, 3 * USEC_PER_DAY + 4 * USEC_PER_HOUR + 5), "3d 4h");
    assert_string_equal(fmt_span(b, 45 * USEC_PER_MIN), "45m");
    assert_string_equal(fmt_span(b, 0), "0us");
}

static void clean_is(const char *in, size_t columns, const char *want)
{
    struct str s;
    str_init(&s, 1024);
    fmt_clean(&s, in, columns);
    assert_string_equal(s.buf, want);
    str_release(&s);
}

static void test_foreign_text(void **state)
{
    (void)state;
    clean_is("plain", 80, "plain");
    clean_is("caf\xc3\xa9 \xf0\x9f\x94\xa5", 80, "caf\xc3\xa9 \xf0\x9f\x94\xa5");
    clean_is("\033[31mred\x07", 80, "\xef\xbf\xbd[31mred\xef\xbf\xbd");
    clean_is("two\r\nlines", 80, "two  lines");
    clean_is("\xc2\x9b"
             "31m",
             80,
             "\xef\xbf\xbd"
             "31m"); /* C1 CSI */
    clean_is("\xff\xc0\xaf", 80, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    clean_is("a\xe2\x80\xae"
             "b",
             80,
             "a\xef\xbf\xbd"
             "b");                                        /* override */
    clean_is("\xe2\x82", 80, "\xef\xbf\xbd\xef\xbf\xbd"); /* cut off */
    clean_is("abcdef", 4, "abc\xe2\x80\xa6");
    clean_is("abcd", 4, "abcd");
    clean_is("", 0, "");
    assert_int_equal(fmt_columns("caf\xc3\xa9"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine_numbers), cmocka_unit_test(test_people_numbers),
        cmocka_unit_test(test_sli_is_floored),  cmocka_unit_test(test_time),
        cmocka_unit_test(test_foreign_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
