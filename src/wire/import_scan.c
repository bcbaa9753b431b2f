/* Import lines of the plain form, which is what tools write: by hand, as a
 * history has millions of them. */
#include "base/when.h"
#include "wire/import.h"

#include <stdlib.h>
#include <string.h>

#define TIME_BYTES 40 /* longer ones are no time */
#define NAME_BYTES 16 /* longer ones are no outcome or reason */
#define NUMBER_BYTES 40
#define WHOLE_DIGITS 18 /* of a value, before the point: more than these the library may refuse */

struct cursor {
    const char *p, *end;
};

/* Cheaper than a call: most lines have no space at all. */
static inline void skip_spaces(struct cursor *c)
{
    while (c->p < c->end && *c->p == ' ')
        c->p++;
}

static inline bool next_is(const struct cursor *c, const char *text, size_t n)
{
    return (size_t)(c->end - c->p) >= n && memcmp(c->p, text, n) == 0;
}

static inline bool take(struct cursor *c, char ch)
{
    skip_spaces(c);
    if (c->p == c->end || *c->p != ch)
        return false;
    c->p++;
    return true;
}

/* What stands before it, a key and its colon. Nothing is taken of another key. */
static inline bool take_key(struct cursor *c, char before, const char *quoted, size_t n)
{
    struct cursor at = *c;
    if (!take(&at, before))
        return false;
    skip_spaces(&at);
    if (!next_is(&at, quoted, n))
        return false;
    at.p += n;
    if (!take(&at, ':'))
        return false;
    skip_spaces(&at);
    *c = at;
    return true;
}

#define KEY(c, before, quoted) take_key(c, before, quoted, sizeof(quoted) - 1)

/* A string of printable ASCII without escapes, at most max bytes. */
static bool take_string(struct cursor *c, size_t max, const char **ret, size_t *ret_n)
{
    if (c->p == c->end || *c->p != '"')
        return false;
    const char *from = c->p + 1, *p = from;
    while (p < c->end && *p >= ' ' && *p < 127 && *p != '"' && *p != '\\')
        p++;
    if (p == c->end || *p != '"' || (size_t)(p - from) > max)
        return false;
    *ret = from;
    *ret_n = (size_t)(p - from);
    c->p = p + 1;
    return true;
}

/* Up to `max` digits, without the leading zeros that JSON does not have. */
static bool take_digits(struct cursor *c, int max, int64_t *ret)
{
    const char *from = c->p;
    int64_t v = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - from < max)
        v = v * 10 + (*c->p++ - '0');
    *ret = v;
    return c->p > from && !(*from == '0' && c->p - from > 1);
}

/* Whatever else a number may have, such as an exponent, makes the next comma or
 * brace be missed. Three decimals at most: with more of them rounding decides. */
static bool take_ms(struct cursor *c, int64_t *ret_us)
{
    int64_t us = 0;
    if (!take_digits(c, 8, &us))
        return false;
    us *= 1000;
    if (c->p < c->end && *c->p == '.') {
        const char *from = ++c->p;
        for (int64_t unit = 100; c->p < c->end && *c->p >= '0' && *c->p <= '9'; unit /= 10)
            us += unit * (*c->p++ - '0');
        if (c->p == from || c->p - from > 3)
            return false;
    }
    *ret_us = us;
    return us <= IMPORT_LATENCY_MAX_US;
}

static bool take_probe(struct cursor *c, struct import_line *l)
{
    const char *id;
    size_t n;
    if (!KEY(c, '{', "\"probe\"") || !take_string(c, IMPORT_PROBE_MAX, &id, &n) || n == 0)
        return false;
    memcpy(l->probe, id, n);
    l->probe[n] = '\0';
    return true;
}

static bool take_time(struct cursor *c, struct result *r)
{
    const char *text;
    size_t n;
    return KEY(c, ',', "\"time\"") && take_string(c, TIME_BYTES, &text, &n) &&
           when_parse(text, n, &r->slot_us, NULL) == 0;
}

static bool take_name(struct cursor *c, char name[static NAME_BYTES + 1])
{
    const char *text;
    size_t n;
    if (!take_string(c, NAME_BYTES, &text, &n))
        return false;
    memcpy(name, text, n);
    name[n] = '\0';
    return true;
}

static bool take_outcome(struct cursor *c, struct result *r)
{
    char name[NAME_BYTES + 1];
    if (!KEY(c, ',', "\"outcome\"") || !take_name(c, name))
        return false;
    int outcome = outcome_parse(name);
    if (outcome < 0)
        return false;
    r->outcome = (uint8_t)outcome;
    if (!KEY(c, ',', "\"reason\""))
        return outcome != OUTCOME_BAD;
    if (!take_name(c, name))
        return false;
    int reason = reason_parse(name);
    if (reason <= REASON_NONE || outcome == OUTCOME_GOOD)
        return false;
    r->reason = (uint8_t)reason;
    return true;
}

static bool take_code(struct cursor *c, struct result *r)
{
    int64_t code;
    if (!KEY(c, ',', "\"code\""))
        return true;
    if (!take_digits(c, 3, &code))
        return false;
    r->code = (int16_t)code;
    return true;
}

static bool take_latency(struct cursor *c, struct result *r)
{
    if (!KEY(c, ',', "\"latency_ms\""))
        return r->outcome != OUTCOME_GOOD && r->outcome != OUTCOME_BAD;
    return take_ms(c, &r->total_us);
}

/* *before is what stands before the next key. */
static inline bool take_phase(struct cursor *c, char *before, const char *quoted, size_t n,
                              int64_t *ret_us)
{
    if (!take_key(c, *before, quoted, n))
        return true;
    *before = ',';
    return take_ms(c, ret_us);
}

#define PHASE(c, before, quoted, ret_us) take_phase(c, before, quoted, sizeof(quoted) - 1, ret_us)

static bool take_phases(struct cursor *c, struct phases *p)
{
    char before = '{';
    if (!KEY(c, ',', "\"phases_ms\""))
        return true;
    return PHASE(c, &before, "\"dns\"", &p->dns_us) &&
           PHASE(c, &before, "\"connect\"", &p->connect_us) &&
           PHASE(c, &before, "\"tls\"", &p->tls_us) && PHASE(c, &before, "\"send\"", &p->send_us) &&
           PHASE(c, &before, "\"wait\"", &p->wait_us) &&
           PHASE(c, &before, "\"transfer\"", &p->transfer_us) && before == ',' && take(c, '}');
}

static bool take_result(struct cursor *c, struct result *r)
{
    return take_outcome(c, r) && take_code(c, r) && take_latency(c, r) &&
           take_phases(c, &r->phases);
}

/* ---- samples ------------------------------------------------------------------ */

/* A string of printable ASCII; of escapes only those that series have. */
static bool take_series(struct cursor *c, char series[static IMPORT_SERIES_MAX + 1])
{
    size_t n = 0;
    if (c->p == c->end || *c->p++ != '"')
        return false;
    for (; c->p < c->end && *c->p != '"' && n < IMPORT_SERIES_MAX; c->p++) {
        if (*c->p == '\\' && (++c->p == c->end || (*c->p != '"' && *c->p != '\\')))
            return false;
        if (*c->p < ' ' || *c->p >= 127)
            return false;
        series[n++] = *c->p;
    }
    series[n] = '\0';
    return c->p < c->end && *c->p++ == '"';
}

/* A number as JSON has it: the library's own way makes it one. */
static bool take_value(struct cursor *c, double *ret)
{
    char text[NUMBER_BYTES + 1];
    size_t n = 0;
    int64_t whole;
    while (c->p + n < c->end && n <= NUMBER_BYTES && strchr("0123456789+-.eE", c->p[n]))
        n++;
    if (n == 0 || n > NUMBER_BYTES)
        return false;
    memcpy(text, c->p, n);
    text[n] = '\0';
    struct cursor at = {text, text + n};
    at.p += *text == '-';
    if (!take_digits(&at, WHOLE_DIGITS, &whole))
        return false;
    if (at.p < at.end && *at.p == '.') {
        const char *from = ++at.p;
        while (at.p < at.end && *at.p >= '0' && *at.p <= '9')
            at.p++;
        if (at.p == from)
            return false;
    }
    if (at.p != at.end) /* an exponent */
        return false;
    *ret = strtod(text, NULL);
    c->p += n;
    return true;
}

static bool take_sample(struct cursor *c, struct import_line *l)
{
    l->sample = KEY(c, ',', "\"series\"");
    return l->sample && take_series(c, l->series) && KEY(c, ',', "\"value\"") &&
           take_value(c, &l->value);
}

/* ---- lines -------------------------------------------------------------------- */

bool import_line_scan(const char *text, size_t n, struct import_line *ret)
{
    struct cursor c = {text, text + n};
    struct result r = {0};
    if (!take_probe(&c, ret) || !take_time(&c, &r))
        return false;
    if (!take_sample(&c, ret)) {
        if (ret->sample || !take_result(&c, &r))
            return false;
        r.flags = RESULT_IMPORTED;
    }
    if (!take(&c, '}'))
        return false;
    while (c.p < c.end && (*c.p == ' ' || *c.p == '\t' || *c.p == '\r'))
        c.p++;
    if (c.p != c.end)
        return false;
    if (ret->sample) {
        ret->result = (struct result){.slot_us = r.slot_us};
        return true;
    }
    r.done_us = r.slot_us + r.total_us;
    ret->result = r;
    return true;
}
