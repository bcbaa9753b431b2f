/* Runs of the prometheus kind against a server that speaks its API. */
#include "probe/prometheus.h"
#include "probe/metrics.h"
#include "runs.h"

#include "base/mem.h"
#include "base/units.h"
#include "support/spawn.h"

#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    return runs_setup(state, "pages.py");
}

/* Queries, and the other keys of the spec. */
static struct seen ask(struct runs *r, const char *queries, const char *rest)
{
    return runs_yaml(r, &probe_prometheus, "{url: 'http://127.0.0.1:%d/prom/', queries: %s%s%s}",
                     spawn_port(r->server, "http"), queries, *rest ? ", " : "", rest);
}

static void test_values(void **state)
{
    struct seen s = ask(*state, "{value: one}", "");
    seen_reason(&s, REASON_NONE, "");
    assert_int_equal(s.result.outcome, OUTCOME_GOOD);
    assert_int_equal(s.result.code, 200);
    assert_true(s.result.flags & RESULT_SCRAPED);
    assert_int_equal(s.samples, 1);
    assert_true(seen_value(&s, "value") == 0.5);
    assert_string_equal(s.assertion[0].what, "value");
    assert_string_equal(s.assertion[0].seen, "0.5");

    s = ask(*state, "{a: scalar, b: inf, c: none, d: nan}", "");
    seen_reason(&s, REASON_NONE, "");
    assert_true(s.result.flags & RESULT_SCRAPED);
    assert_int_equal(s.samples, 2);
    assert_int_equal(s.hops, 4);
    assert_true(seen_value(&s, "a") == 42);
    assert_true(isinf(seen_value(&s, "b")));
    assert_string_equal(s.assertion[2].seen, "no value");
    assert_string_equal(s.assertion[3].seen, "no value");
}

static void test_queries_come_through(void **state)
{
    /* 34 characters with everything that a form has to escape. */
    struct seen s = ask(*state, "{v: 'sum(x{a=~\"b+|c%d&e\"}[5m]) / 2 # ü '}", "");
    seen_reason(&s, REASON_NONE, "");
    assert_true(seen_value(&s, "v") == 34);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *query;
        enum reason reason;
        const char *message;
        int code;
    } cases[] = {
        {"three", REASON_QUERY, "the query gave 3 series; aggregate it", 200},
        {"string", REASON_QUERY, "of type 'string'", 200},
        {"matrix", REASON_QUERY, "of type 'matrix'", 200},
        {"bad", REASON_QUERY, "bad_data: parse error: unclosed", 400},
        {"slow", REASON_QUERY, "timeout: query timed out", 503},
        {"no-status", REASON_QUERY, "not an answer of Prometheus: it has no status", 200},
        {"no-result", REASON_QUERY, "no result", 200},
        {"no-number", REASON_QUERY, "no number", 200},
        {"not-json", REASON_QUERY, "not an answer of Prometheus", 200},
        {"refused", REASON_STATUS, "expected status 2xx; got 401", 401},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mem_auto char *queries = mem_printf("{good: one, value: %s}", cases[i].query);
        struct seen s = ask(*state, queries, "");
        seen_reason(&s, cases[i].reason, cases[i].message);
        assert_int_equal(strncmp(s.message, "value: ", 7), 0);
        assert_int_equal(s.result.outcome, OUTCOME_BAD);
        assert_int_equal(s.result.code, cases[i].code);
        /* Half an answer is none. */
        assert_false(s.result.flags & RESULT_SCRAPED);
        assert_int_equal(s.samples, 0);
        assert_true(s.body_len > 0);
    }
}

static void test_warnings_are_shown(void **state)
{
    struct seen s = ask(*state, "{value: warned}", "");
    seen_reason(&s, REASON_NONE, "");
    assert_int_equal(s.assertions, 2);
    assert_string_equal(s.assertion[1].seen, "a shard is missing");
}

static void test_assertions(void **state)
{
    struct seen s = ask(*state, "{value: one}", "expect: [value <= 1, value > 0.6]");
    seen_reason(&s, REASON_METRIC, "expected value > 0.6; got");
    assert_true(s.result.flags & RESULT_SCRAPED); /* what was seen is known all the same */
    assert_true(seen_value(&s, "value") == 0.5);
    s = ask(*state, "{value: one, total: scalar}", "expect: value / total < 1");
    seen_reason(&s, REASON_NONE, "");
}

static void test_auth(void **state)
{
    struct seen s = ask(*state, "{value: auth}", "auth: {bearer: s3cretbearer}");
    seen_reason(&s, REASON_NONE, "");
    s = ask(*state, "{value: auth}", "auth: {bearer: s3cretother}");
    seen_reason(&s, REASON_QUERY, "value: forbidden: not with Bearer ***********");
    assert_null(strstr(s.body, "s3cret"));
    assert_null(strstr(s.assertion[0].seen, "s3cret"));
}

static void test_nobody_there(void **state)
{
    struct seen s =
        runs_yaml(*state, &probe_prometheus, "{url: 'http://127.0.0.1:1', queries: {a: x, b: y}}");
    seen_reason(&s, REASON_CONNECT, "a: ");
    assert_int_equal(s.hops, 2);
    assert_false(s.result.flags & RESULT_SCRAPED);
    (void)state;
}

static void never(void *ctx, const struct observation *obs)
{
    (void)ctx, (void)obs;
    fail_msg("a cancelled run ended");
}

/* It lets everybody connect and answers nobody. */
static int listen_mutely(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void test_cancel(void **state)
{
    struct runs *r = *state;
    struct fixture f;
    int port, fd = listen_mutely(&port);
    mem_auto char *yaml =
        mem_printf("{url: 'http://127.0.0.1:%d', queries: {a: one, b: scalar}}", port);
    fixture_init_kind(&f, &probe_prometheus, yaml);
    assert_int_equal(f.diag.errors, 0);
    void *run = probe_prometheus.start(&r->env, &f.def, NULL, never, NULL);
    probe_prometheus.cancel(run);
    run = probe_prometheus.start(&r->env, &f.def, NULL, never, NULL);
    for (int i = 0; i < 3; i++)
        uv_run(&r->loop, UV_RUN_NOWAIT);
    probe_prometheus.cancel(run);
    fixture_release(&f);
    close(fd);
}

static uint64_t source_of(const struct probe_kind *kind, const char *yaml)
{
    struct fixture f;
    fixture_init_kind(&f, kind, yaml);
    assert_int_equal(f.diag.errors, 0);
    uint64_t source = kind->source(f.def.spec);
    fixture_release(&f);
    return source;
}

/* Who is asked, and for whom: credentials and patience make no difference. */
static void test_sources(void **state)
{
    (void)state;
    const struct probe_kind *k = &probe_prometheus;
    uint64_t a = source_of(k, "{url: 'http://h', queries: {a: x}}");
    assert_true(a == source_of(k, "{url: 'http://h', queries: {a: x}, reuse: true,"
                                  " auth: {basic: {user: u, password: p}}}"));
    assert_true(a == source_of(k, "{url: 'http://h', queries: {a: x},"
                                  " headers: {Authorization: Bearer t}}"));
    assert_true(a != source_of(k, "{url: 'http://g', queries: {a: x}}"));
    assert_true(a != source_of(k, "{url: 'http://h', queries: {a: y}}"));
    uint64_t t = source_of(k, "{url: 'http://h', queries: {a: x}, headers: {X-Org: '1', B: c}}");
    assert_true(t != a);
    assert_true(t ==
                source_of(k, "{url: 'http://h', queries: {a: x}, headers: {B: c, X-Org: '1'}}"));
    assert_true(t !=
                source_of(k, "{url: 'http://h', queries: {a: x}, headers: {X-Org: '2', B: c}}"));
    k = &probe_metrics;
    a = source_of(k, "{url: 'http://h/m'}");
    assert_true(a != source_of(k, "{url: 'http://h/m', headers: {X-Org: '1'}}"));
    assert_true(a != source_of(k, "{url: 'http://h/m', body: '{\"org\": 1}'}"));
    assert_true(a == source_of(k, "{url: 'http://h/m', expect: [x < 5]}"));
}

static void test_refused_definitions(void **state)
{
    (void)state;
    const struct probe_kind *k = &probe_prometheus;
    fixture_refused_kind(k, "{url: 'http://h', queries: {}}", "1 to 8 queries");
    fixture_refused_kind(k, "{url: 'http://h', queries: {a b: x}}", "a name for the series");
    fixture_refused_kind(k, "{url: 'http://h', queries: {a: ''}}", "expected a query");
    fixture_refused_kind(k, "{url: 'http://h?x=1', queries: {a: x}}", "URL alone");
    fixture_refused_kind(k, "{url: 'http://h', method: GET, queries: {a: x}}", "with POST");
    fixture_refused_kind(k, "{url: 'http://h', body: x, queries: {a: x}}", "with POST");
    fixture_refused_kind(k, "{url: 'http://h', queries: {a: x}, expect: [{for: 5m}]}", "that");
    fixture_refused_kind(k, "{url: 'gopher://h', queries: {a: x}}", "http");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),       cmocka_unit_test(test_queries_come_through),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_warnings_are_shown),
        cmocka_unit_test(test_assertions),   cmocka_unit_test(test_auth),
        cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_sources),      cmocka_unit_test(test_refused_definitions),
    };
    return cmocka_run_group_tests(tests, setup, runs_teardown);
}
