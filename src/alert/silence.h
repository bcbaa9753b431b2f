/*
 * Silences: alerts that somebody asked not to be told of for a time. Pure.
 */
#pragma once

#include "base/err.h"
#include "nines/matcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SILENCE_TEXT_MAX 1000 /* bytes of an author or a comment */

struct silence {
    const char *id;
    struct matchers matchers;
    int64_t starts_us, ends_us; /* [starts, ends) */
    const char *author, *comment;
};

enum silence_state { SILENCE_PENDING, SILENCE_ACTIVE, SILENCE_EXPIRED };

enum silence_state silence_state(const struct silence *s, int64_t t_us);
const char *silence_state_name(enum silence_state state); /* "pending", "active", "expired" */

/* Whether it is one that may be made at `now`: it ends after it starts, and later than
 * now; it has an author and a comment; one of its matchers at least does not match the
 * empty text, or it would silence everything. */
int silence_check(const struct silence *s, int64_t now_us, struct err *reterr);

/* In force at `t` for an alert with these labels. */
bool silence_mutes(const struct silence *s, const struct string_map *labels, int64_t t_us);
/* The first one of `list` that is; NULL: none. */
const struct silence *silence_find(const struct silence *list, size_t n,
                                   const struct string_map *labels, int64_t t_us);
