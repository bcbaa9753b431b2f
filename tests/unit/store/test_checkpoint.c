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
#define BATCH 4096 /* results whose evidence fills more than CHECKPOINT_PAGES */

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
        store_push_result(f->store, 0, &r, "status 500", body, sizeof(body));
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

static void await_checkpoint(struct fixture *f)
{
    int64_t end_ns = clock_mono_ns() + PATIENCE_US * NSEC_PER_USEC;
    int64_t turns = stats(f).slices[STORE_SLICE_CHECKPOINT].turns;
    while (stats(f).slices[STORE_SLICE_CHECKPOINT].turns == turns) {
        assert_true(clock_mono_ns() < end_ns);
        sched_yield();
    }
}

/* A commit after each checkpoint until the log is short; how many. */
static int until_short(struct fixture *f, int first)
{
    int n = 0;
    while (stats(f).wal_bytes >= CHECKPOINT_PAGES * PAGE) {
        await_checkpoint(f);
        commit_results(f, first + n, 1);
        n++;
    }
    return n;
}

static void the_log_begins_anew(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    commit_results(&f, 0, BATCH);
    assert_true(stats(&f).wal_bytes >= CHECKPOINT_PAGES * PAGE);
    int n = until_short(&f, BATCH);
    struct store_stats st = stats(&f);
    assert_true(st.slices[STORE_SLICE_CHECKPOINT].longest_us > 0);
    assert_int_equal(st.slices[STORE_SLICE_CHECKPOINT].failures, 0);
    assert_string_equal(st.error, "");
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM evidence"), BATCH + n);
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
    for (int k = 0; k < 3; k++)
        commit_results(&f, 1 + k * BATCH, BATCH);
    assert_true(stats(&f).wal_bytes >= 3 * CHECKPOINT_PAGES * PAGE);
    assert_int_equal(stats(&f).failed_commits, 0);
    store_reader_end(r);
    int n = until_short(&f, 1 + 3 * BATCH);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM evidence"), 1 + 3 * BATCH + n);
    store_reader_free(r);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_begins_anew),
        cmocka_unit_test(a_reader_only_keeps_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
