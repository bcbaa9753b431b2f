#include "slo/window.h"

#include "base/when.h"
#include "io/zone.h"

#include <assert.h>

#define SECONDS_A_DAY 86400LL

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

static struct civil anchor_of(const struct window_def *w, int64_t days_on)
{
    struct civil c = {0};
    int64_t day = floor_div(w->anchor_s, SECONDS_A_DAY);
    int second = (int)(w->anchor_s - day * SECONDS_A_DAY);
    when_civil_from_days(day + days_on, &c.year, &c.month, &c.day);
    c.hour = second / 3600;
    c.minute = second / 60 % 60;
    c.second = second % 60;
    return c;
}

/* The start of period k. Always counted from the anchor, never from another
 * boundary, so that neither DST nor a short month can make them creep. */
static int64_t boundary(const struct window_def *w, int64_t k)
{
    int months = months_in(w->unit) * w->count;
    if (!months)
        return zone_to_us(w->zone, anchor_of(w, k * w->count * (w->unit == CALENDAR_WEEK ? 7 : 1)));
    struct civil c = anchor_of(w, 0);
    int64_t total = c.month - 1 + k * months;
    c.year += floor_div(total, 12);
    c.month = (int)(total - floor_div(total, 12) * 12) + 1;
    return zone_to_us(w->zone, c);
}

/* About: what day and time the anchor has is not looked at. */
static int64_t period_of(const struct window_def *w, int64_t at_us)
{
    struct civil c = zone_from_us(w->zone, at_us), first = anchor_of(w, 0);
    int months = months_in(w->unit) * w->count;
    if (months)
        return floor_div((c.year - first.year) * 12 + c.month - first.month, months);
    int64_t days = when_days_from_civil(c.year, c.month, c.day) -
                   when_days_from_civil(first.year, first.month, first.day);
    return floor_div(days, w->count * (w->unit == CALENDAR_WEEK ? 7 : 1));
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
