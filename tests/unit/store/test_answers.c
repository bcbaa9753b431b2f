/*
 * What agents' answers measured: whatever the store says of it is what its results say,
 * be they rows, sealed or deleted, measured late or imported. The model is the plain list
 * of results, added up here by hand.
 */
#include "fixture.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/sketch.h"
#include "store/dbcheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define INTERVAL_US (2 * USEC_PER_MIN)
#define SLOTS (6 * 720) /* six days */
#define CHAT "chat"
#define HANDLE 1

struct world {
    struct fixture f;
    uint32_t seed;
    struct sli_def slis[6];
    bool there[SLOTS];
    struct result rows[SLOTS];
    int64_t raw_since; /* what the store has kept begins here */
};

static uint32_t next(struct world *w)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return w->seed >> 8;
}

static bool chance(struct world *w, uint32_t percent)
{
    return next(w) % 100 < percent;
}

static int64_t slot_us(int64_t i)
{
    return T0 + 1234567 + i * INTERVAL_US;
}

static struct answer random_answer(struct world *w)
{
    struct answer a = {.flags = ANSWER_STREAMED, .events = next(w) % 200};
    a.headers_us = 1 + next(w) % 300000;
    if (chance(w, 95))
        a.first_event_us = a.headers_us + next(w) % 1000;
    if (a.first_event_us && chance(w, 95)) {
        a.first_token_us = a.first_event_us + next(w) % 900000;
        a.last_token_us = a.first_token_us + (chance(w, 90) ? next(w) % 4000000 : 0);
    }
    if (a.first_event_us) {
        a.last_event_us = a.first_event_us + 5000000;
        a.gap_us = next(w) % 900000;
    }
    a.tokens_in = chance(w, 90) ? (int32_t)(next(w) % 500) : -1;
    a.tokens_out = chance(w, 90) ? (int32_t)(next(w) % 300) : -1;
    a.tokens_cached = chance(w, 50) ? (int32_t)(next(w) % 100) : -1;
    a.tokens_reasoning = chance(w, 50) ? (int32_t)(next(w) % 50) : -1;
    a.cost = chance(w, 85) ? (int64_t)next(w) * 1000003 : -1;
    return a;
}

static struct result random_result(struct world *w, int64_t slot)
{
    static const enum reason reasons[] = {REASON_TLS, REASON_RATE_LIMITED, REASON_OVERLOADED,
                                          REASON_SSE_TRUNCATED, REASON_ANSWER};
    struct result r = result_at(slot, OUTCOME_GOOD, REASON_NONE, 1 + next(w) % 9000000);
    uint32_t dice = next(w) % 100;
    if (dice >= 70 && dice < 85) {
        r.outcome = OUTCOME_BAD;
        r.reason = reasons[next(w) % 5];
    } else if (dice >= 85 && dice < 92) {
        r.outcome = OUTCOME_EXCLUDED;
        r.reason = REASON_SPEND_CAP;
    } else if (dice >= 92 && dice < 95) {
        r.outcome = OUTCOME_SKIPPED;
        r.reason = REASON_PROBER;
    } else if (dice >= 95) { /* a slot that was not sent as the target had asked */
        r.outcome = chance(w, 50) ? OUTCOME_BAD : OUTCOME_EXCLUDED;
        r.reason = REASON_RATE_LIMITED;
        r.total_us = 0;
    }
    if (dice < 85) {
        r.flags = RESULT_ANSWER;
        r.answer = random_answer(w);
    }
    return r;
}

static void declare(struct world *w)
{
    struct probe_def chat = probe_def(CHAT, INTERVAL_US), plain = probe_def("plain", INTERVAL_US);
    store_push_probe(w->f.store, HANDLE, &chat, slot_us(0));
    store_push_probe(w->f.store, HANDLE + 1, &plain, slot_us(0));
    for (size_t i = 0; i < countof(w->slis); i++)
        store_push_sli(w->f.store, &w->slis[i]);
}

static void start(struct world *w, uint32_t seed)
{
    static const struct {
        enum answer_measure measure;
        int64_t bound;
        const char *key;
    } asked[] = {
        {MEASURE_NONE, 0, CHAT},
        {MEASURE_TTFT, 700000, CHAT " ttft"},
        {MEASURE_GAP, 500000, CHAT " gap"},
        {MEASURE_SPEED, 60500, CHAT " speed"},
        {MEASURE_COST, 8000000000000, CHAT " cost"},
        {MEASURE_TTFT, 400000, CHAT " ttft excluded"},
    };
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    for (size_t i = 0; i < countof(asked); i++) {
        w->slis[i] = sli_def(CHAT, 0, asked[i].key);
        w->slis[i].measure = asked[i].measure;
        w->slis[i].bound = asked[i].bound;
    }
    w->slis[5].classify[REASON_RATE_LIMITED] = OUTCOME_EXCLUDED;
    fixture_init(&w->f);
    fixture_open(&w->f);
    declare(w);
}

static void push(struct world *w, int64_t i)
{
    w->rows[i] = random_result(w, slot_us(i));
    w->there[i] = true;
    push_result(w->f.store, HANDLE, &w->rows[i]);
}

static void beat(struct world *w, int64_t at_us)
{
    store_push_heartbeat(w->f.store, at_us, at_us);
    fixture_settle(&w->f);
}

static void run(struct world *w, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++) {
        struct result r = result_at(slot_us(i), OUTCOME_GOOD, REASON_NONE, 1000);
        push_result(w->f.store, HANDLE + 1, &r);
        if (chance(w, 90))
            push(w, i);
    }
    beat(w, slot_us(last));
}

/* ---- the model ---------------------------------------------------------------- */

static void expect_sums(const struct world *w, int64_t from, int64_t to, struct answer_sums *ret)
{
    *ret = (struct answer_sums){0};
    for (int64_t i = 0; i < SLOTS; i++) {
        const struct result *r = &w->rows[i];
        const struct answer *a = &r->answer;
        if (!w->there[i] || r->slot_us < from || r->slot_us >= to)
            continue;
        ret->held += r->reason == REASON_SPEND_CAP;
        ret->limited += r->reason == REASON_RATE_LIMITED || r->reason == REASON_OVERLOADED;
        if (!(r->flags & RESULT_ANSWER))
            continue;
        ret->runs++;
        ret->good += r->outcome == OUTCOME_GOOD;
        ret->tokens_in += a->tokens_in < 0 ? 0 : a->tokens_in;
        ret->tokens_out += a->tokens_out < 0 ? 0 : a->tokens_out;
        ret->tokens_cached += a->tokens_cached < 0 ? 0 : a->tokens_cached;
        ret->tokens_reasoning += a->tokens_reasoning < 0 ? 0 : a->tokens_reasoning;
        ret->tokens_unknown += a->tokens_in < 0 || a->tokens_out < 0;
        ret->cost += a->cost < 0 ? 0 : a->cost;
        ret->cost_unknown += a->cost < 0;
    }
}

/* Nanoseconds for each token; -1: not known, 0: no tokens. */
static int64_t token_ns(const struct answer *a)
{
    int64_t visible = a->tokens_out - (a->tokens_reasoning > 0 ? a->tokens_reasoning : 0);
    int64_t us = a->last_token_us - a->first_token_us;
    if (a->tokens_out < 0 || !a->last_token_us)
        return -1;
    us = us ? us : a->last_token_us;
    return visible > 0 ? (us * 1000 + visible - 1) / visible : 0;
}

static void expect_run(const struct result *r, enum answer_sketch which, struct sketch *into)
{
    const struct answer *a = &r->answer;
    int64_t v = which == ANSWER_SKETCH_TTFT  ? (a->first_token_us ? (int64_t)a->first_token_us : -1)
                : which == ANSWER_SKETCH_GAP ? (a->last_event_us ? (int64_t)a->gap_us : -1)
                                             : token_ns(a);
    bool bad = r->outcome == OUTCOME_BAD;
    if (bad && v < 0)
        v = which == ANSWER_SKETCH_TTFT ? r->total_us : 0;
    if (v >= 0)
        sketch_add(into, v, bad || (which == ANSWER_SKETCH_TOKEN && v == 0));
}

static void expect_sketch(const struct world *w, enum answer_sketch which, int64_t from, int64_t to,
                          struct sketch *into)
{
    for (int64_t i = 0; i < SLOTS; i++)
        if (w->there[i] && w->rows[i].slot_us >= from && w->rows[i].slot_us < to &&
            w->rows[i].flags & RESULT_ANSWER)
            expect_run(&w->rows[i], which, into);
}

static void check_latency(struct world *w, struct store_reader *r, int64_t from, int64_t to)
{
    struct sketch got = SKETCH_INIT;
    int64_t runs = 0, failed = 0;
    for (int64_t i = 0; i < SLOTS; i++) {
        const struct result *x = &w->rows[i];
        bool in = w->there[i] && x->slot_us >= from && x->slot_us < to;
        runs += in && (x->outcome == OUTCOME_GOOD || x->outcome == OUTCOME_BAD);
        failed += in && x->outcome == OUTCOME_BAD;
    }
    assert_int_equal(store_reader_latency(r, CHAT, from, to, &got, NULL), 0);
    assert_int_equal(got.count, runs);
    assert_int_equal(got.censored, failed);
    sketch_release(&got);
}

static enum reason reason_of(const struct sli_def *sli, const struct result *r)
{
    if (r->outcome != OUTCOME_GOOD)
        return r->reason;
    return sli->measure == MEASURE_COST ? REASON_COST : REASON_LATENCY;
}

static void expect_counts(const struct world *w, const struct sli_def *sli, int64_t from,
                          int64_t to, struct counts *c, int64_t reasons[REASON_COUNT])
{
    memset(reasons, 0, REASON_COUNT * sizeof(*reasons));
    *c = (struct counts){0};
    for (int64_t i = 0; i < SLOTS; i++) {
        const struct result *r = &w->rows[i];
        if (!w->there[i] || r->slot_us < from || r->slot_us >= to)
            continue;
        enum outcome o = sli_classify(sli, r);
        c->good += o == OUTCOME_GOOD;
        c->bad += o == OUTCOME_BAD;
        c->excluded += o == OUTCOME_EXCLUDED;
        if (o == OUTCOME_BAD)
            reasons[reason_of(sli, r)]++;
    }
}

/* ---- asking ------------------------------------------------------------------- */

#define CELLS 17

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Rising; those of deleted hours are whole ones. */
static void random_edges(struct world *w, int64_t edges[CELLS + 1])
{
    for (bool rising = false; !rising;) {
        int64_t unit = (int64_t[]){1, USEC_PER_MIN, USEC_PER_HOUR, USEC_PER_DAY}[next(w) % 4];
        rising = true;
        for (int i = 0; i <= CELLS; i++) {
            int64_t t = slot_us(next(w) % SLOTS) + next(w) % USEC_PER_SEC;
            int64_t step = t < w->raw_since && unit < USEC_PER_HOUR ? USEC_PER_HOUR : unit;
            edges[i] = t - t % step + (unit > USEC_PER_HOUR ? i * USEC_PER_HOUR : 0);
        }
        qsort(edges, CELLS + 1, sizeof(*edges), by_time);
        for (int i = 0; i < CELLS; i++)
            rising &= edges[i] < edges[i + 1];
    }
}

static void check_sketch(struct world *w, struct store_reader *r, enum answer_sketch which,
                         const int64_t *edges)
{
    struct percentiles got[CELLS];
    assert_int_equal(store_reader_answer_percentiles(r, CHAT, which, edges, CELLS, got, NULL), 0);
    for (int i = 0; i < CELLS; i++) {
        struct sketch want = SKETCH_INIT, s = SKETCH_INIT;
        struct str a, b;
        bool lower;
        str_init(&a, SKETCH_ENCODED_MAX);
        str_init(&b, SKETCH_ENCODED_MAX);
        expect_sketch(w, which, edges[i], edges[i + 1], &want);
        assert_int_equal(
            store_reader_answer_sketch(r, CHAT, which, edges[i], edges[i + 1], &s, NULL), 0);
        sketch_encode(&want, &a);
        sketch_encode(&s, &b);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.buf, b.buf, a.len);
        assert_int_equal(got[i].p50_us, sketch_quantile(&want, 50, 100, &lower));
        assert_int_equal(got[i].p99_us, sketch_quantile(&want, 99, 100, &lower));
        str_release(&a);
        str_release(&b);
        sketch_release(&want);
        sketch_release(&s);
    }
}

static void check_sli(struct world *w, struct store_reader *r, const struct sli_def *sli,
                      const int64_t *edges)
{
    struct counts got[CELLS], want;
    int64_t reasons[REASON_COUNT], want_reasons[REASON_COUNT];
    assert_int_equal(store_reader_cells(r, sli, edges, CELLS, got, NULL), 0);
    for (int i = 0; i < CELLS; i++) {
        expect_counts(w, sli, edges[i], edges[i + 1], &want, want_reasons);
        assert_memory_equal(&got[i], &want, sizeof(want));
    }
    assert_int_equal(store_reader_reasons(r, sli, edges[0], edges[CELLS], reasons, NULL), 0);
    expect_counts(w, sli, edges[0], edges[CELLS], &want, want_reasons);
    assert_memory_equal(reasons, want_reasons, sizeof(reasons));
}

struct cursor {
    const struct world *w;
    int64_t at;
};

static bool check_row(void *ctx, const struct result *r)
{
    struct cursor *c = ctx;
    while (c->at < SLOTS && (!c->w->there[c->at] || slot_us(c->at) < c->w->raw_since))
        c->at++;
    assert_true(c->at < SLOTS);
    const struct result *want = &c->w->rows[c->at++];
    assert_int_equal(r->slot_us, want->slot_us);
    assert_int_equal(r->flags, want->flags);
    assert_int_equal(r->total_us, want->total_us);
    assert_memory_equal(&r->answer, &want->answer, sizeof(want->answer));
    return true;
}

static void check_failures(const struct world *w, struct store_reader *r)
{
    struct failure got[50];
    size_t n = 0;
    assert_int_equal(store_reader_failures(r, CHAT, 0, slot_us(SLOTS), got, 50, &n, NULL), 0);
    assert_int_equal(n, 50);
    for (size_t i = 0; i < n; i++) {
        const struct result *want = &w->rows[(got[i].result.slot_us - slot_us(0)) / INTERVAL_US];
        assert_int_equal(got[i].result.slot_us, want->slot_us);
        assert_memory_equal(&got[i].result.answer, &want->answer, sizeof(want->answer));
    }
}

static void print_fault(void *ctx, const char *text)
{
    (void)ctx;
    print_error("%s\n", text);
}

static void check(struct world *w)
{
    struct store_reader *r = fixture_reader(&w->f);
    struct cursor all = {.w = w};
    for (int round = 0; round < 6; round++) {
        struct answer_sums got[CELLS], want;
        int64_t edges[CELLS + 1];
        random_edges(w, edges);
        assert_int_equal(store_reader_answers(r, CHAT, edges, CELLS, got, NULL), 0);
        for (int i = 0; i < CELLS; i++) {
            expect_sums(w, edges[i], edges[i + 1], &want);
            assert_memory_equal(&got[i], &want, sizeof(want));
        }
        for (int which = 0; which < ANSWER_SKETCHES; which++)
            check_sketch(w, r, (enum answer_sketch)which, edges);
        check_latency(w, r, edges[0], edges[CELLS]);
        for (size_t i = 0; i < countof(w->slis); i++)
            check_sli(w, r, &w->slis[i], edges);
    }
    assert_int_equal(store_reader_results(r, CHAT, 0, INT64_MAX, check_row, &all, NULL), 0);
    while (all.at < SLOTS && !w->there[all.at])
        all.at++;
    assert_int_equal(all.at, SLOTS);
    check_failures(w, r);
    store_reader_free(r);
    struct dbcheck c = {.path = w->f.path, .fault = print_fault};
    assert_int_equal(dbcheck_run(&c, NULL), 0);
    assert_int_equal(c.totals.faults, 0);
}

/* ---- histories ---------------------------------------------------------------- */

/* What was left out comes now: a clock was set back. */
static void come_late(struct world *w)
{
    for (int64_t i = 0; i < SLOTS; i++)
        if (!w->there[i] && chance(w, 20))
            push(w, i);
    fixture_flush(&w->f);
}

static void replace(struct world *w, int id)
{
    struct import_row *rows = mem_array(300, sizeof(*rows));
    struct import_batch b = {.rows = rows, .replace = true, .import_id = id, .slice_rows = 40};
    for (; b.n < 300; b.n++) {
        int64_t i = next(w) % SLOTS;
        struct result r = random_result(w, slot_us(i)), *have = &w->rows[i];
        bool same = w->there[i] && !r.total_us && !have->total_us && r.outcome == have->outcome;
        r.flags |= same ? have->flags : RESULT_IMPORTED; /* what is there already stays */
        *have = r;
        w->there[i] = true;
        rows[b.n] = (struct import_row){.probe = CHAT, .result = w->rows[i], .line = (long)b.n + 1};
    }
    import_now(w->f.store, &b);
    assert_int_equal(b.status, 0);
    assert_int_equal(b.totals.lines, 300);
    free(rows);
}

static int64_t count(const struct world *w, const char *sql)
{
    return fixture_sql(&w->f, sql);
}

#define ROWS_WITH "SELECT count(*) FROM result WHERE flags & 8"
#define ANSWERS "SELECT count(*) FROM answer"

static void readers_say_what_results_say(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof(*w));
    start(w, 3);
    for (int64_t day = 0; day < 6; day++)
        run(w, day * 720, (day + 1) * 720);
    check(w);
    assert_int_equal(count(w, ROWS_WITH), count(w, ANSWERS));
    come_late(w);
    replace(w, 1);
    check(w); /* half of it rolled up */
    beat(w, slot_us(SLOTS) + 9 * USEC_PER_DAY);
    assert_int_equal(count(w, ANSWERS), 0);
    assert_true(count(w, "SELECT count(*) FROM chunk WHERE probe = 1") > 0);
    check(w); /* sealed */
    replace(w, 2);
    assert_int_equal(count(w, ROWS_WITH), count(w, ANSWERS));
    assert_true(count(w, ANSWERS) > 0);
    check(w); /* opened */
    fixture_close(&w->f);
    fixture_open(&w->f);
    declare(w);
    beat(w, slot_us(SLOTS) + 9 * USEC_PER_DAY);
    check(w);
    assert_int_equal(count(w, "SELECT count(*) FROM roll_stream WHERE probe = 1 AND kind > 2"), 4);
    assert_int_equal(count(w, "SELECT count(*) FROM roll_stream WHERE probe = 2 AND kind > 2"), 0);
    fixture_release(&w->f);
    free(w);
}

static void what_is_deleted_is_known_by_the_hour(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof(*w));
    struct answer_sums sums;
    struct err err = {{0}};
    start(w, 5);
    run(w, 0, SLOTS);
    store_set_retention(w->f.store, &(struct store_retention){.results_us = 3 * USEC_PER_DAY});
    beat(w, slot_us(SLOTS) + USEC_PER_SEC);
    w->raw_since = count(w, "SELECT raw_since FROM probe WHERE num = 1");
    assert_in_range(w->raw_since, slot_us(SLOTS / 2 - 60), slot_us(SLOTS / 2 + 60));
    assert_int_equal(count(w, ROWS_WITH), count(w, ANSWERS));
    check(w);
    struct store_reader *r = fixture_reader(&w->f);
    assert_int_equal(store_reader_answers(r, CHAT,
                                          (int64_t[]){T0 + USEC_PER_MIN, T0 + USEC_PER_DAY}, 1,
                                          &sums, &err),
                     -1);
    assert_non_null(strstr(err.msg, "use whole hours"));
    store_reader_free(r);
    fixture_release(&w->f);
    free(w);
}

/* A probe that had none before gets its streams with the first, from all that there is. */
static void the_first_answer_makes_the_streams(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof(*w));
    start(w, 7);
    for (int64_t i = 0; i < SLOTS; i++) {
        w->rows[i] = result_at(slot_us(i), OUTCOME_BAD, REASON_RATE_LIMITED, 1000);
        w->there[i] = true;
        push_result(w->f.store, HANDLE, &w->rows[i]);
    }
    beat(w, slot_us(SLOTS) + 9 * USEC_PER_DAY);
    assert_int_equal(count(w, "SELECT count(*) FROM roll_stream WHERE kind > 2"), 0);
    check(w);
    replace(w, 1);
    assert_int_equal(count(w, "SELECT count(*) FROM roll_stream WHERE kind > 2"), 4);
    check(w);
    fixture_settle(&w->f);
    check(w);
    fixture_release(&w->f);
    free(w);
}

static void a_renamed_probe_keeps_its_answers(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof(*w));
    start(w, 11);
    run(w, 0, SLOTS);
    struct probe_def def = probe_def("talk", INTERVAL_US);
    def.renamed_from = CHAT;
    store_push_probe(w->f.store, HANDLE, &def, slot_us(SLOTS));
    fixture_settle(&w->f);
    struct store_reader *r = fixture_reader(&w->f);
    struct answer_sums got, want;
    int64_t edges[] = {0, slot_us(SLOTS)};
    expect_sums(w, edges[0], edges[1], &want);
    assert_int_equal(store_reader_answers(r, "talk", edges, 1, &got, NULL), 0);
    assert_memory_equal(&got, &want, sizeof(want));
    assert_int_equal(store_reader_answers(r, CHAT, edges, 1, &got, NULL), 0);
    assert_int_equal(got.runs, 0);
    store_reader_free(r);
    fixture_release(&w->f);
    free(w);
}

/* ---- older files ------------------------------------------------------------------ */

static bool count_row(void *ctx, const struct result *r)
{
    (void)r;
    ++*(int64_t *)ctx;
    return true;
}

/* Rollups and rows of a file without answers stay what they were, and
 * answers have their place beside them. */
static void a_file_of_version_6_gets_answers(void **state)
{
    (void)state;
    enum { ROWS = 3000 };
    static const char hour[] = "SELECT sum(length(packed)) FROM rollup";
    struct world *w = mem_alloc(sizeof(*w));
    start(w, 19);
    for (int64_t i = 0; i < ROWS; i++) {
        struct result r = result_at(slot_us(i), OUTCOME_GOOD, REASON_NONE, 1000 + i);
        push_result(w->f.store, HANDLE + 1, &r);
    }
    beat(w, slot_us(ROWS));
    fixture_settle(&w->f);
    fixture_close(&w->f);
    int64_t packed = fixture_sql(&w->f, hour);
    fixture_to_version_6(&w->f);

    fixture_open(&w->f);
    declare(w);
    run(w, ROWS, ROWS + 100);
    fixture_settle(&w->f);
    assert_int_equal(fixture_sql(&w->f, "PRAGMA user_version"), 7);
    assert_true(packed > 0 && fixture_sql(&w->f, hour) >= packed);
    struct store_reader *r = fixture_reader(&w->f);
    struct answer_sums got, want;
    int64_t edges[] = {0, slot_us(SLOTS)}, n = 0;
    assert_int_equal(store_reader_answers(r, "plain", edges, 1, &got, NULL), 0);
    assert_int_equal(got.runs, 0);
    assert_int_equal(store_reader_results(r, "plain", 0, INT64_MAX, count_row, &n, NULL), 0);
    assert_int_equal(n, ROWS + 100);
    expect_sums(w, edges[0], edges[1], &want);
    assert_int_equal(store_reader_answers(r, CHAT, edges, 1, &got, NULL), 0);
    assert_memory_equal(&got, &want, sizeof(want));
    assert_true(want.runs > 0);
    store_reader_free(r);
    fixture_release(&w->f);
    free(w);
}

/* ---- damage ------------------------------------------------------------------- */

static bool any_row(void *ctx, const struct result *r)
{
    (void)ctx, (void)r;
    return true;
}

static void first_fault(void *ctx, const char *text)
{
    char *first = ctx;
    if (!*first)
        str_copy(first, 512, text);
}

static void expect_fault(struct world *w, const char *sql, const char *words)
{
    char first[512] = "";
    fixture_sql(&w->f, sql);
    struct dbcheck c = {.path = w->f.path, .fault = first_fault, .ctx = first};
    assert_int_equal(dbcheck_run(&c, NULL), 0);
    if (!strstr(first, words))
        fail_msg("%s: '%s' does not say '%s'", sql, first, words);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof(*w));
    struct err err = {{0}};
    start(w, 13);
    run(w, 0, 300);
    fixture_close(&w->f);
    expect_fault(w,
                 "UPDATE rollup SET packed = x'01000000000000000000000000' WHERE stream ="
                 " (SELECT num FROM roll_stream WHERE kind = 6)"
                 " AND hour = (SELECT min(hour) FROM rollup)",
                 "the rollup of probe 'chat'");
    expect_fault(w, "INSERT INTO answer(probe, slot, events, flags) VALUES(1, 5, 0, 0)",
                 "table answer");
    fixture_sql(&w->f, "DELETE FROM answer WHERE slot = 5");
    expect_fault(w, "UPDATE answer SET cost = -7 WHERE slot = (SELECT min(slot) FROM answer)",
                 "table answer: no answer may be like that of probe 1");
    expect_fault(w, "DELETE FROM answer WHERE slot = (SELECT min(slot) FROM answer)",
                 "table answer: a run of probe 1 has none");
    struct store_reader *r = fixture_reader(&w->f);
    assert_int_equal(store_reader_results(r, CHAT, 0, INT64_MAX, any_row, NULL, &err), -1);
    assert_non_null(strstr(err.msg, "answer table is damaged"));
    store_reader_free(r);
    fixture_release(&w->f);
    free(w);
}

/* ---- for people --------------------------------------------------------------- */

static void a_view_shows_runs(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof(*w));
    struct result r = result_at(T0 + 250000, OUTCOME_GOOD, REASON_NONE, 2500);
    start(w, 17);
    r.flags = RESULT_ANSWER;
    r.answer = (struct answer){.first_token_us = 1500, .tokens_out = 7, .cost = COST_ONE / 2};
    push_result(w->f.store, HANDLE, &r);
    r.slot_us++;
    r.flags = 0;
    push_result(w->f.store, HANDLE + 1, &r);
    fixture_flush(&w->f);
    assert_int_equal(count(w, "SELECT count(*) FROM run"), 2);
    assert_int_equal(count(w, "SELECT count(*) FROM run WHERE probe = 'chat' AND outcome = 'good'"
                              " AND latency_ms = 2.5 AND first_token_ms = 1.5"
                              " AND gap_ms IS NULL AND tokens_out = 7 AND cost = 0.5"
                              " AND time LIKE '2026-%:00.250Z'"),
                     1);
    assert_int_equal(count(w, "SELECT count(*) FROM run WHERE probe = 'plain'"
                              " AND first_token_ms IS NULL AND cost IS NULL"),
                     1);
    fixture_release(&w->f);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_say_what_results_say),
        cmocka_unit_test(what_is_deleted_is_known_by_the_hour),
        cmocka_unit_test(the_first_answer_makes_the_streams),
        cmocka_unit_test(a_renamed_probe_keeps_its_answers),
        cmocka_unit_test(a_file_of_version_6_gets_answers),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(a_view_shows_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
