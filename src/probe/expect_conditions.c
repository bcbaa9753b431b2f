/* Conditions on texts and JSON values, from YAML to struct check. */
#include "probe/expect.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <math.h>

#define ON_HEADER (1u << CHECK_HEADER)
#define ON_BODY (1u << CHECK_BODY)
#define ON_JSON (1u << CHECK_JSON)
#define ON_ANSWER (1u << CHECK_ANSWER)
#define ON_ALL (ON_HEADER | ON_BODY | ON_JSON | ON_ANSWER)

/* What the operand of a condition has to be. */
enum operand {
    OPERAND_LITERAL,
    OPERAND_TEXT,
    OPERAND_NUMBER,
    OPERAND_BOOL,
    OPERAND_TYPE,
    OPERAND_LENGTH
};

static const struct written {
    const char *name;
    enum check_op op;
    enum operand operand;
    unsigned on;
    bool list; /* may be several: all must hold */
} conditions[] = {
    {"equals", OP_EQ, OPERAND_LITERAL, ON_HEADER | ON_JSON | ON_ANSWER, false},
    {"not", OP_NE, OPERAND_LITERAL, ON_HEADER | ON_JSON, true},
    {"lt", OP_LT, OPERAND_NUMBER, ON_JSON, false},
    {"lte", OP_LE, OPERAND_NUMBER, ON_JSON, false},
    {"gt", OP_GT, OPERAND_NUMBER, ON_JSON, false},
    {"gte", OP_GE, OPERAND_NUMBER, ON_JSON, false},
    {"contains", OP_CONTAINS, OPERAND_LITERAL, ON_ALL, true},
    {"not_contains", OP_LACKS, OPERAND_LITERAL, ON_ALL, true},
    {"matches", OP_LIKE, OPERAND_TEXT, ON_ALL, true},
    {"not_matches", OP_UNLIKE, OPERAND_TEXT, ON_ALL, true},
    {"present", OP_PRESENT, OPERAND_BOOL, ON_HEADER | ON_JSON, false},
    {"type", OP_TYPE, OPERAND_TYPE, ON_JSON, false},
    {"length", OP_EQ, OPERAND_LENGTH, ON_JSON, false},
};

/* Where conditions of one header, path or body go to. */
struct draft {
    struct decode *c;
    struct check_list *list;
    enum check_kind kind;
    const char *subject;
};

/* ---- operands ------------------------------------------------------------------ */

/* Digits as JSON writes numbers, so that 08 and 1_000 stay texts. */
static bool looks_numeric(const char *p)
{
    p += *p == '-';
    if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    return p[strspn(p, "0123456789.eE+-")] == '\0';
}

static bool parse_number(const char *text, struct json_value *ret)
{
    if (!looks_numeric(text))
        return false;
    char *end = NULL;
    errno = 0;
    long long i = strtoll(text, &end, 10);
    if (*end == '\0' && errno == 0) {
        *ret = (struct json_value){.type = JSON_TYPE_INT, .i = i, .r = (double)i};
        return true;
    }
    double r = strtod(text, &end);
    if (*end != '\0' || !isfinite(r))
        return false;
    *ret = (struct json_value){.type = JSON_TYPE_REAL, .r = r};
    return true;
}

struct json_value expect_literal(const char *text, bool plain)
{
    struct json_value v = {.type = JSON_TYPE_STRING};
    if (plain && (str_eq(text, "null") || str_eq(text, "~") || str_eq(text, "")))
        v.type = JSON_TYPE_NULL;
    else if (plain && (str_eq(text, "true") || str_eq(text, "false")))
        v = (struct json_value){.type = JSON_TYPE_BOOL, .i = str_eq(text, "true")};
    else if (plain)
        (void)parse_number(text, &v);
    v.text = text;
    v.text_len = strlen(text);
    return v;
}

/* "< 5", ">= 10": sets the operator, returns what follows it; NULL if there is
 * none. */
static const char *comparison(const char *text, enum check_op *ret)
{
    static const struct {
        const char *sign;
        enum check_op op;
    } signs[] = {{"<=", OP_LE}, {">=", OP_GE}, {"!=", OP_NE}, {"<", OP_LT}, {">", OP_GT}};
    for (size_t i = 0; i < countof(signs); i++) {
        if (!str_starts(text, signs[i].sign))
            continue;
        *ret = signs[i].op;
        text += strlen(signs[i].sign);
        return text + strspn(text, " ");
    }
    return NULL;
}

static bool known_type(const char *text)
{
    static const char *const types[] = {"null",   "bool",  "number", "integer",
                                        "string", "array", "object"};
    for (size_t i = 0; i < countof(types); i++) {
        if (str_eq(text, types[i]))
            return true;
    }
    return false;
}

/* ---- checks ---------------------------------------------------------------------- */

static const char *quoted(struct arena *a, const struct json_value *v)
{
    return v->type == JSON_TYPE_STRING ? arena_printf(a, "\"%s\"", v->text) : v->text;
}

static const char *subject_text(const struct draft *d)
{
    if (d->kind == CHECK_HEADER)
        return arena_printf(d->c->arena, "header %s", d->subject);
    if (d->kind == CHECK_ANSWER)
        return "answer";
    return d->kind == CHECK_BODY ? "body" : d->subject;
}

static const char *describe(const struct draft *d, const struct check *ch)
{
    static const char *const words[] = {
        [OP_EQ] = "=",
        [OP_NE] = "!=",
        [OP_LT] = "<",
        [OP_LE] = "<=",
        [OP_GT] = ">",
        [OP_GE] = ">=",
        [OP_CONTAINS] = "containing",
        [OP_LACKS] = "without",
        [OP_LIKE] = "like",
        [OP_UNLIKE] = "unlike",
        [OP_TYPE] = "of type",
    };
    struct arena *a = d->c->arena;
    const char *subject = subject_text(d);
    if (ch->op == OP_PRESENT)
        return subject;
    if (ch->op == OP_ABSENT)
        return arena_printf(a, "no %s", subject);
    if (ch->op == OP_LIKE || ch->op == OP_UNLIKE)
        return arena_printf(a, "%s %s /%s/", subject, words[ch->op], ch->want.text);
    return arena_printf(a, "%s%s %s %s", subject, ch->of_length ? " length" : "", words[ch->op],
                        ch->op == OP_TYPE ? ch->want.text : quoted(a, &ch->want));
}

static void add(const struct draft *d, struct pos pos, struct check ch)
{
    struct check_list *l = d->list;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 1; /* mostly */
        struct check *at = arena_alloc(d->c->arena, cap * sizeof(*at));
        if (l->n)
            memcpy(at, l->at, l->n * sizeof(*at));
        l->at = at;
        l->cap = cap;
    }
    ch.kind = d->kind;
    ch.subject = d->subject;
    ch.pos = pos;
    ch.what = describe(d, &ch);
    l->at[l->n++] = ch;
}

static void add_length(const struct draft *d, const struct node *n)
{
    struct check ch = {.op = OP_EQ, .of_length = true};
    const char *rest = comparison(n->text, &ch.op);
    if (!parse_number(rest ? rest : n->text, &ch.want) || ch.want.type != JSON_TYPE_INT) {
        diag_error(d->c->diag, n->pos, "expected a length like 3 or \"> 0\"; found '%s'", n->text);
        return;
    }
    ch.want.text = rest ? rest : n->text;
    add(d, n->pos, ch);
}

static void add_condition(const struct draft *d, const struct written *cond, const struct node *n)
{
    struct check ch = {.op = cond->op};
    struct diag *diag = d->c->diag;
    bool typed = n->plain && d->kind == CHECK_JSON && cond->operand != OPERAND_TEXT;
    ch.want = expect_literal(n->text, typed);
    switch (cond->operand) {
    case OPERAND_LENGTH:
        add_length(d, n);
        return;
    case OPERAND_NUMBER:
        if (!parse_number(n->text, &ch.want)) {
            diag_error(diag, n->pos, "'%s' expects a number; found '%s'", cond->name, n->text);
            return;
        }
        ch.want.text = n->text;
        break;
    case OPERAND_BOOL:
        if (!str_eq(n->text, "true") && !str_eq(n->text, "false")) {
            diag_error(diag, n->pos, "'%s' expects true or false; found '%s'", cond->name, n->text);
            return;
        }
        ch.op = str_eq(n->text, "true") ? OP_PRESENT : OP_ABSENT;
        break;
    case OPERAND_TYPE:
        ch.want = expect_literal(n->text, false);
        if (!known_type(n->text)) {
            diag_error(diag, n->pos,
                       "expected a type: null, bool, number, integer, string, array "
                       "or object; found '%s'",
                       n->text);
            return;
        }
        break;
    case OPERAND_LITERAL:
    case OPERAND_TEXT:
        if (cond->list && d->kind != CHECK_JSON && !n->text[0]) {
            diag_error(diag, n->pos, "'%s' expects a text that is not empty", cond->name);
            return;
        }
        break;
    }
    add(d, n->pos, ch);
}

static const struct written *find_condition(const struct draft *d, const struct node *key)
{
    const char *names[countof(conditions)];
    size_t n = 0;
    for (size_t i = 0; i < countof(conditions); i++) {
        if (!(conditions[i].on & (1u << d->kind)))
            continue;
        if (str_eq(conditions[i].name, key->text))
            return &conditions[i];
        names[n++] = conditions[i].name;
    }
    const char *near = str_nearest(key->text, names, n);
    if (near)
        diag_error(d->c->diag, key->pos, "unknown condition '%s'; did you mean '%s'?", key->text,
                   near);
    else
        diag_error(d->c->diag, key->pos, "unknown condition '%s'", key->text);
    return NULL;
}

static void decode_conditions(const struct draft *d, const struct node *map)
{
    if (map->n == 0)
        diag_error(d->c->diag, map->pos, "expected at least one condition");
    for (size_t i = 0; i < map->n; i++) {
        const struct written *cond = find_condition(d, map->items[2 * i]);
        const struct node *v = map->items[2 * i + 1];
        if (!cond)
            continue;
        if (v->kind == NODE_SCALAR) {
            add_condition(d, cond, v);
            continue;
        }
        bool list = cond->list && v->kind == NODE_SEQ && v->n > 0;
        for (size_t k = 0; list && k < v->n; k++)
            list = v->items[k]->kind == NODE_SCALAR;
        if (!list)
            diag_error(d->c->diag, v->pos, "'%s' expects %s", cond->name,
                       cond->list ? "a value or a list of values" : "one value");
        for (size_t k = 0; list && k < v->n; k++)
            add_condition(d, cond, v->items[k]);
    }
}

/* ---- the blocks -------------------------------------------------------------- */

static bool is_map(struct decode *c, const struct node *n, const char *form)
{
    if (n->kind == NODE_MAP)
        return true;
    diag_error(c->diag, n->pos, "expected %s", form);
    return false;
}

void expect_decode_body(struct decode *c, const struct node *n, void *list)
{
    struct draft d = {.c = c, .list = list, .kind = CHECK_BODY};
    if (is_map(c, n, "conditions like {contains: ready}"))
        decode_conditions(&d, n);
}

void expect_decode_answer(struct decode *c, const struct node *n, void *list)
{
    struct draft d = {.c = c, .list = list, .kind = CHECK_ANSWER};
    if (is_map(c, n, "conditions like {contains: ready}"))
        decode_conditions(&d, n);
}

void expect_decode_headers(struct decode *c, const struct node *n, void *list)
{
    if (!is_map(c, n, "a map of header names to conditions"))
        return;
    for (size_t i = 0; i < n->n; i++) {
        const struct node *v = n->items[2 * i + 1];
        struct draft d = {c, list, CHECK_HEADER, n->items[2 * i]->text};
        if (v->kind == NODE_MAP)
            decode_conditions(&d, v);
        else if (v->kind == NODE_SCALAR)
            add(&d, v->pos, (struct check){.op = OP_EQ, .want = expect_literal(v->text, false)});
        else
            diag_error(c->diag, v->pos, "expected a text or conditions like {matches: ...}");
    }
}

/* `$.x: healthy`, `$.x: 3`, `$.x: "< 5"`. */
static void decode_json_scalar(const struct draft *d, const struct node *n)
{
    struct check ch = {.op = OP_EQ, .want = expect_literal(n->text, n->plain)};
    const char *rest = comparison(n->text, &ch.op);
    if (rest && ch.op == OP_NE) {
        ch.want = expect_literal(rest, true);
    } else if (rest) {
        if (!parse_number(rest, &ch.want)) {
            diag_error(d->c->diag, n->pos,
                       "expected a number after '<' or '>'; found '%s' "
                       "(to compare with this text itself write {equals: ...})",
                       n->text);
            return;
        }
        ch.want.text = rest;
    }
    add(d, n->pos, ch);
}

void expect_decode_json(struct decode *c, const struct node *n, void *list)
{
    if (!is_map(c, n, "a map of JSON paths to conditions, like $.status: healthy"))
        return;
    for (size_t i = 0; i < n->n; i++) {
        const struct node *key = n->items[2 * i], *v = n->items[2 * i + 1];
        struct draft d = {c, list, CHECK_JSON, key->text};
        struct err err;
        if (jsonpath_check(key->text, &err) < 0)
            diag_error(c->diag, key->pos, "%s", err.msg);
        else if (v->kind == NODE_MAP)
            decode_conditions(&d, v);
        else if (v->kind == NODE_SCALAR)
            decode_json_scalar(&d, v);
        else
            diag_error(c->diag, v->pos, "expected a value or conditions like {contains: ...}");
    }
}
