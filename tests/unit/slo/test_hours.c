/* Service hours against a map of minutes, made rule by rule and day by day. */
#include "slo/hours.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "io/zone.h"
#include "slo/expected.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define M USEC_PER_MIN
#define MINUTES_PER_DAY 1440

static int64_t when(const char *text)
{
    int64_t us;
    assert_int_equal(when_parse(text, strlen(text), &us, NULL), 0);
    return us;
}

static struct hours *make(const char *text)
{
    struct hours *h;
    struct err err = {0};
    if (hours_parse(text, &h, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return h;
}

/* ---- words ------------------------------------------------------------------------- */

static void texts_come_back(void **state)
{
    (void)state;
    static const char *const same[] = {"UTC daily 00:00-24:00", "Europe/Berlin mon-fri 08:00-18:00",
                                       "Europe/Berlin mon-fri 08:00-18:00; sat 10:00-14:00",
                                       "America/New_York mon,wed,fri-sun 22:00-06:00"};
    for (size_t i = 0; i < countof(same); i++) {
        struct hours *h = make(same[i]);
        assert_string_equal(hours_text(h), same[i]);
        hours_unref(h);
    }
    struct hours *a = make("UTC fri-mon 08:00-18:00"), *b = make("UTC mon,sun,sat,fri 08:00-18:00");
    assert_true(hours_same(a, b));
    assert_string_equal(hours_text(a), "UTC mon,fri-sun 08:00-18:00");
    assert_false(hours_same(a, NULL));
    assert_true(hours_same(NULL, NULL));
    hours_unref(a);
    hours_unref(b);
}

static void refuse(struct hours_rule r, const char *why)
{
    struct hours *h = NULL;
    struct err err = {0};
    size_t bad;
    assert_int_equal(hours_make(&r, 1, &h, &bad, &err), -1);
    if (!strstr(err.msg, why))
        fail_msg("'%s' is not about '%s'", err.msg, why);
}

static void faults_are_named(void **state)
{
    (void)state;
    refuse((struct hours_rule){"Europe/Berln", "daily", "08:00", "18:00"}, "unknown time zone");
    refuse((struct hours_rule){"UTC", "monday", "08:00", "18:00"}, "days: expected");
    refuse((struct hours_rule){"UTC", "mon,", "08:00", "18:00"}, "days: expected");
    refuse((struct hours_rule){"UTC", "", "08:00", "18:00"}, "days: expected");
    refuse((struct hours_rule){"UTC", "mon-fri-sun", "08:00", "18:00"}, "days: expected");
    refuse((struct hours_rule){"UTC", "daily", "8:00", "18:00"}, "from: expected");
    refuse((struct hours_rule){"UTC", "daily", "24:00", "18:00"}, "from: expected");
    refuse((struct hours_rule){"UTC", "daily", "08:60", "18:00"}, "from: expected");
    refuse((struct hours_rule){"UTC", "daily", "08:00", "24:01"}, "to: expected");
    refuse((struct hours_rule){"UTC", "daily", "08:00", "08:00"}, "the same as from");
    const struct hours_rule two[] = {{"UTC", "mon", "08:00", "09:00"},
                                     {"Europe/Berlin", "tue", "08:00", "09:00"}};
    struct hours *h = NULL;
    struct err err = {0};
    size_t bad = 0;
    assert_int_equal(hours_make(two, 2, &h, &bad, &err), -1);
    assert_int_equal(bad, 1);
    assert_int_equal(hours_parse("", &h, &err), -1);
    assert_int_equal(hours_parse("UTC", &h, &err), -1);
    assert_int_equal(hours_parse("UTC mon 08:00-09:00; tue", &h, &err), -1);
}

/* ---- a map of minutes ------------------------------------------------------------------ */

struct map {
    int64_t from_us;
    size_t n;
    unsigned char *open;
};

struct plain_rule {
    unsigned days; /* bit 0: Monday */
    int from_min, to_min;
};

static void mark(struct map *m, int64_t start_us, int64_t end_us)
{
    for (int64_t t = start_us; t < end_us; t += M) {
        int64_t i = (t - m->from_us) / M;
        if (t >= m->from_us && (size_t)i < m->n)
            m->open[i] = 1;
    }
}

static int64_t wall(const struct zone *z, int64_t day, int minutes)
{
    struct civil c = {.hour = minutes / 60, .minute = minutes % 60};
    when_civil_from_days(day, &c.year, &c.month, &c.day);
    return zone_to_us(z, c); /* hours over 23 carry */
}

static bool day_exists(const struct zone *z, int64_t day)
{
    struct civil noon = zone_from_us(z, wall(z, day, 720));
    return when_days_from_civil(noon.year, noon.month, noon.day) == day;
}

static struct map draw(const struct zone *z, const struct plain_rule *rules, size_t n,
                       int64_t from_us, int days)
{
    struct map m = {from_us, (size_t)days * MINUTES_PER_DAY, NULL};
    m.open = mem_alloc(m.n);
    int64_t first = from_us / USEC_PER_DAY - 3;
    for (int64_t day = first; day < first + days + 6; day++)
        for (size_t i = 0; i < n; i++)
            if ((rules[i].days >> (day + 3) % 7 & 1) && day_exists(z, day))
                mark(&m, wall(z, day, rules[i].from_min), wall(z, day, rules[i].to_min));
    return m;
}

static char *text_of(const char *zone, const struct plain_rule *rules, size_t n)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    struct str s;
    str_init(&s, 4096);
    str_add(&s, zone);
    for (size_t i = 0; i < n; i++) {
        const struct plain_rule *r = &rules[i];
        int to = r->to_min > MINUTES_PER_DAY ? r->to_min - MINUTES_PER_DAY : r->to_min;
        const char *comma = i ? "; " : " ";
        for (int d = 0; d < 7; d++)
            if (r->days >> d & 1) {
                str_addf(&s, "%s%s", comma, names[d]);
                comma = ",";
            }
        str_addf(&s, " %02d:%02d-%02d:%02d", r->from_min / 60, r->from_min % 60, to / 60, to % 60);
    }
    char *text = str_detach(&s);
    str_release(&s);
    return text;
}

static int below(int n)
{
    return (int)(random() % n);
}

static size_t draw_rules(struct plain_rule rules[4])
{
    size_t n = (size_t)below(4) + 1;
    for (size_t i = 0; i < n; i++) {
        int from = below(MINUTES_PER_DAY), length = 1 + below(MINUTES_PER_DAY - 1);
        if (below(3) == 0)
            from = 120 + below(90); /* where clocks change */
        if (below(3) == 0)
            length = 1 + below(120);
        rules[i] = (struct plain_rule){(unsigned)(1 + below(127)), from, from + length};
    }
    return n;
}

static int64_t brute(const struct map *m, int64_t phase_us, int64_t interval_us, int64_t from_us,
                     int64_t to_us)
{
    int64_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        int64_t t = m->from_us + (int64_t)i * M;
        n += m->open[i] && t >= from_us && t < to_us && (t - phase_us) % interval_us == 0;
    }
    return n;
}

static void check_spans(const struct hours *h, const struct map *m)
{
    for (int i = 0; i < 20; i++) {
        int64_t interval = (1 + below(i % 2 ? 5 : 700)) * M, phase = below((int)(interval / M)) * M;
        int64_t from = m->from_us + below((int)m->n) * M, to = m->from_us + below((int)m->n) * M;
        int64_t want = brute(m, phase, interval, from, to);
        if (hours_count(h, phase, interval, from, to) != want) {
            char a[WHEN_MAX], b[WHEN_MAX];
            fail_msg("%s: slots of [%s, %s) every %d min from %d", hours_text(h),
                     when_text(a, from), when_text(b, to), (int)(interval / M), (int)(phase / M));
        }
        if (!want)
            continue;
        int64_t next = hours_next(h, phase, interval, from);
        assert_true(next < to && (next - phase) % interval == 0);
        assert_true(m->open[(next - m->from_us) / M]);
        assert_int_equal(brute(m, phase, interval, from, next), 0);
    }
}

/* Each minute of some weeks around changes of the clock, and of quiet ones. */
static void agrees_with_a_map(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *from;
        int days;
    } places[] = {
        {"UTC", "2026-01-01T00:00:00Z", 20},
        {"Europe/Berlin", "2026-03-20T00:00:00Z", 20},
        {"Europe/Berlin", "2026-10-15T00:00:00Z", 20},
        {"America/New_York", "2026-03-01T00:00:00Z", 250},
        {"Australia/Lord_Howe", "2026-03-25T00:00:00Z", 20}, /* by half an hour */
        {"Africa/Casablanca", "2026-02-01T00:00:00Z", 60},   /* two within a month */
        {"Pacific/Apia", "2011-12-20T00:00:00Z", 20},        /* a day that never was */
        {"America/Sao_Paulo", "2018-10-25T00:00:00Z", 20},   /* at midnight */
    };
    srandom(4);
    for (size_t p = 0; p < countof(places); p++) {
        struct zone *z;
        assert_int_equal(zone_open(places[p].zone, &z, NULL), 0);
        for (int round = 0; round < 30; round++) {
            struct plain_rule rules[4];
            size_t n = draw_rules(rules);
            mem_auto char *text = text_of(places[p].zone, rules, n);
            struct hours *h = make(text);
            struct map m = draw(z, rules, n, when(places[p].from), places[p].days);
            check_spans(h, &m);
            free(m.open);
            hours_unref(h);
        }
        zone_free(z);
    }
}

/* ---- what people expect ------------------------------------------------------------------ */

static void days_of_23_and_25_hours(void **state)
{
    (void)state;
    struct hours *day = make("Europe/Berlin daily 00:00-24:00");
    struct hours *night = make("Europe/Berlin sat 22:00-06:00");
    struct hours *sunday = make("Europe/Berlin sun 00:00-24:00");
    /* Clocks went forward on 29 March 2026 and back on 25 October. */
    int64_t spring = when("2026-03-28T12:00:00Z"), autumn = when("2026-10-24T12:00:00Z");
    assert_int_equal(hours_count(day, 0, M, spring, spring + 3 * USEC_PER_DAY), 3 * 1440);
    assert_int_equal(hours_count(night, 0, M, spring, spring + USEC_PER_DAY), 7 * 60);
    assert_int_equal(hours_count(night, 0, M, autumn, autumn + USEC_PER_DAY), 9 * 60);
    assert_int_equal(hours_count(sunday, 0, M, spring, spring + 2 * USEC_PER_DAY), 23 * 60);
    assert_int_equal(hours_count(sunday, 0, M, autumn, autumn + 2 * USEC_PER_DAY), 25 * 60);
    hours_unref(day);
    hours_unref(night);
    hours_unref(sunday);
}

static void overlapping_spans_are_one(void **state)
{
    (void)state;
    struct hours *h = make("UTC daily 08:00-12:00; mon 11:00-13:00; daily 12:00-12:30");
    int64_t monday = when("2026-11-16T00:00:00Z");
    assert_int_equal(hours_count(h, 0, M, monday, monday + USEC_PER_DAY), 5 * 60);
    assert_int_equal(hours_count(h, 0, M, monday + USEC_PER_DAY, monday + 2 * USEC_PER_DAY), 270);
    hours_unref(h);
}

static void the_next_slot(void **state)
{
    (void)state;
    struct hours *h = make("Europe/Berlin mon-fri 08:00-18:00");
    int64_t friday = when("2026-11-20T16:59:50Z");
    assert_int_equal(hours_next(h, 0, 10 * USEC_PER_SEC, friday), friday);
    assert_int_equal(hours_next(h, 0, 10 * USEC_PER_SEC, friday + 1), when("2026-11-23T07:00:00Z"));
    assert_int_equal(hours_next(h, 3, 10 * USEC_PER_SEC, friday + 4),
                     when("2026-11-23T07:00:00Z") + 3);
    /* Each day at 06:30 UTC: within the hours in summer only. */
    struct hours *early = make("Europe/Berlin daily 08:00-08:45");
    int64_t phase = 6 * USEC_PER_HOUR + 30 * M;
    assert_int_equal(hours_next(early, phase, USEC_PER_DAY, friday), when("2027-03-28T06:30:00Z"));
    /* ... and at 05:00 UTC never. */
    assert_true(hours_next(early, 5 * USEC_PER_HOUR, USEC_PER_DAY, friday) == INT64_MAX);
    assert_int_equal(hours_next(NULL, 3, 10, 4), 13);
    hours_unref(h);
    hours_unref(early);
}

static void schedules_have_hours_of_their_own(void **state)
{
    (void)state;
    struct hours *h = make("UTC daily 08:00-18:00");
    int64_t day = when("2026-11-16T00:00:00Z");
    const struct probe_revision revs[] = {{0, M, 0, M, NULL},
                                          {day + 10 * USEC_PER_HOUR, M, 0, M, h}};
    assert_int_equal(expected_slots(revs, 2, day, day + USEC_PER_DAY), (10 + 8) * 60);
    assert_int_equal(expected_slots(revs, 2, day + USEC_PER_DAY, day + 3 * USEC_PER_DAY),
                     2 * 10 * 60);
    hours_unref(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(agrees_with_a_map),
        cmocka_unit_test(days_of_23_and_25_hours),
        cmocka_unit_test(overlapping_spans_are_one),
        cmocka_unit_test(the_next_slot),
        cmocka_unit_test(schedules_have_hours_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
