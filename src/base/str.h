/*
 * A growable byte string with a mandatory maximum.
 *
 * Invariants: buf is never NULL and always NUL-terminated at buf[len]; len
 * never exceeds max. An append that would pass max appends nothing, sets
 * `overflow` and returns -1; the flag is sticky, so a chain of appends may be
 * checked once at its end. Out of memory aborts.
 *
 *     struct str s;
 *     str_init(&s, 64 << 10);
 *     str_addf(&s, "%d probes", n);
 *     puts(s.buf);
 *     str_release(&s);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct str {
    char *buf;
    size_t len, cap, max;
    bool overflow;
};

void str_init(struct str *s, size_t max);
void str_release(struct str *s); /* frees; s may be re-initialised */
void str_clear(struct str *s);   /* keeps the memory, resets len and overflow */
int str_add(struct str *s, const char *text);
int str_addn(struct str *s, const void *data, size_t n);
int str_addc(struct str *s, char c);
int str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *str_detach(struct str *s); /* caller frees; s becomes empty, same max */

/* Text helpers on plain C strings. */
bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);

/* Copies with truncation and termination; dst_size > 0. */
void str_copy(char *dst, size_t dst_size, const char *src);

/* The candidate closest to `word` by edit distance, or NULL when none is near
 * enough to be what was meant (more than a third of its letters differ). */
const char *str_nearest(const char *word, const char *const *candidates, size_t n);

/* 64-bit FNV-1a, finalised so that near strings land far apart. Stable over
 * versions: schedules and SLI names depend on it. */
unsigned long long str_hash(const void *data, size_t n);
