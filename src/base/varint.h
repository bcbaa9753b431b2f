/* LEB128: unsigned integers in 1 to 10 bytes, seven bits each, lowest first. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

void varint_put(struct str *out, uint64_t v);

/* Takes one off *p; false, *p unmoved, when it is cut off at `end`, too long
 * or not in its shortest form. */
bool varint_get(const unsigned char **p, const unsigned char *end, uint64_t *ret);

/* Signed values near zero stay short: 0 -1 1 -2 ... become 0 1 2 3 ... */
static inline uint64_t varint_zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t varint_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
