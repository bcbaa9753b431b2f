/*
 * Units as people write them, parsed strictly and printed exactly.
 *
 * Durations: `500us 500ms 15s 5m 6h 30d 2w`, one positive integer and one
 * unit, or a sum in falling order (`1h30m`). A bare number is an error whose
 * message names the units; so is zero, or more than UNITS_DURATION_MAX.
 * Sizes: `512B 64KiB 1MiB 2GiB` (and kB MB GB).
 *
 * Everything inside the program is in microseconds and bytes, in int64_t.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USEC_PER_MSEC 1000LL
#define USEC_PER_SEC 1000000LL
#define USEC_PER_MIN (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (3600 * USEC_PER_SEC)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define NSEC_PER_USEC 1000LL
#define UNITS_DURATION_MAX (36500 * USEC_PER_DAY) /* any instant plus it fits in int64_t */

int units_parse_duration(const char *text, int64_t *ret_us, struct err *reterr);
int units_parse_size(const char *text, int64_t *ret_bytes, struct err *reterr);

/* Shortest exact form in one unit or a falling sum: 90 s is "1m30s", 30 days
 * is "30d", one hour is "1h". Fits in UNITS_MAX. Returns buf. */
#define UNITS_MAX 48
char *units_duration(char buf[static UNITS_MAX], int64_t us);
char *units_size(char buf[static UNITS_MAX], int64_t bytes);

/* For people: three significant digits, "12.3ms", "843us", "1.25s". */
char *units_human_us(char buf[static UNITS_MAX], int64_t us);
/* In the same way, by powers of 1000: "843B", "12.3kB", "1.25GB". */
char *units_human_size(char buf[static UNITS_MAX], int64_t bytes);

/*
 * An exact non-negative decimal n / 10^scale, in lowest terms (no trailing
 * zeros), scale at most 12. Targets and burn factors are decimals, never
 * doubles: 99.9 % is {999, 3}.
 */
struct decimal {
    int64_t n;
    int scale;
};

int decimal_parse(const char *text, struct decimal *ret, struct err *reterr);         /* "14.4" */
int decimal_parse_percent(const char *text, struct decimal *ret, struct err *reterr); /* "99.9%" */
char *decimal_text(char buf[static UNITS_MAX], struct decimal d);                     /* "0.999" */
char *decimal_percent(char buf[static UNITS_MAX], struct decimal d);                  /* "99.9%" */
struct decimal decimal_lowest(struct decimal d); /* without zeros at the end */
int decimal_cmp(struct decimal a, struct decimal b);
struct decimal decimal_one_minus(struct decimal d); /* d <= 1 */
double decimal_double(struct decimal d);            /* for printing only */
int64_t decimal_pow10(int exp);                     /* 0..18 */
