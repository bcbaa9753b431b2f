#include "slo/window.h"

#include "base/when.h"
#include "io/zone.h"

#include <assert.h>

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int months_in(enum calendar_unit unit)
{
    switch (unit) {
    case CALENDAR_MONTH:
        return 1;
    case CALENDAR_QUARTER:
        return 3;
    case CALENDAR_YEAR:
        return 12;
    case CALENDAR_DAY:
    case CALENDAR_WEEK:
        break;
    }
    return 0;
}

/* The start of period k. Always counted from the anchor, never from another
 * boundary, so that neither DST nor a short month can make them creep. */
static int64_t boundary(const struct window_def *w, int64_t k)
{
    struct civil c = {.year = 1970, .month = 1, .day = 1};
    int months = months_in(w->unit) * w->count;
    if (months) {
        int64_t total = k * months;
        c.year += floor_div(total, 12);
        c.month += (int)(total - floor_div(total, 12) * 12);
        return zone_to_us(w->zone, c);
    }
    int64_t days = k * w->count * (w->unit == CALENDAR_WEEK ? 7 : 1);
    if (w->unit == CALENDAR_WEEK)
        days += 4; /* 1970-01-05 is a Monday */
    when_civil_from_days(days, &c.year, &c.month, &c.day);
    return zone_to_us(w->zone, c);
}

static int64_t period_of(const struct window_def *w, int64_t at_us)
{
    struct civil c = zone_from_us(w->zone, at_us);
    int months = months_in(w->unit) * w->count;
    if (months)
        return floor_div((c.year - 1970) * 12 + c.month - 1, months);
    int64_t days = when_days_from_civil(c.year, c.month, c.day);
    if (w->unit == CALENDAR_WEEK)
        return floor_div(days - 4, 7LL * w->count);
    return floor_div(days, w->count);
}

struct span window_span(const struct window_def *w, int64_t at_us)
{
    if (w->type == WINDOW_ROLLING) {
        assert(w->duration_us > 0);
        return (struct span){at_us - w->duration_us, at_us};
    }
    assert(w->zone && w->count > 0);
    int64_t k = period_of(w, at_us);
    /* A midnight that a forward change skips, or shows twice, can be one off. */
    while (boundary(w, k) > at_us)
        k--;
    while (boundary(w, k + 1) <= at_us)
        k++;
    return (struct span){boundary(w, k), boundary(w, k + 1)};
}

int64_t window_nominal_us(const struct window_def *w)
{
    static const int days[] = {[CALENDAR_DAY] = 1,
                               [CALENDAR_WEEK] = 7,
                               [CALENDAR_MONTH] = 30,
                               [CALENDAR_QUARTER] = 90,
                               [CALENDAR_YEAR] = 365};
    if (w->type == WINDOW_ROLLING)
        return w->duration_us;
    return days[w->unit] * USEC_PER_DAY * w->count;
}

int64_t window_longest_us(const struct window_def *w)
{
    int64_t nominal = window_nominal_us(w);
    return w->type == WINDOW_ROLLING ? nominal : nominal + nominal / 30 + USEC_PER_DAY;
}
