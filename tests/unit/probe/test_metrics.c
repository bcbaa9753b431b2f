/* Runs of the metrics kind against real and hostile pages. */
#include "probe/metrics.h"
#include "runs.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"
#include "model/selector.h"
#include "support/spawn.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define KIND (&probe_metrics)

static int setup(void **state)
{
    return runs_setup(state, "pages.py");
}

static struct seen scrape(struct runs *r, const char *path, const char *rest)
{
    return runs_yaml(r, KIND, "{url: 'http://127.0.0.1:%d%s'%s%s}", spawn_port(r->server, "http"),
                     path, *rest ? ", " : "", rest);
}

/* A probe with a memory and what SLOs want of it; several runs. */
struct probe {
    struct fixture f;
    struct probe_memory *memory;
    const struct selector *wanted[4];
    size_t n;
};

static void probe_open(struct probe *p, struct runs *r, const char *path, const char *rest)
{
    mem_auto char *yaml = mem_printf("{url: 'http://127.0.0.1:%d%s'%s%s}",
                                     spawn_port(r->server, "http"), path, *rest ? ", " : "", rest);
    *p = (struct probe){0};
    fixture_init_kind(&p->f, KIND, yaml);
    if (p->f.diag.errors)
        fail_msg("%s: %s", yaml, p->f.diag.items[0].text);
    p->memory = probe_metrics.memory_new(&p->f.def);
}

static void probe_want(struct probe *p, const char *text)
{
    struct err err;
    if (selector_parse(&p->f.arena, text, strlen(text), &p->wanted[p->n++], NULL, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    p->f.def.wanted = p->wanted;
    p->f.def.wanted_count = p->n;
}

static struct seen probe_run(struct probe *p, struct runs *r)
{
    r->wall_us += 15 * USEC_PER_SEC;
    return runs_once(r, &p->f.def, p->memory);
}

static void probe_close(struct probe *p)
{
    probe_metrics.memory_free(p->memory);
    fixture_release(&p->f);
}

/* ---- what is seen ----------------------------------------------------------------- */

static void test_samples(void **state)
{
    struct runs *r = *state;
    struct probe p;
    probe_open(&p, r, "/page?p=a%7Bx=%221%22%7D+1%0Aa%7Bx=%222%22%7D+2%0Ab+3%0Ac+4%0A",
               "expect: [b == 3]");
    probe_want(&p, "a");
    probe_want(&p, "nothing");
    struct seen s = probe_run(&p, r);
    seen_reason(&s, REASON_NONE, "");
    assert_int_equal(s.result.outcome, OUTCOME_GOOD);
    assert_true(s.result.flags & RESULT_SCRAPED);
    assert_int_equal(s.samples, 3); /* c is not wanted */
    assert_true(seen_value(&s, "a{x=\"1\"}") == 1);
    assert_true(seen_value(&s, "a{x=\"2\"}") == 2);
    assert_true(seen_value(&s, "b") == 3);
    assert_int_equal(s.assertions, 2); /* the status, too */
    probe_close(&p);
}

static void test_what_is_sent(void **state)
{
    struct runs *r = *state;
    struct probe p;
    probe_open(&p, r, "/headers", "");
    probe_want(&p, "h{name=~\"accept.*\"}");
    struct seen s = probe_run(&p, r);
    assert_int_equal(s.samples, 2);
    (void)seen_value(&s, "h{name=\"accept\",value=\"text/plain;version=0.0.4,"
                         "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1\"}");
    (void)seen_value(&s, "h{name=\"accept-encoding\",value=\"gzip\"}");
    probe_close(&p);
}

static void test_first_of_two(void **state)
{
    struct seen s = scrape(*state, "/page?p=a+1%0Aa+2%0A", "expect: [a == 1]");
    seen_reason(&s, REASON_NONE, "");
    assert_int_equal(s.samples, 1);
}

static void test_openmetrics(void **state)
{
    struct seen s = scrape(*state, "/page?type=om&p=%23+TYPE+a+counter%0Aa_total+5%0A%23+EOF%0A",
                           "expect: [a_total == 5]");
    seen_reason(&s, REASON_NONE, "");
    assert_true(seen_value(&s, "a_total") == 5);
    s = scrape(*state, "/page?type=om&p=%23+TYPE+a+counter%0Aa_total+5%0A", "");
    seen_reason(&s, REASON_EXPOSITION, "line ");
    assert_false(s.result.flags & RESULT_SCRAPED);
    assert_int_equal(s.samples, 0);
    assert_true(s.body_len > 0);
}

static void test_packed(void **state)
{
    struct runs *r = *state;
    struct seen s = scrape(r, "/gzip?p=a+1%0A", "expect: [a == 1]");
    seen_reason(&s, REASON_NONE, "");
    assert_true(seen_value(&s, "a") == 1);
    s = scrape(r, "/gzip-two?p=a+1%0A", "expect: [a == 1]");
    seen_reason(&s, REASON_NONE, "");
    s = scrape(r, "/gzip?p=a+x%0A", "");
    seen_reason(&s, REASON_EXPOSITION, "line 1 column ");
    assert_memory_equal(s.body, "a x\n", 4); /* evidence is for people */
    s = scrape(r, "/gzip-cut?p=a+1%0A", "");
    seen_reason(&s, REASON_TRUNCATED, "ends in its middle");
    s = scrape(r, "/gzip-not?p=a+1%0A", "");
    seen_reason(&s, REASON_PROTOCOL, "is not");
    s = scrape(r, "/bomb/200000000", "");
    seen_reason(&s, REASON_BODY, "over 16MiB");
    s = scrape(r, "/bomb/2000", "max_body: 1000B");
    seen_reason(&s, REASON_BODY, "over 1kB");
}

/* ---- hostile pages ------------------------------------------------------------------- */

static void test_broken_pages(void **state)
{
    static const struct {
        const char *path;
        enum reason reason;
        const char *message;
    } cases[] = {
        {"/page?p=%7B%7B%7B", REASON_EXPOSITION, "line 1 column "},
        {"/page?p=a+1%0A%0Ab%7Bx=1%7D+2%0A", REASON_EXPOSITION, "line 3 column "},
        {"/page?p=%3Chtml%3E%3Cbody%3Eok", REASON_EXPOSITION, "line 1 column "},
        {"/bytes?hex=617b6c3d22ff227d20310a", REASON_EXPOSITION, "line 1 column "},
        {"/status/500?p=a+1%0A", REASON_STATUS, "got 500"},
        {"/comment/20000000", REASON_BODY, "over 16MiB"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen s = scrape(*state, cases[i].path, "expect: [present(a)]");
        seen_reason(&s, cases[i].reason, cases[i].message);
        assert_int_equal(s.result.outcome, OUTCOME_BAD);
        assert_int_equal(s.samples, 0);
        assert_false(s.result.flags & RESULT_SCRAPED);
    }
}

static void test_empty_page(void **state)
{
    struct seen s = scrape(*state, "/page?p=", "expect: [absent(a)]");
    seen_reason(&s, REASON_NONE, "");
    assert_true(s.result.flags & RESULT_SCRAPED); /* that nothing is there is known */
}

static void test_large_pages(void **state)
{
    struct runs *r = *state;
    struct seen s = scrape(r, "/series/1000000", "max_body: 64MiB, expect: ['m{i=\"7\"} == 7']");
    seen_reason(&s, REASON_NONE, "");
    assert_int_equal(s.samples, 1);
    s = scrape(r, "/series/2500", "expect: [m >= 0]");
    seen_reason(&s, REASON_METRIC, "more than 2000 series");
    assert_false(s.result.flags & RESULT_SCRAPED);
    s = scrape(r, "/label/1000000", "expect: [after == 2]");
    seen_reason(&s, REASON_NONE, "");
    s = scrape(r, "/label/1000000", "expect: [m == 1]");
    seen_reason(&s, REASON_METRIC, "longer than 1023 bytes");
    s = scrape(r, "/comment/100000000", "max_body: 128MiB, expect: [after == 1]");
    seen_reason(&s, REASON_NONE, "");
}

/* ---- over several runs ------------------------------------------------------------------ */

static void test_growth(void **state)
{
    struct runs *r = *state;
    struct probe p;
    probe_open(&p, r, "/page?k=growth&p=a+100%0A&p=a+130%0A&p=a+10%0A&p=%0A&p=a+40%0A",
               "expect: [rate(a) < 1.5/s]");
    static const struct {
        enum reason reason;
        size_t samples;
    } runs[] = {
        {REASON_NONE, 1},   /* a baseline */
        {REASON_METRIC, 1}, /* 30 in 15 s */
        {REASON_NONE, 1},   /* a restart: 10 */
        {REASON_NONE, 0},   /* gone: cannot be told */
        {REASON_METRIC, 1}, /* back: 30 more */
    };
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        struct seen s = probe_run(&p, r);
        seen_reason(&s, runs[i].reason, runs[i].reason ? "expected rate(a) < 1.5" : "");
        assert_int_equal(s.samples, runs[i].samples);
        assert_true(s.result.flags & RESULT_SCRAPED);
    }
    probe_close(&p);
}

static void test_type_changes(void **state)
{
    struct runs *r = *state;
    struct probe p;
    probe_open(&p, r,
               "/page?k=type&p=%23+TYPE+a+counter%0Aa+5%0A"
               "&p=%23+TYPE+a+histogram%0Aa_bucket%7Ble=%22%2BInf%22%7D+1%0Aa_count+1%0Aa_sum+1%0A"
               "&p=%23+TYPE+a+gauge%0Aa+-1%0A",
               "expect: ['increase(a[5m]) < 100']");
    for (int i = 0; i < 4; i++) {
        struct seen s = probe_run(&p, r);
        seen_reason(&s, REASON_NONE, "");
    }
    probe_close(&p);
}

static void test_a_bucket_that_is_not_there(void **state)
{
    struct runs *r = *state;
    struct probe p;
    probe_open(&p, r,
               "/page?k=le&p=h_bucket%7Ble=%220.25%22%7D+1%0Ah_bucket%7Ble=%220.5%22%7D+2%0A"
               "h_bucket%7Ble=%22%2BInf%22%7D+2%0Ah_sum+1%0Ah_count+2%0A&p=other+1%0A",
               "");
    probe_want(&p, "h_bucket{le=\"0.3\"}");
    probe_want(&p, "h_count");
    struct seen s = probe_run(&p, r);
    seen_reason(&s, REASON_METRIC, "h_bucket has no bucket 0.3; its neighbours are 0.25 and 0.5");
    assert_false(s.result.flags & RESULT_SCRAPED);
    assert_int_equal(s.samples, 0);
    s = probe_run(&p, r); /* no histogram at all: silence, not a mistake */
    seen_reason(&s, REASON_NONE, "");
    assert_true(s.result.flags & RESULT_SCRAPED);
    probe_close(&p);

    probe_open(&p, r, "/page?k=le2&p=h_bucket%7Ble=%220.50%22%7D+2%0Ah_count+2%0A", "");
    probe_want(&p, "h_bucket{le=\"0.5\"}");
    s = probe_run(&p, r);
    seen_reason(&s, REASON_NONE, "");
    assert_int_equal(s.samples, 1);
    probe_close(&p);
}

/* ---- cancelled on the pool ------------------------------------------------------------ */

static atomic_bool begun;

static void read_until_stopped(const struct probe_def *def, const struct judge_input *in,
                               struct verdict *v, struct http_reading *ret)
{
    (void)def, (void)in, (void)v;
    begun = true;
    while (!ret->stop)
        sched_yield();
}

static void never(void *ctx, const struct observation *obs)
{
    (void)ctx, (void)obs;
    fail_msg("a cancelled run ended");
}

/* Cancelling waits for the pool, which has to give up a page that nobody wants any more. */
static void test_cancel_stops_the_reader(void **state)
{
    static const struct http_reader reader = {.light = 1, .read = read_until_stopped};
    struct runs *r = *state;
    struct probe p;
    probe_open(&p, r, "/page?p=a+1%0A", "");
    const struct metrics_probe *m = p.f.def.spec;
    begun = false;
    void *run = http_run_start(&r->env, &p.f.def, &m->http, &reader, NULL, never, NULL);
    while (!begun)
        uv_run(&r->loop, UV_RUN_NOWAIT);
    http_run_cancel(run);
    probe_close(&p);
}

/* ---- secrets ------------------------------------------------------------------------------ */

static void test_nothing_gives_secrets_away(void **state)
{
    struct runs *r = *state;
    r->env.verbose = true;
    struct seen s = scrape(r, "/secret?api_key=hunter%202", "");
    r->env.verbose = false;
    seen_reason(&s, REASON_EXPOSITION, "line 1");
    assert_null(strstr(s.url, "hunter"));
    assert_null(strstr(s.message, "hunter"));
    assert_null(strstr(s.body, "hunter"));
    assert_non_null(strstr(s.headers, "Set-Cookie: sid=**********; Path=/"));
    assert_non_null(strstr(s.headers, "Content-Type: text/plain"));
}

static void test_refused_definitions(void **state)
{
    (void)state;
    fixture_refused_kind(KIND, "{url: 'http://h/', expect: [a <]}", "expected");
    fixture_refused_kind(KIND, "{url: 'http://h/', expect: [{that: a < 1, for: x}]}", "for");
    fixture_refused_kind(KIND, "{url: 'http://h/', expect: [[a]]}", "a condition");
    fixture_refused_kind(KIND, "{url: 'http://h/', max_body: 129MiB}", "128MiB");
    fixture_refused_kind(KIND, "{url: 'http://h/', expect: {that: a < 1, status: 200}}", "status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_first_of_two),
        cmocka_unit_test(test_openmetrics),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_broken_pages),
        cmocka_unit_test(test_empty_page),
        cmocka_unit_test(test_large_pages),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_type_changes),
        cmocka_unit_test(test_a_bucket_that_is_not_there),
        cmocka_unit_test(test_cancel_stops_the_reader),
        cmocka_unit_test(test_nothing_gives_secrets_away),
        cmocka_unit_test(test_refused_definitions),
    };
    return cmocka_run_group_tests(tests, setup, runs_teardown);
}
