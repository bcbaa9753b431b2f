/* Exclusions by themselves: their times as people write them, and what makes one valid. */
#include "slo/exclusions.h"

#include "base/str.h"
#include "base/units.h"
#include "base/when.h"
#include "io/zone.h"
#include "slo/recurring.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN "%.40s"

/* ---- times ------------------------------------------------------------------------ */

/* "Z" or "+02:00" at the end of a time of day. */
static bool has_offset(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && (text[n - 1] == 'Z' || (n > 16 && (text[n - 6] == '+' || text[n - 6] == '-')));
}

/* "2026-10-22", "2026-10-22 08:00" and "2026-10-22T08:00:00", as if it were UTC. */
static int wall_clock(const char *text, int64_t *ret_us, struct err *reterr)
{
    char full[24];
    size_t n = strlen(text);
    bool form = n == 10 || ((n == 16 || n == 19) && (text[10] == ' ' || text[10] == 'T'));
    if (!form)
        return err_set(reterr,
                       "expected a time like 2026-10-22T08:00:00Z, or like '2026-10-22 08:00' by "
                       "the clocks of a `timezone`; found '" SHOWN "'",
                       text);
    snprintf(full, sizeof(full), "%.10sT%sZ", text, n == 10 ? "00:00:00" : "");
    if (n > 10)
        snprintf(full, sizeof(full), "%.10sT%s%sZ", text, text + 11, n == 16 ? ":00" : "");
    struct err err;
    if (when_parse(full, strlen(full), ret_us, &err) < 0)
        return err_set(reterr, "there is no such time: '" SHOWN "'", text);
    return 0;
}

static struct civil to_civil(int64_t us)
{
    int64_t days = us / USEC_PER_DAY;
    int rest = (int)(us % USEC_PER_DAY / USEC_PER_SEC);
    struct civil c = {.hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60};
    when_civil_from_days(days, &c.year, &c.month, &c.day);
    return c;
}

static bool same_clock(struct civil a, struct civil b)
{
    return a.day == b.day && a.hour == b.hour && a.minute == b.minute;
}

int exclusion_time(const char *text, const char *zone_name, int64_t *ret_us, struct err *reterr)
{
    int64_t wall_us, us;
    struct zone *zone;
    if (has_offset(text))
        return when_parse(text, strlen(text), ret_us, reterr);
    if (wall_clock(text, &wall_us, reterr) < 0)
        return -1;
    if (!zone_name)
        return err_set(reterr,
                       "'" SHOWN "' is a time of no zone: add 'Z' or an offset, or give a "
                       "`timezone`",
                       text);
    if (zone_open(zone_name, &zone, reterr) < 0)
        return -1;
    us = zone_to_us(zone, to_civil(wall_us));
    bool there = same_clock(zone_from_us(zone, us), to_civil(wall_us));
    zone_free(zone);
    if (!there)
        return err_set(reterr, "there is no '" SHOWN "' in %s: clocks skip it", text, zone_name);
    if (us < 0 || us >= WHEN_END_US)
        return err_set(reterr, "a time must lie in the years 1970 to 9999; found '" SHOWN "'",
                       text);
    *ret_us = us;
    return 0;
}

/* ---- what makes one valid ------------------------------------------------------------ */

static int bad(const char **ret_key, const char *key)
{
    *ret_key = key;
    return -1;
}

static int check_whole(int64_t us, struct err *reterr)
{
    char text[WHEN_MAX];
    if (us % USEC_PER_MIN == 0)
        return 0;
    return err_set(reterr, "exclusions are of whole minutes; found %s", when_text(text, us));
}

static int check_zone(const char *name, struct err *reterr)
{
    struct zone *zone;
    if (zone_open(name, &zone, reterr) < 0)
        return -1;
    zone_free(zone);
    return 0;
}

static int check_rule(const struct exclusion *x, const char **ret_key, struct err *reterr)
{
    struct recurring *r;
    if (recurring_make(x, &r, ret_key, reterr) < 0)
        return -1;
    int rc = recurring_check(r, x, ret_key, reterr);
    recurring_free(r);
    return rc;
}

int exclusion_check(const struct exclusion *x, const char **ret_key, struct err *reterr)
{
    char from[WHEN_MAX], to[WHEN_MAX];
    if (x->from_us < 0 || x->from_us >= WHEN_END_US) {
        err_set(reterr, "a time must lie in the years 1970 to 9999");
        return bad(ret_key, "from");
    }
    if (x->to_us < 0 || x->to_us >= WHEN_END_US) {
        err_set(reterr, "the end must lie before the year 10000");
        return bad(ret_key, "to");
    }
    if (check_zone(x->timezone, reterr) < 0)
        return bad(ret_key, "timezone");
    if (check_whole(x->from_us, reterr) < 0)
        return bad(ret_key, "from");
    if (check_whole(x->to_us, reterr) < 0)
        return bad(ret_key, "to");
    if (x->to_us <= x->from_us) {
        err_set(reterr, "it must end after it begins; found %s to %s", when_text(from, x->from_us),
                when_text(to, x->to_us));
        return bad(ret_key, "to");
    }
    return x->rrule ? check_rule(x, ret_key, reterr) : 0;
}

/* ---- two of them ---------------------------------------------------------------------- */

/* Whether a span of `b` is within [from, to) of some span of `a`. */
static bool meet(const struct exclusions *a, const struct exclusions *b, int64_t from_us,
                 int64_t to_us, int64_t *ret_us)
{
    struct exclusion_span x, y;
    for (int64_t t = from_us; exclusions_next(a, t, &x) && x.start_us < to_us; t = x.end_us) {
        if (!exclusions_next(b, x.start_us > t ? x.start_us : t, &y))
            return false;
        if (y.start_us < x.end_us) {
            *ret_us = x.start_us > y.start_us ? x.start_us : y.start_us;
            return *ret_us < to_us;
        }
    }
    return false;
}

bool exclusion_sets_overlap(const struct exclusion *a, const struct exclusions *x,
                            const struct exclusion *b, const struct exclusions *y, int64_t *ret_us)
{
    const struct exclusion *once = !a->rrule ? a : !b->rrule ? b : NULL;
    int64_t later = a->from_us > b->from_us ? a->from_us : b->from_us;
    if (!a->rrule && !b->rrule) {
        *ret_us = later;
        return a->from_us < b->to_us && b->from_us < a->to_us;
    }
    return once ? meet(x, y, once->from_us, once->to_us, ret_us)
                : meet(x, y, later, later + EXCLUSION_CHECK_US, ret_us);
}

bool exclusion_overlap(const struct exclusion *a, const struct exclusion *b, int64_t *ret_us)
{
    struct exclusions *x = NULL, *y = NULL;
    bool met = false;
    if (!a->rrule && !b->rrule)
        return exclusion_sets_overlap(a, x, b, y, ret_us);
    if (exclusions_make(&a, 1, &x, NULL) == 0 && exclusions_make(&b, 1, &y, NULL) == 0)
        met = exclusion_sets_overlap(a, x, b, y, ret_us);
    exclusions_unref(x);
    exclusions_unref(y);
    return met;
}

const struct exclusion_ops exclusion_ops = {
    .time = exclusion_time,
    .check = exclusion_check,
    .fits = exclusion_fits,
};
