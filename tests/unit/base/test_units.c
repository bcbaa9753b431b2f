#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/units.h"

#include <string.h>

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
        const char *shown;
    } cases[] = {
        {"500us", 500, "500us"},
        {"500ms", 500000, "500ms"},
        {"15s", 15 * USEC_PER_SEC, "15s"},
        {"90s", 90 * USEC_PER_SEC, "1m30s"},
        {"5m", 5 * USEC_PER_MIN, "5m"},
        {"60m", USEC_PER_HOUR, "1h"},
        {"1h30m", 90 * USEC_PER_MIN, "1h30m"},
        {"30d", 30 * USEC_PER_DAY, "30d"},
        {"2w", 14 * USEC_PER_DAY, "14d"},
        {"1w1d1h1m1s1ms1us", 8 * USEC_PER_DAY + 3661001001, "8d1h1m1s1ms1us"},
        {"36500d", UNITS_DURATION_MAX, "36500d"},
    };
    char buf[UNITS_MAX];
    for (size_t i = 0; i < countof(cases); i++) {
        int64_t us = -1;
        struct err err;
        assert_int_equal(units_parse_duration(cases[i].text, &us, &err), 0);
        assert_int_equal(us, cases[i].us);
        assert_string_equal(units_duration(buf, us), cases[i].shown);
    }
    assert_string_equal(units_duration(buf, 0), "0s");
    assert_string_equal(units_duration(buf, -90 * USEC_PER_SEC), "-1m30s");
    assert_string_equal(units_duration(buf, INT64_MIN), "-106751991d4h54s775ms808us");
}

static void bad_durations(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "15",
        "s",
        "0s",
        "-1s",
        "+1s",
        "1.5s",
        "1 s",
        " 1s",
        "1s ",
        "1m1h",
        "1s1s",
        "1S",
        "1M",
        "1y",
        "1mo",
        "36501d",
        "36500d1us",
        "9223372036854775807s",
        "9223372036854775808us",
        "99999999999999999999999s",
        "1h0m",
        "1h30",
        "15sec",
        "0x1s",
        "\xc2\xb5s",
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct err err = {""};
        int64_t us = 42;
        assert_int_equal(units_parse_duration(cases[i], &us, &err), -1);
        assert_int_equal(us, 42);
        assert_non_null(strstr(err.msg, "us, ms, s, m, h, d or w"));
    }
    struct err err;
    int64_t us;
    units_parse_duration("15", &us, &err);
    assert_non_null(strstr(err.msg, "found '15'"));
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
        const char *shown;
    } cases[] = {
        {"0B", 0, "0B"},           {"512B", 512, "512B"},
        {"1024B", 1024, "1KiB"},   {"64KiB", 65536, "64KiB"},
        {"1MiB", 1 << 20, "1MiB"}, {"2GiB", 2LL << 30, "2GiB"},
        {"1kB", 1000, "1kB"},      {"1500kB", 1500000, "1500kB"},
        {"3MB", 3000000, "3MB"},   {"1GB", 1000000000, "1GB"},
        {"1025B", 1025, "1025B"},
    };
    char buf[UNITS_MAX];
    for (size_t i = 0; i < countof(cases); i++) {
        int64_t n;
        struct err err;
        assert_int_equal(units_parse_size(cases[i].text, &n, &err), 0);
        assert_int_equal(n, cases[i].bytes);
        assert_string_equal(units_size(buf, n), cases[i].shown);
    }
    static const char *const bad[] = {
        "",      "64",     "KiB", "64K",      "64KB",
        "64kib", "1.5MiB", "-1B", "1MiB1KiB", "9223372036854775807KiB",
        "1 B"};
    for (size_t i = 0; i < countof(bad); i++) {
        int64_t n;
        struct err err = {""};
        assert_int_equal(units_parse_size(bad[i], &n, &err), -1);
        assert_non_null(strstr(err.msg, "KiB"));
    }
}

static void human(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "0us"},
        {7, "7us"},
        {843, "843us"},
        {999, "999us"},
        {1000, "1.00ms"},
        {1234, "1.23ms"},
        {1235, "1.24ms"},
        {9994, "9.99ms"},
        {9995, "10.0ms"},
        {12345, "12.3ms"},
        {123456, "123ms"},
        {999499, "999ms"},
        {999500, "1.00s"},
        {1250000, "1.25s"},
        {12500000, "12.5s"},
        {59949999, "59.9s"},
        {59950000, "1m00s"},
        {65400000, "1m05s"},
        {3599600000, "60m00s"},
        {3600000000, "1h00m"},
        {90061000000, "1d01h"},
        {-1500, "-1.50ms"},
    };
    char buf[UNITS_MAX];
    for (size_t i = 0; i < countof(cases); i++)
        assert_string_equal(units_human_us(buf, cases[i].us), cases[i].text);
    assert_string_equal(units_human_size(buf, 0), "0B");
    assert_string_equal(units_human_size(buf, 843), "843B");
    assert_string_equal(units_human_size(buf, 12345), "12.3kB");
    assert_string_equal(units_human_size(buf, 999950), "1.00MB");
    assert_string_equal(units_human_size(buf, 1250000000), "1.25GB");
    assert_string_equal(units_human_size(buf, 12345678900000), "12.3TB");
    units_human_us(buf, INT64_MAX);
    units_human_us(buf, INT64_MIN);
}

static void check_decimal(const char *text, int64_t n, int scale, const char *shown)
{
    struct decimal d;
    struct err err;
    char buf[UNITS_MAX];
    assert_int_equal(decimal_parse(text, &d, &err), 0);
    assert_int_equal(d.n, n);
    assert_int_equal(d.scale, scale);
    assert_string_equal(decimal_text(buf, d), shown);
}

static void check_percent(const char *text, int64_t n, int scale, const char *shown)
{
    struct decimal d;
    struct err err;
    char buf[UNITS_MAX];
    assert_int_equal(decimal_parse_percent(text, &d, &err), 0);
    assert_int_equal(d.n, n);
    assert_int_equal(d.scale, scale);
    assert_string_equal(decimal_percent(buf, d), shown);
}

static void decimals(void **state)
{
    (void)state;
    check_decimal("14.4", 144, 1, "14.4");
    check_decimal("6", 6, 0, "6");
    check_decimal("0", 0, 0, "0");
    check_decimal("0.000", 0, 0, "0");
    check_decimal("0.999", 999, 3, "0.999");
    check_decimal("1.50", 15, 1, "1.5");
    check_decimal("100", 100, 0, "100");
    check_decimal("007", 7, 0, "7");
    check_decimal("0.000000000001", 1, 12, "0.000000000001");
    check_decimal("1.00000000000000000000", 1, 0, "1");
    check_decimal("9223372036854775807", INT64_MAX, 0, "9223372036854775807");

    check_percent("99.9%", 999, 3, "99.9%");
    check_percent("99.99%", 9999, 4, "99.99%");
    check_percent("99%", 99, 2, "99%");
    check_percent("90%", 9, 1, "90%");
    check_percent("100%", 1, 0, "100%");
    check_percent("0%", 0, 0, "0%");
    check_percent("0.5%", 5, 3, "0.5%");
    check_percent("0.0000000001%", 1, 12, "0.0000000001%");
    check_percent("1000%", 10, 0, "1000%");
}

static void bad_decimals(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        ".",
                                        "1.",
                                        ".5",
                                        "-1",
                                        "+1",
                                        "1e3",
                                        "1,5",
                                        "1.2.3",
                                        " 1",
                                        "0.0000000000001",
                                        "9223372036854775808",
                                        "nan",
                                        "0x10",
                                        "1%"};
    for (size_t i = 0; i < countof(cases); i++) {
        struct decimal d;
        struct err err = {""};
        assert_int_equal(decimal_parse(cases[i], &d, &err), -1);
        assert_true(err.msg[0]);
    }
    static const char *const percents[] = {"",      "%",   "99.9",   "0.999",         "99.9 %",
                                           "99,9%", "-1%", "99.9%%", "0.00000000001%"};
    for (size_t i = 0; i < countof(percents); i++) {
        struct decimal d;
        struct err err = {""};
        assert_int_equal(decimal_parse_percent(percents[i], &d, &err), -1);
        assert_non_null(strstr(err.msg, "99.9%"));
    }
}

static void decimal_arithmetic(void **state)
{
    (void)state;
    struct decimal a = {999, 3}, b = {9, 1}, big = {INT64_MAX, 0}, tiny = {1, 12};
    assert_int_equal(decimal_cmp(a, b), 1);
    assert_int_equal(decimal_cmp(b, a), -1);
    assert_int_equal(decimal_cmp(a, a), 0);
    assert_int_equal(decimal_cmp(big, tiny), 1);
    struct decimal rest = decimal_one_minus(a);
    assert_int_equal(rest.n, 1);
    assert_int_equal(rest.scale, 3);
    rest = decimal_one_minus((struct decimal){1, 0});
    assert_int_equal(rest.n, 0);
    assert_int_equal(rest.scale, 0);
    rest = decimal_one_minus((struct decimal){0, 0});
    assert_int_equal(rest.n, 1);
    assert_true(decimal_double(a) == 0.999);
    assert_int_equal(decimal_pow10(18), 1000000000000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(bad_durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(human),
        cmocka_unit_test(decimals),
        cmocka_unit_test(bad_decimals),
        cmocka_unit_test(decimal_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
