#include "slo/live.h"

#include "base/mem.h"
#include "base/vec.h"
#include "slo/ring.h"
#include "slo/tiers.h"

#include <assert.h>
#include <string.h>

/*
 * Every event is in each ring that reaches back to it, so a window is whole
 * coarse buckets from its (aligned) start, then finer ones up to its end.
 */
enum { TENS, MINUTES, HOURS, RING_COUNT };

struct live {
    struct ring rings[RING_COUNT];
    VEC(struct live_window) windows;
    int64_t tick_us;  /* where the windows end */
    int64_t exact_us; /* the newest instant since which one counts; INT64_MIN: none */
    bool stale;       /* something came past the windows: the next tick sums up afresh */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* One for the bucket in progress, one for a start in mid-bucket, and an hour
 * for sums in the past and callers that round outwards. */
static size_t buckets(int64_t step_us, int64_t longest_us)
{
    return (size_t)((longest_us + LIVE_PAST_US) / step_us + 2 + USEC_PER_HOUR / step_us);
}

static void init(struct ring *r, int64_t step_us, int64_t longest_us, int64_t now_us)
{
    ring_init(r, step_us, buckets(step_us, longest_us), now_us);
}

struct live *live_new(int64_t longest_us, int64_t now_us)
{
    assert(longest_us > 0 && longest_us <= LIVE_WINDOW_MAX);
    struct live *l = mem_alloc(sizeof(*l));
    init(&l->rings[TENS], EVALUATE_EVERY_US, USEC_PER_HOUR, now_us);
    init(&l->rings[MINUTES], USEC_PER_MIN, 3 * USEC_PER_DAY, now_us);
    init(&l->rings[HOURS], USEC_PER_HOUR, longest_us, now_us);
    l->stale = true;
    l->exact_us = INT64_MIN;
    return l;
}

void live_free(struct live *l)
{
    if (!l)
        return;
    for (int i = 0; i < RING_COUNT; i++)
        ring_release(&l->rings[i]);
    vec_release(&l->windows);
    free(l);
}

void live_advance(struct live *l, int64_t now_us)
{
    for (int i = 0; i < RING_COUNT; i++)
        ring_advance(&l->rings[i], now_us);
}

static int64_t hour_of(int64_t t_us)
{
    return floor_div(t_us, USEC_PER_HOUR) * USEC_PER_HOUR;
}

static void add_to_heads(struct live *l, int64_t slot_us, struct counts c)
{
    for (size_t i = 0; i < l->windows.len; i++) {
        struct live_window *w = &l->windows.at[i];
        if (w->exact && slot_us < w->begin_us && slot_us >= hour_of(w->begin_us))
            counts_add(&w->head, c);
    }
}

void live_add_event(struct live *l, int64_t slot_us, struct counts c)
{
    live_advance(l, slot_us);
    for (int i = 0; i < RING_COUNT; i++)
        ring_add(&l->rings[i], slot_us, c);
    if (slot_us < l->exact_us)
        add_to_heads(l, slot_us, c);
    if (slot_us >= l->tick_us)
        return; /* the next tick finds it */
    for (size_t i = 0; i < l->windows.len; i++)
        if (slot_us >= l->windows.at[i].from_us)
            counts_add(&l->windows.at[i].counts, c);
}

void live_add(struct live *l, int64_t slot_us, enum outcome o)
{
    assert(o != OUTCOME_SKIPPED);
    struct counts c = {o == OUTCOME_GOOD, o == OUTCOME_BAD, o == OUTCOME_EXCLUDED};
    live_add_event(l, slot_us, c);
}

/* Steps of [start, ...) put together to the buckets of a ring. */
static void add_series(struct ring *r, int64_t start_us, int64_t step_us, const struct counts *at,
                       size_t n)
{
    struct counts sums[RING_BLOCK] = {0};
    int64_t first = start_us - start_us % r->step_us;
    size_t used = 0, per = (size_t)(r->step_us / step_us);
    size_t left = per - (size_t)((start_us - first) / step_us); /* of the first bucket */
    for (size_t i = 0; i < n; i++) {
        counts_add(&sums[used], at[i]);
        if (--left && i + 1 < n)
            continue;
        left = per;
        if (++used < RING_BLOCK && i + 1 < n)
            continue;
        ring_add_series(r, first, sums, used);
        first += (int64_t)used * r->step_us;
        used = 0;
        memset(sums, 0, sizeof(sums));
    }
}

void live_add_counts(struct live *l, int64_t start_us, int64_t step_us, const struct counts *at,
                     size_t n)
{
    assert(step_us == EVALUATE_EVERY_US || step_us == USEC_PER_MIN || step_us == USEC_PER_HOUR);
    assert(start_us % step_us == 0);
    if (n == 0)
        return;
    live_advance(l, start_us + (int64_t)(n - 1) * step_us);
    for (int i = 0; i < RING_COUNT; i++) {
        struct ring *r = &l->rings[i];
        if (r->step_us == step_us)
            ring_add_series(r, start_us, at, n);
        else if (r->step_us > step_us)
            add_series(r, start_us, step_us, at, n);
    }
    l->stale = true;
}

void live_merge(struct live *into, const struct live *from)
{
    for (int i = 0; i < RING_COUNT; i++)
        ring_merge(&into->rings[i], &from->rings[i]);
    into->stale = true;
}

/* ---- sums ------------------------------------------------------------------- */

/* The finest ring that reaches back to a window's start, and whose buckets that
 * start is aligned to (tier_window_start). */
static int start_ring(int64_t length_us)
{
    return length_us <= USEC_PER_HOUR ? TENS : length_us <= 3 * USEC_PER_DAY ? MINUTES : HOURS;
}

/* Fine buckets up to the next border of coarser ones, those as far as they go,
 * and finer ones again: a window of days is some hundred buckets. */
static struct counts sum_up(const struct live *l, int start, int64_t at_us, int64_t t_us)
{
    struct counts sum = {0};
    for (int i = start; i < HOURS; i++) {
        int64_t step_us = l->rings[i + 1].step_us;
        int64_t border = -floor_div(-at_us, step_us) * step_us;
        if (border > t_us)
            break;
        ring_sum(&l->rings[i], at_us, border, &sum);
        at_us = border;
    }
    for (int i = HOURS; i >= TENS; i--) {
        const struct ring *r = &l->rings[i];
        int64_t end = floor_div(t_us, r->step_us) * r->step_us;
        if (end > at_us) {
            ring_sum(r, at_us, end, &sum);
            at_us = end;
        }
    }
    return sum;
}

struct counts live_sum(const struct live *l, int64_t t_us, int64_t length_us)
{
    assert(t_us % EVALUATE_EVERY_US == 0);
    return sum_up(l, start_ring(length_us), tier_window_start(t_us, length_us), t_us);
}

struct counts live_minutes(const struct live *l, int64_t from_us, int64_t to_us)
{
    struct counts sum = {0};
    ring_sum(&l->rings[MINUTES], from_us, to_us, &sum);
    return sum;
}

/* ---- watched windows -------------------------------------------------------- */

static size_t watch(struct live *l, struct live_window w)
{
    w.from_us = l->tick_us; /* no late event belongs to it until it is summed up */
    l->stale = true;
    vec_push(&l->windows, w);
    return l->windows.len - 1;
}

size_t live_watch(struct live *l, int64_t length_us)
{
    assert(length_us > 0);
    for (size_t i = 0; i < l->windows.len; i++)
        if (l->windows.at[i].length_us == length_us)
            return i;
    return watch(l, (struct live_window){.length_us = length_us});
}

size_t live_watch_period(struct live *l)
{
    return watch(l, (struct live_window){0});
}

void live_rewind(struct live *l, size_t window, int64_t begin_us)
{
    assert(window < l->windows.len && l->windows.at[window].length_us == 0);
    assert(!l->windows.at[window].exact);
    l->windows.at[window].begin_us = begin_us; /* the next tick finds another start */
}

size_t live_watch_since(struct live *l, int64_t begin_us, const struct counts *head)
{
    struct counts before = {0};
    size_t i = 0;
    assert(begin_us % USEC_PER_MIN == 0);
    if (head)
        before = *head;
    else
        ring_sum(&l->rings[MINUTES], hour_of(begin_us), begin_us, &before);
    while (i < l->windows.len && !(l->windows.at[i].exact && l->windows.at[i].begin_us == begin_us))
        i++;
    if (i == l->windows.len)
        watch(l, (struct live_window){.begin_us = begin_us, .exact = true});
    l->windows.at[i].head = before;
    l->stale = true;
    if (begin_us > l->exact_us)
        l->exact_us = begin_us;
    return i;
}

/* Minutes while they are kept, whole hours less the head when they are not. */
static void resum_exact(const struct live *l, struct live_window *w, int64_t t_us)
{
    int64_t hour = hour_of(w->begin_us);
    w->from_us = w->begin_us;
    w->counts = (struct counts){0};
    if (t_us <= w->begin_us)
        return;
    if (hour >= t_us - 3 * USEC_PER_DAY)
        w->counts = sum_up(l, MINUTES, w->begin_us, t_us);
    else
        w->counts = counts_minus(sum_up(l, HOURS, hour, t_us), w->head);
}

static void resum(const struct live *l, struct live_window *w, int64_t t_us)
{
    if (w->exact) {
        resum_exact(l, w, t_us);
        return;
    }
    int64_t length = w->length_us ? w->length_us : t_us - w->begin_us;
    w->from_us = tier_window_start(t_us, length);
    w->counts = sum_up(l, start_ring(length), w->from_us, t_us);
}

void live_unwatch(struct live *l)
{
    vec_clear(&l->windows);
    l->exact_us = INT64_MIN;
}

/* What left through the far end; false when that is no longer known. */
static bool leave(const struct live *l, struct live_window *w, int64_t t_us)
{
    const struct ring *r = &l->rings[start_ring(w->length_us)];
    if (t_us - w->length_us < w->from_us + r->step_us)
        return true; /* not a whole step yet */
    if (w->from_us < ring_oldest_us(r))
        return false;
    struct counts gone = {0};
    int64_t from = tier_window_start(t_us, w->length_us);
    ring_sum(r, w->from_us, from, &gone);
    w->counts = counts_minus(w->counts, gone);
    w->from_us = from;
    return true;
}

/* A period's far end stays where it is, up to the step that its length says; an
 * instant stays once it has come. */
static bool stays(const struct live *l, const struct live_window *w, int64_t t_us)
{
    if (w->exact)
        return w->begin_us <= l->tick_us;
    return tier_window_start(t_us, t_us - w->begin_us) == w->from_us;
}

void live_tick(struct live *l, int64_t t_us)
{
    assert(t_us % EVALUATE_EVERY_US == 0 && t_us >= l->tick_us);
    live_advance(l, t_us);
    bool afresh = l->stale || l->tick_us < ring_oldest_us(&l->rings[TENS]);
    struct counts come = {0};
    if (!afresh)
        ring_sum(&l->rings[TENS], l->tick_us, t_us, &come);
    for (size_t i = 0; i < l->windows.len; i++) {
        struct live_window *w = &l->windows.at[i];
        counts_add(&w->counts, come);
        if (afresh || !(w->length_us ? leave(l, w, t_us) : stays(l, w, t_us)))
            resum(l, w, t_us);
    }
    l->tick_us = t_us;
    l->stale = false;
}

const struct live_window *live_windows(const struct live *l, size_t *ret_n)
{
    *ret_n = l->windows.len;
    return l->windows.at;
}
