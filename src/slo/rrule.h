/*
 * When something recurs: the part of RFC 5545's recurrence rules that exclusions need.
 *
 *     FREQ=WEEKLY;BYDAY=SU              each Sunday
 *     FREQ=MONTHLY;BYDAY=-1SU           the last Sunday of each month
 *     FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,25,26
 *     FREQ=DAILY;INTERVAL=2;COUNT=10
 *
 * Parts, separated by `;`, each once, in capitals:
 *
 *     FREQ        DAILY, WEEKLY, MONTHLY or YEARLY
 *     INTERVAL    1 to 1000: every so many days, weeks (from Monday on), months, years
 *     COUNT       1 to 10000 occurrences, the first one included
 *     UNTIL       the last moment at which one may begin: 20261231 (that day is in),
 *                 20261231T220000Z, or 20261231T220000 by the wall clock; not with COUNT
 *     BYMONTH     1 to 12
 *     BYMONTHDAY  1 to 31, -1 (the last day of a month) to -31; not with WEEKLY
 *     BYDAY       MO to SU; with MONTHLY, and with YEARLY and BYMONTH, also those of a
 *                 month: 1MO, -1SU, up to 5
 *
 * Everything else is an error that names it. A day must meet all BY parts. Without
 * any that says which days, it is the first occurrence that does: its weekday, its day
 * of the month, its day of the year; months that have no such day are left out.
 *
 * All occurrences have the first one's time of day. Times are of a wall clock in no zone,
 * in minutes since 1970-01-01 00:00. Nothing recurs beyond the year 2999.
 *
 * Immutable once made. Pure arithmetic: next costs below a microsecond for rules of days
 * and weeks, and some of them for rare days of the year, however long ago it began.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define RRULE_TEXT_MAX 256
#define RRULE_INTERVAL_MAX 1000
#define RRULE_COUNT_MAX 10000

struct rrule;

/* `first_min` is to be the first occurrence; whether the rule has one there:
 * rrule_next(). Errors begin with the part at fault. */
int rrule_parse(const char *text, int64_t first_min, struct rrule **ret, struct err *reterr);
void rrule_free(struct rrule *r); /* NULL is fine */

/* The first occurrence at or after `t_min`. False: there is none. UNTIL with Z is not
 * looked at here. */
bool rrule_next(const struct rrule *r, int64_t t_min, int64_t *ret_min);

/* UNTIL with Z: the instant after which none begins; INT64_MAX: there is none. */
int64_t rrule_until_us(const struct rrule *r);

/* The shortest time between two of the first thousand occurrences; INT64_MAX: there are
 * no two. */
int64_t rrule_distance(const struct rrule *r);
