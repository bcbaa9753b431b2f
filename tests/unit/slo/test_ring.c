/* A ring against a plain array: counts of every size, in every order. */
#include "slo/ring.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define STEP USEC_PER_MIN
#define BUCKETS 1000
#define SPAN 6000 /* buckets of all time */

struct world {
    uint64_t rng;
    struct ring r;
    int64_t head;
    struct counts *all;
};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

static void add(struct world *w, struct ring *r, int64_t bucket, struct counts c)
{
    ring_add(r, bucket * STEP + below(w, STEP), c);
    counts_add(&w->all[bucket], c);
}

static void check(struct world *w)
{
    int64_t from = w->head - below(w, BUCKETS), to = from + below(w, BUCKETS);
    struct counts want = {0}, have = {0};
    if (from < 0)
        from = 0;
    for (int64_t b = from; b < to && b <= w->head; b++) {
        counts_add(&want, w->all[b]);
    }
    ring_sum(&w->r, from * STEP, to * STEP, &have);
    assert_true(counts_empty(counts_minus(have, want)));
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->rng = 0x2545f4914f6cdd1d;
    w->all = mem_array(SPAN, sizeof(*w->all));
    ring_init(&w->r, STEP, BUCKETS, 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    ring_release(&w->r);
    free(w->all);
    free(w);
    return 0;
}

/* Now and then more than a byte, two bytes hold; long the same. */
static struct counts some(struct world *w)
{
    static const int64_t much[] = {1, 6, 6, 6, 6, 6, 6, 300, 70000, 5000000000, (int64_t)1 << 45};
    int64_t steady = w->head / 500 % 2 ? 360 : 6;
    if (below(w, 30))
        return (struct counts){steady, 0, 0};
    return (struct counts){much[below(w, countof(much))], much[below(w, countof(much))],
                           below(w, 2), below(w, 2), much[below(w, countof(much))]};
}

static void test_sums_are_those_of_an_array(void **state)
{
    struct world *w = *state;
    while (w->head < SPAN - 400) {
        w->head += below(w, 60) ? 1 : below(w, 300);
        ring_advance(&w->r, w->head * STEP);
        add(w, &w->r, w->head, some(w));
        int64_t late = below(w, 10) ? 0 : below(w, 200);
        if (late && late <= w->head)
            add(w, &w->r, w->head - late, some(w));
        check(w);
    }
}

static void test_a_series_is_as_one_by_one(void **state)
{
    struct world *w = *state;
    struct counts at[200];
    for (int round = 0; round < 60; round++) {
        w->head += below(w, 90);
        ring_advance(&w->r, w->head * STEP);
        int64_t from = below(w, w->head + 1);
        size_t n = (size_t)below(w, 200);
        for (size_t i = 0; i < n; i++) {
            at[i] = round % 4 ? some(w) : (struct counts){0};
            if (from + (int64_t)i > w->head)
                continue; /* not there yet: ignored */
            counts_add(&w->all[from + (int64_t)i], at[i]);
        }
        ring_add_series(&w->r, from * STEP, at, n);
        check(w);
    }
}

static void test_merging_adds(void **state)
{
    struct world *w = *state;
    for (int round = 0; round < 40; round++) {
        struct ring other;
        w->head += below(w, 140);
        ring_advance(&w->r, w->head * STEP);
        ring_init(&other, STEP, BUCKETS, w->head * STEP);
        for (int64_t b = w->head > 150 ? w->head - 150 : 0; b <= w->head; b++)
            add(w, round % 3 ? &other : &w->r, b, some(w));
        ring_merge(&w->r, &other);
        ring_release(&other);
        check(w);
    }
}

/* Taken back, mostly all at once, which is less than the rest of a block counts. */
static void test_corrections_take_back(void **state)
{
    struct world *w = *state;
    const struct counts none = {0};
    while (w->head < 2000) {
        ring_advance(&w->r, ++w->head * STEP);
        add(w, &w->r, w->head, some(w));
        int64_t bucket = w->head - below(w, w->head < 200 ? w->head : 200);
        if (below(w, 3) == 0)
            add(w, &w->r, bucket, counts_minus(none, w->all[bucket]));
        else if (w->all[bucket].good > 0)
            add(w, &w->r, bucket, (struct counts){.good = -1, .bad = 1});
        check(w);
    }
}

static void test_what_is_outside_is_ignored(void **state)
{
    struct world *w = *state;
    struct counts sum = {0};
    ring_advance(&w->r, 5000 * STEP);
    ring_add(&w->r, ring_oldest_us(&w->r) - 1, (struct counts){1, 1, 1});
    ring_add(&w->r, 5001 * STEP, (struct counts){1, 1, 1});
    ring_add(&w->r, -5, (struct counts){1, 1, 1});
    assert_true(ring_oldest_us(&w->r) <= (5000 - BUCKETS) * STEP);
    ring_advance(&w->r, 5002 * STEP);
    ring_sum(&w->r, -100 * STEP, 6000 * STEP, &sum);
    assert_int_equal(counts_empty(sum), true);
    ring_advance(&w->r, 100000 * (int64_t)USEC_PER_DAY);
    ring_advance(&w->r, 0); /* never back */
    assert_true(ring_oldest_us(&w->r) > 90000 * (int64_t)USEC_PER_DAY);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sums_are_those_of_an_array),
        T(test_a_series_is_as_one_by_one),
        T(test_merging_adds),
        T(test_corrections_take_back),
        T(test_what_is_outside_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
