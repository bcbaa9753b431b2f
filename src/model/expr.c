/* Reading conditions: recursive descent, one function for each level. */
#include "model/expr_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/lex.h"
#include "model/selector.h"
#include "model/series.h"

struct parser {
    struct lex lex;
    struct arena *arena;
    struct expr *expr;
    int nodes, depth;
    struct err *err;
};

/* What may stand before a parenthesis. */
struct function {
    const char *name;
    enum node_kind kind;
    bool window;     /* takes a [range] */
    bool looks_back; /* at the scrape before */
};

static const struct function functions[] = {
    {"sum", NODE_SUM, false, false},         {"min", NODE_MIN, false, false},
    {"max", NODE_MAX, false, false},         {"avg", NODE_AVG, false, false},
    {"count", NODE_COUNT, false, false},     {"rate", NODE_RATE, true, true},
    {"increase", NODE_INCREASE, true, true}, {"change", NODE_CHANGE, false, true},
    {"age", NODE_AGE, false, false},         {"quantile", NODE_QUANTILE, true, true},
};

const char *expr_function_name(enum node_kind kind)
{
    for (size_t i = 0; i < countof(functions); i++)
        if (functions[i].kind == kind)
            return functions[i].name;
    return NULL;
}

static struct node *new_node(struct parser *p, enum node_kind kind)
{
    if (++p->nodes > EXPR_NODES_MAX) {
        err_set(p->err, "more than %d terms and operators", EXPR_NODES_MAX);
        return NULL;
    }
    struct node *n = arena_alloc(p->arena, sizeof(*n));
    n->kind = kind;
    return n;
}

static struct node *expected(struct parser *p, const char *what)
{
    lex_expected(&p->lex, what, p->err);
    return NULL;
}

/* ---- terms --------------------------------------------------------------- */

static struct node *parse_sum(struct parser *p);

/* The same selector once, however often it is named. */
static const struct selector *use(struct parser *p, const struct selector *s)
{
    struct expr *e = p->expr;
    for (size_t i = 0; i < e->selector_count; i++)
        if (strcmp(selector_text(e->selectors[i]), selector_text(s)) == 0)
            return e->selectors[i];
    if (e->selector_count == EXPR_SELECTORS_MAX) {
        err_set(p->err, "more than %d different selectors", EXPR_SELECTORS_MAX);
        return NULL;
    }
    e->selectors[e->selector_count++] = s;
    return s;
}

static const struct selector *parse_selector(struct parser *p)
{
    const struct selector *s;
    if (lex_selector(&p->lex, p->arena, &s, p->err) < 0)
        return NULL;
    if (strlen(selector_text(s)) > SELECTOR_TEXT_MAX) {
        err_set(p->err, "a selector of more than %d bytes", SELECTOR_TEXT_MAX);
        return NULL;
    }
    return s;
}

/* [5m], behind a selector. */
static int parse_window(struct parser *p, struct node *n)
{
    char text[UNITS_MAX];
    struct lex *l = &p->lex;
    if (!lex_take(l, "["))
        return 0;
    lex_peek(l);
    size_t start = l->at;
    while (l->at < l->n && l->text[l->at] != ']' && l->at - start < sizeof(text) - 1)
        l->at++;
    memcpy(text, l->text + start, l->at - start);
    text[l->at - start] = '\0';
    if (l->at >= l->n || l->text[l->at] != ']')
        return lex_expected(l, "']' behind a duration", p->err);
    size_t end = l->at + 1;
    l->at = start;
    if (units_parse_duration(text, &n->window_us, p->err) < 0)
        return -1;
    if (n->window_us > EXPR_WINDOW_MAX_US)
        return err_set(p->err, "a window of more than 24h");
    l->at = end;
    if (n->window_us > p->expr->window_us)
        p->expr->window_us = n->window_us;
    return 0;
}

/* Which quantile, and the comma behind. */
static int parse_rank(struct parser *p, struct node *n)
{
    lex_peek(&p->lex);
    size_t start = p->lex.at;
    if (expr_number(&p->lex, false, &n->number, p->err) < 0)
        return -1;
    if (n->number > 1) {
        p->lex.at = start;
        return err_set(p->err, "a quantile is between 0 and 1, as 0.95 or 95%%");
    }
    return lex_take(&p->lex, ",") ? 0 : lex_expected(&p->lex, "','", p->err);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* A histogram may be named by itself or by its buckets. */
static const struct selector *buckets_of(struct parser *p, const struct selector *s,
                                         const char **ret_text)
{
    const char *name = selector_name(s);
    if (!name || selector_names(s, "le")) {
        err_set(p->err, name ? "a quantile looks at all buckets: leave out le"
                             : "a quantile needs the name of a histogram");
        return NULL;
    }
    size_t len = strlen(name) - (ends_with(name, "_bucket") ? strlen("_bucket") : 0);
    const char *base = arena_strndup(p->arena, name, len);
    *ret_text = selector_text(selector_rename(p->arena, s, base));
    return selector_rename(p->arena, s, arena_printf(p->arena, "%s_bucket", base));
}

static int parse_subject(struct parser *p, const struct function *f, struct node *n)
{
    lex_peek(&p->lex);
    size_t start = p->lex.at;
    const struct selector *s = parse_selector(p);
    if (!s)
        return -1;
    size_t behind = p->lex.at;
    p->lex.at = start; /* where the next errors belong to */
    n->text = selector_text(s);
    if (n->kind == NODE_QUANTILE)
        s = buckets_of(p, s, &n->text);
    n->selector = s ? use(p, s) : NULL;
    if (!n->selector)
        return -1;
    p->lex.at = behind;
    if (f->window)
        return parse_window(p, n);
    if (lex_peek(&p->lex) == '[')
        return err_set(p->err, "%s takes no window: only rate, increase and quantile do", f->name);
    return 0;
}

/* A name that a parenthesis follows: its length, 0 if there is none. */
static size_t call_span(struct parser *p)
{
    lex_peek(&p->lex);
    struct lex ahead = p->lex;
    size_t len = series_name_span(ahead.text + ahead.at, ahead.n - ahead.at);
    ahead.at += len;
    return len && lex_peek(&ahead) == '(' ? len : 0;
}

static const struct function *find_function(struct parser *p, size_t len)
{
    const char *names[countof(functions)], *near;
    char name[32] = "";
    for (size_t i = 0; i < countof(functions); i++) {
        names[i] = functions[i].name;
        if (strlen(names[i]) == len && memcmp(names[i], p->lex.text + p->lex.at, len) == 0)
            return &functions[i];
    }
    if (len < sizeof(name))
        memcpy(name, p->lex.text + p->lex.at, len);
    near = str_nearest(name, names, countof(names));
    err_set(
        p->err,
        "there is no function '%.*s'%s%s%s; there are sum min max avg count rate increase change "
        "age quantile, and present and absent in front",
        (int)(len < 60 ? len : 60), p->lex.text + p->lex.at, near ? " (did you mean '" : "",
        near ? near : "", near ? "'?)" : "");
    return NULL;
}

static struct node *parse_call(struct parser *p, size_t len)
{
    const struct function *f = find_function(p, len);
    struct node *n = f ? new_node(p, f->kind) : NULL;
    if (!n)
        return NULL;
    p->lex.at += len;
    lex_take(&p->lex, "(");
    size_t inner = f->kind == NODE_SUM ? call_span(p) : 0;
    if (inner > 0) {
        /* sum(rate(x)), as PromQL has it: rate() adds up already. */
        const struct function *g = find_function(p, inner);
        if (g && !(g->kind == NODE_RATE || g->kind == NODE_INCREASE))
            return expected(p, "a selector, rate or increase");
        n = g ? parse_call(p, inner) : NULL;
    } else if ((f->kind == NODE_QUANTILE && parse_rank(p, n) < 0) || parse_subject(p, f, n) < 0) {
        return NULL;
    }
    if (n && !lex_take(&p->lex, ")"))
        return expected(p, "')'");
    p->expr->looks_back |= f->looks_back;
    return n;
}

static struct node *parse_series(struct parser *p)
{
    static const struct function bare = {"a bare selector", NODE_SERIES, false, false};
    struct node *n = new_node(p, NODE_SERIES);
    return n && parse_subject(p, &bare, n) == 0 ? n : NULL;
}

static struct node *parse_literal(struct parser *p)
{
    struct node *n = new_node(p, NODE_NUMBER);
    return n && expr_number(&p->lex, false, &n->number, p->err) == 0 ? n : NULL;
}

static struct node *negate(struct parser *p, struct node *of)
{
    if (!of)
        return NULL;
    if (of->kind == NODE_NUMBER) {
        of->number = -of->number;
        return of;
    }
    struct node *n = new_node(p, NODE_NEGATE);
    if (n)
        n->left = of;
    return n;
}

static struct node *parse_term(struct parser *p);

static struct node *parse_nested(struct parser *p)
{
    struct node *n = NULL;
    if (++p->depth > EXPR_DEPTH_MAX) {
        err_set(p->err, "more than %d levels of parentheses", EXPR_DEPTH_MAX);
        return NULL;
    }
    if (lex_take(&p->lex, "-")) {
        n = negate(p, parse_term(p));
    } else if (lex_take(&p->lex, "(")) {
        n = parse_sum(p);
        if (n && !lex_take(&p->lex, ")"))
            return expected(p, "an operator or ')'");
    }
    p->depth--;
    return n;
}

static struct node *parse_term(struct parser *p)
{
    char c = lex_peek(&p->lex);
    if (c == '-' || c == '(')
        return parse_nested(p);
    if ((c >= '0' && c <= '9') || c == '.')
        return parse_literal(p);
    size_t len = call_span(p);
    if (len > 0)
        return parse_call(p, len);
    if (c == '{' || series_name_span(&c, 1) > 0)
        return parse_series(p);
    return expected(p, "a metric, a function, a number or '('");
}

/* ---- operators ----------------------------------------------------------- */

static struct node *binary(struct parser *p, enum node_kind kind, struct node *left,
                           struct node *right)
{
    struct node *n = right ? new_node(p, kind) : NULL;
    if (!n)
        return NULL;
    n->left = left;
    n->right = right;
    return n;
}

static struct node *parse_product(struct parser *p)
{
    struct node *n = parse_term(p);
    while (n) {
        char c = lex_peek(&p->lex);
        if (c != '*' && c != '/')
            return n;
        p->lex.at++;
        n = binary(p, c == '*' ? NODE_MULTIPLY : NODE_DIVIDE, n, parse_term(p));
    }
    return NULL;
}

static struct node *parse_sum(struct parser *p)
{
    struct node *n = parse_product(p);
    while (n) {
        char c = lex_peek(&p->lex);
        if (c != '+' && c != '-')
            return n;
        p->lex.at++;
        n = binary(p, c == '+' ? NODE_ADD : NODE_SUBTRACT, n, parse_product(p));
    }
    return NULL;
}

static int parse_comparison(struct parser *p)
{
    struct expr *e = p->expr;
    e->left = parse_sum(p);
    if (!e->left)
        return -1;
    if (e->selector_count == 0) {
        p->lex.at = 0;
        return err_set(p->err, "the condition looks at no metric");
    }
    for (e->op = OP_EQ; e->op < OP_COUNT; e->op++)
        if (lex_take(&p->lex, expr_op_text(e->op)))
            break;
    if (e->op == OP_COUNT)
        return lex_expected(&p->lex, "an operator or a comparison (== != < <= > >=)", p->err);
    bool negative = lex_take(&p->lex, "-");
    if (expr_number(&p->lex, true, &e->limit, p->err) < 0)
        return -1;
    e->limit = negative ? -e->limit : e->limit;
    return 0;
}

/* present(x) and absent(x); 0: it is neither. */
static int parse_presence(struct parser *p)
{
    size_t len = call_span(p);
    const char *name = p->lex.text + p->lex.at;
    bool present = len == 7 && memcmp(name, "present", len) == 0;
    bool absent = len == 6 && memcmp(name, "absent", len) == 0;
    if (!present && !absent)
        return 0;
    p->expr->kind = present ? EXPR_PRESENT : EXPR_ABSENT;
    p->lex.at += len;
    lex_take(&p->lex, "(");
    const struct selector *s = parse_selector(p);
    p->expr->subject = s ? use(p, s) : NULL;
    if (!p->expr->subject)
        return -1;
    return lex_take(&p->lex, ")") ? 1 : lex_expected(&p->lex, "')'", p->err);
}

static int parse_all(struct parser *p)
{
    if (p->lex.n > EXPR_TEXT_MAX)
        return err_set(p->err, "a condition of more than %d bytes", EXPR_TEXT_MAX);
    int rc = parse_presence(p);
    if (rc < 0 || (rc == 0 && parse_comparison(p) < 0))
        return -1;
    if (lex_peek(&p->lex) != '\0')
        return lex_expected(&p->lex, "the end of the condition", p->err);
    return 0;
}

int expr_parse(struct arena *a, const char *text, const struct expr **ret, size_t *ret_at,
               struct err *reterr)
{
    struct expr *e = arena_alloc(a, sizeof(*e));
    struct parser p = {.lex = {.text = text, .n = strlen(text)}, .arena = a, .expr = e};
    p.err = reterr;
    if (parse_all(&p) < 0) {
        if (ret_at)
            *ret_at = p.lex.at;
        return -1;
    }
    e->text = expr_make_text(a, e);
    *ret = e;
    return 0;
}

const char *expr_text(const struct expr *e)
{
    return e->text;
}

size_t expr_selectors(const struct expr *e, const struct selector *ret[static EXPR_SELECTORS_MAX])
{
    for (size_t i = 0; i < e->selector_count; i++)
        ret[i] = e->selectors[i];
    return e->selector_count;
}

int64_t expr_window_us(const struct expr *e)
{
    return e->window_us;
}

bool expr_looks_back(const struct expr *e)
{
    return e->looks_back;
}
