/*
 * Conditions on labels. How they are written and when they match: model/matcher.h.
 */
#pragma once

#include "nines/config.h"

#include <stddef.h>

struct regex;

enum matcher_op { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX };

struct matcher {
    const char *name, *value;
    enum matcher_op op;
    struct regex *regex; /* of the latter two */
};

struct matchers {
    struct matcher *at;
    size_t n;
};
