/* A conversation with an A2A agent in both versions, and what agents may answer. */
#include "wire/agent.h"

#include "../cmocka_all.h"
#include "base/mem.h"

#include <string.h>

struct fixture {
    struct agent_ask ask;
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

static unsigned event(struct fixture *f, const char *result)
{
    char json[1024];
    snprintf(json, sizeof(json), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", result);
    struct sse_event e = {.what = SSE_EVENT, .name = "message", .data = json};
    e.data_len = strlen(json);
    return agent_event(&f->t, &e);
}

static void begin(struct fixture *f, const char *url, bool stream)
{
    *f = (struct fixture){
        .ask = {.url = url, .prompt = "say \"x\"", .nonce = "00ff", .stream = stream}};
    agent_talk_init(&f->t, agent_codec_find("a2a"), &f->ask);
    assert_int_equal(next(f), 1);
    assert_string_equal(f->r.method, "GET");
    assert_false(f->r.answer);
}

#define CARD_03                                                                                    \
    "{\"name\":\"talker\",\"version\":\"3\",\"protocolVersion\":\"0.3.0\",\"url\":"                \
    "\"http://h/a2a\",\"capabilities\":{\"streaming\":true}}"
#define CARD_10                                                                                    \
    "{\"name\":\"talker\",\"version\":\"3\",\"capabilities\":{\"streaming\":true},"                \
    "\"supportedInterfaces\":[{\"url\":\"http://h/grpc\",\"protocolBinding\":\"GRPC\","            \
    "\"protocolVersion\":\"1.0\"},{\"url\":\"http://h/old\",\"protocolBinding\":\"JSONRPC\","      \
    "\"protocolVersion\":\"0.3\"},{\"url\":\"http://H:80/rpc\",\"protocolBinding\":\"JSONRPC\","   \
    "\"protocolVersion\":\"1.0\"}]}"

static void ask_it(struct fixture *f, const char *card, bool stream)
{
    begin(f, "http://h/a2a", stream);
    assert_int_equal(says(f, card), AGENT_END);
    assert_int_equal(next(f), 1);
    assert_true(f->r.answer);
}

static void test_where_the_card_is(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"http://h", "http://h/.well-known/agent-card.json"},
        {"http://h/a2a/", "http://h/a2a/.well-known/agent-card.json"},
        {"http://h/a2a?k=1#x", "http://h/a2a/.well-known/agent-card.json?k=1"},
        {"http://h/.well-known/agent.json?k=1", "http://h/.well-known/agent.json?k=1"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        begin(&f, cases[i][0], true);
        assert_string_equal(f.r.url, cases[i][1]);
        agent_talk_release(&f.t);
    }
}

static void test_a_stream_of_0_3(void **state)
{
    (void)state;
    struct fixture f;
    ask_it(&f, CARD_03, true);
    assert_string_equal(f.r.url, "http://h/a2a");
    assert_string_equal(f.r.what, "message/stream");
    assert_true(f.r.stream);
    assert_string_equal(f.t.answer.model, "talker 3");
    assert_string_equal(
        f.r.body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"message/stream\",\"params\":"
                  "{\"message\":{\"kind\":\"message\",\"role\":\"user\",\"messageId\":\"00ff\","
                  "\"parts\":[{\"kind\":\"text\",\"text\":\"say \\\"x\\\"\"}]}}}");
    assert_int_equal(event(&f, "{\"kind\":\"task\",\"id\":\"t\",\"status\":{\"state\":"
                               "\"submitted\"}}"),
                     0);
    assert_int_equal(event(&f, "{\"kind\":\"status-update\",\"final\":false,\"status\":{\"state\":"
                               "\"working\",\"message\":{\"parts\":[{\"kind\":\"text\",\"text\":"
                               "\"looking\"}]}}}"),
                     0);
    assert_int_equal(event(&f, "{\"kind\":\"artifact-update\",\"artifact\":{\"artifactId\":\"a\","
                               "\"parts\":[{\"kind\":\"text\",\"text\":\"one \"}]}}"),
                     AGENT_TEXT);
    assert_int_equal(event(&f, "{\"kind\":\"artifact-update\",\"append\":true,\"artifact\":{"
                               "\"artifactId\":\"a\",\"parts\":[{\"kind\":\"text\",\"text\":"
                               "\"two\"}]}}"),
                     AGENT_TEXT);
    assert_int_equal(event(&f, "{\"kind\":\"artifact-update\",\"artifact\":{\"artifactId\":\"b\","
                               "\"parts\":[{\"kind\":\"data\",\"data\":{\"n\":1}}]}}"),
                     AGENT_TEXT);
    assert_int_equal(event(&f, "{\"kind\":\"task\",\"status\":{\"state\":\"working\"},"
                               "\"artifacts\":[{\"artifactId\":\"a\",\"parts\":[{\"kind\":"
                               "\"text\",\"text\":\"one two\"}]}]}"),
                     0);
    assert_int_equal(event(&f, "{\"kind\":\"status-update\",\"final\":true,\"status\":{\"state\":"
                               "\"completed\",\"message\":{\"parts\":[{\"kind\":\"text\",\"text\":"
                               "\"done\"}]}}}"),
                     AGENT_END);
    assert_string_equal(f.t.answer.text.buf, "one two\n{\"n\":1}");
    assert_string_equal(f.t.answer.finish, "completed");
    assert_int_equal(next(&f), 0);
    assert_false(agent_part(&f.t, &f.r));
    agent_talk_release(&f.t);
}

static void test_a_stream_of_1_0(void **state)
{
    (void)state;
    struct fixture f;
    ask_it(&f, CARD_10, true);
    assert_string_equal(f.r.url, "http://H:80/rpc");
    assert_string_equal(f.r.headers[2], "A2A-Version: 1.0");
    assert_string_equal(
        f.r.body, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"SendStreamingMessage\",\"params\":"
                  "{\"message\":{\"role\":\"ROLE_USER\",\"messageId\":\"00ff\",\"parts\":[{"
                  "\"text\":\"say \\\"x\\\"\"}]}}}");
    assert_int_equal(event(&f, "{\"task\":{\"id\":\"t\",\"status\":{\"state\":"
                               "\"TASK_STATE_SUBMITTED\"}}}"),
                     0);
    assert_int_equal(event(&f,
                           "{\"artifactUpdate\":{\"artifact\":{\"artifactId\":\"a\",\"parts\":"
                           "[{\"text\":\"hi\"},{\"url\":\"u\",\"mediaType\":\"image/png\"}]}}}"),
                     AGENT_TEXT);
    assert_int_equal(event(&f, "{\"statusUpdate\":{\"status\":{\"state\":"
                               "\"TASK_STATE_COMPLETED\"}}}"),
                     AGENT_END);
    assert_string_equal(f.t.answer.text.buf, "hi\n[image/png]");
    agent_talk_release(&f.t);
}

static void test_documents(void **state)
{
    (void)state;
    static const struct {
        const char *card, *result, *text, *finish, *error;
        unsigned bits;
    } cases[] = {
        {CARD_03,
         "{\"kind\":\"message\",\"role\":\"agent\",\"parts\":[{\"kind\":\"text\",\"text\":"
         "\"hi\"}]}",
         "hi", "message", "", AGENT_TEXT | AGENT_END},
        {CARD_10, "{\"message\":{\"role\":\"ROLE_AGENT\",\"parts\":[{\"text\":\"hi\"}]}}", "hi",
         "message", "", AGENT_TEXT | AGENT_END},
        {CARD_03,
         "{\"kind\":\"task\",\"status\":{\"state\":\"completed\"},\"artifacts\":[{"
         "\"parts\":[{\"kind\":\"text\",\"text\":\"hi\"}]}]}",
         "hi", "completed", "", AGENT_TEXT | AGENT_END},
        {CARD_03,
         "{\"kind\":\"task\",\"status\":{\"state\":\"completed\",\"message\":{\"parts\":["
         "{\"kind\":\"text\",\"text\":\"done\"}]}}}",
         "done", "completed", "", AGENT_TEXT | AGENT_END},
        {CARD_03, "{\"kind\":\"task\",\"status\":{\"state\":\"working\"}}", "", "",
         "it ended with the task only working: that is no answer", AGENT_ERROR},
        {CARD_10,
         "{\"task\":{\"status\":{\"state\":\"TASK_STATE_INPUT_REQUIRED\",\"message\":{"
         "\"parts\":[{\"text\":\"which?\"}]}}}}",
         "which?", "input-required", "", AGENT_TEXT | AGENT_END},
        {CARD_10, "{\"task\":{\"status\":{\"state\":\"TASK_STATE_AUTH_REQUIRED\"}}}", "", "",
         "the task is auth-required", AGENT_ERROR},
        {CARD_03,
         "{\"kind\":\"task\",\"status\":{\"state\":\"rejected\",\"message\":{\"parts\":[{"
         "\"kind\":\"text\",\"text\":\"busy\"}]}}}",
         "", "", "the task is rejected: busy", AGENT_ERROR},
        {CARD_03, "{\"kind\":\"task\",\"status\":{}}", "", "", "a task came without a state",
         AGENT_MALFORMED},
        {CARD_03, "{\"kind\":\"other\"}", "", "",
         "the result is no task, message, status or artifact", AGENT_MALFORMED},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        char json[512];
        ask_it(&f, cases[i].card, false);
        assert_false(f.r.stream);
        snprintf(json, sizeof(json), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}",
                 cases[i].result);
        assert_int_equal(says(&f, json), cases[i].bits);
        assert_string_equal(f.t.answer.text.buf, cases[i].text);
        assert_string_equal(f.t.answer.finish, cases[i].finish);
        assert_string_equal(f.t.answer.error, cases[i].error);
        agent_talk_release(&f.t);
    }
}

/* Its last word is that it works on it. */
static void test_a_final_status_that_is_none(void **state)
{
    (void)state;
    struct fixture f;
    ask_it(&f, CARD_03, true);
    assert_int_equal(event(&f, "{\"kind\":\"status-update\",\"final\":true,\"status\":{\"state\":"
                               "\"working\"}}"),
                     AGENT_ERROR);
    agent_talk_release(&f.t);
    ask_it(&f, CARD_03, true);
    assert_int_equal(event(&f, "{\"kind\":\"status-update\",\"final\":true,\"status\":{\"state\":"
                               "\"failed\"}}"),
                     AGENT_ERROR);
    assert_string_equal(f.t.answer.error_code, "failed");
    agent_talk_release(&f.t);
}

static void test_cards_that_lead_nowhere(void **state)
{
    (void)state;
    static const struct {
        const char *card, *error;
    } cases[] = {
        {"{\"url\":\"http://h:81/\",\"capabilities\":{\"streaming\":true}}",
         "the agent's card leads from http://h:80 to another origin, http://h:81"},
        {"{\"url\":\"https://h/\",\"capabilities\":{\"streaming\":true}}",
         "the agent's card leads from http://h:80 to another origin, https://h:443"},
        {"{\"url\":\"http://h@evil/\",\"capabilities\":{\"streaming\":true}}",
         "the agent's card names no plain http or https URL: 'http://h@evil/'"},
        {"{\"url\":\"http://h\\\\@evil/\",\"capabilities\":{\"streaming\":true}}",
         "the agent's card names no plain http or https URL: 'http://h\\@evil/'"},
        {"{\"url\":\"/a2a\",\"capabilities\":{\"streaming\":true}}",
         "the agent's card names no plain http or https URL: '/a2a'"},
        {"{\"url\":\"file:///etc/passwd\",\"capabilities\":{\"streaming\":true}}",
         "the agent's card names no plain http or https URL: 'file:///etc/passwd'"},
        {"{\"url\":\"http://h/\"}",
         "the agent's card says that it does not stream; ask it with stream: false"},
        {"{\"url\":\"http://h/\",\"preferredTransport\":\"GRPC\",\"capabilities\":{\"streaming\":"
         "true}}",
         "the agent's card offers no JSON-RPC interface of A2A 0.3 or 1.0"},
        {"[]", "the agent's card is no JSON object"},
        {"<html>", "the agent's card is no JSON object"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct fixture f;
        begin(&f, "http://h/a2a", true);
        unsigned bits = says(&f, cases[i].card);
        assert_true(bits & (AGENT_ERROR | AGENT_MALFORMED));
        assert_false(bits & AGENT_END);
        assert_string_equal(f.t.answer.error, cases[i].error);
        assert_int_equal(next(&f), -1);
        agent_talk_release(&f.t);
    }
}

static void test_a_prompt_is_needed(void **state)
{
    (void)state;
    struct fixture f = {.ask = {.url = "http://h"}};
    agent_talk_init(&f.t, agent_codec_find("a2a"), &f.ask);
    assert_int_equal(next(&f), -1);
    assert_string_equal(f.err.msg, "a2a needs a `prompt`, the message to the agent");
    agent_talk_release(&f.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_the_card_is),
        cmocka_unit_test(test_a_stream_of_0_3),
        cmocka_unit_test(test_a_stream_of_1_0),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_a_final_status_that_is_none),
        cmocka_unit_test(test_cards_that_lead_nowhere),
        cmocka_unit_test(test_a_prompt_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
