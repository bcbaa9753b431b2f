#include "base/units.h"

#include "base/wide.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCALE_MAX 12
#define DIGITS_MAX 24 /* a sign, 19 of a number, two zeros */

int64_t decimal_pow10(int exp)
{
    assert(exp >= 0 && exp <= 18);
    int64_t p = 1;
    while (exp-- > 0)
        p *= 10;
    return p;
}

struct decimal decimal_lowest(struct decimal d)
{
    while (d.scale > 0 && d.n % 10 == 0) {
        d.n /= 10;
        d.scale--;
    }
    if (d.n == 0)
        d.scale = 0;
    return d;
}

/* DIGITS[.DIGITS], all of the n bytes; scale at most max_scale. */
static int parse(const char *text, size_t n, int max_scale, struct decimal *ret)
{
    struct decimal d = {0};
    bool point = false, digit = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '.') {
            if (point || !digit)
                return -1;
            point = true;
            digit = false;
            while (n > i + 2 && text[n - 1] == '0') /* zeros at the end cost no scale */
                n--;
            continue;
        }
        if (c < '0' || c > '9')
            return -1;
        digit = true;
        if (__builtin_mul_overflow(d.n, 10, &d.n) || __builtin_add_overflow(d.n, c - '0', &d.n))
            return -1;
        d.scale += point;
    }
    d = decimal_lowest(d);
    if (!digit || d.scale > max_scale)
        return -1;
    *ret = d;
    return 0;
}

int decimal_parse(const char *text, struct decimal *ret, struct err *reterr)
{
    if (parse(text, strlen(text), SCALE_MAX, ret) < 0)
        return err_set(reterr,
                       "expected a number like 14.4 (digits, at most 12 after the point); "
                       "found '%.60s'",
                       text);
    return 0;
}

int decimal_parse_percent(const char *text, struct decimal *ret, struct err *reterr)
{
    size_t len = strlen(text);
    struct decimal d;
    if (len < 2 || text[len - 1] != '%' || parse(text, len - 1, SCALE_MAX - 2, &d) < 0)
        return err_set(reterr,
                       "expected a percentage like 99.9%% (digits and a percent sign, at "
                       "most 10 after the point); found '%.60s'",
                       text);
    d.scale += 2;
    *ret = decimal_lowest(d);
    return 0;
}

/* Prints digits with the point `scale` places from their end. */
static void put(char buf[static UNITS_MAX], const char *digits, int scale, const char *suffix)
{
    int whole = (int)strlen(digits) - scale;
    if (scale == 0)
        snprintf(buf, UNITS_MAX, "%s%s", digits, suffix);
    else
        snprintf(buf, UNITS_MAX, "%.*s.%s%s", whole, digits, digits + whole, suffix);
}

char *decimal_text(char buf[static UNITS_MAX], struct decimal d)
{
    char digits[DIGITS_MAX];
    snprintf(digits, sizeof(digits), "%0*" PRId64, d.scale + 1, d.n);
    put(buf, digits, d.scale, "");
    return buf;
}

char *decimal_percent(char buf[static UNITS_MAX], struct decimal d)
{
    /* Times 100 as text: the product may not fit. */
    static const char *const zeros[] = {"00", "0", ""};
    char digits[DIGITS_MAX];
    int scale = d.scale > 2 ? d.scale - 2 : 0;
    const char *tail = d.n == 0 ? "" : zeros[d.scale < 2 ? d.scale : 2];
    snprintf(digits, sizeof(digits), "%0*" PRId64 "%s", scale + 1, d.n, tail);
    put(buf, digits, scale, "%");
    return buf;
}

int decimal_cmp(struct decimal a, struct decimal b)
{
    int128 x = (int128)a.n * decimal_pow10(b.scale);
    int128 y = (int128)b.n * decimal_pow10(a.scale);
    return (x > y) - (x < y);
}

struct decimal decimal_one_minus(struct decimal d)
{
    int64_t one = decimal_pow10(d.scale);
    assert(d.n <= one);
    return decimal_lowest((struct decimal){one - d.n, d.scale});
}

double decimal_double(struct decimal d)
{
    return (double)d.n / (double)decimal_pow10(d.scale);
}
