/* The write-ahead log: moved beside the commits, begun anew, never in the way. */
#include "fixture.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/checkpoint.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PAGE 4096
#define BATCH 1024

static struct store_stats stats(struct fixture *f)
{
    struct store_stats st;
    store_get_stats(f->store, &st);
    return st;
}

/* Results from slot `first` on, each with a KiB of evidence, are committed. */
static void commit_results(struct fixture *f, int first, int n)
{
    static const char body[STORE_EVIDENCE_MAX] = "body";
    for (int i = first; i < first + n; i++) {
        struct result r = result_at(T0 + i, OUTCOME_BAD, REASON_STATUS, 5);
        assert_true(store_reserve(f->store));
        store_push_result(
            f->store, 0, &r,
            &(struct store_extra){.message = "status 500", .body = body, .body_len = sizeof(body)});
    }
    fixture_flush(f);
}

static void begin(struct fixture *f)
{
    struct probe_def def = probe_def("p", USEC_PER_SEC);
    fixture_init(f);
    fixture_open(f);
    store_push_probe(f->store, 0, &def, T0);
}

/* Until checkpoints have ended `turns` times since the store was opened. */
static void await_checkpoints(struct fixture *f, int64_t turns)
{
    int64_t end_ns = clock_mono_ns() + PATIENCE_US * NSEC_PER_USEC;
    while (stats(f).slices[STORE_SLICE_CHECKPOINT].turns < turns) {
        assert_true(clock_mono_ns() < end_ns);
        sched_yield();
    }
}

static bool is_long(struct fixture *f)
{
    return stats(f).wal_bytes >= CHECKPOINT_PAGES * PAGE;
}

/* Commits, from `first` on, until a checkpoint is due; how many. */
static int until_long(struct fixture *f, int first)
{
    int n = 0;
    for (; !is_long(f); n += BATCH)
        commit_results(f, first + n, BATCH);
    return n;
}

/* Commits one result after another until the log is short; how many. */
static int until_short(struct fixture *f, int first)
{
    int64_t end_ns = clock_mono_ns() + PATIENCE_US * NSEC_PER_USEC;
    int n = 0;
    for (; is_long(f); n++) {
        assert_true(clock_mono_ns() < end_ns);
        commit_results(f, first + n, 1);
    }
    return n;
}

static void the_log_begins_anew(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int n = until_long(&f, 0);
    n += until_short(&f, n);
    struct store_stats st = stats(&f);
    assert_true(st.slices[STORE_SLICE_CHECKPOINT].longest_us > 0);
    assert_int_equal(st.slices[STORE_SLICE_CHECKPOINT].failures, 0);
    assert_string_equal(st.error, "");
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM evidence"), n);
    fixture_release(&f);
}

static void a_reader_only_keeps_the_log(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {{0}};
    struct store_heartbeat beat;
    begin(&f);
    commit_results(&f, 0, 1);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_begin(r, &err), 0);
    assert_int_equal(store_reader_heartbeat(r, &beat, &err), 0); /* looks, from here on */
    int n = 1 + until_long(&f, 1);
    await_checkpoints(&f, 1);
    for (int k = 0; k < 8; k++, n += BATCH)
        commit_results(&f, n, BATCH);
    assert_true(stats(&f).wal_bytes >= CHECKPOINT_PAGES * PAGE * 3 / 2);
    assert_int_equal(stats(&f).failed_commits, 0);
    store_reader_end(r);
    n += until_short(&f, n);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM evidence"), n);
    store_reader_free(r);
    fixture_release(&f);
}

/* To begin a checkpoint on a log that is moved as a whole, while a commit may
 * begin it anew, loses commits (checkpoint.h). */
static void a_moved_log_is_left_alone_until_a_commit(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int n = until_long(&f, 0);
    await_checkpoints(&f, 1);
    int64_t end_ns = clock_mono_ns() + 3 * CHECKPOINT_EVERY_US * NSEC_PER_USEC / 2;
    while (clock_mono_ns() < end_ns)
        fixture_settle(&f); /* each asks for one */
    assert_true(is_long(&f));
    assert_int_equal(stats(&f).slices[STORE_SLICE_CHECKPOINT].turns, 1);
    assert_true(until_short(&f, n) > 0);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_begins_anew),
        cmocka_unit_test(a_reader_only_keeps_the_log),
        cmocka_unit_test(a_moved_log_is_left_alone_until_a_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
