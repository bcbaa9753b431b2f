/*
 * A mergeable latency histogram with a stated error: integer microseconds,
 * log-linear buckets (64 to an octave), so a percentile is within 0.8 % of the
 * exact one from 10 us to 1 h, and exact below 128 us. Merging is addition:
 * any grouping of the same values gives the same sketch.
 *
 * Censored values are runs that failed: how long they would have taken is
 * unknown, so they rank above all others. `max_us` is the largest time seen of
 * any run, censored ones included.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SKETCH_BUCKETS 1792            /* up to 2^33 us (2.4 h); larger values share the last */
#define SKETCH_ENCODED_MAX (1024 * 16) /* no encoding is longer */

struct sketch {
    int64_t count; /* all values, censored ones included */
    int64_t censored;
    int64_t max_us;    /* -1 while empty */
    uint32_t *buckets; /* uncensored values; NULL until the first */
    int first, end;    /* no bucket outside of [first, end) is in use */
};

#define SKETCH_INIT                                                                                \
    {                                                                                              \
        .max_us = -1                                                                               \
    }

void sketch_release(struct sketch *s);
void sketch_clear(struct sketch *s);
void sketch_add(struct sketch *s, int64_t us, bool censored);
void sketch_merge(struct sketch *into, const struct sketch *from);

/* The value of rank ceil(q * count), q = num/den in (0, 1]. -1 while empty.
 * When the rank falls on a censored run: max_us, and *ret_lower is true. */
int64_t sketch_quantile(const struct sketch *s, int64_t num, int64_t den, bool *ret_lower);

/* Versioned, compact (about 60 bytes for 240 values of one service), endian-free:
 * equal sketches have equal encodings. decode adds into `into`. */
void sketch_encode(const struct sketch *s, struct str *out);
int sketch_decode(const void *data, size_t n, struct sketch *into, struct err *reterr);
