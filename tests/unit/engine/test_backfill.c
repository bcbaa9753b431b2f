/* Windows that are read back from a database against the events that went into
 * it: rolled up or not, done in time or late, read in both ways. */
#include "engine/backfill.h"

#include "base/mem.h"
#include "base/vec.h"
#include "nines/probe.h"
#include "slo/live.h"
#include "slo/tiers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define MIN USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define T0 (20000 * DAY)
#define INTERVAL (20 * S)
#define LONGEST (5 * DAY)
#define PATIENCE (30 * S)

static struct probe_def probe = {
    .id = "api", .interval_us = INTERVAL, .timeout_us = 10 * S, .max_in_flight = 1};
static struct sli_def sli = {.probe = "api", .key = "api", .classify = {0}};

struct world {
    char dir[64];
    char *path;
    uint64_t rng;
    VEC(struct result) results;
    struct store_reader *reader;
};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

static void add_result(struct world *w, struct store *s, int64_t slot_us)
{
    int64_t draw = below(w, 100);
    int64_t took = below(w, 30) ? below(w, S) : below(w, 10 * S); /* some end late */
    struct result r = {.slot_us = slot_us, .done_us = slot_us + took, .total_us = took};
    r.outcome = draw < 5    ? OUTCOME_BAD
                : draw < 8  ? OUTCOME_EXCLUDED
                : draw < 10 ? OUTCOME_SKIPPED
                            : OUTCOME_GOOD;
    r.reason = r.outcome == OUTCOME_GOOD      ? REASON_NONE
               : r.outcome == OUTCOME_SKIPPED ? REASON_PROBER
                                              : REASON_STATUS;
    assert_true(store_reserve(s));
    store_push_result(s, 0, &r, NULL);
    vec_push(&w->results, r);
}

/* Six days and some minutes, with a gap of nine hours. */
static void record(struct world *w, int64_t end_us)
{
    struct store *s;
    struct err err;
    struct store_options o = {.path = w->path};
    assert_int_equal(store_open(&o, &s, &err), 0);
    store_push_probe(s, 0, &probe, T0);
    store_push_sli(s, &sli);
    for (int64_t t = T0; t < end_us; t += INTERVAL)
        if (t < T0 + 2 * DAY || t >= T0 + 2 * DAY + 9 * HOUR)
            add_result(w, s, t);
    store_push_heartbeat(s, end_us, end_us);
    assert_int_equal(store_settle(s, PATIENCE, &err), 0);
    assert_int_equal(store_close(s, PATIENCE, &err), 0);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->rng = 0x9e3779b97f4a7c15;
    snprintf(w->dir, sizeof(w->dir), "/tmp/nines-backfill-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/t.db", w->dir);
    memset(sli.classify, -1, sizeof(sli.classify));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"t.db", "t.db-wal", "t.db-shm", "t.db.lock"};
    store_reader_free(w->reader);
    for (size_t i = 0; i < countof(names); i++) {
        mem_auto char *path = mem_printf("%s/%s", w->dir, names[i]);
        unlink(path);
    }
    rmdir(w->dir);
    vec_release(&w->results);
    free(w->path);
    free(w);
    return 0;
}

/* What was done by `attached` and has its slot in the window. */
static struct counts brute(const struct world *w, int64_t attached_us, int64_t t_us,
                           int64_t length_us)
{
    struct counts c = {0};
    int64_t start = tier_window_start(t_us, length_us);
    for (size_t i = 0; i < w->results.len; i++) {
        const struct result *r = &w->results.at[i];
        if (r->slot_us < start || r->slot_us >= t_us || r->done_us > attached_us)
            continue;
        c.good += r->outcome == OUTCOME_GOOD;
        c.bad += r->outcome == OUTCOME_BAD;
        c.excluded += r->outcome == OUTCOME_EXCLUDED;
    }
    return c;
}

static void check(const struct world *w, const struct live *l, int64_t attached_us, int64_t t_us)
{
    static const int64_t lengths[] = {5 * MIN,  30 * MIN, HOUR,    2 * HOUR,
                                      6 * HOUR, DAY,      3 * DAY, 5 * DAY};
    for (size_t i = 0; i < countof(lengths); i++) {
        struct counts have = live_sum(l, t_us, lengths[i]);
        struct counts want = brute(w, attached_us, t_us, lengths[i]);
        assert_int_equal(have.good, want.good);
        assert_int_equal(have.bad, want.bad);
        assert_int_equal(have.excluded, want.excluded);
    }
}

static void attach(struct world *w, bool all_done, int64_t attached_us)
{
    struct err err;
    struct live *l = NULL;
    struct backfill b = {.reader = w->reader,
                         .sli = &sli,
                         .longest_us = LONGEST,
                         .attached_us = attached_us,
                         .all_done = all_done};
    assert_int_equal(backfill_read(&b, &l, &err), 0);
    int64_t t = (attached_us / EVALUATE_EVERY_US + 1) * EVALUATE_EVERY_US;
    for (int i = 0; i < 5; i++, t += 50 * S) {
        live_advance(l, t);
        check(w, l, all_done ? INT64_MAX : attached_us, t);
    }
    assert_true(b.events > 5000);
    assert_true(b.minutes > 0);
    live_free(l);
    backfill_release(&b);
}

static void read_back(struct world *w, int64_t end_us)
{
    struct err err;
    record(w, end_us);
    assert_int_equal(store_reader_open(w->path, &w->reader, &err), 0);
    attach(w, true, end_us + 3 * S + 17);
    attach(w, false, end_us + 3 * S + 17);
    /* While probes run some of what is stored has ended since. */
    attach(w, false, (end_us - 90 * S) / INTERVAL * INTERVAL + 3);
    attach(w, false, end_us - 40 * MIN);
}

static void test_in_the_middle_of_an_hour(void **state)
{
    read_back(*state, T0 + 6 * DAY + 23 * MIN + 41 * S);
}

static void test_just_after_midnight(void **state)
{
    read_back(*state, T0 + 6 * DAY + 11 * S);
}

/* The prober was down before: a part of the windows holds nothing. */
static void test_after_a_gap(void **state)
{
    read_back(*state, T0 + 2 * DAY + 9 * HOUR + 2 * MIN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_in_the_middle_of_an_hour),
        T(test_just_after_midnight),
        T(test_after_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
