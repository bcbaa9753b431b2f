#include "alert/mute.h"

#include "base/str.h"
#include "base/when.h"
#include "io/zone.h"

#include <assert.h>

/* 1970-01-01 was a Thursday. */
static int weekday_of(const struct civil *c)
{
    int64_t days = when_days_from_civil(c->year, c->month, c->day);
    return (int)(((days + 4) % 7 + 7) % 7);
}

static int month_length(const struct civil *c)
{
    bool last = c->month == 12;
    return (int)(when_days_from_civil(c->year + last, last ? 1 : c->month + 1, 1) -
                 when_days_from_civil(c->year, c->month, 1));
}

static bool within(const struct time_ranges *list, int64_t value)
{
    bool in = list->n == 0;
    for (size_t i = 0; !in && i < list->n; i++)
        in = list->at[i].from <= value && value <= list->at[i].to;
    return in;
}

static bool within_day(const struct time_ranges *list, int minute)
{
    bool in = list->n == 0;
    for (size_t i = 0; !in && i < list->n; i++)
        in = list->at[i].from <= minute && minute < list->at[i].to;
    return in;
}

/* Days below 0 count from the month's end; what reaches over either end of a short
 * month stops there. */
static bool within_month(const struct time_ranges *list, const struct civil *c)
{
    int length = month_length(c);
    bool in = list->n == 0;
    for (size_t i = 0; !in && i < list->n; i++) {
        int from = list->at[i].from, to = list->at[i].to;
        from = from < 0 ? length + from + 1 : from;
        to = to < 0 ? length + to + 1 : to;
        in = from <= c->day && c->day <= to;
    }
    return in;
}

static bool part_holds(const struct time_interval_part *p, int64_t t_us)
{
    struct civil c = zone_from_us(p->zone, t_us);
    return within_day(&p->minutes, 60 * c.hour + c.minute) && within_month(&p->days, &c) &&
           within(&p->months, c.month) && within(&p->weekdays, weekday_of(&c)) &&
           within(&p->years, c.year);
}

bool mute_holds(const struct time_interval_def *interval, int64_t t_us)
{
    bool in = false;
    for (size_t i = 0; !in && i < interval->n; i++)
        in = part_holds(&interval->parts[i], t_us);
    return in;
}

static const struct time_interval_def *named(const struct routing_def *r, const char *name)
{
    for (size_t i = 0; i < r->interval_count; i++)
        if (str_eq(r->intervals[i].name, name))
            return &r->intervals[i];
    assert(!"the loader knows every interval");
    return NULL;
}

const struct time_interval_def *mute_find(const struct routing_def *r,
                                          const struct route_def *route, int64_t t_us)
{
    const struct string_list *mute = &route->mute_time_intervals;
    const struct string_list *active = &route->active_time_intervals;
    for (size_t i = 0; i < mute->n; i++) {
        const struct time_interval_def *t = named(r, mute->at[i]);
        if (mute_holds(t, t_us))
            return t;
    }
    for (size_t i = 0; i < active->n; i++)
        if (mute_holds(named(r, active->at[i]), t_us))
            return NULL;
    return active->n > 0 ? named(r, active->at[0]) : NULL;
}
