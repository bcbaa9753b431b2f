/* What `nines probe` prints, from an observation made by hand. */
#include "cli/probe.h"

#include "base/mem.h"
#include "base/units.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),        cmocka_unit_test(test_color_changes_no_text),
        cmocka_unit_test(test_no_response), cmocka_unit_test(test_json),
        cmocka_unit_test(test_verbose),     cmocka_unit_test(test_an_expired_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
