/* Time intervals at an instant: days, months, zones, and the routes that have them. */
#include "../cmocka_all.h"

#include "alert/mute.h"
#include "base/mem.h"
#include "base/when.h"
#include "io/zone.h"

static int64_t at(const char *text)
{
    struct err err = {0};
    int64_t us;
    if (when_parse(text, strlen(text), &us, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return us;
}

static struct zone *open_zone(const char *name)
{
    struct zone *z;
    struct err err;
    assert_int_equal(zone_open(name, &z, &err), 0);
    return z;
}

#define RANGES(...)                                                                                \
    {                                                                                              \
        (struct time_range_def[]){__VA_ARGS__}, countof(((struct time_range_def[]){__VA_ARGS__}))  \
    }

static void holds(const struct time_interval_part *part, const char *instant, bool expected)
{
    struct time_interval_part copy = *part;
    struct time_interval_def t = {.name = "t", .parts = &copy, .n = 1};
    if (mute_holds(&t, at(instant)) != expected)
        fail_msg("%s: %s", instant, expected ? "is not within" : "is within");
}

static void test_each(void **state)
{
    (void)state;
    struct zone *utc = open_zone("UTC");
    const struct time_interval_part all = {.zone = utc},
                                    night = {.zone = utc,
                                             .minutes = RANGES({0, 360}, {1320, 1440})},
                                    week = {.zone = utc, .weekdays = RANGES({1, 5})},
                                    sunday = {.zone = utc, .weekdays = RANGES({0, 0})},
                                    march = {.zone = utc, .months = RANGES({3, 3}, {12, 12})},
                                    year = {.zone = utc, .years = RANGES({2027, 2028})};
    holds(&all, "2026-11-22T02:00:00Z", true);
    holds(&night, "2026-11-22T05:59:59.999999Z", true);
    holds(&night, "2026-11-22T06:00:00Z", false);
    holds(&night, "2026-11-22T21:59:59Z", false);
    holds(&night, "2026-11-22T22:00:00Z", true);
    holds(&night, "2026-11-22T23:59:59Z", true);
    holds(&week, "2026-11-22T12:00:00Z", false); /* a Sunday */
    holds(&sunday, "2026-11-22T12:00:00Z", true);
    holds(&week, "2026-11-23T00:00:00Z", true);
    holds(&week, "2026-11-27T23:59:59Z", true);
    holds(&week, "2026-11-28T00:00:00Z", false);
    holds(&march, "2026-03-31T23:59:59Z", true);
    holds(&march, "2026-04-01T00:00:00Z", false);
    holds(&march, "2026-12-31T23:59:59Z", true);
    holds(&year, "2026-12-31T23:59:59Z", false);
    holds(&year, "2027-01-01T00:00:00Z", true);
    holds(&year, "2028-12-31T23:59:59Z", true);
    holds(&year, "2029-01-01T00:00:00Z", false);
    zone_free(utc);
}

static void test_days_of_month(void **state)
{
    (void)state;
    struct zone *utc = open_zone("UTC");
    const struct time_interval_part first = {.zone = utc, .days = RANGES({1, 5})},
                                    last = {.zone = utc, .days = RANGES({-3, -1})},
                                    late = {.zone = utc, .days = RANGES({30, 31})},
                                    from20 = {.zone = utc, .days = RANGES({20, -2})},
                                    longest = {.zone = utc, .days = RANGES({-31, -28})};
    holds(&first, "2026-02-05T23:00:00Z", true);
    holds(&first, "2026-02-06T00:00:00Z", false);
    holds(&last, "2026-02-25T23:00:00Z", false);
    holds(&last, "2026-02-26T00:00:00Z", true);
    holds(&last, "2028-02-26T00:00:00Z", false); /* a leap year */
    holds(&last, "2028-02-29T00:00:00Z", true);
    holds(&last, "2026-12-28T23:00:00Z", false);
    holds(&last, "2026-12-29T00:00:00Z", true);
    holds(&late, "2026-02-28T00:00:00Z", false);
    holds(&late, "2026-04-30T00:00:00Z", true);
    holds(&from20, "2026-04-29T00:00:00Z", true);
    holds(&from20, "2026-04-30T00:00:00Z", false);
    holds(&longest, "2026-02-01T00:00:00Z", true); /* 28 from the end is the first */
    holds(&longest, "2026-02-02T00:00:00Z", false);
    zone_free(utc);
}

static void test_zone(void **state)
{
    (void)state;
    struct zone *berlin = open_zone("Europe/Berlin");
    const struct time_interval_part office = {.zone = berlin,
                                              .minutes = RANGES({540, 1020}),
                                              .weekdays = RANGES({1, 5})},
                                    skipped = {.zone = berlin, .minutes = RANGES({120, 180})},
                                    new_year = {.zone = berlin,
                                                .days = RANGES({1, 1}),
                                                .months = RANGES({1, 1})};
    holds(&office, "2026-03-27T07:59:00Z", false);
    holds(&office, "2026-03-27T08:00:00Z", true);
    holds(&office, "2026-03-30T07:00:00Z", true); /* in summer time */
    holds(&office, "2026-03-30T15:00:00Z", false);
    for (int minute = 0; minute < 60; minute++) { /* 2:00 to 3:00 is not that night, */
        int64_t t = at("2026-03-29T00:30:00Z") + minute * 60000000LL;
        struct time_interval_part copy = skipped;
        struct time_interval_def d = {.parts = &copy, .n = 1};
        assert_false(mute_holds(&d, t));
    }
    holds(&skipped, "2026-10-25T00:30:00Z", true); /* and twice in autumn */
    holds(&skipped, "2026-10-25T01:30:00Z", true);
    holds(&new_year, "2026-12-31T23:00:00Z", true);
    holds(&new_year, "2026-12-31T22:59:59Z", false);
    zone_free(berlin);
}

static void test_routes(void **state)
{
    (void)state;
    struct zone *utc = open_zone("UTC");
    struct time_interval_part night = {.zone = utc, .minutes = RANGES({0, 360})},
                              noon[] = {{.zone = utc, .minutes = RANGES({600, 700})},
                                        {.zone = utc, .minutes = RANGES({720, 780})}};
    struct time_interval_def intervals[] = {{.name = "night", .parts = &night, .n = 1},
                                            {.name = "noon", .parts = noon, .n = 2},
                                            {.name = "never"}};
    struct routing_def r = {.intervals = intervals, .interval_count = 3};
    const char *names[] = {"night", "noon", "never"};
    struct route_def plain = {0}, mute = {.mute_time_intervals = {names, 2}},
                     active = {.active_time_intervals = {names + 1, 2}},
                     both = {.mute_time_intervals = {names + 1, 1},
                             .active_time_intervals = {names, 2}};
    int64_t early = at("2026-11-22T03:00:00Z"), lunch = at("2026-11-22T12:30:00Z"),
            evening = at("2026-11-22T20:00:00Z");
    assert_null(mute_find(&r, &plain, early));
    assert_ptr_equal(mute_find(&r, &mute, early), &intervals[0]);
    assert_ptr_equal(mute_find(&r, &mute, lunch), &intervals[1]);
    assert_null(mute_find(&r, &mute, evening));
    assert_null(mute_find(&r, &active, lunch));
    assert_ptr_equal(mute_find(&r, &active, evening), &intervals[1]);
    assert_null(mute_find(&r, &both, early));
    assert_ptr_equal(mute_find(&r, &both, lunch), &intervals[1]); /* mute wins */
    assert_ptr_equal(mute_find(&r, &both, evening), &intervals[0]);
    zone_free(utc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each),
                                       cmocka_unit_test(test_days_of_month),
                                       cmocka_unit_test(test_zone), cmocka_unit_test(test_routes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
