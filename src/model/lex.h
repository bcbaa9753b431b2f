/*
 * The words of PromQL, read from left to right: what selectors and conditions
 * have in common. White space and # comments stand between any two.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct lex {
    const char *text;
    size_t n, at; /* `at` is where the error is when something fails */
};

/* The next character that is none of space, after skipping it; '\0': the end. */
char lex_peek(struct lex *l);
/* Steps over `word` if that comes next. */
bool lex_take(struct lex *l, const char *word);
/* Fails: "expected WHAT, found ...". */
int lex_expected(struct lex *l, const char *what, struct err *reterr);

/* A string in double or single quotes with Go's escapes, or raw in backquotes;
 * it must be UTF-8 without NUL. Appends what it means. */
int lex_string(struct lex *l, struct str *out, struct err *reterr);

/* A selector in a longer text; model/selector.h says the rest. */
struct selector;
int lex_selector(struct lex *l, struct arena *a, const struct selector **ret, struct err *reterr);
