/* Watched windows against the plainest thing that can be right: a list of all
 * events that is gone through at every tick. */
#include "slo/live.h"

#include "base/vec.h"
#include "slo/tiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define T0 (1700000000 * S)
#define LONGEST (9 * DAY)

struct event {
    int64_t slot_us;
    struct counts c;
};

struct world {
    uint64_t rng;
    struct live *l;
    int64_t now_us, tick_us, longest_us;
    int64_t period_us, begin_us; /* of the calendar */
    size_t period;
    VEC(struct event) events;
};

static const int64_t lengths[] = {5 * MIN, 7 * MIN + 3 * S,   30 * MIN, HOUR,    2 * HOUR,
                                  DAY,     6 * HOUR + 17 * S, 3 * DAY,  4 * DAY, 9 * DAY};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

static struct counts one(enum outcome o)
{
    return (struct counts){o == OUTCOME_GOOD, o == OUTCOME_BAD, o == OUTCOME_EXCLUDED};
}

static void add(struct counts *into, struct counts c)
{
    into->good += c.good;
    into->bad += c.bad;
    into->excluded += c.excluded;
}

static struct counts brute(const struct world *w, int64_t t_us, int64_t length_us)
{
    struct counts sum = {0};
    int64_t start = tier_window_start(t_us, length_us);
    for (size_t i = 0; i < w->events.len; i++)
        if (w->events.at[i].slot_us >= start && w->events.at[i].slot_us < t_us)
            add(&sum, w->events.at[i].c);
    return sum;
}

static void assert_same(struct counts a, struct counts b)
{
    assert_int_equal(a.good, b.good);
    assert_int_equal(a.bad, b.bad);
    assert_int_equal(a.excluded, b.excluded);
}

static void forget_old(struct world *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->events.len; i++)
        if (w->events.at[i].slot_us >= w->now_us - LONGEST - 2 * HOUR)
            w->events.at[kept++] = w->events.at[i];
    w->events.len = kept;
}

static void check(struct world *w)
{
    size_t n;
    const struct live_window *at = live_windows(w->l, &n);
    forget_old(w);
    for (size_t i = 0; i < n; i++) {
        int64_t length = at[i].length_us ? at[i].length_us : w->tick_us - w->begin_us;
        assert_same(at[i].counts, brute(w, w->tick_us, length));
        assert_same(at[i].counts, live_sum(w->l, w->tick_us, length));
    }
}

static void tick(struct world *w)
{
    int64_t begin = w->now_us / w->period_us * w->period_us + 30 * MIN; /* as in half-hour zones */
    w->tick_us = w->now_us / EVALUATE_EVERY_US * EVALUATE_EVERY_US;
    if (begin > w->tick_us)
        begin -= w->period_us;
    if (begin != w->begin_us)
        live_rewind(w->l, w->period, w->begin_us = begin);
    live_tick(w->l, w->tick_us);
    check(w);
}

static void event(struct world *w)
{
    /* Most come at once, some as late as a timeout can be, some in crowds. */
    int64_t late = below(w, 20) ? below(w, 3 * S) : below(w, HOUR);
    for (int64_t n = below(w, 200) ? 1 : below(w, 700); n > 0; n--) {
        struct event e = {w->now_us - late, one((enum outcome)(below(w, 10) ? 0 : below(w, 3)))};
        live_add(w->l, e.slot_us,
                 (enum outcome)(e.c.bad    ? OUTCOME_BAD
                                : e.c.good ? OUTCOME_GOOD
                                           : OUTCOME_EXCLUDED));
        vec_push(&w->events, e);
    }
}

/* What a store would tell of a span: by hours, minutes and tens of seconds,
 * each as near as it must be. */
static void restore(struct world *w)
{
    struct live *history = live_new(LONGEST, w->now_us);
    struct counts at[70];
    for (int i = 0; i < 20; i++) {
        int64_t ago = 10 * S + below(w, below(w, 2) ? LONGEST : 4 * HOUR);
        int64_t step = ago > 3 * DAY + 2 * HOUR ? HOUR : ago > 2 * HOUR ? MIN : 10 * S;
        int64_t near = step == HOUR ? 3 * DAY + 2 * HOUR : step == MIN ? 2 * HOUR : 0;
        int64_t start = (w->now_us - ago) / step * step, n = (ago - near) / step + 1;
        n = 1 + below(w, n < (int64_t)countof(at) ? n : (int64_t)countof(at));
        for (int64_t j = 0; j < n; j++) {
            at[j] = below(w, 3) ? (struct counts){below(w, 70000), below(w, 300), 1}
                                : (struct counts){0};
            vec_push(&w->events, ((struct event){start + j * step, at[j]}));
        }
        live_add_counts(history, start, step, at, (size_t)n);
    }
    live_merge(w->l, history);
    live_free(history);
}

static void open_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.rng = seed * 0x9e3779b97f4a7c15 + 1, .now_us = T0};
    w->period_us = seed % 2 ? DAY : 7 * DAY;
    w->l = live_new(LONGEST, T0);
    for (size_t i = 0; i < countof(lengths); i++)
        assert_int_equal(live_watch(w->l, lengths[i]), i);
    w->period = live_watch_period(w->l);
    assert_int_equal(live_watch(w->l, lengths[3]), 3);
    tick(w);
}

static void close_world(struct world *w)
{
    live_free(w->l);
    vec_release(&w->events);
}

static void run(struct world *w, int steps)
{
    for (int i = 0; i < steps; i++) {
        int64_t kind = below(w, 400);
        w->now_us += kind == 0   ? below(w, 12 * DAY)
                     : kind == 1 ? below(w, 5 * HOUR)
                     : kind < 30 ? below(w, 10 * MIN)
                                 : below(w, 9 * S);
        if (kind == 2)
            restore(w);
        event(w);
        if (kind == 3)
            check(w); /* late ones are in at once */
        if (w->now_us >= w->tick_us + EVALUATE_EVERY_US)
            tick(w);
        else if (below(w, 4) == 0)
            check(w);
    }
}

static void test_sums_are_those_of_all_events(void **state)
{
    struct world w;
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        open_world(&w, seed);
        run(&w, 1500);
        assert_true(w.events.len > 10);
        close_world(&w);
    }
}

/* A reload watches others; what was counted stays. */
static void test_windows_can_be_chosen_again(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, 11);
    run(&w, 300);
    live_unwatch(w.l);
    assert_int_equal(live_watch(w.l, 3 * HOUR), 0);
    assert_int_equal(live_watch(w.l, 9 * DAY), 1);
    w.period = live_watch_period(w.l);
    live_rewind(w.l, w.period, w.begin_us);
    w.now_us += 10 * S;
    tick(&w);
    run(&w, 300);
    close_world(&w);
}

/* The long windows begin at whole minutes: 20 s before. */
static void test_steady_days_do_not_creep(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, 2);
    size_t n;
    int64_t end = T0 + 4 * DAY;
    for (int64_t t = T0; t < end; t += 10 * S) {
        live_add(w.l, t + 3 * S, t % (1000 * S) ? OUTCOME_GOOD : OUTCOME_BAD);
        live_tick(w.l, t + 10 * S);
    }
    const struct live_window *at = live_windows(w.l, &n);
    for (size_t i = 0; i < n; i++) {
        int64_t length = at[i].length_us ? at[i].length_us : end - w.begin_us;
        assert_same(at[i].counts, live_sum(w.l, end, length));
    }
    assert_int_equal(counts_total(at[2].counts), 180);
    assert_int_equal(counts_total(at[3].counts), 360);
    assert_int_equal(counts_total(at[7].counts), 3 * 8640 + 2);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_those_of_all_events),
        cmocka_unit_test(test_windows_can_be_chosen_again),
        cmocka_unit_test(test_steady_days_do_not_creep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
