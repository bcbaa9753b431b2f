/* What the sample agents say, by the protocols' own words, read from a raw socket. */
#include "../cmocka_all.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "fixture.h"

#define CHAT "POST /v1/chat/completions"
#define STREAM "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{}]}"
#define RPC(method) "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" method "\"}"
#define TOOL                                                                                       \
    "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"tools/"                                        \
    "call\",\"params\":{\"name\":\"search\"}}"

/* The lines of an event stream that begin with `start`. */
static size_t count_of(const struct str *a, const char *text)
{
    size_t n = 0;
    for (const char *at = a->buf; (at = strstr(at, text)); at++)
        n++;
    return n;
}

static void test_every_protocol_streams(void **state)
{
    static const struct {
        const char *line, *header, *body, *piece, *end;
        size_t pieces;
    } table[] = {
        {CHAT, NULL, STREAM, "\"delta\":{\"content\":\"", "data: [DONE]\n\n", 23},
        {CHAT, NULL, "{\"stream\":true,\"max_tokens\":5,\"messages\":[{}]}",
         "\"delta\":{\"content\":\"", "\"finish_reason\":\"length\"", 5},
        {"POST /v1/messages", "anthropic-version: 2023-06-01",
         "{\"stream\":true,\"max_tokens\":50,\"messages\":[{}]}", "\"text_delta\"",
         "event: message_stop\n", 23},
        {"POST /v1/agents/coder/events", NULL, "{}", "event: delta\n", "event: done\n", 23},
        {"POST /mcp", "Mcp-Session-Id: sample-session", TOOL, "notifications/message",
         "\"id\":\"x\",\"result\":{\"content\":[{\"type\":\"text\"", 4},
        {"POST /a2a", NULL, RPC("message/stream"), "\"artifact-update\"", "\"final\":true", 23},
    };
    struct str a;
    str_init(&a, ANSWER_MAX);
    for (size_t i = 0; i < countof(table); i++) {
        ask_with(*state, table[i].line, table[i].header, table[i].body, &a);
        assert_status(&a, 200);
        assert_int_equal(count_of(&a, table[i].piece), table[i].pieces);
        assert_non_null(strstr(a.buf, table[i].end));
        assert_non_null(strstr(a.buf, "\r\n0\r\n\r\n"));
    }
    str_release(&a);
}

static void test_usage_is_told_if_asked_for(void **state)
{
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask(*state, CHAT, NULL, STREAM, &a);
    assert_int_equal(count_of(&a, "\"choices\":[],\"usage\":{\"prompt_tokens\":12,"), 1);
    ask(*state, CHAT, NULL, "{\"stream\":true,\"messages\":[{}]}", &a);
    assert_int_equal(count_of(&a, "\"usage\""), 0);
    ask(*state, CHAT, NULL, "{\"messages\":[{}],\"max_tokens\":3}", &a);
    assert_non_null(strstr(a.buf, "\"content\":\"Your error budget\"}"));
    assert_non_null(strstr(a.buf, "\"completion_tokens\":3,\"total_tokens\":15}"));
    str_release(&a);
}

static void test_documents(void **state)
{
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask_with(*state, "POST /v1/messages", "anthropic-version: 2023-06-01",
             "{\"max_tokens\":50,\"messages\":[{}]}", &a);
    assert_non_null(strstr(a.buf, "\"stop_reason\":\"end_turn\""));
    ask(*state, "POST /v1/messages", NULL, "{\"max_tokens\":50,\"messages\":[{}]}", &a);
    assert_status(&a, 400);
    ask(*state, "POST /a2a", NULL, RPC("message/send"), &a);
    assert_non_null(strstr(a.buf, "\"id\":7,\"result\":{\"kind\":\"task\""));
    ask(*state, "POST /a2a", NULL, RPC("tasks/get"), &a);
    assert_status(&a, 400);
    ask(*state, "GET /.well-known/agent-card.json", NULL, NULL, &a);
    assert_non_null(strstr(a.buf, "\"url\":\"http://127.0.0.1:"));
    str_release(&a);
}

/* As a client goes through it. */
static void test_mcp(void **state)
{
    static const char session[] = "Mcp-Session-Id: sample-session";
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask(*state, "POST /mcp", NULL,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
        "\"params\":{\"protocolVersion\":\"2025-06-18\"}}",
        &a);
    assert_non_null(strstr(a.buf, session));
    assert_non_null(strstr(a.buf, "\"protocolVersion\":\"2025-06-18\""));
    ask(*state, "POST /mcp", NULL, RPC("tools/list"), &a);
    assert_status(&a, 400);
    ask_with(*state, "POST /mcp", session, RPC("notifications/initialized"), &a);
    assert_status(&a, 202);
    assert_string_equal(body_of(&a), "");
    ask_with(*state, "POST /mcp", session, RPC("tools/list"), &a);
    assert_non_null(strstr(a.buf, "\"name\":\"summarize\""));
    ask_with(*state, "POST /mcp", session, RPC("prompts/list"), &a);
    assert_non_null(strstr(a.buf, "-32601"));
    ask_with(*state, "POST /mcp", session, RPC("tools/call"), &a);
    assert_non_null(strstr(a.buf, "-32602"));
    ask_with(*state, "DELETE /mcp", session, NULL, &a);
    assert_status(&a, 204);
    assert_null(strstr(a.buf, "Content-Length"));
    str_release(&a);
}

static void test_faults_of_answers(void **state)
{
    struct str a;
    str_init(&a, ANSWER_MAX);
    ask(*state, CHAT, "error-event", STREAM, &a);
    assert_status(&a, 200);
    assert_int_equal(count_of(&a, "{\"content\":\"") + count_of(&a, "\"server_error\",\"code\""),
                     12);
    assert_null(strstr(a.buf, "[DONE]"));
    ask(*state, CHAT, "malformed", STREAM, &a);
    assert_non_null(strstr(a.buf, "data: {\"half an\": \"obj\n"));
    assert_non_null(strstr(a.buf, "[DONE]"));
    ask(*state, CHAT, "reasoning-only", STREAM, &a);
    assert_int_equal(count_of(&a, "\"reasoning_content\":\""), 23);
    assert_int_equal(count_of(&a, "{\"content\":\""), 0);
    ask(*state, CHAT, "rate-limited=20s", STREAM, &a);
    assert_status(&a, 429);
    assert_non_null(strstr(a.buf, "\r\nRetry-After: 20\r\n"));
    ask(*state, CHAT, "overloaded=1m", STREAM, &a);
    assert_status(&a, 503);
    assert_non_null(strstr(a.buf, "\r\nRetry-After: 60\r\n"));
    ask(*state, "POST /v1/agents/coder/execute", "error-event", "{}", &a);
    assert_non_null(strstr(a.buf, "\"status\":\"failed\""));
    str_release(&a);
}

static int64_t takes(const struct fixture *f, const char *fault, struct str *a)
{
    int64_t start = clock_mono_ns();
    ask(f, CHAT, fault, STREAM, a);
    return clock_mono_ns() - start;
}

static void test_slow_tokens_and_stalls_take_their_time(void **state)
{
    struct str a;
    str_init(&a, ANSWER_MAX);
    assert_true(takes(*state, "slow-token=700ms", &a) >= 700 * USEC_PER_MSEC * NSEC_PER_USEC);
    assert_true(takes(*state, "stall=700ms", &a) >= 700 * USEC_PER_MSEC * NSEC_PER_USEC);
    assert_non_null(strstr(a.buf, "[DONE]"));
    str_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_protocol_streams),
        cmocka_unit_test(test_usage_is_told_if_asked_for),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_mcp),
        cmocka_unit_test(test_faults_of_answers),
        cmocka_unit_test(test_slow_tokens_and_stalls_take_their_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
