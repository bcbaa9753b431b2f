/* Whatever the pages, results come in the order in which they were done, with the
 * samples of their slot. */
#include "engine/replay_feed.h"

#include "base/mem.h"
#include "base/units.h"
#include "nines/store.h"
#include "nines/store_reader.h"
#include "slo/expected.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define T0 (20022 * USEC_PER_DAY)
#define RUNS 5000
#define PATIENCE (30 * S)

struct world {
    uint64_t rng;
    char dir[64];
    char *path;
    struct store *store;
    struct store_reader *reader;
    struct probe_def probe;
    int64_t done_us[RUNS]; /* of the slot T0 + i seconds */
    bool scraped[RUNS];
};

static int64_t below(struct world *w, int64_t n)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return (int64_t)(w->rng % (uint64_t)n);
}

/* Each run outlasts dozens that begin after it. */
static void run(struct world *w, int i, int64_t longest_us)
{
    struct result r = {.slot_us = T0 + i * S, .outcome = OUTCOME_GOOD};
    struct sample at[] = {{"a", i}, {"b{c=\"d\"}", -i}};
    struct store_extra extra = {.samples = at, .sample_count = (size_t)(i % 3)};
    r.done_us = w->done_us[i] = r.slot_us + below(w, longest_us);
    w->scraped[i] = below(w, 2);
    r.flags = w->scraped[i] ? RESULT_SCRAPED : 0;
    assert_true(store_reserve(w->store));
    assert_true(store_push_result(w->store, 0, &r, w->scraped[i] ? &extra : NULL));
}

static void fill(struct world *w, int64_t longest_us)
{
    struct store_options o = {.path = w->path};
    struct err err;
    if (store_open(&o, &w->store, &err) < 0)
        fail_msg("%s", err.msg);
    store_push_probe(w->store, 0, &w->probe, T0);
    for (int i = 0; i < RUNS; i++)
        run(w, i, longest_us);
    assert_int_equal(store_flush(w->store, PATIENCE, &err), 0);
    assert_int_equal(store_reader_open(w->path, &w->reader, &err), 0);
}

static void check_row(const struct world *w, const struct feed_row *row, bool samples)
{
    int64_t i = (row->result.slot_us - T0) / S;
    assert_in_range(i, 0, RUNS - 1);
    assert_int_equal(row->result.done_us, w->done_us[i]);
    assert_true(row->measured);
    assert_int_equal(row->at != NULL, samples && w->scraped[i]);
    if (!row->at)
        return;
    assert_int_equal(row->n, i % 3);
    if (row->n > 1) {
        assert_string_equal(row->at[1].series, "b{c=\"d\"}");
        assert_true(row->at[1].value == (double)-i);
    }
}

/* All that was done in (from, to], and nothing else. */
static void drain(struct world *w, bool samples, int64_t from_us, int64_t to_us)
{
    struct feed f;
    struct err err;
    int64_t done_us = from_us, slot_us = 0, n = 0, wanted = 0;
    feed_init(&f, "api", samples, S, from_us, to_us);
    while (feed_fill(&f, w->reader, &err) > 0) {
        const struct result *r = &feed_first(&f)->result;
        assert_true(r->done_us > done_us || (r->done_us == done_us && r->slot_us > slot_us));
        done_us = r->done_us;
        slot_us = r->slot_us;
        check_row(w, feed_first(&f), samples);
        feed_next(&f);
        n++;
    }
    feed_release(&f);
    for (int i = 0; i < RUNS; i++)
        wanted += w->done_us[i] > from_us && w->done_us[i] <= to_us;
    assert_int_equal(n, wanted);
}

static void test_order(void **state)
{
    struct world *w = *state;
    fill(w, 60 * S);
    for (int i = 0; i < 2; i++) {
        drain(w, i, T0 - S, T0 + 2 * RUNS * S);
        drain(w, i, T0 + 1717 * S, T0 + 4040 * S);
        drain(w, i, w->done_us[100], w->done_us[101] + S);
    }
}

/* An hour is the longest that a run may last. */
static void test_long_runs(void **state)
{
    struct world *w = *state;
    fill(w, USEC_PER_HOUR);
    drain(w, false, T0 - S, T0 + 3 * RUNS * S);
    drain(w, true, T0 + 3000 * S, T0 + 5000 * S);
}

static void test_left_half_way(void **state)
{
    struct world *w = *state;
    struct feed f;
    fill(w, 60 * S);
    feed_init(&f, "api", true, S, T0, T0 + RUNS * S);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(feed_fill(&f, w->reader, NULL), 1);
        feed_next(&f);
    }
    feed_release(&f);
    feed_init(&f, "nobody", false, S, T0, T0 + RUNS * S);
    assert_int_equal(feed_fill(&f, w->reader, NULL), 0);
    feed_release(&f);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->rng = 0x9e3779b97f4a7c15;
    w->probe = (struct probe_def){.id = "api", .interval_us = S, .timeout_us = USEC_PER_HOUR};
    snprintf(w->dir, sizeof(w->dir), "/tmp/nines-feed-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/t.db", w->dir);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"t.db", "t.db-wal", "t.db-shm", "t.db.lock"};
    store_reader_free(w->reader);
    if (w->store)
        assert_int_equal(store_close(w->store, PATIENCE, NULL), 0);
    for (size_t i = 0; i < countof(names); i++) {
        mem_auto char *path = mem_printf("%s/%s", w->dir, names[i]);
        unlink(path);
    }
    rmdir(w->dir);
    free(w->path);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_half_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
