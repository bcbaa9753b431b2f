/* Recurrence rules: worked ones, what is refused, and random ones against a walk
 * through all days. */
#include "../cmocka_all.h"

#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "slo/rrule.h"

#include <stdio.h>
#include <string.h>

#define DAY 1440

static int64_t day(int year, int month, int d)
{
    return when_days_from_civil(year, month, d) * DAY;
}

static struct rrule *rule(const char *text, int64_t first)
{
    struct rrule *r = NULL;
    struct err err;
    if (rrule_parse(text, first, &r, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return r;
}

/* Dates of the first occurrences, "2026-01-31 2026-03-31". */
static void expect(const char *text, int64_t first, const char *dates)
{
    struct rrule *r = rule(text, first);
    struct str got;
    int64_t at;
    char when[WHEN_MAX];
    str_init(&got, 4096);
    size_t n = (strlen(dates) + 1) / 11;
    for (int64_t t = first; n-- > 0 && rrule_next(r, t, &at); t = at + 1) {
        assert_int_equal(at % DAY, first % DAY);
        str_addf(&got, "%s%.10s", got.len ? " " : "", when_text(when, at * USEC_PER_MIN));
    }
    assert_string_equal(got.buf, dates);
    str_release(&got);
    rrule_free(r);
}

static void worked(void **state)
{
    (void)state;
    expect("FREQ=DAILY", day(2026, 2, 27) + 90, "2026-02-27 2026-02-28 2026-03-01");
    expect("FREQ=WEEKLY", day(2026, 11, 22), "2026-11-22 2026-11-29 2026-12-06");
    expect("FREQ=WEEKLY;BYDAY=SU,SA", day(2026, 11, 22), "2026-11-22 2026-11-28 2026-11-29");
    /* Every second week, from Monday on: the Sunday ends the first of them. */
    expect("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", day(2026, 11, 22),
           "2026-11-22 2026-11-30 2026-12-06 2026-12-14");
    expect("FREQ=MONTHLY;BYDAY=-1SU", day(2026, 11, 1), "2026-11-29 2026-12-27 2027-01-31");
    expect("FREQ=MONTHLY;BYDAY=2TU", day(2026, 11, 1), "2026-11-10 2026-12-08 2027-01-12");
    expect("FREQ=MONTHLY;BYDAY=5FR", day(2026, 1, 1), "2026-01-30 2026-05-29 2026-07-31");
    expect("FREQ=MONTHLY", day(2026, 1, 31), "2026-01-31 2026-03-31 2026-05-31");
    expect("FREQ=MONTHLY;BYMONTHDAY=-1", day(2026, 1, 31), "2026-01-31 2026-02-28 2026-03-31");
    expect("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", day(2026, 1, 1),
           "2026-02-13 2026-03-13 2026-11-13");
    expect("FREQ=YEARLY", day(2024, 2, 29), "2024-02-29 2028-02-29 2032-02-29");
    expect("FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", day(2026, 1, 1),
           "2026-03-29 2026-10-25 2027-03-28");
    expect("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,26", day(2026, 1, 1), "2026-12-24 2026-12-26");
    expect("FREQ=YEARLY", day(2096, 2, 29), "2096-02-29 2104-02-29"); /* 2100 is no leap year */
}

static void ends(void **state)
{
    (void)state;
    expect("FREQ=DAILY;COUNT=2", day(2026, 1, 1), "2026-01-01 2026-01-02");
    expect("COUNT=1;FREQ=DAILY", day(2026, 1, 1), "2026-01-01");
    struct rrule *r = rule("FREQ=DAILY;COUNT=2", day(2026, 1, 1));
    int64_t at;
    assert_false(rrule_next(r, day(2026, 1, 2) + 1, &at));
    rrule_free(r);

    /* A day that is UNTIL is in, a time is if nothing begins later. */
    r = rule("FREQ=DAILY;UNTIL=20260102", day(2026, 1, 1) + 23 * 60);
    assert_true(rrule_next(r, day(2026, 1, 2), &at));
    assert_false(rrule_next(r, day(2026, 1, 3), &at));
    rrule_free(r);
    r = rule("FREQ=DAILY;UNTIL=20260102T225900", day(2026, 1, 1) + 23 * 60);
    assert_false(rrule_next(r, day(2026, 1, 2), &at));
    assert_true(rrule_until_us(r) == INT64_MAX);
    rrule_free(r);
    r = rule("FREQ=DAILY;UNTIL=20260102T230000Z", day(2026, 1, 1));
    assert_true(rrule_until_us(r) == (day(2026, 1, 2) + 23 * 60) * USEC_PER_MIN);
    rrule_free(r);

    r = rule("FREQ=YEARLY", day(2026, 1, 1));
    assert_true(rrule_next(r, day(2999, 1, 1), &at));
    assert_false(rrule_next(r, day(2999, 1, 2), &at));
    rrule_free(r);
}

static void distances(void **state)
{
    static const struct {
        const char *text;
        int64_t days;
    } cases[] = {{"FREQ=DAILY", 1},
                 {"FREQ=WEEKLY;BYDAY=SA,SU", 1},
                 {"FREQ=MONTHLY;BYMONTHDAY=1", 28},
                 {"FREQ=MONTHLY;BYDAY=1MO", 28},
                 {"FREQ=YEARLY;INTERVAL=2", 730}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rrule *r = rule(cases[i].text, day(2026, 1, 1));
        assert_int_equal(rrule_distance(r), cases[i].days * DAY);
        rrule_free(r);
    }
    struct rrule *r = rule("FREQ=DAILY;COUNT=1", day(2026, 1, 1));
    assert_true(rrule_distance(r) == INT64_MAX);
    rrule_free(r);
}

static void refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "'': is no part that is known here"},
        {"INTERVAL=2", "FREQ: is missing"},
        {"FREQ=HOURLY", "FREQ: expected DAILY, WEEKLY, MONTHLY or YEARLY; found 'HOURLY'"},
        {"freq=daily", "freq: is no part"},
        {"FREQ", "FREQ: expected '=' and a value"},
        {"FREQ=DAILY;FREQ=DAILY", "FREQ: is said twice"},
        {"FREQ=DAILY;", "'': is no part"},
        {"FREQ=DAILY;INTERVAL=0", "INTERVAL: expected 1 to 1000; found '0'"},
        {"FREQ=DAILY;INTERVAL=1001", "INTERVAL: expected 1 to 1000; found '1001'"},
        {"FREQ=DAILY;COUNT=10001", "COUNT: expected 1 to 10000; found '10001'"},
        {"FREQ=DAILY;COUNT=2;UNTIL=20260101", "UNTIL: a rule has COUNT or UNTIL, not both"},
        {"FREQ=DAILY;UNTIL=2026-01-01", "UNTIL: expected a day like 20261231"},
        {"FREQ=DAILY;UNTIL=20260230", "UNTIL: expected a day like 20261231"},
        {"FREQ=MONTHLY;BYDAY=6MO", "BYDAY: expected MO, TU, WE"},
        {"FREQ=MONTHLY;BYDAY=000001MO", "BYDAY: expected MO, TU, WE"},
        {"FREQ=WEEKLY;BYDAY=123456MO", "BYDAY: expected MO, TU, WE"},
        {"FREQ=MONTHLY;BYDAY=-MO", "BYDAY: expected MO, TU, WE"},
        {"FREQ=MONTHLY;BYDAY=", "BYDAY: expected MO, TU, WE"},
        {"FREQ=MONTHLY;BYDAY=MO,", "BYDAY: expected MO, TU, WE"},
        {"FREQ=WEEKLY;BYDAY=1MO", "BYDAY: days like 1MO or -1SU are of a month"},
        {"FREQ=YEARLY;BYDAY=1MO", "BYDAY: days like 1MO or -1SU are of a month"},
        {"FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY: does not go with FREQ=WEEKLY"},
        {"FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY: expected 1 to 31, or -1 to -31; found '32'"},
        {"FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY: expected 1 to 31"},
        {"FREQ=YEARLY;BYMONTH=13", "BYMONTH: expected 1 to 12; found '13'"},
        {"FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS: is no part that is known here"},
        {"FREQ=WEEKLY;WKST=SU", "WKST: is no part that is known here"},
        {"FREQ=WEEKLY;BYDAYS=SU", "did you mean BYDAY?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rrule *r;
        struct err err;
        if (rrule_parse(cases[i].text, day(2026, 1, 1), &r, &err) == 0)
            fail_msg("'%s' was accepted", cases[i].text);
        if (!strstr(err.msg, cases[i].why))
            fail_msg("'%s': expected '%s'; found '%s'", cases[i].text, cases[i].why, err.msg);
    }
    char many[RRULE_TEXT_MAX + 2];
    struct rrule *r;
    memset(many, 'X', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    assert_int_equal(rrule_parse(many, 0, &r, NULL), -1);
}

/* ---- against a walk through all days ---------------------------------------------------- */

struct random_rule {
    int freq, interval, weekdays, month, monthday, nth, nth_day;
    int64_t first;
};

static unsigned roll(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % n;
}

static struct random_rule random_rule(unsigned *seed)
{
    struct random_rule r = {.freq = (int)roll(seed, 4), .interval = 1 + (int)roll(seed, 5)};
    r.first = when_days_from_civil(1980 + (int)roll(seed, 60), 1, 1) + roll(seed, 366);
    if (roll(seed, 2))
        r.weekdays = (int)roll(seed, 128);
    if (roll(seed, 3) == 0)
        r.month = 1 + (int)roll(seed, 12);
    if (r.freq != 1 && roll(seed, 3) == 0)
        r.monthday = roll(seed, 2) ? 1 + (int)roll(seed, 31) : -1 - (int)roll(seed, 31);
    if (r.freq == 2 && roll(seed, 3) == 0) {
        r.nth = roll(seed, 2) ? 1 + (int)roll(seed, 5) : -1 - (int)roll(seed, 5);
        r.nth_day = (int)roll(seed, 7);
    }
    return r;
}

static const char *const week[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

static void rule_text(const struct random_rule *r, struct str *out)
{
    static const char *const freqs[] = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
    str_clear(out);
    str_addf(out, "FREQ=%s;INTERVAL=%d", freqs[r->freq], r->interval);
    if (r->month)
        str_addf(out, ";BYMONTH=%d", r->month);
    if (r->monthday)
        str_addf(out, ";BYMONTHDAY=%d", r->monthday);
    if (r->weekdays || r->nth)
        str_add(out, ";BYDAY=");
    for (int i = 0; i < 7; i++)
        if (r->weekdays >> i & 1)
            str_addf(out, "%s%s", out->buf[out->len - 1] == '=' ? "" : ",", week[i]);
    if (r->nth)
        str_addf(out, "%s%d%s", r->weekdays ? "," : "", r->nth, week[r->nth_day]);
}

/* Counted from the first day of the year, month by month: slow, and another way. */
struct place {
    int64_t year;
    int month, mday, length, weekday;
};

static struct place place_of(int64_t d)
{
    struct place p;
    when_civil_from_days(d, &p.year, &p.month, &p.mday);
    int64_t y;
    int m, last = 0;
    for (int64_t e = d; last == 0; e++) {
        when_civil_from_days(e + 1, &y, &m, &p.length);
        if (m != p.month)
            when_civil_from_days(e, &y, &m, &last);
    }
    p.length = last;
    p.weekday = (int)((d + 3) % 7);
    return p;
}

static bool aligned(const struct random_rule *r, int64_t d, struct place p, struct place first)
{
    int64_t since = 0;
    if (r->freq == 0)
        since = d - r->first;
    else if (r->freq == 1) /* Mondays between the two */
        since = ((d - p.weekday) - (r->first - first.weekday)) / 7;
    else if (r->freq == 2)
        since = (p.year - first.year) * 12 + p.month - first.month;
    else
        since = p.year - first.year;
    return since % r->interval == 0;
}

static bool is_day(const struct random_rule *r, int64_t d)
{
    struct place p = place_of(d), first = place_of(r->first);
    int back = p.mday - p.length - 1, nth = 0, nth_back = 0;
    for (int m = p.mday; m >= 1; m -= 7)
        nth++;
    for (int m = p.mday; m <= p.length; m += 7)
        nth_back--;
    if (!aligned(r, d, p, first) || (r->month && p.month != r->month))
        return false;
    if (r->monthday && p.mday != r->monthday && back != r->monthday)
        return false;
    if (r->weekdays || r->nth)
        return (r->weekdays >> p.weekday & 1) ||
               (r->nth && p.weekday == r->nth_day && (nth == r->nth || nth_back == r->nth));
    if (r->monthday || r->freq == 0)
        return true;
    if (r->freq == 1)
        return p.weekday == first.weekday;
    return p.mday == first.mday && (r->freq == 2 || r->month || p.month == first.month);
}

static void walked(void **state)
{
    unsigned seed = 20261122;
    struct str text;
    (void)state;
    str_init(&text, 512);
    for (int i = 0; i < 2000; i++) {
        struct random_rule r = random_rule(&seed);
        rule_text(&r, &text);
        struct rrule *rr = rule(text.buf, r.first * DAY + 90);
        /* Where it begins, and asked for years later. */
        int64_t since = r.first + (i % 2 ? roll(&seed, 4000) : 0), next;
        bool found = rrule_next(rr, since * DAY + 90, &next);
        for (int64_t d = since; d < since + 800; d++) {
            if (!is_day(&r, d))
                continue;
            if (!found || next != d * DAY + 90)
                fail_msg("%s from day %lld on: day %lld", text.buf, (long long)r.first,
                         (long long)d);
            found = rrule_next(rr, next + 1, &next);
        }
        assert_true(!found || next >= (since + 800) * DAY);
        rrule_free(rr);
    }
    str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked),  cmocka_unit_test(ends),   cmocka_unit_test(distances),
        cmocka_unit_test(refused), cmocka_unit_test(walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
