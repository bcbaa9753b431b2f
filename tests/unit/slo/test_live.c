#include "slo/live.h"

#include "base/mem.h"
#include "slo/tiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define S USEC_PER_SEC
#define T0 (1700000000 * S)

static uint64_t rng = 88172645463325252;

static int64_t below(int64_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (int64_t)(rng % (uint64_t)n);
}

static void add(struct counts *sum, enum outcome o)
{
    sum->good += o == OUTCOME_GOOD;
    sum->bad += o == OUTCOME_BAD;
    sum->excluded += o == OUTCOME_EXCLUDED;
}

struct event {
    int64_t slot;
    enum outcome outcome;
};

static struct counts brute(const struct event *e, size_t n, int64_t t, int64_t length)
{
    struct counts sum = {0};
    int64_t start = tier_window_start(t, length);
    for (size_t i = 0; i < n; i++)
        if (e[i].slot >= start && e[i].slot < t)
            add(&sum, e[i].outcome);
    return sum;
}

static void same(struct counts a, struct counts b)
{
    assert_int_equal(a.good, b.good);
    assert_int_equal(a.bad, b.bad);
    assert_int_equal(a.excluded, b.excluded);
}

static const int64_t lengths[] = {5 * USEC_PER_MIN,  7 * USEC_PER_MIN + 3 * S,
                                  30 * USEC_PER_MIN, USEC_PER_HOUR,
                                  2 * USEC_PER_HOUR, 6 * USEC_PER_HOUR + 17 * S,
                                  USEC_PER_DAY,      3 * USEC_PER_DAY,
                                  4 * USEC_PER_DAY,  7 * USEC_PER_DAY};

/* Events come in the order of their end, up to two minutes after their slot;
 * gaps of hours come too. */
static void sums_are_exact(void **state)
{
    (void)state;
    size_t n = 0, max = 40000;
    struct event *e = mem_array(max, sizeof(*e));
    struct live *l = live_new(7 * USEC_PER_DAY, T0);
    int64_t now = T0;
    while (n < max) {
        now += below(400) == 0 ? below(5 * USEC_PER_HOUR) : below(40 * S);
        e[n] = (struct event){now - below(120 * S), (enum outcome)below(3)};
        live_add(l, e[n].slot, e[n].outcome);
        n++;
        if (n % 400)
            continue;
        live_advance(l, now);
        int64_t t = now / EVALUATE_EVERY_US * EVALUATE_EVERY_US;
        t -= below(60) * EVALUATE_EVERY_US;
        for (size_t i = 0; i < countof(lengths); i++)
            same(live_sum(l, t, lengths[i]), brute(e, n, t, lengths[i]));
    }
    live_free(l);
    free(e);
}

/* What a restart does: hours, then minutes, then single events; in a second
 * object that is merged into one that has been running meanwhile. */
static void restart_gives_the_same(void **state)
{
    (void)state;
    const int64_t now = T0, day = USEC_PER_DAY;
    struct live *whole = live_new(7 * day, now), *running = live_new(7 * day, now),
                *history = live_new(7 * day, now - 10 * S);
    int64_t start = (now - 7 * day) / USEC_PER_HOUR * USEC_PER_HOUR - USEC_PER_HOUR;
    int64_t minutes = (now - 3 * day) / USEC_PER_HOUR * USEC_PER_HOUR - USEC_PER_HOUR;
    int64_t rows = now / USEC_PER_HOUR * USEC_PER_HOUR - 2 * USEC_PER_HOUR;
    struct counts step = {0};
    for (int64_t slot = start; slot < now; slot += 10 * S) {
        enum outcome o = (enum outcome)below(3);
        int64_t len = slot < minutes ? USEC_PER_HOUR : USEC_PER_MIN;
        live_add(whole, slot, o);
        if (slot >= now - 60 * S)
            live_add(running, slot, o);
        else if (slot >= rows)
            live_add(history, slot, o);
        if (slot >= rows)
            continue;
        add(&step, o);
        if ((slot + 10 * S) % len == 0) {
            live_add_counts(history, slot / len * len, len, &step, 1);
            step = (struct counts){0};
        }
    }
    live_merge(running, history);
    live_advance(running, now);
    live_advance(whole, now);
    for (size_t i = 0; i < countof(lengths); i++)
        same(live_sum(running, now, lengths[i]), live_sum(whole, now, lengths[i]));
    assert_true(live_sum(whole, now, 7 * day).bad > 18000);
    live_free(whole);
    live_free(running);
    live_free(history);
}

static void edges(void **state)
{
    (void)state;
    struct live *l = live_new(USEC_PER_DAY, T0);
    live_add(l, T0 - 10 * S, OUTCOME_BAD);
    live_add(l, T0 - 1, OUTCOME_GOOD);
    live_add(l, T0, OUTCOME_EXCLUDED); /* at t: not before it */
    same(live_sum(l, T0, 10 * S), (struct counts){1, 1, 0});
    same(live_sum(l, T0 + 10 * S, 10 * S), (struct counts){0, 0, 1});
    same(live_sum(l, T0, 0), (struct counts){0});
    live_add(l, T0 - 400 * USEC_PER_DAY, OUTCOME_BAD); /* before everything: ignored */
    same(live_sum(l, T0 + 10 * S, USEC_PER_DAY), (struct counts){1, 1, 1});
    live_advance(l, T0 + 500 * USEC_PER_DAY); /* a long suspend */
    same(live_sum(l, T0 + 500 * USEC_PER_DAY, USEC_PER_DAY), (struct counts){0});
    live_advance(l, T0); /* never back */
    live_free(l);
    live_free(NULL);
    l = live_new(USEC_PER_DAY, 0); /* clocks of tests start at the epoch */
    live_add(l, 0, OUTCOME_GOOD);
    same(live_sum(l, 10 * S, USEC_PER_DAY), (struct counts){1, 0, 0});
    live_free(l);
}

static struct counts since(const struct live *l, size_t window)
{
    size_t n;
    const struct live_window *w = live_windows(l, &n);
    assert_true(window < n);
    return w[window].counts;
}

/* An instant within an hour: exact while minutes are kept, and once only hours are, also
 * when the window is summed up afresh and events come late before and behind it. */
static void since_an_instant(void **state)
{
    (void)state;
    const int64_t hour = T0 / USEC_PER_HOUR * USEC_PER_HOUR, at = hour + 25 * USEC_PER_MIN;
    struct live *l = live_new(10 * USEC_PER_DAY, hour);
    int64_t t = hour, behind = 0;
    size_t window = 0;
    for (; t < hour + 9 * USEC_PER_DAY; t += USEC_PER_MIN) {
        live_add(l, t + 7 * S, OUTCOME_GOOD);
        behind += t >= at;
        if (t == at - 5 * USEC_PER_MIN) /* it is to come */
            window = live_watch_since(l, at, NULL);
        if (t == at + USEC_PER_MIN) {
            live_add(l, at - 1, OUTCOME_GOOD);
            live_add(l, at, OUTCOME_GOOD);
            behind++;
        }
        if ((t - hour) % (11 * USEC_PER_HOUR) == 0)
            live_watch(l, t - hour + USEC_PER_HOUR); /* all are summed up afresh */
        live_tick(l, t + USEC_PER_MIN);
        if (t >= at - 5 * USEC_PER_MIN)
            assert_int_equal(since(l, window).good, behind);
    }
    /* Told anew, with what came in its hour before it: 25, and the late one. */
    struct counts head = {.good = 26};
    live_unwatch(l);
    window = live_watch_since(l, at, &head);
    assert_int_equal(live_watch_since(l, at, &head), window);
    live_tick(l, t);
    assert_int_equal(since(l, window).good, behind);
    live_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(restart_gives_the_same),
        cmocka_unit_test(edges),
        cmocka_unit_test(since_an_instant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
