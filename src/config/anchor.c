#include "config/anchor.h"

#include "base/when.h"

#include <stddef.h>

/* Digits and the signs between them, both of fixed length. */
static bool take(const char **p, int digits, char behind, int *ret)
{
    int v = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (**p - '0');
    }
    *ret = v;
    if (behind && *(*p)++ != behind)
        return false;
    return true;
}

static bool take_time(const char *p, int *ret_s)
{
    int hour, minute, second;
    if (*p == '\0') {
        *ret_s = 0;
        return true;
    }
    if ((*p != ' ' && *p != 'T') || (p++, !take(&p, 2, ':', &hour)) || !take(&p, 2, ':', &minute) ||
        !take(&p, 2, '\0', &second))
        return false;
    *ret_s = hour * 3600 + minute * 60 + second;
    return *p == '\0' && hour < 24 && minute < 60 && second < 60;
}

bool anchor_parse(const char *text, int64_t *ret_s)
{
    int year, month, day, back_month, back_day, second;
    int64_t back_year;
    if (!take(&text, 4, '-', &year) || !take(&text, 2, '-', &month) ||
        !take(&text, 2, '\0', &day) || !take_time(text, &second))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1)
        return false;
    int64_t days = when_days_from_civil(year, month, day);
    when_civil_from_days(days, &back_year, &back_month, &back_day);
    if (back_month != month || back_day != day)
        return false;
    *ret_s = days * 86400 + second;
    return true;
}
