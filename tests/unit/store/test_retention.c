/*
 * What is old goes, and nothing that is said about the rest changes: the same
 * questions are asked of a store that deletes and of one that does not.
 */
#include "fixture.h"

#include "base/mem.h"
#include "model/sketch.h"
#include "store/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define INTERVAL (37 * USEC_PER_SEC) /* cuts minutes and hours unevenly */
#define HOURS 40                     /* too few results to be sealed */
#define SLOTS (HOURS * USEC_PER_HOUR / INTERVAL)
#define NOW (T0 + HOURS * USEC_PER_HOUR + 1234567890)
#define KEEP (20 * USEC_PER_HOUR)
#define RAW_SINCE ((NOW - KEEP) / USEC_PER_HOUR * USEC_PER_HOUR)
#define HANDLE 4

static int64_t slot_us(int64_t i)
{
    return T0 + 1234567 + i * INTERVAL;
}

/* Some minutes in some hours are empty. */
static bool is_present(int64_t i)
{
    return i % 400 < 3 || i % 400 > 8;
}

static struct sli_def slow(void)
{
    return sli_def("p", 500000, "p faster_than=500000us");
}

static struct sli_def lenient(void)
{
    struct sli_def sli = sli_def("p", 0, "p classify=rate_limited:excluded");
    sli.classify[REASON_RATE_LIMITED] = OUTCOME_EXCLUDED;
    return sli;
}

static struct result result_of(int64_t i)
{
    static const enum reason reasons[] = {REASON_DNS, REASON_STATUS, REASON_RATE_LIMITED};
    int64_t total = 1000 + i * 7919 % 900000;
    if (i % 11 == 5)
        return result_at(slot_us(i), OUTCOME_BAD, reasons[i % 3], total);
    return result_at(slot_us(i), i % 50 == 7 ? OUTCOME_EXCLUDED : OUTCOME_GOOD, REASON_NONE, total);
}

static void declare(struct store *s)
{
    struct probe_def def = probe_def("p", INTERVAL);
    struct sli_def a = slow(), b = lenient();
    store_push_probe(s, HANDLE, &def, T0);
    store_push_sli(s, &a);
    store_push_sli(s, &b);
}

static void push_history(struct store *s)
{
    for (int64_t i = 0; i < SLOTS; i++) {
        struct result r = result_of(i);
        if (!is_present(i))
            continue;
        assert_true(store_reserve(s));
        store_push_result(
            s, HANDLE, &r,
            &(struct store_extra){.message = r.outcome == OUTCOME_BAD ? "it broke" : NULL});
    }
    store_push_heartbeat(s, NOW, NOW);
}

/* Two stores with the same history; only the first one deletes. */
struct pair_of {
    struct fixture f, whole;
    struct store_reader *r, *rw;
};

static int setup(void **state)
{
    struct pair_of *p = mem_alloc(sizeof(*p));
    struct fixture *both[] = {&p->f, &p->whole};
    for (size_t i = 0; i < countof(both); i++) {
        fixture_init(both[i]);
        fixture_open(both[i]);
        declare(both[i]->store);
        push_history(both[i]->store);
        fixture_settle(both[i]);
    }
    p->r = fixture_reader(&p->f);
    p->rw = fixture_reader(&p->whole);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair_of *p = *state;
    store_reader_free(p->r);
    store_reader_free(p->rw);
    fixture_release(&p->f);
    fixture_release(&p->whole);
    free(p);
    return 0;
}

static void keep_results(struct store *s, int64_t keep_us)
{
    store_set_retention(s, &(struct store_retention){.results_us = keep_us});
}

static void retain(struct pair_of *p)
{
    keep_results(p->f.store, KEEP);
    fixture_settle(&p->f);
}

/* Alive all the time, a heartbeat a minute. */
static void beat(struct store *s, int64_t from_us, int64_t to_us)
{
    for (int64_t t = from_us; t < to_us; t += USEC_PER_MIN)
        store_push_heartbeat(s, t, NOW);
    store_push_heartbeat(s, to_us, NOW);
}

/* ---- the same questions ------------------------------------------------------- */

static void same_counts(struct pair_of *p, int64_t from, int64_t to)
{
    struct sli_def slis[] = {slow(), lenient()};
    for (size_t i = 0; i < countof(slis); i++) {
        struct counts a, b;
        struct err err = {{0}};
        if (store_reader_counts(p->r, &slis[i], from, to, &a, &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(store_reader_counts(p->rw, &slis[i], from, to, &b, NULL), 0);
        assert_memory_equal(&a, &b, sizeof(a));
    }
}

static void same_spans(struct pair_of *p, int64_t from, int64_t to)
{
    struct sli_def sli = slow();
    int64_t a[REASON_COUNT], b[REASON_COUNT];
    struct sketch x = SKETCH_INIT, y = SKETCH_INIT;
    bool lower;
    assert_int_equal(store_reader_reasons(p->r, &sli, from, to, a, NULL), 0);
    assert_int_equal(store_reader_reasons(p->rw, &sli, from, to, b, NULL), 0);
    assert_memory_equal(a, b, sizeof(a));
    assert_int_equal(store_reader_latency(p->r, "p", from, to, &x, NULL), 0);
    assert_int_equal(store_reader_latency(p->rw, "p", from, to, &y, NULL), 0);
    assert_int_equal(x.count, y.count);
    assert_int_equal(x.censored, y.censored);
    for (int q = 5; q <= 100; q += 5)
        assert_int_equal(sketch_quantile(&x, q, 100, &lower), sketch_quantile(&y, q, 100, &lower));
    sketch_release(&x);
    sketch_release(&y);
}

static void counts_refused(struct store_reader *r, int64_t from, int64_t to)
{
    struct sli_def sli = slow();
    struct counts c;
    struct err err = {{0}};
    assert_int_equal(store_reader_counts(r, &sli, from, to, &c, &err), -1);
    assert_non_null(strstr(err.msg, "by the minute only (retention.raw); use whole minutes"));
}

static void spans_refused(struct store_reader *r, int64_t from, int64_t to)
{
    struct sli_def sli = slow();
    int64_t reasons[REASON_COUNT];
    struct sketch sketch = SKETCH_INIT;
    struct err err = {{0}};
    assert_int_equal(store_reader_latency(r, "p", from, to, &sketch, &err), -1);
    assert_non_null(strstr(err.msg, "by the hour only (retention.raw); use whole hours"));
    assert_int_equal(store_reader_reasons(r, &sli, from, to, reasons, &err), -1);
    sketch_release(&sketch);
}

static void all_answers_are_the_same(struct pair_of *p)
{
    same_counts(p, 0, NOW);
    for (int64_t length = 1; length < KEEP - USEC_PER_HOUR; length += 1234567891) {
        same_counts(p, NOW - length, NOW);
        same_spans(p, NOW - length, NOW);
    }
    same_counts(p, RAW_SINCE + 1, NOW);
    same_spans(p, RAW_SINCE, RAW_SINCE + 5 * USEC_PER_MIN + 3);
    for (int64_t from = T0; from < RAW_SINCE; from += 17 * USEC_PER_MIN)
        same_counts(p, from, from + 95 * USEC_PER_MIN);
    for (int64_t from = T0; from < RAW_SINCE; from += 5 * USEC_PER_HOUR)
        same_spans(p, from, from + 7 * USEC_PER_HOUR);
}

/* ---- tests ---------------------------------------------------------------------- */

static void only_old_hours_go(void **state)
{
    struct pair_of *p = *state;
    int64_t rollups = fixture_sql(&p->f, "SELECT count(*) FROM rollup");
    int64_t left = 0, sum = fixture_sql(&p->f, "SELECT sum(good) + sum(bad) FROM rollup");
    for (int64_t i = 0; i < SLOTS; i++)
        left += is_present(i) && slot_us(i) >= RAW_SINCE;
    all_answers_are_the_same(p);
    int64_t had = fixture_sql(&p->f, "SELECT count(*) FROM result");
    retain(p);
    assert_int_equal(fixture_sql(&p->f, "SELECT raw_since FROM probe"), RAW_SINCE);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM result"), left);
    struct store_stats st;
    store_get_stats(p->f.store, &st);
    assert_int_equal(st.deleted_results, had - left);
    assert_true(fixture_sql(&p->f, "SELECT min(slot) FROM result") >= RAW_SINCE);
    assert_true(fixture_sql(&p->f, "SELECT min(slot) FROM evidence") >= RAW_SINCE);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM rollup"), rollups);
    assert_int_equal(fixture_sql(&p->f, "SELECT sum(good) + sum(bad) FROM rollup"), sum);
    all_answers_are_the_same(p);
    struct store_probe known;
    assert_int_equal(store_reader_probe(p->r, "p", &known, NULL), 1);
    assert_int_equal(known.raw_since_us, RAW_SINCE);
    assert_int_equal(known.first_event_us, slot_us(0));
    free(known.revisions);
}

static void what_rollups_cannot_say_is_an_error(void **state)
{
    struct pair_of *p = *state;
    struct sli_def sli = slow();
    struct counts c[3];
    retain(p);
    int64_t hour = RAW_SINCE - 5 * USEC_PER_HOUR, minute = hour + 7 * USEC_PER_MIN;
    counts_refused(p->r, slot_us(100), NOW);
    counts_refused(p->r, minute, minute + 90 * USEC_PER_MIN + 1);
    counts_refused(p->r, minute, minute + 30 * USEC_PER_SEC);
    counts_refused(p->r, RAW_SINCE - 1, NOW);
    assert_int_equal(store_reader_series(p->r, &sli, hour, 30 * USEC_PER_SEC, 3, c, NULL), -1);
    spans_refused(p->r, minute, NOW);
    spans_refused(p->r, hour, minute);
    spans_refused(p->r, minute, minute + USEC_PER_HOUR);
    spans_refused(p->r, RAW_SINCE - USEC_PER_MIN, RAW_SINCE + USEC_PER_MIN);
    /* Nothing is cut where there is nothing. */
    same_counts(p, T0 - 12345, minute);
    same_counts(p, slot_us(405) + 5, minute);
    same_spans(p, T0 - 12345, hour);
}

static void nothing_goes_without_a_prober(void **state)
{
    struct pair_of *p = *state;
    int64_t rows = fixture_sql(&p->f, "SELECT count(*) FROM result");
    fixture_close(&p->f);
    fixture_open(&p->f);
    retain(p);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM result"), rows);
    store_push_heartbeat(p->f.store, NOW, NOW);
    fixture_settle(&p->f);
    assert_true(fixture_sql(&p->f, "SELECT count(*) FROM result") < rows);
}

/* Whatever is not rolled up is needed. */
static void rollups_come_first(void **state)
{
    struct pair_of *p = *state;
    struct import_row row = {"p", result_at(T0 + USEC_PER_HOUR + 5, OUTCOME_BAD, REASON_DNS, 9), 1};
    struct import_batch b = {.rows = &row, .n = 1, .import_id = 1};
    import_now(p->f.store, &b);
    import_now(p->whole.store, &b);
    assert_int_equal(fixture_sql(&p->f, "SELECT max(rolled_through) FROM roll_stream"),
                     T0 + USEC_PER_HOUR);
    retain(p); /* rolls up, and only then deletes */
    assert_int_equal(fixture_sql(&p->f, "SELECT raw_since FROM probe"), RAW_SINCE);
    all_answers_are_the_same(p);
}

static void hours_not_yet_complete_stay(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_open(&f);
    declare(f.store);
    keep_results(f.store, USEC_PER_HOUR);
    for (int64_t i = 0; i < 1000; i++) {
        struct result r = result_of(i);
        push_result(f.store, HANDLE, &r);
    }
    /* One slot of the third hour is still in flight, a day later. */
    store_push_heartbeat(f.store, T0 + USEC_PER_DAY, T0 + 2 * USEC_PER_HOUR + 999);
    fixture_settle(&f);
    assert_int_equal(fixture_sql(&f, "SELECT raw_since FROM probe"), T0 + 2 * USEC_PER_HOUR);
    assert_true(fixture_sql(&f, "SELECT min(slot) FROM result") >= T0 + 2 * USEC_PER_HOUR);
    fixture_release(&f);
}

static void a_restart_knows_what_is_gone(void **state)
{
    struct pair_of *p = *state;
    retain(p);
    int64_t rows = fixture_sql(&p->f, "SELECT count(*) FROM result");
    fixture_close(&p->f);
    fixture_open(&p->f);
    declare(p->f.store);
    /* A clock that was set back: the hour is closed. */
    struct result late = result_at(slot_us(50) + 1, OUTCOME_BAD, REASON_DNS, 9);
    push_result(p->f.store, HANDLE, &late);
    store_push_heartbeat(p->f.store, NOW, NOW);
    fixture_settle(&p->f);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM result"), rows);
    all_answers_are_the_same(p);
}

static void imports_into_deleted_hours_are_refused(void **state)
{
    struct pair_of *p = *state;
    struct import_row rows[] = {{"p", result_at(RAW_SINCE, OUTCOME_BAD, REASON_DNS, 9), 41},
                                {"p", result_of(70), 42}};
    struct import_batch b = {.rows = rows, .n = 2, .import_id = 1, .replace = true};
    retain(p);
    rows[1].result.slot_us = RAW_SINCE - 1;
    int64_t count = fixture_sql(&p->f, "SELECT count(*) FROM result");
    import_now(p->f.store, &b);
    assert_int_equal(b.status, -1);
    assert_int_equal(b.err_line, 42);
    assert_non_null(strstr(b.err.msg, "results of 'p' before 2026-"));
    assert_non_null(strstr(b.err.msg, "were deleted (retention.raw)"));
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM result"), count);
    b.n = 1; /* the first instant that is kept */
    import_now(p->f.store, &b);
    assert_int_equal(b.status, 0);
    import_now(p->whole.store, &b);
    fixture_settle(&p->f);
    all_answers_are_the_same(p);
}

static void a_new_sli_begins_with_the_results(void **state)
{
    struct pair_of *p = *state;
    struct sli_def young = sli_def("p", 1000, "p faster_than=1000us"), old = slow();
    struct counts a, b;
    int64_t since;
    retain(p);
    for (int declared = 0; declared < 2; declared++) {
        if (declared) {
            store_push_sli(p->f.store, &young);
            fixture_settle(&p->f);
        }
        assert_int_equal(store_reader_sli_since(p->r, &young, &since, NULL), 0);
        assert_int_equal(since, RAW_SINCE);
        assert_int_equal(store_reader_counts(p->r, &young, T0 + 1, NOW, &a, NULL), 0);
        assert_int_equal(store_reader_counts(p->rw, &young, RAW_SINCE, NOW, &b, NULL), 0);
        assert_memory_equal(&a, &b, sizeof(a));
    }
    assert_int_equal(fixture_sql(&p->f, "SELECT min(hour) FROM rollup WHERE stream ="
                                        " (SELECT max(num) FROM roll_stream)"),
                     RAW_SINCE);
    assert_int_equal(store_reader_sli_since(p->r, &old, &since, NULL), 0);
    assert_int_equal(since, 0);
    /* Later its own oldest results go as well; it began where it did. */
    keep_results(p->f.store, KEEP / 2);
    fixture_settle(&p->f);
    assert_int_equal(store_reader_sli_since(p->r, &young, &since, NULL), 0);
    assert_int_equal(since, RAW_SINCE);
    assert_int_equal(store_reader_counts(p->r, &young, T0, NOW, &a, NULL), 0);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void a_redefined_sli_begins_with_the_results(void **state)
{
    struct pair_of *p = *state;
    struct sli_def sli = slow();
    struct counts a, b;
    int64_t since;
    retain(p);
    sli.faster_than_us = 1000; /* one key, two meanings */
    store_push_sli(p->f.store, &sli);
    fixture_settle(&p->f);
    assert_int_equal(store_reader_sli_since(p->r, &sli, &since, NULL), 0);
    assert_int_equal(since, RAW_SINCE);
    assert_int_equal(store_reader_counts(p->r, &sli, T0, NOW, &a, NULL), 0);
    assert_int_equal(store_reader_counts(p->rw, &sli, RAW_SINCE, NOW, &b, NULL), 0);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void a_rename_keeps_what_only_rollups_know(void **state)
{
    struct pair_of *p = *state;
    struct probe_def def = probe_def("q", INTERVAL);
    struct sli_def old = slow(), renamed = sli_def("q", 500000, "q faster_than=500000us");
    struct counts a, b;
    retain(p);
    def.renamed_from = "p";
    store_push_probe(p->f.store, HANDLE, &def, NOW);
    store_push_sli(p->f.store, &renamed);
    fixture_settle(&p->f);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM roll_stream"), 3);
    assert_int_equal(store_reader_counts(p->r, &renamed, T0, NOW, &a, NULL), 0);
    assert_int_equal(store_reader_counts(p->rw, &old, T0, NOW, &b, NULL), 0);
    assert_memory_equal(&a, &b, sizeof(a));
}

static void messages_go_when_they_are_delivered_and_old(void **state)
{
    struct pair_of *p = *state;
    int64_t results = fixture_sql(&p->f, "SELECT count(*) FROM result");
    for (int i = 0; i < 4; i++) {
        struct outbox_new out = {"team", "log", "g", "k", "{}", i < 2 ? T0 : T0 + USEC_PER_DAY};
        struct dispatch_row row = {DISPATCH_MESSAGE, .message = &out};
        store_push_dispatch(p->f.store, &row, 1);
        store_push_delivery(p->f.store, i + 1, i % 2 ? OUTBOX_PENDING : OUTBOX_DELIVERED, NULL, 0);
    }
    beat(p->f.store, T0 + OUTBOX_KEEP_US - RETENTION_CONFIRM_US, T0 + OUTBOX_KEEP_US);
    fixture_settle(&p->f);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM outbox"), 4);
    store_push_heartbeat(p->f.store, T0 + OUTBOX_KEEP_US + 1, NOW);
    fixture_settle(&p->f);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM outbox"), 3);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM outbox WHERE id = 1"), 0);
    assert_int_equal(fixture_sql(&p->f, "SELECT count(*) FROM result"), results);
}

/* ---- slices ---------------------------------------------------------------------- */

#define DENSE 700 /* rows in one hour: several statements */

struct slices {
    struct fixture f;
    void (*between)(struct slices *d); /* called before each DELETE of results */
    int fail_at;
    bool begun; /* the first statement of a pass was seen */
    _Atomic int steps, looks;
};

static bool count_row(void *ctx, const struct result *r)
{
    (void)r;
    ++*(int *)ctx;
    return true;
}

static void look(struct slices *d)
{
    struct sli_def sli = slow(), young = sli_def("p", 1, "p faster_than=1us");
    struct counts c;
    struct failure failures[4];
    size_t failed;
    int rows = 0;
    struct store_reader *r = fixture_reader(&d->f);
    assert_int_equal(store_reader_counts(r, &sli, T0, T0 + USEC_PER_HOUR, &c, NULL), 0);
    assert_int_equal(counts_total(c) + c.excluded, DENSE);
    /* An SLI that reads rows sees all of the hour, or nothing. */
    assert_int_equal(store_reader_counts(r, &young, T0, T0 + USEC_PER_HOUR, &c, NULL), 0);
    assert_true(counts_total(c) == 0 || counts_total(c) + c.excluded == DENSE);
    assert_int_equal(store_reader_results(r, "p", 0, INT64_MAX, count_row, &rows, NULL), 0);
    assert_int_equal(rows, counts_total(c) + c.excluded);
    assert_int_equal(store_reader_failures(r, "p", 0, INT64_MAX, failures, 4, &failed, NULL), 0);
    assert_int_equal(failed, rows ? 4 : 0);
    store_reader_free(r);
    d->looks++;
}

static int on_step(void *ctx, const char *sql)
{
    struct slices *d = ctx;
    if (d->between && strncmp(sql, "DELETE FROM result", 18) == 0) {
        d->between(d);
        usleep(RETENTION_SLICE_US + 1000); /* the slice is over after this */
    }
    if (strcmp(sql, "SELECT min(slot) FROM result WHERE probe = ?1") == 0)
        d->begun = true;
    return d->begun && ++d->steps == d->fail_at ? 13 : 0;
}

static void push_dense(struct slices *d)
{
    struct store *s = d->f.store;
    declare(s);
    for (int64_t i = 0; i < DENSE; i++) {
        struct result r = result_of(i);
        r.slot_us = T0 + i * 3 * USEC_PER_SEC;
        push_result(s, HANDLE, &r);
    }
    keep_results(s, USEC_PER_HOUR);
    store_push_heartbeat(s, T0 + 3 * USEC_PER_HOUR, T0 + 3 * USEC_PER_HOUR);
}

static void start_dense(struct slices *d)
{
    struct store_options o = {.path = d->f.path};
    fixture_init(&d->f);
    assert_int_equal(store_open_faulty(&o, on_step, d, &d->f.store, NULL), 0);
    push_dense(d);
    /* After a failure the writer rests for a second, unless it has work. */
    for (int i = 0; store_settle(d->f.store, USEC_PER_SEC / 5, NULL) < 0; i++) {
        assert_true(i < 100);
        store_push_heartbeat(d->f.store, T0 + 3 * USEC_PER_HOUR, T0 + 3 * USEC_PER_HOUR);
    }
    look(d);
}

static void end_dense(struct slices *d)
{
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result"), 0);
    assert_int_equal(fixture_sql(&d->f, "SELECT raw_since FROM probe"), T0 + USEC_PER_HOUR);
    fixture_release(&d->f);
}

static void run_dense(struct slices *d)
{
    start_dense(d);
    end_dense(d);
}

static void an_hour_goes_in_slices_but_is_gone_at_once(void **state)
{
    (void)state;
    struct slices d = {.between = look};
    run_dense(&d);
    assert_true(d.looks > DENSE / RETENTION_ROWS);
}

static struct sli_def new_sli(void)
{
    return sli_def("p", 2, "p faster_than=2us");
}

static struct sli_def redefined_sli(void)
{
    return sli_def("p", 2, lenient().key);
}

/* On the store thread, amid a slice: part of the hour is deleted then. */
static void change_all(struct slices *d)
{
    struct sli_def slis[] = {new_sli(), redefined_sli()};
    struct alert_transition now = {.slo = "s", .at_us = T0};
    for (size_t i = 0; i < countof(slis); i++)
        store_push_sli(d->f.store, &slis[i]);
    store_push_transition(d->f.store, &now); /* does not wait for the next flush */
    keep_results(d->f.store, 0);
}

static void what_is_left_of_an_hour_counts_for_nothing(void **state)
{
    (void)state;
    struct slices d = {.between = change_all};
    start_dense(&d);
    struct sli_def slis[] = {new_sli(), redefined_sli()};
    struct store_reader *r = fixture_reader(&d.f);
    for (size_t i = 0; i < countof(slis); i++) {
        struct counts c;
        assert_int_equal(store_reader_counts(r, &slis[i], T0, T0 + USEC_PER_HOUR, &c, NULL), 0);
        assert_int_equal(counts_total(c) + c.excluded, 0);
    }
    store_reader_free(r);
    end_dense(&d);
}

static void any_step_may_fail(void **state)
{
    (void)state;
    bool reached = true;
    for (int n = 1; reached; n++) {
        struct slices d = {.fail_at = n};
        run_dense(&d);
        reached = d.steps >= n;
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(only_old_hours_go),
        T(what_rollups_cannot_say_is_an_error),
        T(nothing_goes_without_a_prober),
        T(rollups_come_first),
        cmocka_unit_test(hours_not_yet_complete_stay),
        T(a_restart_knows_what_is_gone),
        T(imports_into_deleted_hours_are_refused),
        T(a_new_sli_begins_with_the_results),
        T(a_redefined_sli_begins_with_the_results),
        T(a_rename_keeps_what_only_rollups_know),
        T(messages_go_when_they_are_delivered_and_old),
        cmocka_unit_test(an_hour_goes_in_slices_but_is_gone_at_once),
        cmocka_unit_test(what_is_left_of_an_hour_counts_for_nothing),
        cmocka_unit_test(any_step_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
