/*
 * The limits that are not the results' age: rollups, alerts, the size of the
 * file, and a clock that must not be believed at once.
 */
#include "fixture.h"

#include "base/vec.h"
#include "nines/result.h"
#include "store/internal.h"
#include "store/shrink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HANDLE 1
#define MINUTE USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define D0 (T0 / DAY * DAY) /* the start of a day */

static void declare(struct store *s, const char *id, uint32_t handle)
{
    struct probe_def def = probe_def(id, MINUTE);
    char key[64];
    snprintf(key, sizeof(key), "%s faster_than=1000us", id);
    struct sli_def sli = sli_def(id, 1000, key);
    store_push_probe(s, handle, &def, D0);
    store_push_sli(s, &sli);
}

/* What cannot be sealed into nothing. */
static int64_t noise(int64_t t)
{
    uint64_t x = (uint64_t)t * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    return (int64_t)((x ^ (x >> 27)) >> 8);
}

static void push_span(struct store *s, uint32_t handle, int64_t from_us, int64_t to_us,
                      int64_t every_us)
{
    for (int64_t t = from_us; t < to_us; t += every_us) {
        struct result r = result_at(t + handle, OUTCOME_GOOD, REASON_NONE, 900 + t % 7);
        r.phases.wait_us = noise(t) & 0xfffffff;
        r.phases.tls_us = noise(t + 1) & 0xfffffff;
        push_result(s, handle, &r);
    }
}

/* Alive all the time, a heartbeat a minute. */
static void beat(struct store *s, int64_t from_us, int64_t to_us)
{
    for (int64_t t = from_us; t <= to_us; t += MINUTE)
        store_push_heartbeat(s, t, t);
}

static int setup(void **state)
{
    static struct fixture f; /* one test at a time */
    fixture_init(&f);
    fixture_open(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    return 0;
}

static void keep(struct fixture *f, struct store_retention keep)
{
    store_set_retention(f->store, &keep);
    fixture_settle(f);
}

static bool count_one(void *ctx, const struct result *r)
{
    (void)r;
    ++*(int64_t *)ctx;
    return true;
}

/* Results of the probe that readers see. */
static int64_t results(const struct fixture *f, const char *probe)
{
    int64_t n = 0;
    struct store_reader *r = fixture_reader(f);
    assert_int_equal(store_reader_results(r, probe, 0, INT64_MAX, count_one, &n, NULL), 0);
    store_reader_free(r);
    return n;
}

/* ---- the clock ------------------------------------------------------------------- */

#define BORN (D0 + DAY)
#define LATER (BORN + 3000 * DAY) /* an RTC that lost its battery, the other way round */

static void push_young(struct fixture *f)
{
    declare(f->store, "p", HANDLE);
    push_span(f->store, HANDLE, D0, BORN, MINUTE);
    beat(f->store, BORN, BORN + MINUTE);
    keep(f, (struct store_retention){.results_us = 2 * DAY});
    assert_int_equal(results(f, "p"), 1440);
}

static void a_jump_of_the_clock_deletes_nothing_for_an_hour(void **state)
{
    struct fixture *f = *state;
    push_young(f);
    beat(f->store, LATER, LATER + HOUR - MINUTE);
    fixture_settle(f);
    assert_int_equal(results(f, "p"), 1440);
    store_push_heartbeat(f->store, LATER + HOUR, LATER + HOUR);
    fixture_settle(f);
    assert_int_equal(results(f, "p"), 0);
}

static void a_restart_does_not_confirm_the_clock(void **state)
{
    struct fixture *f = *state;
    push_young(f);
    for (int64_t at = LATER; at < LATER + 3 * HOUR; at += 40 * MINUTE) {
        beat(f->store, at, at + 30 * MINUTE);
        fixture_settle(f);
        fixture_close(f);
        fixture_open(f);
        store_set_retention(f->store, &(struct store_retention){.results_us = 2 * DAY});
    }
    fixture_settle(f);
    assert_int_equal(results(f, "p"), 1440);
    /* An hour without a break does, also for the process that comes after. */
    beat(f->store, LATER + DAY, LATER + DAY + HOUR);
    fixture_settle(f);
    assert_int_equal(results(f, "p"), 0);
}

static void what_an_earlier_process_confirmed_counts(void **state)
{
    struct fixture *f = *state;
    push_young(f);
    keep(f, (struct store_retention){0});
    beat(f->store, LATER, LATER + HOUR);
    fixture_settle(f);
    fixture_close(f);
    fixture_open(f);
    store_push_heartbeat(f->store, LATER + 2 * HOUR, LATER + 2 * HOUR);
    keep(f, (struct store_retention){.results_us = 2 * DAY});
    assert_int_equal(results(f, "p"), 0);
}

static void a_clock_set_back_is_believed(void **state)
{
    struct fixture *f = *state;
    push_young(f);
    keep(f, (struct store_retention){0});
    beat(f->store, LATER, LATER + HOUR);
    fixture_settle(f);
    fixture_close(f);
    fixture_open(f);
    beat(f->store, BORN + HOUR, BORN + HOUR + MINUTE);
    keep(f, (struct store_retention){.results_us = 2 * DAY});
    assert_int_equal(results(f, "p"), 1440);
    /* And the next jump is one again. */
    beat(f->store, LATER + 2 * HOUR, LATER + 2 * HOUR + MINUTE);
    fixture_settle(f);
    assert_int_equal(results(f, "p"), 1440);
}

/* History is imported before the first start: nothing older is known. */
static void imports_tell_the_time_of_a_new_database(void **state)
{
    struct fixture *f = *state;
    struct import_row rows[600];
    struct import_batch b = {
        .rows = rows, .n = countof(rows), .import_id = 1, .create_interval_us = MINUTE};
    for (size_t i = 0; i < countof(rows); i++)
        rows[i] = (struct import_row){
            "p", result_at(D0 + (int64_t)i * MINUTE, OUTCOME_GOOD, REASON_NONE, 9), (long)i};
    import_now(f->store, &b);
    assert_int_equal(b.status, 0);
    fixture_close(f);
    fixture_open(f);
    store_push_heartbeat(f->store, LATER, LATER);
    keep(f, (struct store_retention){.results_us = DAY});
    assert_int_equal(results(f, "p"), 600);
}

/* ---- rollups ----------------------------------------------------------------------- */

static void rollups_go_by_the_day_and_history_begins_later(void **state)
{
    struct fixture *f = *state;
    struct sli_def sli = sli_def("p", 1000, "p faster_than=1000us");
    struct counts before, after;
    int64_t since;
    declare(f->store, "p", HANDLE);
    push_span(f->store, HANDLE, D0, D0 + 6 * DAY, 5 * MINUTE);
    store_push_heartbeat(f->store, D0 + 6 * DAY, D0 + 6 * DAY);
    keep(f, (struct store_retention){.rollups_us = 2 * DAY});
    assert_int_equal(fixture_sql(f, "SELECT min(hour) FROM rollup"), D0); /* results are there */
    struct store_reader *r = fixture_reader(f);
    assert_int_equal(store_reader_counts(r, &sli, D0 + 4 * DAY, D0 + 6 * DAY, &before, NULL), 0);
    keep(f, (struct store_retention){.results_us = DAY, .rollups_us = 2 * DAY});
    assert_int_equal(fixture_sql(f, "SELECT min(hour) FROM rollup"), D0 + 4 * DAY);
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM rollup_day WHERE day < "
                                    "(SELECT min(hour) FROM rollup)"),
                     0);
    assert_int_equal(fixture_sql(f, "SELECT min(since) FROM roll_stream"), D0 + 4 * DAY);
    assert_int_equal(store_reader_sli_since(r, &sli, &since, NULL), 0);
    assert_int_equal(since, D0 + 4 * DAY);
    assert_int_equal(store_reader_counts(r, &sli, D0 + 4 * DAY, D0 + 6 * DAY, &after, NULL), 0);
    assert_memory_equal(&before, &after, sizeof(before));
    store_reader_free(r);
}

/* Asked for less than the results: they go with them, not before. */
static void rollups_stay_as_long_as_results(void **state)
{
    struct fixture *f = *state;
    declare(f->store, "p", HANDLE);
    push_span(f->store, HANDLE, D0, D0 + 6 * DAY, 5 * MINUTE);
    store_push_heartbeat(f->store, D0 + 6 * DAY, D0 + 6 * DAY);
    keep(f, (struct store_retention){.results_us = 4 * DAY, .rollups_us = HOUR});
    int64_t raw_since = fixture_sql(f, "SELECT raw_since FROM probe");
    assert_true(raw_since > D0);
    assert_int_equal(fixture_sql(f, "SELECT min(since) FROM roll_stream"), raw_since / DAY * DAY);
}

/* ---- alerts --------------------------------------------------------------------------- */

static void transition(struct fixture *f, const char *slo, int64_t at_us)
{
    struct alert_transition t = {.slo = slo, .objective_name = "", .service = "", .at_us = at_us};
    store_push_transition(f->store, &t);
}

static void alerts_go_but_for_the_last(void **state)
{
    struct fixture *f = *state;
    transition(f, "a", D0);           /* 1 goes */
    transition(f, "b", D0 + 1);       /* 2 is the last of its objective */
    transition(f, "a", D0 + 2);       /* 3 has a message, of a nines that sent such */
    transition(f, "a", D0 + 9 * DAY); /* 4 is young */
    fixture_flush(f);
    fixture_sql(f, "INSERT INTO outbox(event, created, receiver, dedup_key, payload, done)"
                   " VALUES(3, 1, 'log', 'k', '{}', 0)");
    store_push_heartbeat(f->store, D0 + 10 * DAY, D0 + 10 * DAY);
    keep(f, (struct store_retention){0});
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM alert_event"), 4);
    keep(f, (struct store_retention){.alerts_us = 5 * DAY});
    assert_int_equal(fixture_sql(f, "SELECT sum(1 << id) FROM alert_event"),
                     1 << 2 | 1 << 3 | 1 << 4);
}

static void evidence_has_its_own_age(void **state)
{
    struct fixture *f = *state;
    declare(f->store, "p", HANDLE);
    for (int day = 0; day < 10; day++) {
        struct result r = result_at(D0 + day * DAY, OUTCOME_BAD, REASON_DNS, 9);
        assert_true(store_reserve(f->store));
        store_push_result(f->store, HANDLE, &r, &(struct store_extra){.message = "it broke"});
    }
    store_push_heartbeat(f->store, D0 + 10 * DAY, D0 + 10 * DAY);
    keep(f, (struct store_retention){.evidence_us = 20 * DAY});
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM evidence"), 10);
    keep(f, (struct store_retention){0});
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM evidence"), 7);
    keep(f, (struct store_retention){.evidence_us = DAY});
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM evidence"), 1);
    assert_int_equal(results(f, "p"), 10);
}

/* ---- the size --------------------------------------------------------------------------- */

#define END (D0 + 20 * DAY)

#define PER_DAY 2880

/* 20 days; q has only the second half, and r one result in three hours. */
static int64_t fill(struct fixture *f)
{
    struct store_stats st;
    declare(f->store, "p", 1);
    declare(f->store, "q", 2);
    declare(f->store, "r", 3);
    push_span(f->store, 1, D0, END, MINUTE / 2);
    push_span(f->store, 2, D0 + 10 * DAY, END, MINUTE / 2);
    push_span(f->store, 3, D0, END, 3 * HOUR);
    store_push_heartbeat(f->store, END, END);
    fixture_settle(f);
    fixture_settle(f); /* the last look was one at the end */
    store_get_stats(f->store, &st);
    assert_true(st.used_bytes > 0);
    assert_false(st.oversize);
    return st.used_bytes;
}

static int64_t first_of(const struct fixture *f, const char *id)
{
    int64_t first = 0;
    struct store_reader *r = fixture_reader(f);
    struct store_probe p;
    assert_int_equal(store_reader_probe(r, id, &p, NULL), 1);
    first = p.raw_since_us;
    free(p.revisions);
    store_reader_free(r);
    return first;
}

static void the_oldest_results_go_when_the_file_is_too_large(void **state)
{
    struct fixture *f = *state;
    struct store_stats st;
    int64_t used = fill(f), max = used * 9 / 10;
    int64_t had = results(f, "p") + results(f, "q") + results(f, "r");
    int64_t rollups = fixture_sql(f, "SELECT count(*) FROM rollup");
    keep(f, (struct store_retention){.max_bytes = max, .needed_us = 3 * DAY});
    store_get_stats(f->store, &st);
    assert_true(st.used_bytes <= max);
    assert_true(st.used_bytes > used / 2); /* and no more than that needs */
    assert_false(st.oversize);
    int64_t cut = first_of(f, "p");
    assert_true(cut > D0 && cut <= END - 3 * DAY);
    assert_true(first_of(f, "q") <= cut); /* what is younger did not pay for it */
    assert_true(results(f, "q") >= 10 * PER_DAY - (cut - D0) / (MINUTE / 2));
    assert_int_equal(fixture_sql(f, "SELECT count(*) FROM rollup"), rollups);
    /* Nothing more goes. */
    fixture_settle(f);
    assert_int_equal(first_of(f, "p"), cut);
    store_get_stats(f->store, &st);
    assert_int_equal(st.deleted_results, had - results(f, "p") - results(f, "q") - results(f, "r"));
    assert_true(st.deleted_results > 0);
}

static void what_is_needed_stays_and_that_is_told(void **state)
{
    struct fixture *f = *state;
    struct store_stats st;
    int64_t max = fill(f) / 4; /* more than the old results take */
    keep(f, (struct store_retention){.max_bytes = max, .needed_us = 3 * DAY});
    store_get_stats(f->store, &st);
    assert_true(st.oversize);
    assert_int_equal(st.max_bytes, max);
    assert_true(st.used_bytes > max);
    assert_true(first_of(f, "p") > D0 + 10 * DAY);
    assert_true(first_of(f, "p") <= END - 3 * DAY);
    assert_true(results(f, "p") >= 3 * PER_DAY);
    /* Results go on being recorded. */
    int64_t n = results(f, "p");
    push_span(f->store, 1, END + MINUTE, END + HOUR, MINUTE);
    fixture_settle(f);
    assert_int_equal(results(f, "p"), n + 59);
    keep(f, (struct store_retention){.max_bytes = 1 << 30, .needed_us = 3 * DAY});
    store_get_stats(f->store, &st);
    assert_false(st.oversize);
}

static void no_cap_while_the_clock_is_doubted(void **state)
{
    struct fixture *f = *state;
    fill(f);
    keep(f, (struct store_retention){.max_bytes = 4096, .needed_us = 19 * DAY});
    int64_t first = first_of(f, "p");
    beat(f->store, LATER, LATER + MINUTE);
    fixture_settle(f);
    assert_int_equal(first_of(f, "p"), first);
    assert_true(first <= D0 + DAY);
}

/* ---- giving disk back ---------------------------------------------------------------------- */

static void free_pages_are_given_back(void **state)
{
    struct fixture *f = *state;
    struct store_stats st;
    int64_t used = fill(f);
    assert_int_equal(fixture_sql(f, "PRAGMA auto_vacuum"), 2);
    assert_true(used < 30 * PER_DAY * 20); /* they were rows, and are chunks now */
    keep(f, (struct store_retention){.results_us = HOUR});
    store_get_stats(f->store, &st);
    int64_t pages = fixture_sql(f, "PRAGMA page_count");
    assert_true(st.used_bytes < used / 2);
    assert_in_range(fixture_sql(f, "PRAGMA freelist_count"), 0,
                    SHRINK_SPARE_PAGES + pages / SHRINK_SPARE_PART);
    assert_true(pages * 4096 < 30 * PER_DAY * 40); /* the file was larger than that */
}

static int64_t log_bytes(const struct fixture *f)
{
    struct stat st;
    char path[128];
    snprintf(path, sizeof(path), "%s-wal", f->path);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* A reader keeps the log from beginning anew; once it is gone the log is cut. */
static void a_long_log_is_cut(void **state)
{
    struct fixture *f = *state;
    static const char body[STORE_EVIDENCE_MAX];
    declare(f->store, "p", HANDLE);
    fixture_flush(f);
    struct store_reader *r = fixture_reader(f);
    struct store_heartbeat none;
    assert_int_equal(store_reader_begin(r, NULL), 0);
    assert_int_equal(store_reader_heartbeat(r, &none, NULL), 0);
    for (int i = 0; log_bytes(f) <= SHRINK_LOG_BYTES; i++) {
        assert_true(i < 100000);
        struct result bad = result_at(D0 + i * USEC_PER_SEC, OUTCOME_BAD, REASON_DNS, 9);
        assert_true(store_reserve(f->store));
        store_push_result(f->store, HANDLE, &bad,
                          &(struct store_extra){.body = body, .body_len = sizeof(body)});
        if (i % 1000 == 0)
            fixture_flush(f);
    }
    store_reader_end(r);
    store_reader_free(r);
    for (int i = 0; log_bytes(f) > SHRINK_LOG_BYTES / 2; i++) {
        assert_true(i < 2000);
        store_push_heartbeat(f->store, D0 + i, D0 + i);
        fixture_flush(f);
        usleep(10000); /* at most one checkpoint a second */
    }
}

/* How long the writer was held up is told, not asserted: the machine may be
 * busy. NINES_SLICE_RESULTS=3000000 gives a database of that many. */
static void slices_are_short(void **state)
{
    struct fixture *f = *state;
    struct store_stats st;
    const char *asked = getenv("NINES_SLICE_RESULTS");
    int64_t n = asked ? atoll(asked) : 200000, end = D0 + n * USEC_PER_SEC / 10;
    for (uint32_t i = 1; i <= 10; i++) {
        char id[16];
        snprintf(id, sizeof(id), "p%u", i);
        declare(f->store, id, i);
        push_span(f->store, i, D0, end, USEC_PER_SEC);
        fixture_flush(f);
    }
    store_push_heartbeat(f->store, end, end);
    fixture_settle(f);
    keep(f, (struct store_retention){.results_us = USEC_PER_HOUR, .rollups_us = USEC_PER_HOUR});
    store_get_stats(f->store, &st);
    int64_t longest_us = st.slices[STORE_SLICE_RETENTION].longest_us;
    print_message("%lld results, all but an hour's deleted: the longest slice took %.1f ms\n",
                  (long long)n, (double)longest_us / 1e3);
    assert_true(longest_us > 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_jump_of_the_clock_deletes_nothing_for_an_hour),
        T(a_restart_does_not_confirm_the_clock),
        T(what_an_earlier_process_confirmed_counts),
        T(a_clock_set_back_is_believed),
        T(imports_tell_the_time_of_a_new_database),
        T(rollups_go_by_the_day_and_history_begins_later),
        T(rollups_stay_as_long_as_results),
        T(alerts_go_but_for_the_last),
        T(evidence_has_its_own_age),
        T(the_oldest_results_go_when_the_file_is_too_large),
        T(what_is_needed_stays_and_that_is_told),
        T(no_cap_while_the_clock_is_doubted),
        T(free_pages_are_given_back),
        T(a_long_log_is_cut),
        T(slices_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
