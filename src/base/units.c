#include "base/units.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t size;
};

/* Falling, as a sum must be. */
static const struct unit duration_units[] = {
    {"w", 7 * USEC_PER_DAY},
    {"d", USEC_PER_DAY},
    {"h", USEC_PER_HOUR},
    {"m", USEC_PER_MIN},
    {"s", USEC_PER_SEC},
    {"ms", USEC_PER_MSEC},
    {"us", 1},
    {NULL, 0},
};

static const struct unit size_units[] = {
    {"GiB", 1LL << 30}, {"GB", 1000000000}, {"MiB", 1LL << 20}, {"MB", 1000000},
    {"KiB", 1LL << 10}, {"kB", 1000},       {"B", 1},           {NULL, 0},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const struct unit *find_unit(const struct unit *units, const char *name, size_t len)
{
    for (; units->name; units++)
        if (strlen(units->name) == len && memcmp(units->name, name, len) == 0)
            return units;
    return NULL;
}

/* Takes "DIGITS UNIT" off *p and gives their product; -1 if it is not that,
 * has no such unit or does not fit. */
static int take_term(const char **p, const struct unit *units, const struct unit **ret_unit,
                     int64_t *ret)
{
    const char *s = *p;
    int64_t n = 0;
    if (!is_digit(*s))
        return -1;
    for (; is_digit(*s); s++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s - '0', &n))
            return -1;
    size_t len = 0;
    while (s[len] && !is_digit(s[len]))
        len++;
    *ret_unit = find_unit(units, s, len);
    if (!*ret_unit || __builtin_mul_overflow(n, (*ret_unit)->size, ret))
        return -1;
    *p = s + len;
    return 0;
}

static int bad_duration(const char *text, struct err *reterr)
{
    return err_set(reterr,
                   "expected a duration like 15s, 500ms or 1h30m (whole numbers with us, ms, s, "
                   "m, h, d or w, at most 36500d); found '%.60s'",
                   text);
}

int units_parse_duration(const char *text, int64_t *ret_us, struct err *reterr)
{
    const char *p = text;
    const struct unit *last = NULL;
    int64_t sum = 0;
    do {
        const struct unit *unit;
        int64_t term;
        if (take_term(&p, duration_units, &unit, &term) < 0 || term == 0)
            return bad_duration(text, reterr);
        if (last && unit <= last)
            return bad_duration(text, reterr);
        if (term > UNITS_DURATION_MAX - sum)
            return bad_duration(text, reterr);
        sum += term;
        last = unit;
    } while (*p);
    *ret_us = sum;
    return 0;
}

int units_parse_size(const char *text, int64_t *ret_bytes, struct err *reterr)
{
    const char *p = text;
    const struct unit *unit;
    int64_t n;
    if (take_term(&p, size_units, &unit, &n) < 0 || *p)
        return err_set(reterr,
                       "expected a size like 64KiB or 1MiB (a whole number with B, KiB, MiB, "
                       "GiB, kB, MB or GB); found '%.60s'",
                       text);
    *ret_bytes = n;
    return 0;
}

char *units_duration(char buf[static UNITS_MAX], int64_t us)
{
    uint64_t left = us < 0 ? -(uint64_t)us : (uint64_t)us;
    size_t len = 0;
    if (us == 0) {
        str_copy(buf, UNITS_MAX, "0s");
        return buf;
    }
    if (us < 0)
        buf[len++] = '-';
    /* From days down: "30d" says more than "4w2d". */
    for (const struct unit *u = duration_units + 1; u->name; u++) {
        uint64_t n = left / (uint64_t)u->size;
        if (n == 0)
            continue;
        len += (size_t)snprintf(buf + len, UNITS_MAX - len, "%" PRIu64 "%s", n, u->name);
        left %= (uint64_t)u->size;
    }
    return buf;
}

char *units_size(char buf[static UNITS_MAX], int64_t bytes)
{
    const struct unit *best = NULL;
    for (const struct unit *u = size_units; u->name; u++) {
        bool fits = bytes % u->size == 0 && bytes / u->size != 0;
        if (fits || u->size == 1) {
            /* The fewest digits; the first of equals is the larger unit. */
            if (!best || bytes / u->size < bytes / best->size)
                best = u;
        }
    }
    snprintf(buf, UNITS_MAX, "%" PRId64 "%s", bytes / best->size, best->name);
    return buf;
}

/* Three significant digits of v/unit, rounded half up; false when that needs
 * four digits before the point. */
static bool three_digits(char *buf, int64_t v, int64_t unit, const char *name)
{
    for (int places = unit == 1 ? 0 : 2; places >= 0; places--) {
        int64_t scale = decimal_pow10(places);
        int64_t r = (v * scale + unit / 2) / unit;
        if (r >= 1000)
            continue;
        if (places == 0)
            snprintf(buf, UNITS_MAX, "%" PRId64 "%s", r, name);
        else
            snprintf(buf, UNITS_MAX, "%" PRId64 ".%0*" PRId64 "%s", r / scale, places, r % scale,
                     name);
        return true;
    }
    return false;
}

char *units_human_us(char buf[static UNITS_MAX], int64_t us)
{
    if (us < 0) {
        char positive[UNITS_MAX];
        units_human_us(positive, us == INT64_MIN ? INT64_MAX : -us);
        snprintf(buf, UNITS_MAX, "-%.46s", positive);
        return buf;
    }
    int64_t s = us / USEC_PER_SEC;
    if (us < USEC_PER_MIN - 50 * USEC_PER_MSEC) { /* above it would print 60.0s */
        if (three_digits(buf, us, 1, "us") || three_digits(buf, us, USEC_PER_MSEC, "ms"))
            return buf;
        three_digits(buf, us, USEC_PER_SEC, "s");
        return buf;
    }
    if (us < USEC_PER_HOUR) {
        s = us % USEC_PER_SEC >= USEC_PER_SEC / 2 ? s + 1 : s;
        snprintf(buf, UNITS_MAX, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    } else if (us < USEC_PER_DAY) {
        snprintf(buf, UNITS_MAX, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    } else {
        snprintf(buf, UNITS_MAX, "%" PRId64 "d%02" PRId64 "h", s / 86400, s / 3600 % 24);
    }
    return buf;
}

char *units_human_size(char buf[static UNITS_MAX], int64_t bytes)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB"};
    int64_t size = 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && bytes < INT64_MAX / 100; i++) {
        if (three_digits(buf, bytes, size, names[i]))
            return buf;
        size *= 1000;
    }
    snprintf(buf, UNITS_MAX, "%" PRId64 "TB", bytes / 1000000000000);
    return buf;
}
