/* A condition written out, in one way only: equal ones have equal texts. */
#include "model/expr_internal.h"

#include "base/str.h"
#include "base/units.h"
#include "model/selector.h"
#include "model/series.h"

#include <assert.h>

/* Larger than any: a node is at most as long as its part of the source, but for
 * numbers, windows and selectors' values that are written longer. */
#define TEXT_MAX (EXPR_NODES_MAX * 64 + 4 * EXPR_TEXT_MAX)

const char *expr_op_text(enum expr_op op)
{
    static const char *const texts[OP_COUNT] = {
        [OP_EQ] = "==", [OP_NE] = "!=", [OP_LE] = "<=",
        [OP_GE] = ">=", [OP_LT] = "<",  [OP_GT] = ">",
    };
    return texts[op];
}

static void put_number(struct str *out, double v)
{
    char buf[SERIES_NUMBER_MAX];
    str_add(out, series_number_text(buf, v));
}

static void put_function(struct str *out, const struct node *n)
{
    char window[UNITS_MAX];
    str_addf(out, "%s(", expr_function_name(n->kind));
    if (n->kind == NODE_QUANTILE) {
        put_number(out, n->number);
        str_add(out, ", ");
    }
    str_add(out, n->text);
    if (n->window_us > 0)
        str_addf(out, "[%s]", units_duration(window, n->window_us));
    str_addc(out, ')');
}

/* How tight a node holds together. */
static int strength(const struct node *n)
{
    switch (n->kind) {
    case NODE_ADD:
    case NODE_SUBTRACT:
        return 1;
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        return 2;
    default:
        return 3;
    }
}

static void put_node(struct str *out, const struct node *n, int at_least)
{
    static const char *const signs[] = {
        [NODE_ADD] = " + ",
        [NODE_SUBTRACT] = " - ",
        [NODE_MULTIPLY] = " * ",
        [NODE_DIVIDE] = " / ",
    };
    bool parentheses = strength(n) < at_least;
    if (parentheses)
        str_addc(out, '(');
    switch (n->kind) {
    case NODE_NUMBER:
        put_number(out, n->number);
        break;
    case NODE_SERIES:
        str_add(out, n->text);
        break;
    case NODE_NEGATE:
        str_addc(out, '-');
        put_node(out, n->left, 3);
        break;
    case NODE_ADD:
    case NODE_SUBTRACT:
    case NODE_MULTIPLY:
    case NODE_DIVIDE:
        put_node(out, n->left, strength(n));
        str_add(out, signs[n->kind]);
        put_node(out, n->right, strength(n) + 1);
        break;
    default:
        put_function(out, n);
    }
    if (parentheses)
        str_addc(out, ')');
}

const char *expr_make_text(struct arena *a, const struct expr *e)
{
    struct str out;
    str_init(&out, TEXT_MAX);
    if (e->kind != EXPR_COMPARES) {
        str_addf(&out, "%s(%s)", e->kind == EXPR_PRESENT ? "present" : "absent",
                 selector_text(e->subject));
    } else {
        put_node(&out, e->left, 0);
        str_addf(&out, " %s ", expr_op_text(e->op));
        put_number(&out, e->limit);
    }
    assert(!out.overflow);
    const char *text = arena_strdup(a, out.buf);
    str_release(&out);
    return text;
}
