/*
 * Whatever is recorded, imported, replaced, rolled up and restarted, in any
 * order: what a reader says is what the rows say. A random history is kept in
 * memory beside the store and both are asked the same questions.
 */
#include "fixture.h"

#include "base/mem.h"
#include "model/sketch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define INTERVAL_US (7 * USEC_PER_SEC) /* cuts minutes and hours unevenly */
#define SLOTS 20000                    /* 38.9 hours */
#define PROBE "api"

struct model {
    struct fixture f;
    uint32_t seed;
    struct sli_def slis[3];
    bool present[SLOTS];
    struct result results[SLOTS];
    int64_t imported; /* rows */
    int64_t live;     /* next slot that the prober would measure */
};

static uint32_t next(struct model *m)
{
    m->seed = m->seed * 1664525 + 1013904223;
    return m->seed >> 8;
}

static int64_t slot_us(int64_t i)
{
    return T0 + 1234567 + i * INTERVAL_US;
}

static struct result random_result(struct model *m, int64_t i)
{
    uint32_t r = next(m) % 100;
    int64_t total = 1000 + next(m) % 900000;
    if (r < 80)
        return result_at(slot_us(i), OUTCOME_GOOD, REASON_NONE, total);
    if (r < 90)
        return result_at(slot_us(i), OUTCOME_BAD, r % 2 ? REASON_STATUS : REASON_DNS, total);
    if (r < 95)
        return result_at(slot_us(i), OUTCOME_BAD, REASON_RATE_LIMITED, total);
    return result_at(slot_us(i), r < 98 ? OUTCOME_EXCLUDED : OUTCOME_SKIPPED, REASON_PROBER, 0);
}

static void declare(struct model *m)
{
    struct probe_def def = probe_def(PROBE, INTERVAL_US);
    store_push_probe(m->f.store, 3, &def, slot_us(m->live));
    for (size_t i = 0; i < countof(m->slis); i++)
        store_push_sli(m->f.store, &m->slis[i]);
}

/* ---- what happens ------------------------------------------------------------- */

static void go_live(struct model *m)
{
    int64_t n = next(m) % 600;
    for (; n > 0 && m->live < SLOTS; n--, m->live++) {
        if (next(m) % 50 == 0)
            continue; /* a gap */
        struct result r = random_result(m, m->live);
        if (m->present[m->live])
            r = m->results[m->live]; /* imported before: that wins */
        push_result(m->f.store, 3, &r);
        m->present[m->live] = true;
        m->results[m->live] = r;
    }
    store_push_heartbeat(m->f.store, slot_us(m->live), slot_us(m->live));
}

static void import_some(struct model *m)
{
    static struct import_row rows[500];
    struct import_batch b = {.rows = rows, .replace = next(m) % 3 == 0, .import_id = next(m)};
    int64_t first = next(m) % SLOTS, inserted = 0, different = 0, replaced = 0;
    size_t n = 1 + next(m) % countof(rows);
    for (int64_t i = first; b.n < n && i < SLOTS; i++) {
        struct result r = random_result(m, i);
        /* Equal in nothing that is compared, or the model could not tell. */
        r.total_us += ++m->imported * 10000000;
        rows[b.n++] = (struct import_row){.probe = PROBE, .result = r, .line = 1};
        different += m->present[i];
        inserted += !m->present[i];
        replaced += m->present[i] && b.replace;
        if (m->present[i] && !b.replace)
            continue;
        m->present[i] = true;
        m->results[i] = r;
    }
    import_now(m->f.store, &b);
    assert_int_equal(b.status, 0);
    assert_int_equal(b.totals.inserted, inserted);
    assert_int_equal(b.totals.same, 0);
    assert_int_equal(b.totals.different, different);
    assert_int_equal(b.totals.replaced, replaced);
}

/* ---- what is asked ------------------------------------------------------------ */

static void model_add(const struct model *m, int64_t i, const struct sli_def *sli, struct counts *c,
                      int64_t *reasons)
{
    const struct result *r = &m->results[i];
    enum outcome o = m->present[i] ? sli_classify(sli, r) : OUTCOME_SKIPPED;
    c->good += o == OUTCOME_GOOD;
    c->bad += o == OUTCOME_BAD;
    c->excluded += o == OUTCOME_EXCLUDED;
    if (o == OUTCOME_BAD)
        reasons[r->outcome == OUTCOME_GOOD ? REASON_LATENCY : r->reason]++;
}

static void check_counts(const struct model *m, struct store_reader *r, int64_t from, int64_t to)
{
    for (size_t k = 0; k < countof(m->slis); k++) {
        struct counts want = {0}, got = {0};
        int64_t reasons[REASON_COUNT] = {0}, got_reasons[REASON_COUNT];
        for (int64_t i = 0; i < SLOTS; i++)
            if (slot_us(i) >= from && slot_us(i) < to)
                model_add(m, i, &m->slis[k], &want, reasons);
        assert_int_equal(store_reader_counts(r, &m->slis[k], from, to, &got, NULL), 0);
        assert_memory_equal(&got, &want, sizeof(got));
        assert_int_equal(store_reader_reasons(r, &m->slis[k], from, to, got_reasons, NULL), 0);
        assert_memory_equal(got_reasons, reasons, sizeof(reasons));
    }
}

static void check_series(struct model *m, struct store_reader *r, int64_t from)
{
    static const int64_t steps[] = {10 * USEC_PER_SEC, USEC_PER_MIN,      5 * USEC_PER_MIN,
                                    USEC_PER_HOUR,     6 * USEC_PER_HOUR, 1234567891,
                                    USEC_PER_DAY};
    int64_t step = steps[next(m) % countof(steps)];
    size_t n = 1 + next(m) % 40;
    struct counts want[40] = {{0}}, got[40];
    int64_t unused[REASON_COUNT] = {0};
    for (int64_t i = 0; i < SLOTS; i++)
        if (slot_us(i) >= from && slot_us(i) < from + step * (int64_t)n)
            model_add(m, i, &m->slis[1], &want[(slot_us(i) - from) / step], unused);
    assert_int_equal(store_reader_series(r, &m->slis[1], from, step, n, got, NULL), 0);
    assert_memory_equal(got, want, n * sizeof(*got));
}

static void sum_latency(const struct model *m, int64_t from, int64_t to, struct sketch *into)
{
    for (int64_t i = 0; i < SLOTS; i++) {
        const struct result *x = &m->results[i];
        if (m->present[i] && slot_us(i) >= from && slot_us(i) < to && x->outcome <= OUTCOME_BAD)
            sketch_add(into, x->total_us, x->outcome == OUTCOME_BAD);
    }
}

static void check_latency(const struct model *m, struct store_reader *r, int64_t from, int64_t to)
{
    struct sketch want = SKETCH_INIT, got = SKETCH_INIT;
    sum_latency(m, from, to, &want);
    assert_int_equal(store_reader_latency(r, PROBE, from, to, &got, NULL), 0);
    assert_int_equal(got.count, want.count);
    assert_int_equal(got.censored, want.censored);
    assert_int_equal(got.max_us, want.max_us);
    for (int q = 5; q <= 100; q += 5) {
        bool lower_got, lower_want;
        assert_int_equal(sketch_quantile(&got, q, 100, &lower_got),
                         sketch_quantile(&want, q, 100, &lower_want));
        assert_int_equal(lower_got, lower_want);
    }
    sketch_release(&got);
    sketch_release(&want);
}

/* Consecutive spans, hours of the clock among them. */
static void check_percentiles(struct model *m, struct store_reader *r, int64_t from)
{
    static const int64_t steps[] = {USEC_PER_HOUR, USEC_PER_HOUR, 3 * USEC_PER_HOUR, USEC_PER_DAY,
                                    7777777777};
    int64_t step = steps[next(m) % countof(steps)], edges[42];
    size_t n = 1 + next(m) % 40;
    struct percentiles got[41];
    edges[0] = from;
    for (size_t i = 1; i <= n; i++)
        edges[i] = step == 7777777777 ? edges[i - 1] + step : (edges[i - 1] / step + 1) * step;
    assert_int_equal(store_reader_percentiles(r, PROBE, edges, n, got, NULL), 0);
    for (size_t k = 0; k < n; k++) {
        struct sketch want = SKETCH_INIT;
        bool lower;
        sum_latency(m, edges[k], edges[k + 1], &want);
        assert_int_equal(got[k].p50_us, sketch_quantile(&want, 50, 100, &lower));
        assert_int_equal(got[k].p95_us, sketch_quantile(&want, 95, 100, &lower));
        assert_int_equal(got[k].p99_us, sketch_quantile(&want, 99, 100, &lower));
        sketch_release(&want);
    }
}

struct rows {
    const struct model *m;
    int64_t at;
};

static bool check_row(void *ctx, const struct result *r)
{
    struct rows *rows = ctx;
    const struct model *m = rows->m;
    while (rows->at < SLOTS && !m->present[rows->at])
        rows->at++;
    assert_true(rows->at < SLOTS);
    const struct result *want = &m->results[rows->at++];
    assert_int_equal(r->slot_us, want->slot_us);
    assert_int_equal(r->done_us, want->done_us);
    assert_int_equal(r->outcome, want->outcome);
    assert_int_equal(r->reason, want->reason);
    assert_int_equal(r->total_us, want->total_us);
    assert_memory_equal(&r->phases, &want->phases, sizeof(r->phases));
    return true;
}

static void check_rows_and_probe(const struct model *m, struct store_reader *r)
{
    struct rows rows = {m, 0};
    assert_int_equal(store_reader_results(r, PROBE, 0, INT64_MAX, check_row, &rows, NULL), 0);
    struct store_probe p;
    assert_int_equal(store_reader_probe(r, PROBE, &p, NULL), 1);
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (int64_t i = 0; i < SLOTS; i++) {
        if (!m->present[i])
            continue;
        last = slot_us(i);
        if (first == INT64_MAX && m->results[i].outcome <= OUTCOME_BAD)
            first = slot_us(i);
    }
    assert_int_equal(p.first_event_us, first);
    assert_int_equal(p.last_slot_us, last);
    free(p.revisions);
}

static int64_t random_time(struct model *m)
{
    int64_t t = slot_us(next(m) % SLOTS) + next(m) % 1000000;
    switch (next(m) % 4) {
    case 0:
        return t / USEC_PER_HOUR * USEC_PER_HOUR;
    case 1:
        return t / USEC_PER_MIN * USEC_PER_MIN;
    case 2:
        return slot_us(next(m) % SLOTS); /* exactly on an event */
    default:
        return t;
    }
}

static void check(struct model *m)
{
    fixture_flush(&m->f);
    struct store_reader *r = fixture_reader(&m->f);
    for (int i = 0; i < 4; i++) {
        int64_t a = random_time(m), b = random_time(m);
        check_counts(m, r, a < b ? a : b, a < b ? b : a);
        check_latency(m, r, a < b ? a : b, a < b ? b : a);
        check_series(m, r, a);
        check_percentiles(m, r, a);
    }
    check_counts(m, r, 0, slot_us(SLOTS + 1));
    check_rows_and_probe(m, r);
    store_reader_free(r);
}

static void what_readers_say_is_what_rows_say(void **state)
{
    (void)state;
    struct model *m = mem_alloc(sizeof(*m));
    m->seed = 20261121;
    m->slis[0] = sli_def(PROBE, 0, "api");
    m->slis[1] = sli_def(PROBE, 500000, "api faster_than=500000us");
    m->slis[2] = sli_def(PROBE, 0, "api rate_limited=excluded");
    m->slis[2].classify[REASON_RATE_LIMITED] = OUTCOME_EXCLUDED;
    m->live = SLOTS / 3;
    fixture_init(&m->f);
    fixture_open(&m->f);
    declare(m);
    for (int round = 0; round < 40; round++) {
        if (next(m) % 3)
            go_live(m);
        else
            import_some(m);
        if (next(m) % 2)
            fixture_settle(&m->f);
        if (next(m) % 8 == 0) {
            fixture_close(&m->f);
            fixture_open(&m->f);
            declare(m);
        }
        check(m);
    }
    /* The test must have been about rollups. */
    fixture_settle(&m->f);
    assert_true(fixture_sql(&m->f, "SELECT count(*) FROM rollup") > 50);
    assert_true(fixture_sql(&m->f, "SELECT count(*) FROM rollup_day") >= 4);
    check(m);
    fixture_release(&m->f);
    free(m);
}

static void unknown_probes_have_no_events(void **state)
{
    (void)state;
    struct fixture f;
    struct counts c = {1, 1, 1};
    fixture_init(&f);
    fixture_open(&f);
    struct store_reader *r = fixture_reader(&f);
    struct sli_def sli = sli_def("nobody", 0, "nobody");
    struct store_probe p;
    assert_int_equal(store_reader_counts(r, &sli, 0, T0, &c, NULL), 0);
    assert_int_equal(counts_total(c), 0);
    assert_int_equal(store_reader_probe(r, "nobody", &p, NULL), 0);
    store_push_sli(f.store, &sli); /* named by an SLI, but without a schedule */
    fixture_flush(&f);
    assert_int_equal(store_reader_probe(r, "nobody", &p, NULL), 0);
    store_reader_free(r);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_readers_say_is_what_rows_say),
        cmocka_unit_test(unknown_probes_have_no_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
