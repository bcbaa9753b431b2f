/* when and clock. */
#include "../cmocka_all.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"

#include <string.h>

static void instants(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
        const char *shown;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
        {"2026-10-22T08:00:00Z", 1792656000000000, "2026-10-22T08:00:00Z"},
        {"2026-10-22T08:00:00.123Z", 1792656000123000, "2026-10-22T08:00:00.123Z"},
        {"2026-10-22T08:00:00.5Z", 1792656000500000, "2026-10-22T08:00:00.500Z"},
        {"2026-10-22T08:00:00.000001Z", 1792656000000001, "2026-10-22T08:00:00.000001Z"},
        {"2026-10-22T08:00:00.123456999Z", 1792656000123456, "2026-10-22T08:00:00.123456Z"},
        {"2026-10-22T10:00:00+02:00", 1792656000000000, "2026-10-22T08:00:00Z"},
        {"2026-10-22T01:30:00-06:30", 1792656000000000, "2026-10-22T08:00:00Z"},
        {"2024-02-29T23:59:59Z", 1709251199000000, "2024-02-29T23:59:59Z"},
        {"2000-02-29T00:00:00Z", 951782400000000, "2000-02-29T00:00:00Z"},
        {"9999-12-31T23:59:59.999999Z", 253402300799999999, "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        int64_t us = -1;
        struct err err = {""};
        char buf[WHEN_MAX];
        assert_int_equal(when_parse(cases[i].text, strlen(cases[i].text), &us, &err), 0);
        assert_int_equal(us, cases[i].us);
        assert_string_equal(when_text(buf, us), cases[i].shown);
    }
}

static void not_instants(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2026",
        "2026-10-22",
        "2026-10-22T08:00:00",
        "2026-10-22 08:00:00Z",
        "2026-10-22T08:00Z",
        "2026-10-22t08:00:00z",
        "2026-1-22T08:00:00Z",
        "2026-10-22T08:00:00.Z",
        "2026-10-22T08:00:00.1234567890Z",
        "2026-10-22T08:00:00+0200",
        "2026-10-22T08:00:00+24:00",
        "2026-10-22T08:00:00Zx",
        "2026-10-22T24:00:00Z",
        "2026-10-22T08:60:00Z",
        "2026-10-22T08:00:60Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-04-00T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "+2026-10-22T08:00:00Z",
    };
    for (size_t i = 0; i < countof(cases); i++) {
        int64_t us = 42;
        struct err err = {""};
        assert_int_equal(when_parse(cases[i], strlen(cases[i]), &us, &err), -1);
        assert_int_equal(us, 42);
        assert_non_null(strstr(err.msg, cases[i]));
    }
    int64_t us;
    struct err err;
    assert_int_equal(when_parse("2026-10-22T08:00:00Zjunk", 20, &us, &err), 0);
}

static void every_day_round_trips(void **state)
{
    (void)state;
    int64_t year = 1970;
    int month = 1, day = 1;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int64_t days = 0; days < 200000; days++) {
        int64_t y;
        int m, d;
        when_civil_from_days(days, &y, &m, &d);
        assert_true(y == year && m == month && d == day);
        assert_true(when_days_from_civil(y, m, d) == days);
        int leap = month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
        if (++day > lengths[month - 1] + leap) {
            day = 1;
            if (++month > 12) {
                month = 1;
                year++;
            }
        }
    }
    char buf[WHEN_MAX];
    assert_string_equal(when_text(buf, -1), "1969-12-31T23:59:59.999999Z");
}

struct fake {
    int64_t wall, boot;
};

static int64_t fake_wall(void *ctx)
{
    return ((struct fake *)ctx)->wall;
}

static int64_t fake_boot(void *ctx)
{
    return ((struct fake *)ctx)->boot;
}

static void pass(struct fake *f, int64_t us)
{
    f->wall += us;
    f->boot += us;
}

static void forward_step_jumps(void **state)
{
    (void)state;
    struct fake f = {1000000, 500};
    struct clock c;
    clock_init_sources(&c, fake_wall, fake_boot, &f);
    assert_int_equal(clock_now(&c), 1000000);
    pass(&f, 70);
    assert_int_equal(clock_now(&c), 1000070);
    f.wall += 3600 * USEC_PER_SEC;
    assert_int_equal(clock_now(&c), 1000070 + 3600 * USEC_PER_SEC);
    pass(&f, 5); /* a suspend passes on both clocks: also a plain advance */
    assert_int_equal(clock_now(&c), 1000075 + 3600 * USEC_PER_SEC);
}

static void backward_step_is_slewed_until_equal(void **state)
{
    (void)state;
    struct fake f = {10 * USEC_PER_SEC, 0};
    struct clock c;
    clock_init_sources(&c, fake_wall, fake_boot, &f);
    f.wall -= 4 * USEC_PER_SEC; /* engine time is 4 s ahead now */
    assert_int_equal(clock_now(&c), 10 * USEC_PER_SEC);
    pass(&f, 2 * USEC_PER_SEC);
    assert_int_equal(clock_now(&c), 11 * USEC_PER_SEC); /* half rate; wall is 8 s */
    pass(&f, 5 * USEC_PER_SEC);
    assert_int_equal(clock_now(&c), 13500000); /* wall 13 s */
    pass(&f, 1 * USEC_PER_SEC);
    assert_int_equal(clock_now(&c), 14 * USEC_PER_SEC); /* equal */
    pass(&f, 1 * USEC_PER_SEC);
    assert_int_equal(clock_now(&c), 15 * USEC_PER_SEC); /* full rate again */
}

static void slew_in_tiny_steps_does_not_stall(void **state)
{
    (void)state;
    struct fake f = {10000000, 0};
    struct clock c;
    clock_init_sources(&c, fake_wall, fake_boot, &f);
    f.wall -= 1000;
    int64_t last = clock_now(&c);
    for (int i = 0; i < 2000; i++) {
        pass(&f, 1);
        int64_t now = clock_now(&c);
        assert_true(now >= last && now >= f.wall);
        last = now;
        if (i == 999)
            assert_int_equal(now, 10000500); /* half of 1000 us */
    }
    assert_int_equal(last, f.wall);
}

static void forward_step_during_a_slew(void **state)
{
    (void)state;
    struct fake f = {10000000, 0};
    struct clock c;
    clock_init_sources(&c, fake_wall, fake_boot, &f);
    f.wall -= 5000000;
    assert_int_equal(clock_now(&c), 10000000);
    f.wall += 5000001;
    assert_int_equal(clock_now(&c), 10000001);
}

static void manual_clock(void **state)
{
    (void)state;
    struct clock c;
    clock_init_manual(&c, 100);
    assert_int_equal(clock_now(&c), 100);
    clock_set(&c, 200);
    clock_set(&c, 150);
    assert_int_equal(clock_now(&c), 200);
}

static void system_clock(void **state)
{
    (void)state;
    struct clock c;
    clock_init(&c);
    int64_t before = clock_wall_us(), a = clock_now(&c), b = clock_now(&c);
    assert_true(a >= before - USEC_PER_MIN && b >= a);
    int64_t m = clock_mono_ns();
    assert_true(clock_mono_ns() >= m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants),
        cmocka_unit_test(not_instants),
        cmocka_unit_test(every_day_round_trips),
        cmocka_unit_test(forward_step_jumps),
        cmocka_unit_test(backward_step_is_slewed_until_equal),
        cmocka_unit_test(slew_in_tiny_steps_does_not_stall),
        cmocka_unit_test(forward_step_during_a_slew),
        cmocka_unit_test(manual_clock),
        cmocka_unit_test(system_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
