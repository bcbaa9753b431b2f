/*
 * Label matchers, as Alertmanager's routes, silences and inhibitions write them:
 * `severity="page"`, `team=~"api|web"`, `service!=""`, a list in braces or with
 * commas. There are two syntaxes, and Alertmanager 0.27 and later ask both:
 *
 *  - classic: a name of letters, digits, '_' and ':'; a value that may go without
 *    quotes, spaces inside included; in it \n, \" and \\ are escapes and any other
 *    backslash is one.
 *  - UTF-8: names and values are either in double quotes, with Go's escapes, or
 *    of characters other than space and {}!=~,\"'`.
 *
 * What one alone takes is its; where both do and differ, the classic one holds.
 *
 * A label that is not there is "". Regular expressions match the whole value, by
 * model/regex.h. Compiled ones are immutable and thread-safe. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "nines/matcher.h"

#include <stdbool.h>
#include <stddef.h>

#define MATCHERS_MAX 64
#define MATCHERS_TEXT_MAX (16 << 10)

/* Adds what `text` says to `list`, nothing if it is empty. Texts live in the arena,
 * regexes until matchers_release(), after an error as well. *ret_at: the byte at which
 * the error lies. */
int matchers_parse(const char *text, struct arena *arena, struct matchers *list, size_t *ret_at,
                   struct err *reterr);
int matchers_add(struct matchers *list, struct arena *arena, const char *name, enum matcher_op op,
                 const char *value, struct err *reterr);
void matchers_release(struct matchers *list);

/* The value of a label, or "". */
const char *matcher_label(const struct string_map *labels, const char *name);
bool matcher_takes(const struct matcher *m, const char *value);

/* All of them match; none is true. A regex whose limits were hit matches nothing. */
bool matchers_match(const struct matchers *list, const struct string_map *labels);

/* By name, value and operator, as Alertmanager keeps those of a route. */
void matchers_sort(struct matchers *list);
/* Canonical: `severity="page",team=~"api|web"`, sorted, as amtool shows them. What it
 * writes reads back as the same. */
void matchers_text(const struct matchers *list, struct str *out);
