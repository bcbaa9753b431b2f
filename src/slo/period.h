/*
 * A period of the calendar as people name it: "2026", "2026-Q3", "2026-10",
 * "2026-W45", "2026-10-21". Weeks are those of ISO 8601: they begin on Monday, and
 * week 1 is the one with 4 January. Years 1971 to 9998.
 */
#pragma once

#include "base/err.h"
#include "nines/slo.h"
#include "slo/window.h"

#include <stdint.h>

struct period {
    enum calendar_unit unit;
    int64_t year; /* its first day */
    int month, day;
};

#define PERIOD_MAX 24

/* The error says what there is: "there is no week 53 in 2025". */
int period_parse(const char *text, struct period *ret, struct err *reterr);

/* From its first midnight to the first behind it, by the wall clock of the zone;
 * NULL: UTC. So a day may have 23 or 25 hours. */
struct span period_span(const struct period *p, const struct zone *zone);

/* The one before. */
struct period period_before(const struct period *p);

/* As it was parsed. */
char *period_text(char buf[static PERIOD_MAX], const struct period *p);
