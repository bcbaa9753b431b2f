/*
 * Regular expressions (PCRE2) with limits: no pattern can stall the loop. A
 * match is bounded in steps, depth, memory and 20 ms of CPU. A compiled
 * pattern may be used by several threads at once.
 *
 * There are two sorts: those that search a text, with all that PCRE2 has, and
 * those that match a whole text, as PromQL's, with what RE2 has.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct regex;

/* Unanchored search; UTF mode, but the text may hold anything: bytes that are
 * not UTF-8 never match. Patterns over 4 KiB are refused. */
int regex_compile(const char *pattern, struct regex **ret, struct err *reterr);
/*
 * The whole text must match, for the label matchers of PromQL. Only what RE2
 * (Go's regexp) has too is taken, so that a pattern means the same there: no
 * back references, look-around, atomic groups, possessive or nested repetition,
 * conditions, verbs; at most 1000 repetitions; `.` does not match a newline, `$`
 * is the very end. What still differs: \s matches a vertical tab as well,
 * \p{Script} means script extensions, and the work is bounded (a step limit of
 * about 2 ms) where RE2 has a bound on memory. Text that is not UTF-8 never
 * matches.
 */
int regex_compile_whole(const char *pattern, struct regex **ret, struct err *reterr);
/* Searches, with what RE2 has, as Go's regexp does: for the templates of messages.
 * Bounded as those of whole texts are, and by 20 ms of CPU. */
int regex_compile_search(const char *pattern, struct regex **ret, struct err *reterr);
/* 0, or -1 when RE2 would not take the pattern. What passes may be wrong still. */
int regex_check_re2(const char *pattern, struct err *reterr);

void regex_free(struct regex *re); /* NULL is fine */

/* 1 match, 0 none, -1 the limits were hit (an error, never "no match"). */
int regex_match(const struct regex *re, const char *text, size_t n, struct err *reterr);

/* Bytes [from, to) of a text; SIZE_MAX both: the group took no part. */
struct regex_span {
    size_t from, to;
};

size_t regex_groups(const struct regex *re); /* in parentheses, named ones included */
/* The number of a group by its name; 0 when there is none. */
size_t regex_group(const struct regex *re, const char *name);
/* The first match at or after `from`: 1 and spans[0] the match, spans[i] group i, up
 * to `n_spans` (those past the pattern's are SIZE_MAX); else as regex_match(). */
int regex_find(const struct regex *re, const char *text, size_t n, size_t from,
               struct regex_span *spans, size_t n_spans, struct err *reterr);
