/* Documents against schemas. */
#include "probe/answer_schema_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/regex.h"
#include "probe/judge.h"

#include <jansson.h>

#include <assert.h>
#include <ctype.h>
#include <math.h>

#define PATH_MAX_BYTES 160
#define KEY_SHOWN 48
#define SHOWN_MAX 64

/* Where a check has got to. Depth is that of the schema, which is bounded; `work` bounds
 * what a wide document makes of it. */
struct checking {
    struct str path;
    int64_t work; /* left */
    bool tired;
    char fault[SCHEMA_FAULT_MAX]; /* "": none */
};

static bool check(struct checking *c, const struct schema *s, const json_t *v);

static bool fail(struct checking *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Always false. */
static bool fail(struct checking *c, const char *fmt, ...)
{
    va_list ap;
    int len =
        snprintf(c->fault, sizeof(c->fault), "%s%s: ", c->path.buf, c->path.overflow ? "..." : "");
    va_start(ap, fmt);
    if (len > 0 && (size_t)len < sizeof(c->fault))
        vsnprintf(c->fault + len, sizeof(c->fault) - (size_t)len, fmt, ap);
    va_end(ap);
    return false;
}

static bool works(struct checking *c, size_t n)
{
    c->work -= (int64_t)n;
    if (c->work >= 0)
        return true;
    c->tired = true;
    return fail(c, "the document is too large for this schema to be checked");
}

/* ---- the path ---------------------------------------------------------------------- */

struct mark {
    size_t len;
    bool overflow;
};

static struct mark enter_key(struct checking *c, const char *key)
{
    struct mark m = {c->path.len, c->path.overflow};
    bool plain = *key && !isdigit((unsigned char)*key);
    char quoted[KEY_SHOWN];
    for (const char *p = key; *p && plain; p++)
        plain = isalnum((unsigned char)*p) || *p == '_';
    judge_show(quoted, sizeof(quoted), key, strlen(key));
    str_addf(&c->path, ".%s", plain && strlen(key) < KEY_SHOWN ? key : quoted);
    return m;
}

static struct mark enter_index(struct checking *c, size_t i)
{
    struct mark m = {c->path.len, c->path.overflow};
    str_addf(&c->path, "[%zu]", i);
    return m;
}

static void leave(struct checking *c, struct mark m)
{
    c->path.len = m.len;
    c->path.buf[m.len] = '\0';
    c->path.overflow = m.overflow;
}

/* ---- values --------------------------------------------------------------------------- */

static bool is_whole(const json_t *v)
{
    return json_is_integer(v) ||
           (json_is_real(v) && json_real_value(v) == floor(json_real_value(v)));
}

static unsigned types_of(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
        return TYPE_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        return TYPE_BOOLEAN;
    case JSON_OBJECT:
        return TYPE_OBJECT;
    case JSON_ARRAY:
        return TYPE_ARRAY;
    case JSON_STRING:
        return TYPE_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        break;
    }
    return TYPE_NUMBER | (is_whole(v) ? TYPE_INTEGER : 0);
}

static const char *type_name(const json_t *v)
{
    unsigned types = types_of(v);
    return types == TYPE_NULL      ? "null"
           : types == TYPE_BOOLEAN ? "boolean"
           : types == TYPE_OBJECT  ? "object"
           : types == TYPE_ARRAY   ? "array"
           : types == TYPE_STRING  ? "string"
                                   : "number";
}

/* "12", "\"Paris\"", "an array of 3" */
static const char *show(const json_t *v, char buf[static SHOWN_MAX])
{
    if (json_is_string(v))
        judge_show(buf, SHOWN_MAX, json_string_value(v), json_string_length(v));
    else if (json_is_integer(v))
        snprintf(buf, SHOWN_MAX, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        snprintf(buf, SHOWN_MAX, "%.15g", json_real_value(v));
    else if (json_is_array(v))
        snprintf(buf, SHOWN_MAX, "an array of %zu", json_array_size(v));
    else
        str_copy(buf, SHOWN_MAX,
                 json_is_object(v) ? "an object"
                 : json_is_null(v) ? "null"
                 : json_is_true(v) ? "true"
                                   : "false");
    return buf;
}

static struct json_value number_of(const json_t *v)
{
    if (json_is_integer(v))
        return (struct json_value){
            .type = JSON_TYPE_INT, .i = json_integer_value(v), .r = (double)json_integer_value(v)};
    return (struct json_value){.type = JSON_TYPE_REAL, .r = json_real_value(v)};
}

static bool equals(struct checking *c, const struct schema_value *want, const json_t *v);

static bool equal_members(struct checking *c, const struct schema_value *want, const json_t *v)
{
    if (want->n != json_object_size(v))
        return false;
    for (size_t i = 0; i < want->n; i++) {
        const json_t *member = json_object_get(v, want->keys[i]);
        if (!member || !equals(c, &want->items[i], member))
            return false;
    }
    return true;
}

static bool equal_elements(struct checking *c, const struct schema_value *want, const json_t *v)
{
    if (want->n != json_array_size(v))
        return false;
    for (size_t i = 0; i < want->n; i++) {
        if (!equals(c, &want->items[i], json_array_get(v, i)))
            return false;
    }
    return true;
}

static bool equals(struct checking *c, const struct schema_value *want, const json_t *v)
{
    const struct json_value *s = &want->scalar;
    c->work--;
    switch (s->type) {
    case JSON_TYPE_NULL:
        return json_is_null(v);
    case JSON_TYPE_BOOL:
        return json_is_boolean(v) && json_is_true(v) == (s->i != 0);
    case JSON_TYPE_INT:
    case JSON_TYPE_REAL:
        if (!json_is_number(v))
            return false;
        struct json_value n = number_of(v);
        return judge_compare(s, &n) == 0;
    case JSON_TYPE_STRING:
        return json_is_string(v) && json_string_length(v) == s->text_len &&
               memcmp(json_string_value(v), s->text, s->text_len) == 0;
    case JSON_TYPE_ARRAY:
        return json_is_array(v) && equal_elements(c, want, v);
    case JSON_TYPE_OBJECT:
        return json_is_object(v) && equal_members(c, want, v);
    case JSON_TYPE_ABSENT:
        break;
    }
    return false;
}

static bool among(struct checking *c, const struct schema_values *values, const json_t *v)
{
    for (size_t i = 0; i < values->n; i++) {
        if (equals(c, &values->at[i], v))
            return true;
    }
    return false;
}

static bool check_values(struct checking *c, const struct schema *s, const json_t *v)
{
    char found[SHOWN_MAX];
    if (s->constant.n && !among(c, &s->constant, v))
        return fail(c, "expected %s, found %s", s->constant.at[0].shown, show(v, found));
    if (!s->one_of.n || among(c, &s->one_of, v))
        return true;
    struct str list;
    str_init(&list, SHOWN_MAX);
    for (size_t i = 0; i < s->one_of.n; i++)
        str_addf(&list, "%s%s", i ? ", " : "", s->one_of.at[i].shown);
    bool cut = list.overflow;
    fail(c, "expected one of %s%s, found %s", list.buf, cut ? "..." : "", show(v, found));
    str_release(&list);
    return false;
}

/* ---- each type's own keywords ------------------------------------------------------------ */

static bool check_limits(struct checking *c, struct schema_limits l, int64_t n, const char *what)
{
    if (l.min >= 0 && n < l.min)
        return fail(c, "expected at least %lld %s, found %lld", (long long)l.min, what,
                    (long long)n);
    if (l.max >= 0 && n > l.max)
        return fail(c, "expected at most %lld %s, found %lld", (long long)l.max, what,
                    (long long)n);
    return true;
}

static bool check_string(struct checking *c, const struct schema *s, const json_t *v)
{
    const char *text = json_string_value(v);
    size_t n = json_string_length(v);
    char found[SHOWN_MAX];
    int64_t characters = 0;
    struct err err;
    for (size_t i = 0; i < n; i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    if (!works(c, n / 64) || !check_limits(c, s->length, characters, "characters"))
        return false;
    int rc = s->re ? regex_match(s->re, text, n, &err) : 1;
    if (rc < 0)
        return fail(c, "%s", err.msg);
    return rc || fail(c, "expected text like /%s/, found %s", s->pattern, show(v, found));
}

static bool check_number(struct checking *c, const struct schema *s, const json_t *v)
{
    static const char *const words[BOUND_COUNT] = {"at least", "at most", "above", "below"};
    struct json_value n = number_of(v);
    char found[SHOWN_MAX];
    for (int b = 0; b < BOUND_COUNT; b++) {
        if (s->bounds[b].at.type == JSON_TYPE_ABSENT)
            continue;
        int cmp = judge_compare(&n, &s->bounds[b].at);
        bool ok = b == BOUND_MIN     ? cmp >= 0
                  : b == BOUND_MAX   ? cmp <= 0
                  : b == BOUND_ABOVE ? cmp > 0
                                     : cmp < 0;
        if (!ok)
            return fail(c, "expected %s %s, found %s", words[b], s->bounds[b].at.text,
                        show(v, found));
    }
    return true;
}

static bool check_array(struct checking *c, const struct schema *s, const json_t *v)
{
    size_t n = json_array_size(v);
    if (!check_limits(c, s->element_count, (int64_t)n, "elements"))
        return false;
    for (size_t i = 0; s->items && i < n; i++) {
        struct mark m = enter_index(c, i);
        bool ok = check(c, s->items, json_array_get(v, i));
        leave(c, m);
        if (!ok)
            return false;
    }
    return true;
}

static bool check_member(struct checking *c, const struct schema *s, const char *key,
                         const json_t *v)
{
    const struct schema *with = s->additional;
    bool known = false;
    for (size_t i = 0; i < s->property_count && !known; i++) {
        known = str_eq(s->properties[i].name, key);
        if (known)
            with = s->properties[i].schema;
    }
    struct mark m = enter_key(c, key);
    bool ok = true;
    if (!known && with && with->never)
        ok = fail(c, "is not among the properties");
    else if (with)
        ok = check(c, with, v);
    leave(c, m);
    return ok;
}

static bool check_object(struct checking *c, const struct schema *s, json_t *v)
{
    const char *key;
    json_t *member;
    if (!check_limits(c, s->member_count, (int64_t)json_object_size(v), "members") ||
        !works(c, s->required.n))
        return false;
    for (size_t i = 0; i < s->required.n; i++) {
        struct mark m = enter_key(c, s->required.at[i]);
        bool ok = json_object_get(v, s->required.at[i]) || fail(c, "is required, and missing");
        leave(c, m);
        if (!ok)
            return false;
    }
    if (!s->properties && !s->additional)
        return true;
    json_object_foreach(v, key, member)
    {
        if (!works(c, s->property_count) || !check_member(c, s, key, member))
            return false;
    }
    return true;
}

static bool check_any(struct checking *c, const struct schema *s, const json_t *v)
{
    char first[SCHEMA_FAULT_MAX] = "";
    for (size_t i = 0; i < s->any_count; i++) {
        if (check(c, s->any_of[i], v))
            return true;
        if (c->tired)
            return false;
        if (i == 0)
            str_copy(first, sizeof(first), c->fault);
    }
    return fail(c, "none of anyOf; the first: %s", first);
}

static bool check(struct checking *c, const struct schema *s, const json_t *v)
{
    if (!works(c, 1))
        return false;
    if (s->never)
        return fail(c, "there may be nothing");
    if (s->types && !(s->types & types_of(v)))
        return fail(c, "expected %s, found %s", s->types_text, type_name(v));
    if (!check_values(c, s, v))
        return false;
    bool ok = true;
    if (json_is_string(v))
        ok = check_string(c, s, v);
    else if (json_is_number(v))
        ok = check_number(c, s, v);
    else if (json_is_array(v))
        ok = check_array(c, s, v);
    else if (json_is_object(v))
        ok = check_object(c, s, (json_t *)(uintptr_t)v);
    return ok && (!s->any_count || check_any(c, s, v));
}

/* ---- documents ------------------------------------------------------------------------------ */

/* Integers of over 64 bits are rounded, as most readers of JSON do. */
static json_t *parse(const char *json, size_t n, struct err *reterr)
{
    json_error_t e;
    json_t *doc = json_loadb(json, n, JSON_DECODE_ANY, &e);
    if (!doc && json_error_code(&e) == json_error_numeric_overflow)
        doc = json_loadb(json, n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &e);
    if (!doc)
        err_set(reterr, "not JSON: %s at byte %d", e.text, e.position);
    return doc;
}

int answer_schema_check(const struct answer_schema *s, const char *json, size_t n,
                        struct err *reterr)
{
    json_t *doc = parse(json, n, reterr);
    if (!doc)
        return -1;
    struct checking c = {.work = SCHEMA_WORK_MAX};
    str_init(&c.path, PATH_MAX_BYTES);
    str_add(&c.path, "$");
    bool ok = check(&c, s->root, doc);
    str_release(&c.path);
    json_decref(doc);
    return ok ? 0 : err_set(reterr, "%s", c.fault);
}
