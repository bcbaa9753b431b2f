/* Numbers of conditions, with their units. */
#include "model/expr_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/lex.h"
#include "model/series.h"

#include <math.h>

#define NUMBER_MAX 40 /* characters of one */

static size_t digits(const struct lex *l, size_t at)
{
    size_t n = 0;
    while (at + n < l->n && l->text[at + n] >= '0' && l->text[at + n] <= '9')
        n++;
    return n;
}

/* 12, .5, 1.5, 1e3: its length, 0 when there is none. */
static size_t number_span(const struct lex *l)
{
    size_t whole = digits(l, l->at), n = whole, fraction = 0;
    if (l->at + n < l->n && l->text[l->at + n] == '.') {
        fraction = digits(l, l->at + n + 1);
        n += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    size_t at = l->at + n;
    if (at < l->n && (l->text[at] == 'e' || l->text[at] == 'E')) {
        size_t sign = at + 1 < l->n && (l->text[at + 1] == '+' || l->text[at + 1] == '-');
        size_t exponent = digits(l, at + 1 + sign);
        n += exponent ? 1 + sign + exponent : 0;
    }
    return n;
}

struct unit {
    const char *name;
    double factor;
    int exponent; /* of ten: appended to the digits, so that 99.9% is 0.999 to the last bit */
};

static const struct unit units[] = {
    {"ms", 1, -3},       {"s", 1, 0},         {"m", 60, 0},        {"h", 3600, 0}, {"d", 86400, 0},
    {"KiB", 1 << 10, 0}, {"MiB", 1 << 20, 0}, {"GiB", 1 << 30, 0}, {"%", 1, -2},
};

static const struct unit *take_unit(struct lex *l)
{
    size_t len = l->at < l->n && l->text[l->at] == '%' ? 1 : 0;
    if (len == 0)
        len = series_label_span(l->text + l->at, l->n - l->at);
    for (size_t i = 0; i < countof(units); i++) {
        if (strlen(units[i].name) == len && memcmp(units[i].name, l->text + l->at, len) == 0) {
            l->at += len;
            return &units[i];
        }
    }
    return NULL;
}

/* "1000/s": only a limit, in a term that is a division. */
static void take_per_second(struct lex *l)
{
    if (l->n - l->at < 2 || memcmp(l->text + l->at, "/s", 2) != 0)
        return;
    if (series_name_span(l->text + l->at + 1, l->n - l->at - 1) == 1)
        l->at += 2;
}

static double scaled(const char *number, size_t n, const struct unit *unit)
{
    char text[NUMBER_MAX + 8];
    memcpy(text, number, n);
    text[n] = '\0';
    bool has_exponent = strpbrk(text, "eE");
    if (!has_exponent)
        snprintf(text + n, sizeof(text) - n, "e%d", unit->exponent);
    double v = strtod(text, NULL) * unit->factor;
    return has_exponent ? v * pow(10, unit->exponent) : v;
}

int expr_number(struct lex *l, bool is_limit, double *ret, struct err *reterr)
{
    static const struct unit none = {"", 1, 0};
    lex_peek(l);
    size_t start = l->at, n = number_span(l);
    if (n == 0)
        return lex_expected(l, "a number", reterr);
    if (n > NUMBER_MAX)
        return err_set(reterr, "a number of more than %d characters", NUMBER_MAX);
    l->at += n;
    const struct unit *unit = &none;
    if (l->at < l->n && (l->text[l->at] == '%' || series_label_span(l->text + l->at, 1))) {
        unit = take_unit(l);
        if (!unit)
            return lex_expected(l, "a unit (ms s m h d KiB MiB GiB %)", reterr);
    }
    if (is_limit)
        take_per_second(l);

    *ret = scaled(l->text + start, n, unit);
    if (isfinite(*ret))
        return 0;
    l->at = start;
    return err_set(reterr, "the number is too large");
}
