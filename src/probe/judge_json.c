/* Conditions on one value inside a JSON body. */
#include "probe/judge.h"

#include "base/str.h"
#include "model/regex.h"

static const char *const type_names[] = {
    [JSON_TYPE_ABSENT] = "absent", [JSON_TYPE_NULL] = "null",     [JSON_TYPE_BOOL] = "bool",
    [JSON_TYPE_INT] = "integer",   [JSON_TYPE_REAL] = "number",   [JSON_TYPE_STRING] = "string",
    [JSON_TYPE_ARRAY] = "array",   [JSON_TYPE_OBJECT] = "object",
};

static bool is_number(const struct json_value *v)
{
    return v->type == JSON_TYPE_INT || v->type == JSON_TYPE_REAL;
}

int judge_compare(const struct json_value *a, const struct json_value *b)
{
    if (a->type == JSON_TYPE_INT && b->type == JSON_TYPE_INT)
        return (a->i > b->i) - (a->i < b->i);
    return (a->r > b->r) - (a->r < b->r);
}

static bool equal(const struct json_value *a, const struct json_value *b)
{
    if (is_number(a) && is_number(b))
        return judge_compare(a, b) == 0;
    if (a->type != b->type)
        return false;
    if (a->type == JSON_TYPE_NULL)
        return true;
    if (a->type == JSON_TYPE_BOOL)
        return a->i == b->i;
    return a->type == JSON_TYPE_STRING && a->text_len == b->text_len &&
           memcmp(a->text, b->text, a->text_len) == 0;
}

static bool ordered(enum check_op op, const struct json_value *a, const struct json_value *b)
{
    if (!is_number(a) || !is_number(b))
        return false;
    int c = judge_compare(a, b);
    switch (op) {
    case OP_LT:
        return c < 0;
    case OP_LE:
        return c <= 0;
    case OP_GT:
        return c > 0;
    default:
        return c >= 0;
    }
}

/* Elements of an array, characters of a text; -1: it has no length. */
static int64_t length(const struct json_value *v)
{
    if (v->type == JSON_TYPE_ARRAY)
        return v->i;
    if (v->type != JSON_TYPE_STRING)
        return -1;
    int64_t n = 0;
    for (size_t i = 0; i < v->text_len; i++)
        n += ((unsigned char)v->text[i] & 0xc0) != 0x80;
    return n;
}

static int contains(const struct check *ch, struct jsonpath *json, const struct json_value *v,
                    struct err *reterr)
{
    if (v->type == JSON_TYPE_ARRAY)
        return jsonpath_contains(json, ch->subject, &ch->want, reterr);
    return v->type == JSON_TYPE_STRING &&
           memmem(v->text, v->text_len, ch->want.text, ch->want.text_len) != NULL;
}

static bool of_type(const struct json_value *v, const char *name)
{
    return str_eq(name, "number") ? is_number(v) : str_eq(name, type_names[v->type]);
}

/* 1, 0 or -1. */
static int holds(const struct check *ch, struct jsonpath *json, const struct json_value *v,
                 struct err *reterr)
{
    int rc;
    switch (ch->op) {
    case OP_EQ:
        return equal(v, &ch->want);
    case OP_NE:
        return !equal(v, &ch->want);
    case OP_CONTAINS:
        return contains(ch, json, v, reterr);
    case OP_LACKS:
        if (v->type != JSON_TYPE_STRING && v->type != JSON_TYPE_ARRAY)
            return 0;
        rc = contains(ch, json, v, reterr);
        return rc < 0 ? -1 : !rc;
    case OP_LIKE:
    case OP_UNLIKE:
        if (v->type != JSON_TYPE_STRING)
            return 0;
        rc = regex_match(ch->re, v->text, v->text_len, reterr);
        return rc < 0 ? -1 : rc == (ch->op == OP_LIKE);
    case OP_TYPE:
        return of_type(v, ch->want.text);
    case OP_PRESENT:
        return 1;
    case OP_ABSENT:
        return 0;
    default:
        return ordered(ch->op, v, &ch->want);
    }
}

static void show(const struct check *ch, const struct json_value *v, char *seen, size_t size)
{
    if (ch->op == OP_TYPE || v->type == JSON_TYPE_ABSENT)
        str_copy(seen, size, type_names[v->type]);
    else if (v->type == JSON_TYPE_STRING)
        judge_show(seen, size, v->text, v->text_len);
    else if (v->type == JSON_TYPE_ARRAY)
        snprintf(seen, size, "an array of %lld", (long long)v->i);
    else if (v->type == JSON_TYPE_OBJECT)
        str_copy(seen, size, "an object");
    else
        str_copy(seen, size, v->text);
}

int judge_json(const struct check *ch, struct jsonpath *json, char *seen, size_t size)
{
    struct json_value v;
    struct err err;
    if (jsonpath_get(json, ch->subject, &v, &err) < 0) {
        str_copy(seen, size, err.msg);
        return -1;
    }
    show(ch, &v, seen, size);
    if (v.type == JSON_TYPE_ABSENT)
        return ch->op == OP_ABSENT;
    if (ch->of_length) {
        int64_t n = length(&v);
        if (n < 0)
            return 0;
        if (v.type == JSON_TYPE_STRING)
            snprintf(seen, size, "%lld characters", (long long)n);
        v = (struct json_value){.type = JSON_TYPE_INT, .i = n, .r = (double)n};
    }
    int rc = holds(ch, json, &v, &err);
    if (rc < 0)
        str_copy(seen, size, err.msg);
    return rc;
}
