/* Runs of the http kind against real servers. */
#include "fixture.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"
#include "io/jsonpath.h"
#include "support/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <uv.h>

#include <cmocka.h>

#define MESSAGE_MAX 600

struct bench {
    struct spawned *server;
    int a, b; /* ports: two origins */
    uv_loop_t loop;
    struct http_client *http;
    struct jsonpath *json;
    struct probe_env env;
};

/* What is kept of an observation, which dies with its callback. */
struct seen {
    int calls;
    struct result result;
    char message[MESSAGE_MAX];
    size_t hops, assertions;
    int statuses[12];
    char last_url[256];
    char last_seen[128];
    char body[1100];
    int64_t phases_us;
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
    b->server = spawn_python("redirects.py");
    b->a = spawn_port(b->server, "a");
    b->b = spawn_port(b->server, "b");
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
    free(b);
    return 0;
}

static void on_done(void *ctx, const struct observation *obs)
{
    struct seen *s = ctx;
    s->calls++;
    s->result = obs->result;
    s->hops = obs->hop_count;
    s->assertions = obs->assertion_count;
    snprintf(s->message, sizeof(s->message), "%s", obs->message);
    for (size_t i = 0; i < obs->hop_count; i++)
        s->statuses[i] = obs->hops[i].status;
    snprintf(s->last_url, sizeof(s->last_url), "%s", obs->hops[obs->hop_count - 1].url);
    if (obs->assertion_count)
        snprintf(s->last_seen, sizeof(s->last_seen), "%s",
                 obs->assertions[obs->assertion_count - 1].seen);
    if (obs->body)
        memcpy(s->body, obs->body, obs->body_len);
    const struct phases *p = &obs->result.phases;
    s->phases_us = p->dns_us + p->connect_us + p->tls_us + p->send_us + p->wait_us + p->transfer_us;
}

/* Runs one probe; `path` is of origin a, `rest` the other keys of the spec. */
static struct seen probe(struct bench *b, const char *path, const char *rest)
{
    mem_auto char *yaml =
        mem_printf("{url: 'http://127.0.0.1:%d%s'%s%s}", b->a, path, *rest ? ", " : "", rest);
    struct fixture f;
    struct seen seen = {0};
    fixture_init(&f, yaml);
    if (f.diag.errors)
        fail_msg("%s: %s", yaml, f.diag.items[0].text);
    probe_http.start(&b->env, &f.def, NULL, on_done, &seen);
    assert_int_equal(seen.calls, 0);
    while (!seen.calls)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(seen.calls, 1);
    fixture_release(&f);
    return seen;
}

static void expect_reason(const struct seen *s, enum reason reason, const char *message)
{
    if (s->result.reason != reason || !strstr(s->message, message))
        fail_msg("%s: %s, not %s: %s", reason_name(s->result.reason), s->message,
                 reason_name(reason), message);
}

static void test_good(void **state)
{
    struct seen s = probe(*state, "/json/10", "expect: {status: 200, json: {$.status: ok}}");
    expect_reason(&s, REASON_NONE, "");
    assert_int_equal(s.result.outcome, OUTCOME_GOOD);
    assert_int_equal(s.result.code, 200);
    assert_int_equal(s.hops, 1);
    assert_int_equal(s.assertions, 2);
    assert_true(s.result.total_us > 0);
    assert_true(s.phases_us <= s.result.total_us);
    assert_int_equal(s.body[0], '\0'); /* evidence is of failures */
}

static void test_bad_keeps_evidence(void **state)
{
    struct seen s = probe(*state, "/gone", "");
    expect_reason(&s, REASON_STATUS, "expected status 2xx; got 404");
    assert_string_equal(s.body, "no such page, gone");
    s = probe(*state, "/limited", "");
    expect_reason(&s, REASON_OVERLOADED, "503");
    s = probe(*state, "/json/5000", "expect: {body: {contains: absent}}");
    expect_reason(&s, REASON_BODY, "5027 bytes");
    assert_int_equal(strlen(s.body), 1024);
}

static void test_request_as_declared(void **state)
{
    struct seen s = probe(*state, "/echo",
                          "body: '{\"a\":1}', headers: {X-One: '1'}, expect:"
                          " {json: {$.method: POST, $.body: '{\"a\":1}', '$.headers.x-one': '1',"
                          " $.headers.content-type: application/json,"
                          " $.headers.user-agent: {matches: '^nines/'}}}");
    expect_reason(&s, REASON_NONE, "");
    s = probe(*state, "/echo",
              "auth: {basic: {user: me, password: sesame}}, expect: {json:"
              " {$.headers.authorization: Basic bWU6c2VzYW1l, $.method: GET}}");
    expect_reason(&s, REASON_NONE, "");
}

static void test_redirects_are_judged_unless_followed(void **state)
{
    struct seen s = probe(*state, "/chain/1", "expect: {status: 302}");
    expect_reason(&s, REASON_NONE, "");
    assert_int_equal(s.hops, 1);
    s = probe(*state, "/chain/3", "follow: 3");
    expect_reason(&s, REASON_NONE, "");
    assert_int_equal(s.hops, 4);
    assert_int_equal(s.statuses[0], 302);
    assert_int_equal(s.statuses[3], 200);
    assert_non_null(strstr(s.last_url, "/chain/0"));
    assert_true(s.result.total_us > s.phases_us); /* phases are the last hop's */
    s = probe(*state, "/nowhere", "follow: 3");
    expect_reason(&s, REASON_STATUS, "302");
}

static void test_redirects_that_lead_nowhere(void **state)
{
    struct seen s = probe(*state, "/chain/3", "follow: 2");
    expect_reason(&s, REASON_REDIRECT, "more than 2 redirects");
    s = probe(*state, "/to/302?url=ftp://127.0.0.1/", "follow: 9");
    expect_reason(&s, REASON_REDIRECT, "neither http nor https");
    s = probe(*state, "/to/302?url=http://", "follow: 9");
    expect_reason(&s, REASON_REDIRECT, "not a valid URL");
}

static void test_redirect_loop(void **state)
{
    struct bench *b = *state;
    /* A GET that redirects to itself: the query is part of the URL. */
    struct seen s = probe(b, "/self", "follow: 9");
    expect_reason(&s, REASON_REDIRECT, "a redirect loop: back to http://127.0.0.1:");
    assert_int_equal(s.hops, 1);
}

static void test_methods_over_redirects(void **state)
{
    struct seen s = probe(*state, "/to/303?url=/echo",
                          "body: x, follow: 1, expect: {json:"
                          " {$.method: GET, $.body: '', "
                          "$.headers.content-type: {present: false}}}");
    expect_reason(&s, REASON_NONE, "");
    s = probe(*state, "/to/307?url=/echo",
              "body: x, follow: 1, expect: {json:"
              " {$.method: POST, $.body: x}}");
    expect_reason(&s, REASON_NONE, "");
}

static void test_credentials_stay_at_their_origin(void **state)
{
    const char *auth = "follow: 2, auth: {bearer: sesame-sesame},"
                       " headers: {Cookie: c=1, X-Plain: '1'}";
    mem_auto char *same = mem_printf("%s, expect: {json: {$.headers.authorization: Bearer "
                                     "sesame-sesame, $.headers.cookie: c=1}}",
                                     auth);
    mem_auto char *other = mem_printf("%s, expect: {json: {$.headers.authorization: {present: "
                                      "false}, $.headers.cookie: {present: false},"
                                      " $.headers.x-plain: '1'}}",
                                      auth);
    struct seen s = probe(*state, "/to/302?url=/echo", same);
    expect_reason(&s, REASON_NONE, "");
    s = probe(*state, "/cross", other);
    expect_reason(&s, REASON_NONE, "");
    s = probe(*state, "/return", other);
    expect_reason(&s, REASON_NONE, "");
    assert_int_equal(s.hops, 3);
}

static void test_echoed_secrets_are_hidden(void **state)
{
    struct seen s = probe(*state, "/echo",
                          "auth: {bearer: sesame-sesame}, expect: {json:"
                          " {$.headers.authorization: nothing}}");
    expect_reason(&s, REASON_JSON, "Bearer *************");
    assert_null(strstr(s.message, "sesame"));
    assert_null(strstr(s.last_seen, "sesame"));
    assert_null(strstr(s.body, "sesame"));
    assert_non_null(strstr(s.body, "Bearer ***"));
    s = probe(*state, "/echo",
              "auth: {basic: {user: me, password: sesame}}, expect: {json:"
              " {$.headers.authorization: nothing}}");
    expect_reason(&s, REASON_JSON, "Basic ************");
    assert_null(strstr(s.body, "bWU6"));
}

static void test_one_deadline_for_all_hops(void **state)
{
    struct bench *b = *state;
    struct fixture f;
    struct seen s = {0};
    mem_auto char *yaml =
        mem_printf("{url: 'http://127.0.0.1:%d/chain/9?delay=0.2', follow: 10}", b->a);
    fixture_init(&f, yaml);
    f.def.timeout_us = 500 * USEC_PER_MSEC;
    probe_http.start(&b->env, &f.def, NULL, on_done, &s);
    while (!s.calls)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_true(s.result.reason == REASON_TTFB_TIMEOUT || s.result.reason == REASON_TOTAL_TIMEOUT);
    assert_true(s.hops < 10);
    assert_true(s.result.total_us >= 500 * USEC_PER_MSEC);
    fixture_release(&f);
}

static void test_large_bodies_are_judged_all_the_same(void **state)
{
    struct seen s = probe(*state, "/json/200000",
                          "expect: {json: {$.status: ok, $.pad: {length:"
                          " 200000}}, body: {contains: '\"status\"', not_matches: '[yz]{3}'}}");
    expect_reason(&s, REASON_NONE, "");
    assert_int_equal(s.assertions, 5);
    s = probe(*state, "/json/200000", "expect: {json: {$.status: down}}");
    expect_reason(&s, REASON_JSON, "got \"ok\"");
    s = probe(*state, "/json/2000000", "max_body: 4MiB, expect: {json: {$.status: ok}}");
    expect_reason(&s, REASON_JSON, "at most 1 MiB");
    s = probe(*state, "/json/2000000", "");
    expect_reason(&s, REASON_BODY, "");
}

static void test_nobody_listens(void **state)
{
    struct bench *b = *state;
    int port = b->a;
    b->a = 1;
    struct seen s = probe(b, "/", "");
    b->a = port;
    assert_int_equal(s.result.outcome, OUTCOME_BAD);
    expect_reason(&s, REASON_CONNECT, "127.0.0.1:1");
    assert_int_equal(s.assertions, 0);
}

/* Cancelled at each point of its life: after k turns of the loop. */
static void test_cancel_at_any_time(void **state)
{
    struct bench *b = *state;
    mem_auto char *yaml = mem_printf("{url: 'http://127.0.0.1:%d/to/302?url=/json/300000',"
                                     " follow: 3, expect: {json: {$.status: ok}}}",
                                     b->a);
    bool ended = false;
    for (int turns = 0; !ended && turns < 200; turns++) {
        struct fixture f;
        struct seen s = {0};
        fixture_init(&f, yaml);
        void *run = probe_http.start(&b->env, &f.def, NULL, on_done, &s);
        for (int i = 0; i < turns && !s.calls; i++)
            uv_run(&b->loop, UV_RUN_ONCE);
        ended = s.calls == 1;
        if (!ended)
            probe_http.cancel(run);
        fixture_release(&f);
    }
    assert_true(ended);
}

static void test_specs_refused(void **state)
{
    (void)state;
    fixture_refused("{url: 'localhost:8000'}", "begins with http://");
    fixture_refused("{url: 'http://me:pw@h/'}", "auth");
    fixture_refused("{url: 'http://h/', method: get}", "capital");
    fixture_refused("{url: 'http://h/', method: CONNECT}", "CONNECT");
    fixture_refused("{url: 'http://h/', method: HEAD, body: x}", "no body");
    fixture_refused("{url: 'http://h/', headers: {'X Y': '1'}}", "not a header name");
    fixture_refused("{url: 'http://h/', headers: {Content-Length: '1'}}", "prober itself");
    fixture_refused("{url: 'http://h/', headers: {A: \"a\\nb\"}}", "control");
    fixture_refused("{url: 'http://h/', follow: 11}", "10");
    fixture_refused("{url: 'http://h/', max_body: 17MiB}", "16MiB");
    fixture_refused("{url: 'http://h/', ip: 5}", "any");
    fixture_refused("{url: 'http://h/', connect_timeout: 6s}", "longer");
    fixture_refused("{url: 'http://h/', expect: {faster_than: 6s}}", "longer");
    fixture_refused("{url: 'http://h/', expect: {certificate_days: 3}}", "https");
    fixture_refused("{url: 'https://h/', reuse: true, expect: {certificate_days: 3}}", "fresh");
    fixture_refused("{url: 'https://h/', tls: {ca_file: /no/such}}", "cannot read");
    fixture_refused("{url: 'http://h/', auth: {basic: {user: 'a:b', password: x}}}", "colon");
    fixture_refused("{url: 'http://h/', auth: {bearer: x, basic: {user: a, password: b}}}", "both");
    fixture_refused("{url: 'http://h/', auth: {bearer: x}, headers: {authorization: y}}",
                    "exclude");
    fixture_refused("{method: GET}", "url");
}

static void test_a_bad_url_hides_no_other_error(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, "{url: 'ftp://h/', method: get, expect: {body: {matches: '('},"
                     " certificate_days: 3}}");
    assert_int_equal(f.diag.errors, 3);
    assert_non_null(strstr(f.diag.items[0].text, "begins with http://"));
    assert_non_null(strstr(f.diag.items[1].text, "capital letters"));
    fixture_release(&f);
}

static void test_secrets_of_another_url(void **state)
{
    struct bench *b = *state;
    mem_auto char *path =
        mem_printf("/to/302?url=http://127.0.0.1:%d/json/10%%3Ftoken%%3Dabcd1234", b->a);
    struct seen s = probe(b, path, "follow: 1");
    expect_reason(&s, REASON_NONE, "");
    assert_non_null(strstr(s.last_url, "/json/10?token=********"));
}

int main(void)
{
    http_global_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_secrets_of_another_url),
        cmocka_unit_test(test_bad_keeps_evidence),
        cmocka_unit_test(test_request_as_declared),
        cmocka_unit_test(test_redirects_are_judged_unless_followed),
        cmocka_unit_test(test_redirects_that_lead_nowhere),
        cmocka_unit_test(test_redirect_loop),
        cmocka_unit_test(test_methods_over_redirects),
        cmocka_unit_test(test_credentials_stay_at_their_origin),
        cmocka_unit_test(test_echoed_secrets_are_hidden),
        cmocka_unit_test(test_one_deadline_for_all_hops),
        cmocka_unit_test(test_large_bodies_are_judged_all_the_same),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_cancel_at_any_time),
        cmocka_unit_test(test_specs_refused),
        cmocka_unit_test(test_a_bad_url_hides_no_other_error),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    http_global_cleanup();
    return failed;
}
