/* A conversation with an MCP server, and what servers may answer. */
#include "wire/agent.h"

#include "../cmocka_all.h"
#include "base/mem.h"

#include <string.h>

static struct agent_ask ask = {
    .url = "http://h/mcp", .tool = "echo", .arguments = "{\"text\":\"a\"}", .stream = true};

struct fixture {
    struct agent_talk t;
    struct agent_request r;
    struct err err;
};

static int next(struct fixture *f)
{
    return agent_next(&f->t, &f->r, &f->err);
}

static unsigned says(struct fixture *f, const char *json)
{
    return agent_document(&f->t, json, strlen(json));
}

static unsigned event(struct fixture *f, const char *json)
{
    struct sse_event e = {.what = SSE_EVENT, .name = "message", .data = json};
    e.data_len = strlen(json);
    return agent_event(&f->t, &e);
}

static bool has_header(const struct agent_request *r, const char *line)
{
    for (size_t i = 0; r->headers[i]; i++) {
        if (strcmp(r->headers[i], line) == 0)
            return true;
    }
    return false;
}

#define INITIALIZED(version)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"" version                     \
    "\",\"capabilities\":{},\"serverInfo\":{\"name\":\"files\",\"version\":\"2.1\"}}}"

static void begin(struct fixture *f, const struct agent_ask *a)
{
    *f = (struct fixture){0};
    agent_talk_init(&f->t, agent_codec_find("mcp"), a);
    assert_int_equal(next(f), 1);
}

/* Up to the call of a tool that is there. */
static void call(struct fixture *f)
{
    begin(f, &ask);
    assert_int_equal(says(f, INITIALIZED("2025-06-18")), AGENT_END);
    str_copy(f->t.session, sizeof(f->t.session), "s-1");
    assert_int_equal(next(f), 1);
    assert_int_equal(next(f), 1);
    assert_int_equal(
        says(f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"echo\"}]}}"),
        AGENT_END);
    assert_int_equal(next(f), 1);
    assert_true(f->r.answer);
}

static void test_a_whole_conversation(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &ask);
    assert_string_equal(f.r.what, "initialize");
    assert_non_null(strstr(f.r.body, "\"method\":\"initialize\""));
    assert_non_null(strstr(f.r.body, "\"protocolVersion\":\"2025-11-25\""));
    assert_true(has_header(&f.r, "Accept: application/json, text/event-stream"));
    assert_true(f.r.either);
    assert_false(f.r.answer);
    assert_int_equal(says(&f, INITIALIZED("2025-06-18")), AGENT_END);
    assert_string_equal(f.t.answer.model, "files 2.1");
    str_copy(f.t.session, sizeof(f.t.session), "s-1");

    assert_int_equal(next(&f), 1);
    assert_string_equal(f.r.what, "notifications/initialized");
    assert_string_equal(f.r.body, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    assert_true(f.r.no_content);
    assert_true(has_header(&f.r, "MCP-Protocol-Version: 2025-06-18"));
    assert_true(has_header(&f.r, "Mcp-Session-Id: s-1"));

    assert_int_equal(next(&f), 1);
    assert_string_equal(f.r.body,
                        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\",\"params\":{}}");
    assert_int_equal(event(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":"
                               "\"a\"}],\"nextCursor\":\"p\\\"2\"}}"),
                     AGENT_END);
    assert_int_equal(next(&f), 1);
    assert_non_null(strstr(f.r.body, "\"params\":{\"cursor\":\"p\\\"2\"}"));
    assert_int_equal(
        says(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[{\"name\":\"echo\"}]}}"),
        AGENT_END);

    assert_int_equal(next(&f), 1);
    assert_string_equal(f.r.body, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\","
                                  "\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"a\"},"
                                  "\"_meta\":{\"progressToken\":4}}}");
    assert_int_equal(f.r.body_len, strlen(f.r.body));
    assert_true(f.r.answer);
    assert_int_equal(event(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
                               "\"params\":{\"progressToken\":4,\"progress\":1}}"),
                     0);
    assert_int_equal(event(&f, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}"), 0);
    assert_int_equal(event(&f, ""), AGENT_PING);
    assert_int_equal(event(&f, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"content\":[{\"type\":"
                               "\"text\",\"text\":\"x\"},{\"type\":\"image\",\"mimeType\":"
                               "\"image/png\",\"data\":\"AA==\"},{\"type\":\"resource\","
                               "\"resource\":{\"uri\":\"f:1\",\"text\":\"y\"}}]}}"),
                     AGENT_TEXT | AGENT_END);
    assert_string_equal(f.t.answer.text.buf, "x\n[image/png]\ny");
    assert_int_equal(next(&f), 0);

    assert_true(agent_part(&f.t, &f.r));
    assert_string_equal(f.r.method, "DELETE");
    assert_null(f.r.body);
    assert_true(has_header(&f.r, "Mcp-Session-Id: s-1"));
    agent_talk_release(&f.t);
}

static void test_what_a_call_may_give(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        unsigned bits;
        const char *text, *error;
    } cases[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":[],\"structuredContent\":{\"b\":0."
         "1,"
         "\"a\":[2]}}}",
         AGENT_TEXT | AGENT_END, "{\"a\":[2],\"b\":0.1}", ""},
        {"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"content\":[]}}", AGENT_END, "", ""},
        {"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"isError\":true,\"content\":[{\"type\":"
         "\"text\",\"text\":\"no disk\"}]}}",
         AGENT_TEXT | AGENT_END | AGENT_ERROR, "no disk", "the tool says that it failed: no disk"},
        {"{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32602,\"message\":\"Unknown tool\"}}",
         AGENT_ERROR, "", "tools/call: Unknown tool (-32602)"},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse\"}}",
         AGENT_ERROR, "", "tools/call: Parse (-32700)"},
        {"{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"content\":[]}}", AGENT_MALFORMED, "",
         "a response came that is not to request 3 (tools/call)"},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"3\",\"result\":{}}", AGENT_MALFORMED, "",
         "a response came that is not to request 3 (tools/call)"},
        {"{\"id\":3,\"result\":{}}", AGENT_MALFORMED, "",
         "what answers tools/call is no JSON-RPC 2.0"},
        {"{\"jsonrpc\":\"2.0\",\"id\":3}", AGENT_MALFORMED, "",
         "the response to tools/call has no result"},
        {"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}", AGENT_MALFORMED, "",
         "the result of tools/call has no content"},
        {"[{\"jsonrpc\":\"2.0\",\"method\":\"x\"},{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{"
         "\"content\":[{\"type\":\"text\",\"text\":\"z\"}]}}]",
         AGENT_TEXT | AGENT_END, "z", ""},
        {"[]", AGENT_MALFORMED, "", "there is no response to tools/call in the document"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"x\"}", AGENT_MALFORMED, "",
         "there is no response to tools/call in the document"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        call(&f);
        assert_int_equal(says(&f, cases[i].json), cases[i].bits);
        assert_string_equal(f.t.answer.text.buf, cases[i].text);
        assert_string_equal(f.t.answer.error, cases[i].error);
        agent_talk_release(&f.t);
    }
}

static void test_a_tool_that_is_not_there(void **state)
{
    (void)state;
    static const struct {
        const char *result, *message;
    } cases[] = {
        {"{\"tools\":[{\"name\":\"ecko\"}]}",
         "the server has no tool 'echo'; did you mean 'ecko'?"},
        {"{\"tools\":[{\"name\":\"far away\"}]}",
         "the server has no tool 'echo'; its first is far away"},
        {"{\"tools\":[]}", "the server has no tool 'echo'; it has none"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        char json[256];
        begin(&f, &ask);
        says(&f, INITIALIZED("2025-11-25"));
        next(&f);
        next(&f);
        snprintf(json, sizeof(json), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":%s}",
                 cases[i].result);
        assert_int_equal(says(&f, json), AGENT_END);
        assert_int_equal(next(&f), -1);
        assert_string_equal(f.err.msg, cases[i].message);
        assert_false(agent_part(&f.t, &f.r)); /* no session was given */
        agent_talk_release(&f.t);
    }
}

/* A list without end ends at the last page that there is a step for. */
static void test_pages_without_end(void **state)
{
    (void)state;
    struct fixture f;
    char json[256];
    int pages = 0, rc;
    begin(&f, &ask);
    says(&f, INITIALIZED("2025-11-25"));
    next(&f);
    while ((rc = next(&f)) == 1) {
        snprintf(json, sizeof(json),
                 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"tools\":[{\"name\":\"other\"}],"
                 "\"nextCursor\":\"more\"}}",
                 ++pages + 1);
        assert_int_equal(says(&f, json), AGENT_END);
    }
    assert_int_equal(rc, -1);
    assert_int_equal(pages, AGENT_STEPS_MAX - 3);
    assert_string_equal(f.err.msg, "tool 'echo' is not on the first 9 pages of the server's tools");
    agent_talk_release(&f.t);
}

static void test_servers_that_cannot_begin(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &ask);
    assert_int_equal(says(&f, INITIALIZED("2024-11-05")), AGENT_ERROR);
    assert_string_equal(f.t.answer.error, "the server wants MCP '2024-11-05'; known are "
                                          "2025-03-26, 2025-06-18 and 2025-11-25");
    assert_int_equal(next(&f), -1);
    assert_string_equal(f.err.msg, "the server did not answer initialize");
    agent_talk_release(&f.t);

    begin(&f, &ask);
    says(&f, INITIALIZED("2025-11-25"));
    str_copy(f.t.session, sizeof(f.t.session), "a\r\nX: y");
    assert_int_equal(next(&f), -1);
    assert_string_equal(f.err.msg, "the session that the server gave is not visible ASCII");
    assert_false(agent_part(&f.t, &f.r));
    agent_talk_release(&f.t);
}

static void test_what_is_asked_is_checked_first(void **state)
{
    (void)state;
    static const struct {
        const char *tool, *arguments, *message;
    } cases[] = {
        {NULL, NULL, "mcp needs the name of a `tool` to call"},
        {"t", "[1]", "`arguments` is JSON, but no object"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct agent_ask bad = {
            .url = "http://h", .tool = cases[i].tool, .arguments = cases[i].arguments};
        struct fixture f = {0};
        agent_talk_init(&f.t, agent_codec_find("mcp"), &bad);
        assert_int_equal(next(&f), -1);
        assert_string_equal(f.err.msg, cases[i].message);
        agent_talk_release(&f.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_conversation),
        cmocka_unit_test(test_what_a_call_may_give),
        cmocka_unit_test(test_a_tool_that_is_not_there),
        cmocka_unit_test(test_pages_without_end),
        cmocka_unit_test(test_servers_that_cannot_begin),
        cmocka_unit_test(test_what_is_asked_is_checked_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
