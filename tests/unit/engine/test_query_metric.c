/*
 * Reports of metric SLIs from a real database, against numbers that were worked
 * out by hand (see `scrape_counters` and `scrape_documents`).
 */
#include "engine/query.h"

#include "base/mem.h"
#include "base/units.h"
#include "model/expr.h"
#include "model/selector.h"
#include "nines/probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define S USEC_PER_SEC
#define MINUTE USEC_PER_MIN
#define HOUR USEC_PER_HOUR
#define T0 (20000 * USEC_PER_DAY)
#define AT (T0 + HOUR)
#define COUNTERS 1 /* handles */
#define DOCUMENTS 2
#define GAPS 3

struct world {
    char dir[64];
    char *path;
    struct config *config;
    struct store *store;
    struct store_reader *reader;
};

static const struct tier_def tiers[] = {{SEVERITY_PAGE, 30 * MINUTE, 5 * MINUTE, {3, 1}, 1}};
static const struct tier_def long_tiers[] = {{SEVERITY_PAGE, 3 * HOUR, 5 * MINUTE, {3, 1}, 1}};
static const struct probe_kind kind = {.name = "metrics", .samples = true};
static struct probe_def counters = {.id = "api-metrics", .kind = &kind};
static struct probe_def documents = {.id = "api-ready", .kind = &kind};
static struct probe_def gaps = {.id = "gap-metrics", .kind = &kind};
static struct probe_def foreign = {.id = "billing-ready", .kind = &kind};

/* ---- what is declared -------------------------------------------------------- */

static const struct selector *selector(struct arena *a, const char *text)
{
    const struct selector *s;
    assert_int_equal(selector_parse(a, text, strlen(text), &s, NULL, NULL), 0);
    return s;
}

static struct slo_def *add_slo(struct config *c, const char *name, const char *service,
                               const struct probe_def *p, const struct sli_metric *m)
{
    struct slo_def *d = arena_alloc(&c->arena, sizeof(*d));
    *d = (struct slo_def){.name = name,
                          .service = service,
                          .objective_name = "",
                          .probe = p,
                          .target = {999, 3},
                          .window = {.duration_us = HOUR, .text = "1h"},
                          .alerting = true,
                          .tiers = tiers,
                          .tier_count = countof(tiers)};
    d->sli = (struct sli_def){.probe = p->id, .metric = m};
    d->sli.key = arena_printf(&c->arena, "%s %s", p->id, m->condition ? "component" : "ratio");
    memset(d->sli.classify, -1, sizeof(d->sli.classify));
    c->slos[c->slo_count++] = d;
    return d;
}

static struct config *make_config(void)
{
    struct config *c = mem_alloc(sizeof(*c));
    c->refs = 1;
    c->slos = arena_alloc(&c->arena, 8 * sizeof(*c->slos));
    struct sli_metric *ratio = arena_alloc(&c->arena, sizeof(*ratio));
    struct sli_metric *component = arena_alloc(&c->arena, sizeof(*component));
    size_t at;
    *ratio = (struct sli_metric){.kind = SLI_RATIO,
                                 .bad = selector(&c->arena, "http_requests_total{code=~\"5..\"}"),
                                 .total = selector(&c->arena, "http_requests_total")};
    component->kind = SLI_THRESHOLD;
    assert_int_equal(expr_parse(&c->arena, "component_up{component=\"redis\"} == 1",
                                &component->condition, &at, NULL),
                     0);
    add_slo(c, "errors", "api", &counters, ratio);
    add_slo(c, "redis", "api", &documents, component)->target = (struct decimal){9, 1};
    struct slo_def *strict = add_slo(c, "redis-strict", "api", &documents, component);
    strict->target = (struct decimal){9, 1};
    strict->no_data = NO_DATA_BAD;
    add_slo(c, "billing", "billing", &foreign, component);
    add_slo(c, "gap", "gap", &gaps, ratio)->tiers = long_tiers;
    return c;
}

/* ---- what was seen -------------------------------------------------------------- */

static void push(struct store *s, uint32_t handle, int slot, enum outcome o, enum reason reason,
                 const struct sample *at, size_t n)
{
    struct result r = {.slot_us = T0 + slot * MINUTE, .total_us = 20000};
    struct store_extra extra = {.samples = at, .sample_count = n};
    r.done_us = r.slot_us + r.total_us;
    r.outcome = (uint8_t)o;
    r.reason = (uint8_t)reason;
    r.flags = at ? RESULT_SCRAPED : 0;
    if (o == OUTCOME_BAD && !at)
        extra.message = "no connection";
    assert_true(store_reserve(s));
    store_push_result(s, handle, &r, &extra);
}

/*
 * A scrape a minute from minute 1 on, a hundred requests from each to the next:
 *
 *     minute  1        the baseline: no events
 *             10       three errors
 *             20, 21   failed: silent. What grew is spread over 20, 21, 22
 *             30       the target began anew: 40 requests, one error
 *             40       excluded; 41 has the growth of both
 *             50..52   the prober was down; spread over 50..53
 *
 * Events: 58 steps of 100, of which one was a step of 40 = 5,740; 4 bad.
 * Slots: 60, one excluded. Scrapes 1..59 but for 2 + 1 + 3 = 53.
 */
static void scrape_counters(struct store *s)
{
    double good = 1000, bad = 5;
    for (int i = 1; i < 60; i++) {
        good += i == 30 ? 0 : i == 10 ? 97 : 100;
        bad += i == 10 ? 3 : 0;
        if (i == 30) {
            good = 39;
            bad = 1;
        }
        if (i >= 50 && i <= 52)
            continue;
        const struct sample at[] = {{"http_requests_total{code=\"200\"}", good},
                                    {"http_requests_total{code=\"503\"}", bad}};
        if (i == 20 || i == 21)
            push(s, COUNTERS, i, OUTCOME_BAD, REASON_CONNECT, NULL, 0);
        else if (i == 40)
            push(s, COUNTERS, i, OUTCOME_EXCLUDED, REASON_PROBER, NULL, 0);
        else
            push(s, COUNTERS, i, OUTCOME_GOOD, REASON_NONE, at, countof(at));
    }
}

/* Scrapes in minutes 0, 1 and 170; the last one ends in minute 171. Growth: 100 good
 * ones, and then ten a minute of which one is bad. */
static void scrape_with_a_gap(struct store *s)
{
    static const struct {
        int minute;
        double good, bad;
        int64_t took_us;
    } scrapes[] = {{0, 1000, 7, S}, {1, 1100, 7, S}, {170, 1100 + 169 * 9, 7 + 169, 70 * S}};
    for (size_t i = 0; i < countof(scrapes); i++) {
        const struct sample at[] = {{"http_requests_total{code=\"200\"}", scrapes[i].good},
                                    {"http_requests_total{code=\"503\"}", scrapes[i].bad}};
        struct result r = {.slot_us = T0 + scrapes[i].minute * MINUTE, .flags = RESULT_SCRAPED};
        struct store_extra extra = {.samples = at, .sample_count = countof(at)};
        r.total_us = scrapes[i].took_us;
        r.done_us = r.slot_us + r.total_us;
        assert_true(store_reserve(s));
        store_push_result(s, GAPS, &r, &extra);
    }
}

/*
 * All 60 minutes; redis is down in 5 and 6 and degraded in 7, in 20..24 there is
 * no document, in 30 redis is not in it: 51 good, 3 bad, 6 silent.
 */
static void scrape_documents(struct store *s)
{
    for (int i = 0; i < 60; i++) {
        double up = i == 5 || i == 6 ? 0 : i == 7 ? 0.5 : 1;
        const struct sample at[] = {{"component_up{component=\"db\"}", 1},
                                    {"component_up{component=\"redis\"}", up}};
        if (i >= 20 && i < 25)
            push(s, DOCUMENTS, i, OUTCOME_BAD, REASON_CONNECT, NULL, 0);
        else
            push(s, DOCUMENTS, i, up == 1 ? OUTCOME_GOOD : OUTCOME_BAD,
                 up == 1 ? REASON_NONE : REASON_HEALTH, at, i == 30 ? 1 : 2);
    }
}

static void annotate(struct store *s, int64_t at, const char *note_kind, const char *probe,
                     const char *text)
{
    struct annotation a = {at, note_kind, probe, text};
    store_push_annotation(s, &a);
}

static void fill(struct world *w)
{
    struct store_options o = {.path = w->path};
    struct err err;
    if (store_open(&o, &w->store, &err) < 0)
        fail_msg("%s", err.msg);
    store_push_probe(w->store, COUNTERS, &counters, T0);
    store_push_probe(w->store, DOCUMENTS, &documents, T0);
    store_push_probe(w->store, GAPS, &gaps, T0);
    for (size_t i = 0; i < w->config->slo_count; i++)
        store_push_sli(w->store, &w->config->slos[i]->sli);
    scrape_counters(w->store);
    scrape_documents(w->store);
    scrape_with_a_gap(w->store);
    annotate(w->store, T0 - MINUTE, "deploy", "api-metrics", "before the window");
    annotate(w->store, T0 + 10 * MINUTE, "deploy", "api-ready", "1.0.0 -> 1.1.0");
    annotate(w->store, T0 + 20 * MINUTE, "deploy", "billing-ready", "2.0 -> 2.1");
    annotate(w->store, T0 + 30 * MINUTE, "note", "", "load test");
    annotate(w->store, T0 + 40 * MINUTE, "deploy", "api-version", "1.1.0 -> 1.2.0");
    assert_int_equal(store_settle(w->store, 60 * S, NULL), 0);
    assert_int_equal(store_close(w->store, 60 * S, NULL), 0);
    assert_int_equal(store_reader_open(w->path, &w->reader, NULL), 0);
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    struct probe_def *const all[] = {&counters, &documents, &gaps, &foreign};
    for (size_t i = 0; i < countof(all); i++) {
        all[i]->interval_us = MINUTE;
        all[i]->timeout_us = 5 * S;
    }
    str_copy(w->dir, sizeof(w->dir), "/tmp/nines-query-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = mem_printf("%s/test.db", w->dir);
    w->config = make_config();
    fill(w);
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

/* ---- checks ------------------------------------------------------------------------ */

static struct report *ask_at(struct world *w, const char *slo, int64_t at_us)
{
    struct query q = {.slo = slo, .at_us = at_us, .generated_at_us = at_us};
    struct report *r;
    struct err err;
    if (query_report(w->config, w->reader, &q, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

static struct report *ask(struct world *w, const char *slo)
{
    return ask_at(w, slo, AT);
}

static void near(double got, double want)
{
    if (fabs(got - want) > 1e-9)
        fail_msg("%.12f is not %.12f", got, want);
}

static void check_counts(const struct report_slo *s, int64_t good, int64_t bad, int64_t excluded)
{
    assert_int_equal(s->counts.good, good);
    assert_int_equal(s->counts.bad, bad);
    assert_int_equal(s->counts.excluded, excluded);
}

static void check_coverage(const struct report_slo *s, int64_t expected, int64_t observed,
                           int64_t prober_down, int64_t silent, int64_t not_started)
{
    assert_int_equal(s->expected, expected);
    assert_int_equal(s->observed, observed);
    assert_int_equal(s->prober_down, prober_down);
    assert_int_equal(s->target_silent, silent);
    assert_int_equal(s->not_started, not_started);
}

/* Points add up to the window, and nothing speaks of latency. */
static void check_points(const struct report_slo *s)
{
    struct counts sum = {0};
    int64_t observed = 0;
    for (size_t i = 0; i < s->point_count; i++) {
        const struct report_point *p = &s->points[i];
        counts_add(&sum, p->counts);
        observed += p->observed;
        assert_true(p->expected >= p->observed);
        assert_int_equal(p->p50_us, -1);
    }
    assert_int_equal(sum.good, s->counts.good);
    assert_int_equal(sum.bad, s->counts.bad);
    assert_int_equal(observed, s->observed);
    assert_int_equal(s->latency.count, 0);
    assert_int_equal(s->latency.p99_us, -1);
    assert_false(s->has_confidence);
}

static void a_ratio(void **state)
{
    struct report *r = ask(*state, "errors");
    const struct report_slo *s = &r->slos[0];
    check_counts(s, 5736, 4, 1);
    check_coverage(s, 59, 53, 3, 2, 1);
    check_points(s);
    assert_int_equal(s->source, SOURCE_RATIO);
    assert_string_equal(s->expression,
                        "bad http_requests_total{code=~\"5..\"} of http_requests_total");
    assert_int_equal(s->state, SLO_WARMING); /* its first scrape is of minute 1 */
    near(s->sli, 5736.0 / 5740);
    near(s->allowed, 5.74);
    near(s->consumed_ratio, 4 / 5.74);
    near(s->projected, floor(5740.0 * 59 / 53) / 1000); /* 53 of 59 scrapes so far */
    assert_int_equal(s->reason_count, 1);
    assert_int_equal(s->reasons[0].reason, REASON_METRIC);
    assert_int_equal(s->reasons[0].count, 4);
    assert_int_equal(s->failure_count, 2); /* of the probe */
    assert_int_equal(s->failures[0].at_us, T0 + 21 * MINUTE);
    /* Minutes 30 to 59: 2,940 events, one bad; 26 of 29 scrapes. */
    assert_int_equal(s->tier_count, 1);
    near(s->tiers[0].long_burn, 1 / 2.94 * 26 / 29);
    near(s->tiers[0].short_burn, 0);
    assert_false(s->tiers[0].firing);
    query_report_free(r);
}

static void a_component(void **state)
{
    struct report *r = ask(*state, "redis");
    const struct report_slo *s = &r->slos[0];
    check_counts(s, 51, 3, 0);
    check_coverage(s, 60, 54, 0, 6, 0);
    check_points(s);
    assert_int_equal(s->source, SOURCE_COMPONENT);
    assert_string_equal(s->expression, "redis");
    assert_int_equal(s->state, SLO_MET);
    near(s->allowed, 5.4);
    near(s->projected, 6); /* of the 60 slots */
    assert_int_equal(s->reasons[0].count, 3);
    query_report_free(r);
}

static void silent_slots_may_be_bad(void **state)
{
    struct report *r = ask(*state, "redis-strict");
    const struct report_slo *s = &r->slos[0];
    check_counts(s, 51, 9, 0);
    check_coverage(s, 60, 60, 0, 0, 0);
    check_points(s);
    assert_int_equal(s->state, SLO_BREACHED);
    near(s->consumed_ratio, 1.5);
    assert_int_equal(s->reason_count, 1);
    assert_int_equal(s->reasons[0].reason, REASON_METRIC);
    assert_int_equal(s->reasons[0].count, 9);
    /* Minute 30 is silent: one of 30. */
    near(s->tiers[0].long_burn, 1 / 3.0);
    query_report_free(r);
}

/* Tiers are as the daemon saw them: growth that a scrape in flight has spread over
 * hours is not there before the scrape is. */
static void tiers_see_what_was_done(void **state)
{
    struct report *r = ask_at(*state, "gap", T0 + 171 * MINUTE);
    near(r->slos[0].tiers[0].long_burn, 0);
    near(r->slos[0].tiers[0].short_burn, 0);
    query_report_free(r);
    r = ask_at(*state, "gap", T0 + 172 * MINUTE);
    /* Of 3 h: 100 + 1,690 events, 169 bad, 3 of 180 scrapes. */
    near(r->slos[0].tiers[0].long_burn, 169 / 1.79 * 3 / 180);
    query_report_free(r);
}

static void deploys_of_its_own_service(void **state)
{
    static const char *const texts[] = {"1.0.0 -> 1.1.0", "load test", "1.1.0 -> 1.2.0"};
    struct report *r = ask(*state, "errors");
    const struct report_slo *s = &r->slos[0];
    assert_int_equal(s->annotation_count, countof(texts));
    for (size_t i = 0; i < countof(texts); i++)
        assert_string_equal(s->annotations[i].text, texts[i]);
    assert_string_equal(s->annotations[1].kind, "note");
    assert_string_equal(s->annotations[1].probe, "");
    query_report_free(r);
    r = ask(*state, "billing");
    assert_int_equal(r->slos[0].state, SLO_NO_DATA);
    assert_int_equal(r->slos[0].annotation_count, countof(texts));
    assert_string_equal(r->slos[0].annotations[0].text, "2.0 -> 2.1");
    query_report_free(r);
}

/* The whole of it, as it is printed. NINES_UPDATE_GOLDEN=1 rewrites the file. */
static void golden(void **state)
{
    struct report *r = ask(*state, NULL);
    const struct report_format *const *f = report_formats;
    struct str got, want;
    char buf[4096];
    str_init(&got, 1 << 20);
    str_init(&want, 1 << 20);
    while (!str_eq((*f)->name, "json"))
        f++;
    assert_int_equal((*f)->write(r, &(struct report_style){.width = 80}, &got), 0);
    FILE *file = fopen(GOLDEN, getenv("NINES_UPDATE_GOLDEN") ? "w+b" : "rb");
    assert_non_null(file);
    if (getenv("NINES_UPDATE_GOLDEN")) {
        assert_int_equal(fwrite(got.buf, 1, got.len, file), got.len);
        rewind(file);
    }
    for (size_t n; (n = fread(buf, 1, sizeof(buf), file)) > 0;)
        str_addn(&want, buf, n);
    fclose(file);
    assert_string_equal(got.buf, want.buf);
    str_release(&got);
    str_release(&want);
    query_report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ratio),
        cmocka_unit_test(a_component),
        cmocka_unit_test(silent_slots_may_be_bad),
        cmocka_unit_test(tiers_see_what_was_done),
        cmocka_unit_test(deploys_of_its_own_service),
        cmocka_unit_test(golden),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
