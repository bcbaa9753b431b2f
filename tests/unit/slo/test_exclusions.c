/* The spans of sets of exclusions, and what each one by itself must be. */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "slo/exclusions.h"

#include <string.h>

#define MIN USEC_PER_MIN

static int64_t at(const char *text)
{
    int64_t us;
    assert_int_equal(when_parse(text, strlen(text), &us, NULL), 0);
    return us;
}

static struct exclusion once(enum exclusion_mode mode, int64_t from_min, int64_t to_min)
{
    return (struct exclusion){.mode = mode,
                              .name = "",
                              .timezone = "UTC",
                              .from_us = from_min * MIN,
                              .to_us = to_min * MIN};
}

static struct exclusion again(const char *rrule, const char *zone, const char *from,
                              int64_t minutes)
{
    return (struct exclusion){.name = "",
                              .rrule = rrule,
                              .timezone = zone,
                              .from_us = at(from),
                              .to_us = at(from) + minutes * MIN};
}

static struct exclusions *make(const struct exclusion *list, size_t n)
{
    const struct exclusion *pointers[16];
    struct exclusions *x = NULL;
    struct err err;
    assert_true(n <= 16);
    for (size_t i = 0; i < n; i++)
        pointers[i] = &list[i];
    if (exclusions_make(pointers, n, &x, &err) < 0)
        fail_msg("%s", err.msg);
    return x;
}

/* "d10-20 g30-40", in minutes. */
static void expect_spans(const struct exclusions *x, const char *text)
{
    struct str got;
    struct exclusion_span s;
    str_init(&got, 4096);
    int64_t t = 0;
    for (; exclusions_next(x, t, &s); t = s.end_us) {
        assert_true(s.start_us >= t && s.end_us > s.start_us);
        str_addf(&got, "%s%c%lld-%lld", got.len ? " " : "", s.mode == EXCLUSION_DROP ? 'd' : 'g',
                 s.start_us / MIN, s.end_us / MIN);
    }
    assert_string_equal(got.buf, text);
    str_release(&got);
}

static void none(void **state)
{
    (void)state;
    struct exclusion_span s;
    assert_false(exclusions_next(NULL, 0, &s));
    assert_string_equal(exclusions_key(NULL), "");
    assert_null(exclusions_ref(NULL));
    exclusions_unref(NULL);
    assert_null(make(NULL, 0));
}

static void joins(void **state)
{
    (void)state;
    const struct exclusion list[] = {
        once(EXCLUSION_DROP, 50, 60),       once(EXCLUSION_DROP, 10, 20),
        once(EXCLUSION_DROP, 15, 30),       once(EXCLUSION_COUNT_GOOD, 70, 80),
        once(EXCLUSION_COUNT_GOOD, 72, 75),
    };
    struct exclusions *x = make(list, countof(list));
    expect_spans(x, "d10-30 d50-60 g70-80");
    assert_string_equal(exclusions_key(x), "drop 10-30, drop 50-60, count_good 70-80");
    exclusions_unref(x);
}

static void drop_holds(void **state)
{
    (void)state;
    const struct exclusion list[] = {
        once(EXCLUSION_COUNT_GOOD, 10, 50), once(EXCLUSION_DROP, 20, 25),
        once(EXCLUSION_DROP, 30, 35),       once(EXCLUSION_DROP, 45, 60),
        once(EXCLUSION_COUNT_GOOD, 55, 58), once(EXCLUSION_COUNT_GOOD, 59, 61),
    };
    struct exclusions *x = make(list, countof(list));
    struct exclusion_span s;
    expect_spans(x, "g10-20 d20-25 g25-30 d30-35 g35-45 d45-60 g60-61");
    /* Asked in the midst of one. */
    assert_true(exclusions_next(x, 27 * MIN, &s));
    assert_int_equal(s.mode, EXCLUSION_COUNT_GOOD);
    assert_true(s.start_us == 25 * MIN && s.end_us == 30 * MIN);
    assert_true(exclusions_next(x, 46 * MIN, &s));
    assert_true(s.mode == EXCLUSION_DROP && s.start_us == 45 * MIN);
    exclusions_unref(x);
}

/* Each minute of a random set has the mode that the list says, asked at any time. */
static void random_sets(void **state)
{
    unsigned seed = 7;
    (void)state;
    for (int round = 0; round < 500; round++) {
        struct exclusion list[8];
        int mode[120] = {0};
        size_t n = 1 + (size_t)(round % 8);
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1103515245u + 12345u;
            int from = (int)(seed >> 16) % 90, to = from + 1 + (int)(seed >> 8) % 25;
            list[i] = once(seed >> 30 & 1 ? EXCLUSION_DROP : EXCLUSION_COUNT_GOOD, from, to);
            for (int m = from; m < to; m++)
                mode[m] = list[i].mode == EXCLUSION_DROP || mode[m] == 2 ? 2 : 1;
        }
        struct exclusions *x = make(list, n);
        for (int m = 0; m < 120; m++) {
            struct exclusion_span s;
            bool in = exclusions_next(x, m * MIN, &s) && s.start_us <= m * MIN;
            assert_int_equal(mode[m], !in ? 0 : s.mode == EXCLUSION_DROP ? 2 : 1);
            for (int64_t k = s.start_us / MIN; in && k < s.end_us / MIN; k++)
                assert_int_equal(mode[k], mode[m]);
        }
        exclusions_unref(x);
    }
}

static void expect_next(const struct exclusions *x, const char *t, const char *start,
                        const char *end)
{
    struct exclusion_span s;
    char a[WHEN_MAX], b[WHEN_MAX];
    assert_true(exclusions_next(x, at(t), &s));
    assert_string_equal(when_text(a, s.start_us), start);
    assert_string_equal(when_text(b, s.end_us), end);
}

/* The last Sunday of each month at two in Berlin: of March there is no such time, of
 * October there are two. */
static void clocks_change(void **state)
{
    (void)state;
    struct exclusion one =
        again("FREQ=MONTHLY;BYDAY=-1SU", "Europe/Berlin", "2026-01-25T01:30:00Z", 60);
    one.from_us = at("2026-01-25T01:30:00Z"); /* 02:30 */
    struct exclusions *x = make(&one, 1);
    expect_next(x, "2020-01-01T00:00:00Z", "2026-01-25T01:30:00Z", "2026-01-25T02:30:00Z");
    expect_next(x, "2026-01-25T02:29:59Z", "2026-01-25T01:30:00Z", "2026-01-25T02:30:00Z");
    expect_next(x, "2026-01-25T02:30:00Z", "2026-02-22T01:30:00Z", "2026-02-22T02:30:00Z");
    expect_next(x, "2026-03-01T00:00:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z");
    expect_next(x, "2026-04-01T00:00:00Z", "2026-04-26T00:30:00Z", "2026-04-26T01:30:00Z");
    expect_next(x, "2026-10-01T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
    expect_next(x, "2036-10-01T00:00:00Z", "2036-10-26T00:30:00Z", "2036-10-26T01:30:00Z");
    exclusions_unref(x);
}

static void ends_by_instant(void **state)
{
    (void)state;
    struct exclusion_span s;
    struct exclusion one =
        again("FREQ=DAILY;UNTIL=20260103T225959Z", "Europe/Berlin", "2026-01-01T23:00:00Z", 10);
    struct exclusions *x = make(&one, 1);
    assert_true(exclusions_next(x, at("2026-01-02T23:00:00Z"), &s));
    assert_false(exclusions_next(x, at("2026-01-02T23:10:00Z"), &s));
    exclusions_unref(x);
}

/* Days of 24 hours where one of 23 comes: they are one there, and no time is told twice. */
static void overlaps_itself(void **state)
{
    (void)state;
    struct exclusion one = again("FREQ=DAILY", "Europe/Berlin", "2026-01-01T00:00:00Z", 1440);
    struct exclusions *x = make(&one, 1);
    struct exclusion_span s;
    int64_t t = one.from_us;
    for (int i = 0; i < 700; i++, t = s.end_us) {
        assert_true(exclusions_next(x, t, &s));
        assert_true(s.start_us >= t && s.start_us <= t + USEC_PER_HOUR);
    }
    expect_next(x, "2026-03-29T00:30:00Z", "2026-03-29T00:00:00Z", "2026-03-30T23:00:00Z");
    exclusions_unref(x);
}

/* With rules of both modes, each hour is what the rules by themselves say. */
static void mixed_rules(void **state)
{
    (void)state;
    struct exclusion list[] = {
        again("FREQ=WEEKLY;BYDAY=SA,SU", "UTC", "2026-01-03T00:00:00Z", 1440),
        again("FREQ=DAILY", "UTC", "2026-01-01T22:00:00Z", 240),
        again("FREQ=MONTHLY", "UTC", "2026-01-02T01:00:00Z", 180),
    };
    list[0].mode = EXCLUSION_COUNT_GOOD;
    list[1].mode = EXCLUSION_COUNT_GOOD;
    struct exclusions *all = make(list, 3), *one[3];
    for (size_t i = 0; i < 3; i++)
        one[i] = make(&list[i], 1);
    int64_t end = 0;
    for (int64_t t = at("2026-01-01T00:30:00Z"); t < at("2026-06-01T00:00:00Z");
         t += USEC_PER_HOUR) {
        struct exclusion_span s;
        bool in[3];
        for (size_t i = 0; i < 3; i++)
            in[i] = exclusions_next(one[i], t, &s) && s.start_us <= t;
        int want = in[2] ? 2 : in[0] || in[1] ? 1 : 0;
        bool found = exclusions_next(all, t, &s);
        assert_true(found);
        assert_int_equal(s.start_us > t ? 0 : s.mode == EXCLUSION_DROP ? 2 : 1, want);
        assert_true(s.start_us >= end || s.end_us == end || end == 0 || s.start_us < t);
        end = s.end_us;
    }
    exclusions_unref(all);
    for (size_t i = 0; i < 3; i++)
        exclusions_unref(one[i]);
}

static void keys(void **state)
{
    (void)state;
    const struct exclusion a[] = {
        once(EXCLUSION_DROP, 1, 2),
        again("FREQ=DAILY", "UTC", "2026-01-01T22:00:00Z", 240),
        again("FREQ=WEEKLY", "UTC", "2026-01-01T22:00:00Z", 240),
    };
    const struct exclusion b[] = {a[2], a[1], a[0]};
    struct exclusions *x = make(a, 3), *y = make(b, 3), *z = make(a, 2);
    assert_string_equal(exclusions_key(x), exclusions_key(y));
    assert_string_not_equal(exclusions_key(x), exclusions_key(z));
    exclusions_unref(x);
    exclusions_unref(y);
    exclusions_unref(z);
}

static void applied(void **state)
{
    (void)state;
    struct counts c = {.good = 5, .bad = 3, .excluded = 2, .scrapes = 7, .silent = 4};
    assert_true(counts_empty(exclusion_apply(EXCLUSION_DROP, NO_DATA_BAD, 1, c)));
    struct counts g = exclusion_apply(EXCLUSION_COUNT_GOOD, NO_DATA_EXCLUDE, 1, c);
    assert_true(g.good == 8 && g.bad == 0 && g.excluded == 2 && g.scrapes == 7 && g.silent == 4);
    g = exclusion_apply(EXCLUSION_COUNT_GOOD, NO_DATA_BAD, RAW_PARTS, c);
    assert_int_equal(g.good, c.good + c.bad + c.silent * RAW_PARTS);
    g = exclusion_apply(EXCLUSION_COUNT_GOOD, NO_DATA_BAD, 1, c);
    assert_true(g.good == 12 && g.bad == 0 && g.scrapes == 11 && g.silent == 0);
}

static void fits(void **state)
{
    (void)state;
    struct pair team = {.key = "team", .value = "a"}, other = {.key = "team", .value = "b"};
    const char *names[] = {"x", "api"};
    struct slo_def slo = {.name = "api", .service = "agents", .labels = {&team, 1}};
    struct exclusion e = {0};
    assert_true(exclusion_fits(&e, &slo));
    e.slos = (struct string_list){names, 1};
    assert_false(exclusion_fits(&e, &slo));
    e.slos.n = 2;
    assert_true(exclusion_fits(&e, &slo));
    e.service = "other";
    assert_false(exclusion_fits(&e, &slo));
    e.service = "agents";
    e.labels = (struct string_map){&other, 1};
    assert_false(exclusion_fits(&e, &slo));
    e.labels.at = &team;
    assert_true(exclusion_fits(&e, &slo));
}

static void times(void **state)
{
    static const struct {
        const char *text, *zone, *want;
    } good[] = {
        {"2026-10-22T08:00:00Z", NULL, "2026-10-22T08:00:00Z"},
        {"2026-10-22T08:00:00+02:00", "UTC", "2026-10-22T06:00:00Z"},
        {"2026-10-22 08:00", "Europe/Berlin", "2026-10-22T06:00:00Z"},
        {"2026-10-22T08:00:00", "Europe/Berlin", "2026-10-22T06:00:00Z"},
        {"2026-10-25 02:30", "Europe/Berlin", "2026-10-25T00:30:00Z"},
        {"2026-10-22", "Asia/Kolkata", "2026-10-21T18:30:00Z"},
    };
    static const struct {
        const char *text, *zone, *why;
    } bad[] = {
        {"2026-10-22 08:00", NULL, "is a time of no zone"},
        {"tomorrow", "UTC", "expected a time like"},
        {"2026-02-30", "UTC", "there is no such time: '2026-02-30'"},
        {"2026-10-22 8:00", "UTC", "expected a time like"},
        {"2026-03-29 02:30", "Europe/Berlin",
         "there is no '2026-03-29 02:30' in Europe/Berlin: clocks skip it"},
        {"2026-10-22", "Mars/Base", "unknown time zone 'Mars/Base'"},
        {"1970-01-01", "Asia/Tokyo", "must lie in the years 1970 to 9999"},
    };
    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        int64_t us;
        char text[WHEN_MAX];
        assert_int_equal(exclusion_time(good[i].text, good[i].zone, &us, NULL), 0);
        assert_string_equal(when_text(text, us), good[i].want);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        int64_t us;
        struct err err;
        assert_int_equal(exclusion_time(bad[i].text, bad[i].zone, &us, &err), -1);
        if (!strstr(err.msg, bad[i].why))
            fail_msg("'%s': %s", bad[i].text, err.msg);
    }
}

static void refused(struct exclusion e, const char *key, const char *why)
{
    const char *found;
    struct err err;
    assert_int_equal(exclusion_check(&e, &found, &err), -1);
    assert_string_equal(found, key);
    if (!strstr(err.msg, why))
        fail_msg("expected '%s'; found '%s'", why, err.msg);
}

static void checks(void **state)
{
    (void)state;
    const char *key;
    struct exclusion e = once(EXCLUSION_DROP, 10, 20);
    assert_int_equal(exclusion_check(&e, &key, NULL), 0);
    e.to_us = e.from_us;
    refused(e, "to", "it must end after it begins");
    e.to_us = e.from_us + 1;
    refused(e, "to", "exclusions are of whole minutes; found 1970-01-01T00:10:00.000001Z");
    e.from_us++;
    refused(e, "from", "exclusions are of whole minutes");
    e.from_us = -MIN;
    refused(e, "from", "1970 to 9999");
    e = once(EXCLUSION_DROP, 10, 20);
    e.timezone = "Europe/Bonn";
    refused(e, "timezone", "unknown time zone 'Europe/Bonn'");
    e = once(EXCLUSION_DROP, 10, 20);
    e.to_us = WHEN_END_US;
    refused(e, "to", "before the year 10000");

    refused(again("FREQ=HOURLY", "UTC", "2026-01-01T00:00:00Z", 60), "rrule", "FREQ: expected");
    refused(again("FREQ=WEEKLY;BYDAY=SU", "UTC", "2026-01-01T00:00:00Z", 60), "from",
            "is not on a day of the rule; the first one from then on is 2026-01-04");
    refused(again("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "UTC", "2026-01-01T00:00:00Z", 60), "from",
            "no day from then on is one of the rule");
    refused(again("FREQ=DAILY;UNTIL=20250101T000000Z", "UTC", "2026-01-01T00:00:00Z", 60), "from",
            "is after the rule's UNTIL");
    refused(again("FREQ=DAILY", "Europe/Berlin", "2026-10-25T01:30:00Z", 60), "from",
            "the second time of two");
    refused(again("FREQ=DAILY", "UTC", "1970-01-01T01:30:00Z", 60), "from", "1970-01-03 or later");
    refused(again("FREQ=DAILY", "UTC", "2026-01-01T00:00:00Z", 1441), "to",
            "it lasts 1d1m, but comes again after 1d");
    e = again("FREQ=DAILY", "UTC", "2026-01-01T00:00:00Z", 1440);
    assert_int_equal(exclusion_check(&e, &key, NULL), 0);
}

static void overlap(void **state)
{
    (void)state;
    int64_t us;
    struct exclusion a = once(EXCLUSION_DROP, 10, 20), b = once(EXCLUSION_DROP, 20, 30);
    assert_false(exclusion_overlap(&a, &b, &us));
    b.from_us -= MIN;
    assert_true(exclusion_overlap(&a, &b, &us));
    assert_true(us == 19 * MIN);

    struct exclusion sundays = again("FREQ=WEEKLY", "UTC", "2026-01-04T01:00:00Z", 60);
    struct exclusion monthly = again("FREQ=MONTHLY", "UTC", "2026-01-14T00:00:00Z", 60);
    assert_false(exclusion_overlap(&sundays, &monthly, &us));
    monthly.to_us += MIN; /* the 14th is a Sunday in June */
    assert_true(exclusion_overlap(&sundays, &monthly, &us));
    assert_true(us == at("2026-06-14T01:00:00Z"));
    /* Ten years later: the later one's first 400 days are looked at. */
    monthly.from_us = at("2036-01-14T00:00:00Z");
    monthly.to_us = monthly.from_us + 61 * MIN;
    assert_true(exclusion_overlap(&monthly, &sundays, &us));
    assert_true(us == at("2036-09-14T01:00:00Z"));

    struct exclusion far = once(EXCLUSION_DROP, 0, 0);
    far.from_us = at("2126-03-03T00:00:00Z"); /* a Sunday, and once is exact */
    far.to_us = at("2126-03-03T01:00:00Z");
    assert_false(exclusion_overlap(&sundays, &far, &us));
    far.to_us += MIN;
    assert_true(exclusion_overlap(&far, &sundays, &us));
}

static void too_many(void **state)
{
    (void)state;
    struct exclusions *x;
    struct err err;
    static const struct exclusion rule = {.rrule = "FREQ=DAILY"};
    const struct exclusion one = once(EXCLUSION_DROP, 10, 20), *list[EXCLUSIONS_MAX + 1];
    for (size_t i = 0; i <= EXCLUSIONS_MAX; i++)
        list[i] = &one;
    assert_int_equal(exclusions_make(list, EXCLUSIONS_MAX + 1, &x, &err), -1);
    assert_string_equal(err.msg, "an objective has 1000 exclusions at most; found 1001");
    for (size_t i = 0; i <= EXCLUSIONS_RECURRING_MAX; i++)
        list[i] = &rule;
    assert_int_equal(exclusions_count(list, EXCLUSIONS_RECURRING_MAX + 1, &err), -1);
    assert_string_equal(err.msg, "an objective has 50 exclusions with a rule at most; found 51");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),          cmocka_unit_test(joins),
        cmocka_unit_test(drop_holds),    cmocka_unit_test(random_sets),
        cmocka_unit_test(clocks_change), cmocka_unit_test(ends_by_instant),
        cmocka_unit_test(keys),          cmocka_unit_test(overlaps_itself),
        cmocka_unit_test(mixed_rules),   cmocka_unit_test(applied),
        cmocka_unit_test(fits),          cmocka_unit_test(times),
        cmocka_unit_test(checks),        cmocka_unit_test(overlap),
        cmocka_unit_test(too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
