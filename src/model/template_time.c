/* Times and durations as Go's package time shows them; all of them UTC. */
#include "model/template_internal.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/when.h"

#include <ctype.h>
#include <string.h>

struct moment {
    int64_t year;
    int month, day, weekday, yearday, hour, minute, second, us;
};

static struct moment moment_of(int64_t us)
{
    int64_t rest = ((us % USEC_PER_DAY) + USEC_PER_DAY) % USEC_PER_DAY;
    int64_t days = (us - rest) / USEC_PER_DAY;
    struct moment m = {0};
    when_civil_from_days(days, &m.year, &m.month, &m.day);
    m.weekday = (int)(((days + 4) % 7 + 7) % 7);
    m.yearday = (int)(days - when_days_from_civil(m.year, 1, 1)) + 1;
    m.hour = (int)(rest / USEC_PER_HOUR);
    m.minute = (int)(rest / USEC_PER_MIN % 60);
    m.second = (int)(rest / USEC_PER_SEC % 60);
    m.us = (int)(rest % USEC_PER_SEC);
    return m;
}

/* ---- layouts --------------------------------------------------------------------- */

enum part {
    NAME_MONTH,
    NAME_DAY,
    MONTH,
    DAY,
    YEARDAY,
    HOUR,
    HOUR_12,
    MINUTE,
    SECOND,
    YEAR,
    YEAR_2,
    HALF_UPPER,
    HALF_LOWER,
    FIXED
};

/* In the order in which Go looks: longer ones before what they begin with. `digits`
 * are those of a number, or letters of a name, behind which no small letter may
 * stand when it is cut. `shown`: a blank for numbers filled up with blanks; else
 * what is always there in UTC. */
static const struct {
    const char *text;
    enum part part;
    int digits;
    const char *shown;
} parts[] = {
    {"January", NAME_MONTH, 9, ""},
    {"Jan", NAME_MONTH, 3, ""},
    {"Monday", NAME_DAY, 9, ""},
    {"Mon", NAME_DAY, 3, ""},
    {"MST", FIXED, 0, "UTC"},
    {"002", YEARDAY, 3, ""},
    {"01", MONTH, 2, ""},
    {"02", DAY, 2, ""},
    {"03", HOUR_12, 2, ""},
    {"04", MINUTE, 2, ""},
    {"05", SECOND, 2, ""},
    {"06", YEAR_2, 2, ""},
    {"15", HOUR, 2, ""},
    {"1", MONTH, 1, ""},
    {"2006", YEAR, 4, ""},
    {"2", DAY, 1, ""},
    {"__2", YEARDAY, 3, " "},
    {"_2", DAY, 2, " "},
    {"3", HOUR_12, 1, ""},
    {"4", MINUTE, 1, ""},
    {"5", SECOND, 1, ""},
    {"PM", HALF_UPPER, 0, ""},
    {"pm", HALF_LOWER, 0, ""},
    {"-070000", FIXED, 0, "+000000"},
    {"-07:00:00", FIXED, 0, "+00:00:00"},
    {"-0700", FIXED, 0, "+0000"},
    {"-07:00", FIXED, 0, "+00:00"},
    {"-07", FIXED, 0, "+00"},
    {"Z070000", FIXED, 0, "Z"},
    {"Z07:00:00", FIXED, 0, "Z"},
    {"Z0700", FIXED, 0, "Z"},
    {"Z07:00", FIXED, 0, "Z"},
    {"Z07", FIXED, 0, "Z"},
};

static int number_of(enum part part, const struct moment *m)
{
    switch (part) {
    case MONTH:
        return m->month;
    case DAY:
        return m->day;
    case YEARDAY:
        return m->yearday;
    case HOUR:
        return m->hour;
    case HOUR_12:
        return m->hour % 12 ? m->hour % 12 : 12;
    case MINUTE:
        return m->minute;
    case SECOND:
        return m->second;
    case YEAR:
        return (int)m->year;
    default:
        return (int)(m->year % 100);
    }
}

static void add_part(struct str *out, size_t i, const struct moment *m)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    enum part part = parts[i].part;
    int digits = parts[i].digits, n = number_of(part, m);
    if (part == NAME_MONTH)
        str_addf(out, "%.*s", digits, months[m->month - 1]);
    else if (part == NAME_DAY)
        str_addf(out, "%.*s", digits, days[m->weekday]);
    else if (part == HALF_UPPER)
        str_add(out, m->hour >= 12 ? "PM" : "AM");
    else if (part == HALF_LOWER)
        str_add(out, m->hour >= 12 ? "pm" : "am");
    else if (part == FIXED)
        str_add(out, parts[i].shown);
    else
        str_addf(out, parts[i].shown[0] == ' ' ? "%*d" : "%0*d", digits, n);
}

/* `.000`, `,999`: 0 when that is not what comes next. */
static size_t fraction_at(const char *s)
{
    if ((s[0] != '.' && s[0] != ',') || (s[1] != '0' && s[1] != '9'))
        return 0;
    size_t n = 1;
    while (s[n] == s[1])
        n++;
    return isdigit((unsigned char)s[n]) || n > 10 ? 0 : n;
}

static void add_fraction(struct str *out, const struct moment *m, const char *s, size_t n)
{
    char digits[16];
    snprintf(digits, sizeof(digits), "%06d000", m->us);
    size_t len = n - 1;
    while (s[1] == '9' && len > 0 && digits[len - 1] == '0')
        len--;
    if (len == 0)
        return;
    str_addc(out, s[0]);
    str_addn(out, digits, len);
}

static size_t part_at(const char *s)
{
    size_t i = 0;
    for (; i < countof(parts); i++) {
        size_t n = strlen(parts[i].text);
        if (strncmp(s, parts[i].text, n) == 0 &&
            !(parts[i].digits == 3 && parts[i].part <= NAME_DAY && s[n] >= 'a' && s[n] <= 'z'))
            break;
    }
    return i;
}

void tmpl_time_format(struct str *out, int64_t us, const char *layout)
{
    struct moment m = moment_of(us);
    for (const char *s = layout; *s;) {
        size_t fraction = fraction_at(s);
        size_t i = part_at(s);
        if (fraction > 0) {
            add_fraction(out, &m, s, fraction);
            s += fraction;
        } else if (strncmp(s, "_2006", 5) == 0) {
            str_addc(out, *s++);
        } else if (i < countof(parts)) {
            add_part(out, i, &m);
            s += strlen(parts[i].text);
        } else {
            str_addc(out, *s++);
        }
    }
}

void tmpl_time_print(struct str *out, int64_t us)
{
    tmpl_time_format(out, us, "2006-01-02 15:04:05.999999999 -0700 MST");
}

EVAL(tmpl_eval_format)
{
    (void)call;
    struct str out;
    str_init(&out, TEXT_MAX);
    tmpl_time_format(&out, args[0].number, args[1].text);
    return tmpl_run_str(r, &out);
}

EVAL(tmpl_eval_date)
{
    const struct value swapped[] = {args[1], args[0]};
    return tmpl_eval_format(r, call, swapped);
}

/* ---- durations ------------------------------------------------------------------- */

int64_t tmpl_span_between(int64_t to_us, int64_t from_us)
{
    int64_t us;
    if (__builtin_sub_overflow(to_us, from_us, &us))
        return to_us > from_us ? INT64_MAX : INT64_MIN;
    if (us > INT64_MAX / NSEC_PER_USEC)
        return INT64_MAX;
    return us < INT64_MIN / NSEC_PER_USEC ? INT64_MIN : us * NSEC_PER_USEC;
}

EVAL(tmpl_eval_since)
{
    (void)call;
    int64_t now = r->message->at_us ? r->message->at_us : TIME_ZERO_US;
    return (struct value){.type = TYPE_SPAN, .number = tmpl_span_between(now, args[0].number)};
}

/* n / unit with the fraction's digits that it needs. */
static void add_units(struct str *out, uint64_t n, uint64_t unit, int digits, const char *name)
{
    char fraction[24];
    snprintf(fraction, sizeof(fraction), ".%0*llu", digits, (unsigned long long)(n % unit));
    size_t len = strlen(fraction);
    while (len > 0 && (fraction[len - 1] == '0' || fraction[len - 1] == '.') &&
           (n % unit == 0 || fraction[len - 1] == '0'))
        len--;
    str_addf(out, "%llu%.*s%s", (unsigned long long)(n / unit), (int)len, fraction, name);
}

void tmpl_span_print(struct str *out, int64_t ns)
{
    uint64_t n = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    const uint64_t second = 1000000000;
    if (n == 0) {
        str_add(out, "0s");
        return;
    }
    str_add(out, ns < 0 ? "-" : "");
    if (n < 1000)
        str_addf(out, "%lluns", (unsigned long long)n);
    else if (n < 1000000)
        add_units(out, n, 1000, 3, "\xc2\xb5s");
    else if (n < second)
        add_units(out, n, 1000000, 6, "ms");
    if (n < second)
        return;
    uint64_t minutes = n / second / 60;
    if (minutes >= 60)
        str_addf(out, "%lluh", (unsigned long long)(minutes / 60));
    if (minutes > 0)
        str_addf(out, "%llum", (unsigned long long)(minutes % 60));
    add_units(out, n % (60 * second), second, 9, "s");
}
