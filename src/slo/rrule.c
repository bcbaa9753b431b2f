#include "slo/rrule.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "base/when.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTES_PER_DAY 1440
#define WEEKDAYS 7
#define LAST_DAY 376199 /* 2999-12-31 */
#define MONDAY_0 3      /* 1970-01-01 was a Thursday: days from a Monday to it */
#define DISTANCES 1000
#define VALUES_MAX 64

enum freq { DAILY, WEEKLY, MONTHLY, YEARLY };
static const char *const freq_names[] = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
static const char *const day_names[WEEKDAYS] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

struct date {
    int64_t year;
    int month, day;
};

struct rrule {
    enum freq freq;
    int interval, count;
    unsigned months;                        /* bit 1: January; 0: any */
    uint32_t from_start, from_end;          /* days of the month; bit 1: the first, the last */
    unsigned weekdays;                      /* bit 0: Monday */
    unsigned nth[WEEKDAYS], last[WEEKDAYS]; /* bit 1: the month's first, last such day */
    bool by_day, by_monthday;
    int64_t first_day, first_period;
    int minute;        /* of the day */
    int64_t until_min; /* of the wall clock */
    int64_t until_us;
};

/* ---- the calendar --------------------------------------------------------------------- */

static struct date to_date(int64_t day)
{
    struct date d;
    when_civil_from_days(day, &d.year, &d.month, &d.day);
    return d;
}

static int month_days(struct date d)
{
    int64_t next = d.month == 12 ? when_days_from_civil(d.year + 1, 1, 1)
                                 : when_days_from_civil(d.year, d.month + 1, 1);
    return (int)(next - when_days_from_civil(d.year, d.month, 1));
}

static int weekday(int64_t day)
{
    return (int)((day + MONDAY_0) % WEEKDAYS);
}

/* Which of the days, weeks, months or years a day is in. */
static int64_t period_of(enum freq freq, int64_t day, struct date d)
{
    switch (freq) {
    case DAILY:
        return day;
    case WEEKLY:
        return (day + MONDAY_0) / WEEKDAYS;
    case MONTHLY:
        return d.year * 12 + d.month - 1;
    case YEARLY:
        break;
    }
    return d.year;
}

static int64_t period_start(enum freq freq, int64_t period)
{
    switch (freq) {
    case DAILY:
        return period;
    case WEEKLY:
        return period * WEEKDAYS - MONDAY_0;
    case MONTHLY:
        return when_days_from_civil(period / 12, (int)(period % 12) + 1, 1);
    case YEARLY:
        break;
    }
    return when_days_from_civil(period, 1, 1);
}

/* ---- which days ----------------------------------------------------------------------- */

static bool in(uint32_t set, int i)
{
    return set >> i & 1;
}

static bool day_fits(const struct rrule *r, int64_t day, struct date d)
{
    int left = month_days(d) - d.day, wd = weekday(day);
    if (r->by_monthday && !in(r->from_start, d.day) && !in(r->from_end, left + 1))
        return false;
    if (!r->by_day)
        return true;
    return in(r->weekdays, wd) || in(r->nth[wd], (d.day - 1) / WEEKDAYS + 1) ||
           in(r->last[wd], left / WEEKDAYS + 1);
}

/* The first day from `day` on that is worth a look, if it is another one: periods are
 * left out by INTERVAL, and months by BYMONTH. */
static int64_t skip(const struct rrule *r, int64_t day, struct date d)
{
    int64_t period = period_of(r->freq, day, d);
    int64_t over = (period - r->first_period) % r->interval;
    if (over)
        return period_start(r->freq, period + r->interval - over);
    if (r->months && !in(r->months, d.month))
        return period_start(MONTHLY, period_of(MONTHLY, day, d) + 1);
    return day;
}

bool rrule_next(const struct rrule *r, int64_t t_min, int64_t *ret_min)
{
    int64_t first_min = r->first_day * MINUTES_PER_DAY + r->minute;
    int64_t at = t_min > first_min ? t_min : first_min;
    int64_t day = at / MINUTES_PER_DAY + (at % MINUTES_PER_DAY > r->minute);
    while (day <= LAST_DAY && day * MINUTES_PER_DAY + r->minute <= r->until_min) {
        struct date d = to_date(day);
        int64_t next = skip(r, day, d);
        if (next == day && day_fits(r, day, d)) {
            *ret_min = day * MINUTES_PER_DAY + r->minute;
            return true;
        }
        day = next == day ? day + 1 : next;
    }
    return false;
}

int64_t rrule_until_us(const struct rrule *r)
{
    return r->until_us;
}

int64_t rrule_distance(const struct rrule *r)
{
    int64_t last, next, shortest = INT64_MAX;
    if (!rrule_next(r, 0, &last))
        return shortest;
    for (int i = 0; i < DISTANCES && rrule_next(r, last + 1, &next); i++, last = next)
        if (next - last < shortest)
            shortest = next - last;
    return shortest;
}

/* ---- parsing ---------------------------------------------------------------------------- */

/* A whole number with at most five digits; *p moves behind it. */
static bool take_number(const char **p, int *ret)
{
    int n = 0, digits = 0;
    for (; isdigit((unsigned char)**p) && digits < 6; (*p)++, digits++)
        n = n * 10 + (**p - '0');
    *ret = n;
    return digits > 0 && digits < 6;
}

static int parse_count(const char *part, const char *value, int max, int *ret, struct err *reterr)
{
    const char *p = value;
    if (take_number(&p, ret) && !*p && *ret >= 1 && *ret <= max)
        return 0;
    return err_set(reterr, "%s: expected 1 to %d; found '%.40s'", part, max, value);
}

static int parse_freq(struct rrule *r, const char *value, struct err *reterr)
{
    for (size_t i = 0; i < countof(freq_names); i++) {
        r->freq = (enum freq)i;
        if (str_eq(value, freq_names[i]))
            return 0;
    }
    return err_set(reterr, "FREQ: expected DAILY, WEEKLY, MONTHLY or YEARLY; found '%.40s'", value);
}

static int parse_interval(struct rrule *r, const char *value, struct err *reterr)
{
    return parse_count("INTERVAL", value, RRULE_INTERVAL_MAX, &r->interval, reterr);
}

static int parse_occurrences(struct rrule *r, const char *value, struct err *reterr)
{
    return parse_count("COUNT", value, RRULE_COUNT_MAX, &r->count, reterr);
}

/* 20261231, 20261231T220000 or 20261231T220000Z as RFC 3339, of UTC. */
static int parse_until(struct rrule *r, const char *value, struct err *reterr)
{
    char full[32];
    size_t n = strlen(value);
    int64_t us;
    bool day = n == 8, utc = n == 16 && value[15] == 'Z';
    bool form = day || ((n == 15 || utc) && value[8] == 'T');
    if (form)
        snprintf(full, sizeof(full), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", value, value + 4, value + 6,
                 day ? "23" : value + 9, day ? "59" : value + 11, day ? "59" : value + 13);
    if (!form || when_parse(full, strlen(full), &us, NULL) < 0)
        return err_set(reterr,
                       "UNTIL: expected a day like 20261231 or a time like 20261231T220000Z; "
                       "found '%.40s'",
                       value);
    if (utc)
        r->until_us = us;
    else
        r->until_min = us / USEC_PER_MIN;
    return 0;
}

static int parse_month(struct rrule *r, const char *value, struct err *reterr)
{
    int month;
    if (parse_count("BYMONTH", value, 12, &month, reterr) < 0)
        return -1;
    r->months |= 1u << month;
    return 0;
}

static int parse_monthday(struct rrule *r, const char *value, struct err *reterr)
{
    int day;
    bool from_end = value[0] == '-';
    const char *p = value + (from_end || value[0] == '+');
    if (!take_number(&p, &day) || *p || day < 1 || day > 31)
        return err_set(reterr, "BYMONTHDAY: expected 1 to 31, or -1 to -31; found '%.40s'", value);
    *(from_end ? &r->from_end : &r->from_start) |= 1u << day;
    r->by_monthday = true;
    return 0;
}

static int find_weekday(const char *name)
{
    for (int i = 0; i < WEEKDAYS; i++)
        if (str_eq(name, day_names[i]))
            return i;
    return -1;
}

static int parse_day(struct rrule *r, const char *value, struct err *reterr)
{
    int n = 0;
    bool from_end = value[0] == '-', sign = from_end || value[0] == '+';
    const char *p = value + sign, *name = p;
    bool number = take_number(&name, &n), ordinal = name > p;
    int wd = find_weekday(name);
    if (wd < 0 || (sign && !ordinal) || (ordinal && (!number || n < 1 || n > 5)))
        return err_set(reterr,
                       "BYDAY: expected MO, TU, WE, TH, FR, SA or SU, or those of a month "
                       "from 1MO to 5MO and -1MO to -5MO; found '%.40s'",
                       value);
    if (ordinal)
        *(from_end ? &r->last[wd] : &r->nth[wd]) |= 1u << n;
    else
        r->weekdays |= 1u << wd;
    r->by_day = true;
    return 0;
}

static const struct part {
    const char *name;
    bool list;
    int (*parse)(struct rrule *r, const char *value, struct err *reterr);
} parts[] = {
    {"FREQ", false, parse_freq},          {"INTERVAL", false, parse_interval},
    {"COUNT", false, parse_occurrences},  {"UNTIL", false, parse_until},
    {"BYDAY", true, parse_day},           {"BYMONTH", true, parse_month},
    {"BYMONTHDAY", true, parse_monthday},
};

#define FREQ_BIT 1u
#define COUNT_BIT 4u
#define UNTIL_BIT 8u

static int unknown_part(const char *name, struct err *reterr)
{
    const char *names[countof(parts)];
    for (size_t i = 0; i < countof(parts); i++)
        names[i] = parts[i].name;
    const char *near = str_nearest(name, names, countof(parts));
    return err_set(reterr,
                   "%.40s: is no part that is known here; there are FREQ, INTERVAL, COUNT, UNTIL, "
                   "BYDAY, BYMONTH and BYMONTHDAY%s%s%s",
                   *name ? name : "''", near ? "; did you mean " : "", near ? near : "",
                   near ? "?" : "");
}

/* `values` is cut up. */
static int parse_values(struct rrule *r, const struct part *part, char *values, struct err *reterr)
{
    char *rest = values, *value;
    int n = 0;
    if (!part->list)
        return part->parse(r, values, reterr);
    while ((value = strsep(&rest, ",")))
        if (n++ == VALUES_MAX || part->parse(r, value, reterr) < 0)
            return n > VALUES_MAX ? err_set(reterr, "%s: has too many values", part->name) : -1;
    return 0;
}

static int parse_part(struct rrule *r, char *text, unsigned *seen, struct err *reterr)
{
    char *equals = strchr(text, '=');
    if (equals)
        *equals = '\0';
    for (size_t i = 0; i < countof(parts); i++) {
        if (!str_eq(parts[i].name, text))
            continue;
        if (!equals)
            return err_set(reterr, "%s: expected '=' and a value", text);
        if (*seen >> i & 1)
            return err_set(reterr, "%s: is said twice", text);
        *seen |= 1u << i;
        return parse_values(r, &parts[i], equals + 1, reterr);
    }
    return unknown_part(text, reterr);
}

/* Parts that say nothing together. */
static int check_parts(const struct rrule *r, unsigned seen, struct err *reterr)
{
    bool ordinals = false;
    for (int i = 0; i < WEEKDAYS; i++)
        ordinals = ordinals || r->nth[i] || r->last[i];
    if (!(seen & FREQ_BIT))
        return err_set(reterr, "FREQ: is missing; it is DAILY, WEEKLY, MONTHLY or YEARLY");
    if ((seen & COUNT_BIT) && (seen & UNTIL_BIT))
        return err_set(reterr, "UNTIL: a rule has COUNT or UNTIL, not both");
    if (r->freq == WEEKLY && r->by_monthday)
        return err_set(reterr, "BYMONTHDAY: does not go with FREQ=WEEKLY; FREQ=MONTHLY does");
    if (ordinals && r->freq != MONTHLY && !(r->freq == YEARLY && r->months))
        return err_set(reterr, "BYDAY: days like 1MO or -1SU are of a month: they go with "
                               "FREQ=MONTHLY, or with FREQ=YEARLY and BYMONTH");
    return 0;
}

/* What the rule leaves open, the first occurrence says. */
static void complete(struct rrule *r)
{
    struct date d = to_date(r->first_day);
    r->first_period = period_of(r->freq, r->first_day, d);
    if (r->by_day || r->by_monthday || r->freq == DAILY)
        return;
    if (r->freq == WEEKLY) {
        r->by_day = true;
        r->weekdays = 1u << weekday(r->first_day);
        return;
    }
    r->by_monthday = true;
    r->from_start = 1u << d.day;
    if (r->freq == YEARLY && !r->months)
        r->months = 1u << d.month;
}

static void apply_count(struct rrule *r)
{
    int64_t at, t = 0;
    for (int i = 0; i < r->count && rrule_next(r, t, &at); i++)
        t = at + 1;
    if (r->count)
        r->until_min = t - 1;
}

int rrule_parse(const char *text, int64_t first_min, struct rrule **ret, struct err *reterr)
{
    if (strlen(text) > RRULE_TEXT_MAX)
        return err_set(reterr, "a rule has %d bytes at most", RRULE_TEXT_MAX);
    struct rrule *r = mem_alloc(sizeof(*r));
    mem_auto char *copy = mem_strdup(text);
    char *rest = copy, *part;
    unsigned seen = 0;
    int rc = 0;
    *r = (struct rrule){.interval = 1, .until_min = INT64_MAX, .until_us = INT64_MAX};
    r->first_day = first_min / MINUTES_PER_DAY;
    r->minute = (int)(first_min % MINUTES_PER_DAY);
    while (rc == 0 && (part = strsep(&rest, ";")))
        rc = parse_part(r, part, &seen, reterr);
    if (rc == 0)
        rc = check_parts(r, seen, reterr);
    if (rc < 0) {
        rrule_free(r);
        return -1;
    }
    complete(r);
    apply_count(r);
    *ret = r;
    return 0;
}

void rrule_free(struct rrule *r)
{
    free(r);
}
