/* The keys of an agent: what each protocol takes, and what is refused with which words. */
#include "fixture.h"

#include "base/units.h"
#include "probe/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CHAT "protocol: openai, url: 'http://h/', "

static void refused(const char *yaml, const char *text)
{
    fixture_refused_kind(&probe_agent, yaml, text);
}

static struct agent_spec *fine(struct fixture *f, const char *yaml)
{
    fixture_init_kind(f, &probe_agent, yaml);
    if (f->diag.errors)
        fail_msg("%s: %s", yaml, f->diag.items[0].text);
    return f->def.spec;
}

static void test_defaults(void **state)
{
    struct fixture f;
    (void)state;
    struct agent_spec *s = fine(&f, "{" CHAT "model: m, prompt: p}");
    assert_true(s->stream && probe_agent.streams(s));
    assert_int_equal(s->retry_after_max_us, 10 * USEC_PER_MIN);
    assert_int_equal(s->http.max_body, 8 << 20);
    assert_int_equal(s->worst_out, AGENT_TOKENS_UNSAID);
    assert_true(s->worst_in > 0);
    assert_int_equal(s->first_event_us, 0);
    fixture_release(&f);
    s = fine(&f, "{" CHAT "model: m, prompt: p, stream: false, retry_after_max: 0s, "
                 "max_tokens: 7}");
    assert_false(probe_agent.streams(s));
    assert_int_equal(s->retry_after_max_us, 0);
    assert_int_equal(s->worst_out, 7);
    fixture_release(&f);
    s = fine(&f, "{protocol: json, url: 'http://h/', body: {a: 1}}");
    assert_false(s->stream);
    fixture_release(&f);
}

/* YAML is sent as the JSON that it looks like. */
static void test_json(void **state)
{
    struct fixture f;
    (void)state;
    struct agent_spec *s = fine(
        &f, "{protocol: json, url: 'http://h/', body: {n: 1.50, e: 1e3, z: 007, d: .5, b: true, "
            "q: 'true', x: null, t: \"a\\\"b\", l: [1, two, {}], s: -0}}");
    assert_string_equal(s->body, "{\"n\":1.50,\"e\":1e3,\"z\":\"007\",\"d\":\".5\",\"b\":true,"
                                 "\"q\":\"true\",\"x\":null,\"t\":\"a\\\"b\","
                                 "\"l\":[1,\"two\",{}],\"s\":-0}");
    fixture_release(&f);
}

/* A body says itself whose price it has, and how long its answer may be. */
static void test_body_tells(void **state)
{
    struct fixture f;
    (void)state;
    struct agent_spec *s =
        fine(&f, "{" CHAT "body: '{\"model\": \"gpt-x\", \"max_completion_tokens\": 77}'}");
    assert_string_equal(s->model, "gpt-x");
    assert_int_equal(s->worst_out, 77);
    fixture_release(&f);
    refused("{" CHAT "body: '{\"model\"'}", "not JSON");
    refused("{" CHAT "body: {stream: false}}", "stream");
    refused("{" CHAT "body: [1]}", "body: expected the request's JSON, as text or as a mapping");
}

static void test_protocols(void **state)
{
    (void)state;
    refused("{url: 'http://h/', model: m, prompt: p}", "protocol");
    refused("{protocol: opnai, url: 'http://h/'}", "did you mean 'openai'?");
    refused("{protocol: [a], url: 'http://h/'}", "protocol: expected");
    refused("{" CHAT "prompt: p}", "protocol openai needs `model`, or the whole request as `body`");
    refused("{" CHAT "model: m}", "protocol openai needs `prompt`, or the whole request");
    refused("{protocol: a2a, url: 'http://h/'}", "protocol a2a needs `prompt`");
    refused("{protocol: mcp, url: 'http://h/'}", "protocol mcp needs `tool`");
    refused("{protocol: mcp, url: 'http://h/', tool: t, prompt: p}",
            "prompt: protocol mcp does not use it; openai, anthropic and a2a do");
    refused("{" CHAT "model: m, prompt: p, tool: t}",
            "tool: protocol openai does not use it; mcp does");
    refused("{" CHAT "model: m, prompt: p, read: {text: $.a}}",
            "read: protocol openai does not use it; json and sse do");
    refused("{protocol: sse, url: 'http://h/', stream: false}",
            "stream: protocol sse does not use it; openai, anthropic and a2a do");
    refused("{" CHAT "body: {model: m}, system: s}", "system: `body` is the whole request");
}

static void test_values(void **state)
{
    (void)state;
    refused("{" CHAT "model: m, prompt: p, method: GET}", "unknown key 'method'");
    refused("{" CHAT "model: m, prompt: p, follow: 2}", "unknown key 'follow'");
    refused("{" CHAT "model: m, prompt: p, max_tokens: 0}", "max_tokens: must be from 1 to");
    refused("{" CHAT "model: m, prompt: p, tools: {a: 1}}", "tools: expected a list of tools");
    refused("{protocol: mcp, url: 'http://h/', tool: t, arguments: [1]}",
            "arguments: expected a mapping");
    refused("{" CHAT "model: m, prompt: p, retry_after_max: 0}", "retry_after_max");
    refused("{" CHAT "model: m, prompt: p, retry_after_max: 2d}", "retry_after_max: must be");
    refused("{" CHAT "model: m, prompt: p, spend: {hour: {token: 5}}}", "did you mean 'tokens'?");
    refused("{protocol: openai, url: 'ftp://h/', model: m, prompt: p}", "http");
    refused("{" CHAT "model: m, prompt: p, expect: {status: [200, 401]}}", "401 is no answer");
    refused("{" CHAT "model: m, prompt: p, expect: {certificate_days: 9}}", "https://");
}

static void test_deadlines(void **state)
{
    (void)state;
    refused("{" CHAT "model: m, prompt: p, first_event_timeout: 6s}",
            "first_event_timeout is longer than the timeout");
    refused("{" CHAT "model: m, prompt: p, idle_timeout: 6s}",
            "idle_timeout is longer than the timeout");
    refused("{" CHAT "model: m, prompt: p, connect_timeout: 6s}",
            "connect_timeout is longer than the timeout");
    refused("{" CHAT "model: m, prompt: p, stream: false, idle_timeout: 1s}",
            "idle_timeout is of streams");
    refused("{protocol: json, url: 'http://h/', first_event_timeout: 1s}",
            "first_event_timeout is of streams");
}

/* A path's fault has its own place within the text. */
static void path_refused(const char *yaml, const char *text, int column)
{
    struct fixture f;
    fixture_init_kind(&f, &probe_agent, yaml);
    assert_int_equal(f.diag.errors, 1);
    if (!strstr(f.diag.items[0].text, text) || f.diag.items[0].pos.column != column)
        fail_msg("%d: %s", f.diag.items[0].pos.column, f.diag.items[0].text);
    fixture_release(&f);
}

static void test_read(void **state)
{
    struct fixture f;
    (void)state;
    struct agent_spec *s =
        fine(&f, "{protocol: sse, url: 'http://h/', read: {text: $.a.b, event: delta, "
                 "end: {data: '[DONE]'}, error: {path: $.error}}}");
    assert_non_null(s->paths.text);
    assert_string_equal(s->paths.end.data, "[DONE]");
    assert_non_null(s->paths.error.path);
    fixture_release(&f);
    path_refused("{protocol: json, url: 'http://h/', read: {text: $.a..b}}", "text: ", 53);
    path_refused("{protocol: json, url: 'http://h/', read: {text: '$.a..b'}}", "text: ", 54);
    refused("{protocol: json, url: 'http://h/', read: {text: [1]}}",
            "text: expected a path like $.output.text; found a list");
    refused("{protocol: json, url: 'http://h/', read: {txt: $.a}}", "did you mean 'text'?");
    refused("{protocol: sse, url: 'http://h/', read: {end: {event: a, data: b}}}",
            "end: expected one of event, data and path");
    refused("{protocol: sse, url: 'http://h/', read: {end: {}}}",
            "end: expected one of event, data and path");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_body_tells), cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_values),     cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
