#include "slo/recurring.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"
#include "io/zone.h"
#include "slo/rrule.h"

#include <stdlib.h>

#define MINUTES_PER_DAY 1440

/* Clocks are never further than that from where they were. */
#define CHANGE_MAX_US USEC_PER_DAY

struct recurring {
    struct rrule *rule;
    struct zone *zone;
    int64_t length_us;
    enum exclusion_mode mode;
};

static int64_t wall_min(const struct zone *z, int64_t us)
{
    struct civil c = zone_from_us(z, us);
    return when_days_from_civil(c.year, c.month, c.day) * MINUTES_PER_DAY + c.hour * 60 + c.minute;
}

/* Whole minutes also where a zone's offset once was none. */
static int64_t instant(const struct zone *z, int64_t wall)
{
    struct civil c = {.hour = (int)(wall % MINUTES_PER_DAY / 60), .minute = (int)(wall % 60)};
    when_civil_from_days(wall / MINUTES_PER_DAY, &c.year, &c.month, &c.day);
    int64_t us = zone_to_us(z, c);
    return us - us % USEC_PER_MIN;
}

static int bad(const char **ret_key, const char *key)
{
    *ret_key = key;
    return -1;
}

static int check_first(const struct recurring *r, const struct exclusion *x, int64_t first,
                       struct err *reterr)
{
    char text[WHEN_MAX], date[WHEN_MAX];
    int64_t next;
    if (instant(r->zone, first) != x->from_us)
        return err_set(reterr,
                       "by the clocks of %s this is the second time of two: a rule takes the "
                       "first; found %s",
                       x->timezone, when_text(text, x->from_us));
    if (!rrule_next(r->rule, first, &next))
        return err_set(reterr, "no day from then on is one of the rule");
    when_text(date, next * USEC_PER_MIN);
    if (next != first)
        return err_set(reterr, "is not on a day of the rule; the first one from then on is %.10s",
                       date);
    if (instant(r->zone, first) > rrule_until_us(r->rule))
        return err_set(reterr, "is after the rule's UNTIL");
    return 0;
}

static int check_length(const struct recurring *r, struct err *reterr)
{
    char length[UNITS_MAX], distance[UNITS_MAX];
    int64_t minutes = rrule_distance(r->rule);
    if (minutes == INT64_MAX || r->length_us <= minutes * USEC_PER_MIN)
        return 0;
    return err_set(reterr, "it lasts %s, but comes again after %s: it would overlap itself",
                   units_duration(length, r->length_us),
                   units_duration(distance, minutes * USEC_PER_MIN));
}

static int make(struct recurring *r, const struct exclusion *x, const char **ret_key,
                struct err *reterr)
{
    if (x->from_us < 2 * USEC_PER_DAY) {
        err_set(reterr, "a rule begins on 1970-01-03 or later");
        return bad(ret_key, "from");
    }
    if (zone_open(x->timezone, &r->zone, reterr) < 0)
        return bad(ret_key, "timezone");
    int64_t first = wall_min(r->zone, x->from_us);
    if (rrule_parse(x->rrule, first, &r->rule, reterr) < 0)
        return bad(ret_key, "rrule");
    return 0;
}

int recurring_check(const struct recurring *r, const struct exclusion *x, const char **ret_key,
                    struct err *reterr)
{
    if (check_first(r, x, wall_min(r->zone, x->from_us), reterr) < 0)
        return bad(ret_key, "from");
    if (check_length(r, reterr) < 0)
        return bad(ret_key, "to");
    return 0;
}

int recurring_make(const struct exclusion *x, struct recurring **ret, const char **ret_key,
                   struct err *reterr)
{
    struct recurring *r = mem_alloc(sizeof(*r));
    r->length_us = x->to_us - x->from_us;
    r->mode = x->mode;
    if (make(r, x, ret_key, reterr) < 0) {
        recurring_free(r);
        return -1;
    }
    *ret = r;
    return 0;
}

void recurring_free(struct recurring *r)
{
    if (!r)
        return;
    rrule_free(r->rule);
    zone_free(r->zone);
    free(r);
}

bool recurring_next(const struct recurring *r, int64_t t_us, struct exclusion_span *ret)
{
    int64_t since = t_us - r->length_us - CHANGE_MAX_US, wall;
    int64_t from = since < 0 ? 0 : wall_min(r->zone, since);
    for (; rrule_next(r->rule, from, &wall); from = wall + 1) {
        int64_t start = instant(r->zone, wall);
        if (start > rrule_until_us(r->rule))
            return false;
        if (start + r->length_us <= t_us)
            continue;
        *ret = (struct exclusion_span){start, start + r->length_us, r->mode};
        return true;
    }
    return false;
}
