/* Regular expressions (PCRE2) with limits: no pattern can stall the loop. */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct regex;

/* Unanchored search; UTF mode. Patterns over 4 KiB are refused. */
int regex_compile(const char *pattern, struct regex **ret, struct err *reterr);
void regex_free(struct regex *re);

/* 1 match, 0 none, -1 the limits were hit (an error, never "no match"). */
int regex_match(const struct regex *re, const char *text, size_t n, struct err *reterr);
