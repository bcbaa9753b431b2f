#include "wire/answer_json.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "wire/put.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>

static const char *const flag_names[] = {"streamed",  "ended",    "cut",   "error",
                                         "malformed", "reasoned", "tools", "absurd"};

_Static_assert(1u << (countof(flag_names) - 1) == ANSWER_ABSURD, "a name for each flag");

static const char *const time_keys[] = {"headers_ms",    "first_event_ms", "first_token_ms",
                                        "last_token_ms", "last_event_ms",  "gap_ms"};
static const char *const token_keys[] = {"tokens_in", "tokens_out", "tokens_cached",
                                         "tokens_reasoning"};

/* In the order of the keys. */
#define TIMES(a)                                                                                   \
    {                                                                                              \
        &(a)->headers_us, &(a)->first_event_us, &(a)->first_token_us, &(a)->last_token_us,         \
            &(a)->last_event_us, &(a)->gap_us                                                      \
    }
#define TOKENS(a)                                                                                  \
    {                                                                                              \
        &(a)->tokens_in, &(a)->tokens_out, &(a)->tokens_cached, &(a)->tokens_reasoning             \
    }

#define GAP (countof(time_keys) - 1)

/* ---- writing ------------------------------------------------------------------ */

bool answer_json_writable(const struct answer *a)
{
    const int32_t *const tokens[] = TOKENS(a);
    for (size_t i = 0; i < countof(tokens); i++)
        if (*tokens[i] < -1 || *tokens[i] > ANSWER_TOKENS_MAX)
            return false;
    return a->cost >= -1 && a->flags < 1u << countof(flag_names);
}

/* *before stands before the next key. */
static char *put_key(char *p, char *before, const char *key)
{
    *p++ = *before;
    *before = ',';
    *p++ = '"';
    p = put_text(p, key);
    return put_text(p, "\":");
}

static char *put_flags(char *p, char *before, uint32_t flags)
{
    char comma = '[';
    if (!flags)
        return p;
    p = put_key(p, before, "flags");
    for (size_t i = 0; i < countof(flag_names); i++) {
        if (!(flags & 1u << i))
            continue;
        *p++ = comma;
        comma = ',';
        *p++ = '"';
        p = put_text(p, flag_names[i]);
        *p++ = '"';
    }
    *p++ = ']';
    return p;
}

static char *put_cost(char *p, char *before, int64_t cost)
{
    char text[UNITS_MAX];
    if (cost < 0)
        return p;
    p = put_key(p, before, "cost");
    *p++ = '"';
    p = put_text(p, decimal_text(text, decimal_lowest((struct decimal){cost, 12})));
    *p++ = '"';
    return p;
}

size_t answer_json_write(const struct answer *a, char buf[static ANSWER_JSON_MAX])
{
    const uint32_t *const times[] = TIMES(a);
    const int32_t *const tokens[] = TOKENS(a);
    char *p = buf, before = '{';
    for (size_t i = 0; i < countof(times); i++)
        if (*times[i] || (i == GAP && a->last_event_us))
            p = put_ms(put_key(p, &before, time_keys[i]), *times[i]);
    if (a->events)
        p = put_number(put_key(p, &before, "events"), a->events);
    for (size_t i = 0; i < countof(tokens); i++)
        if (*tokens[i] >= 0)
            p = put_number(put_key(p, &before, token_keys[i]), *tokens[i]);
    p = put_cost(p, &before, a->cost);
    p = put_flags(p, &before, a->flags);
    if (before == '{')
        *p++ = '{';
    *p++ = '}';
    assert(p - buf <= ANSWER_JSON_MAX);
    return (size_t)(p - buf);
}

/* ---- reading ------------------------------------------------------------------ */

static int read_time(json_t *v, const char *key, bool zero, uint32_t *ret, struct err *reterr)
{
    double us = json_number_value(v) * 1000;
    bool fits = json_is_number(v) && us >= 0 && us < (double)UINT32_MAX + 0.5;
    int64_t whole = fits ? llround(us) : -1;
    if (whole < !zero)
        return err_set(reterr,
                       "\"%s\" must be a number of milliseconds%s, at most 4294967.295;"
                       " what did not happen is left out",
                       key, zero ? "" : " above 0");
    *ret = (uint32_t)whole;
    return 0;
}

static int read_count(json_t *v, const char *key, int64_t max, int64_t *ret, struct err *reterr)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0 || n > max)
        return err_set(reterr, "\"%s\" must be a whole number from 0 to %lld", key, (long long)max);
    *ret = n;
    return 0;
}

static int read_cost(json_t *v, int64_t *ret, struct err *reterr)
{
    struct decimal d;
    if (!json_is_string(v) || decimal_parse(json_string_value(v), &d, NULL) < 0 ||
        __builtin_mul_overflow(d.n, decimal_pow10(12 - d.scale), ret))
        return err_set(reterr, "\"cost\" must be a text like \"0.000123\", of at most 12 decimals"
                               " and below 9223372");
    return 0;
}

static int read_flag(json_t *v, uint32_t *flags, struct err *reterr)
{
    const char *name = json_string_value(v);
    if (!name)
        return err_set(reterr, "\"flags\" must be a list of texts");
    for (size_t i = 0; i < countof(flag_names); i++)
        if (str_eq(name, flag_names[i])) {
            *flags |= 1u << i;
            return 0;
        }
    const char *near = str_nearest(name, flag_names, countof(flag_names));
    return err_set(reterr, "unknown flag \"%.64s\" of an answer%s%s%s", name,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int read_flags(json_t *v, uint32_t *flags, struct err *reterr)
{
    if (!json_is_array(v))
        return err_set(reterr, "\"flags\" must be a list of texts");
    for (size_t i = 0; i < json_array_size(v); i++)
        if (read_flag(json_array_get(v, i), flags, reterr) < 0)
            return -1;
    return 0;
}

static size_t find(const char *key, const char *const *keys, size_t n)
{
    size_t i = 0;
    while (i < n && !str_eq(key, keys[i]))
        i++;
    return i;
}

static int unknown_key(const char *key, struct err *reterr)
{
    static const char *const keys[] = {
        "headers_ms", "first_event_ms", "first_token_ms",  "last_token_ms", "last_event_ms",
        "gap_ms",     "events",         "tokens_in",       "tokens_out",    "tokens_cached",
        "cost",       "flags",          "tokens_reasoning"};
    const char *near = str_nearest(key, keys, countof(keys));
    return err_set(reterr, "unknown key \"%.64s\" of an answer%s%s%s", key,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int read_key(const char *key, json_t *v, struct answer *a, struct err *reterr)
{
    uint32_t *const times[] = TIMES(a);
    int32_t *const tokens[] = TOKENS(a);
    int64_t n = 0;
    size_t at = find(key, time_keys, countof(time_keys));
    if (at < countof(time_keys))
        return read_time(v, key, at == GAP, times[at], reterr);
    at = find(key, token_keys, countof(token_keys));
    if (at < countof(token_keys)) {
        if (read_count(v, key, ANSWER_TOKENS_MAX, &n, reterr) < 0)
            return -1;
        *tokens[at] = (int32_t)n;
        return 0;
    }
    if (str_eq(key, "events")) {
        if (read_count(v, key, UINT32_MAX, &n, reterr) < 0)
            return -1;
        a->events = (uint32_t)n;
        return 0;
    }
    if (str_eq(key, "cost"))
        return read_cost(v, &a->cost, reterr);
    if (str_eq(key, "flags"))
        return read_flags(v, &a->flags, reterr);
    return unknown_key(key, reterr);
}

int answer_json_read(struct json_t *object, struct answer *ret, struct err *reterr)
{
    struct answer a = {
        .tokens_in = -1, .tokens_out = -1, .tokens_cached = -1, .tokens_reasoning = -1, .cost = -1};
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return err_set(reterr, "\"answer\" must be an object");
    json_object_foreach(object, key, v)
    {
        if (read_key(key, v, &a, reterr) < 0)
            return -1;
    }
    *ret = a;
    return 0;
}
