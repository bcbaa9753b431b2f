/*
 * One column of a chunk: integers that are written as what a simple prediction
 * leaves of them, each split into a symbol of a byte (its magnitude and leading
 * bits), which is where the pattern is, and the bits below, which are noise.
 * The symbols are compressed, the noise is packed bit by bit. Exact for every
 * int64_t. Endian-free. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* What a column of n values needs to work in; both of at least n elements. */
struct column_room {
    uint64_t *left;
    unsigned char *symbols;
};

/* Appends v[0, n), n > 0. */
int column_encode(const int64_t *v, size_t n, const struct column_room *room, struct str *out,
                  struct err *reterr);

/* Takes one off *p. Nothing beyond `end` is read, nothing beyond n written. */
int column_decode(const unsigned char **p, const unsigned char *end, int64_t *ret, size_t n,
                  const struct column_room *room, struct err *reterr);
