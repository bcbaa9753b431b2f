#include "wire/exposition.h"

#include "base/json.h"
#include "base/units.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

static bool name_ok(const char *s, bool colon)
{
    if (*s == '\0' || (*s >= '0' && *s <= '9'))
        return false;
    for (; *s; s++) {
        bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_';
        bool digit = *s >= '0' && *s <= '9';
        if (!letter && !digit && !(colon && *s == ':'))
            return false;
    }
    return true;
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);
    return n >= t && memcmp(s + n - t, tail, t) == 0;
}

/* Quotes are special in label values but not in HELP. */
static void add_escaped(struct str *out, const char *text, bool quotes)
{
    const unsigned char *s = (const unsigned char *)text;

    for (size_t left = strlen(text); left > 0;) {
        size_t n = json_utf8(s, left);
        if (*s == '\\')
            str_add(out, "\\\\");
        else if (*s == '\n')
            str_add(out, "\\n");
        else if (*s == '"' && quotes)
            str_add(out, "\\\"");
        else if (n == 0)
            str_add(out, "\xef\xbf\xbd");
        else
            str_addn(out, s, n);
        s += n ? n : 1;
        left -= n ? n : 1;
    }
}

static void add_labels(struct str *out, const struct label *labels, size_t n, const char *le)
{
    if (n == 0 && !le)
        return;
    str_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        assert(name_ok(labels[i].name, false));
        str_addf(out, "%s%s=\"", i ? "," : "", labels[i].name);
        add_escaped(out, labels[i].value ? labels[i].value : "", true);
        str_addc(out, '"');
    }
    if (le)
        str_addf(out, "%sle=\"%s\"", n ? "," : "", le);
    str_addc(out, '}');
}

/* In integers, so that the text is the same everywhere: 2500 us is "0.0025". */
static char *seconds_text(char buf[static 32], int64_t us)
{
    uint64_t u = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    int len = snprintf(buf, 32, "%s%" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "",
                       u / (uint64_t)USEC_PER_SEC, u % (uint64_t)USEC_PER_SEC);
    while (buf[len - 1] == '0')
        buf[--len] = '\0';
    if (buf[len - 1] == '.')
        buf[--len] = '\0';
    return buf;
}

void exposition_family(struct exposition *e, const char *name, enum exposition_type type,
                       const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    assert(name_ok(name, true));
    assert(ends_with(name, "_total") == (type == EXPOSITION_COUNTER));
    e->family = name;
    e->type = type;
    str_addf(e->out, "# HELP %s ", name);
    add_escaped(e->out, help, false);
    str_addf(e->out, "\n# TYPE %s %s\n", name, types[type]);
}

static void add_sample(struct exposition *e, const struct label *labels, size_t n,
                       const char *value)
{
    assert(e->family && e->type != EXPOSITION_HISTOGRAM);
    str_add(e->out, e->family);
    add_labels(e->out, labels, n, NULL);
    str_addf(e->out, " %s\n", value);
}

void exposition_int(struct exposition *e, const struct label *labels, size_t n, int64_t value)
{
    char buf[32];
    snprintf(buf, sizeof(buf), "%" PRId64, value);
    add_sample(e, labels, n, buf);
}

void exposition_counter(struct exposition *e, const char *name, const char *help, int64_t value)
{
    exposition_family(e, name, EXPOSITION_COUNTER, help);
    exposition_int(e, NULL, 0, value);
}

void exposition_gauge(struct exposition *e, const char *name, const char *help, int64_t value)
{
    exposition_family(e, name, EXPOSITION_GAUGE, help);
    exposition_int(e, NULL, 0, value);
}

void exposition_double(struct exposition *e, const struct label *labels, size_t n, double value)
{
    char buf[40];

    assert(isfinite(value));
    if (value == 0)
        value = 0; /* no negative zero */
    snprintf(buf, sizeof(buf), "%.15g", value);
    if (strtod(buf, NULL) != value)
        snprintf(buf, sizeof(buf), "%.17g", value);
    add_sample(e, labels, n, buf);
}

void exposition_seconds(struct exposition *e, const struct label *labels, size_t n, int64_t us)
{
    char buf[32];
    add_sample(e, labels, n, seconds_text(buf, us));
}

static void add_bucket(struct exposition *e, const struct label *labels, size_t n, const char *le,
                       int64_t cumulative)
{
    str_addf(e->out, "%s_bucket", e->family);
    add_labels(e->out, labels, n, le);
    str_addf(e->out, " %" PRId64 "\n", cumulative);
}

void exposition_histogram(struct exposition *e, const struct label *labels, size_t n,
                          const int64_t *bounds_us, const int64_t *counts, size_t buckets,
                          int64_t sum_us)
{
    int64_t total = 0;
    char buf[32];

    assert(e->family && e->type == EXPOSITION_HISTOGRAM);
    for (size_t i = 0; i < buckets; i++) {
        assert(i == 0 || bounds_us[i] > bounds_us[i - 1]);
        total += counts[i];
        add_bucket(e, labels, n, seconds_text(buf, bounds_us[i]), total);
    }
    total += counts[buckets];
    add_bucket(e, labels, n, "+Inf", total);
    str_addf(e->out, "%s_sum", e->family);
    add_labels(e->out, labels, n, NULL);
    str_addf(e->out, " %s\n", seconds_text(buf, sum_us));
    str_addf(e->out, "%s_count", e->family);
    add_labels(e->out, labels, n, NULL);
    str_addf(e->out, " %" PRId64 "\n", total);
}
