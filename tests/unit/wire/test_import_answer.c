/* Answers on import lines: exact both ways, and what is said of bad ones. */
#include "wire/answer_json.h"
#include "wire/import.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "{\"probe\":\"p\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"good\",\"latency_ms\":1,"    \
    "\"answer\":"

static const struct answer unknown = {
    .tokens_in = -1, .tokens_out = -1, .tokens_cached = -1, .tokens_reasoning = -1, .cost = -1};

static void take(const char *text, struct answer want)
{
    struct import_line l, slow;
    struct err err = {{0}};
    assert_false(import_line_scan(text, strlen(text), &slow));
    if (import_line_parse(text, strlen(text), &l, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    assert_int_equal(l.result.flags, RESULT_IMPORTED | RESULT_ANSWER);
    assert_memory_equal(&l.result.answer, &want, sizeof(want));
}

static void what_a_line_says(void **state)
{
    (void)state;
    struct answer a = unknown;
    take(HEAD "{}}", a);
    a.gap_us = 7; /* a time like others, wherever the end is */
    take(HEAD "{\"gap_ms\":0.007}}", a);
    a = unknown;
    a.cost = 0;
    take(HEAD "{\"cost\":\"0\",\"gap_ms\":0}}", a);
    take(HEAD "{\"headers_ms\":1.2,\"first_event_ms\":3.4,\"first_token_ms\":5.6,"
              "\"last_token_ms\":4294967.295,\"last_event_ms\":41.002,\"gap_ms\":7,\"events\":12,"
              "\"tokens_in\":12,\"tokens_out\":100000000,\"tokens_cached\":0,"
              "\"tokens_reasoning\":1,\"cost\":\"0.000123000001\","
              "\"flags\":[\"streamed\",\"ended\",\"absurd\"]}}",
         (struct answer){.headers_us = 1200,
                         .first_event_us = 3400,
                         .first_token_us = 5600,
                         .last_token_us = UINT32_MAX,
                         .last_event_us = 41002,
                         .gap_us = 7000,
                         .events = 12,
                         .flags = ANSWER_STREAMED | ANSWER_ENDED | ANSWER_ABSURD,
                         .tokens_in = 12,
                         .tokens_out = ANSWER_TOKENS_MAX,
                         .tokens_reasoning = 1,
                         .cost = 123000001});
    struct import_line l;
    static const char none[] = HEAD "null}";
    assert_int_equal(import_line_parse(none, strlen(none), &l, NULL), 0);
    assert_int_equal(l.result.flags, RESULT_IMPORTED);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"[]", "\"answer\" must be an object"},
        {"{\"first_token\":1}", "did you mean \"first_token_ms\"?"},
        {"{\"ttft\":1}", "unknown key \"ttft\" of an answer"},
        {"{\"headers_ms\":0}", "above 0"},
        {"{\"headers_ms\":0.0004}", "above 0"},
        {"{\"gap_ms\":-0.1}", "\"gap_ms\" must be a number of milliseconds"},
        {"{\"gap_ms\":4294967.296}", "at most 4294967.295"},
        {"{\"gap_ms\":1e300}", "at most 4294967.295"},
        {"{\"last_event_ms\":\"1\"}", "\"last_event_ms\" must be a number"},
        {"{\"events\":1.5}", "\"events\" must be a whole number"},
        {"{\"events\":4294967296}", "from 0 to 4294967295"},
        {"{\"tokens_in\":-1}", "\"tokens_in\" must be a whole number"},
        {"{\"tokens_out\":100000001}", "from 0 to 100000000"},
        {"{\"cost\":0.1}", "\"cost\" must be a text"},
        {"{\"cost\":\"-1\"}", "\"cost\" must be a text"},
        {"{\"cost\":\"0.0000000000001\"}", "at most 12 decimals"},
        {"{\"cost\":\"9223373\"}", "below 9223372"},
        {"{\"flags\":\"ended\"}", "\"flags\" must be a list"},
        {"{\"flags\":[1]}", "\"flags\" must be a list"},
        {"{\"flags\":[\"endet\"]}", "did you mean \"ended\"?"},
        {"{\"events\":1,\"events\":1}", "duplicate"},
    };
    for (size_t i = 0; i < countof(bad); i++) {
        char text[512];
        struct import_line l;
        struct err err = {{0}};
        snprintf(text, sizeof(text), HEAD "%s}", bad[i].text);
        if (import_line_parse(text, strlen(text), &l, &err) == 0)
            fail_msg("%s was taken", bad[i].text);
        if (!strstr(err.msg, bad[i].words))
            fail_msg("%s: '%s' does not say '%s'", bad[i].text, err.msg, bad[i].words);
    }
}

/* ---- what is written ---------------------------------------------------------- */

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

/* Of all magnitudes, and often 0. */
static uint32_t random_time(uint64_t *x)
{
    return next_random(x) % 3 ? (uint32_t)(next_random(x) >> (32 + next_random(x) % 32)) : 0;
}

static int32_t random_tokens(uint64_t *x)
{
    return (int32_t)(next_random(x) % ((uint64_t)ANSWER_TOKENS_MAX + 2)) - 1;
}

static struct answer random_answer(uint64_t *x)
{
    return (struct answer){
        .headers_us = random_time(x),
        .first_event_us = random_time(x),
        .first_token_us = random_time(x),
        .last_token_us = random_time(x),
        .last_event_us = random_time(x),
        .gap_us = random_time(x),
        .events = random_time(x),
        .flags = (uint32_t)(next_random(x) % 256),
        .tokens_in = random_tokens(x),
        .tokens_out = random_tokens(x),
        .tokens_cached = next_random(x) % 2 ? random_tokens(x) : -1,
        .tokens_reasoning = next_random(x) % 2 ? random_tokens(x) : 0,
        .cost = (int64_t)(next_random(x) >> (1 + next_random(x) % 63)) - 1,
    };
}

static void written_answers_come_back(void **state)
{
    (void)state;
    uint64_t seed = 20261122;
    char text[IMPORT_WRITE_MAX];
    struct import_writer w;
    import_writer_init(&w, "chat");
    for (int i = 0; i < 20000; i++) {
        struct result r = {.slot_us = 1792656000000000 + i,
                           .outcome = OUTCOME_GOOD,
                           .flags = RESULT_ANSWER,
                           .answer = random_answer(&seed)};
        struct import_line l;
        assert_true(import_writable(&r));
        size_t n = import_writer_put(&w, &r, text);
        if (import_line_parse(text, n - 1, &l, NULL) < 0 ||
            memcmp(&l.result.answer, &r.answer, sizeof(r.answer)) != 0)
            fail_msg("%.*s says something else", (int)n, text);
    }
}

static void what_cannot_be_is_not_written(void **state)
{
    (void)state;
    struct answer a = unknown;
    assert_true(answer_json_writable(&a));
    a.cost = -2;
    assert_false(answer_json_writable(&a));
    a = unknown;
    a.tokens_cached = -2;
    assert_false(answer_json_writable(&a));
    a.tokens_cached = ANSWER_TOKENS_MAX + 1;
    assert_false(answer_json_writable(&a));
    a = unknown;
    a.flags = 256;
    assert_false(answer_json_writable(&a));
    struct result r = {.flags = RESULT_ANSWER, .answer = a};
    assert_false(import_writable(&r));
    r.flags = 0;
    assert_true(import_writable(&r));
}

static void the_longest_line_fits(void **state)
{
    (void)state;
    char probe[IMPORT_PROBE_MAX + 1] = {0}, text[IMPORT_WRITE_MAX];
    struct import_writer w;
    memset(probe, '\001', IMPORT_PROBE_MAX); /* six bytes each */
    struct result r = {.slot_us = 253402300799999999,
                       .total_us = INT64_MAX,
                       .phases = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX},
                       .code = INT16_MAX,
                       .outcome = OUTCOME_EXCLUDED,
                       .reason = REASON_TTFB_TIMEOUT,
                       .flags = RESULT_ANSWER};
    uint32_t *times = &r.answer.headers_us;
    for (int i = 0; i < 7; i++)
        times[i] = UINT32_MAX;
    r.answer.flags = 255;
    r.answer.tokens_in = r.answer.tokens_out = r.answer.tokens_cached = r.answer.tokens_reasoning =
        INT32_MAX;
    r.answer.cost = INT64_MAX;
    import_writer_init(&w, probe);
    size_t n = import_writer_put(&w, &r, text);
    assert_in_range(n, 6 * IMPORT_PROBE_MAX, IMPORT_WRITE_MAX - 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_line_says),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(written_answers_come_back),
        cmocka_unit_test(what_cannot_be_is_not_written),
        cmocka_unit_test(the_longest_line_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
