/* Numbers for people, as the templates of Prometheus show them. A text that is no
 * number comes out as it is: a message with an odd figure is better than none. */
#include "model/template_internal.h"

#include "base/mem.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define SECONDS_MAX 9e15 /* whole seconds up to here are exact */

static bool decimal_text_ok(const char *s)
{
    s += *s == '-' || *s == '+';
    size_t whole = strspn(s, "0123456789"), fraction = 0;
    s += whole;
    if (*s == '.') {
        fraction = strspn(s + 1, "0123456789");
        s += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        s += 1 + (s[1] == '-' || s[1] == '+');
        size_t exponent = strspn(s, "0123456789");
        if (exponent == 0)
            return false;
        s += exponent;
    }
    return *s == '\0';
}

/* False: it is none, or not a finite one. */
static bool number_of(const struct value *v, double *ret)
{
    if (v->type == TYPE_INT)
        *ret = (double)v->number;
    else if (v->type == TYPE_SPAN)
        *ret = (double)v->number / 1e9;
    else if (v->type == TYPE_FLOAT)
        *ret = v->real;
    else if (decimal_text_ok(v->text))
        *ret = strtod(v->text, NULL);
    else
        return false;
    return isfinite(*ret);
}

static void add_prefixed(struct str *out, double v, double step, const char *const *prefixes,
                         const char *unit)
{
    const char *prefix = "";
    for (size_t i = 0; i < 8 && (step > 1 ? fabs(v) >= step : fabs(v) < 1); i++) {
        prefix = prefixes[i];
        v /= step;
    }
    str_addf(out, "%.4g%s%s", v, prefix, unit);
}

static const char *const large[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
static const char *const binary[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};

/* Multiplied, not divided by a thousandth, as the original rounds. */
static void add_small(struct str *out, double v, const char *unit)
{
    static const char *const small[] = {"m", "u", "n", "p", "f", "a", "z", "y"};
    const char *prefix = "";
    for (size_t i = 0; i < countof(small) && fabs(v) < 1; i++) {
        prefix = small[i];
        v *= 1000;
    }
    str_addf(out, "%.4g%s%s", v, prefix, unit);
}

static void humanize(struct str *out, double v)
{
    if (v == 0)
        str_add(out, signbit(v) ? "-0" : "0");
    else if (fabs(v) >= 1)
        add_prefixed(out, v, 1000, large, "");
    else
        add_small(out, v, "");
}

static void humanize1024(struct str *out, double v)
{
    if (fabs(v) <= 1)
        str_addf(out, "%.4g", v);
    else
        add_prefixed(out, v, 1024, binary, "");
}

static void duration(struct str *out, double v)
{
    if (v == 0 || fabs(v) > SECONDS_MAX) {
        str_addf(out, "%.4gs", v);
        return;
    }
    if (fabs(v) < 1) {
        add_small(out, v, "s");
        return;
    }
    long long all = (long long)fabs(v), days = all / 86400, hours = all / 3600 % 24;
    long long minutes = all / 60 % 60, seconds = all % 60;
    str_add(out, v < 0 ? "-" : "");
    if (days)
        str_addf(out, "%lldd %lldh %lldm %llds", days, hours, minutes, seconds);
    else if (hours)
        str_addf(out, "%lldh %lldm %llds", hours, minutes, seconds);
    else if (minutes)
        str_addf(out, "%lldm %llds", minutes, seconds);
    else
        str_addf(out, "%.4gs", fabs(v));
}

static void percentage(struct str *out, double v)
{
    str_addf(out, "%.4g%%", v * 100);
}

/* To the millisecond. */
static void timestamp(struct str *out, double v)
{
    if (fabs(v) > 9e9)
        str_addf(out, "%.4g", v);
    else
        tmpl_time_print(out, (int64_t)(v * 1e9) / 1000000 * 1000);
}

static struct value human(struct run *r, const struct value *v,
                          void (*add)(struct str *out, double v))
{
    double number;
    struct str out;
    if (!number_of(v, &number))
        return v->type == TYPE_TEXT ? *v : tmpl_run_text(r, "", 0);
    str_init(&out, 100);
    add(&out, number);
    return tmpl_run_str(r, &out);
}

#define HUMAN(name, add)                                                                           \
    EVAL(tmpl_eval_##name)                                                                         \
    {                                                                                              \
        (void)call;                                                                                \
        return human(r, &args[0], add);                                                            \
    }

/* clang-format off */
HUMAN(humanize, humanize)
HUMAN(humanize1024, humanize1024)
HUMAN(human_duration, duration)
HUMAN(human_percentage, percentage)
HUMAN(human_timestamp, timestamp)
/* clang-format on */
