/* What reports say of an agent's answers, from a real database, against sums over the rows
 * that it was given. */
#include "engine/query.h"

#include "base/mem.h"
#include "base/units.h"
#include "model/sketch.h"
#include "nines/probe.h"
#include "slo/expected.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define MINUTE USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define DAY USEC_PER_DAY
#define T0 (20000 * DAY)
#define INTERVAL (5 * MINUTE)
#define SPAN (4 * DAY)
#define ROWS (SPAN / INTERVAL)
#define OLD (2 * DAY / INTERVAL) /* whose results are deleted at the end */

struct world {
    char dir[64];
    char *path;
    struct config *config;
    struct import_row rows[ROWS];
    struct store_reader *reader;
};

static bool is_stream(const void *spec)
{
    return spec != NULL;
}

static int a_spec;
static const struct probe_kind agent = {.name = "agent", .answers = true, .streams = is_stream};
static const struct probe_kind http = {.name = "http"};
static struct probe_def streamed = {.id = "chat",
                                    .kind = &agent,
                                    .spec = &a_spec,
                                    .interval_us = INTERVAL,
                                    .timeout_us = MINUTE,
                                    .max_in_flight = 1};
static struct probe_def whole = {
    .id = "chat", .kind = &agent, .interval_us = INTERVAL, .timeout_us = MINUTE};
static struct probe_def plain = {
    .id = "chat", .kind = &http, .interval_us = INTERVAL, .timeout_us = MINUTE};
static struct probe_def never = {
    .id = "never", .kind = &agent, .spec = &a_spec, .interval_us = INTERVAL, .timeout_us = MINUTE};

static struct slo_def *add_slo(struct config *c, const char *name, const struct probe_def *p)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    d->name = name;
    d->service = "svc";
    d->objective_name = "";
    d->sli.probe = p->id;
    d->sli.key = p->id;
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    d->probe = p;
    d->target = (struct decimal){99, 2};
    d->window = (struct window_def){.type = WINDOW_ROLLING, .duration_us = 2 * DAY, .text = "2d"};
    c->slos[c->slo_count++] = d;
    return d;
}

static void measure(struct slo_def *d, enum answer_measure m, int64_t bound, const char *key)
{
    d->sli.measure = m;
    d->sli.bound = bound;
    d->sli.key = key;
}

static struct config *make_config(void)
{
    static const char *names[] = {"answered"};
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->daemon.prices.currency = "EUR";
    c->slos = arena_alloc(&c->arena, 8 * sizeof(*c->slos));
    add_slo(c, "answered", &streamed);
    add_slo(c, "never", &never);
    add_slo(c, "plain", &plain);
    measure(add_slo(c, "ttft", &streamed), MEASURE_TTFT, 300000, "chat ttft");
    add_slo(c, "whole", &whole);
    c->exclusions = arena_alloc(&c->arena, sizeof(*c->exclusions));
    c->exclusion_count = 1;
    c->exclusions[0] = (struct exclusion){.name = "a switch",
                                          .from_us = T0 + 2 * DAY + 3 * HOUR,
                                          .to_us = T0 + 2 * DAY + 5 * HOUR,
                                          .slos = {names, 1},
                                          .timezone = "UTC",
                                          .reason = "",
                                          .author = ""};
    return c;
}

static uint64_t rng = 0x9e3779b97f4a7c15;

static int64_t below(int64_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (int64_t)(rng % (uint64_t)n);
}

static void answer(struct result *r)
{
    struct answer *a = &r->answer;
    int64_t draw = below(100);
    r->flags = RESULT_ANSWER;
    r->total_us = 2000000 + below(1000000);
    *a = (struct answer){.headers_us = 50000,
                         .first_event_us = 60000,
                         .first_token_us = (uint32_t)(100000 + below(300000)),
                         .gap_us = (uint32_t)(1000 + below(90000)),
                         .events = 20,
                         .flags = ANSWER_STREAMED | ANSWER_ENDED,
                         .tokens_in = (int32_t)below(100),
                         .tokens_out = (int32_t)(1 + below(200)),
                         .tokens_cached = (int32_t)below(9),
                         .tokens_reasoning = 0,
                         .cost = below(2000000000)};
    a->last_token_us = a->first_token_us + 1000000;
    a->last_event_us = a->last_token_us + 10;
    if (draw < 4) /* failed */
        r->outcome = OUTCOME_BAD, r->reason = REASON_SSE_TRUNCATED;
    if (draw % 10 == 3)
        a->tokens_in = a->tokens_out = a->tokens_cached = a->tokens_reasoning = -1, a->cost = -1;
}

/* Four days; of the last one an hour is held back. */
static void make_rows(struct world *w)
{
    for (int64_t i = 0; i < ROWS; i++) {
        struct result r = {.slot_us = T0 + i * INTERVAL};
        if (r.slot_us >= T0 + 3 * DAY && r.slot_us < T0 + 3 * DAY + HOUR)
            r.outcome = OUTCOME_EXCLUDED, r.reason = REASON_SPEND_CAP;
        else
            answer(&r);
        r.done_us = r.slot_us + r.total_us;
        w->rows[i] = (struct import_row){"chat", r, 0};
    }
}

struct latch {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool done;
};

static void on_imported(void *ctx)
{
    struct latch *l = ctx;
    pthread_mutex_lock(&l->mutex);
    l->done = true;
    pthread_cond_signal(&l->cond);
    pthread_mutex_unlock(&l->mutex);
}

static void import(struct store *s, struct import_row *rows, size_t n)
{
    struct latch l = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct import_batch b = {.rows = rows, .n = n, .create_interval_us = INTERVAL};
    store_import(s, &b, on_imported, &l);
    pthread_mutex_lock(&l.mutex);
    while (!l.done)
        pthread_cond_wait(&l.cond, &l.mutex);
    pthread_mutex_unlock(&l.mutex);
    assert_int_equal(b.status, 0);
    assert_int_equal(b.totals.inserted, n);
}

static struct store *open_store(const struct world *w)
{
    struct store *s;
    struct err err;
    struct store_options o = {.path = w->path};
    if (store_open(&o, &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    str_copy(w->dir, sizeof(w->dir), "/tmp/nines-query-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/test.db", w->dir);
    w->config = make_config();
    make_rows(w);
    struct store *s = open_store(w);
    import(s, w->rows, OLD); /* chunks are deleted as a whole */
    import(s, w->rows + OLD, ROWS - OLD);
    for (size_t i = 0; i < w->config->slo_count; i++)
        store_push_sli(s, &w->config->slos[i]->sli);
    assert_int_equal(store_settle(s, 60 * USEC_PER_SEC, NULL), 0);
    assert_int_equal(store_close(s, 60 * USEC_PER_SEC, NULL), 0);
    assert_int_equal(store_reader_open(w->path, &w->reader, NULL), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    store_reader_free(w->reader);
    for (size_t i = 0; i < countof(suffixes); i++) {
        mem_auto char *path = mem_printf("%s%s", w->path, suffixes[i]);
        unlink(path);
    }
    rmdir(w->dir);
    config_unref(w->config);
    free(w->path);
    free(w);
    return 0;
}

static struct report *ask(struct world *w, struct query q)
{
    struct report *r;
    struct err err;
    if (query_report(w->config, w->reader, &q, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

/* ---- the same by hand -------------------------------------------------------- */

static struct answer_sums sum(const struct world *w, int64_t from, int64_t to)
{
    struct answer_sums s = {0};
    for (size_t i = 0; i < ROWS; i++) {
        const struct result *r = &w->rows[i].result;
        const struct answer *a = &r->answer;
        if (r->slot_us < from || r->slot_us >= to)
            continue;
        s.held += r->reason == REASON_SPEND_CAP;
        if (r->outcome == OUTCOME_EXCLUDED)
            continue;
        s.runs++;
        s.good += r->outcome == OUTCOME_GOOD;
        s.tokens_unknown += a->tokens_in < 0;
        s.cost_unknown += a->cost < 0;
        if (a->tokens_in < 0)
            continue;
        s.tokens_in += a->tokens_in;
        s.tokens_out += a->tokens_out;
        s.tokens_cached += a->tokens_cached;
        s.cost += a->cost;
    }
    return s;
}

static void sketch(const struct world *w, int64_t from, int64_t to, struct sketch *ttft,
                   struct sketch *gap)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct result *r = &w->rows[i].result;
        if (r->slot_us < from || r->slot_us >= to || r->outcome == OUTCOME_EXCLUDED)
            continue;
        sketch_add(ttft, r->answer.first_token_us, r->outcome == OUTCOME_BAD);
        sketch_add(gap, r->answer.gap_us, r->outcome == OUTCOME_BAD);
    }
}

static void same_sums(const struct answer_sums *a, const struct answer_sums *b)
{
    assert_memory_equal(a, b, sizeof(*a));
}

static void same_times(const struct report_latency *l, const struct sketch *s)
{
    bool lower;
    assert_int_equal(l->count, s->count);
    assert_int_equal(l->censored, s->censored);
    assert_int_equal(l->p50_us, sketch_quantile(s, 50, 100, &lower));
    assert_int_equal(l->p90_us, sketch_quantile(s, 90, 100, &lower));
    assert_int_equal(l->p95_us, sketch_quantile(s, 95, 100, &lower));
    assert_int_equal(l->p99_us, sketch_quantile(s, 99, 100, &lower));
    assert_int_equal(l->p99_lower, lower);
}

static void check_days(const struct world *w, const struct report_slo *s)
{
    const struct report_answers *a = s->answers;
    int64_t at = s->start_us;
    for (size_t i = 0; i < a->day_count; i++) {
        struct answer_sums want = sum(w, a->days[i].from_us, a->days[i].to_us);
        assert_int_equal(a->days[i].from_us, at);
        assert_true(a->days[i].to_us - at <= DAY &&
                    a->days[i].from_us / DAY == (a->days[i].to_us - 1) / DAY);
        same_sums(&a->days[i].sums, &want);
        at = a->days[i].to_us;
    }
    assert_int_equal(at, s->upto_us);
}

static void check_points(const struct world *w, const struct report_slo *s)
{
    for (size_t i = 0; i < s->point_count; i++) {
        const struct report_point *p = &s->points[i];
        int64_t to = i + 1 < s->point_count ? s->points[i + 1].at_us : s->upto_us;
        struct sketch ttft = SKETCH_INIT, gap = SKETCH_INIT;
        bool lower;
        sketch(w, p->at_us, to, &ttft, &gap);
        assert_int_equal(p->ttft.p95_us, sketch_quantile(&ttft, 95, 100, &lower));
        assert_int_equal(p->gap.p50_us, sketch_quantile(&gap, 50, 100, &lower));
        sketch_release(&ttft);
        sketch_release(&gap);
    }
}

/* ---- tests ---------------------------------------------------------------------- */

static const struct report_slo *find(const struct report *r, const char *name)
{
    for (size_t i = 0; i < r->slo_count; i++)
        if (str_eq(r->slos[i].def->name, name))
            return &r->slos[i];
    fail_msg("no %s", name);
    return NULL;
}

static void check_report(struct world *w, int64_t at)
{
    struct report *r = ask(w, (struct query){.at_us = at});
    for (int k = 0; k < 2; k++) {
        const struct report_slo *s = find(r, k ? "ttft" : "answered");
        struct sketch ttft = SKETCH_INIT, gap = SKETCH_INIT;
        struct answer_sums want = sum(w, s->start_us, s->upto_us);
        sketch(w, s->start_us, s->upto_us, &ttft, &gap);
        assert_non_null(s->answers);
        assert_true(s->answers->streams);
        assert_string_equal(s->answers->currency, "EUR");
        same_sums(&s->answers->sums, &want);
        same_times(&s->answers->ttft, &ttft);
        same_times(&s->answers->gap, &gap);
        assert_true(s->answers->token.count > 0 && s->answers->token.count < want.runs);
        assert_true(s->answers->has_per_good);
        /* to the nearest: off by at most a half */
        int64_t off = s->answers->per_good * want.good - want.cost;
        assert_true(2 * off <= want.good && -2 * off <= want.good);
        check_days(w, s);
        check_points(w, s);
        sketch_release(&ttft);
        sketch_release(&gap);
    }
    query_report_free(r);
}

/* Of all runs, whatever is excluded of the objective; days begin at midnight. */
static void answers_equal_sums_over_rows(void **state)
{
    check_report(*state, T0 + SPAN);
    for (int i = 0; i < 5; i++)
        check_report(*state, T0 + 2 * DAY + below(2 * DAY));
}

/* What was measured is still known where the results are gone, by the hour. */
static void deleted_results_are_still_told(void **state)
{
    struct world *w = *state;
    struct store *s = open_store(w);
    struct store_probe known;
    store_set_retention(s, &(struct store_retention){.results_us = DAY});
    store_push_heartbeat(s, T0 + SPAN + 2 * HOUR + 5, T0 + SPAN + 2 * HOUR);
    assert_int_equal(store_settle(s, 60 * USEC_PER_SEC, NULL), 0);
    assert_int_equal(store_close(s, 60 * USEC_PER_SEC, NULL), 0);
    assert_int_equal(store_reader_probe(w->reader, "chat", &known, NULL), 1);
    revisions_free(known.revisions, known.revision_count);
    assert_true(known.raw_since_us >= T0 + 2 * DAY);
    check_report(w, T0 + 2 * DAY + 7 * HOUR);
    check_report(w, T0 + SPAN);
}

/* Where nothing comes as a stream there is no first token; where there are no answers
 * nothing is said of any. */
static void only_what_there_is(void **state)
{
    struct world *w = *state;
    struct report *r = ask(w, (struct query){.at_us = T0 + SPAN});
    const struct report_slo *s = find(r, "whole");
    assert_false(s->answers->streams);
    assert_int_equal(s->answers->ttft.count, 0);
    assert_int_equal(s->answers->ttft.p50_us, -1);
    assert_int_equal(s->points[0].ttft.p50_us, -1);
    assert_true(s->answers->sums.runs > 0);
    assert_null(find(r, "plain")->answers);
    s = find(r, "never");
    assert_int_equal(s->answers->sums.runs, 0);
    assert_int_equal(s->answers->day_count, 0);
    assert_false(s->answers->has_per_good);
    assert_non_null(find(r, "answered")->unexcluded);
    assert_null(find(r, "answered")->unexcluded->answers); /* it is brief */
    query_report_free(r);
    r = ask(w, (struct query){.at_us = T0 + SPAN, .brief = true});
    assert_null(find(r, "answered")->answers);
    query_report_free(r);
}

/* By a measure: a good answer that is too late is a bad event. */
static void measures_are_counted(void **state)
{
    struct world *w = *state;
    struct report *r = ask(w, (struct query){.at_us = T0 + SPAN});
    const struct report_slo *s = find(r, "ttft");
    int64_t bad = 0, held = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const struct result *row = &w->rows[i].result;
        if (row->slot_us < s->start_us)
            continue;
        held += row->outcome == OUTCOME_EXCLUDED;
        bad += row->outcome == OUTCOME_BAD ||
               (row->outcome == OUTCOME_GOOD && row->answer.first_token_us > 300000);
    }
    assert_int_equal(s->source, SOURCE_ANSWERS);
    assert_string_equal(s->expression, "first token within 300ms");
    assert_int_equal(s->counts.bad, bad);
    assert_int_equal(s->counts.excluded, held);
    assert_int_equal(s->expected, s->observed); /* what was held back is not missing */
    assert_int_equal(s->reasons[0].reason, REASON_LATENCY);
    query_report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_equal_sums_over_rows), cmocka_unit_test(only_what_there_is),
        cmocka_unit_test(measures_are_counted),
        cmocka_unit_test(deleted_results_are_still_told), /* the last one */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
