/* From YAML to checks: what is accepted, what it comes to, what is refused. */
#include "fixture.h"

#include "base/mem.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_status_sets(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *text;
        int in[3], out[3];
    } cases[] = {
        {"{status: 200}", "200", {200, 200, 200}, {201, 199, 404}},
        {"{status: 2xx}", "2xx", {200, 204, 299}, {300, 199, 500}},
        {"{status: [200, 204, 300-399]}", "200, 204, 300-399", {204, 300, 399}, {201, 400, 299}},
        {"{status: '200, 5xx'}", "200, 5xx", {200, 500, 599}, {404, 201, 99}},
        {"{}", "2xx", {200, 250, 299}, {0, 600, -1}},
        {"{status: 100-599}", "100-599", {100, 333, 599}, {99, 600, 1000}},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        fixture_expect(&f, cases[i].yaml);
        const struct status_set *s = &f.spec.http.expect.status;
        assert_string_equal(s->text, cases[i].text);
        for (int k = 0; k < 3; k++) {
            assert_true(status_set_has(s, cases[i].in[k]));
            assert_false(status_set_has(s, cases[i].out[k]));
        }
        fixture_release(&f);
    }
}

static void test_checks_in_order_of_judgement(void **state)
{
    (void)state;
    static const char *const want[] = {
        "status 200",
        "header Server = \"nginx\"",
        "header X-Id",
        "no header X-Debug",
        "body containing \"ready\"",
        "body containing \"steady\"",
        "body unlike /(?i)error/",
        "$.status = \"healthy\"",
        "$.depth < 100",
        "$.n >= -2.5",
        "$.models length >= 2",
        "$.models containing \"a\"",
        "$.ok = true",
        "$.text = \"1\"",
        "$.error = null",
        "$.version like /^1\\./",
        "$.t of type string",
        "no $.warning",
        "$.a != \"b\"",
        "total at most 500ms",
        "certificate valid for 14 more days",
    };
    struct fixture f;
    fixture_expect(&f, "{certificate_days: 14, faster_than: 500ms, json: {$.status: healthy,"
                       " $.depth: '< 100', $.n: {gte: -2.5}, $.models: {length: '>= 2',"
                       " contains: a}, $.ok: true, $.text: '1', $.error: null,"
                       " $.version: {matches: '^1\\.'}, $.t: {type: string},"
                       " $.warning: {present: false}, $.a: '!= b'},"
                       " body: {contains: [ready, steady], not_matches: (?i)error},"
                       " headers: {Server: nginx, X-Id: {present: true},"
                       " X-Debug: {present: false}}, status: 200}");
    const struct expect *e = &f.spec.http.expect;
    assert_int_equal(e->check_count, countof(want));
    for (size_t i = 0; i < countof(want); i++)
        assert_string_equal(e->checks[i].what, want[i]);
    assert_true(e->reads_body);
    assert_true(e->reads_json);
    fixture_release(&f);
}

static void test_literals(void **state)
{
    (void)state;
    assert_int_equal(expect_literal("12", true).type, JSON_TYPE_INT);
    assert_int_equal(expect_literal("12", false).type, JSON_TYPE_STRING);
    assert_int_equal(expect_literal("-1.5e3", true).type, JSON_TYPE_REAL);
    assert_int_equal(expect_literal("9223372036854775808", true).type, JSON_TYPE_REAL);
    static const char *const texts[] = {"08",  "1_000", "0x10", "1-2", "inf",
                                        "nan", "1e999", "-",    "yes"};
    for (size_t i = 0; i < countof(texts); i++)
        assert_int_equal(expect_literal(texts[i], true).type, JSON_TYPE_STRING);
    assert_int_equal(expect_literal("true", true).type, JSON_TYPE_BOOL);
    assert_int_equal(expect_literal("null", true).type, JSON_TYPE_NULL);
}

static void refused(const char *expect, const char *text)
{
    mem_auto char *yaml = mem_printf("{url: 'https://h/', expect: %s}", expect);
    fixture_refused(yaml, text);
}

static void test_refused(void **state)
{
    (void)state;
    refused("{status: 99}", "like 200");
    refused("{status: 6xx}", "like 200");
    refused("{status: 2xxx}", "like 200");
    refused("{status: 300-200}", "like 200");
    refused("{status: [200, oops]}", "oops");
    refused("{status: []}", "like 200");
    refused("{status: ''}", "like 200");
    refused("{status: {a: 1}}", "like 200");
    refused("{body: ready}", "contains");
    refused("{body: {contain: x}}", "did you mean 'contains'");
    refused("{body: {contains: ''}}", "not empty");
    refused("{body: {matches: '('}}", "bad pattern");
    refused("{body: {lt: 3}}", "unknown condition");
    refused("{body: {}}", "at least one");
    refused("{body: {contains: {a: b}}}", "a value or a list");
    refused("{headers: {Server: [a]}}", "expected a text");
    refused("{headers: {Server: {present: maybe}}}", "true or false");
    refused("{headers: {Server: {type: string}}}", "unknown condition");
    refused("{json: {status: ok}}", "begins with '$'");
    refused("{json: {$..a: ok}}", "is wrong at");
    refused("{json: {$.a: '< many'}}", "equals");
    refused("{json: {$.a: {lt: many}}}", "expects a number");
    refused("{json: {$.a: {length: '> x'}}}", "length like");
    refused("{json: {$.a: {type: text}}}", "string");
    refused("{json: {$.a: {matches: '[z-a]'}}}", "bad pattern");
    refused("{json: [$.a]}", "a map of JSON paths");
}

static void test_too_many(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 4096);
    str_add(&s, "{body: {contains: [a");
    for (int i = 0; i < 70; i++)
        str_add(&s, ", b");
    str_add(&s, "]}}");
    refused(s.buf, "at most 64");
    str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_sets), cmocka_unit_test(test_checks_in_order_of_judgement),
        cmocka_unit_test(test_literals),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
