/* A condition as a tree; what its parser and its evaluation share. */
#pragma once

#include "model/expr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum node_kind {
    NODE_NUMBER,
    NODE_SERIES, /* a bare selector */
    NODE_SUM,
    NODE_MIN,
    NODE_MAX,
    NODE_AVG,
    NODE_COUNT,
    NODE_RATE,
    NODE_INCREASE,
    NODE_CHANGE,
    NODE_AGE,
    NODE_QUANTILE,
    NODE_NEGATE,
    NODE_ADD,
    NODE_SUBTRACT,
    NODE_MULTIPLY,
    NODE_DIVIDE,
};

struct node {
    enum node_kind kind;
    double number;                   /* or which quantile */
    const struct selector *selector; /* of a quantile: its buckets */
    const char *text;                /* of the selector, as it is written */
    int64_t window_us;               /* 0: since the scrape before */
    const struct node *left, *right;
};

enum expr_kind { EXPR_COMPARES, EXPR_PRESENT, EXPR_ABSENT };
enum expr_op { OP_EQ, OP_NE, OP_LE, OP_GE, OP_LT, OP_GT, OP_COUNT };

struct expr {
    enum expr_kind kind;
    const struct node *left;
    enum expr_op op;
    double limit;
    const struct selector *subject; /* of present() and absent() */
    const char *text;
    const struct selector *selectors[EXPR_SELECTORS_MAX];
    size_t selector_count;
    int64_t window_us;
    bool looks_back;
};

const char *expr_op_text(enum expr_op op);
const char *expr_function_name(enum node_kind kind);
/* Writes the whole condition, canonically. */
const char *expr_make_text(struct arena *a, const struct expr *e);

/* A number with its unit, in the base unit; a limit may be one per second. */
struct lex;
int expr_number(struct lex *l, bool is_limit, double *ret, struct err *reterr);
