/* What a condition says of the newest scrape. */
#include "model/expr_internal.h"

#include "base/str.h"
#include "base/units.h"
#include "model/history.h"
#include "model/selector.h"
#include "model/series.h"

#include <math.h>

/* Why a value is not known. */
enum gap { GAP_NONE, GAP_ABSENT, GAP_YOUNG, GAP_ZERO, GAP_NAN, GAP_NO_INF, GAP_EMPTY };

struct ask {
    const struct expr *expr;
    struct history *history;
    int64_t now_us;
    enum gap gap;
    const char *of; /* the selector that it is about */
};

static double unknown(struct ask *a, enum gap gap, const char *of)
{
    if (a->gap == GAP_NONE) {
        a->gap = gap;
        a->of = of;
    }
    return NAN;
}

/* ---- terms over the newest values ---------------------------------------- */

struct fold {
    double sum, min, max;
    size_t n;
};

static void on_value(void *ctx, const char *series, double v)
{
    struct fold *f = ctx;
    (void)series;
    f->min = f->n == 0 || v < f->min ? v : f->min;
    f->max = f->n == 0 || v > f->max ? v : f->max;
    f->sum += v;
    f->n++;
}

static double age_of(const struct ask *a, double timestamp)
{
    return (double)a->now_us / USEC_PER_SEC - timestamp;
}

static double fold(struct ask *a, const struct node *n)
{
    struct fold f = {0};
    if (n->kind == NODE_CHANGE)
        history_changes(a->history, n->selector, on_value, &f);
    else
        history_values(a->history, n->selector, on_value, &f);
    if (f.n == 0) {
        bool there = n->kind == NODE_CHANGE && history_values(a->history, n->selector, NULL, NULL);
        return unknown(a, there ? GAP_YOUNG : GAP_ABSENT, n->text);
    }
    switch (n->kind) {
    case NODE_MIN:
        return f.min;
    case NODE_MAX:
        return f.max;
    case NODE_AVG:
        return f.sum / (double)f.n;
    case NODE_COUNT:
        return (double)f.n;
    case NODE_AGE:
        return (double)f.n * age_of(a, 0) - f.sum;
    default:
        return f.sum;
    }
}

/* ---- terms over growth --------------------------------------------------- */

static bool is_young(const struct growth *g, int64_t window_us)
{
    return g->from_us == g->to_us || (window_us > 0 && g->from_us > g->to_us - window_us);
}

static bool any_series(const struct ask *a)
{
    for (size_t i = 0; i < a->expr->selector_count; i++)
        if (history_values(a->history, a->expr->selectors[i], NULL, NULL) > 0)
            return true;
    return false;
}

static double growth(struct ask *a, const struct node *n)
{
    struct growth g = n->window_us ? history_growth(a->history, n->selector, n->window_us)
                                   : history_step(a->history, n->selector);
    bool absent = n->window_us ? g.known == 0 : g.series == 0;
    if (absent && !any_series(a))
        return unknown(a, GAP_ABSENT, n->text);
    if (is_young(&g, n->window_us))
        return unknown(a, GAP_YOUNG, n->text);
    double seconds = (double)(g.to_us - g.from_us) / USEC_PER_SEC;
    return n->kind == NODE_RATE ? g.by / seconds : g.by;
}

struct buckets {
    double le[HISTORY_BUCKETS_MAX], count[HISTORY_BUCKETS_MAX]; /* cumulative */
    size_t n;
    struct growth last;
};

static void on_bucket(void *ctx, double le, const struct growth *g)
{
    struct buckets *b = ctx;
    /* A page that was cut while it was counted may fall: it never should. */
    double before = b->n ? b->count[b->n - 1] : 0;
    b->le[b->n] = le;
    b->count[b->n] = g->by > before ? g->by : before;
    b->n++;
    b->last = *g;
}

/* Linear inside a bucket; the first one begins at 0, and what lies in the last
 * is told by where that begins. */
static double quantile_of(const struct buckets *b, double q)
{
    double rank = q * b->count[b->n - 1];
    size_t i = 0;
    while (i < b->n - 1 && b->count[i] < rank)
        i++;
    if (i == b->n - 1)
        return b->le[b->n - 2];
    if (i == 0 && b->le[0] <= 0)
        return b->le[0];
    double start = i ? b->le[i - 1] : 0, below = i ? b->count[i - 1] : 0;
    double inside = b->count[i] - below;
    return inside > 0 ? start + (b->le[i] - start) * ((rank - below) / inside) : start;
}

static double quantile(struct ask *a, const struct node *n)
{
    struct buckets b;
    b.n = 0;
    history_buckets(a->history, n->selector, n->window_us, on_bucket, &b);
    if (b.n == 0)
        return unknown(a, GAP_ABSENT, n->text);
    if (is_young(&b.last, n->window_us))
        return unknown(a, GAP_YOUNG, n->text);
    if (b.n < 2 || b.le[b.n - 1] != INFINITY)
        return unknown(a, GAP_NO_INF, n->text);
    if (b.count[b.n - 1] <= 0)
        return unknown(a, GAP_EMPTY, n->text);
    return quantile_of(&b, n->number);
}

/* ---- arithmetic ---------------------------------------------------------- */

static double value_of(struct ask *a, const struct node *n);

static double divide(struct ask *a, double x, double y)
{
    return y == 0 ? unknown(a, GAP_ZERO, NULL) : x / y;
}

static double value_of(struct ask *a, const struct node *n)
{
    switch (n->kind) {
    case NODE_NUMBER:
        return n->number;
    case NODE_RATE:
    case NODE_INCREASE:
        return growth(a, n);
    case NODE_QUANTILE:
        return quantile(a, n);
    case NODE_NEGATE:
        return -value_of(a, n->left);
    case NODE_ADD:
        return value_of(a, n->left) + value_of(a, n->right);
    case NODE_SUBTRACT:
        return value_of(a, n->left) - value_of(a, n->right);
    case NODE_MULTIPLY:
        return value_of(a, n->left) * value_of(a, n->right);
    case NODE_DIVIDE:
        return divide(a, value_of(a, n->left), value_of(a, n->right));
    default:
        return fold(a, n);
    }
}

static bool holds(const struct expr *e, double v)
{
    switch (e->op) {
    case OP_EQ:
        return v == e->limit;
    case OP_NE:
        return v != e->limit;
    case OP_LE:
        return v <= e->limit;
    case OP_GE:
        return v >= e->limit;
    case OP_LT:
        return v < e->limit;
    default:
        return v > e->limit;
    }
}

/* ---- what is told -------------------------------------------------------- */

static void tell(char *seen, size_t size, const char *series, double v, size_t more)
{
    char number[SERIES_NUMBER_MAX], others[48] = "";
    /* Twelve digits: 0.30000000000000004 is nobody's value. */
    snprintf(number, sizeof(number), "%.11e", v);
    series_number_text(number, strtod(number, NULL));
    if (more > 0)
        snprintf(others, sizeof(others), " and %zu more", more);
    if (size > 0)
        snprintf(seen, size, "%s%s%s%s", series, *series ? " " : "", number, others);
}

static void tell_gap(const struct ask *a, char *seen, size_t size)
{
    static const char *const texts[] = {
        [GAP_NONE] = "no value",
        [GAP_ABSENT] = "there is no series",
        [GAP_YOUNG] = "not enough scrapes yet for",
        [GAP_ZERO] = "a division by zero",
        [GAP_NAN] = "no number",
        [GAP_NO_INF] = "there is no bucket le=\"+Inf\" of",
        [GAP_EMPTY] = "nothing was observed by",
    };
    if (size > 0)
        snprintf(seen, size, "%s%s%s", texts[a->gap], a->of ? " " : "", a->of ? a->of : "");
}

/* Each series on its own. */
struct each {
    const struct ask *ask;
    bool is_age;
    size_t n, bad;
    double value; /* of the first one that fails, else the first one */
    char series[SAMPLE_SERIES_MAX];
};

static void on_each(void *ctx, const char *series, double v)
{
    struct each *each = ctx;
    v = each->is_age ? age_of(each->ask, v) : v;
    bool bad = !holds(each->ask->expr, v);
    each->n++;
    each->bad += bad;
    if (each->n == 1 || (bad && each->bad == 1)) {
        each->value = v;
        str_copy(each->series, sizeof(each->series), series);
    }
}

static enum expr_answer ask_each(struct ask *a, char *seen, size_t size)
{
    const struct node *n = a->expr->left;
    struct each each = {.ask = a, .is_age = n->kind == NODE_AGE};
    if (n->kind == NODE_CHANGE)
        history_changes(a->history, n->selector, on_each, &each);
    else
        history_values(a->history, n->selector, on_each, &each);
    if (each.n == 0) {
        fold(a, n); /* says why */
        tell_gap(a, seen, size);
        return EXPR_UNKNOWN;
    }
    tell(seen, size, each.series, each.value, (each.bad ? each.bad : each.n) - 1);
    return each.bad ? EXPR_FAILS : EXPR_HOLDS;
}

static enum expr_answer ask_value(struct ask *a, char *seen, size_t size)
{
    double v = value_of(a, a->expr->left);
    if (isnan(v)) {
        unknown(a, GAP_NAN, NULL);
        tell_gap(a, seen, size);
        return EXPR_UNKNOWN;
    }
    tell(seen, size, "", v, 0);
    return holds(a->expr, v) ? EXPR_HOLDS : EXPR_FAILS;
}

static enum expr_answer ask_presence(struct ask *a, char *seen, size_t size)
{
    const struct selector *s = a->expr->subject;
    size_t n = history_values(a->history, s, NULL, NULL);
    if (size > 0)
        snprintf(seen, size, "%zu series", n);
    return (n > 0) == (a->expr->kind == EXPR_PRESENT) ? EXPR_HOLDS : EXPR_FAILS;
}

static bool is_vector(const struct node *n)
{
    return n->kind == NODE_SERIES || n->kind == NODE_AGE || n->kind == NODE_CHANGE;
}

enum expr_answer expr_ask(const struct expr *e, struct history *h, int64_t now_us, char *seen,
                          size_t size)
{
    struct ask a = {.expr = e, .history = h, .now_us = now_us};
    if (history_scrapes(h) == 0) {
        if (size > 0)
            str_copy(seen, size, "no scrape yet");
        return EXPR_UNKNOWN;
    }
    if (e->kind != EXPR_COMPARES)
        return ask_presence(&a, seen, size);
    return is_vector(e->left) ? ask_each(&a, seen, size) : ask_value(&a, seen, size);
}
