/*
 * Regular expressions (PCRE2) with limits: no pattern can stall the loop. A
 * match is bounded in steps, depth, memory and 20 ms of CPU. A compiled
 * pattern may be used by several threads at once.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct regex;

/* Unanchored search; UTF mode, but the text may hold anything: bytes that are
 * not UTF-8 never match. Patterns over 4 KiB are refused. */
int regex_compile(const char *pattern, struct regex **ret, struct err *reterr);
void regex_free(struct regex *re); /* NULL is fine */

/* 1 match, 0 none, -1 the limits were hit (an error, never "no match"). */
int regex_match(const struct regex *re, const char *text, size_t n, struct err *reterr);
