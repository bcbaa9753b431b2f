#include "base/when.h"

#include "base/units.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Both conversions count from 0000-03-01, so that the leap day ends a year,
 * in eras of 400 years (146097 days). */

int64_t when_days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void when_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *ret_day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *ret_month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

struct cursor {
    const char *p, *end;
    bool bad;
};

static void expect(struct cursor *c, char ch)
{
    if (c->p == c->end || *c->p != ch)
        c->bad = true;
    else
        c->p++;
}

static int digits(struct cursor *c, int count)
{
    int n = 0;
    while (count-- > 0) {
        if (c->p == c->end || *c->p < '0' || *c->p > '9') {
            c->bad = true;
            return 0;
        }
        n = n * 10 + (*c->p++ - '0');
    }
    return n;
}

/* ".5" and longer, as microseconds; what is finer is cut off. */
static int64_t fraction(struct cursor *c)
{
    if (c->p == c->end || *c->p != '.')
        return 0;
    c->p++;
    int64_t us = 0;
    int n = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, n++)
        if (n < 6)
            us = us * 10 + (*c->p - '0');
    if (n == 0 || n > 9)
        c->bad = true;
    for (; n < 6; n++)
        us *= 10;
    return us;
}

/* "Z" or "+02:00", as seconds east of UTC. */
static int64_t offset(struct cursor *c)
{
    if (c->p < c->end && *c->p == 'Z') {
        c->p++;
        return 0;
    }
    bool west = c->p < c->end && *c->p == '-';
    expect(c, west ? '-' : '+');
    int hours = digits(c, 2);
    expect(c, ':');
    int minutes = digits(c, 2);
    if (hours > 23 || minutes > 59)
        c->bad = true;
    int64_t s = hours * 3600 + minutes * 60;
    return west ? -s : s;
}

int when_parse(const char *text, size_t n, int64_t *ret_us, struct err *reterr)
{
    struct cursor c = {.p = text, .end = text + n};
    int year = digits(&c, 4);
    expect(&c, '-');
    int month = digits(&c, 2);
    expect(&c, '-');
    int day = digits(&c, 2);
    expect(&c, 'T');
    int hour = digits(&c, 2);
    expect(&c, ':');
    int minute = digits(&c, 2);
    expect(&c, ':');
    int second = digits(&c, 2);
    int64_t us = fraction(&c);
    int64_t east = offset(&c);
    int shown = n < 60 ? (int)n : 60;
    if (c.bad || c.p != c.end)
        return err_set(reterr, "expected a time like 2026-10-22T08:00:00Z; found '%.*s'", shown,
                       text);

    int64_t days = 0, y = 0;
    int m = 0, d = 0;
    if (month >= 1 && month <= 12 && day >= 1 && day <= 31) {
        days = when_days_from_civil(year, month, day);
        when_civil_from_days(days, &y, &m, &d);
    }
    if (d == 0 || d != day || hour > 23 || minute > 59 || second > 59)
        return err_set(reterr, "there is no such time: '%.*s'", shown, text);
    int64_t t = days * 86400 + hour * 3600 + minute * 60 + second - east;
    if (t < 0 || t >= WHEN_END_US / USEC_PER_SEC)
        return err_set(reterr, "a time must lie in the years 1970 to 9999; found '%.*s'", shown,
                       text);
    *ret_us = t * USEC_PER_SEC + us;
    return 0;
}

char *when_text(char buf[static WHEN_MAX], int64_t us)
{
    int64_t days = us / USEC_PER_DAY, rest = us % USEC_PER_DAY;
    if (rest < 0) {
        rest += USEC_PER_DAY;
        days--;
    }
    int64_t year;
    int month, day;
    when_civil_from_days(days, &year, &month, &day);
    assert(year >= 0 && year <= 9999);
    int s = (int)(rest / USEC_PER_SEC), sub = (int)(rest % USEC_PER_SEC);
    int n = snprintf(buf, WHEN_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, month, day,
                     s / 3600, s / 60 % 60, s % 60);
    char *end = buf + n;
    size_t left = WHEN_MAX - (size_t)n;
    if (sub == 0)
        snprintf(end, left, "Z");
    else if (sub % 1000 == 0)
        snprintf(end, left, ".%03dZ", sub / 1000);
    else
        snprintf(end, left, ".%06dZ", sub);
    return buf;
}

/* ---- of HTTP ------------------------------------------------------------------ */

static int64_t http_date_us(const char *value)
{
    struct tm tm = {0};

    const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return 0;
    int64_t days = when_days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    int64_t secs = tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
    return days * USEC_PER_DAY + secs * USEC_PER_SEC;
}

int64_t when_retry_after_us(const char *value, int64_t now_us)
{
    char *end;

    if (*value < '0' || *value > '9') {
        int64_t at = http_date_us(value);
        return at > now_us ? at - now_us : 0;
    }
    errno = 0;
    long long secs = strtoll(value, &end, 10);
    if (*end)
        return 0;
    if (errno == ERANGE || secs > INT64_MAX / USEC_PER_SEC)
        return INT64_MAX;
    return secs * USEC_PER_SEC;
}
