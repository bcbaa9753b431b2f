/*
 * Label matchers, as Alertmanager's routes, silences and inhibitions write them:
 * `severity="page"`, `team=~"api|web"`, `service!=""`, a list in braces or with
 * commas; both its classic form (values may go without quotes) and its UTF-8 form
 * (quoted names). A label that is not there is "". Regular expressions match the
 * whole value, by model/regex.h. Compiled ones are immutable and thread-safe. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "nines/matcher.h"

#include <stdbool.h>
#include <stddef.h>

#define MATCHERS_MAX 64

/* Adds what `text` says to `list`. Texts live in the arena, regexes until
 * matchers_release(). *ret_at: the byte at which the error lies. */
int matchers_parse(const char *text, struct arena *arena, struct matchers *list, size_t *ret_at,
                   struct err *reterr);
int matchers_add(struct matchers *list, struct arena *arena, const char *name, enum matcher_op op,
                 const char *value, struct err *reterr);
void matchers_release(struct matchers *list);

/* All of them match; none is true. A regex whose limits were hit matches nothing. */
bool matchers_match(const struct matchers *list, const struct string_map *labels);

/* Canonical: `severity="page",team=~"api|web"`, by name, as amtool shows them. */
void matchers_text(const struct matchers *list, struct str *out);
