/*
 * Service hours: the spans of the week in which a probe runs. Slots outside do
 * not run and are not expected.
 *
 * A span belongs to the day it begins on and follows the wall clock of its time
 * zone, with the rules of io/zone.h for times that a clock change skips or
 * repeats: "22:00" to "06:00" ends on the next day, and is nine or seven hours
 * long when the clocks change. Spans that overlap are one. Half-open. A day that
 * a zone left out of its calendar has none.
 *
 * Immutable and thread-safe once made; counted.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOURS_RULES_MAX 16

struct hours;

/* `days`: "mon-fri", "fri-mon", "sat,sun", a list of both, or "daily". `from`:
 * "00:00" to "23:59"; `to`: "00:00" to "24:00". All rules are of one time zone.
 * On error *ret_bad is the index of the rule at fault. */
int hours_make(const struct hours_rule *rules, size_t n, struct hours **ret, size_t *ret_bad,
               struct err *reterr);

/* As it is stored: "Europe/Berlin mon-fri 08:00-18:00; sat 10:00-14:00", and back.
 * The text lives as long as the hours, and is equal for equal rules. */
const char *hours_text(const struct hours *h);
int hours_parse(const char *text, struct hours **ret, struct err *reterr);

const struct hours *hours_ref(const struct hours *h); /* NULL gives NULL */
void hours_unref(const struct hours *h);              /* thread-safe; NULL is fine */

/* Whether both are NULL or say the same. */
bool hours_same(const struct hours *a, const struct hours *b);

/* As schedule_next() and schedule_count() of model/schedule.h, of the slots
 * within; NULL hours: of all. INT64_MAX: no slot ever is. Counting costs some
 * nanoseconds a day, and more where the zone's clocks change. */
int64_t hours_next(const struct hours *h, int64_t phase_us, int64_t interval_us, int64_t t_us);
int64_t hours_count(const struct hours *h, int64_t phase_us, int64_t interval_us, int64_t from_us,
                    int64_t to_us);

extern const struct hours_ops hours_ops; /* for config_tables */
