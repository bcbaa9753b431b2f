/* Verdicts on answers made by hand. */
#include "answers.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_a_whole_answer_is_good(void **state)
{
    (void)state;
    struct told *t = told_new("ready");
    struct verdict *v = told_judge(t, "{}");
    assert_int_equal(v->outcome, OUTCOME_GOOD);
    assert_int_equal(v->seen_count, 4);
    assert_string_equal(v->seen[0].seen, "200");
    assert_string_equal(v->seen[1].seen, "12 events");
    assert_string_equal(v->seen[2].seen, "5 bytes, \"ready\"");
    assert_string_equal(v->seen[3].seen, "none");
    free(v);
    told_free(t);
}

static void test_the_response_comes_first(void **state)
{
    (void)state;
    struct told *t = told_new("");
    t->answer.flags = 0;
    t->resp.status = 500;
    told_verdict(t, "{}", REASON_STATUS, "500");
    t->resp.status = 429;
    told_verdict(t, "{}", REASON_RATE_LIMITED, "429");
    t->resp.status = 503;
    told_verdict(t, "{}", REASON_STATUS, "503");
    t->resp.headers = "Retry-After: 3\r\n";
    t->resp.headers_len = strlen(t->resp.headers);
    told_verdict(t, "{}", REASON_OVERLOADED, "503");
    t->resp.status = 529;
    told_verdict(t, "{}", REASON_OVERLOADED, "529");
    t->resp.status = 401;
    str_copy(t->said.error, sizeof(t->said.error), "no such key");
    struct verdict *v = told_judge(t, "{}");
    assert_string_equal(v->message, "expected status 2xx; got 401: no such key");
    free(v);
    t->resp.reason = REASON_CONNECT;
    t->resp.message = "refused";
    told_verdict(t, "{}", REASON_CONNECT, "");
    t->resp.local_fault = true;
    v = told_judge(t, "{}");
    assert_int_equal(v->outcome, OUTCOME_SKIPPED);
    free(v);
    told_free(t);
}

static void test_headers_and_certificates(void **state)
{
    (void)state;
    struct told *t = told_new("ready");
    t->resp.headers = "Server: x\r\n";
    t->resp.headers_len = strlen(t->resp.headers);
    t->resp.cert_not_after_us = 1010 * USEC_PER_DAY;
    told_verdict(t, "{headers: {Server: y}}", REASON_HEADER, "\"x\"");
    told_verdict(t, "{headers: {Server: x}, certificate_days: 10}", REASON_NONE, "10 days");
    told_verdict(t, "{certificate_days: 11}", REASON_CERT, "10 days");
    told_verdict(t, "{faster_than: 1399ms}", REASON_LATENCY, "1.40s");
    told_verdict(t, "{faster_than: 1400ms}", REASON_NONE, "1.40s");
    told_verdict(t, "{faster_than: 1ms, answer: {contains: x}}", REASON_ANSWER, NULL);
    told_free(t);
}

static void test_what_is_no_answer(void **state)
{
    (void)state;
    struct told *t = told_new("ready");
    t->answer.flags = ANSWER_STREAMED | ANSWER_CUT;
    told_verdict(t, "{answer: {contains: x}}", REASON_SSE_TRUNCATED,
                 "\"the stream ended without its terminator\"");
    t->answer.flags = ANSWER_CUT;
    told_verdict(t, "{}", REASON_TRUNCATED, NULL);
    str_copy(t->said.error, sizeof(t->said.error), "bad\nevent");
    t->answer.flags = ANSWER_STREAMED | ANSWER_MALFORMED | ANSWER_ENDED;
    told_verdict(t, "{}", REASON_SSE_PROTOCOL, "\"bad.event\"");
    t->answer.flags = ANSWER_MALFORMED;
    told_verdict(t, "{}", REASON_JSON, NULL);
    t->answer.flags = ANSWER_STREAMED | ANSWER_ERROR | ANSWER_MALFORMED;
    told_verdict(t, "{}", REASON_ANSWER_ERROR, NULL);
    str_copy(t->said.error_code, sizeof(t->said.error_code), "overloaded_error");
    told_verdict(t, "{}", REASON_OVERLOADED, NULL);
    t->fault = REASON_EVENT_TIMEOUT;
    t->fault_text = "no event in 10s";
    told_verdict(t, "{}", REASON_EVENT_TIMEOUT, "\"no event in 10s\"");
    t->resp.status = 500; /* says more than that nothing came */
    told_verdict(t, "{}", REASON_STATUS, "500");
    told_free(t);
}

static void test_errors_have_codes(void **state)
{
    (void)state;
    assert_int_equal(answer_error_reason("rate_limit_exceeded"), REASON_RATE_LIMITED);
    assert_int_equal(answer_error_reason("Rate_Limit_Error"), REASON_RATE_LIMITED);
    assert_int_equal(answer_error_reason("RateLimitError"), REASON_RATE_LIMITED);
    assert_int_equal(answer_error_reason("throttling_error"), REASON_RATE_LIMITED);
    assert_int_equal(answer_error_reason("429"), REASON_RATE_LIMITED);
    assert_int_equal(answer_error_reason("RESOURCE_EXHAUSTED"), REASON_RATE_LIMITED);
    assert_int_equal(answer_error_reason("overloaded_error"), REASON_OVERLOADED);
    assert_int_equal(answer_error_reason("503"), REASON_OVERLOADED);
    assert_int_equal(answer_error_reason("-32429"), REASON_ANSWER_ERROR);
    assert_int_equal(answer_error_reason("server_error"), REASON_ANSWER_ERROR);
    assert_int_equal(answer_error_reason(""), REASON_ANSWER_ERROR);
}

static void test_an_answer_says_something(void **state)
{
    (void)state;
    struct told *t = told_new(" \n");
    told_verdict(t, "{}", REASON_ANSWER, "an empty answer");
    told_verdict(t, "{empty: false}", REASON_ANSWER, NULL);
    told_verdict(t, "{empty: true}", REASON_NONE, NULL);
    t->answer.flags |= ANSWER_REASONED;
    told_verdict(t, "{}", REASON_ANSWER, "reasoning alone");
    told_call(t, "get_weather", "");
    told_verdict(t, "{}", REASON_NONE, NULL);
    told_free(t);
}

static void test_texts(void **state)
{
    (void)state;
    text_verdict("All ready.\n", "{answer: {contains: [ready, All]}}", REASON_NONE, NULL);
    text_verdict("All ready.\n", "{answer: {contains: [ready, none]}}", REASON_ANSWER,
                 "10 bytes, \"All ready.\"");
    text_verdict("All ready.\n", "{answer: {equals: All ready.}}", REASON_NONE, NULL);
    text_verdict("All ready.\n", "{answer: {equals: All}}", REASON_ANSWER, NULL);
    text_verdict("All ready.", "{answer: {not_contains: error}}", REASON_NONE, NULL);
    text_verdict("All ready.", "{answer: {not_contains: ready}}", REASON_ANSWER, NULL);
    text_verdict("All ready.\n", "{answer: {matches: '^All.*\\.$'}}", REASON_NONE, NULL);
    text_verdict("All ready.", "{answer: {not_matches: ready}}", REASON_ANSWER, NULL);
}

/* Nothing is known of what was not kept. */
static void test_texts_that_are_cut(void **state)
{
    (void)state;
    struct told *t = told_new("{\"a\": 1}");
    t->said.text_bytes++;
    told_verdict(t, "{answer: {contains: a}}", REASON_NONE, NULL);
    told_verdict(t, "{answer: {contains: b}}", REASON_ANSWER, "more text than is kept");
    told_verdict(t, "{answer: {not_contains: b}}", REASON_ANSWER, "more text than is kept");
    told_verdict(t, "{answer: {not_matches: b}}", REASON_ANSWER, "more text than is kept");
    told_verdict(t, "{json: {$.a: 1}}", REASON_ANSWER, "more text than is kept");
    told_verdict(t, "{schema: {type: object}}", REASON_ANSWER, "more text than is kept");
    told_free(t);
}

static void test_json(void **state)
{
    (void)state;
    static const char city[] = "{\"city\": \"Paris\", \"days\": 3}";
    text_verdict(city, "{json: {$.city: Paris, $.days: '>= 3'}}", REASON_NONE, NULL);
    text_verdict(city, "{json: {$.city: Berlin}}", REASON_ANSWER, "\"Paris\"");
    text_verdict("Paris", "{json: {$.city: Paris}}", REASON_ANSWER, NULL);
    text_verdict(city, "{schema: {type: object, required: [city]}}", REASON_NONE, "it");
    text_verdict(city, "{schema: {required: [town]}}", REASON_ANSWER,
                 "$.town: is required, and missing");
}

static void test_fences(void **state)
{
    (void)state;
    static const char expect[] = "{json: {$.a: 1}, schema: {type: object}}";
    text_verdict("```json\n{\"a\": 1}\n```\n", expect, REASON_NONE, "it, in a code fence");
    text_verdict("```\n{\"a\": 1}```", expect, REASON_NONE, "it, in a code fence");
    text_verdict("Here:\n```json\n{\"a\": 1}\n```", expect, REASON_ANSWER, NULL);
    text_verdict("```json\n{\"a\": 1}\n```\nDone.", expect, REASON_ANSWER, NULL);
    text_verdict("```json {\"a\": 1}```", expect, REASON_ANSWER, NULL);
    text_verdict("```\n```", expect, REASON_ANSWER, NULL);
    text_verdict("```", expect, REASON_ANSWER, NULL);
    text_verdict("```\n``", expect, REASON_ANSWER, NULL);
}

static void test_tools(void **state)
{
    (void)state;
    struct told *t = told_new("");
    told_call(t, "get_weather", "{\"city\": \"Berlin\"}");
    told_verdict(t, "{tool: get_weather}", REASON_NONE, "it");
    told_verdict(t, "{tool: get_time}", REASON_ANSWER, "\"get_weather\"");
    told_verdict(t, "{tool: {name: get_weather, arguments: {$.city: Paris}}}", REASON_ANSWER,
                 "$.city \"Berlin\"");
    told_call(t, "get_weather", "{\"city\": \"Paris\"}");
    told_verdict(t, "{tool: {name: get_weather, arguments: {$.city: Paris}}}", REASON_NONE, NULL);
    told_verdict(t, "{tool: [get_weather, get_time]}", REASON_ANSWER, NULL);
    told_call(t, "get_time", "");
    told_verdict(t, "{tool: [get_weather, get_time]}", REASON_NONE, NULL);
    told_verdict(t, "{tool: {name: get_time, arguments: {$.zone: {present: false}}}}", REASON_NONE,
                 NULL);
    told_call(t, "broken", "{\"a\":");
    told_verdict(t, "{tool: {name: broken, arguments: {$.a: 1}}}", REASON_ANSWER, NULL);
    told_free(t);
    text_verdict("hello", "{tool: get_time}", REASON_ANSWER, "no call");
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const refusing[] = {
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t assist with that request.",
        "\n> **Sorry, I cannot comply with",
        "I am unable to help with this.",
        "As an AI language model, I cannot fulfill that.",
        "I won't do that.",
        "UNFORTUNATELY, I CAN'T PROVIDE THAT INFORMATION",
    };
    static const char *const helpful[] = {
        "I'm sorry, but I can't find the order 1234.",
        "I can't help but notice that Paris is lovely.",
        "I cannot recommend this enough!",
        "Sorry, here it is: ready",
        "The model says: I'm sorry, but I can't help with that.",
        "I",
        "ready",
    };
    for (size_t i = 0; i < countof(refusing); i++) {
        text_verdict(refusing[i], "{}", REASON_ANSWER, NULL);
        text_verdict(refusing[i], "{refusal: false}", REASON_ANSWER, NULL);
        text_verdict(refusing[i], "{refusal: true}", REASON_NONE, NULL);
        text_verdict(refusing[i], "{refusal: [no way]}", REASON_NONE, NULL);
    }
    for (size_t i = 0; i < countof(helpful); i++)
        text_verdict(helpful[i], "{}", REASON_NONE, NULL);
    text_verdict("\"NO WAY, friend", "{refusal: [nope, no way]}", REASON_ANSWER, NULL);
    text_verdict("there is no way", "{refusal: [no way]}", REASON_NONE, NULL);
}

static void test_refusals_by_the_protocol(void **state)
{
    (void)state;
    struct told *t = told_new("");
    told_call(t, "f", "");
    t->said.refused = true;
    told_verdict(t, "{}", REASON_ANSWER, "one, by the protocol's word");
    told_verdict(t, "{refusal: [no way]}", REASON_ANSWER, NULL);
    told_verdict(t, "{refusal: true}", REASON_NONE, NULL);
    told_free(t);
    t = told_new("I can't help with that.");
    told_call(t, "f", ""); /* it does something all the same */
    told_verdict(t, "{}", REASON_NONE, NULL);
    told_free(t);
}

static void test_ends(void **state)
{
    (void)state;
    struct told *t = told_new("x");
    told_verdict(t, "{finish: stop}", REASON_NONE, "\"stop\"");
    told_verdict(t, "{finish: [end_turn, stop]}", REASON_NONE, NULL);
    str_copy(t->said.finish, sizeof(t->said.finish), "length");
    struct verdict *v = told_judge(t, "{finish: [end_turn, stop]}");
    assert_string_equal(v->message, "expected an end by end_turn or stop; got \"length\"");
    free(v);
    t->said.finish[0] = '\0';
    told_verdict(t, "{finish: stop}", REASON_ANSWER, "an end without a word why");
    told_free(t);
}

static void test_numbers(void **state)
{
    (void)state;
    struct told *t = told_new("x");
    told_verdict(t, "{min_tokens: 30}", REASON_NONE, "30");
    told_verdict(t, "{min_tokens: 31}", REASON_ANSWER, "30");
    told_verdict(t, "{ttft_faster_than: 250ms}", REASON_NONE, "250ms");
    told_verdict(t, "{ttft_faster_than: 249ms}", REASON_LATENCY, "250ms");
    told_verdict(t, "{gap_below: 40ms}", REASON_NONE, "40.0ms");
    told_verdict(t, "{gap_below: 39999us}", REASON_LATENCY, NULL);
    told_verdict(t, "{tokens_per_second_at_least: 30}", REASON_NONE, "30.0 tokens a second");
    told_verdict(t, "{tokens_per_second_at_least: 30.001}", REASON_LATENCY, NULL);
    told_verdict(t, "{cost_at_most: 0.0015}", REASON_NONE, "0.0015");
    told_verdict(t, "{cost_at_most: 0.001499999999}", REASON_COST, "0.0015");
    told_free(t);
}

static void test_numbers_that_are_not_told(void **state)
{
    (void)state;
    struct told *t = told_new("");
    t->answer.first_token_us = t->answer.last_token_us = t->answer.last_event_us = 0;
    t->answer.tokens_out = -1;
    t->answer.cost = -1;
    told_verdict(t, "{empty: true, min_tokens: 1}", REASON_ANSWER, "no count of tokens");
    told_verdict(t, "{empty: true, ttft_faster_than: 5s}", REASON_LATENCY, "no token");
    told_verdict(t, "{empty: true, gap_below: 5s}", REASON_LATENCY, "no token");
    told_verdict(t, "{empty: true, tokens_per_second_at_least: 1}", REASON_LATENCY,
                 "no count of tokens");
    told_verdict(t, "{empty: true, cost_at_most: 1}", REASON_COST, "a cost that is not known");
    told_free(t);
}

/* What takes long does not do so on the loop, wherever the agent put it. */
static void test_what_is_judged_at_once(void **state)
{
    (void)state;
    static char long_json[20 << 10];
    static struct expected_tool tool = {.name = "t"};
    const struct agent_expect any = {0}, calls = {.tools = &tool, .tool_count = 1};
    memset(long_json, '1', sizeof(long_json) - 1);
    struct told *t = told_new("short");
    assert_false(answer_judge_heavy(&any, &t->said));
    told_call(t, "t", long_json);
    assert_false(answer_judge_heavy(&any, &t->said));
    assert_true(answer_judge_heavy(&calls, &t->said));
    told_free(t);
    t = told_new(long_json);
    assert_true(answer_judge_heavy(&any, &t->said));
    told_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_answer_is_good),
        cmocka_unit_test(test_the_response_comes_first),
        cmocka_unit_test(test_headers_and_certificates),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_errors_have_codes),
        cmocka_unit_test(test_an_answer_says_something),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_texts_that_are_cut),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_fences),
        cmocka_unit_test(test_tools),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refusals_by_the_protocol),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_that_are_not_told),
        cmocka_unit_test(test_what_is_judged_at_once),
    };
    return cmocka_run_group_tests_name("answer_judge", tests, NULL, NULL);
}
