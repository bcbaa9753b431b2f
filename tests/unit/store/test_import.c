/* What an import does to a store: what wins, what is counted, which schedule
 * and which rollups it leaves behind. */
#include "fixture.h"

#include "base/mem.h"
#include "base/str.h"
#include "store/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define STEP (15 * USEC_PER_SEC)
#define ROWS 1000 /* a bit more than four hours */

struct data {
    struct fixture f;
    struct import_row rows[ROWS];
    struct import_batch batch;
};

static int setup(void **state)
{
    struct data *d = mem_alloc(sizeof(*d));
    fixture_init(&d->f);
    fixture_open(&d->f);
    for (int i = 0; i < ROWS; i++)
        d->rows[i] = (struct import_row){
            "p", result_at(T0 + 250 + i * STEP, OUTCOME_GOOD, REASON_NONE, 1000 + i), i + 1};
    d->batch = (struct import_batch){
        .rows = d->rows, .n = ROWS, .create_interval_us = STEP, .import_id = 1};
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct data *d = *state;
    fixture_release(&d->f);
    free(d);
    return 0;
}

/* Imports the batch anew and checks the totals. */
static void import_all(struct data *d, int64_t inserted, int64_t same, int64_t different,
                       int64_t replaced)
{
    d->batch.totals = (struct import_totals){0};
    import_now(d->f.store, &d->batch);
    if (d->batch.status < 0)
        fail_msg("%s", d->batch.err.msg);
    assert_int_equal(d->batch.totals.lines, d->batch.n);
    assert_int_equal(d->batch.totals.inserted, inserted);
    assert_int_equal(d->batch.totals.same, same);
    assert_int_equal(d->batch.totals.different, different);
    assert_int_equal(d->batch.totals.replaced, replaced);
}

static struct store_probe read_probe(struct data *d)
{
    struct store_probe p;
    struct store_reader *r = fixture_reader(&d->f);
    assert_int_equal(store_reader_probe(r, "p", &p, NULL), 1);
    store_reader_free(r);
    return p;
}

static void unknown_probes_need_create(void **state)
{
    struct data *d = *state;
    d->rows[3].probe = "q";
    d->rows[3].line = 77;
    struct probe_def def = probe_def("p", STEP);
    store_push_probe(d->f.store, 0, &def, T0 + USEC_PER_DAY);
    d->batch.create_interval_us = 0;
    import_now(d->f.store, &d->batch);
    assert_int_equal(d->batch.status, -1);
    assert_int_equal(d->batch.err_line, 77);
    assert_non_null(strstr(d->batch.err.msg, "unknown probe 'q'"));
    assert_non_null(strstr(d->batch.err.msg, "--create interval="));
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result"), 0);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM probe"), 1);
}

static void created_probes_have_a_schedule(void **state)
{
    struct data *d = *state;
    import_all(d, ROWS, 0, 0, 0);
    struct store_probe p = read_probe(d);
    assert_int_equal(p.revision_count, 1);
    assert_int_equal(p.revisions[0].since_us, T0 + 250);
    assert_int_equal(p.revisions[0].interval_us, STEP);
    assert_int_equal(p.revisions[0].phase_us, (T0 + 250) % STEP);
    assert_int_equal(p.first_event_us, T0 + 250);
    assert_int_equal(p.last_slot_us, T0 + 250 + (ROWS - 1) * STEP);
    free(p.revisions);
}

static void the_same_again_changes_nothing(void **state)
{
    struct data *d = *state;
    import_all(d, ROWS, 0, 0, 0);
    fixture_settle(&d->f);
    int64_t rollups = fixture_sql(&d->f, "SELECT count(*) FROM rollup");
    int64_t through = fixture_sql(&d->f, "SELECT min(rolled_through) FROM roll_stream");
    import_all(d, 0, ROWS, 0, 0);
    /* Lines may leave the phases out. */
    for (int i = 0; i < ROWS; i++)
        d->rows[i].result.phases = (struct phases){0};
    import_all(d, 0, ROWS, 0, 0);
    /* Not even taken back and made again. */
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM rollup"), rollups);
    assert_int_equal(fixture_sql(&d->f, "SELECT min(rolled_through) FROM roll_stream"), through);
}

static void what_is_stored_wins_unless_replaced(void **state)
{
    struct data *d = *state;
    struct sli_def sli = sli_def("p", 0, "p");
    struct counts c;
    store_push_sli(d->f.store, &sli);
    import_all(d, ROWS, 0, 0, 0);
    fixture_settle(&d->f);
    for (int i = 0; i < 10; i++) {
        struct result *x = &d->rows[i].result;
        *x = result_at(x->slot_us, OUTCOME_BAD, REASON_STATUS, x->total_us);
    }
    import_all(d, 0, ROWS - 10, 10, 0);
    struct store_reader *r = fixture_reader(&d->f);
    assert_int_equal(store_reader_counts(r, &sli, 0, T0 + USEC_PER_DAY, &c, NULL), 0);
    assert_int_equal(c.bad, 0);
    d->batch.replace = true;
    import_all(d, 0, ROWS - 10, 10, 10);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_reader_counts(r, &sli, 0, T0 + USEC_PER_DAY, &c, NULL), 0);
        assert_int_equal(c.bad, 10);
        assert_int_equal(c.good, ROWS - 10);
        fixture_settle(&d->f);
    }
    import_all(d, 0, ROWS, 0, 0);
    store_reader_free(r);
}

static void each_field_of_a_line_is_compared(void **state)
{
    struct data *d = *state;
    d->batch.n = 1;
    d->rows[0].result.outcome = OUTCOME_BAD;
    d->rows[0].result.reason = REASON_DNS;
    import_all(d, 1, 0, 0, 0);
    const struct result was = d->rows[0].result;
    struct result *x = &d->rows[0].result;
    x->outcome = OUTCOME_EXCLUDED;
    import_all(d, 0, 0, 1, 0);
    *x = was;
    x->reason = REASON_TLS;
    import_all(d, 0, 0, 1, 0);
    *x = was;
    x->code++;
    import_all(d, 0, 0, 1, 0);
    *x = was;
    x->total_us++;
    import_all(d, 0, 0, 1, 0);
    *x = was;
    x->phases.wait_us++;
    import_all(d, 0, 0, 1, 0);
    *x = was;
    x->lag_us++; /* no line says these */
    x->done_us++;
    import_all(d, 0, 1, 0, 0);
}

static void the_first_event_follows_replacement(void **state)
{
    struct data *d = *state;
    d->rows[0].result.outcome = OUTCOME_SKIPPED;
    import_all(d, ROWS, 0, 0, 0);
    struct store_probe p = read_probe(d);
    assert_int_equal(p.first_event_us, d->rows[1].result.slot_us);
    free(p.revisions);
    d->batch.replace = true;
    d->rows[1].result.outcome = d->rows[2].result.outcome = OUTCOME_EXCLUDED;
    import_all(d, 0, ROWS - 2, 2, 2);
    p = read_probe(d);
    assert_int_equal(p.first_event_us, d->rows[3].result.slot_us);
    free(p.revisions);
    for (int i = 0; i < ROWS; i++)
        d->rows[i].result.outcome = OUTCOME_EXCLUDED;
    import_all(d, 0, 3 - 1, ROWS - 2, ROWS - 2);
    p = read_probe(d);
    assert_int_equal(p.first_event_us, INT64_MAX);
    free(p.revisions);
    d->rows[5].result.outcome = OUTCOME_GOOD;
    import_all(d, 0, ROWS - 1, 1, 1);
    p = read_probe(d);
    assert_int_equal(p.first_event_us, d->rows[5].result.slot_us);
    free(p.revisions);
}

static void older_rows_get_an_older_schedule(void **state)
{
    struct data *d = *state;
    struct probe_def def = probe_def("p", 2 * STEP);
    int64_t live_us = T0 + 500 * STEP;
    store_push_probe(d->f.store, 0, &def, live_us);
    d->batch.create_interval_us = 0;
    /* The newer half of the older rows first, then what is older still. */
    d->batch.rows = d->rows + 250;
    d->batch.n = ROWS - 250;
    import_all(d, ROWS - 250, 0, 0, 0);
    d->batch.rows = d->rows;
    d->batch.n = 250;
    import_all(d, 250, 0, 0, 0);
    struct store_probe p = read_probe(d);
    assert_int_equal(p.revision_count, 2); /* in step: one schedule, moved back */
    assert_int_equal(p.revisions[0].since_us, T0 + 250);
    assert_int_equal(p.revisions[0].interval_us, 2 * STEP);
    assert_int_equal(p.revisions[0].phase_us, (T0 + 250) % (2 * STEP));
    assert_int_equal(p.revisions[1].since_us, live_us);
    free(p.revisions);
}

static void an_import_may_state_its_interval(void **state)
{
    struct data *d = *state;
    struct probe_def def = probe_def("p", USEC_PER_SEC);
    store_push_probe(d->f.store, 0, &def, T0 + ROWS * STEP);
    import_all(d, ROWS, 0, 0, 0); /* --create interval=15s */
    struct store_probe p = read_probe(d);
    assert_int_equal(p.revision_count, 2);
    assert_int_equal(p.revisions[0].interval_us, STEP);
    assert_int_equal(p.revisions[1].interval_us, USEC_PER_SEC);
    free(p.revisions);
}

static void hours_that_an_import_filled_are_rolled_up(void **state)
{
    struct data *d = *state;
    struct sli_def sli = sli_def("p", 0, "p");
    store_push_sli(d->f.store, &sli);
    import_all(d, ROWS, 0, 0, 0);
    fixture_settle(&d->f);
    /* 1000 rows at 15 s: four whole hours and a bit, for two streams. */
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM rollup"), 8);
    assert_int_equal(fixture_sql(&d->f, "SELECT min(rolled_through) FROM roll_stream"),
                     T0 + 4 * USEC_PER_HOUR);
    /* One row in the second hour takes that one and all later ones back. */
    struct import_row row = {"p", result_at(T0 + USEC_PER_HOUR, OUTCOME_BAD, REASON_DNS, 1), 1};
    struct import_batch b = {.rows = &row, .n = 1, .import_id = 2};
    import_now(d->f.store, &b);
    assert_int_equal(b.status, 0);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM rollup"), 2);
    assert_int_equal(fixture_sql(&d->f, "SELECT max(rolled_through) FROM roll_stream"),
                     T0 + USEC_PER_HOUR);
    fixture_settle(&d->f);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM rollup"), 8);
    assert_int_equal(fixture_sql(&d->f, "SELECT sum(bad) FROM rollup"), 1);
}

static void the_span_of_an_import_is_kept(void **state)
{
    struct data *d = *state;
    d->batch.n = 10;
    import_all(d, 10, 0, 0, 0);
    d->batch.rows = d->rows + 20; /* the next batch of the same import */
    import_all(d, 10, 0, 0, 0);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM import_span"), 1);
    assert_int_equal(fixture_sql(&d->f, "SELECT first FROM import_span"), T0 + 250);
    assert_int_equal(fixture_sql(&d->f, "SELECT last FROM import_span"), T0 + 250 + 29 * STEP);
}

/* ---- chunks ------------------------------------------------------------------- */

static int64_t chunks(struct data *d)
{
    return fixture_sql(&d->f, "SELECT count(*) FROM chunk");
}

static void history_is_packed_at_once(void **state)
{
    struct data *d = *state;
    import_all(d, ROWS, 0, 0, 0);
    assert_int_equal(chunks(d), 1);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result"), 0);
    assert_int_equal(fixture_sql(&d->f, "SELECT n FROM chunk"), ROWS);
    /* The same lines do not open it, nor does one that differs and is not taken. */
    int64_t num = fixture_sql(&d->f, "SELECT num FROM chunk");
    import_all(d, 0, ROWS, 0, 0);
    d->rows[7].result.code = 500;
    import_all(d, 0, ROWS - 1, 1, 0);
    assert_int_equal(fixture_sql(&d->f, "SELECT num FROM chunk"), num);
    /* What comes behind it is packed as well. */
    for (int i = 0; i < ROWS; i++)
        d->rows[i].result =
            result_at(T0 + 250 + (500 + i) * STEP, OUTCOME_GOOD, REASON_NONE, 1500 + i);
    import_all(d, 500, 500, 0, 0);
    assert_int_equal(chunks(d), 2);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result"), 0);
}

static void a_changed_row_opens_its_chunk(void **state)
{
    struct data *d = *state;
    d->batch.n = ROWS / 2;
    import_all(d, ROWS / 2, 0, 0, 0);
    d->batch.rows = d->rows + ROWS / 2;
    import_all(d, ROWS / 2, 0, 0, 0);
    assert_int_equal(chunks(d), 2);
    d->batch.n = 1;
    d->batch.replace = true;
    d->batch.rows[0].result.code = 500;
    import_all(d, 0, 0, 1, 1);
    assert_int_equal(chunks(d), 1);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result"), ROWS / 2);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result WHERE code = 500"), 1);
}

/* A hole in a chunk is no place for another one. */
static void a_hole_in_a_chunk_is_filled_by_rows(void **state)
{
    struct data *d = *state;
    struct import_row all[ROWS];
    memcpy(all, d->rows, sizeof(all));
    memmove(d->rows + 300, d->rows + 700, 300 * sizeof(d->rows[0]));
    d->batch.n = 600;
    import_all(d, 600, 0, 0, 0);
    assert_int_equal(chunks(d), 1);
    memcpy(d->rows, all, sizeof(all));
    d->batch.rows = d->rows + 300;
    d->batch.n = 400;
    import_all(d, 400, 0, 0, 0);
    assert_int_equal(chunks(d), 0);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result"), ROWS);
}

/* ---- slices ------------------------------------------------------------------- */

struct commits {
    _Atomic int n, fail_at;
};

static int on_step(void *ctx, const char *sql)
{
    struct commits *c = ctx;
    return str_starts(sql, "COMMIT") && ++c->n == c->fail_at ? 13 : 0; /* disk full */
}

static void a_failed_slice_leaves_the_ones_before(void **state)
{
    struct data *d = *state;
    struct commits c = {.fail_at = 3};
    struct store_options o = {.path = d->f.path};
    fixture_close(&d->f);
    assert_int_equal(store_open_faulty(&o, on_step, &c, &d->f.store, NULL), 0);
    d->batch.slice_rows = 300;
    import_now(d->f.store, &d->batch);
    assert_int_equal(d->batch.status, -1);
    assert_non_null(strstr(d->batch.err.msg, "full"));
    assert_int_equal(d->batch.totals.lines, 600);
    assert_int_equal(d->batch.totals.inserted, 600);
    assert_int_equal(fixture_sql(&d->f, "SELECT sum(n) FROM chunk"), 600);
    assert_int_equal(fixture_sql(&d->f, "SELECT last FROM import_span"), T0 + 250 + 599 * STEP);
    import_all(d, 400, 600, 0, 0);
}

/* One of a sliced import's transactions, then whatever waits, then the next. */
static void other_records_are_stored_between_slices(void **state)
{
    struct data *d = *state;
    struct commits c = {0};
    struct store_options o = {.path = d->f.path};
    struct probe_def def = probe_def("live", USEC_PER_SEC);
    fixture_close(&d->f);
    assert_int_equal(store_open_faulty(&o, on_step, &c, &d->f.store, NULL), 0);
    d->batch.slice_rows = 10;
    store_push_probe(d->f.store, 0, &def, T0);
    for (int i = 0; i < 50; i++) {
        struct result r = result_at(T0 + i * USEC_PER_SEC, OUTCOME_GOOD, REASON_NONE, 5);
        push_result(d->f.store, 0, &r);
    }
    import_all(d, ROWS, 0, 0, 0);
    assert_true(c.n >= ROWS / 10);
    assert_int_equal(fixture_sql(&d->f, "SELECT count(*) FROM result"), ROWS + 50);
    store_push_heartbeat(d->f.store, T0 + USEC_PER_DAY, T0 + USEC_PER_DAY);
    fixture_settle(&d->f);
}

/* ---- anything, against a model ------------------------------------------------ */

#define PROBES 3
#define SLOTS 12000
#define BATCH_MAX_ROWS 1500

struct model {
    struct data *d;
    uint64_t seed;
    struct result have[PROBES][SLOTS]; /* slot_us 0: none */
    struct import_row rows[BATCH_MAX_ROWS];
    struct import_totals want;
    bool replace;
    size_t seen, probe; /* of read_model() */
};

static const char *const model_probes[PROBES] = {"a", "b", "c"};

static uint64_t pick(struct model *m, uint64_t n)
{
    m->seed ^= m->seed << 13;
    m->seed ^= m->seed >> 7;
    m->seed ^= m->seed << 17;
    return m->seed % n;
}

/* Few kinds of results, so that lines often say what is stored. */
static struct result pick_result(struct model *m, int64_t slot_us)
{
    static const enum outcome outcomes[] = {OUTCOME_GOOD,     OUTCOME_GOOD,    OUTCOME_BAD,
                                            OUTCOME_EXCLUDED, OUTCOME_SKIPPED, OUTCOME_GOOD};
    enum outcome o = outcomes[pick(m, countof(outcomes))];
    struct result r = result_at(slot_us, o, o == OUTCOME_BAD ? REASON_STATUS : REASON_NONE, 1000);
    if (pick(m, 3) == 0)
        r.phases = (struct phases){0};
    r.flags = RESULT_IMPORTED;
    return r;
}

static bool says_the_same(const struct result *have, const struct result *line)
{
    static const struct phases none;
    return have->outcome == line->outcome && have->reason == line->reason &&
           have->code == line->code && have->total_us == line->total_us &&
           (memcmp(&line->phases, &none, sizeof(none)) == 0 ||
            memcmp(&have->phases, &line->phases, sizeof(none)) == 0);
}

/* What README says of a line, one after the other. */
static void expect_line(struct model *m, size_t probe, size_t slot, const struct result *line)
{
    struct result *have = &m->have[probe][slot];
    m->want.lines++;
    if (!have->slot_us) {
        m->want.inserted++;
        *have = *line;
    } else if (says_the_same(have, line)) {
        m->want.same++;
    } else {
        m->want.different++;
        if (m->replace) {
            m->want.replaced++;
            *have = *line;
        }
    }
}

/* Runs of one probe in order, single lines anywhere, slots twice. */
static size_t pick_rows(struct model *m)
{
    size_t n = 0, limit = 1 + pick(m, BATCH_MAX_ROWS);
    while (n < limit) {
        size_t probe = pick(m, PROBES), slot = pick(m, SLOTS);
        size_t run = pick(m, 4) == 0 ? 1 + pick(m, 1200) : 1;
        for (; run > 0 && n < limit && slot < SLOTS; run--, slot++) {
            struct result r = pick_result(m, T0 + (int64_t)slot * STEP);
            m->rows[n] = (struct import_row){model_probes[probe], r, (long)n + 1};
            n++;
            expect_line(m, probe, slot, &r);
            slot += pick(m, 50) == 0;
        }
    }
    return n;
}

static bool read_model(void *ctx, const struct result *r)
{
    struct model *m = ctx;
    const struct result *want = m->have[m->probe];
    while (m->seen < SLOTS && !want[m->seen].slot_us)
        m->seen++;
    assert_true(m->seen < SLOTS);
    want += m->seen++;
    assert_int_equal(r->slot_us, want->slot_us);
    assert_int_equal(r->done_us, want->done_us);
    assert_int_equal(r->outcome, want->outcome);
    assert_int_equal(r->reason, want->reason);
    assert_int_equal(r->code, want->code);
    assert_int_equal(r->flags, want->flags);
    assert_memory_equal(&r->phases, &want->phases, sizeof(r->phases));
    return true;
}

static int64_t first_event_of(const struct result *rows)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (rows[i].slot_us && rows[i].outcome <= OUTCOME_BAD)
            return rows[i].slot_us;
    return INT64_MAX;
}

static void expect_model(struct model *m)
{
    struct store_reader *r = fixture_reader(&m->d->f);
    for (m->probe = 0; m->probe < PROBES; m->probe++) {
        struct store_probe p;
        int found = store_reader_probe(r, model_probes[m->probe], &p, NULL);
        m->seen = 0;
        assert_int_equal(
            store_reader_results(r, model_probes[m->probe], 0, INT64_MAX, read_model, m, NULL), 0);
        while (m->seen < SLOTS)
            assert_int_equal(m->have[m->probe][m->seen++].slot_us, 0);
        if (found) {
            assert_int_equal(p.first_event_us, first_event_of(m->have[m->probe]));
            free(p.revisions);
        }
    }
    store_reader_free(r);
}

static void any_lines_as_the_manual_says(void **state)
{
    struct model *m = mem_alloc(sizeof(*m));
    m->d = *state;
    m->seed = 20261122;
    for (int i = 0; i < 60; i++) {
        m->want = (struct import_totals){0};
        m->replace = pick(m, 3) == 0;
        struct import_batch b = {
            .rows = m->rows, .replace = m->replace, .create_interval_us = STEP, .import_id = i + 1};
        b.slice_rows = i % 3 == 1 ? 1 + pick(m, 700) : 0;
        b.n = pick_rows(m);
        import_now(m->d->f.store, &b);
        if (b.status < 0)
            fail_msg("%s", b.err.msg);
        assert_memory_equal(&b.totals, &m->want, sizeof(b.totals));
        expect_model(m);
        if (i % 7 == 3)
            fixture_settle(&m->d->f); /* rolled up, and what is old enough is sealed */
    }
    free(m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(unknown_probes_need_create),
        T(created_probes_have_a_schedule),
        T(the_same_again_changes_nothing),
        T(what_is_stored_wins_unless_replaced),
        T(each_field_of_a_line_is_compared),
        T(the_first_event_follows_replacement),
        T(older_rows_get_an_older_schedule),
        T(an_import_may_state_its_interval),
        T(hours_that_an_import_filled_are_rolled_up),
        T(the_span_of_an_import_is_kept),
        T(history_is_packed_at_once),
        T(a_changed_row_opens_its_chunk),
        T(a_hole_in_a_chunk_is_filled_by_rows),
        T(a_failed_slice_leaves_the_ones_before),
        T(other_records_are_stored_between_slices),
        T(any_lines_as_the_manual_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
