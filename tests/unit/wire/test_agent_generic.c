/* Agents with protocols of their own: documents and streams, read by paths. */
#include "wire/agent_path.h"

#include "base/mem.h"
#include "nines/answer.h"
#include "talk.h"

struct asked {
    struct arena arena;
    struct agent_paths paths;
    struct agent_ask ask;
};

static const struct agent_path *path(struct asked *a, const char *text)
{
    const struct agent_path *p = NULL;
    struct err err;
    size_t at;
    if (agent_path_parse(&a->arena, text, &p, &at, &err) < 0)
        fail_msg("%s", err.msg);
    return p;
}

static void begin(struct asked *a)
{
    *a = (struct asked){.ask = {.url = "http://h"}};
    a->ask.paths = &a->paths;
}

/* ---- requests ------------------------------------------------------------------ */

static void expect_request(const char *protocol, const char *body, const char *method,
                           const char *accept)
{
    struct agent_ask ask = {.url = "http://h/x", .body = body};
    struct agent_talk t;
    struct agent_request r;
    agent_talk_init(&t, agent_codec_find(protocol), &ask);
    assert_int_equal(agent_next(&t, &r, NULL), 1);
    assert_string_equal(r.method, method);
    assert_string_equal(r.headers[0], accept);
    if (body)
        assert_string_equal(r.headers[1], "Content-Type: application/json");
    assert_null(r.headers[body ? 2 : 1]);
    assert_int_equal(r.body_len, body ? strlen(body) : 0);
    assert_int_equal(r.stream, str_eq(protocol, "sse"));
    assert_int_equal(agent_next(&t, &r, NULL), 0);
    agent_talk_release(&t);
}

static void test_requests(void **state)
{
    (void)state;
    expect_request("json", "{\"q\":1}", "POST", "Accept: application/json");
    expect_request("json", NULL, "GET", "Accept: application/json");
    expect_request("sse", "plain", "POST", "Accept: text/event-stream");
    expect_request("sse", NULL, "GET", "Accept: text/event-stream");
}

/* ---- json ---------------------------------------------------------------------- */

static void test_document(void **state)
{
    (void)state;
    struct asked a;
    struct heard h;
    begin(&a);
    a.paths = (struct agent_paths){
        .text = path(&a, "$.out"),
        .reasoning = path(&a, "$.why"),
        .tool = path(&a, "$.tools"),
        .arguments = path(&a, "$.with"),
        .model = path(&a, "$.model"),
        .finish = path(&a, "$.end"),
        .tokens_in = path(&a, "$.n.in"),
        .tokens_out = path(&a, "$.n.out"),
        .tokens_cached = path(&a, "$.n.c"),
        .tokens_reasoning = path(&a, "$.n.r"),
        .cost = path(&a, "$.cost"),
    };
    hear_document(&h, "json", &a.ask,
                  "{\"out\":\"Hello\",\"why\":\"hm\",\"tools\":[\"f\",\"g\",7],\"with\":{\"a\":1},"
                  "\"model\":\"m\",\"end\":3,\"n\":{\"in\":9,\"out\":5,\"c\":1,\"r\":2},"
                  "\"cost\":0.000123}");
    const struct agent_answer *said = &h.talk.answer;
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_TOOL | AGENT_REASONING | AGENT_END);
    assert_string_equal(said->text.buf, "Hello");
    assert_string_equal(said->tools[1].name, "g");
    assert_string_equal(said->tools[1].arguments.buf, "{\"a\":1}");
    assert_int_equal(said->calls, 2);
    assert_string_equal(said->model, "m");
    assert_string_equal(said->finish, "3");
    assert_int_equal(said->tokens_in, 9);
    assert_int_equal(said->tokens_out, 5);
    assert_int_equal(said->tokens_cached, 1);
    assert_int_equal(said->tokens_reasoning, 2);
    assert_int_equal(said->cost, 123000000);
    heard_release(&h);
    hear_document(&h, "json", &a.ask, "{\"out\":null}");
    assert_int_equal(h.bits, AGENT_END);
    assert_int_equal(said->tokens_in, -1);
    assert_int_equal(said->cost, -1);
    heard_release(&h);
    arena_release(&a.arena);
}

static void expect_cost(const char *json, int64_t cost, bool absurd)
{
    struct asked a;
    struct heard h;
    begin(&a);
    a.paths.cost = path(&a, "$.cost");
    mem_auto char *doc = mem_printf("{\"cost\":%s}", json);
    hear_document(&h, "json", &a.ask, doc);
    assert_int_equal(h.talk.answer.cost, cost);
    assert_int_equal(h.talk.answer.absurd, absurd);
    heard_release(&h);
    arena_release(&a.arena);
}

static void test_costs(void **state)
{
    (void)state;
    expect_cost("0", 0, false);
    expect_cost("0.000000000001", 1, false);
    expect_cost("0.1", COST_ONE / 10, false);
    expect_cost("\"0.3\"", COST_ONE / 10 * 3, false);
    expect_cost("1.23e-4", 123000000, false);
    expect_cost("999999.123456", 999999123456000000LL, false);
    expect_cost("1000", 1000 * COST_ONE, false);
    expect_cost("12.345678901234", 12345678901234LL, false);
    expect_cost("1000000", 1000000 * COST_ONE, false);
    expect_cost("null", -1, false);
    expect_cost("-1", -1, true);
    expect_cost("1000001", -1, true);
    expect_cost("1e300", -1, true);
    expect_cost("\"free\"", -1, true);
    expect_cost("\"-0.1\"", -1, true);
    expect_cost("[]", -1, true);
}

static void test_whole_document(void **state)
{
    (void)state;
    struct agent_ask ask = {.url = "http://h"};
    struct heard h;
    hear_document(&h, "json", &ask, " {\"a\": 1.0}");
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_END);
    assert_string_equal(h.talk.answer.text.buf, " {\"a\": 1.0}");
    heard_release(&h);
    hear_document(&h, "json", &ask, "\"hi\"");
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_END);
    heard_release(&h);
    hear_document(&h, "json", &ask, "hi");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    heard_release(&h);
    hear_document(&h, "json", &ask, "");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    heard_release(&h);
    hear(&h, "json", &ask, "data: x\n\n");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    assert_string_equal(h.talk.answer.error, "a stream of events; expected a document");
    heard_release(&h);
}

static void test_document_errors(void **state)
{
    (void)state;
    static const char *const fine[] = {
        "{\"error\":null}", "{\"error\":false}", "{\"error\":\"\"}", "{\"error\":0}",
        "{\"error\":[]}",   "{\"error\":{}}",    "{\"error\":0.0}",
    };
    static const char *const bad[] = {
        "{\"error\":true}", "{\"error\":\"x\"}",     "{\"error\":1}",
        "{\"error\":[0]}",  "{\"error\":{\"a\":1}}", "{\"error\":0.5}",
    };
    struct agent_ask ask = {.url = "http://h"};
    struct heard h;
    for (size_t i = 0; i < countof(fine); i++) {
        hear_document(&h, "json", &ask, fine[i]);
        assert_int_equal(h.bits, AGENT_TEXT | AGENT_END);
        heard_release(&h);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        hear_document(&h, "json", &ask, bad[i]);
        assert_int_equal(h.bits, AGENT_ERROR);
        assert_true(h.talk.answer.error[0]);
        heard_release(&h);
    }
    struct asked a;
    begin(&a);
    a.paths.error.path = path(&a, "$.failed");
    hear_document(&h, "json", &a.ask, "{\"error\":\"x\",\"failed\":\"\"}");
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_END);
    heard_release(&h);
    hear_document(&h, "json", &a.ask, "{\"failed\":{\"message\":\"m\",\"code\":\"429\"}}");
    assert_int_equal(h.bits, AGENT_ERROR);
    assert_string_equal(h.talk.answer.error, "m");
    assert_string_equal(h.talk.answer.error_code, "429");
    heard_release(&h);
    arena_release(&a.arena);
}

/* ---- sse ------------------------------------------------------------------------ */

static void test_plain_text(void **state)
{
    (void)state;
    struct agent_ask ask = {.url = "http://h"};
    struct heard h;
    hear(&h, "sse", &ask, "data: Hel\n\ndata: lo\n\ndata:\n\ndata: {\"a\":1}\n\n");
    assert_string_equal(h.talk.answer.text.buf, "Hello{\"a\":1}");
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_END); /* it ends with its connection */
    heard_release(&h);
    struct asked a;
    begin(&a);
    a.paths.tokens_out = path(&a, "$.n");
    a.paths.end.data = "[DONE]";
    hear(&h, "sse", &a.ask, "data: Hel\n\ndata: 10\n\ndata: {\"n\":2}\n\n");
    assert_string_equal(h.talk.answer.text.buf, "Hel10");
    assert_int_equal(h.talk.answer.tokens_out, 2);
    assert_int_equal(h.bits, AGENT_TEXT);
    heard_release(&h);
    hear(&h, "sse", &a.ask, "data: a\n\ndata: [DONE]\n\n");
    assert_string_equal(h.talk.answer.text.buf, "a");
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_END);
    heard_release(&h);
    arena_release(&a.arena);
}

static void test_events_by_path(void **state)
{
    (void)state;
    struct asked a;
    struct heard h;
    begin(&a);
    a.paths.text = path(&a, "$.t");
    a.paths.tool = path(&a, "$.tool");
    a.paths.arguments = path(&a, "$.args");
    a.paths.tokens_out = path(&a, "$.n");
    a.paths.event = "delta";
    a.paths.end.event = "done";
    hear(&h, "sse", &a.ask,
         "event: start\ndata: nothing\n\nevent: delta\ndata: {\"t\":\"a\"}\n\n"
         "event: delta\ndata: {\"tool\":\"f\"}\n\nevent: delta\ndata: {\"args\":\"{\"}\n\n"
         "event: delta\ndata: {\"args\":\"}\"}\n\nevent: delta\ndata: {}\n\n"
         "event: done\ndata: {\"n\":7,\"t\":\"not this\"}\n\n");
    static const unsigned each[] = {0,          AGENT_TEXT, AGENT_TOOL, AGENT_TOOL,
                                    AGENT_TOOL, 0,          AGENT_END};
    assert_int_equal(h.n, countof(each));
    assert_memory_equal(h.each, each, sizeof(each));
    assert_string_equal(h.talk.answer.text.buf, "a");
    assert_string_equal(h.talk.answer.tools[0].arguments.buf, "{}");
    assert_int_equal(h.talk.answer.tokens_out, 7);
    heard_release(&h);
    hear(&h, "sse", &a.ask, "event: delta\ndata: oops\n\n");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    assert_string_equal(h.talk.answer.error, "an event is not JSON");
    heard_release(&h);
    a.paths.event = NULL;
    a.paths.end = (struct agent_match){.path = path(&a, "$.done")};
    hear(&h, "sse", &a.ask,
         "data: {\"t\":\"a\",\"done\":false}\n\ndata: {\"t\":\"b\",\"done\":true}\n\n");
    assert_string_equal(h.talk.answer.text.buf, "ab");
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_END);
    heard_release(&h);
    arena_release(&a.arena);
}

static void test_pings(void **state)
{
    (void)state;
    struct asked a;
    struct heard h;
    begin(&a);
    hear(&h, "sse", &a.ask, "event: ping\ndata: 1\n\nevent: heartbeat\ndata: {}\n\ndata: a\n\n");
    assert_string_equal(h.talk.answer.text.buf, "a");
    assert_int_equal(h.each[0], AGENT_PING);
    assert_int_equal(h.each[1], AGENT_PING);
    heard_release(&h);
    a.paths.event = "ping";
    hear(&h, "sse", &a.ask, "event: ping\ndata: 1\n\n");
    assert_string_equal(h.talk.answer.text.buf, "1");
    heard_release(&h);
    arena_release(&a.arena);
}

static void expect_event_error(struct agent_ask *ask, const char *stream, unsigned bits,
                               const char *error)
{
    struct heard h;
    hear(&h, "sse", ask, stream);
    assert_int_equal(h.bits & ~AGENT_END, bits);
    assert_string_equal(h.talk.answer.error, error);
    heard_release(&h);
}

static void test_error_events(void **state)
{
    (void)state;
    struct asked a;
    begin(&a);
    expect_event_error(&a.ask, "event: error\ndata: broken\n\n", AGENT_ERROR, "broken");
    expect_event_error(&a.ask, "event: error\ndata:\n\n", AGENT_ERROR, "an error event");
    expect_event_error(&a.ask, "event: error\ndata: {\"message\":\"m\"}\n\n", AGENT_ERROR, "m");
    expect_event_error(&a.ask, "data: {\"error\":{\"message\":\"m\"}}\n\n", AGENT_ERROR, "m");
    expect_event_error(&a.ask, "data: {\"error\":null}\n\n", AGENT_TEXT, "");
    a.paths.error = (struct agent_match){.event = "failed"};
    expect_event_error(&a.ask, "event: failed\ndata: broken\n\n", AGENT_ERROR, "broken");
    expect_event_error(&a.ask, "event: failed\ndata: {\"error\":\"e\"}\n\n", AGENT_ERROR, "e");
    expect_event_error(&a.ask, "event: error\ndata: {\"error\":\"e\"}\n\n", AGENT_TEXT, "");
    a.paths.error = (struct agent_match){.data = "ERR"};
    expect_event_error(&a.ask, "data: ERR\n\n", AGENT_ERROR, "ERR");
    expect_event_error(&a.ask, "data: ERROR\n\n", AGENT_TEXT, "");
    a.paths.error = (struct agent_match){.path = path(&a, "$.bad")};
    expect_event_error(&a.ask, "data: {\"bad\":\"so\"}\n\n", AGENT_ERROR, "so");
    arena_release(&a.arena);
}

static void test_documents_for_streams(void **state)
{
    (void)state;
    struct agent_ask ask = {.url = "http://h"};
    struct heard h;
    hear_document(&h, "sse", &ask, "{\"a\":1}");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    assert_string_equal(h.talk.answer.error, "a document; expected a stream of events");
    heard_release(&h);
    hear_document(&h, "sse", &ask, "{\"error\":\"x\"}");
    assert_int_equal(h.bits, AGENT_ERROR);
    heard_release(&h);
    hear(&h, "sse", &ask, ": only\n\n: comments\n\n");
    assert_int_equal(h.bits, AGENT_PING | AGENT_END);
    heard_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),        cmocka_unit_test(test_document),
        cmocka_unit_test(test_costs),           cmocka_unit_test(test_whole_document),
        cmocka_unit_test(test_document_errors), cmocka_unit_test(test_plain_text),
        cmocka_unit_test(test_events_by_path),  cmocka_unit_test(test_pings),
        cmocka_unit_test(test_error_events),    cmocka_unit_test(test_documents_for_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
