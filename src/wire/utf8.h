/*
 * Text of strangers made UTF-8: bytes that are not, and NULs, become U+FFFD, each
 * byte its own.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends as many whole characters as fit under out->max; never sets `overflow`.
 * Returns the bytes of `text` that went in: n when all did. */
size_t utf8_add(struct str *out, const char *text, size_t n);

/* The same into a NUL-terminated array of `size` bytes, with control characters as
 * spaces: names and messages of one line. Returns its length. */
size_t utf8_copy(char *dst, size_t size, const char *text, size_t n);
