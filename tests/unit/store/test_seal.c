/*
 * Sealing: whatever a reader says, it says before and after; late results and
 * imports find their way into what is sealed; a fault undoes a slice, and a
 * damaged chunk is an error, never a number.
 */
#include "fixture.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "model/sketch.h"
#include "store/chunk.h"
#include "store/internal.h"
#include "store/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define INTERVAL_US (15 * USEC_PER_SEC)
#define DAY_SLOTS 5760
#define SLOTS (3 * DAY_SLOTS)
#define PROBE "api"
#define HANDLE 2

struct history {
    struct fixture f;
    uint32_t seed;
    struct sli_def sli;
    VEC(struct result) rows; /* what was pushed, in slot order */
};

static uint32_t next(struct history *h)
{
    h->seed = h->seed * 1664525 + 1013904223;
    return h->seed >> 8;
}

static int64_t slot_us(int64_t i)
{
    return T0 + 1234567 + i * INTERVAL_US;
}

static struct result random_result(struct history *h, int64_t slot)
{
    uint32_t dice = next(h) % 100;
    struct result r = result_at(slot, OUTCOME_GOOD, REASON_NONE, 1000 + next(h) % 400000);
    if (dice < 80) {
        r.phases.wait_us = r.total_us - 16;
    } else if (dice < 95) {
        r.outcome = OUTCOME_BAD;
        r.reason = dice % 2 ? REASON_STATUS : REASON_TTFB_TIMEOUT;
        r.code = dice % 2 ? 503 : 0;
    } else {
        r.outcome = dice < 97 ? OUTCOME_EXCLUDED : OUTCOME_SKIPPED;
        r.reason = REASON_PROBER;
        r.total_us = r.code = 0;
        r.phases = (struct phases){0};
    }
    r.lag_us = (int32_t)(next(h) % 900);
    r.done_us = slot + r.lag_us + r.total_us + next(h) % 50;
    r.flags = dice % 3 == 0 ? RESULT_REUSED : 0;
    return r;
}

static void declare(struct history *h)
{
    struct probe_def def = probe_def(PROBE, INTERVAL_US);
    store_push_probe(h->f.store, HANDLE, &def, slot_us(0));
    store_push_sli(h->f.store, &h->sli);
}

static void push(struct history *h, const struct result *r)
{
    assert_true(store_reserve(h->f.store));
    store_push_result(h->f.store, HANDLE, r,
                      &(struct store_extra){.message = r->outcome == OUTCOME_BAD ? "no" : NULL});
}

/* Slots [first, last) but for a few, and that the prober has got so far. */
static void run(struct history *h, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++) {
        if (next(h) % 40 == 0)
            continue;
        struct result r = random_result(h, slot_us(i));
        push(h, &r);
        vec_push(&h->rows, r);
    }
    store_push_heartbeat(h->f.store, slot_us(last), slot_us(last));
    fixture_settle(&h->f);
}

/* So much time passes without results that everything may be sealed. */
static void grow_old(struct history *h)
{
    store_push_heartbeat(h->f.store, slot_us(SLOTS) + 8 * USEC_PER_DAY,
                         slot_us(SLOTS) + 8 * USEC_PER_DAY);
    fixture_settle(&h->f);
}

static void start(struct history *h)
{
    *h = (struct history){.seed = 7, .sli = sli_def(PROBE, 200000, "api faster_than=200000us")};
    fixture_init(&h->f);
    fixture_open(&h->f);
    declare(h);
}

static void end(struct history *h)
{
    fixture_release(&h->f);
    vec_release(&h->rows);
}

static int64_t plain(struct history *h)
{
    return fixture_sql(&h->f, "SELECT count(*) FROM result");
}

static int64_t sealed(struct history *h)
{
    return fixture_sql(&h->f, "SELECT coalesce(sum(n), 0) FROM chunk");
}

static void assert_spans_apart(struct history *h)
{
    assert_int_equal(fixture_sql(&h->f, "SELECT count(*) FROM chunk a, chunk b WHERE"
                                        " a.probe = b.probe AND a.num < b.num"
                                        " AND a.first <= b.last AND b.first <= a.last"),
                     0);
    assert_int_equal(fixture_sql(&h->f, "SELECT count(*) FROM chunk c, result r WHERE"
                                        " r.probe = c.probe AND r.slot BETWEEN c.first AND c.last"),
                     0);
    assert_int_equal(fixture_sql(&h->f, "SELECT count(*) FROM chunk c, probe p WHERE"
                                        " c.probe = p.num AND c.last >= p.sealed_through"),
                     0);
}

/* ---- what readers say --------------------------------------------------------- */

#define SPANS 12
#define STEPS 40
#define FAILURES 300

struct told {
    struct counts counts, series[STEPS];
    int64_t reasons[REASON_COUNT];
    int64_t count, censored, max_us, p50, p99;
    struct {
        int64_t slot_us, total_us, code, reason;
        char message[8];
    } failures[FAILURES];
    size_t failure_count;
};

struct said {
    struct told at[SPANS];
    struct store_probe probe;
};

struct cursor {
    const struct history *h;
    size_t at, end;
};

static bool check_row(void *ctx, const struct result *r)
{
    struct cursor *c = ctx;
    assert_true(c->at < c->end);
    const struct result *want = &c->h->rows.at[c->at++];
    assert_memory_equal(&r->phases, &want->phases, sizeof(r->phases));
    assert_true(r->slot_us == want->slot_us && r->done_us == want->done_us);
    assert_true(r->total_us == want->total_us && r->lag_us == want->lag_us);
    assert_true(r->code == want->code && r->outcome == want->outcome);
    assert_true(r->reason == want->reason && r->flags == want->flags);
    return true;
}

static void check_results(struct history *h, struct store_reader *r, int64_t from, int64_t to)
{
    struct cursor c = {.h = h};
    while (c.at < h->rows.len && h->rows.at[c.at].slot_us < from)
        c.at++;
    for (c.end = c.at; c.end < h->rows.len && h->rows.at[c.end].slot_us < to;)
        c.end++;
    assert_int_equal(store_reader_results(r, PROBE, from, to, check_row, &c, NULL), 0);
    assert_int_equal(c.at, c.end);
}

/* The newest bad result that was pushed with a slot before `to_us`. */
static const struct result *newest_bad(const struct history *h, int64_t to_us)
{
    for (size_t i = h->rows.len; i-- > 0;)
        if (h->rows.at[i].slot_us < to_us && h->rows.at[i].outcome == OUTCOME_BAD)
            return &h->rows.at[i];
    return NULL;
}

static void ask_failures(const struct history *h, struct store_reader *r, int64_t from, int64_t to,
                         struct told *a)
{
    int64_t before = to;
    struct failure *got = mem_array(FAILURES, sizeof(*got));
    assert_int_equal(
        store_reader_failures(r, PROBE, from, to, got, FAILURES, &a->failure_count, NULL), 0);
    for (size_t i = 0; i < a->failure_count; i++) {
        a->failures[i].slot_us = got[i].result.slot_us;
        a->failures[i].total_us = got[i].result.total_us;
        a->failures[i].code = got[i].result.code;
        a->failures[i].reason = got[i].result.reason;
        str_copy(a->failures[i].message, sizeof(a->failures[i].message), got[i].message);
        const struct result *want = newest_bad(h, before);
        assert_non_null(want);
        assert_int_equal(got[i].result.slot_us, want->slot_us);
        before = want->slot_us;
    }
    if (a->failure_count < FAILURES) {
        const struct result *more = newest_bad(h, before);
        assert_true(!more || more->slot_us < from);
    }
    free(got);
}

static void ask(struct history *h, struct store_reader *r, int64_t from, int64_t to, struct told *a)
{
    struct sketch s = SKETCH_INIT;
    bool lower;
    memset(a, 0, sizeof(*a));
    check_results(h, r, from, to);
    assert_int_equal(store_reader_counts(r, &h->sli, from, to, &a->counts, NULL), 0);
    assert_int_equal(
        store_reader_series(r, &h->sli, from, (to - from) / STEPS + 1, STEPS, a->series, NULL), 0);
    assert_int_equal(store_reader_reasons(r, &h->sli, from, to, a->reasons, NULL), 0);
    assert_int_equal(store_reader_latency(r, PROBE, from, to, &s, NULL), 0);
    a->count = s.count;
    a->censored = s.censored;
    a->max_us = s.max_us;
    a->p50 = sketch_quantile(&s, 1, 2, &lower);
    a->p99 = sketch_quantile(&s, 99, 100, &lower);
    sketch_release(&s);
    ask_failures(h, r, from, to, a);
}

/* The same questions each time; spans from an instant to the whole history. */
static struct said *listen(struct history *h)
{
    struct said *s = mem_alloc(sizeof(*s));
    struct store_reader *r = fixture_reader(&h->f);
    uint32_t seed = h->seed;
    h->seed = 99;
    for (int i = 0; i < SPANS; i++) {
        int64_t from = slot_us(next(h) % SLOTS) - next(h) % 2;
        int64_t lengths[] = {slot_us(SLOTS) - from, 1 + next(h) % 1000000 * 500LL,
                             1 + next(h) % 1000 * USEC_PER_MIN};
        int64_t to = from + lengths[i % 3];
        ask(h, r, i ? from : 0, to, &s->at[i]);
    }
    assert_int_equal(store_reader_probe(r, PROBE, &s->probe, NULL), 1);
    mem_free(&s->probe.revisions);
    store_reader_free(r);
    h->seed = seed;
    return s;
}

static void readers_say_the_same_before_and_after(void **state)
{
    (void)state;
    struct history h;
    start(&h);
    run(&h, 0, SLOTS);
    int64_t rows = (int64_t)h.rows.len, young = plain(&h);
    assert_int_equal(young + sealed(&h), rows);
    assert_true(young >= DAY_SLOTS * 9 / 10); /* the last day at least */
    assert_true(sealed(&h) >= SEAL_ROWS);
    struct said *before = listen(&h);
    grow_old(&h);
    assert_int_equal(plain(&h), 0);
    assert_int_equal(sealed(&h), rows);
    assert_spans_apart(&h);
    struct said *after = listen(&h);
    assert_memory_equal(before, after, sizeof(*before));
    /* And with nothing sealed at all. */
    fixture_close(&h.f);
    fixture_open(&h.f);
    declare(&h);
    struct said *reopened = listen(&h);
    assert_memory_equal(before, reopened, sizeof(*before));
    assert_true(before->at[0].failure_count == FAILURES);
    assert_string_equal(before->at[0].failures[0].message, "no");
    free(before);
    free(after);
    free(reopened);
    end(&h);
}

static void a_new_sli_is_summed_up_from_chunks(void **state)
{
    (void)state;
    struct history h;
    struct counts c, want = {0};
    struct sli_def sli = sli_def(PROBE, 0, "api status=excluded");
    sli.classify[REASON_STATUS] = OUTCOME_EXCLUDED;
    start(&h);
    run(&h, 0, SLOTS);
    grow_old(&h);
    assert_int_equal(plain(&h), 0);
    store_push_sli(h.f.store, &sli);
    fixture_settle(&h.f);
    for (size_t i = 0; i < h.rows.len; i++) {
        enum outcome o = sli_classify(&sli, &h.rows.at[i]);
        want.good += o == OUTCOME_GOOD;
        want.bad += o == OUTCOME_BAD;
        want.excluded += o == OUTCOME_EXCLUDED;
    }
    struct store_reader *r = fixture_reader(&h.f);
    assert_int_equal(store_reader_counts(r, &sli, 0, slot_us(SLOTS), &c, NULL), 0);
    assert_memory_equal(&c, &want, sizeof(c));
    store_reader_free(r);
    end(&h);
}

/* ---- when ------------------------------------------------------------------------ */

static void few_rows_wait_for_a_week(void **state)
{
    (void)state;
    struct history h;
    start(&h);
    run(&h, 0, 200);
    store_push_heartbeat(h.f.store, slot_us(200) + 6 * USEC_PER_DAY,
                         slot_us(200) + 6 * USEC_PER_DAY);
    fixture_settle(&h.f);
    assert_int_equal(sealed(&h), 0);
    store_push_heartbeat(h.f.store, slot_us(200) + 8 * USEC_PER_DAY,
                         slot_us(200) + 8 * USEC_PER_DAY);
    fixture_settle(&h.f);
    assert_int_equal(sealed(&h), (int64_t)h.rows.len);
    end(&h);
}

static void what_lies_in_front_of_a_chunk_does_not_wait(void **state)
{
    (void)state;
    struct history h;
    start(&h);
    run(&h, 0, SLOTS);
    int64_t young = plain(&h);
    struct result first = random_result(&h, T0 + 1);
    push(&h, &first);
    fixture_settle(&h.f);
    assert_int_equal(plain(&h), young);
    assert_spans_apart(&h);
    end(&h);
}

static void hours_stay_whole_unless_they_are_too_many_rows(void **state)
{
    (void)state;
    struct history h;
    start(&h);
    run(&h, 0, SLOTS);
    grow_old(&h);
    assert_int_equal(
        fixture_sql(&h.f, "SELECT count(*) FROM chunk a, chunk b"
                          " WHERE a.num < b.num AND a.last / 3600000000 >= b.first / 3600000000"),
        0);
    /* An hour of 20,000 results. */
    struct probe_def def = probe_def("dense", 180000);
    store_push_probe(h.f.store, 3, &def, slot_us(0));
    for (int64_t i = 0; i < 20000; i++) {
        struct result r = random_result(&h, T0 + i * 180000);
        push_result(h.f.store, 3, &r);
    }
    fixture_settle(&h.f);
    assert_int_equal(fixture_sql(&h.f, "SELECT count(*) FROM chunk WHERE probe = 2"), 3);
    assert_int_equal(fixture_sql(&h.f, "SELECT max(n) FROM chunk WHERE probe = 2"), CHUNK_ROWS_MAX);
    assert_int_equal(fixture_sql(&h.f, "SELECT sum(n) FROM chunk WHERE probe = 2"), 20000);
    assert_spans_apart(&h);
    end(&h);
}

/* ---- late results ------------------------------------------------------------------- */

static void insert_in_order(struct history *h, const struct result *r)
{
    size_t i = h->rows.len;
    vec_push(&h->rows, *r);
    for (; i > 0 && h->rows.at[i - 1].slot_us > r->slot_us; i--)
        h->rows.at[i] = h->rows.at[i - 1];
    h->rows.at[i] = *r;
}

static void a_late_result_opens_its_chunk(void **state)
{
    (void)state;
    struct history h;
    struct counts c;
    start(&h);
    run(&h, 0, SLOTS);
    grow_old(&h);
    int64_t chunks = fixture_sql(&h.f, "SELECT count(*) FROM chunk");
    /* Between two slots; in the gap before all; and one that is there already. */
    struct result late = random_result(&h, slot_us(5000) + 1), first = random_result(&h, T0 + 1),
                  there = h.rows.at[100];
    there.total_us++;
    push(&h, &late);
    push(&h, &there);
    push(&h, &first);
    fixture_flush(&h.f);
    insert_in_order(&h, &late);
    insert_in_order(&h, &first);
    free(listen(&h)); /* while it is open, or sealed again */
    fixture_settle(&h.f);
    assert_int_equal(plain(&h), 0);
    assert_int_equal(sealed(&h), (int64_t)h.rows.len);
    assert_true(fixture_sql(&h.f, "SELECT count(*) FROM chunk") <= chunks + 1);
    assert_spans_apart(&h);
    free(listen(&h));
    struct store_reader *r = fixture_reader(&h.f);
    assert_int_equal(store_reader_counts(r, &h.sli, late.slot_us, late.slot_us + 1, &c, NULL), 0);
    assert_int_equal(c.good + c.bad + c.excluded, late.outcome != OUTCOME_SKIPPED);
    store_reader_free(r);
    end(&h);
}

/* Chunks that transactions open. */
struct opened {
    _Atomic int now, most;
};

static int count_opened(void *ctx, const char *sql)
{
    struct opened *o = ctx;
    if (str_starts(sql, "BEGIN"))
        o->now = 0;
    if (str_starts(sql, "DELETE FROM chunk") && ++o->now > o->most)
        o->most = o->now;
    return 0;
}

static void an_import_replaces_what_is_sealed(void **state)
{
    (void)state;
    struct history h;
    struct opened opened = {0};
    struct import_row rows[60];
    struct import_batch b = {.rows = rows, .replace = true, .import_id = 1, .slice_rows = 1000};
    start(&h);
    run(&h, 0, SLOTS);
    grow_old(&h);
    assert_true(fixture_sql(&h.f, "SELECT count(*) FROM chunk") > 1);
    fixture_close(&h.f);
    struct store_options o = {.path = h.f.path};
    assert_int_equal(store_open_faulty(&o, count_opened, &opened, &h.f.store, NULL), 0);
    for (size_t i = 0; i < countof(rows); i++) { /* one in each of many chunks */
        struct result *r = &h.rows.at[i * (h.rows.len / countof(rows))];
        if (i % 2) {
            r->total_us += 7000000; /* not equal: it is replaced */
            r->done_us += 7000000;
            r->flags |= RESULT_IMPORTED;
        }
        rows[b.n++] = (struct import_row){.probe = PROBE, .result = *r, .line = (long)i + 1};
    }
    import_now(h.f.store, &b);
    assert_int_equal(b.status, 0);
    assert_int_equal(b.totals.same, countof(rows) / 2);
    assert_int_equal(b.totals.replaced, countof(rows) / 2);
    assert_int_equal(opened.most, 1); /* the writer has others to serve */
    free(listen(&h));
    fixture_settle(&h.f);
    assert_int_equal(plain(&h), 0);
    assert_spans_apart(&h);
    free(listen(&h));
    end(&h);
}

/* ---- faults --------------------------------------------------------------------------- */

#define SQL_FULL 13

struct disk {
    const char *_Atomic what; /* statements that begin so fail, NULL: none */
    _Atomic int failed;
};

static int on_step(void *ctx, const char *sql)
{
    struct disk *d = ctx;
    if (!d->what || !str_starts(sql, d->what))
        return 0;
    d->failed++;
    return SQL_FULL;
}

static void wait_for_failure(struct disk *d)
{
    while (d->failed == 0) {
        struct timespec ms = {.tv_nsec = 1000000};
        nanosleep(&ms, NULL);
    }
}

static void a_fault_undoes_the_slice(void **state)
{
    (void)state;
    static const char *const points[] = {"INSERT INTO chunk", "UPDATE probe SET sealed_through",
                                         "DELETE FROM result WHERE probe = ?1 AND slot >= ?2"};
    struct history h;
    start(&h);
    run(&h, 0, SLOTS);
    struct said *before = listen(&h);
    int64_t rows = plain(&h);
    fixture_close(&h.f);
    for (size_t i = 0; i < countof(points); i++) {
        struct disk d = {.what = points[i]};
        struct store_options o = {.path = h.f.path};
        assert_int_equal(store_open_faulty(&o, on_step, &d, &h.f.store, NULL), 0);
        store_push_heartbeat(h.f.store, slot_us(SLOTS) + 8 * USEC_PER_DAY,
                             slot_us(SLOTS) + 8 * USEC_PER_DAY);
        wait_for_failure(&d);
        struct said *during = listen(&h);
        assert_memory_equal(before, during, sizeof(*before));
        free(during);
        assert_int_equal(plain(&h), rows);
        assert_spans_apart(&h);
        if (i + 1 == countof(points)) { /* the disk is well again */
            d.what = NULL;
            fixture_settle(&h.f);
        }
        fixture_close(&h.f);
    }
    assert_int_equal(plain(&h), 0);
    struct said *after = listen(&h);
    assert_memory_equal(before, after, sizeof(*before));
    free(before);
    free(after);
    end(&h);
}

static void a_late_result_survives_a_fault_while_its_chunk_opens(void **state)
{
    (void)state;
    struct history h;
    start(&h);
    run(&h, 0, SLOTS);
    grow_old(&h);
    fixture_close(&h.f);
    struct disk d = {.what = "DELETE FROM chunk"};
    struct store_options o = {.path = h.f.path};
    assert_int_equal(store_open_faulty(&o, on_step, &d, &h.f.store, NULL), 0);
    declare(&h);
    struct result late = random_result(&h, slot_us(5000) + 1);
    push(&h, &late);
    wait_for_failure(&d);
    free(listen(&h)); /* without it */
    d.what = "INSERT INTO chunk";
    fixture_flush(&h.f);
    insert_in_order(&h, &late);
    assert_in_range(plain(&h), SEAL_ROWS, CHUNK_ROWS_MAX);
    assert_in_range(sealed(&h), SEAL_ROWS, SLOTS);
    free(listen(&h)); /* rows between chunks */
    d.what = NULL;
    fixture_settle(&h.f);
    assert_int_equal(plain(&h), 0);
    free(listen(&h));
    assert_spans_apart(&h);
    end(&h);
}

/* ---- damage --------------------------------------------------------------------------- */

static bool count_row(void *ctx, const struct result *r)
{
    (void)r;
    ++*(size_t *)ctx;
    return true;
}

/* Every question that needs the chunk's results is refused; the others are not. */
/* It is said which file, which chunk and what to do. */
static void assert_damaged(const struct history *h, const struct err *err)
{
    static const char cure[] = "; `nines db check` names all damage, restore a backup";
    char where[256];
    int n = snprintf(where, sizeof(where), "%s: chunk 1: ", h->f.path);
    assert_memory_equal(err->msg, where, n);
    assert_string_equal(err->msg + strlen(err->msg) - strlen(cure), cure);
}

static void assert_damage_is_told(struct history *h)
{
    struct store_reader *r = fixture_reader(&h->f);
    struct err err = {{0}};
    struct counts c;
    struct failure some[8];
    size_t n = 0;
    assert_int_equal(store_reader_results(r, PROBE, 0, INT64_MAX, count_row, &n, &err), -1);
    assert_damaged(h, &err);
    assert_int_equal(store_reader_failures(r, PROBE, 0, slot_us(4000), some, 8, &n, NULL), -1);
    assert_int_equal(store_reader_counts(r, &h->sli, slot_us(3), slot_us(7), &c, NULL), -1);
    assert_int_equal(store_reader_counts(r, &h->sli, 0, slot_us(SLOTS), &c, NULL), 0);
    n = 0;
    assert_int_equal(
        store_reader_results(r, PROBE, slot_us(SLOTS - 10), INT64_MAX, count_row, &n, NULL), 0);
    assert_in_range(n, 1, 10);
    store_reader_free(r);
}

static void a_damaged_chunk_is_an_error(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE chunk SET data = zeroblob(length(data)) WHERE num = 1 RETURNING 1",
        "UPDATE chunk SET data = substr(data, 1, length(data) - 9) WHERE num = 1 RETURNING 1",
        "UPDATE chunk SET data = x'' WHERE num = 1 RETURNING 1",
        "UPDATE chunk SET data = (SELECT data FROM chunk WHERE num = 2) WHERE num = 1 RETURNING 1",
        "UPDATE chunk SET n = n - 1 WHERE num = 1 RETURNING 1",
    };
    struct history h;
    start(&h);
    run(&h, 0, SLOTS);
    grow_old(&h);
    fixture_close(&h.f);
    fixture_sql(&h.f, "CREATE TABLE kept AS SELECT * FROM chunk WHERE num = 1");
    for (size_t i = 0; i < countof(damages); i++) {
        assert_int_equal(fixture_sql(&h.f, damages[i]), 1);
        assert_damage_is_told(&h);
        fixture_sql(&h.f, "UPDATE chunk SET data = (SELECT data FROM kept),"
                          " n = (SELECT n FROM kept) WHERE num = 1");
    }
    free(listen(&h));
    end(&h);
}

/* It is not mended by trying it again until patience ends. */
static void settling_ends_at_damage(void **state)
{
    (void)state;
    struct history h;
    struct err err = {{0}};
    start(&h);
    run(&h, 0, SLOTS);
    grow_old(&h);
    fixture_close(&h.f);
    assert_true(fixture_sql(&h.f, "SELECT count(*) FROM chunk WHERE num = 1"));
    fixture_sql(&h.f, "UPDATE chunk SET data = zeroblob(length(data)) WHERE num = 1");
    fixture_sql(&h.f, "UPDATE roll_stream SET rolled_through = 0, days_through = 0");
    fixture_sql(&h.f, "DELETE FROM rollup");
    fixture_sql(&h.f, "DELETE FROM rollup_day");
    fixture_open(&h.f);
    assert_int_equal(store_settle(h.f.store, 60 * PATIENCE_US, &err), -1);
    assert_damaged(&h, &err);
    end(&h);
}

/* ---- older files ------------------------------------------------------------------------ */

static void a_file_without_chunks_is_brought_up_to_date(void **state)
{
    (void)state;
    static const char *const back[] = {"DROP TABLE chunk",
                                       "DROP TABLE rollup_day",
                                       "ALTER TABLE probe DROP COLUMN sealed_through",
                                       "ALTER TABLE roll_stream DROP COLUMN days_through",
                                       "DROP INDEX alert_event_slo",
                                       "DROP INDEX outbox_event",
                                       "PRAGMA user_version = 2"};
    struct history h;
    start(&h);
    store_push_heartbeat(h.f.store, slot_us(0), slot_us(0));
    for (int64_t i = 0; i < SLOTS; i++) { /* no heartbeat after: nothing is sealed */
        struct result r = random_result(&h, slot_us(i));
        push(&h, &r);
        vec_push(&h.rows, r);
    }
    fixture_settle(&h.f);
    assert_int_equal(sealed(&h), 0);
    struct said *before = listen(&h);
    fixture_close(&h.f);
    fixture_to_version_3(&h.f);
    for (size_t i = 0; i < countof(back); i++)
        fixture_sql(&h.f, back[i]);
    fixture_open(&h.f);
    declare(&h);
    grow_old(&h);
    assert_int_equal(plain(&h), 0);
    struct said *after = listen(&h);
    assert_memory_equal(before, after, sizeof(*before));
    free(before);
    free(after);
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_say_the_same_before_and_after),
        cmocka_unit_test(a_new_sli_is_summed_up_from_chunks),
        cmocka_unit_test(few_rows_wait_for_a_week),
        cmocka_unit_test(what_lies_in_front_of_a_chunk_does_not_wait),
        cmocka_unit_test(hours_stay_whole_unless_they_are_too_many_rows),
        cmocka_unit_test(a_late_result_opens_its_chunk),
        cmocka_unit_test(an_import_replaces_what_is_sealed),
        cmocka_unit_test(a_fault_undoes_the_slice),
        cmocka_unit_test(a_late_result_survives_a_fault_while_its_chunk_opens),
        cmocka_unit_test(a_damaged_chunk_is_an_error),
        cmocka_unit_test(settling_ends_at_damage),
        cmocka_unit_test(a_file_without_chunks_is_brought_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
