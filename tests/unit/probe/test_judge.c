/* Verdicts on responses made by hand. */
#include "fixture.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"
#include "probe/judge.h"
#include "probe/redact.h"
#include "probe/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define WALL_US (1000 * USEC_PER_DAY)

struct judged {
    struct fixture fixture;
    struct verdict verdict;
};

static struct http_response response(int status, const char *headers, const char *body)
{
    return (struct http_response){.status = status,
                                  .message = "",
                                  .headers = headers,
                                  .headers_len = strlen(headers),
                                  .body = body,
                                  .body_len = strlen(body),
                                  .total_us = 12345};
}

static struct judged *judge_it(const char *expect, const struct http_response *r)
{
    struct judged *j = mem_alloc(sizeof(*j));
    struct jsonpath *json = NULL;
    fixture_expect(&j->fixture, expect);
    assert_int_equal(jsonpath_new(&json, NULL), 0);
    struct judge_input in = {.resp = r, .total_us = r->total_us, .wall_us = WALL_US, .json = json};
    judge(&j->fixture.spec.http.expect, &in, &j->verdict);
    jsonpath_free(json);
    return j;
}

static void judged_free(struct judged *j)
{
    fixture_release(&j->fixture);
    free(j);
}

/* One expectation on one response: the reason, and what was seen last. */
static void expect_verdict(const char *expect, const struct http_response *r, enum reason reason,
                           const char *seen)
{
    struct judged *j = judge_it(expect, r);
    const struct verdict *v = &j->verdict;
    if (v->reason != reason)
        fail_msg("%s: %s, not %s (%s)", expect, reason_name(v->reason), reason_name(reason),
                 v->message);
    assert_int_equal(v->outcome, reason == REASON_NONE ? OUTCOME_GOOD : OUTCOME_BAD);
    assert_int_equal(v->message[0] == '\0', reason == REASON_NONE);
    const char *got = v->seen[v->seen_count - 1].seen;
    if (seen && strcmp(got, seen) != 0)
        fail_msg("%s: saw %s, not %s", expect, got, seen);
    judged_free(j);
}

static void json_verdict(const char *condition, const char *body, bool good, const char *seen)
{
    mem_auto char *expect = mem_printf("{json: {%s}}", condition);
    struct http_response r = response(200, "", body);
    expect_verdict(expect, &r, good ? REASON_NONE : REASON_JSON, seen);
}

static void test_status(void **state)
{
    (void)state;
    struct http_response ok = response(200, "", ""), bad = response(503, "", "");
    expect_verdict("{}", &ok, REASON_NONE, "200");
    expect_verdict("{}", &bad, REASON_STATUS, "503");
    expect_verdict("{status: 503}", &bad, REASON_NONE, "503");
    struct judged *j = judge_it("{}", &bad);
    assert_string_equal(j->verdict.message, "expected status 2xx; got 503");
    judged_free(j);
}

static void test_limits_have_reasons_of_their_own(void **state)
{
    (void)state;
    struct http_response limited = response(429, "", "");
    struct http_response overloaded = response(503, "Retry-After: 3\r\n", "");
    expect_verdict("{}", &limited, REASON_RATE_LIMITED, NULL);
    expect_verdict("{}", &overloaded, REASON_OVERLOADED, NULL);
    expect_verdict("{status: [429, 503]}", &limited, REASON_NONE, NULL);
    expect_verdict("{status: [429, 503]}", &overloaded, REASON_NONE, NULL);
    expect_verdict("{status: 429, body: {contains: x}}", &limited, REASON_BODY, NULL);
}

static void test_headers(void **state)
{
    (void)state;
    struct http_response r = response(200, "Server:  nginx/1.22 \r\nX-Empty:\r\n", "");
    expect_verdict("{headers: {server: nginx/1.22}}", &r, REASON_NONE, "\"nginx/1.22\"");
    expect_verdict("{headers: {Server: nginx}}", &r, REASON_HEADER, "\"nginx/1.22\"");
    expect_verdict("{headers: {Server: {matches: '^nginx/'}}}", &r, REASON_NONE, NULL);
    expect_verdict("{headers: {Server: {contains: apache}}}", &r, REASON_HEADER, NULL);
    expect_verdict("{headers: {X-Empty: {present: true}}}", &r, REASON_NONE, "\"\"");
    expect_verdict("{headers: {X-None: {present: true}}}", &r, REASON_HEADER, "absent");
    expect_verdict("{headers: {X-None: {present: false}}}", &r, REASON_NONE, "absent");
    expect_verdict("{headers: {Server: {present: false}}}", &r, REASON_HEADER, NULL);
    expect_verdict("{headers: {X-None: {not: x}}}", &r, REASON_HEADER, "absent");
}

static void test_body(void **state)
{
    (void)state;
    struct http_response r = response(200, "", "all systems ready");
    expect_verdict("{body: {contains: ready}}", &r, REASON_NONE, NULL);
    expect_verdict("{body: {contains: Ready}}", &r, REASON_BODY, "17 bytes, \"all systems ready\"");
    expect_verdict("{body: {not_contains: error}}", &r, REASON_NONE, NULL);
    expect_verdict("{body: {not_contains: all}}", &r, REASON_BODY, NULL);
    expect_verdict("{body: {matches: 'ready$'}}", &r, REASON_NONE, NULL);
    expect_verdict("{body: {not_matches: 'ready$'}}", &r, REASON_BODY, NULL);
    struct http_response none = response(204, "", "");
    expect_verdict("{body: {contains: ready}}", &none, REASON_BODY, "0 bytes, empty");
}

static void test_a_pattern_that_runs_away_is_not_a_match(void **state)
{
    (void)state;
    char body[4096];
    memset(body, 'a', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    struct http_response r = response(200, "", body);
    expect_verdict("{body: {matches: '(a+)+[bc]'}}", &r, REASON_BODY,
                   "the pattern needs too much work on this text");
    expect_verdict("{body: {not_matches: '(a+)+[bc]'}}", &r, REASON_BODY, NULL);
}

static void test_json(void **state)
{
    (void)state;
    const char *doc = "{\"status\":\"healthy\",\"n\":5,\"big\":9007199254740993,\"r\":2.5,"
                      "\"ok\":true,\"nil\":null,\"tags\":[\"a\",2],\"s\":\"5\","
                      "\"u\":\"\u00e9\u00e9\"}";
    json_verdict("$.status: healthy", doc, true, "\"healthy\"");
    json_verdict("$.status: ready", doc, false, "\"healthy\"");
    json_verdict("$.status.x: ready", doc, false, "absent");
    json_verdict("$.n: 5", doc, true, "5");
    json_verdict("$.n: 5.0", doc, true, "5");
    json_verdict("$.n: '5'", doc, false, "5"); /* text is not a number */
    json_verdict("$.s: 5", doc, false, "\"5\"");
    json_verdict("$.s: '5'", doc, true, NULL);
    json_verdict("$.big: 9007199254740992", doc, false, NULL);
    json_verdict("$.big: {gt: 9007199254740992}", doc, true, NULL);
    json_verdict("$.n: '< 5'", doc, false, NULL);
    json_verdict("$.n: '<= 5'", doc, true, NULL);
    json_verdict("$.n: {gte: 5, lt: 5.5}", doc, true, NULL);
    json_verdict("$.s: '> 1'", doc, false, NULL); /* "5" has no order */
    json_verdict("$.ok: true", doc, true, "true");
    json_verdict("$.ok: 1", doc, false, "true");
    json_verdict("$.nil: null", doc, true, "null");
    json_verdict("$.gone: null", doc, false, "absent");
    json_verdict("$.gone: {present: false}", doc, true, "absent");
    json_verdict("$.nil: {present: true}", doc, true, NULL);
    json_verdict("$.gone: {not: x}", doc, false, "absent");
    json_verdict("$.status: '!= down'", doc, true, NULL);
    json_verdict("$.status: {matches: '^heal', contains: alth}", doc, true, NULL);
    json_verdict("$.n: {matches: '5'}", doc, false, "5");
    json_verdict("$.n: {not_matches: '6'}", doc, false, "5");
    json_verdict("$.tags: {contains: [a, 2], length: 2}", doc, true, "an array of 2");
    json_verdict("$.tags: {contains: '2'}", doc, false, "an array of 2");
    json_verdict("$.tags: {not_contains: b}", doc, true, NULL);
    json_verdict("$.u: {length: 2}", doc, true, "2 characters");
    json_verdict("$.n: {length: 1}", doc, false, "5");
    json_verdict("$.n: {type: number}", doc, true, "integer");
    json_verdict("$.r: {type: integer}", doc, false, "number");
    json_verdict("$: {type: object}", doc, true, "object");
}

static void test_bodies_that_are_not_json(void **state)
{
    (void)state;
    json_verdict("$.a: 1", "<html>", false, "not valid JSON");
    json_verdict("$.a: {present: false}", "", false, "an empty body is not JSON");
    char deep[20001];
    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    deep[20000] = '\0';
    json_verdict("$.a: 1", deep, false, "JSON nested deeper than 1000");
}

/* A readiness handler that answers 200 with [{"ready": false}, 503]. */
static void test_a_list_for_a_status(void **state)
{
    (void)state;
    json_verdict("'$[0].ready': true", "[{\"ready\":false},503]", false, "false");
    json_verdict("'$[1]': 503", "[{\"ready\":false},503]", true, "503");
}

static void test_latency_and_certificate(void **state)
{
    (void)state;
    struct http_response r = response(200, "", "");
    r.cert_not_after_us = WALL_US + 14 * USEC_PER_DAY;
    expect_verdict("{faster_than: 12345us}", &r, REASON_NONE, NULL);
    expect_verdict("{faster_than: 12344us}", &r, REASON_LATENCY, "12.3ms");
    expect_verdict("{certificate_days: 14}", &r, REASON_NONE, "14 days");
    expect_verdict("{certificate_days: 15}", &r, REASON_CERT, "14 days");
    r.cert_not_after_us = WALL_US - 3 * USEC_PER_DAY;
    expect_verdict("{certificate_days: 1}", &r, REASON_CERT, "expired 3 days ago");
    r.cert_not_after_us = 0;
    expect_verdict("{certificate_days: 1}", &r, REASON_CERT, "no certificate");
}

static void test_first_failure_names_the_reason_all_are_listed(void **state)
{
    (void)state;
    struct http_response r = response(500, "", "oops");
    struct judged *j = judge_it("{json: {$.a: 1}, body: {contains: ready}, faster_than: 1us}", &r);
    assert_int_equal(j->verdict.reason, REASON_STATUS);
    assert_int_equal(j->verdict.seen_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_false(j->verdict.seen[i].ok);
    judged_free(j);
}

static void test_failures_below_http(void **state)
{
    (void)state;
    struct http_response r = {.reason = REASON_DNS, .message = "h.invalid: no such name"};
    struct judged *j = judge_it("{json: {$.a: 1}}", &r);
    assert_int_equal(j->verdict.outcome, OUTCOME_BAD);
    assert_int_equal(j->verdict.reason, REASON_DNS);
    assert_string_equal(j->verdict.message, "h.invalid: no such name");
    assert_int_equal(j->verdict.seen_count, 0);
    judged_free(j);
    r = (struct http_response){.reason = REASON_PROTOCOL, .message = "a\nb\x1b[1m"};
    j = judge_it("{}", &r);
    assert_string_equal(j->verdict.message, "a?b?[1m");
    judged_free(j);
    r = (struct http_response){
        .reason = REASON_CONNECT, .message = "no ports", .local_fault = true};
    j = judge_it("{}", &r);
    assert_int_equal(j->verdict.outcome, OUTCOME_SKIPPED);
    assert_int_equal(j->verdict.reason, REASON_PROBER);
    judged_free(j);
}

static void test_show(void **state)
{
    (void)state;
    char buf[24];
    judge_show(buf, sizeof(buf), "a\x1b[31m\n\xff\xc3\xa9", 10);
    assert_string_equal(buf, "\"a.[31m.?\xc3\xa9\"");
    judge_show(buf, sizeof(buf), "\xc2\x9b", 2);
    assert_string_equal(buf, "\".\"");
    judge_show(buf, sizeof(buf), "\u202ea\u2028", 7);
    assert_string_equal(buf, "\".a.\"");
    judge_show(buf, sizeof(buf), "0123456789012345678901234567890", 31);
    assert_string_equal(buf, "\"012345678901234567\"...");
    assert_true(strlen(buf) < sizeof(buf));
    judge_show(buf, sizeof(buf), "", 0);
    assert_string_equal(buf, "\"\"");
}

static void test_one_line(void **state)
{
    struct verdict v = {0};
    (void)state;
    verdict_fail(&v, REASON_ANSWER, "%s", "a\x1b[2J\r\n\xc2\x9b[\u202e\u00fc\xff");
    assert_string_equal(v.message, "a?[2J???[?\u00fc\xff");
}

static void test_redact(void **state)
{
    (void)state;
    char text[] = "token=s3cret&again=s3cret, s3cre";
    redact(text, strlen(text), "s3cret");
    assert_string_equal(text, "token=******&again=******, *****");
    char cut[] = "\"key s3cr\"...";
    redact(cut, strlen(cut), "s3cret");
    assert_string_equal(cut, "\"key ****\"...");
    char plain[] = "abc abc";
    redact(plain, strlen(plain), "abc");
    redact(plain, strlen(plain), NULL);
    assert_string_equal(plain, "abc abc");
}

static void test_redirect_rules(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *method, *want;
    } cases[] = {
        {301, "POST", "GET"},  {302, "POST", "GET"},  {302, "PUT", "PUT"},   {303, "PUT", "GET"},
        {303, "HEAD", "HEAD"}, {307, "POST", "POST"}, {308, "POST", "POST"}, {301, "GET", "GET"},
    };
    struct arena a = {0};
    for (size_t i = 0; i < countof(cases); i++) {
        struct target now = {"http://h/a", cases[i].method, true, true}, next;
        assert_int_equal(redirect_next(&a, &now, cases[i].status, "/b", &next, NULL), 0);
        assert_string_equal(next.url, "http://h/b");
        assert_string_equal(next.method, cases[i].want);
        assert_int_equal(next.body, strcmp(cases[i].want, cases[i].method) == 0);
        assert_true(next.credentials);
    }
    struct target now = {"https://h/a", "GET", false, true}, next;
    struct err err = {{0}};
    assert_int_equal(redirect_next(&a, &now, 302, "http://h/", &next, &err), -1);
    assert_non_null(strstr(err.msg, "https to http://h/"));
    assert_int_equal(redirect_next(&a, &now, 302, "gopher://h/", &next, &err), -1);
    assert_int_equal(redirect_next(&a, &now, 302, "https://other/", &next, &err), 0);
    assert_false(next.credentials);
    now = next;
    assert_int_equal(redirect_next(&a, &now, 302, "https://h/", &next, &err), 0);
    assert_false(next.credentials);
    now = next; /* back home and on: still not picked up again */
    assert_int_equal(redirect_next(&a, &now, 302, "/deeper", &next, &err), 0);
    assert_false(next.credentials);
    arena_release(&a);
}

static void test_redact_query(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"http://h/?token=abc&x=1", "http://h/?token=***&x=1"},
        {"see /a?x=1&API_KEY=s%20t#f, \"?sig=q\"", "see /a?x=1&API_KEY=*****#f, \"?sig=*\""},
        {"?tokens=1&mykey=2&key=", "?tokens=*&mykey=2&key="},
        {"?a=b&c=d key=e token=f", "?a=b&c=d key=e token=f"},
        {"?X-Amz-Signature=\xff\xfe", "?X-Amz-Signature=**"},
        {"?key", "?key"},
        {"&?&=?", "&?&=?"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        char text[128];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        redact_query(text, strlen(text));
        assert_string_equal(text, cases[i].want);
    }

    struct arena a = {0};
    const char *values[REDACT_QUERY_MAX];
    size_t n = redact_query_values(&a, "http://h/?token=a%20b%zz+c&x=y&secret=plain", values);
    assert_int_equal(n, 3);
    assert_string_equal(values[0], "a%20b%zz+c");
    assert_string_equal(values[1], "a b%zz c");
    assert_string_equal(values[2], "plain");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_limits_have_reasons_of_their_own),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_a_pattern_that_runs_away_is_not_a_match),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_bodies_that_are_not_json),
        cmocka_unit_test(test_a_list_for_a_status),
        cmocka_unit_test(test_latency_and_certificate),
        cmocka_unit_test(test_first_failure_names_the_reason_all_are_listed),
        cmocka_unit_test(test_failures_below_http),
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_redact),
        cmocka_unit_test(test_redact_query),
        cmocka_unit_test(test_redirect_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
