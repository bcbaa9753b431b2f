#include "slo/period.h"

#include "base/units.h"
#include "base/when.h"
#include "io/zone.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define YEAR_MIN 1971
#define YEAR_MAX 9998

/* ---- dates ---------------------------------------------------------------------- */

static int64_t days_of(const struct period *p)
{
    return when_days_from_civil(p->year, p->month, p->day);
}

static struct period from_days(enum calendar_unit unit, int64_t days)
{
    struct period p = {.unit = unit};
    when_civil_from_days(days, &p.year, &p.month, &p.day);
    return p;
}

/* The Monday of week 1. */
static int64_t first_monday(int64_t year)
{
    int64_t days = when_days_from_civil(year, 1, 4);
    return days - (days + 3) % 7; /* 1970-01-01 was a Thursday */
}

static int month_days(int64_t year, int month)
{
    int64_t next = month == 12 ? when_days_from_civil(year + 1, 1, 1)
                               : when_days_from_civil(year, month + 1, 1);
    return (int)(next - when_days_from_civil(year, month, 1));
}

/* The start `n` periods later. */
static struct period shifted(const struct period *p, int n)
{
    int months = p->unit == CALENDAR_MONTH ? 1 : p->unit == CALENDAR_QUARTER ? 3 : 12;
    if (p->unit == CALENDAR_DAY || p->unit == CALENDAR_WEEK)
        return from_days(p->unit, days_of(p) + n * (p->unit == CALENDAR_WEEK ? 7 : 1));
    int64_t total = p->year * 12 + p->month - 1 + (int64_t)n * months;
    return (struct period){p->unit, total / 12, (int)(total % 12) + 1, 1};
}

static int64_t start_of(const struct period *p, const struct zone *zone)
{
    struct civil c = {.year = p->year, .month = p->month, .day = p->day};
    return zone ? zone_to_us(zone, c) : days_of(p) * USEC_PER_DAY;
}

struct span period_span(const struct period *p, const struct zone *zone)
{
    struct period next = shifted(p, 1);
    return (struct span){start_of(p, zone), start_of(&next, zone)};
}

struct period period_before(const struct period *p)
{
    return shifted(p, -1);
}

/* ---- text --------------------------------------------------------------------------- */

/* Exactly n digits; moves behind them. -1: there is something else. */
static int digits(const char **text, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return -1;
        value = value * 10 + (**text - '0');
    }
    return value;
}

static int unknown(const char *text, struct err *reterr)
{
    return err_set(reterr,
                   "expected a period such as 2026, 2026-Q3, 2026-10, 2026-W45 or 2026-10-21; "
                   "found '%.40s'",
                   text);
}

static int parse_week(struct period *p, int week, struct err *reterr)
{
    int64_t year = p->year, monday = first_monday(year) + 7LL * (week - 1);
    if (week < 1 || monday >= first_monday(year + 1))
        return err_set(reterr, "there is no week %d in %" PRId64, week, year);
    *p = from_days(CALENDAR_WEEK, monday);
    return 0;
}

static int parse_quarter(struct period *p, int quarter, struct err *reterr)
{
    if (quarter < 1 || quarter > 4)
        return err_set(reterr, "there is no quarter %d, only Q1 to Q4", quarter);
    p->unit = CALENDAR_QUARTER;
    p->month = 3 * quarter - 2;
    return 0;
}

static int parse_date(struct period *p, int month, int day, struct err *reterr)
{
    if (month < 1 || month > 12)
        return err_set(reterr, "there is no month %02d", month);
    if (day > month_days(p->year, month) || day == 0)
        return err_set(reterr, "%" PRId64 "-%02d has %d days, none is %d", p->year, month,
                       month_days(p->year, month), day);
    p->unit = day < 0 ? CALENDAR_MONTH : CALENDAR_DAY;
    p->month = month;
    p->day = day < 0 ? 1 : day;
    return 0;
}

int period_parse(const char *text, struct period *ret, struct err *reterr)
{
    const char *at = text;
    int year = digits(&at, 4), n, day = -1;
    struct period p = {CALENDAR_YEAR, year, 1, 1};
    char kind = 0;
    if (year < 0 || (*at && *at != '-'))
        return unknown(text, reterr);
    if (year < YEAR_MIN || year > YEAR_MAX)
        return err_set(reterr, "years are %d to %d; found '%.40s'", YEAR_MIN, YEAR_MAX, text);
    if (!*at) {
        *ret = p;
        return 0;
    }
    at++;
    if (*at == 'Q' || *at == 'W')
        kind = *at++;
    n = digits(&at, kind == 'Q' ? 1 : 2);
    if (n < 0)
        return unknown(text, reterr);
    if (!kind && *at == '-' && (at++, day = digits(&at, 2)) < 0)
        return unknown(text, reterr);
    if (*at)
        return unknown(text, reterr);
    int rc = kind == 'Q'   ? parse_quarter(&p, n, reterr)
             : kind == 'W' ? parse_week(&p, n, reterr)
                           : parse_date(&p, n, day, reterr);
    if (rc == 0)
        *ret = p;
    return rc;
}

char *period_text(char buf[static PERIOD_MAX], const struct period *p)
{
    int64_t thursday, year = p->year;
    int month, day;
    switch (p->unit) {
    case CALENDAR_YEAR:
        snprintf(buf, PERIOD_MAX, "%04d", (int)year);
        break;
    case CALENDAR_QUARTER:
        snprintf(buf, PERIOD_MAX, "%04d-Q%d", (int)year, p->month / 3 + 1);
        break;
    case CALENDAR_MONTH:
        snprintf(buf, PERIOD_MAX, "%04d-%02d", (int)year, p->month);
        break;
    case CALENDAR_WEEK: /* of the year that its Thursday is in */
        thursday = days_of(p) + 3;
        when_civil_from_days(thursday, &year, &month, &day);
        snprintf(buf, PERIOD_MAX, "%04d-W%02d", (int)year,
                 (int)((days_of(p) - first_monday(year)) / 7) + 1);
        break;
    case CALENDAR_DAY:
        snprintf(buf, PERIOD_MAX, "%04d-%02d-%02d", (int)year, p->month, p->day);
        break;
    }
    return buf;
}
