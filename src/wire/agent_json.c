/* JSON of strangers, and the JSON that they are sent. */
#include "wire/agent_internal.h"

#include "base/mem.h"
#include "base/units.h"
#include "nines/answer.h"
#include "wire/utf8.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define INT64_DIGITS 18
#define COST_TOLD_MAX 1000000 /* of the currency, for one answer */

/* ---- reading ------------------------------------------------------------------- */

/* The \uXXXX at p, or -1. */
static int escape_at(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        if (!isxdigit((unsigned char)p[i]))
            return -1;
        int low = p[i] | 0x20;
        value = value * 16 + (low >= 'a' ? low - 'a' + 10 : low - '0');
    }
    return value;
}

/* Halves of surrogate pairs become U+FFFD. Returns whether there were any. */
static bool mend_surrogates(char *text, size_t n)
{
    bool any = false;
    char *end = text + n;
    for (char *p = text; p < end; p++) {
        if (*p != '\\')
            continue;
        int c = escape_at(p, end);
        if (c < 0) {
            p++; /* of \\ and \" the second half */
            continue;
        }
        int next = c >= 0xd800 && c < 0xdc00 ? escape_at(p + 6, end) : -1;
        if (next >= 0xdc00 && next < 0xe000) {
            p += 11;
            continue;
        }
        if (c >= 0xd800 && c < 0xe000) {
            memcpy(p + 2, "fffd", 4);
            any = true;
        }
        p += 5;
    }
    return any;
}

/* The string that begins at p: where it ends. */
static char *skip_string(char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\' && p + 1 < end;
    return p;
}

/* Whole numbers of more digits than an int64 has for sure become reals of the same
 * size: 12...3456 is 12...34e2. Returns whether there were any. */
static bool mend_numbers(char *text, size_t n)
{
    bool any = false;
    char *end = text + n;
    for (char *p = text; p < end; p++) {
        if (*p == '"')
            p = skip_string(p, end);
        size_t digits = 0;
        while (p + digits < end && isdigit((unsigned char)p[digits]))
            digits++;
        if (digits == 0)
            continue;
        char *behind = p + digits;
        bool whole = behind == end || !strchr(".eE+-", *behind);
        bool fraction = p > text && strchr(".eE+", p[-1]);
        if (digits > INT64_DIGITS && whole && !fraction) {
            memcpy(behind - 2, "e2", 2);
            any = true;
        }
        p = behind - 1;
    }
    return any;
}

json_t *agent_json_read(const char *text, size_t n, struct err *reterr)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error;
    json_t *doc = json_loadb(text, n, flags, &error);
    if (doc)
        return doc;
    enum json_error_code code = json_error_code(&error);
    bool mendable = code == json_error_numeric_overflow || code == json_error_invalid_syntax;
    mem_auto char *copy = mendable ? mem_alloc(n + 1) : NULL;
    if (copy && n > 0)
        memcpy(copy, text, n);
    /* Both at once: reading takes long. */
    bool numbers = copy && mend_numbers(copy, n);
    bool surrogates = copy && mend_surrogates(copy, n);
    if (numbers || surrogates)
        doc = json_loadb(copy, n, flags, &error);
    if (!doc)
        err_set(reterr, "%s, at byte %d", error.text, error.position);
    return doc;
}

json_t *agent_json_object(struct agent_answer *a, const char *what, const char *text, size_t n)
{
    struct err err;
    json_t *doc = agent_json_read(text, n, &err);
    if (!doc) {
        agent_fail(a, AGENT_MALFORMED, "%s %s is not JSON: %s", *what == 'e' ? "an" : "the", what,
                   err.msg);
        return NULL;
    }
    if (!json_is_object(doc)) {
        agent_fail(a, AGENT_MALFORMED, "%s %s is JSON, but no object", *what == 'e' ? "an" : "the",
                   what);
        json_decref(doc);
        return NULL;
    }
    return doc;
}

json_t *agent_json_get(const json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    return json_is_null(v) ? NULL : v;
}

const char *agent_json_string(const json_t *object, const char *key, size_t *ret_n)
{
    json_t *v = json_object_get(object, key);
    *ret_n = json_string_length(v);
    return json_string_value(v);
}

void agent_json_name(char *dst, const json_t *object, const char *key)
{
    size_t n;
    const char *text = agent_json_string(object, key, &n);
    if (n > 0)
        utf8_copy(dst, AGENT_NAME_MAX, text, n);
}

char *agent_json_text(const json_t *v)
{
    return json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

unsigned agent_json_say(struct agent_answer *a, const json_t *content)
{
    if (json_is_string(content))
        return agent_say(a, json_string_value(content), json_string_length(content));
    unsigned bits = 0;
    size_t i;
    json_t *part;
    json_array_foreach(content, i, part)
    {
        size_t n;
        const char *text = agent_json_string(part, "text", &n);
        bits |= agent_say(a, text, n);
    }
    return bits;
}

unsigned agent_json_call(struct agent_answer *a, size_t index, const char *name,
                         const json_t *arguments)
{
    if (!arguments || json_is_null(arguments))
        return agent_call(a, index, name, "", 0);
    if (json_is_string(arguments))
        return agent_call(a, index, name, json_string_value(arguments),
                          json_string_length(arguments));
    mem_auto char *text = agent_json_text(arguments);
    return agent_call(a, index, name, text ? text : "", text ? strlen(text) : 0);
}

void agent_json_count(struct agent_answer *a, int64_t *into, const json_t *told)
{
    if (!told || json_is_null(told))
        return;
    double real = json_is_real(told) ? json_real_value(told) : -1;
    if (json_is_integer(told))
        agent_tokens(a, into, json_integer_value(told));
    else if (real >= 0 && real <= ANSWER_TOKENS_MAX && real == floor(real))
        agent_tokens(a, into, (int64_t)real);
    else
        agent_tokens(a, into, -1);
}

void agent_json_tokens(struct agent_answer *a, int64_t *into, const json_t *object, const char *key)
{
    agent_json_count(a, into, json_object_get(object, key));
}

/* Exact for up to 15 significant digits, which is what a double holds of what was told. */
static int64_t cost_of(const json_t *told)
{
    double value = json_is_number(told) ? json_number_value(told) : -1;
    int decimals = 12;
    char text[UNITS_MAX];
    struct decimal d;
    if (!(value >= 0 && value <= COST_TOLD_MAX))
        return -1;
    for (double rest = value; rest >= 1000; rest /= 10)
        decimals--;
    snprintf(text, sizeof(text), "%.*f", decimals, value);
    return decimal_parse(text, &d, NULL) == 0 ? d.n * decimal_pow10(12 - d.scale) : -1;
}

void agent_json_cost(struct agent_answer *a, const json_t *told)
{
    if (!told || json_is_null(told))
        return;
    json_t *number = NULL;
    if (json_is_string(told))
        number = agent_json_read(json_string_value(told), json_string_length(told), NULL);
    a->cost = cost_of(number ? number : told);
    json_decref(number);
    if (a->cost < 0)
        a->absurd = true;
}

void agent_check_tokens(struct agent_answer *a)
{
    if (a->tokens_in >= 0 && a->tokens_cached > a->tokens_in)
        agent_tokens(a, &a->tokens_cached, -1);
    if (a->tokens_out >= 0 && a->tokens_reasoning > a->tokens_out)
        agent_tokens(a, &a->tokens_reasoning, -1);
}

/* "code", "type" or "status", whichever is a text; or the code's number. */
static void error_code(struct agent_answer *a, const json_t *error)
{
    static const char *const keys[] = {"code", "type", "status"};
    json_t *code = json_object_get(error, "code");
    for (size_t i = 0; i < countof(keys) && !a->error_code[0]; i++)
        agent_json_name(a->error_code, error, keys[i]);
    if (!a->error_code[0] && json_is_integer(code))
        snprintf(a->error_code, sizeof(a->error_code), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(code));
}

unsigned agent_json_error(struct agent_answer *a, const json_t *error)
{
    static const char *const keys[] = {"message", "detail", "error", "msg", "reason"};
    const char *text = json_string_value(error);
    for (size_t i = 0; i < countof(keys) && !text; i++)
        text = json_string_value(json_object_get(error, keys[i]));
    error_code(a, error);
    if (text && *text)
        return agent_fail(a, AGENT_ERROR, "%s", text);
    if (a->error_code[0])
        return agent_fail(a, AGENT_ERROR, "%s", a->error_code);
    mem_auto char *json = agent_json_text(error);
    return agent_fail(a, AGENT_ERROR, "an error that says no more than %s", json ? json : "null");
}

/* ---- writing ------------------------------------------------------------------- */

void agent_headers(struct agent_request *r, const char *more)
{
    size_t n = 0;
    if (r->either)
        r->headers[n++] = "Accept: application/json, text/event-stream";
    else
        r->headers[n++] = r->stream ? "Accept: text/event-stream" : "Accept: application/json";
    if (r->body)
        r->headers[n++] = "Content-Type: application/json";
    r->headers[n] = more;
}

int agent_body(struct agent_talk *t, struct agent_request *r, struct str *written,
               struct err *reterr)
{
    int rc = written->overflow ? err_set(reterr, "a request of more than 4 MiB") : 0;
    if (rc == 0) {
        r->body_len = written->len;
        r->body = arena_strndup(&t->arena, written->buf, written->len);
    }
    str_release(written);
    return rc;
}

/* Whether `more` is to go in: 1 or 0; -1: the body is not what can be sent. */
static int lacks_stream(const struct agent_ask *ask, const json_t *body, struct err *reterr)
{
    json_t *stream = json_object_get(body, "stream");
    if (!json_is_object(body))
        return err_set(reterr, "the body is JSON, but no object");
    if (!stream)
        return ask->stream;
    if (json_is_true(stream) != ask->stream)
        return err_set(reterr, "the body says \"stream\": %s, the probe stream: %s",
                       json_is_true(stream) ? "true" : "false", ask->stream ? "true" : "false");
    return 0;
}

int agent_body_given(struct agent_talk *t, struct agent_request *r, const char *more,
                     struct err *reterr)
{
    const char *text = t->ask->body;
    struct err why;
    json_t *body = agent_json_read(text, strlen(text), &why);
    if (!body)
        return err_set(reterr, "the body is not JSON: %s", why.msg);
    int lacks = lacks_stream(t->ask, body, reterr);
    bool empty = json_object_size(body) == 0;
    json_decref(body);
    if (lacks < 0)
        return -1;
    struct str out;
    str_init(&out, AGENT_BODY_MAX);
    if (lacks > 0) {
        str_addf(&out, "{%s%s", more, empty ? "" : ",");
        text = strchr(text, '{') + 1;
    }
    str_add(&out, text);
    return agent_body(t, r, &out, reterr);
}
