/*
 * Writing JSON by hand: the part that is easy to get wrong. Reading it, and
 * building documents of unknown shape, is jansson's work where it is needed.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>

/* Appends n bytes as a quoted JSON string. Bytes that are not UTF-8 become
 * U+FFFD, so the output is valid whatever came in. -1: `out` overflowed. */
int json_add_stringn(struct str *out, const char *text, size_t n);

/* The same for a C string; NULL becomes null. */
int json_add_string(struct str *out, const char *text);

/* Length of the UTF-8 sequence at p (1 to 4), 0 when it is not well-formed
 * (overlong, surrogate, past U+10FFFF, cut off at n). */
size_t json_utf8(const unsigned char *p, size_t n);
