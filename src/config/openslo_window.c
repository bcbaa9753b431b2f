/* The window of an SLO. */
#include "config/openslo.h"

#include "base/str.h"
#include "base/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct time_window {
    const struct node *duration, *is_rolling, *calendar;
};

static const struct field window_fields[] = {
    {"duration", FIELD_CUSTOM, offsetof(struct time_window, duration), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"isRolling", FIELD_CUSTOM, offsetof(struct time_window, is_rolling), .decode = decode_keep},
    {"calendar", FIELD_CUSTOM, offsetof(struct time_window, calendar), .decode = decode_keep},
    {0},
};

struct calendar {
    const struct node *start, *zone;
};

static const struct field calendar_fields[] = {
    {"startTime", FIELD_CUSTOM, offsetof(struct calendar, start), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"timeZone", FIELD_CUSTOM, offsetof(struct calendar, zone), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {0},
};

static const struct node *rolling(struct build *b, const struct node *n)
{
    struct openslo_duration d;
    if (!openslo_duration(b, "duration", n, 0, &d))
        return NULL;
    if (strchr("MQY", d.unit)) {
        decode_error(&b->decode, n->pos,
                     "duration: months, quarters and years differ in length, a rolling window "
                     "does not: write %" PRId64 "d, or 'isRolling: false' and a 'calendar'",
                     d.n * (d.unit == 'M'   ? 30
                            : d.unit == 'Q' ? 90
                                            : 365));
        return NULL;
    }
    if (d.unit == 'm' && d.n <= 12)
        decode_warning(&b->decode, n->pos,
                       "duration: %" PRId64 "m are minutes; a month is 'M', of the calendar", d.n);
    return n;
}

struct local_time {
    int year, month, day, hour, minute, second;
};

/* YYYY-MM-DD HH:MM:SS, as which it is returned; the time may be missing, or
 * behind a T. NULL: reported. */
static const char *parse_start(struct build *b, const struct node *n, struct local_time *t)
{
    char found[FOUND_MAX], shown[32], sep = ' ';
    int end = 0, fields = 0;
    bool scalar = n->kind == NODE_SCALAR && strspn(n->text, "0123456789-: T") == strlen(n->text);
    *t = (struct local_time){0};
    if (scalar)
        fields = sscanf(n->text, "%4d-%2d-%2d%n%c%2d:%2d:%2d%n", &t->year, &t->month, &t->day, &end,
                        &sep, &t->hour, &t->minute, &t->second, &end);
    bool ok = (fields == 3 || (fields == 7 && strchr(" T", sep))) && n->text[end] == '\0' &&
              t->year >= 1970 && t->month >= 1 && t->month <= 12 && t->day >= 1 && t->day <= 31 &&
              t->hour >= 0 && t->hour < 24 && t->minute >= 0 && t->minute < 60 && t->second >= 0 &&
              t->second < 60;
    int64_t year;
    int month, day;
    if (ok) {
        when_civil_from_days(when_days_from_civil(t->year, t->month, t->day), &year, &month, &day);
        ok = month == t->month;
    }
    if (!ok) {
        decode_error(&b->decode, n->pos,
                     "startTime: expected the zone's wall clock like 2026-01-01 00:00:00; found "
                     "%s",
                     decode_found(n, found));
        return NULL;
    }
    snprintf(shown, sizeof(shown), "%04d-%02d-%02d %02d:%02d:%02d", t->year, t->month, t->day,
             t->hour, t->minute, t->second);
    if (!str_eq(shown, n->text))
        decode_warning(&b->decode, n->pos, "startTime: taken for %s; write that", shown);
    return arena_strdup(&b->config->arena, shown);
}

struct unit {
    char letter;
    const char *name;
    int months, days;
};

/* Where the calendar's own periods of this length begin, counted from 1970 on. */
static bool is_natural(const struct local_time *t, const struct unit *unit, int64_t count)
{
    int64_t days = when_days_from_civil(t->year, t->month, t->day);
    if (t->hour || t->minute || t->second)
        return false;
    if (unit->months)
        return t->day == 1 && ((t->year - 1970) * 12 + t->month - 1) % (unit->months * count) == 0;
    if (unit->days == 7)
        return (days - 4) % (7 * count) == 0; /* 1970-01-05 is a Monday */
    return days % count == 0;
}

static const struct node *calendar(struct build *b, const struct node *duration,
                                   const struct node *n)
{
    static const struct unit units[] = {{'d', "day", 0, 1},
                                        {'w', "week", 0, 7},
                                        {'M', "month", 1, 0},
                                        {'Q', "quarter", 3, 0},
                                        {'Y', "year", 12, 0}};
    struct calendar c = {0};
    struct openslo_duration d;
    struct local_time t;
    const struct unit *unit = NULL;
    decode_object(&b->decode, n, calendar_fields, &c);
    if (!openslo_duration(b, "duration", duration, 0, &d) || !c.start || !c.zone)
        return NULL;
    for (size_t i = 0; i < countof(units); i++)
        if (units[i].letter == d.unit)
            unit = &units[i];
    if (!unit) {
        decode_error(&b->decode, duration->pos,
                     "duration: a calendar's period is of days, weeks, months, quarters or years: "
                     "1d, 1w, 1M, 1Q, 1Y; found '%.60s'",
                     duration->text);
        return NULL;
    }
    const char *start = parse_start(b, c.start, &t);
    if (!start)
        return NULL;
    struct node *w = openslo_map(b, n->pos);
    const char *text = arena_printf(&b->config->arena, "%" PRId64 " %s", d.n, unit->name);
    openslo_put(b, w, "calendar", openslo_scalar(b, duration->pos, text));
    openslo_put(b, w, "timezone", c.zone);
    if (!is_natural(&t, unit, d.n))
        openslo_put(b, w, "start", openslo_scalar(b, c.start->pos, start));
    return w;
}

const struct node *openslo_window(struct build *b, const struct node *list)
{
    static const struct field is_rolling = {"isRolling", FIELD_BOOL};
    char found[FOUND_MAX];
    struct time_window w = {0};
    const struct node *n = list;
    bool moves = false;
    if (list->kind == NODE_MAP)
        decode_warning(&b->decode, list->pos,
                       "timeWindow: a mapping is taken for a list of one; write '- duration: ...'");
    else if (list->kind == NODE_SEQ && list->n == 1)
        n = list->items[0];
    else {
        decode_error(&b->decode, list->pos, "timeWindow: expected a list of one window; found %s",
                     list->kind == NODE_SEQ ? arena_printf(b->decode.arena, "%zu", list->n)
                                            : decode_found(list, found));
        return NULL;
    }
    decode_object(&b->decode, n, window_fields, &w);
    if (w.is_rolling)
        decode_value(&b->decode, w.is_rolling, &is_rolling, &moves);
    if (!w.duration)
        return NULL;
    if (moves == (w.calendar != NULL)) {
        decode_error(&b->decode, moves ? w.calendar->pos : n->pos,
                     "timeWindow: either 'isRolling: true' or a 'calendar' says how it moves");
        return NULL;
    }
    return moves ? rolling(b, w.duration) : calendar(b, w.duration, w.calendar);
}
