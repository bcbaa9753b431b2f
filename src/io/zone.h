/*
 * IANA time zones: wall-clock fields to instants and back, DST exact.
 * Immutable and thread-safe once opened. Backed by the system's zone data.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct zone;

struct civil {
    int64_t year;
    int month, day, hour, minute, second; /* month and day from 1 */
};

/* "UTC", "Europe/Berlin". The error names the zone. */
int zone_open(const char *name, struct zone **ret, struct err *reterr);
void zone_free(struct zone *z);

/* The instant at which a wall clock in the zone shows `c` (fields may be out
 * of range and are normalised: month 13, day 31 of February overflow). A time
 * that a forward change skips is moved forward by the gap; one that happens
 * twice is the first. */
int64_t zone_to_us(const struct zone *z, struct civil c);
struct civil zone_from_us(const struct zone *z, int64_t us);

/* Whether one offset from UTC, then in *ret_s, is in force throughout
 * [from, to]. */
bool zone_steady(const struct zone *z, int64_t from_us, int64_t to_us, int64_t *ret_s);
