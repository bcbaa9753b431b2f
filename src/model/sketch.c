#include "model/sketch.h"

#include "base/mem.h"
#include "base/varint.h"
#include "base/wide.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LINEAR 128 /* below: one bucket a microsecond */
#define PER_OCTAVE 64
#define ENCODED_VERSION 1
#define CENSORED_MAX (1LL << 40) /* decode: keeps sums of many far from overflow */

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
}

void sketch_release(struct sketch *s)
{
    free(s->buckets);
    *s = (struct sketch)SKETCH_INIT;
}

void sketch_clear(struct sketch *s)
{
    if (s->buckets)
        memset(s->buckets, 0, SKETCH_BUCKETS * sizeof(*s->buckets));
    s->count = s->censored = 0;
    s->max_us = -1;
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
    for (int i = 0; from->buckets && i < SKETCH_BUCKETS; i++)
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
    for (int i = 0; i < SKETCH_BUCKETS; i++) {
        seen += s->buckets[i];
        if (seen < rank)
            continue;
        int64_t middle = bucket_low(i) + bucket_width(i) / 2;
        return middle < s->max_us ? middle : s->max_us;
    }
    return s->max_us; /* only after a bucket has saturated */
}

/*
 * version, censored, max_us + 1, buckets in use, then for each of those its
 * distance from the one before (from -1 for the first), less one, and its
 * count. All varints.
 */
void sketch_encode(const struct sketch *s, struct str *out)
{
    uint64_t used = 0;
    for (int i = 0; s->buckets && i < SKETCH_BUCKETS; i++)
        used += s->buckets[i] != 0;
    varint_put(out, ENCODED_VERSION);
    varint_put(out, (uint64_t)s->censored);
    varint_put(out, (uint64_t)(s->max_us + 1));
    varint_put(out, used);
    int last = -1;
    for (int i = 0; used > 0 && i < SKETCH_BUCKETS; i++) {
        if (!s->buckets[i])
            continue;
        varint_put(out, (uint64_t)(i - last - 1));
        varint_put(out, s->buckets[i]);
        last = i;
    }
}

struct encoded {
    int64_t censored, max_us;
    uint64_t used;
    const unsigned char *buckets, *end;
};

static bool read_head(const unsigned char *p, const unsigned char *end, struct encoded *e)
{
    uint64_t version, censored, max1;
    if (!varint_get(&p, end, &version) || version != ENCODED_VERSION)
        return false;
    if (!varint_get(&p, end, &censored) || censored > CENSORED_MAX)
        return false;
    if (!varint_get(&p, end, &max1) || max1 > INT64_MAX)
        return false;
    if (!varint_get(&p, end, &e->used) || e->used > SKETCH_BUCKETS)
        return false;
    e->censored = (int64_t)censored;
    e->max_us = (int64_t)max1 - 1;
    e->buckets = p;
    e->end = end;
    return true;
}

/* Walks the buckets; with `into`, adds them. Gives their highest index and
 * their sum. */
static bool walk(const struct encoded *e, struct sketch *into, int *ret_last, int64_t *ret_sum)
{
    const unsigned char *p = e->buckets;
    int last = -1;
    int64_t sum = 0;
    for (uint64_t k = 0; k < e->used; k++) {
        uint64_t gap, n;
        if (!varint_get(&p, e->end, &gap) || gap >= (uint64_t)(SKETCH_BUCKETS - 1 - last))
            return false;
        if (!varint_get(&p, e->end, &n) || n == 0 || n > UINT32_MAX)
            return false;
        last += 1 + (int)gap;
        sum += (int64_t)n;
        if (into)
            bucket_add(into, last, (uint32_t)n);
    }
    *ret_last = last;
    *ret_sum = sum;
    return p == e->end;
}

int sketch_decode(const void *data, size_t n, struct sketch *into, struct err *reterr)
{
    const unsigned char *p = data;
    struct encoded e;
    int last;
    int64_t sum;
    if (n == 0 || !read_head(p, p + n, &e) || !walk(&e, NULL, &last, &sum))
        return err_set(reterr, "a latency sketch is damaged");
    /* The largest value seen must be there if and only if there are values, and
     * cannot lie below the highest bucket. */
    if ((e.max_us >= 0) != (sum + e.censored > 0) || (last >= 0 && e.max_us < bucket_low(last)))
        return err_set(reterr, "a latency sketch contradicts itself");
    walk(&e, into, &last, &sum);
    into->count += sum + e.censored;
    into->censored += e.censored;
    if (e.max_us > into->max_us)
        into->max_us = e.max_us;
    return 0;
}
