/* Schemas from YAML. */
#include "probe/answer_schema_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "config/decode.h"
#include "model/regex.h"
#include "probe/expect.h"

#define SHOWN_MAX 64

/* Whose schemas are read. */
struct reading {
    struct decode *c;
    struct answer_schema *into;
    int depth;
};

static const struct schema *read_schema(struct reading *r, const struct node *n);

static void wrong(struct reading *r, const struct node *n, const char *keyword, const char *want)
{
    char found[FOUND_MAX];
    decode_error(r->c, n->pos, "schema: %s: expected %s; found %s", keyword, want,
                 decode_found(n, found));
}

/* ---- values ------------------------------------------------------------------------ */

static const char *shown(struct arena *a, const struct node *n, const struct json_value *v)
{
    if (n->kind != NODE_SCALAR)
        return n->kind == NODE_MAP ? "an object" : "an array";
    return v->type == JSON_TYPE_STRING ? arena_printf(a, "\"%.*s\"", SHOWN_MAX, n->text) : n->text;
}

static void read_value(struct arena *a, const struct node *n, struct schema_value *ret)
{
    if (n->kind == NODE_SCALAR) {
        ret->scalar = expect_literal(n->text, n->plain);
        ret->shown = shown(a, n, &ret->scalar);
        return;
    }
    bool map = n->kind == NODE_MAP;
    *ret = (struct schema_value){.scalar.type = map ? JSON_TYPE_OBJECT : JSON_TYPE_ARRAY,
                                 .shown = shown(a, n, NULL),
                                 .n = n->n};
    ret->items = arena_alloc(a, (n->n + 1) * sizeof(*ret->items));
    ret->keys = map ? arena_alloc(a, (n->n + 1) * sizeof(*ret->keys)) : NULL;
    for (size_t i = 0; i < n->n; i++) {
        if (map)
            ret->keys[i] = n->items[2 * i]->text;
        read_value(a, map ? n->items[2 * i + 1] : n->items[i], &ret->items[i]);
    }
}

static void read_values(struct reading *r, const struct node *const *nodes, size_t n,
                        struct schema_values *ret)
{
    ret->at = arena_alloc(r->c->arena, (n + 1) * sizeof(*ret->at));
    for (; ret->n < n; ret->n++)
        read_value(r->c->arena, nodes[ret->n], &ret->at[ret->n]);
}

/* ---- keywords ------------------------------------------------------------------------- */

static void read_enum(struct reading *r, const struct node *n, struct schema *s)
{
    if (n->kind != NODE_SEQ || n->n == 0)
        wrong(r, n, "enum", "a list of values");
    else
        read_values(r, (const struct node *const *)n->items, n->n, &s->one_of);
}

static void read_const(struct reading *r, const struct node *n, struct schema *s)
{
    read_values(r, &n, 1, &s->constant);
}

static unsigned type_bit(const char *name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } types[] = {
        {"null", TYPE_NULL},     {"boolean", TYPE_BOOLEAN}, {"object", TYPE_OBJECT},
        {"array", TYPE_ARRAY},   {"number", TYPE_NUMBER},   {"integer", TYPE_INTEGER},
        {"string", TYPE_STRING},
    };
    for (size_t i = 0; i < countof(types); i++) {
        if (str_eq(types[i].name, name))
            return types[i].bit;
    }
    return 0;
}

static void read_type(struct reading *r, const struct node *n, struct schema *s)
{
    size_t count = n->kind == NODE_SEQ ? n->n : 1;
    if (count == 0)
        wrong(r, n, "type", "a type or a list of them");
    for (size_t i = 0; i < count; i++) {
        const struct node *item = n->kind == NODE_SEQ ? n->items[i] : n;
        unsigned bit = item->kind == NODE_SCALAR ? type_bit(item->text) : 0;
        if (!bit) {
            wrong(r, item, "type", "null, boolean, object, array, number, integer or string");
            return;
        }
        s->types |= bit;
        s->types_text = s->types_text
                            ? arena_printf(r->c->arena, "%s or %s", s->types_text, item->text)
                            : item->text;
    }
}

static void read_properties(struct reading *r, const struct node *n, struct schema *s)
{
    if (n->kind != NODE_MAP) {
        wrong(r, n, "properties", "a mapping of names to schemas");
        return;
    }
    s->properties = arena_alloc(r->c->arena, (n->n + 1) * sizeof(*s->properties));
    for (size_t i = 0; i < n->n; i++)
        s->properties[s->property_count++] =
            (struct schema_property){n->items[2 * i]->text, read_schema(r, n->items[2 * i + 1])};
}

static void read_required(struct reading *r, const struct node *n, struct schema *s)
{
    static const struct field list = {"schema: required", FIELD_STRING_LIST};
    if (n->kind != NODE_SEQ)
        wrong(r, n, "required", "a list of names");
    else
        decode_value(r->c, n, &list, &s->required);
}

static void read_additional(struct reading *r, const struct node *n, struct schema *s)
{
    s->additional = read_schema(r, n);
}

static void read_items(struct reading *r, const struct node *n, struct schema *s)
{
    s->items = read_schema(r, n);
}

static void read_any(struct reading *r, const struct node *n, struct schema *s)
{
    if (n->kind != NODE_SEQ || n->n == 0) {
        wrong(r, n, "anyOf", "a list of schemas");
        return;
    }
    s->any_of = arena_alloc(r->c->arena, n->n * sizeof(struct schema *));
    for (; s->any_count < n->n; s->any_count++)
        s->any_of[s->any_count] = read_schema(r, n->items[s->any_count]);
}

static void read_pattern(struct reading *r, const struct node *n, struct schema *s)
{
    if (n->kind != NODE_SCALAR || node_is_null(n)) {
        wrong(r, n, "pattern", "a regular expression");
        return;
    }
    s->pattern = n->text;
    s->pattern_pos = n->pos;
}

static void read_count(struct reading *r, const struct node *n, const char *keyword, int64_t *out)
{
    struct json_value v = n->kind == NODE_SCALAR ? expect_literal(n->text, n->plain)
                                                 : (struct json_value){.type = JSON_TYPE_ABSENT};
    if (v.type != JSON_TYPE_INT || v.i < 0)
        wrong(r, n, keyword, "a count like 3");
    else
        *out = v.i;
}

static void read_bound(struct reading *r, const struct node *n, const char *keyword,
                       struct schema_bound *out)
{
    struct json_value v = n->kind == NODE_SCALAR ? expect_literal(n->text, n->plain)
                                                 : (struct json_value){.type = JSON_TYPE_ABSENT};
    if (v.type != JSON_TYPE_INT && v.type != JSON_TYPE_REAL)
        wrong(r, n, keyword, "a number");
    else
        *out = (struct schema_bound){v, keyword};
}

static void read_nothing(struct reading *r, const struct node *n, struct schema *s)
{
    (void)r;
    (void)n;
    (void)s;
}

/* Either `read`, or where a count or a bound goes to. */
static const struct keyword {
    const char *name;
    void (*read)(struct reading *r, const struct node *n, struct schema *s);
    size_t count, bound; /* offsets in struct schema; 0: none */
} keywords[] = {
    {"type", read_type, 0, 0},
    {"enum", read_enum, 0, 0},
    {"const", read_const, 0, 0},
    {"properties", read_properties, 0, 0},
    {"required", read_required, 0, 0},
    {"additionalProperties", read_additional, 0, 0},
    {"items", read_items, 0, 0},
    {"anyOf", read_any, 0, 0},
    {"pattern", read_pattern, 0, 0},
    {"minItems", NULL, offsetof(struct schema, element_count.min), 0},
    {"maxItems", NULL, offsetof(struct schema, element_count.max), 0},
    {"minProperties", NULL, offsetof(struct schema, member_count.min), 0},
    {"maxProperties", NULL, offsetof(struct schema, member_count.max), 0},
    {"minLength", NULL, offsetof(struct schema, length.min), 0},
    {"maxLength", NULL, offsetof(struct schema, length.max), 0},
    {"minimum", NULL, 0, offsetof(struct schema, bounds[BOUND_MIN])},
    {"maximum", NULL, 0, offsetof(struct schema, bounds[BOUND_MAX])},
    {"exclusiveMinimum", NULL, 0, offsetof(struct schema, bounds[BOUND_ABOVE])},
    {"exclusiveMaximum", NULL, 0, offsetof(struct schema, bounds[BOUND_BELOW])},
    {"$schema", read_nothing, 0, 0},
    {"$id", read_nothing, 0, 0},
    {"$comment", read_nothing, 0, 0},
    {"title", read_nothing, 0, 0},
    {"description", read_nothing, 0, 0},
    {"default", read_nothing, 0, 0},
    {"examples", read_nothing, 0, 0},
};

/* Keywords of JSON Schema that are not among ours: no misspelling of one that is. */
static const char *const others[] = {"$ref",
                                     "$defs",
                                     "definitions",
                                     "allOf",
                                     "oneOf",
                                     "not",
                                     "if",
                                     "then",
                                     "else",
                                     "format",
                                     "multipleOf",
                                     "uniqueItems",
                                     "contains",
                                     "prefixItems",
                                     "patternProperties",
                                     "propertyNames",
                                     "dependencies",
                                     "$anchor",
                                     "dependentRequired",
                                     "dependentSchemas",
                                     "minContains",
                                     "maxContains",
                                     "additionalItems",
                                     "unevaluatedProperties",
                                     "contentSchema",
                                     "unevaluatedItems"};

static void unknown_keyword(struct reading *r, const struct node *key)
{
    const char *names[countof(keywords)];
    for (size_t i = 0; i < countof(others); i++) {
        if (str_eq(others[i], key->text)) {
            decode_error(r->c, key->pos,
                         "schema: '%s' is not in the part of JSON Schema that is understood; "
                         "nines.yaml(5) lists the keywords that are",
                         key->text);
            return;
        }
    }
    for (size_t i = 0; i < countof(keywords); i++)
        names[i] = keywords[i].name;
    const char *near = str_nearest(key->text, names, countof(keywords));
    if (near)
        decode_error(r->c, key->pos, "schema: unknown keyword '%.60s'; did you mean '%s'?",
                     key->text, near);
    else
        decode_error(r->c, key->pos,
                     "schema: unknown keyword '%.60s'; nines.yaml(5) lists those that are "
                     "understood",
                     key->text);
}

static void read_keyword(struct reading *r, const struct node *key, const struct node *value,
                         struct schema *s)
{
    for (size_t i = 0; i < countof(keywords); i++) {
        const struct keyword *k = &keywords[i];
        if (!str_eq(k->name, key->text))
            continue;
        if (k->read)
            k->read(r, value, s);
        else if (k->count)
            read_count(r, value, k->name, (int64_t *)(void *)((char *)s + k->count));
        else
            read_bound(r, value, k->name, (struct schema_bound *)(void *)((char *)s + k->bound));
        return;
    }
    unknown_keyword(r, key);
}

/* ---- schemas ------------------------------------------------------------------------------ */

static void check_limits(struct reading *r, const struct node *n, struct schema_limits l,
                         const char *max)
{
    if (l.min >= 0 && l.max >= 0 && l.min > l.max)
        decode_error(r->c, node_get(n, max)->pos,
                     "schema: %s: nothing has at least %lld and at "
                     "most %lld",
                     max, (long long)l.min, (long long)l.max);
}

static bool has_property(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->property_count; i++) {
        if (str_eq(s->properties[i].name, name))
            return true;
    }
    return false;
}

static void check_required(struct reading *r, const struct node *n, const struct schema *s)
{
    for (size_t i = 0; s->additional && s->additional->never && i < s->required.n; i++) {
        if (!has_property(s, s->required.at[i]))
            decode_error(r->c, node_get(n, "required")->pos,
                         "schema: required: '%.60s' is not among the properties, and there may be "
                         "no others",
                         s->required.at[i]);
    }
}

static struct schema *new_schema(struct reading *r, const struct node *n)
{
    struct answer_schema *into = r->into;
    if (r->depth > SCHEMA_DEPTH_MAX || into->n == SCHEMA_NODES_MAX) {
        if (r->depth > SCHEMA_DEPTH_MAX)
            decode_error(r->c, n->pos, "schema: at most %d schemas within each other",
                         SCHEMA_DEPTH_MAX);
        else
            decode_error(r->c, n->pos, "schema: at most %d schemas", SCHEMA_NODES_MAX);
        return NULL;
    }
    struct schema *s = arena_alloc(r->c->arena, sizeof(*s));
    s->element_count = s->member_count = s->length = (struct schema_limits){-1, -1};
    into->all[into->n++] = s;
    return s;
}

/* NULL: reported. */
static const struct schema *read_schema(struct reading *r, const struct node *n)
{
    bool yes = n->kind == NODE_SCALAR && n->plain && str_eq(n->text, "true");
    bool no = n->kind == NODE_SCALAR && n->plain && str_eq(n->text, "false");
    if (n->kind != NODE_MAP && !yes && !no) {
        char found[FOUND_MAX];
        decode_error(r->c, n->pos,
                     "schema: expected a mapping like {type: object}, true or false; "
                     "found %s",
                     decode_found(n, found));
        return NULL;
    }
    r->depth++;
    struct schema *s = new_schema(r, n);
    for (size_t i = 0; s && n->kind == NODE_MAP && i < n->n; i++)
        read_keyword(r, n->items[2 * i], n->items[2 * i + 1], s);
    r->depth--;
    if (!s)
        return NULL;
    s->never = no;
    check_limits(r, n, s->element_count, "maxItems");
    check_limits(r, n, s->member_count, "maxProperties");
    check_limits(r, n, s->length, "maxLength");
    check_required(r, n, s);
    return s;
}

struct answer_schema *answer_schema_decode(struct decode *c, const struct node *n)
{
    size_t errors = c->diag->errors;
    struct reading r = {.c = c, .into = arena_alloc(c->arena, sizeof(*r.into))};
    r.into->root = read_schema(&r, n);
    return c->diag->errors == errors ? r.into : NULL;
}

void answer_schema_compile(struct decode *c, struct answer_schema *s)
{
    struct err err;
    for (size_t i = 0; i < s->n; i++) {
        struct schema *one = s->all[i];
        if (one->pattern && regex_compile(one->pattern, &one->re, &err) < 0)
            decode_error(c, one->pattern_pos, "schema: pattern: %s", err.msg);
    }
}

void answer_schema_release(struct answer_schema *s)
{
    for (size_t i = 0; i < s->n; i++) {
        regex_free(s->all[i]->re);
        s->all[i]->re = NULL;
    }
}
