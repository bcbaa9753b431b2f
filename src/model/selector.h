/*
 * PromQL vector selectors: name{a="x",b!="y",c=~"5..",d!~"a|b"}. Regular
 * expressions are anchored at both ends, in the syntax of RE2 (model/regex.h
 * tells what differs); a label that is absent has the value "". At least one
 * matcher, or the name, must not match the empty string. {__name__="x"} is a
 * name, too; no range, offset or @. `le` and `quantile` compare as numbers
 * (series.h). Immutable, for any thread.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "model/series.h"

#include <stdbool.h>
#include <stddef.h>

#define SELECTOR_MATCHERS_MAX 32
#define SELECTOR_TEXT_MAX 2048

struct selector;

/* Lives in the arena, which releases its patterns too. *ret_at: bytes into the
 * text where an error is; may be NULL. */
int selector_parse(struct arena *a, const char *text, size_t n, const struct selector **ret,
                   size_t *ret_at, struct err *reterr);

/* Canonical: equal for equal selectors. */
const char *selector_text(const struct selector *s);
/* The metric's name, or NULL when it matches names by a pattern or not at all. */
const char *selector_name(const struct selector *s);

/* The same on another name, and the same with label="value" instead of what it
 * says about that label (NULL: with nothing about it); for histograms. `s` lives
 * as long as the arena. */
const struct selector *selector_rename(struct arena *a, const struct selector *s, const char *name);
const struct selector *selector_with(struct arena *a, const struct selector *s, const char *label,
                                     const char *value);
bool selector_names(const struct selector *s, const char *label); /* has a matcher on it */

/* 1, 0, or -1: a pattern hit its limits. */
int selector_matches(const struct selector *s, const struct series *series, struct err *reterr);

/* The same of a metric's name alone: 0 when no series of this name matches. */
int selector_matches_name(const struct selector *s, const char *name, size_t n, struct err *reterr);

/* Is it plain to see that `a` matches all that `b` does? They have the same name then,
 * and what `a` asks for `b` does, too. */
bool selector_covers(const struct selector *a, const struct selector *b);
