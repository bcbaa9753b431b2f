#include "slo/live.h"

#include "base/mem.h"
#include "slo/tiers.h"

#include <assert.h>

/* Events of one step. An hour has fewer microseconds, so fewer slots, than
 * these can count. */
struct bucket {
    uint32_t good, bad, excluded;
};

/*
 * Buckets are numbered slot / step from the epoch; bucket b lives at b mod n,
 * and those in (head - n, head] are in the ring. Every event is in each ring
 * that reaches back to it, so a window is whole coarse buckets from its
 * (aligned) start, then finer ones up to its end.
 */
struct ring {
    int64_t step_us, head;
    size_t n;
    struct bucket *at;
};

enum { TENS, MINUTES, HOURS, RING_COUNT };

struct live {
    struct ring rings[RING_COUNT];
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static struct bucket *bucket(const struct ring *r, int64_t b)
{
    int64_t n = (int64_t)r->n;
    return &r->at[((b % n) + n) % n];
}

static bool holds(const struct ring *r, int64_t b)
{
    return b <= r->head && b > r->head - (int64_t)r->n;
}

static struct counts bucket_counts(const struct bucket *b)
{
    return (struct counts){b->good, b->bad, b->excluded};
}

static void ring_init(struct ring *r, int64_t step_us, int64_t longest_us, int64_t now_us)
{
    /* One for the bucket in progress, one for a start in mid-bucket, and an
     * hour for sums in the past and callers that round outwards. */
    r->step_us = step_us;
    r->n = (size_t)((longest_us + LIVE_PAST_US) / step_us + 2 + USEC_PER_HOUR / step_us);
    r->at = mem_array(r->n, sizeof(*r->at));
    r->head = floor_div(now_us, step_us);
}

static void ring_advance(struct ring *r, int64_t now_us)
{
    int64_t head = floor_div(now_us, r->step_us);
    if (head - r->head > (int64_t)r->n)
        r->head = head - (int64_t)r->n;
    while (r->head < head)
        *bucket(r, ++r->head) = (struct bucket){0};
}

static void ring_add(struct ring *r, int64_t at_us, struct counts c)
{
    int64_t b = floor_div(at_us, r->step_us);
    if (!holds(r, b))
        return;
    struct bucket *into = bucket(r, b);
    into->good += (uint32_t)c.good;
    into->bad += (uint32_t)c.bad;
    into->excluded += (uint32_t)c.excluded;
}

/* [from, to), both on bucket borders. */
static void ring_sum(const struct ring *r, int64_t from_us, int64_t to_us, struct counts *sum)
{
    int64_t b = floor_div(from_us, r->step_us), end = floor_div(to_us, r->step_us);
    int64_t oldest = r->head - (int64_t)r->n + 1;
    if (b < oldest)
        b = oldest;
    if (end > r->head + 1)
        end = r->head + 1;
    for (; b < end; b++) {
        const struct bucket *from = bucket(r, b);
        sum->good += from->good;
        sum->bad += from->bad;
        sum->excluded += from->excluded;
    }
}

struct live *live_new(int64_t longest_us, int64_t now_us)
{
    assert(longest_us > 0 && longest_us <= LIVE_WINDOW_MAX);
    struct live *l = mem_alloc(sizeof(*l));
    ring_init(&l->rings[TENS], EVALUATE_EVERY_US, USEC_PER_HOUR, now_us);
    ring_init(&l->rings[MINUTES], USEC_PER_MIN, 3 * USEC_PER_DAY, now_us);
    ring_init(&l->rings[HOURS], USEC_PER_HOUR, longest_us, now_us);
    return l;
}

void live_free(struct live *l)
{
    if (!l)
        return;
    for (int i = 0; i < RING_COUNT; i++)
        free(l->rings[i].at);
    free(l);
}

void live_advance(struct live *l, int64_t now_us)
{
    for (int i = 0; i < RING_COUNT; i++)
        ring_advance(&l->rings[i], now_us);
}

void live_add(struct live *l, int64_t slot_us, enum outcome o)
{
    assert(o != OUTCOME_SKIPPED);
    struct counts c = {o == OUTCOME_GOOD, o == OUTCOME_BAD, o == OUTCOME_EXCLUDED};
    live_advance(l, slot_us);
    for (int i = 0; i < RING_COUNT; i++)
        ring_add(&l->rings[i], slot_us, c);
}

void live_add_counts(struct live *l, int64_t start_us, int64_t step_us, struct counts c)
{
    assert(step_us == EVALUATE_EVERY_US || step_us == USEC_PER_MIN || step_us == USEC_PER_HOUR);
    assert(start_us % step_us == 0);
    live_advance(l, start_us);
    for (int i = 0; i < RING_COUNT; i++) {
        if (l->rings[i].step_us >= step_us)
            ring_add(&l->rings[i], start_us, c);
    }
}

void live_merge(struct live *into, const struct live *from)
{
    for (int i = 0; i < RING_COUNT; i++) {
        const struct ring *src = &from->rings[i];
        for (int64_t b = src->head - (int64_t)src->n + 1; b <= src->head; b++) {
            struct counts c = bucket_counts(bucket(src, b));
            if (c.good || c.bad || c.excluded)
                ring_add(&into->rings[i], b * src->step_us, c);
        }
    }
}

/* The finest ring that reaches back to a window's start, and whose buckets that
 * start is aligned to (tier_window_start). */
static int start_ring(int64_t length_us)
{
    return length_us <= USEC_PER_HOUR ? TENS : length_us <= 3 * USEC_PER_DAY ? MINUTES : HOURS;
}

/* Fine buckets up to the next border of coarser ones, those as far as they go,
 * and finer ones again: a window of days is some hundred buckets. */
struct counts live_sum(const struct live *l, int64_t t_us, int64_t length_us)
{
    assert(t_us % EVALUATE_EVERY_US == 0);
    struct counts sum = {0};
    int64_t at = tier_window_start(t_us, length_us);
    for (int i = start_ring(length_us); i < HOURS; i++) {
        int64_t step_us = l->rings[i + 1].step_us;
        int64_t border = -floor_div(-at, step_us) * step_us;
        if (border > t_us)
            break;
        ring_sum(&l->rings[i], at, border, &sum);
        at = border;
    }
    for (int i = HOURS; i >= TENS; i--) {
        const struct ring *r = &l->rings[i];
        int64_t end = floor_div(t_us, r->step_us) * r->step_us;
        if (end > at) {
            ring_sum(r, at, end, &sum);
            at = end;
        }
    }
    return sum;
}
