/* What `nines probe` prints, from an observation made by hand. */
#include "cli/probe.h"

#include "base/mem.h"
#include "base/units.h"
#include "cli/timeline.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct hop hops[] = {
    {.url = "http://h/a",
     .address = "127.0.0.1:80",
     .protocol = "HTTP/1.1",
     .status = 302,
     .phases = {.dns_us = 1000, .connect_us = 2000, .wait_us = 7000},
     .bytes = 0},
    {.url = "http://h/b",
     .address = "127.0.0.1:80",
     .protocol = "HTTP/1.1",
     .status = 503,
     .reused = true,
     .phases = {.wait_us = 9000, .transfer_us = 1000},
     .bytes = 2048},
};

static const struct assertion_seen assertions[] = {
    {true, false, "header Server", "\"x\""},
    {false, false, "status 2xx", "503"},
};

static struct observation bad_run(void)
{
    return (struct observation){
        .result = {.outcome = OUTCOME_BAD,
                   .reason = REASON_STATUS,
                   .code = 503,
                   .total_us = 20100,
                   .phases = hops[1].phases,
                   .flags = RESULT_REUSED},
        .message = "expected status 2xx; got 503",
        .hops = hops,
        .hop_count = 2,
        .assertions = assertions,
        .assertion_count = 2,
        .body = "no\xff\"",
        .body_len = 4,
        .cert_not_after_us = 20 * USEC_PER_DAY,
    };
}

static char *text_of(const struct observation *obs, bool color, int width)
{
    struct probe_view v = {.obs = obs, .now_us = 10 * USEC_PER_DAY, .color = color, .width = width};
    struct str out;
    str_init(&out, 1 << 16);
    assert_int_equal(probe_put_text(&v, &out), 0);
    char *text = str_detach(&out);
    str_release(&out);
    return text;
}

/* An hour ago is not today. */
static void test_an_expired_certificate(void **state)
{
    (void)state;
    struct observation obs = bad_run();
    obs.cert_not_after_us = 10 * USEC_PER_DAY - USEC_PER_HOUR;
    mem_auto char *got = text_of(&obs, false, 42);
    assert_non_null(strstr(got, " · certificate expired\n"));
    obs.cert_not_after_us = 10 * USEC_PER_DAY + USEC_PER_HOUR;
    mem_auto char *last_day = text_of(&obs, false, 42);
    assert_non_null(strstr(last_day, " · certificate 0 days left\n"));
}

static void test_text(void **state)
{
    (void)state;
    struct observation obs = bad_run();
    mem_auto char *got = text_of(&obs, false, 42); /* bars of 20 columns */
    assert_string_equal(got, "http://h/a\n"
                             "  302 · HTTP/1.1 · 127.0.0.1:80 · 0B\n\n"
                             "  dns         1.00ms  █\n"
                             "  connect     2.00ms   ██\n"
                             "  wait        7.00ms     ███████\n\n"
                             "http://h/b\n"
                             "  503 · HTTP/1.1 · 127.0.0.1:80 · reused connection · 2KiB"
                             " · certificate 10 days left\n\n"
                             "  wait        9.00ms            █████████\n"
                             "  transfer    1.00ms                     █\n\n"
                             "  ✓ header Server  \"x\"\n"
                             "  ✗ status 2xx     503\n\n"
                             "BAD  status: expected status 2xx; got 503 (after 20.1ms)\n");
}

static void test_color_changes_no_text(void **state)
{
    (void)state;
    struct observation obs = bad_run();
    mem_auto char *plain = text_of(&obs, false, 80), *colored = text_of(&obs, true, 80);
    assert_null(strchr(plain, '\033'));
    assert_non_null(strchr(colored, '\033'));
    char *to = colored;
    for (const char *from = colored; *from;) {
        if (*from == '\033')
            from = strchr(from, 'm') + 1;
        else
            *to++ = *from++;
    }
    *to = '\0';
    assert_string_equal(colored, plain);
}

static void test_no_response(void **state)
{
    (void)state;
    struct hop hop = {.url = "http://h/", .address = "", .protocol = ""};
    struct observation obs = {.result = {.outcome = OUTCOME_SKIPPED, .reason = REASON_PROBER},
                              .message = "no ports",
                              .hops = &hop,
                              .hop_count = 1};
    mem_auto char *got = text_of(&obs, false, 20);
    assert_string_equal(got, "http://h/\n  no response\n\nSKIPPED  prober: no ports (after 0us)\n");
}

static void test_json(void **state)
{
    (void)state;
    struct observation obs = bad_run();
    struct probe_view v = {.id = "p", .obs = &obs, .now_us = 10 * USEC_PER_DAY};
    struct str out;
    str_init(&out, 1 << 16);
    assert_int_equal(probe_put_json(&v, &out), 0);
    json_t *doc = json_loads(out.buf, JSON_REJECT_DUPLICATES, NULL);
    const char *probe, *time, *outcome, *reason, *message, *seen, *url, *body;
    int code, days, reused;
    double latency, wait;
    assert_non_null(doc);
    assert_int_equal(json_unpack(doc,
                                 "{s:s,s:s,s:s,s:s,s:i,s:f,s:s,s:b,s:{s:f},s:{s:i},s:[o,{s:s}],"
                                 "s:[o,{s:s}],s:s}",
                                 "probe", &probe, "time", &time, "outcome", &outcome, "reason",
                                 &reason, "code", &code, "latency_ms", &latency, "message",
                                 &message, "reused", &reused, "phases_ms", "wait", &wait,
                                 "certificate", "days_left", &days, "hops", &(json_t *){NULL},
                                 "url", &url, "assertions", &(json_t *){NULL}, "seen", &seen,
                                 "body", &body),
                     0);
    assert_string_equal(probe, "p");
    assert_string_equal(time, "1970-01-01T00:00:00Z");
    assert_string_equal(outcome, "bad");
    assert_string_equal(reason, "status");
    assert_int_equal(code, 503);
    assert_true(latency == 20.1 && wait == 9.0);
    assert_int_equal(days, 10);
    assert_true(reused);
    assert_string_equal(url, "http://h/b");
    assert_string_equal(seen, "503");
    assert_string_equal(body, "no\xef\xbf\xbd\"");
    json_decref(doc);
    str_release(&out);
}

static struct observation verbose_run(void)
{
    static const struct sample samples[] = {
        {"a{x=\"1\"}", 0.1}, {"b", NAN}, {"c", -INFINITY}, {"d", 1e21}};
    return (struct observation){.result = {.outcome = OUTCOME_GOOD},
                                .message = "",
                                .hops = hops,
                                .hop_count = 1,
                                .samples = samples,
                                .sample_count = 4,
                                .version = "1.2",
                                .headers = "Server: x\r\nA: \x1b[0m\r\n",
                                .headers_len = 20,
                                .body = "one\n\xc2\x9b\xffü",
                                .body_len = 9};
}

static void test_verbose(void **state)
{
    (void)state;
    struct observation obs = verbose_run();
    struct probe_view v = {.obs = &obs, .verbose = true, .width = 42};
    struct str out;
    str_init(&out, 1 << 16);
    assert_int_equal(probe_put_text(&v, &out), 0);
    assert_non_null(strstr(out.buf, "headers\n  Server: x\n  A: ?[0m\n\n"
                                    "body\n  one\n  ??ü\n\n"
                                    "samples\n  a{x=\"1\"}  0.1\n  b  NaN\n  c  -Inf\n"
                                    "  d  1e+21\n\nversion 1.2\n\n"));
    str_clear(&out);
    assert_int_equal(probe_put_json(&v, &out), 0);
    json_t *doc = json_loads(out.buf, JSON_REJECT_DUPLICATES, NULL), *list;
    const char *version, *headers, *nan, *inf;
    double first;
    assert_non_null(doc);
    assert_int_equal(json_unpack(doc, "{s:s,s:s,s:o}", "version", &version, "headers", &headers,
                                 "samples", &list),
                     0);
    assert_string_equal(version, "1.2");
    assert_int_equal(json_unpack(list, "[{s:f},{s:s},{s:s},o]", "value", &first, "value", &nan,
                                 "value", &inf, &(json_t *){NULL}),
                     0);
    assert_true(first == 0.1);
    assert_string_equal(nan, "NaN");
    assert_string_equal(inf, "-Inf");
    json_decref(doc);
    str_release(&out);
}

/* ---- answers ---------------------------------------------------------------------- */

static const struct hop asked = {.url = "http://h/v1/chat/completions",
                                 .address = "127.0.0.1:80",
                                 .protocol = "HTTP/1.1",
                                 .status = 200,
                                 .phases = {.connect_us = 1000, .wait_us = 99000},
                                 .bytes = 300};

static const struct answer_told told = {
    .text = "ready \x1b[2J\nnow", .tools = "get_weather", .model = "m-1", .finish = "stop"};

static struct observation answered(void)
{
    return (struct observation){
        .result = {.outcome = OUTCOME_GOOD,
                   .code = 200,
                   .total_us = 400000,
                   .flags = RESULT_ANSWER,
                   .answer = {.headers_us = 100000,
                              .first_event_us = 110000,
                              .first_token_us = 150000,
                              .last_token_us = 350000,
                              .last_event_us = 360000,
                              .gap_us = 200000,
                              .events = 4,
                              .flags = ANSWER_STREAMED | ANSWER_ENDED,
                              .tokens_in = 12,
                              .tokens_out = 30,
                              .tokens_cached = 4,
                              .tokens_reasoning = 25,
                              .cost = 19800000}},
        .message = "",
        .hops = &asked,
        .hop_count = 1,
        .told = &told,
    };
}

static void fill(struct timeline *t)
{
    static const struct {
        enum mark_kind kind;
        int64_t at_us;
        const char *name, *text;
    } marks[] = {
        {MARK_REQUEST, 5, "chat completion", ""},
        {MARK_HEADERS, 100005, "200", ""},
        {MARK_EVENT, 110005, "message", ""},
        {MARK_TEXT, 150005, "message", "ready "},
        {MARK_TEXT, 350005, "message", "\"now"},
        {MARK_TERMINATOR, 360005, "", ""},
        {MARK_CLOSED, 360105, "", ""},
    };
    timeline_init(t);
    for (size_t i = 0; i < countof(marks); i++)
        timeline_add(t, &(struct answer_mark){.kind = marks[i].kind,
                                              .at_us = marks[i].at_us,
                                              .name = marks[i].name,
                                              .text = marks[i].text,
                                              .bytes = 50});
}

static char *answer_text(const struct observation *obs, const char *currency, bool json)
{
    struct timeline line;
    struct str out;
    fill(&line);
    struct probe_view v = {.obs = obs, .width = 60, .line = &line, .currency = currency};
    str_init(&out, 1 << 16);
    assert_int_equal(json ? probe_put_json(&v, &out) : probe_put_text(&v, &out), 0);
    char *text = str_detach(&out);
    str_release(&out);
    timeline_release(&line);
    return text;
}

static void test_an_answer(void **state)
{
    (void)state;
    struct observation obs = answered();
    mem_auto char *got = answer_text(&obs, "USD", false);
    assert_non_null(strstr(got, "http://h/v1/chat/completions\n  200 · HTTP/1.1 · 127.0.0.1:80"));
    assert_null(strstr(got, "transfer"));
    assert_non_null(strstr(got, "  first token  40.0ms  "));
    assert_non_null(strstr(got, "\n  first token after 150ms, largest gap 200ms, 4 events, 250B\n"
                                "  tokens 12 in (4 cached), 30 out (25 of reasoning)"
                                " · 25.0 tokens/s · cost 0.0000198 USD\n\n"));
    assert_non_null(strstr(got, "answer · m-1 · stop\n  calls get_weather\n  ready ?[2J\n  now\n"));
    assert_non_null(strstr(got, "GOOD  in 400ms\n"));
}

static void test_an_answer_that_does_not_tell(void **state)
{
    (void)state;
    struct observation obs = answered();
    struct answer *a = &obs.result.answer;
    a->tokens_in = a->tokens_out = a->tokens_cached = a->tokens_reasoning = -1;
    a->cost = -1;
    obs.told = NULL;
    mem_auto char *got = answer_text(&obs, NULL, false);
    assert_non_null(strstr(got, "  tokens not told · cost unknown\n"));
    a->flags |= ANSWER_ABSURD;
    mem_auto char *absurd = answer_text(&obs, NULL, false);
    assert_non_null(strstr(absurd, "  tokens told cannot be: unknown · cost unknown\n"));
    a->tokens_out = 5;
    mem_auto char *half = answer_text(&obs, NULL, false);
    assert_non_null(strstr(half, "  tokens unknown in, 5 out · 25.0 tokens/s · cost unknown\n"));
}

static void test_a_long_answer_is_cut_for_people(void **state)
{
    (void)state;
    struct observation obs = answered();
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    memcpy(text + 599, "\xc3\xa9", 2); /* not within a character */
    struct answer_told longer = {.text = text, .tools = "", .model = "", .finish = ""};
    obs.told = &longer;
    mem_auto char *got = answer_text(&obs, NULL, false);
    assert_non_null(strstr(got, "xx\n  and more; --verbose shows it\n\n"));
    assert_null(strstr(got, "\xc3"));
    text[100] = '\0';
    longer.cut = true;
    mem_auto char *cut = answer_text(&obs, NULL, false);
    assert_non_null(strstr(cut, "xx\n  and more, that is not kept\n\n"));
}

static void test_an_answer_as_json(void **state)
{
    (void)state;
    struct observation obs = answered();
    mem_auto char *got = answer_text(&obs, "USD", true);
    json_t *doc = json_loads(got, 0, NULL);
    assert_non_null(doc);
    json_t *answer = json_object_get(doc, "answer"), *marks = json_object_get(doc, "marks");
    assert_true(json_number_value(json_object_get(answer, "gap_ms")) == 200);
    assert_string_equal(json_string_value(json_object_get(answer, "cost")), "0.0000198");
    assert_int_equal(json_array_size(marks), 7);
    json_t *mark = json_array_get(marks, 4);
    assert_string_equal(json_string_value(json_object_get(mark, "kind")), "text");
    assert_string_equal(json_string_value(json_object_get(mark, "text")), "\"now");
    assert_true(json_real_value(json_object_get(mark, "at_ms")) == 350.005);
    assert_int_equal(json_integer_value(json_object_get(doc, "marks_dropped")), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(doc, "told"), "finish")),
                        "stop");
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_an_answer_that_does_not_tell),
        cmocka_unit_test(test_a_long_answer_is_cut_for_people),
        cmocka_unit_test(test_an_answer_as_json),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_color_changes_no_text),
        cmocka_unit_test(test_no_response),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_verbose),
        cmocka_unit_test(test_an_expired_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
