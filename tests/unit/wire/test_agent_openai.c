/* Chat completions, as the servers that speak them do. */
#include "base/mem.h"
#include "nines/answer.h"
#include "talk.h"

static const struct agent_ask chat = {
    .url = "http://h/v1/chat/completions", .model = "m", .prompt = "hi", .stream = true};
static const struct agent_ask plain = {
    .url = "http://h/v1/chat/completions", .model = "m", .prompt = "hi"};

#define DELTA(json)                                                                                \
    "data: {\"choices\":[{\"index\":0,\"delta\":" json ",\"finish_reason\":null}]}\n\n"
#define FINISH(why)                                                                                \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" why "\"}]}\n\n"
#define USAGE(json) "data: {\"choices\":[],\"usage\":" json "}\n\n"
#define DONE "data: [DONE]\n\n"

/* ---- requests ------------------------------------------------------------------ */

static void expect_request(const struct agent_ask *ask, const char *body)
{
    struct agent_talk t;
    struct agent_request r;
    struct err err = {0};
    agent_talk_init(&t, agent_codec_find("openai"), ask);
    if (agent_next(&t, &r, &err) != 1)
        fail_msg("%s", err.msg);
    assert_string_equal(r.method, "POST");
    assert_string_equal(r.url, ask->url);
    assert_string_equal(r.body, body);
    assert_int_equal(r.body_len, strlen(body));
    assert_int_equal(r.stream, ask->stream);
    assert_true(r.answer && !r.either && !r.no_content);
    assert_string_equal(r.headers[0],
                        ask->stream ? "Accept: text/event-stream" : "Accept: application/json");
    assert_string_equal(r.headers[1], "Content-Type: application/json");
    assert_null(r.headers[2]);
    assert_int_equal(agent_next(&t, &r, &err), 0);
    assert_false(agent_part(&t, &r));
    agent_talk_release(&t);
}

static void test_requests(void **state)
{
    (void)state;
    struct agent_ask ask = {.url = "http://h", .model = "gpt-4o-mini", .prompt = "say \"x\"\n"};
    expect_request(&ask, "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":"
                         "\"say \\\"x\\\"\\n\"}],\"stream\":false}");
    ask.stream = true;
    ask.system = "s";
    ask.max_tokens = 64;
    ask.tools = "[{\"type\":\"function\"}]";
    expect_request(&ask,
                   "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"system\",\"content\":"
                   "\"s\"},{\"role\":\"user\",\"content\":\"say \\\"x\\\"\\n\"}],"
                   "\"max_tokens\":64,\"tools\":[{\"type\":\"function\"}],\"stream\":true,"
                   "\"stream_options\":{\"include_usage\":true}}");
}

/* Which name the bound has goes by the model's. */
static void test_max_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        bool completion;
    } models[] = {
        {"gpt-4o", false},      {"gpt-4.1-mini", false},
        {"gpt-5", true},        {"gpt-5.1-mini", true},
        {"gpt-10", true},       {"o1", true},
        {"o3-mini", true},      {"o4-mini", true},
        {"openai/o3", true},    {"azure/gpt-5", true},
        {"gpt-oss-20b", false}, {"llama3.2", false},
        {"opus", false},        {"o", false},
        {"gpt-", false},        {"gpt-35-turbo", false},
        {"gpt-3.5", false},
    };
    for (size_t i = 0; i < countof(models); i++) {
        struct agent_ask ask = {
            .url = "http://h", .model = models[i].model, .prompt = "", .max_tokens = 9};
        mem_auto char *want = mem_printf(
            "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"%s\":9,"
            "\"stream\":false}",
            models[i].model, models[i].completion ? "max_completion_tokens" : "max_tokens");
        expect_request(&ask, want);
    }
}

static void test_given_body(void **state)
{
    (void)state;
    struct agent_ask ask = {.url = "http://h", .stream = true};
    ask.body = " {\"temperature\": 0.10}";
    expect_request(&ask, "{\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                         "\"temperature\": 0.10}");
    ask.body = "{ }";
    expect_request(&ask, "{\"stream\":true,\"stream_options\":{\"include_usage\":true} }");
    ask.body = "{\"stream\":true}";
    expect_request(&ask, "{\"stream\":true}");
    ask.stream = false;
    ask.body = "{\"n\":1}";
    expect_request(&ask, "{\"n\":1}");
    ask.body = "{\"stream\":false}";
    expect_request(&ask, "{\"stream\":false}");
}

static void expect_refused(const struct agent_ask *ask, const char *message)
{
    struct agent_talk t;
    struct agent_request r;
    struct err err = {0};
    agent_talk_init(&t, agent_codec_find("openai"), ask);
    assert_int_equal(agent_next(&t, &r, &err), -1);
    assert_int_equal(strncmp(err.msg, message, strlen(message)), 0);
    agent_talk_release(&t);
}

static void test_bad_requests(void **state)
{
    (void)state;
    struct agent_ask ask = {.url = "http://h", .model = "m"};
    expect_refused(&ask, "a model and a prompt are needed, or a body");
    ask.body = "{";
    expect_refused(&ask, "the body is not JSON: ");
    ask.body = "[]";
    expect_refused(&ask, "the body is JSON, but no object");
    ask.body = "{\"stream\":true}";
    expect_refused(&ask, "the body says \"stream\": true, the probe stream: false");
    ask.stream = true;
    ask.body = "{\"stream\":false}";
    expect_refused(&ask, "the body says \"stream\": false, the probe stream: true");
    mem_auto char *long_text = mem_alloc((5 << 20) + 1);
    memset(long_text, 'x', 5 << 20);
    ask.body = NULL;
    ask.prompt = long_text;
    expect_refused(&ask, "a request of more than 4 MiB");
}

/* ---- streams --------------------------------------------------------------------- */

static void expect_each(const struct heard *h, const unsigned *each, size_t n)
{
    assert_int_equal(h->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(h->each[i], each[i]);
}

static void test_stream(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat,
         "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-2024\","
         "\"system_fingerprint\":\"fp_1\",\"choices\":[],\"prompt_filter_results\":[{}]}\n\n"
         ": ping\n\n" DELTA("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}")
             DELTA("{\"content\":\"Hel\"}") DELTA("{\"content\":null}")
                 DELTA("{\"content\":\"lo\"}") FINISH("stop")
                     USAGE("{\"prompt_tokens\":12,\"completion_tokens\":3,"
                           "\"total_tokens\":15,\"prompt_tokens_details\":{"
                           "\"cached_tokens\":8},\"completion_tokens_details\":{"
                           "\"reasoning_tokens\":1}}") DONE);
    static const unsigned each[] = {0, AGENT_PING, 0, AGENT_TEXT, 0, AGENT_TEXT, 0, 0, AGENT_END};
    const struct agent_answer *a = &h.talk.answer;
    expect_each(&h, each, countof(each));
    assert_string_equal(a->text.buf, "Hello");
    assert_int_equal(a->text_bytes, 5);
    assert_string_equal(a->model, "gpt-4o-2024 (fp_1)");
    assert_string_equal(a->finish, "stop");
    assert_int_equal(a->tokens_in, 12);
    assert_int_equal(a->tokens_out, 3);
    assert_int_equal(a->tokens_cached, 8);
    assert_int_equal(a->tokens_reasoning, 1);
    assert_int_equal(a->cost, -1);
    assert_false(a->refused || a->absurd);
    heard_release(&h);
}

/* The end is what the protocol says it is, and nothing else. */
static void test_no_terminator(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat, DELTA("{\"content\":\"a\"}") FINISH("stop"));
    assert_int_equal(h.bits, AGENT_TEXT);
    heard_release(&h);
    hear(&h, "openai", &chat, "data:[DONE] \n\n");
    assert_int_equal(h.bits, AGENT_END);
    heard_release(&h);
    hear(&h, "openai", &chat, "data: [DONE] x\n\n");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    heard_release(&h);
}

static void test_reasoning(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat,
         DELTA("{\"content\":\"\",\"reasoning_content\":\"hm\"}") DELTA("{\"reasoning\":\"hm\"}")
             DELTA("{\"reasoning\":\"a\",\"reasoning_content\":\"a\"}")
                 DELTA("{\"reasoning\":null}") DELTA("{\"reasoning\":\"\",\"content\":\"x\"}")
                     DONE);
    static const unsigned each[] = {AGENT_REASONING, AGENT_REASONING, AGENT_REASONING, 0,
                                    AGENT_TEXT,      AGENT_END};
    expect_each(&h, each, countof(each));
    assert_string_equal(h.talk.answer.text.buf, "x");
    heard_release(&h);
}

static void test_refusals(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat, DELTA("{\"refusal\":\"No.\"}") FINISH("stop") DONE);
    assert_true(h.talk.answer.refused);
    assert_string_equal(h.talk.answer.text.buf, "No.");
    heard_release(&h);
    hear(&h, "openai", &chat, DELTA("{\"content\":\"x\"}") FINISH("content_filter") DONE);
    assert_true(h.talk.answer.refused);
    heard_release(&h);
}

/* ---- calls ------------------------------------------------------------------------ */

#define CALL(json) DELTA("{\"tool_calls\":[" json "]}")

static void expect_calls(const struct agent_answer *a, const char *const *want, size_t n)
{
    assert_int_equal(a->calls, n);
    assert_int_equal(a->tool_count, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(a->tools[i].name, want[2 * i]);
        assert_string_equal(a->tools[i].arguments.buf, want[2 * i + 1]);
    }
}

static void test_calls(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat,
         CALL("{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"weather\","
              "\"arguments\":\"\"}}")
             CALL("{\"index\":0,\"function\":{\"arguments\":\"{\\\"city\"}}") CALL(
                 "{\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"time\",\"arguments\":\"{\"}},"
                 "{\"index\":0,\"function\":{\"arguments\":\"\\\":1}\"}}")
                 CALL("{\"index\":1,\"function\":{\"name\":\"time\",\"arguments\":\"}\"}}")
                     CALL("{\"index\":1,\"id\":\"c2\",\"function\":{\"name\":\"time\"}}")
                         FINISH("tool_calls") DONE);
    static const unsigned each[] = {AGENT_TOOL, AGENT_TOOL, AGENT_TOOL, AGENT_TOOL,
                                    0,          0,          AGENT_END};
    static const char *const want[] = {"weather", "{\"city\":1}", "time", "{}"};
    expect_each(&h, each, countof(each));
    expect_calls(&h.talk.answer, want, 2);
    assert_int_equal(h.talk.answer.text.len, 0);
    heard_release(&h);
}

/* Each numbered 0, or not at all, told apart by their ids. */
static void test_calls_by_id(void **state)
{
    (void)state;
    static const char *const want[] = {"a", "{\"x\":1}", "b", "{}"};
    struct heard h;
    hear(&h, "openai", &chat,
         CALL("{\"index\":0,\"id\":\"1\",\"function\":{\"name\":\"a\",\"arguments\":\"{\\\"x\\\":"
              "\"}}") CALL("{\"index\":0,\"function\":{\"arguments\":\"1}\"}}")
             CALL("{\"index\":0,\"id\":\"2\",\"function\":{\"name\":\"b\",\"arguments\":\"{}\"}}"));
    expect_calls(&h.talk.answer, want, 2);
    heard_release(&h);
    hear(&h, "openai", &chat,
         CALL("{\"id\":\"1\",\"function\":{\"name\":\"a\",\"arguments\":\"{\\\"x\\\":\"}}")
             CALL("{\"function\":{\"arguments\":\"1}\"}}")
                 CALL("{\"id\":\"2\",\"function\":{\"name\":\"b\",\"arguments\":{}}}"));
    expect_calls(&h.talk.answer, want, 2);
    heard_release(&h);
}

static void test_odd_calls(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat,
         DELTA("{\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}}")
             DELTA("{\"function_call\":{\"arguments\":\"}\"}}") CALL(
                 "{\"index\":7,\"id\":\"x\",\"function\":{\"name\":\"g\",\"arguments\":\"1\"}}")
                 CALL("{\"index\":7,\"function\":{\"arguments\":\"2\"}}"));
    static const char *const want[] = {"f", "{}", "g", "12"};
    expect_calls(&h.talk.answer, want, 2);
    heard_release(&h);
    hear(&h, "openai", &chat,
         CALL("{\"index\":-9223372036854775808}") CALL("{\"index\":9223372036854775807}") CALL("7")
             CALL("{\"index\":0,\"function\":{\"name\":\"\",\"arguments\":\"\"}}") CALL("null")
                 DELTA("{\"tool_calls\":{}}") DELTA("{\"tool_calls\":\"x\"}") DELTA("7")
                     DELTA("[]"));
    assert_int_equal(h.bits, 0);
    heard_release(&h);
    /* More than are kept, in two pieces each. */
    struct str s;
    str_init(&s, 1 << 20);
    for (int i = 0; i < 40; i++)
        str_addf(
            &s,
            CALL("{\"index\":%d,\"id\":\"%d\",\"function\":{\"name\":\"f%d\",\"arguments\":\"{\"}}")
                CALL("{\"index\":%d,\"function\":{\"arguments\":\"}\"}}"),
            i, i, i, i);
    hear(&h, "openai", &chat, s.buf);
    assert_int_equal(h.talk.answer.calls, 40);
    assert_int_equal(h.talk.answer.tool_count, AGENT_TOOLS_MAX);
    assert_string_equal(h.talk.answer.tools[31].arguments.buf, "{}");
    heard_release(&h);
    str_release(&s);
}

/* ---- other things servers do --------------------------------------------------------- */

static void test_choices_and_parts(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat,
         "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}},{\"index\":0,"
         "\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"x\"},7,"
         "{\"text\":\"b\"}]}}]}\n\n"
         "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"other\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":null,\"message\":{\"content\":\"d\"}}]}\n\n"
         "data: {\"choices\":[null,7,[]]}\n\n");
    assert_string_equal(h.talk.answer.text.buf, "abcd");
    heard_release(&h);
}

static void test_error_events(void **state)
{
    (void)state;
    static const char *const streams[] = {
        "data: "
        "{\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"code\":\"overloaded\"}}\n\n",
        "event: error\ndata: {\"message\":\"busy\",\"code\":\"overloaded\"}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\",\"error\":{\"message\":"
        "\"busy\",\"code\":\"overloaded\"}}]}\n\n",
        "data: {\"object\":\"error\",\"message\":\"busy\",\"code\":\"overloaded\"}\n\n",
    };
    for (size_t i = 0; i < countof(streams); i++) {
        struct heard h;
        hear(&h, "openai", &chat, streams[i]);
        assert_int_equal(h.bits, AGENT_ERROR);
        assert_string_equal(h.talk.answer.error, "busy");
        assert_string_equal(h.talk.answer.error_code, "overloaded");
        heard_release(&h);
    }
}

static void expect_usage(const char *json, int64_t in, int64_t out, int64_t cached,
                         int64_t reasoning, bool absurd)
{
    struct heard h;
    mem_auto char *stream = mem_printf(USAGE("%s"), json);
    hear(&h, "openai", &chat, stream);
    const struct agent_answer *a = &h.talk.answer;
    assert_int_equal(h.bits, 0);
    assert_int_equal(a->tokens_in, in);
    assert_int_equal(a->tokens_out, out);
    assert_int_equal(a->tokens_cached, cached);
    assert_int_equal(a->tokens_reasoning, reasoning);
    assert_int_equal(a->absurd, absurd);
    heard_release(&h);
}

static void test_usage(void **state)
{
    (void)state;
    expect_usage("{}", -1, -1, -1, -1, false);
    expect_usage("{\"prompt_tokens\":null}", -1, -1, -1, -1, false);
    expect_usage("{\"prompt_tokens\":5.0,\"completion_tokens\":0}", 5, 0, -1, -1, false);
    expect_usage("{\"prompt_tokens\":-1,\"completion_tokens\":2}", -1, 2, -1, -1, true);
    expect_usage("{\"prompt_tokens\":100000001,\"completion_tokens\":2}", -1, 2, -1, -1, true);
    expect_usage("{\"prompt_tokens\":1.5,\"completion_tokens\":2}", -1, 2, -1, -1, true);
    expect_usage("{\"prompt_tokens\":\"12\",\"completion_tokens\":2}", -1, 2, -1, -1, true);
    expect_usage("{\"prompt_tokens\":{},\"completion_tokens\":[]}", -1, -1, -1, -1, true);
    expect_usage("{\"prompt_tokens\":1,\"prompt_tokens_details\":{\"cached_tokens\":2}}", 1, -1, -1,
                 -1, true);
    expect_usage("{\"prompt_tokens\":1,\"prompt_tokens_details\":null}", 1, -1, -1, -1, false);
    expect_usage("{\"prompt_tokens\":1,\"prompt_tokens_details\":7}", 1, -1, -1, -1, false);
    /* Reasoning beside the completion, as the total says; or more than it. */
    expect_usage("{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":35,"
                 "\"completion_tokens_details\":{\"reasoning_tokens\":20}}",
                 10, 25, -1, 20, false);
    expect_usage("{\"prompt_tokens\":10,\"completion_tokens\":25,\"total_tokens\":35,"
                 "\"completion_tokens_details\":{\"reasoning_tokens\":20}}",
                 10, 25, -1, 20, false);
    expect_usage("{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
                 "\"completion_tokens_details\":{\"reasoning_tokens\":20}}",
                 10, 5, -1, -1, true);
}

/* Told with each chunk: the last one counts. */
static void test_usage_in_each_chunk(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, "openai", &chat,
         "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":3,"
         "\"completion_tokens\":1}}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}],\"usage\":{\"prompt_tokens\":3,"
         "\"completion_tokens\":2}}\n\n"
         "data: {\"choices\":[],\"usage\":null}\n\n" DONE);
    assert_int_equal(h.talk.answer.tokens_out, 2);
    assert_string_equal(h.talk.answer.text.buf, "ab");
    heard_release(&h);
    hear(&h, "openai", &chat,
         "event: ping\ndata: {}\n\ndata: {\"choices\":[{\"delta\":{},\"usage\":{"
         "\"completion_tokens\":4}}]}\n\n");
    assert_int_equal(h.bits, AGENT_PING);
    assert_int_equal(h.talk.answer.tokens_out, 4);
    heard_release(&h);
}

/* ---- documents ------------------------------------------------------------------------ */

static void test_document(void **state)
{
    (void)state;
    struct heard h;
    hear_document(
        &h, "openai", &plain,
        "\xef\xbb\xbf{\"object\":\"chat.completion\",\"model\":\"m1\",\"choices\":[{\"index\":0,"
        "\"message\":{\"role\":\"assistant\",\"content\":\"Hello\",\"refusal\":null,"
        "\"reasoning_content\":\"hm\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
        "\"arguments\":\"{}\"}},{\"function\":{\"name\":\"g\",\"arguments\":{\"a\":1}}}]},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,"
        "\"completion_tokens\":2}}");
    static const char *const want[] = {"f", "{}", "g", "{\"a\":1}"};
    const struct agent_answer *a = &h.talk.answer;
    assert_int_equal(h.bits, AGENT_TEXT | AGENT_TOOL | AGENT_REASONING | AGENT_END);
    assert_string_equal(a->text.buf, "Hello");
    assert_string_equal(a->model, "m1");
    assert_string_equal(a->finish, "stop");
    assert_int_equal(a->tokens_in, 9);
    assert_int_equal(a->tokens_out, 2);
    expect_calls(a, want, 2);
    heard_release(&h);
}

static void test_bad_documents(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"choices\":[]}",
        "{\"choices\":[{\"index\":0}]}",
        "{\"choices\":{\"index\":0}}",
        "{\"choices\":[{\"message\":\"x\"}]}",
        "{\"choices\":[{\"index\":1,\"message\":{}}]}",
    };
    struct heard h;
    for (size_t i = 0; i < countof(bad); i++) {
        hear_document(&h, "openai", &plain, bad[i]);
        assert_int_equal(h.bits, AGENT_MALFORMED);
        assert_string_equal(h.talk.answer.error,
                            "the document has neither a message in its choices nor an error");
        heard_release(&h);
    }
    hear_document(&h, "openai", &plain, "<html>");
    assert_int_equal(h.bits, AGENT_MALFORMED);
    assert_int_equal(strncmp(h.talk.answer.error, "the document is not JSON: ", 26), 0);
    heard_release(&h);
    hear_document(&h, "openai", &plain, "{\"error\":{\"message\":\"no\"},\"choices\":[]}");
    assert_int_equal(h.bits, AGENT_ERROR);
    heard_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_max_tokens),
        cmocka_unit_test(test_given_body),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_no_terminator),
        cmocka_unit_test(test_reasoning),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_calls_by_id),
        cmocka_unit_test(test_odd_calls),
        cmocka_unit_test(test_choices_and_parts),
        cmocka_unit_test(test_error_events),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_usage_in_each_chunk),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_bad_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
