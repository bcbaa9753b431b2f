/*
 * Instants as text: RFC 3339, always UTC on output. Microseconds since the
 * epoch inside. Years 1970 to 9999.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define WHEN_MAX 40
#define WHEN_END_US 253402300800000000 /* the year 10000 */

/* Accepts "2026-10-22T08:00:00Z", fractions of up to nine digits (floored to
 * microseconds), and numeric offsets "+02:00". Nothing else; n bytes, no NUL
 * needed. */
int when_parse(const char *text, size_t n, int64_t *ret_us, struct err *reterr);

/* "2026-10-22T08:00:00Z", with as many fraction digits as it needs: 0, 3 or 6. */
char *when_text(char buf[static WHEN_MAX], int64_t us);

/* Days since 1970-01-01 of a proleptic Gregorian date and back; month 1..12. */
int64_t when_days_from_civil(int64_t year, int month, int day);
void when_civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

/* The wait that a Retry-After header asks for: seconds or an HTTP date, which is
 * compared with `now_us`. 0 when the value makes no sense or has passed. */
int64_t when_retry_after_us(const char *value, int64_t now_us);
