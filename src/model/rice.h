/*
 * Small numbers in few bits: Rice codes whose parameter follows the numbers seen
 * so far, so that writer and reader agree without a word about it. A stream of
 * bits may interleave several kinds of numbers, each with a `struct rice` of its
 * own. Endian-free; reading checks that there is one way to write something
 * only. Pure.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one kind of number was like so far; begin with RICE_INIT. */
struct rice {
    uint32_t sum, n;
    int low; /* bits that are written as they are */
};

#define RICE_INIT                                                                                  \
    {                                                                                              \
        .sum = 1, .n = 1                                                                           \
    }

struct rice_writer {
    struct str *out;
    uint64_t bits;
    int n;
};

void rice_put(struct rice_writer *w, struct rice *kind, uint32_t v);
void rice_finish(struct rice_writer *w); /* fills the last byte with zeros */

struct rice_reader {
    const unsigned char *p, *end;
    uint64_t bits;
    int n;
};

/* False when the bits are at their end, or are no number as rice_put() writes it. */
bool rice_get(struct rice_reader *r, struct rice *kind, uint32_t *ret);
/* Was everything read, and the last byte filled as rice_finish() does? */
bool rice_at_end(const struct rice_reader *r);
