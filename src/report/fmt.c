#include "report/fmt.h"

#include "base/json.h"
#include "base/units.h"
#include "base/when.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static char *trim(char *buf)
{
    if (strchr(buf, '.')) {
        size_t n = strlen(buf);
        while (buf[n - 1] == '0')
            buf[--n] = '\0';
        if (buf[n - 1] == '.')
            buf[--n] = '\0';
    }
    if (strcmp(buf, "-0") == 0)
        memcpy(buf, "0", 2);
    return buf;
}

char *fmt_real(char buf[static FMT_MAX], double v, int decimals)
{
    assert(isfinite(v));
    if (fabs(v) >= 1e15) {
        snprintf(buf, FMT_MAX, "%.9g", v);
        return buf;
    }
    snprintf(buf, FMT_MAX, "%.*f", decimals, v);
    return trim(buf);
}

static char *with_point(char *buf)
{
    size_t n = strlen(buf);
    if (!strpbrk(buf, ".e") && n + 3 <= FMT_MAX)
        memcpy(buf + n, ".0", 3);
    return buf;
}

char *fmt_ratio(char buf[static FMT_MAX], double v)
{
    int decimals = 6;
    for (double a = fabs(v); a > 0 && a < 0.1 && decimals < 12; a *= 10)
        decimals++;
    return with_point(fmt_real(buf, v, decimals));
}

char *fmt_near_one(char buf[static FMT_MAX], double v)
{
    return with_point(fmt_real(buf, v, 9));
}

char *fmt_seconds(char buf[static FMT_MAX], int64_t us)
{
    assert(us >= 0);
    snprintf(buf, FMT_MAX, "%lld.%06lld", us / USEC_PER_SEC, us % USEC_PER_SEC);
    return with_point(trim(buf));
}

/* Commas into the digits before the point. */
static char *group(char *buf)
{
    size_t sign = buf[0] == '-';
    size_t digits = strspn(buf + sign, "0123456789");
    for (size_t left = digits; left > 3; left -= 3) {
        char *at = buf + sign + left - 3;
        size_t tail = strlen(at) + 1;
        if ((size_t)(at - buf) + tail + 1 > FMT_MAX)
            break;
        memmove(at + 1, at, tail);
        *at = ',';
    }
    return buf;
}

char *fmt_count(char buf[static FMT_MAX], int64_t n)
{
    snprintf(buf, FMT_MAX, "%" PRId64, n);
    return group(buf);
}

char *fmt_events(char buf[static FMT_MAX], double n)
{
    if (!isfinite(n))
        return memcpy(buf, FMT_NONE, sizeof FMT_NONE);
    int digits = fabs(n) >= 1000 ? 0 : fabs(n) >= 1 || n == 0 ? 1 : fabs(n) >= 0.01 ? 2 : 4;
    return group(fmt_real(buf, n, digits));
}

/* A fixed number of decimals that is never "-0.0". */
static char *fixed(char buf[static FMT_MAX], double v, int digits)
{
    snprintf(buf, FMT_MAX - 4, "%.*f", digits, v);
    if (buf[0] == '-' && !strpbrk(buf, "123456789"))
        memmove(buf, buf + 1, strlen(buf));
    return buf;
}

static char *percent(char buf[static FMT_MAX], double hundredfold, int digits)
{
    if (!isfinite(hundredfold) || fabs(hundredfold) >= 1e15)
        return memcpy(buf, FMT_NONE, sizeof FMT_NONE);
    group(fixed(buf, hundredfold, digits));
    size_t n = strlen(buf);
    memcpy(buf + n, "%", 2);
    return buf;
}

char *fmt_percent(char buf[static FMT_MAX], double ratio, int digits)
{
    return percent(buf, ratio * 100, digits);
}

char *fmt_floor(char buf[static FMT_MAX], double ratio, int digits)
{
    /* The tiny addend undoes what binary took from 0.999; it is far below one
     * unit of the last digit shown. */
    double scale = pow(10, digits);
    if (ratio == 1)
        digits = 0;
    return percent(buf, floor(ratio * 100 * scale + 1e-6) / scale, digits);
}

char *fmt_burn(char buf[static FMT_MAX], double rate)
{
    if (!isfinite(rate) || fabs(rate) >= 1e15)
        return memcpy(buf, FMT_NONE, sizeof FMT_NONE);
    double a = fabs(rate);
    return group(fixed(buf, rate, a < 9.995 ? 2 : a < 99.95 ? 1 : 0));
}

char *fmt_factor(char buf[static FMT_MAX], struct decimal factor)
{
    if (factor.scale > 3)
        return fixed(buf, decimal_double(factor), 3);
    char text[UNITS_MAX];
    snprintf(buf, FMT_MAX, "%s", decimal_text(text, factor));
    return buf;
}

char *fmt_latency(char buf[static FMT_MAX], int64_t us, bool lower)
{
    char text[UNITS_MAX];
    if (us < 0)
        return memcpy(buf, FMT_NONE, sizeof FMT_NONE);
    snprintf(buf, FMT_MAX, "%s%s", lower ? "\xe2\x89\xa5" : "", units_human_us(text, us));
    return buf;
}

int fmt_sli_digits(const struct report_slo *s)
{
    int digits = s->def->target.scale;
    return digits < 2 ? 2 : digits > 6 ? 6 : digits;
}

char *fmt_tick(char buf[static FMT_MAX], double us)
{
    const char *unit = us < 1e3 ? "us" : us < 1e6 ? "ms" : "s";
    fmt_real(buf, us < 1e3 ? us : us < 1e6 ? us / 1e3 : us / 1e6, 2);
    size_t n = strlen(buf);
    snprintf(buf + n, FMT_MAX - n, "%s", unit);
    return buf;
}

char *fmt_sli(char buf[static FMT_MAX], const struct report_slo *s)
{
    if (!s->has_sli)
        return memcpy(buf, FMT_NONE, sizeof FMT_NONE);
    return fmt_floor(buf, s->sli, fmt_sli_digits(s));
}

/* ---- time -------------------------------------------------------------- */

struct civil {
    int64_t year;
    int month, day;
    int hour, minute, second;
};

static struct civil civil_of(int64_t us)
{
    struct civil c;
    int64_t days = us / USEC_PER_DAY - (us % USEC_PER_DAY < 0);
    int64_t rest = (us - days * USEC_PER_DAY) / USEC_PER_SEC;
    when_civil_from_days(days, &c.year, &c.month, &c.day);
    c.hour = (int)(rest / 3600);
    c.minute = (int)(rest / 60 % 60);
    c.second = (int)(rest % 60);
    return c;
}

static const char *month_name(int month)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    assert(month >= 1 && month <= 12);
    return names[month - 1];
}

char *fmt_day(char buf[static FMT_MAX], int64_t us)
{
    struct civil c = civil_of(us);
    snprintf(buf, FMT_MAX, "%d %s", c.day, month_name(c.month));
    return buf;
}

char *fmt_date(char buf[static FMT_MAX], int64_t us)
{
    struct civil c = civil_of(us);
    snprintf(buf, FMT_MAX, "%d %s %" PRId64, c.day, month_name(c.month), c.year);
    return buf;
}

char *fmt_clock(char buf[static FMT_MAX], int64_t us)
{
    struct civil c = civil_of(us);
    snprintf(buf, FMT_MAX, "%02d:%02d", c.hour, c.minute);
    return buf;
}

char *fmt_instant(char buf[static FMT_MAX], int64_t us)
{
    struct civil c = civil_of(us);
    snprintf(buf, FMT_MAX, "%d %s %" PRId64 " %02d:%02d UTC", c.day, month_name(c.month), c.year,
             c.hour, c.minute);
    return buf;
}

char *fmt_stamp(char buf[static FMT_MAX], int64_t us)
{
    struct civil c = civil_of(us);
    snprintf(buf, FMT_MAX, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
             c.minute, c.second);
    return buf;
}

char *fmt_span(char buf[static FMT_MAX], int64_t us)
{
    static const struct {
        int64_t us;
        const char *name;
    } units[] = {
        {USEC_PER_DAY, "d"}, {USEC_PER_HOUR, "h"}, {USEC_PER_MIN, "m"}, {USEC_PER_SEC, "s"}};
    size_t i = 0;
    if (us < USEC_PER_SEC)
        return fmt_latency(buf, us < 0 ? 0 : us, false);
    while (us < units[i].us)
        i++;
    int64_t first = us / units[i].us;
    int64_t second = i + 1 < 4 ? us % units[i].us / units[i + 1].us : 0;
    if (second)
        snprintf(buf, FMT_MAX, "%" PRId64 "%s %" PRId64 "%s", first, units[i].name, second,
                 units[i + 1].name);
    else
        snprintf(buf, FMT_MAX, "%" PRId64 "%s", first, units[i].name);
    return buf;
}

/* ---- text of unknown origin -------------------------------------------- */

#define REPLACEMENT 0xFFFDu

static uint32_t decode(const unsigned char *s, size_t n, size_t *ret_len)
{
    size_t len = json_utf8(s, n);
    *ret_len = len ? len : 1;
    switch (len) {
    case 1:
        return s[0];
    case 2:
        return (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
    case 3:
        return (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    case 4:
        return (s[0] & 0x07u) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
    default:
        return REPLACEMENT;
    }
}

uint32_t fmt_code_point(const char *s, size_t n, size_t *ret_len)
{
    uint32_t cp = decode((const unsigned char *)s, n, ret_len);
    if (cp == '\t' || cp == '\n' || cp == '\r')
        return ' ';
    /* C0, DEL, C1, bidirectional overrides and non-characters. */
    if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || (cp >= 0x202A && cp <= 0x202E) ||
        (cp >= 0x2066 && cp <= 0x2069) || (cp & 0xFFFE) == 0xFFFE)
        return REPLACEMENT;
    return cp;
}

void fmt_add_code_point(struct str *out, uint32_t cp)
{
    char b[4];
    if (cp < 0x80) {
        str_addc(out, (char)cp);
    } else if (cp < 0x800) {
        b[0] = (char)(0xC0 | cp >> 6);
        b[1] = (char)(0x80 | (cp & 0x3F));
        str_addn(out, b, 2);
    } else if (cp < 0x10000) {
        b[0] = (char)(0xE0 | cp >> 12);
        b[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        b[2] = (char)(0x80 | (cp & 0x3F));
        str_addn(out, b, 3);
    } else {
        b[0] = (char)(0xF0 | cp >> 18);
        b[1] = (char)(0x80 | (cp >> 12 & 0x3F));
        b[2] = (char)(0x80 | (cp >> 6 & 0x3F));
        b[3] = (char)(0x80 | (cp & 0x3F));
        str_addn(out, b, 4);
    }
}

size_t fmt_columns(const char *s)
{
    size_t columns = 0, len;
    for (size_t n = strlen(s); n > 0; s += len, n -= len, columns++)
        fmt_code_point(s, n, &len);
    return columns;
}

size_t fmt_clean(struct str *out, const char *s, size_t columns)
{
    size_t written = 0, len;
    bool cut = fmt_columns(s) > columns;
    for (size_t n = strlen(s); n > 0 && written < columns; s += len, n -= len, written++) {
        uint32_t cp = fmt_code_point(s, n, &len);
        fmt_add_code_point(out, cut && written + 1 == columns ? 0x2026 : cp);
    }
    return written;
}
