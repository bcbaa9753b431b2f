/* Anthropic's messages, plain and streamed. */
#include "base/mem.h"
#include "talk.h"

static const struct agent_ask chat = {
    .url = "http://h/v1/messages", .model = "m", .prompt = "hi", .stream = true};

#define EVENT(type, more) "event: " type "\ndata: {\"type\":\"" type "\"" more "}\n\n"
#define START                                                                                      \
    EVENT("message_start", ",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"content\":[]," \
                           "\"stop_reason\":null,\"usage\":{\"input_tokens\":10,"                  \
                           "\"cache_creation_input_tokens\":5,\"cache_read_input_tokens\":100,"    \
                           "\"output_tokens\":1}}")
#define BLOCK(i, json) EVENT("content_block_start", ",\"index\":" i ",\"content_block\":" json)
#define DELTA(i, json) EVENT("content_block_delta", ",\"index\":" i ",\"delta\":" json)
#define END(i) EVENT("content_block_stop", ",\"index\":" i)
#define FINISH(why)                                                                                \
    EVENT("message_delta",                                                                         \
          ",\"delta\":{\"stop_reason\":\"" why "\"},\"usage\":{\"output_tokens\":15}")
#define STOP EVENT("message_stop", "")

static void expect_each(const struct heard *h, const unsigned *each, size_t n)
{
    assert_int_equal(h->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(h->each[i], each[i]);
}

static void expect_request(const struct agent_ask *ask, const char *body)
{
    struct agent_talk t;
    struct agent_request r;
    struct err err = {0};
    agent_talk_init(&t, agent_codec_find("anthropic"), ask);
    if (agent_next(&t, &r, &err) != 1)
        fail_msg("%s", err.msg);
    assert_string_equal(r.body, body);
    assert_string_equal(r.headers[2], "anthropic-version: 2023-06-01");
    assert_null(r.headers[3]);
    assert_int_equal(agent_next(&t, &r, &err), 0);
    agent_talk_release(&t);
}

static void test_requests(void **state)
{
    (void)state;
    struct agent_ask ask = {.url = "http://h", .model = "m", .prompt = "hi"};
    expect_request(&ask, "{\"model\":\"m\",\"max_tokens\":1000,\"messages\":[{\"role\":\"user\","
                         "\"content\":\"hi\"}],\"stream\":false}");
    ask.stream = true;
    ask.system = "s";
    ask.max_tokens = 64;
    ask.tools = "[]";
    expect_request(&ask,
                   "{\"model\":\"m\",\"max_tokens\":64,\"system\":\"s\",\"messages\":[{\"role\":"
                   "\"user\",\"content\":\"hi\"}],\"tools\":[],\"stream\":true}");
    ask.body = "{\"a\":1}";
    expect_request(&ask, "{\"stream\":true,\"a\":1}");
    struct agent_talk t;
    struct agent_request r;
    struct err err = {0};
    ask.body = ask.prompt = NULL;
    agent_talk_init(&t, agent_codec_find("anthropic"), &ask);
    assert_int_equal(agent_next(&t, &r, &err), -1);
    assert_string_equal(err.msg, "a model and a prompt are needed, or a body");
    agent_talk_release(&t);
}

static void test_stream(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "anthropic", &chat,
         START BLOCK("0", "{\"type\":\"text\",\"text\":\"\"}") EVENT("ping", "")
             DELTA("0", "{\"type\":\"text_delta\",\"text\":\"Hel\"}")
                 DELTA("0", "{\"type\":\"text_delta\",\"text\":\"lo\"}") END("0") FINISH("end_turn")
                     EVENT("something_new", ",\"x\":1") STOP);
    static const unsigned each[] = {0, 0, AGENT_PING, AGENT_TEXT, AGENT_TEXT, 0, 0, 0, AGENT_END};
    const struct agent_answer *a = &h.talk.answer;
    expect_each(&h, each, countof(each));
    assert_string_equal(a->text.buf, "Hello");
    assert_string_equal(a->model, "claude-x");
    assert_string_equal(a->finish, "end_turn");
    assert_int_equal(a->tokens_in, 115);
    assert_int_equal(a->tokens_cached, 100);
    assert_int_equal(a->tokens_out, 15);
    assert_false(a->refused || a->absurd);
    heard_release(&h);
}

/* What came of a stream that was cut is not what it cost. */
static void test_cut(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "anthropic", &chat, START DELTA("0", "{\"type\":\"text_delta\",\"text\":\"a\"}"));
    assert_int_equal(h.bits, AGENT_TEXT);
    assert_int_equal(h.talk.answer.tokens_in, 115);
    assert_int_equal(h.talk.answer.tokens_out, -1);
    heard_release(&h);
}

static void test_thinking(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "anthropic", &chat,
         BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"\"}")
             DELTA("0", "{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
                 DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"x\"}") END("0")
                     BLOCK("1", "{\"type\":\"redacted_thinking\",\"data\":\"zz\"}")
                         BLOCK("2", "{\"type\":\"text\",\"text\":\"a\"}")
                             DELTA("2", "{\"type\":\"citations_delta\"}"));
    static const unsigned each[] = {0, AGENT_REASONING, 0, 0, AGENT_REASONING, AGENT_TEXT, 0};
    expect_each(&h, each, countof(each));
    assert_string_equal(h.talk.answer.text.buf, "a");
    heard_release(&h);
}

static void test_calls(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "anthropic", &chat,
         BLOCK("1", "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"weather\",\"input\":{}}")
             DELTA("1", "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}") DELTA(
                 "1", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}")
                 DELTA("1", "{\"type\":\"input_json_delta\",\"partial_json\":\":1}\"}") END("1")
                     BLOCK("2",
                           "{\"type\":\"server_tool_use\",\"name\":\"web\",\"input\":{}}") END("2")
                         BLOCK("3", "{\"type\":\"tool_use\",\"name\":\"w\",\"input\":{\"b\":2}}")
                             DELTA("3", "{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}")
                                 END("3") FINISH("tool_use"));
    static const unsigned each[] = {AGENT_TOOL, 0,          AGENT_TOOL, AGENT_TOOL, 0, AGENT_TOOL,
                                    0,          AGENT_TOOL, 0,          0,          0};
    const struct agent_answer *a = &h.talk.answer;
    expect_each(&h, each, countof(each));
    assert_int_equal(a->calls, 3);
    assert_string_equal(a->tools[0].name, "weather");
    assert_string_equal(a->tools[0].arguments.buf, "{\"a\":1}");
    assert_string_equal(a->tools[1].arguments.buf, "{}");
    assert_string_equal(a->tools[2].arguments.buf, "{\"b\":2}");
    heard_release(&h);
}

static void test_many_calls(void **state)
{
    (void)state;
    struct heard h;
    struct str s;
    str_init(&s, 1 << 20);
    for (int i = 0; i < 40; i++)
        str_addf(&s,
                 BLOCK("%d", "{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{}}")
                     DELTA("%d", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}")
                         DELTA("%d", "{\"type\":\"input_json_delta\",\"partial_json\":\"}\"}")
                             END("%d"),
                 i, i, i, i);
    hear(&h, "anthropic", &chat, s.buf);
    assert_int_equal(h.bits, AGENT_TOOL);
    assert_int_equal(h.talk.answer.calls, 40);
    assert_int_equal(h.talk.answer.tool_count, AGENT_TOOLS_MAX);
    assert_string_equal(h.talk.answer.tools[31].arguments.buf, "{}");
    heard_release(&h);
    str_release(&s);
}

static void test_ends(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "anthropic", &chat, FINISH("refusal") STOP);
    assert_true(h.talk.answer.refused);
    assert_string_equal(h.talk.answer.finish, "refusal");
    heard_release(&h);
    hear(&h, "anthropic", &chat,
         EVENT("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"));
    assert_int_equal(h.bits, AGENT_ERROR);
    assert_string_equal(h.talk.answer.error, "Overloaded");
    assert_string_equal(h.talk.answer.error_code, "overloaded_error");
    heard_release(&h);
    hear(&h, "anthropic", &chat,
         EVENT("error", ",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}"));
    assert_string_equal(h.talk.answer.error_code, "rate_limit_error");
    heard_release(&h);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *error;
    } bad[] = {
        {"data: {}\n\n", "an event without a type"},
        {"data: {\"type\":7}\n\n", "an event without a type"},
        {"data: []\n\n", "an event is JSON, but no object"},
        {EVENT("message_start", ""), "message_start without a message"},
        {EVENT("content_block_start", ",\"index\":0"), "content_block_start without a block"},
        {EVENT("content_block_start", ",\"content_block\":{}"),
         "content_block_start without a block"},
        {EVENT("content_block_delta", ",\"index\":0,\"delta\":\"x\""),
         "content_block_delta without a delta"},
        {DELTA("0", "{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}"),
         "input_json_delta of a block that has not begun"},
    };
    for (size_t i = 0; i < countof(bad); i++) {
        struct heard h;
        hear(&h, "anthropic", &chat, bad[i].stream);
        assert_int_equal(h.bits, AGENT_MALFORMED);
        assert_string_equal(h.talk.answer.error, bad[i].error);
        heard_release(&h);
    }
}

/* A sum with a part that cannot be is no sum. */
static void test_absurd_usage(void **state)
{
    (void)state;
    static const char *const usages[] = {
        "{\"input_tokens\":-1}",
        "{\"input_tokens\":1,\"cache_read_input_tokens\":\"7\"}",
        "{\"input_tokens\":1,\"cache_creation_input_tokens\":100000001}",
        "{\"input_tokens\":100000000,\"cache_creation_input_tokens\":1}",
    };
    for (size_t i = 0; i < countof(usages); i++) {
        struct heard h;
        mem_auto char *stream =
            mem_printf(START "data: {\"type\":\"message_delta\",\"usage\":%s}\n\n", usages[i]);
        hear(&h, "anthropic", &chat, stream);
        assert_int_equal(h.talk.answer.tokens_in, -1);
        assert_true(h.talk.answer.absurd);
        heard_release(&h);
    }
    struct heard h;
    hear(&h, "anthropic", &chat,
         EVENT("message_delta", ",\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":null,"
                                "\"output_tokens\":4}"));
    assert_int_equal(h.talk.answer.tokens_in, 3);
    assert_int_equal(h.talk.answer.tokens_cached, -1);
    assert_int_equal(h.talk.answer.tokens_out, 4);
    assert_false(h.talk.answer.absurd);
    heard_release(&h);
}

static void test_documents(void **state)
{
    (void)state;
    struct agent_ask plain = chat;
    struct heard h;
    plain.stream = false;
    hear_document(
        &h, "anthropic", &plain,
        "{\"type\":\"message\",\"model\":\"claude-x\",\"content\":[{\"type\":\"thinking\","
        "\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"Hello\"},{\"type\":\"tool_use\","
        "\"name\":\"f\",\"input\":{}}],\"stop_reason\":\"tool_use\",\"usage\":{"
        "\"input_tokens\":9,\"output_tokens\":2}}");
    const struct agent_answer *a = &h.talk.answer;
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_TOOL | AGENT_REASONING | AGENT_END);
    assert_string_equal(a->text.buf, "Hello");
    assert_string_equal(a->tools[0].arguments.buf, "{}");
    assert_string_equal(a->finish, "tool_use");
    assert_int_equal(a->tokens_in, 9);
    assert_int_equal(a->tokens_out, 2);
    heard_release(&h);
    hear_document(
        &h, "anthropic", &plain,
        "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}");
    assert_int_equal(h.bits, AGENT_ERROR);
    assert_string_equal(h.talk.answer.error_code, "rate_limit_error");
    heard_release(&h);
    hear_document(&h, "anthropic", &plain, "{\"content\":\"x\"}");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    assert_string_equal(h.talk.answer.error, "the document has neither content nor an error");
    heard_release(&h);
    hear_document(&h, "anthropic", &plain, "{\"content\":[7,null,{},{\"type\":\"tool_use\"}]}");
    assert_int_equal(h.bits, AGENT_END);
    heard_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),     cmocka_unit_test(test_stream),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_calls),        cmocka_unit_test(test_many_calls),
        cmocka_unit_test(test_ends),         cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_absurd_usage), cmocka_unit_test(test_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
