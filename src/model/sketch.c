#include "model/sketch.h"

#include "base/mem.h"
#include "base/varint.h"
#include "base/wide.h"
#include "model/rice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LINEAR 128 /* below: one bucket a microsecond */
#define PER_OCTAVE 64
#define ENCODED_VERSION 2
#define ENCODED_VERSION_VARINTS 1 /* written by earlier releases */
#define CENSORED_MAX (1LL << 40)  /* decode: keeps sums of many far from overflow */

static int bucket_of(int64_t us)
{
    if (us < LINEAR)
        return (int)us;
    int octave = 63 - __builtin_clzll((unsigned long long)us); /* >= 7 */
    int sub = (int)(us >> (octave - 6)) - PER_OCTAVE;
    int i = LINEAR + (octave - 7) * PER_OCTAVE + sub;
    return i < SKETCH_BUCKETS ? i : SKETCH_BUCKETS - 1;
}

static int64_t bucket_width(int i)
{
    return i < LINEAR ? 1 : 2LL << ((i - LINEAR) / PER_OCTAVE);
}

static int64_t bucket_low(int i)
{
    if (i < LINEAR)
        return i;
    return (PER_OCTAVE + (i - LINEAR) % PER_OCTAVE) * bucket_width(i);
}

static void bucket_add(struct sketch *s, int i, uint32_t n)
{
    if (!s->buckets)
        s->buckets = mem_array(SKETCH_BUCKETS, sizeof(*s->buckets));
    uint32_t room = UINT32_MAX - s->buckets[i];
    s->buckets[i] += n < room ? n : room;
    if (s->first == s->end)
        s->first = s->end = i;
    if (i < s->first)
        s->first = i;
    if (i >= s->end)
        s->end = i + 1;
}

void sketch_release(struct sketch *s)
{
    free(s->buckets);
    *s = (struct sketch)SKETCH_INIT;
}

void sketch_clear(struct sketch *s)
{
    if (s->buckets)
        memset(s->buckets + s->first, 0, (size_t)(s->end - s->first) * sizeof(*s->buckets));
    s->count = s->censored = 0;
    s->max_us = -1;
    s->first = s->end = 0;
}

void sketch_add(struct sketch *s, int64_t us, bool censored)
{
    assert(us >= 0);
    s->count++;
    if (us > s->max_us)
        s->max_us = us;
    if (censored)
        s->censored++;
    else
        bucket_add(s, bucket_of(us), 1);
}

void sketch_merge(struct sketch *into, const struct sketch *from)
{
    into->count += from->count;
    into->censored += from->censored;
    if (from->max_us > into->max_us)
        into->max_us = from->max_us;
    for (int i = from->first; i < from->end; i++)
        if (from->buckets[i])
            bucket_add(into, i, from->buckets[i]);
}

int64_t sketch_quantile(const struct sketch *s, int64_t num, int64_t den, bool *ret_lower)
{
    assert(num > 0 && num <= den);
    *ret_lower = false;
    if (s->count == 0)
        return -1;
    int64_t rank = (int64_t)(((int128)s->count * num + den - 1) / den);
    int64_t seen = 0;
    if (rank > s->count - s->censored) {
        *ret_lower = true;
        return s->max_us;
    }
    for (int i = s->first; i < s->end; i++) {
        seen += s->buckets[i];
        if (seen < rank)
            continue;
        int64_t middle = bucket_low(i) + bucket_width(i) / 2;
        return middle < s->max_us ? middle : s->max_us;
    }
    return s->max_us; /* only after a bucket has saturated */
}

/*
 * Varints: version, censored, max_us + 1, buckets in use and the index of the
 * first of these. Then bits (rice.h): its count, and for each other one its
 * distance from the one before and its count, all less one.
 */
void sketch_encode(const struct sketch *s, struct str *out)
{
    uint64_t used = 0;
    for (int i = s->first; i < s->end; i++)
        used += s->buckets[i] != 0;
    varint_put(out, ENCODED_VERSION);
    varint_put(out, (uint64_t)s->censored);
    varint_put(out, (uint64_t)(s->max_us + 1));
    varint_put(out, used);
    if (used == 0)
        return;
    varint_put(out, (uint64_t)s->first); /* is in use, as is the one before `end` */
    struct rice_writer w = {.out = out};
    struct rice gaps = RICE_INIT, counts = RICE_INIT;
    for (int i = s->first, last = i; i < s->end; i++) {
        if (!s->buckets[i])
            continue;
        if (i != s->first)
            rice_put(&w, &gaps, (uint32_t)(i - last - 1));
        rice_put(&w, &counts, s->buckets[i] - 1);
        last = i;
    }
    rice_finish(&w);
}

/* What an encoding says; buckets in rising order. */
struct encoded {
    uint64_t version;
    int64_t censored, max_us, sum;
    size_t used;
    uint16_t at[SKETCH_BUCKETS];
    uint32_t n[SKETCH_BUCKETS];
};

static bool read_head(const unsigned char **p, const unsigned char *end, struct encoded *e)
{
    uint64_t censored, max1, used;
    if (!varint_get(p, end, &e->version) ||
        (e->version != ENCODED_VERSION && e->version != ENCODED_VERSION_VARINTS))
        return false;
    if (!varint_get(p, end, &censored) || censored > CENSORED_MAX)
        return false;
    if (!varint_get(p, end, &max1) || max1 > INT64_MAX)
        return false;
    if (!varint_get(p, end, &used) || used > SKETCH_BUCKETS)
        return false;
    e->censored = (int64_t)censored;
    e->max_us = (int64_t)max1 - 1;
    e->used = (size_t)used;
    e->sum = 0;
    return true;
}

static bool read_varints(const unsigned char *p, const unsigned char *end, struct encoded *e)
{
    int last = -1;
    for (size_t k = 0; k < e->used; k++) {
        uint64_t gap, n;
        if (!varint_get(&p, end, &gap) || gap >= (uint64_t)(SKETCH_BUCKETS - 1 - last))
            return false;
        if (!varint_get(&p, end, &n) || n == 0 || n > UINT32_MAX)
            return false;
        last += 1 + (int)gap;
        e->at[k] = (uint16_t)last;
        e->n[k] = (uint32_t)n;
        e->sum += (int64_t)n;
    }
    return p == end;
}

static bool read_bits(const unsigned char *p, const unsigned char *end, struct encoded *e)
{
    uint64_t first = 0;
    if (e->used > 0 && (!varint_get(&p, end, &first) || first >= SKETCH_BUCKETS))
        return false;
    struct rice_reader r = {.p = p, .end = end};
    struct rice gaps = RICE_INIT, counts = RICE_INIT;
    uint32_t at = (uint32_t)first;
    for (size_t k = 0; k < e->used; k++) {
        uint32_t gap, less;
        if (k > 0) {
            if (!rice_get(&r, &gaps, &gap) || gap >= SKETCH_BUCKETS - 1 - at)
                return false;
            at += 1 + gap;
        }
        if (!rice_get(&r, &counts, &less) || less == UINT32_MAX)
            return false;
        e->at[k] = (uint16_t)at;
        e->n[k] = less + 1;
        e->sum += less + 1;
    }
    return rice_at_end(&r);
}

static void add_buckets(struct sketch *into, const struct encoded *e)
{
    if (e->used == 0)
        return;
    /* The outer ones make room for the others. */
    bucket_add(into, e->at[0], e->n[0]);
    if (e->used > 1)
        bucket_add(into, e->at[e->used - 1], e->n[e->used - 1]);
    for (size_t k = 1; k + 1 < e->used; k++) {
        uint32_t *n = &into->buckets[e->at[k]];
        if (__builtin_add_overflow(*n, e->n[k], n))
            *n = UINT32_MAX;
    }
}

int sketch_decode(const void *data, size_t n, struct sketch *into, struct err *reterr)
{
    const unsigned char *p = data;
    const unsigned char *end = n ? p + n : p;
    struct encoded e;
    if (n == 0 || !read_head(&p, end, &e) ||
        !(e.version == ENCODED_VERSION ? read_bits : read_varints)(p, end, &e))
        return err_set(reterr, "a latency sketch is damaged");
    /* The largest value seen must be there if and only if there are values, and
     * cannot lie below the highest bucket. */
    if ((e.max_us >= 0) != (e.sum + e.censored > 0) ||
        (e.used > 0 && e.max_us < bucket_low(e.at[e.used - 1])))
        return err_set(reterr, "a latency sketch contradicts itself");
    add_buckets(into, &e);
    into->count += e.sum + e.censored;
    into->censored += e.censored;
    if (e.max_us > into->max_us)
        into->max_us = e.max_us;
    return 0;
}
