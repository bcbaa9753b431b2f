#include "io/zone.h"

#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void expect(const char *zone, struct civil c, const char *utc)
{
    struct zone *z;
    char text[WHEN_MAX];
    assert_int_equal(zone_open(zone, &z, NULL), 0);
    assert_string_equal(when_text(text, zone_to_us(z, c)), utc);
    zone_free(z);
}

static void ordinary_times(void **state)
{
    (void)state;
    expect("UTC", (struct civil){2026, 11, 21, 12, 30, 5}, "2026-11-21T12:30:05Z");
    expect("Europe/Berlin", (struct civil){2026, 7, 1, 0, 0, 0}, "2026-06-30T22:00:00Z");
    expect("Europe/Berlin", (struct civil){2026, 12, 1, 0, 0, 0}, "2026-11-30T23:00:00Z");
    expect("Asia/Kathmandu", (struct civil){2026, 1, 1, 0, 0, 0}, "2025-12-31T18:15:00Z");
    /* far beyond the transitions that the file lists */
    expect("Europe/Berlin", (struct civil){2060, 7, 1, 0, 0, 0}, "2060-06-30T22:00:00Z");
    expect("Europe/Berlin", (struct civil){2060, 1, 1, 0, 0, 0}, "2059-12-31T23:00:00Z");
}

static void skipped_times_move_forward(void **state)
{
    (void)state;
    expect("Europe/Berlin", (struct civil){2026, 3, 29, 2, 0, 0}, "2026-03-29T01:00:00Z");
    expect("Europe/Berlin", (struct civil){2026, 3, 29, 2, 30, 0}, "2026-03-29T01:30:00Z");
    expect("Europe/Berlin", (struct civil){2026, 3, 29, 3, 0, 0}, "2026-03-29T01:00:00Z");
    expect("Australia/Lord_Howe", (struct civil){2026, 10, 4, 2, 15, 0}, "2026-10-03T15:45:00Z");
}

static void repeated_times_are_the_first(void **state)
{
    (void)state;
    expect("Europe/Berlin", (struct civil){2026, 10, 25, 2, 30, 0}, "2026-10-25T00:30:00Z");
    expect("Europe/Berlin", (struct civil){2026, 10, 25, 3, 0, 0}, "2026-10-25T02:00:00Z");
    expect("America/New_York", (struct civil){2026, 11, 1, 1, 0, 0}, "2026-11-01T05:00:00Z");
}

static void fields_overflow(void **state)
{
    (void)state;
    expect("UTC", (struct civil){2026, 13, 1, 0, 0, 0}, "2027-01-01T00:00:00Z");
    expect("UTC", (struct civil){2026, 0, 1, 0, 0, 0}, "2025-12-01T00:00:00Z");
    expect("UTC", (struct civil){2026, 2, 31, 0, 0, 0}, "2026-03-03T00:00:00Z");
    expect("UTC", (struct civil){2026, 1, 1, 24, 60, 0}, "2026-01-02T01:00:00Z");
}

static void instants_to_wall_clocks(void **state)
{
    (void)state;
    struct zone *z;
    assert_int_equal(zone_open("Europe/Berlin", &z, NULL), 0);
    for (int64_t us = 1767225600000000; us < 1798761600000000; us += 1800000000) {
        struct civil c = zone_from_us(z, us);
        int64_t back = zone_to_us(z, c);
        /* only the repeated hour does not come back to itself */
        assert_true(back == us || back == us - 3600000000);
    }
    struct civil c = zone_from_us(z, -1);
    assert_int_equal(c.year, 1970);
    assert_int_equal(c.hour, 0);
    assert_int_equal(c.second, 59);
    zone_free(z);
}

static void names_that_are_no_zones(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",       "Europe/Berln", "/etc/passwd", "../UTC",        "ABC5",
        "+02:00", "Europe",       ":UTC",        "posixrules,M3", "Europe/Berlin\n"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct zone *z = NULL;
        struct err err = {{0}};
        assert_int_equal(zone_open(names[i], &z, &err), -1);
        assert_null(z);
        assert_non_null(strstr(err.msg, names[i]));
    }
    zone_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_times),
        cmocka_unit_test(skipped_times_move_forward),
        cmocka_unit_test(repeated_times_are_the_first),
        cmocka_unit_test(fields_overflow),
        cmocka_unit_test(instants_to_wall_clocks),
        cmocka_unit_test(names_that_are_no_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
