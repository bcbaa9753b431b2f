/* Runs of the health and readiness kinds against real servers. */
#include "fixture.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "io/jsonpath.h"
#include "probe/health.h"
#include "probe/judge.h"
#include "support/spawn.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <uv.h>

#include <cmocka.h>

#define TOLD_MAX (64 << 10)

struct bench {
    struct spawned *server, *bad;
    int port, bad_port;
    uv_loop_t loop;
    struct http_client *http;
    struct jsonpath *json;
    struct probe_env env;
};

/* What is kept of an observation, which dies with its callback. */
struct seen {
    int calls;
    struct result result;
    char message[600];
    char version[80];
    struct str assertions; /* "- component redis: unhealthy\n" for failed ones, "+ ..." */
    struct str samples;    /* "series value\n" */
    size_t assertion_count, sample_count;
};

static int64_t wall_us(void *ctx)
{
    (void)ctx;
    return 1700000000LL * USEC_PER_SEC;
}

static int setup(void **state)
{
    struct bench *b = mem_alloc(sizeof(*b));
    struct err err = {{0}};
    b->server = spawn_python("health.py");
    b->port = spawn_port(b->server, "port");
    b->bad = spawn_python("badserver.py");
    b->bad_port = spawn_port(b->bad, "http");
    assert_int_equal(uv_loop_init(&b->loop), 0);
    assert_int_equal(http_client_new(&b->loop, NULL, &b->http, &err), 0);
    assert_int_equal(jsonpath_new(&b->json, &err), 0);
    b->env =
        (struct probe_env){.loop = &b->loop, .http = b->http, .json = b->json, .wall_us = wall_us};
    *state = b;
    return 0;
}

static void on_closed(void *ctx)
{
    (void)ctx;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    http_client_close(b->http, on_closed, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    jsonpath_free(b->json);
    spawn_stop(b->server);
    spawn_stop(b->bad);
    free(b);
    return 0;
}

/* ---- a run ------------------------------------------------------------------------- */

static void on_done(void *ctx, const struct observation *obs)
{
    struct seen *s = ctx;
    s->calls++;
    s->result = obs->result;
    str_copy(s->message, sizeof(s->message), obs->message);
    str_copy(s->version, sizeof(s->version), obs->version ? obs->version : "");
    s->assertion_count = obs->assertion_count;
    s->sample_count = obs->sample_count;
    for (size_t i = 0; i < obs->assertion_count; i++) {
        const struct assertion_seen *a = &obs->assertions[i];
        str_addf(&s->assertions, "%c %s: %s\n", a->ok ? '+' : '-', a->what, a->seen);
    }
    for (size_t i = 0; i < obs->sample_count; i++)
        str_addf(&s->samples, "%s %g\n", obs->samples[i].series, obs->samples[i].value);
}

static void seen_init(struct seen *s)
{
    *s = (struct seen){0};
    str_init(&s->assertions, TOLD_MAX);
    str_init(&s->samples, TOLD_MAX);
}

static void seen_release(struct seen *s)
{
    str_release(&s->assertions);
    str_release(&s->samples);
}

/* Runs one probe into `s`, which is emptied first. `rest`: other keys of the spec. */
static void run(struct bench *b, const struct probe_kind *kind, const char *url, const char *rest,
                int64_t timeout_us, struct seen *s)
{
    mem_auto char *yaml = mem_printf("{url: '%s'%s%s}", url, *rest ? ", " : "", rest);
    struct fixture f;
    seen_release(s);
    seen_init(s);
    fixture_init_kind(&f, kind, yaml);
    if (f.diag.errors)
        fail_msg("%s: %s", yaml, f.diag.items[0].text);
    f.def.timeout_us = timeout_us;
    kind->start(&b->env, &f.def, NULL, on_done, s);
    assert_int_equal(s->calls, 0);
    while (!s->calls)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(s->calls, 1);
    fixture_release(&f);
}

static void get(struct bench *b, const struct probe_kind *kind, const char *path, const char *rest,
                struct seen *s)
{
    mem_auto char *url = mem_printf("http://127.0.0.1:%d%s", b->port, path);
    run(b, kind, url, rest, 10 * USEC_PER_SEC, s);
}

/* `query`: "status=503&"; the document is its body. */
static void say(struct bench *b, const struct probe_kind *kind, const char *query, const char *doc,
                const char *rest, struct seen *s)
{
    struct str path;
    str_init(&path, TOLD_MAX);
    str_addf(&path, "/say?%sbody=", query);
    for (const unsigned char *p = (const unsigned char *)doc; *p; p++)
        str_addf(&path, isalnum(*p) ? "%c" : "%%%02X", *p);
    get(b, kind, path.buf, rest, s);
    str_release(&path);
}

static void expect_told(const struct seen *s, enum reason reason, const char *message)
{
    if (s->result.reason != reason || !str_eq(s->message, message))
        fail_msg("%s: %s\nnot %s: %s", reason_name((enum reason)s->result.reason), s->message,
                 reason_name(reason), message);
}

static void expect_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in:\n%s", part, text);
}

/* ---- verdicts ------------------------------------------------------------------------ */

#define HEALTHY                                                                                    \
    "{\"status\":\"healthy\",\"checks\":{\"postgres\":{\"status\":\"healthy\",\"latency_ms\":2},"  \
    "\"redis\":{\"status\":\"healthy\",\"latency_ms\":0.5}},\"version\":\"1.0.0\"}"
#define NOT_READY                                                                                  \
    "{\"status\":\"not_ready\",\"checks\":{\"database\":\"healthy\",\"redis\":\"unhealthy: "       \
    "connection refused\",\"queue\":\"down\"}}"

static void test_healthy(void **state)
{
    struct seen s;
    seen_init(&s);
    say(*state, &probe_health, "", HEALTHY, "", &s);
    expect_told(&s, REASON_NONE, "");
    assert_int_equal(s.result.outcome, OUTCOME_GOOD);
    assert_int_equal(s.result.flags & RESULT_SCRAPED, RESULT_SCRAPED);
    assert_string_equal(s.version, "1.0.0");
    assert_string_equal(s.assertions.buf, "+ status 2xx: 200\n"
                                          "+ a healthy state: healthy\n"
                                          "+ component postgres: healthy, 2.00ms\n"
                                          "+ component redis: healthy, 500us\n");
    assert_string_equal(s.samples.buf, "component_up{component=\"postgres\"} 1\n"
                                       "component_latency_seconds{component=\"postgres\"} 0.002\n"
                                       "component_up{component=\"redis\"} 1\n"
                                       "component_latency_seconds{component=\"redis\"} 0.0005\n");
    say(*state, &probe_health, "", HEALTHY, "version: false", &s);
    assert_string_equal(s.version, "");
    seen_release(&s);
}

static void test_the_document_says_why(void **state)
{
    struct seen s;
    seen_init(&s);
    static const char *const status[] = {"status=503&", "", "status=500&"};
    for (size_t i = 0; i < countof(status); i++) {
        say(*state, &probe_readiness, status[i], NOT_READY, "", &s);
        expect_told(&s, REASON_READINESS,
                    "redis unhealthy: connection refused; also queue unhealthy");
        assert_int_equal(s.result.flags & RESULT_SCRAPED, RESULT_SCRAPED);
        assert_string_equal(s.samples.buf, "component_up{component=\"database\"} 1\n"
                                           "component_up{component=\"redis\"} 0\n"
                                           "component_up{component=\"queue\"} 0\n");
    }
    expect_has(s.assertions.buf, "- status 2xx: 500\n- a healthy state: unhealthy (not_ready)\n"
                                 "- component redis: unhealthy: connection refused\n");
    say(*state, &probe_readiness, "",
        "[{\"ready\":false,\"services\":{\"database\":true,\"redis\":false}},503]", "", &s);
    expect_told(&s, REASON_READINESS, "redis unhealthy (status 503 in its body)");
    say(*state, &probe_readiness, "", "[{\"ready\":true},503]", "", &s);
    expect_told(&s, REASON_STATUS, "expected status 2xx; the document claims 503");
    say(*state, &probe_health, "", "{\"status\":\"fail\",\"output\":\"no disk\"}", "", &s);
    expect_told(&s, REASON_HEALTH, "it says \"fail\": no disk");
    say(*state, &probe_health, "", "{\"status\":\"quux\"}", "", &s);
    expect_told(&s, REASON_HEALTH, "it says \"quux\", which is not known to be good");
    say(*state, &probe_health, "", "[+]ping ok\n[-]etcd failed: reason withheld\n", "", &s);
    expect_told(&s, REASON_HEALTH, "etcd unhealthy: reason withheld");
    seen_release(&s);
}

static void test_the_status_counts_too(void **state)
{
    struct seen s;
    seen_init(&s);
    say(*state, &probe_health, "status=500&", HEALTHY, "", &s);
    expect_told(&s, REASON_STATUS,
                "expected status 2xx; got 500, though its document says that it is well");
    assert_int_equal(s.result.flags & RESULT_SCRAPED, RESULT_SCRAPED);
    say(*state, &probe_health, "status=404&", "{\"detail\":\"Not Found\"}", "", &s);
    expect_told(&s, REASON_STATUS, "expected status 2xx; got 404");
    assert_int_equal(s.result.flags & RESULT_SCRAPED, 0);
    say(*state, &probe_health, "status=404&", "{\"status\":404,\"error\":\"Not Found\"}", "", &s);
    expect_told(&s, REASON_STATUS, "expected status 2xx; got 404");
    assert_int_equal(s.result.flags & RESULT_SCRAPED, 0);
    say(*state, &probe_health, "", "{\"status\":200,\"message\":\"fine\"}", "", &s);
    expect_told(&s, REASON_NONE, "");
    assert_int_equal(s.result.flags & RESULT_SCRAPED, RESULT_SCRAPED);
    say(*state, &probe_readiness, "status=503&retry=7&", NOT_READY, "", &s);
    expect_told(&s, REASON_OVERLOADED,
                "expected status 2xx; got 503; redis unhealthy: connection refused;"
                " also queue unhealthy");
    say(*state, &probe_readiness, "status=429&", "", "", &s);
    expect_told(&s, REASON_RATE_LIMITED, "expected status 2xx; got 429");
    say(*state, &probe_health, "status=503&", HEALTHY, "expect: {status: 503}", &s);
    expect_told(&s, REASON_NONE, "");
    say(*state, &probe_health, "", HEALTHY, "expect: {json: {$.version: 2.0.0}}", &s);
    expect_told(&s, REASON_JSON, "expected $.version = \"2.0.0\"; got \"1.0.0\"");
    seen_release(&s);
}

static void test_no_health_document(void **state)
{
    struct seen s;
    seen_init(&s);
    say(*state, &probe_health, "type=text/html&", "<html>Welcome</html>", "", &s);
    expect_told(&s, REASON_HEALTH,
                "not a health document: 20 bytes of text/html, neither JSON nor a word for"
                " a state");
    assert_int_equal(s.result.flags & RESULT_SCRAPED, 0);
    assert_int_equal(s.sample_count, 0);
    say(*state, &probe_readiness, "", "", "", &s);
    expect_told(&s, REASON_READINESS, "not a health document: the body is empty");
    say(*state, &probe_health, "", "{\"version\":\"1.4.0\",\"uptime\":\"2h\"}", "", &s);
    expect_told(&s, REASON_NONE, "");
    assert_string_equal(s.version, "1.4.0");
    say(*state, &probe_readiness, "", "{\"version\":\"1.4.0\"}", "", &s);
    expect_told(&s, REASON_READINESS, "the document tells a version and no state");
    seen_release(&s);
}

static void test_required_and_ignored(void **state)
{
    struct seen s;
    seen_init(&s);
    say(*state, &probe_readiness, "", NOT_READY, "components: {ignored: [redis, queue]}", &s);
    expect_told(&s, REASON_NONE, "");
    expect_has(s.assertions.buf, "+ component redis: unhealthy (ignored): connection refused\n");
    expect_has(s.samples.buf, "component_up{component=\"redis\"} 0\n"); /* a fact all the same */
    say(*state, &probe_readiness, "", NOT_READY, "components: {ignored: redis}", &s);
    expect_told(&s, REASON_READINESS, "queue unhealthy");
    say(*state, &probe_readiness, "",
        "{\"status\":\"not_ready\",\"checks\":{\"a\":true,\"b\":true}}",
        "components: {ignored: [b]}", &s);
    expect_told(&s, REASON_READINESS, "it says \"not_ready\"");
    say(*state, &probe_health, "", HEALTHY, "components: {required: [redis, mail, disk]}", &s);
    expect_told(&s, REASON_HEALTH, "mail missing; also disk missing");
    expect_has(s.assertions.buf, "- component mail: missing\n");

    static const char odd[] = "{\"status\":\"ok\",\"checks\":{\"a\":\"odd\",\"b\":true}}";
    say(*state, &probe_health, "", odd, "", &s);
    expect_told(&s, REASON_NONE, "");
    assert_string_equal(s.samples.buf, "component_up{component=\"b\"} 1\n");
    say(*state, &probe_health, "", odd, "components: {required: [a]}", &s);
    expect_told(&s, REASON_HEALTH, "a unknown: odd");
    say(*state, &probe_health, "", "{\"checks\":{\"a\":\"odd\",\"b\":true}}", "", &s);
    expect_told(&s, REASON_HEALTH, "a unknown: odd");
    seen_release(&s);
}

static void test_degraded(void **state)
{
    static const char doc[] = "{\"status\":\"warn\",\"checks\":{\"a\":\"degraded: slow\"}}";
    struct seen s;
    seen_init(&s);
    say(*state, &probe_health, "", doc, "", &s);
    expect_told(&s, REASON_NONE, "");
    assert_string_equal(s.samples.buf, "component_up{component=\"a\"} 0.5\n");
    say(*state, &probe_readiness, "", doc, "degraded: bad", &s);
    expect_told(&s, REASON_READINESS, "a degraded: slow");
    say(*state, &probe_health, "", "{\"status\":\"warn\"}", "degraded: bad", &s);
    expect_told(&s, REASON_HEALTH, "it says \"warn\"");
    seen_release(&s);
}

static void test_echoed_secrets_are_hidden(void **state)
{
    struct seen s;
    seen_init(&s);
    get(*state, &probe_health, "/echo", "auth: {bearer: sesame-sesame}", &s);
    assert_int_equal(s.result.reason, REASON_HEALTH);
    assert_null(strstr(s.message, "sesame"));
    assert_null(strstr(s.version, "sesame"));
    assert_null(strstr(s.assertions.buf, "sesame"));
    assert_null(strstr(s.samples.buf, "sesame"));
    expect_has(s.message, "x unhealthy: Bearer *************");
    assert_string_equal(s.samples.buf, "component_up{component=\"Bearer *************\"} 1\n"
                                       "component_up{component=\"x\"} 0\n");
    expect_has(s.version, "Bearer *************");
    seen_release(&s);
}

/* ---- hostile ----------------------------------------------------------------------------- */

static void test_ten_thousand_components(void **state)
{
    struct seen s;
    seen_init(&s);
    get(*state, &probe_health, "/many/10000", "", &s);
    expect_told(&s, REASON_HEALTH, "it says \"unhealthy\": a component past the first 200");
    assert_int_equal(s.sample_count, 200);
    assert_int_equal(s.assertion_count, EXPECT_MAX_CHECKS);
    expect_has(s.assertions.buf, "+ other components: 9939 more\n");
    get(*state, &probe_health, "/many/150", "", &s);
    expect_told(&s, REASON_HEALTH, "last unhealthy: it is the last");
    expect_has(s.assertions.buf, "- component last: unhealthy: it is the last\n");
    get(*state, &probe_health, "/down/100", "", &s);
    expect_has(s.message, "component-0 unhealthy; also component-1 unhealthy, component-2");
    expect_has(s.message, "component-12 unhealthy and 87 more");
    get(*state, &probe_health, "/many/10000", "components: {required: [last]}", &s);
    expect_told(&s, REASON_HEALTH, "last not among the first 200");
    seen_release(&s);
}

static void test_large_and_deep(void **state)
{
    struct seen s;
    seen_init(&s);
    get(*state, &probe_health, "/deep/60", "", &s);
    expect_told(&s, REASON_NONE, "");
    get(*state, &probe_health, "/deep/100", "", &s);
    expect_told(&s, REASON_HEALTH, "not a health document: JSON nested deeper than 64");
    get(*state, &probe_health, "/deep/200000", "", &s);
    expect_told(&s, REASON_HEALTH, "not a health document: JSON nested deeper than 64");
    get(*state, &probe_health, "/huge", "", &s);
    assert_int_equal(s.result.reason, REASON_BODY);
    get(*state, &probe_health, "/huge", "max_body: 16MiB", &s);
    assert_int_equal(s.result.reason, REASON_BODY);
    get(*state, &probe_health, "/bomb", "", &s);
    assert_int_equal(s.result.reason, REASON_HEALTH);
    expect_has(s.message, "not UTF-8 text");
    seen_release(&s);
}

static void test_a_page_that_changes_its_shape(void **state)
{
    static const enum reason reasons[] = {REASON_NONE, REASON_NONE, REASON_HEALTH, REASON_HEALTH,
                                          REASON_HEALTH};
    static const size_t samples[] = {1, 0, 0, 1, 0};
    static const bool scraped[] = {true, true, false, true, false};
    struct seen s;
    seen_init(&s);
    for (size_t i = 0; i < 2 * countof(reasons); i++) {
        get(*state, &probe_health, "/shapes", "", &s);
        assert_int_equal(s.result.reason, reasons[i % countof(reasons)]);
        assert_int_equal(s.sample_count, samples[i % countof(reasons)]);
        assert_int_equal((s.result.flags & RESULT_SCRAPED) != 0, scraped[i % countof(reasons)]);
    }
    seen_release(&s);
}

static void test_bad_servers(void **state)
{
    static const struct {
        const char *path;
        bool hangs;
        enum reason reason;
    } servers[] = {
        {"/hang", true, REASON_TTFB_TIMEOUT},
        {"/drip", true, REASON_TOTAL_TIMEOUT},
        {"/drip-status", true, REASON_TOTAL_TIMEOUT},
        {"/endless-body", false, REASON_BODY},
        {"/endless-headers", false, REASON_PROTOCOL},
        {"/garbage", false, REASON_PROTOCOL},
        {"/bad-chunk", false, REASON_PROTOCOL},
        {"/truncated", false, REASON_TRUNCATED},
        {"/truncated-chunk", false, REASON_TRUNCATED},
        {"/empty", false, REASON_TRUNCATED},
        {"/reset", false, REASON_TRUNCATED},
        {"/reset-in-body", false, REASON_TRUNCATED},
        {"/503", false, REASON_OVERLOADED},
        {"/204", false, REASON_READINESS},
        {"/big", false, REASON_BODY},
        {"/ok", false, REASON_NONE},
    };
    struct bench *b = *state;
    struct seen s;
    seen_init(&s);
    for (size_t i = 0; i < countof(servers); i++) {
        mem_auto char *url = mem_printf("http://127.0.0.1:%d%s", b->bad_port, servers[i].path);
        run(b, &probe_readiness, url, "",
            servers[i].hangs ? 300 * USEC_PER_MSEC : 20 * USEC_PER_SEC, &s);
        if (s.result.reason != servers[i].reason)
            fail_msg("%s: %s: %s", servers[i].path, reason_name((enum reason)s.result.reason),
                     s.message);
        bool read = servers[i].reason == REASON_NONE || servers[i].reason == REASON_OVERLOADED;
        assert_int_equal((s.result.flags & RESULT_SCRAPED) != 0, read);
    }
    run(b, &probe_health, "http://127.0.0.1:1/", "", USEC_PER_SEC, &s);
    assert_int_equal(s.result.reason, REASON_CONNECT);
    assert_int_equal(s.sample_count, 0);
    seen_release(&s);
}

/* Cancelled after k turns of the loop, with the pool at work on a large document. */
static void test_cancel_at_any_time(void **state)
{
    struct bench *b = *state;
    mem_auto char *yaml = mem_printf("{url: 'http://127.0.0.1:%d/many/10000'}", b->port);
    bool ended = false;
    for (int turns = 0; !ended && turns < 200; turns++) {
        struct fixture f;
        struct seen s;
        seen_init(&s);
        fixture_init_kind(&f, &probe_health, yaml);
        void *going = probe_health.start(&b->env, &f.def, NULL, on_done, &s);
        for (int i = 0; i < turns && !s.calls; i++)
            uv_run(&b->loop, UV_RUN_ONCE);
        ended = s.calls == 1;
        if (!ended)
            probe_health.cancel(going);
        fixture_release(&f);
        seen_release(&s);
    }
    assert_true(ended);
}

static void test_specs_refused(void **state)
{
    (void)state;
    fixture_refused_kind(&probe_health, "{method: GET}", "url");
    fixture_refused_kind(&probe_health, "{url: 'http://h/', method: HEAD}", "no document");
    fixture_refused_kind(&probe_health, "{url: 'http://h/', degraded: fine}", "good or bad");
    fixture_refused_kind(&probe_health, "{url: 'http://h/', version: maybe}", "true or false");
    fixture_refused_kind(&probe_health, "{url: 'http://h/', components: {require: [a]}}",
                         "did you mean 'required'");
    fixture_refused_kind(&probe_health, "{url: 'http://h/', components: {required: [a, a]}}",
                         "'a' is listed twice");
    fixture_refused_kind(&probe_health,
                         "{url: 'http://h/', components: {required: [a, b], ignored: b}}",
                         "'b' is both required and ignored");
    fixture_refused_kind(&probe_health,
                         "{url: 'http://h/', components: {ignored: "
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}",
                         "1 to 63 bytes");
    fixture_refused_kind(&probe_health, "{url: 'http://h/', expect: {json: {$.a: {matches: '('}}}}",
                         "bad pattern");
}

int main(void)
{
    http_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_the_document_says_why),
        cmocka_unit_test(test_the_status_counts_too),
        cmocka_unit_test(test_no_health_document),
        cmocka_unit_test(test_required_and_ignored),
        cmocka_unit_test(test_degraded),
        cmocka_unit_test(test_echoed_secrets_are_hidden),
        cmocka_unit_test(test_ten_thousand_components),
        cmocka_unit_test(test_large_and_deep),
        cmocka_unit_test(test_a_page_that_changes_its_shape),
        cmocka_unit_test(test_bad_servers),
        cmocka_unit_test(test_cancel_at_any_time),
        cmocka_unit_test(test_specs_refused),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    http_global_cleanup();
    return failed;
}
