/* Import lines: what is taken, exactly as what, and what is said of the rest. */
#include "wire/import.h"

#include "base/mem.h"
#include "base/when.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void a_whole_line(void **state)
{
    (void)state;
    static const char text[] =
        "{\"probe\":\"api-health\",\"time\":\"2026-10-22T08:00:00.123Z\",\"outcome\":\"bad\","
        "\"reason\":\"status\",\"code\":503,\"latency_ms\":12.345,"
        "\"phases_ms\":{\"dns\":0.1,\"connect\":0.9,\"tls\":0,\"send\":0.001,\"wait\":11.2,"
        "\"transfer\":0.144}}";
    struct import_line l;
    assert_int_equal(import_line_parse(text, strlen(text), &l, NULL), 0);
    assert_string_equal(l.probe, "api-health");
    const struct result want = {
        .slot_us = 1792656000123000,
        .done_us = 1792656000123000 + 12345,
        .total_us = 12345,
        .phases = {100, 900, 0, 1, 11200, 144},
        .code = 503,
        .outcome = OUTCOME_BAD,
        .reason = REASON_STATUS,
        .flags = RESULT_IMPORTED,
    };
    assert_int_equal(l.result.slot_us, want.slot_us);
    assert_int_equal(l.result.done_us, want.done_us);
    assert_int_equal(l.result.total_us, want.total_us);
    assert_memory_equal(&l.result.phases, &want.phases, sizeof(want.phases));
    assert_int_equal(l.result.code, want.code);
    assert_int_equal(l.result.outcome, want.outcome);
    assert_int_equal(l.result.reason, want.reason);
    assert_int_equal(l.result.flags, want.flags);
}

static void milliseconds_are_exact(void **state)
{
    (void)state;
    for (int64_t us = 0; us < IMPORT_LATENCY_MAX_US; us = us * 3 / 2 + 1) {
        char text[160];
        struct import_line l;
        snprintf(text, sizeof(text),
                 "{\"probe\":\"p\",\"time\":\"1970-01-01T00:00:00.000001Z\",\"outcome\":\"good\","
                 "\"latency_ms\":%lld.%03d}",
                 (long long)(us / 1000), (int)(us % 1000));
        assert_int_equal(import_line_parse(text, strlen(text), &l, NULL), 0);
        assert_int_equal(l.result.total_us, us);
        assert_int_equal(l.result.slot_us, 1);
    }
}

#define HEAD "{\"probe\":\"p\",\"time\":\"2026-10-22T08:00:00Z\","

static void what_may_be_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum outcome outcome;
        enum reason reason;
    } good[] = {
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1}", OUTCOME_GOOD, REASON_NONE},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"reason\":\"none\"}", OUTCOME_GOOD,
         REASON_NONE},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"reason\":\"\",\"code\":null}", OUTCOME_GOOD,
         REASON_NONE},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"reason\":null,\"phases_ms\":{}}",
         OUTCOME_GOOD, REASON_NONE},
        {HEAD "\"outcome\":\"skipped\"}", OUTCOME_SKIPPED, REASON_NONE},
        {HEAD "\"outcome\":\"excluded\",\"reason\":\"prober\"}", OUTCOME_EXCLUDED, REASON_PROBER},
        {HEAD "\"outcome\":\"excluded\"}", OUTCOME_EXCLUDED, REASON_NONE},
        {HEAD "\"outcome\":\"bad\",\"reason\":\"dns\",\"latency_ms\":0.5} \r", OUTCOME_BAD,
         REASON_DNS},
    };
    for (size_t i = 0; i < countof(good); i++) {
        struct import_line l;
        struct err err = {{0}};
        if (import_line_parse(good[i].text, strlen(good[i].text), &l, &err) < 0)
            fail_msg("%s: %s", good[i].text, err.msg);
        assert_int_equal(l.result.outcome, good[i].outcome);
        assert_int_equal(l.result.reason, good[i].reason);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"[1,2]", "must be a JSON object"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1} x", "not JSON"},
        {HEAD "\"probe\":\"q\",\"outcome\":\"good\",\"latency_ms\":1}", "duplicate"},
        {HEAD "\"outcome\":\"good\",\"latency_mss\":1}", "did you mean \"latency_ms\"?"},
        {HEAD "\"outcome\":\"good\"}", "\"latency_ms\" is missing"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":\"1\"}", "must be a number of milliseconds"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":-1}", "must be a number of milliseconds"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":86400000.001}", "from 0 to a day"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1e300}", "from 0 to a day"},
        {HEAD "\"outcome\":\"fine\",\"latency_ms\":1}", "must be good, bad, excluded or skipped"},
        {HEAD "\"outcome\":\"bad\",\"latency_ms\":1}", "\"reason\" is missing"},
        {HEAD "\"outcome\":\"good\",\"reason\":\"dns\",\"latency_ms\":1}", "has no \"reason\""},
        {HEAD "\"outcome\":\"bad\",\"reason\":\"moon\",\"latency_ms\":1}", "unknown \"reason\""},
        {HEAD "\"outcome\":\"bad\",\"reason\":7,\"latency_ms\":1}", "must be a string"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"code\":1000}", "\"code\" must be"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"code\":2.5}", "\"code\" must be"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"phases_ms\":[]}", "must be an object"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"phases_ms\":{\"dnss\":1}}",
         "did you mean \"dns\"?"},
        {HEAD "\"outcome\":\"good\",\"latency_ms\":1,\"phases_ms\":{\"dns\":null}}", "\"dns\""},
        {HEAD "\"series\":\"up\"}", "\"value\" is missing"},
        {HEAD "\"value\":1}", "\"series\" is missing"},
        {HEAD "\"series\":7,\"value\":1}", "\"series\" must be a string"},
        {HEAD "\"series\":\"up\",\"value\":\"NaN\"}", "must be a number"},
        {HEAD "\"series\":\"up\",\"value\":null}", "must be a number"},
        {HEAD "\"series\":\"up\",\"value\":1,\"outcome\":\"good\"}", "unknown key \"outcome\""},
        {HEAD "\"series\":\"up\",\"valeu\":1,\"value\":2}", "did you mean \"value\"?"},
        {"{\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"skipped\"}", "\"probe\" is missing"},
        {"{\"probe\":\"\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"skipped\"}", "1 to 255"},
        {"{\"probe\":\"a\\nb\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"skipped\"}",
         "control characters"},
        {"{\"probe\":\"p\",\"time\":\"yesterday\",\"outcome\":\"skipped\"}", "\"time\": "},
        {"{\"probe\":\"p\",\"time\":1792656000,\"outcome\":\"skipped\"}",
         "\"time\" must be a string"},
        {"{\"probe\":\"p\",\"time\":\"2026-02-30T08:00:00Z\",\"outcome\":\"skipped\"}",
         "\"time\": "},
    };
    for (size_t i = 0; i < countof(bad); i++) {
        struct import_line l = {.probe = "untouched"};
        struct err err = {{0}};
        assert_int_equal(import_line_parse(bad[i].text, strlen(bad[i].text), &l, &err), -1);
        if (!strstr(err.msg, bad[i].words))
            fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, err.msg, bad[i].words);
        assert_string_equal(l.probe, "untouched");
    }
}

static void samples_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *series;
        double value;
    } cases[] = {
        {"up", 1},
        {"", 0},
        {"a{b=\"x\\\\y\",c=\"\\\"z\\\"\"}", -0.1},
        {"m\u00fcde{x=\"\n\"}", 1e300},
        {"big", 9007199254740993.0},
        {"small", 5e-324},
        {"third", 1.0 / 3},
        {"inf", (double)INFINITY},
        {"less", -(double)INFINITY},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct import_line l;
        struct str text;
        struct err err = {{0}};
        str_init(&text, 4096);
        import_write_sample(&text, "api-metrics", 1792656000123000, cases[i].series,
                            cases[i].value);
        assert_int_equal(text.buf[text.len - 1], '\n');
        if (import_line_parse(text.buf, text.len - 1, &l, &err) < 0)
            fail_msg("%s: %s", text.buf, err.msg);
        assert_true(l.sample && l.value == cases[i].value);
        assert_string_equal(l.series, cases[i].series);
        assert_string_equal(l.probe, "api-metrics");
        assert_int_equal(l.result.slot_us, 1792656000123000);
        str_release(&text);
    }
}

static void a_nul_ends_nothing(void **state)
{
    (void)state;
    static const char text[] = "{\"probe\":\"p\"}\0{}";
    assert_int_equal(import_line_parse(text, sizeof(text) - 1, &(struct import_line){0}, NULL), -1);
}

/* ---- the scanner against the library -------------------------------------------- */

static bool same_line(const struct import_line *a, const struct import_line *b)
{
    const struct result *x = &a->result, *y = &b->result;
    return strcmp(a->probe, b->probe) == 0 && x->slot_us == y->slot_us &&
           x->done_us == y->done_us && x->total_us == y->total_us && x->lag_us == y->lag_us &&
           memcmp(&x->phases, &y->phases, sizeof(x->phases)) == 0 && x->code == y->code &&
           x->outcome == y->outcome && x->reason == y->reason && x->flags == y->flags &&
           a->sample == b->sample &&
           (!a->sample || (a->value == b->value && strcmp(a->series, b->series) == 0));
}

/* Whether the scanner took it; then the library must take it for the same. */
static bool scans(const char *text, size_t n)
{
    struct import_line fast, slow;
    struct err err;
    char *exact = mem_alloc(n); /* a sanitizer sees reads behind its end */
    memcpy(exact, text, n);
    bool taken = import_line_scan(exact, n, &fast);
    if (taken && import_line_read(exact, n, &slow, &err) < 0)
        fail_msg("%.*s: only the library says: %s", (int)n, text, err.msg);
    if (taken && !same_line(&fast, &slow))
        fail_msg("%.*s: read in two ways", (int)n, text);
    free(exact);
    return taken;
}

#define PLAIN_HEAD "{\"probe\":\"p 1\",\"time\":\"2026-10-22T08:00:00.123456Z\",\"outcome\":"

#define SAMPLE_HEAD "{\"probe\":\"p\",\"time\":\"2026-10-22T08:00:00Z\",\"series\":"

static const char *const plain_lines[] = {
    PLAIN_HEAD "\"good\",\"code\":200,\"latency_ms\":12.345,\"phases_ms\":{\"dns\":0.1,"
               "\"connect\":0.9,\"tls\":0,\"wait\":11.2,\"transfer\":0.1}}",
    PLAIN_HEAD "\"bad\",\"reason\":\"status\",\"code\":503,\"latency_ms\":3.100,\"phases_ms\":"
               "{\"dns\":0.001,\"connect\":0,\"tls\":0,\"send\":86400000,\"wait\":0,"
               "\"transfer\":0.99}}",
    PLAIN_HEAD "\"good\",\"latency_ms\":86400000}",
    PLAIN_HEAD "\"skipped\"} \t\r",
    PLAIN_HEAD "\"excluded\",\"reason\":\"rate_limited\",\"code\":0,\"phases_ms\":{\"tls\":1}}",
    /* as json.dumps() of Python writes it */
    ("{\"probe\": \"p\", \"time\": \"2026-02-28T23:59:59+02:00\", \"outcome\": \"good\", "
     "\"code\": 200, \"latency_ms\": 0.0, \"phases_ms\": {\"dns\": 0.1, \"wait\": 11}}"),
    SAMPLE_HEAD "\"http_requests_total{status=\\\"200\\\",path=\\\"a\\\\b\\\"}\",\"value\":1234}",
    SAMPLE_HEAD "\"up\",\"value\":-0.5}",
    SAMPLE_HEAD "\"\", \"value\": 123456789012345678 }",
};

/* What the scanner leaves to the library, good or bad. */
static const char *const other_lines[] = {
    "",
    "{}",
    "[]",
    SAMPLE_HEAD "\"up\",\"value\":1e3}",
    SAMPLE_HEAD "\"up\",\"value\":1.}",
    SAMPLE_HEAD "\"up\",\"value\":.1}",
    SAMPLE_HEAD "\"up\",\"value\":01}",
    SAMPLE_HEAD "\"up\",\"value\":\"+Inf\"}",
    SAMPLE_HEAD "\"up\",\"value\":1,\"outcome\":\"good\"}",
    SAMPLE_HEAD "\"a\\n\",\"value\":1}",
    SAMPLE_HEAD "\"up\"}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1.2345}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1e3}",
    PLAIN_HEAD "\"good\",\"latency_ms\":01}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1.}",
    PLAIN_HEAD "\"good\",\"latency_ms\":.5}",
    PLAIN_HEAD "\"good\",\"latency_ms\":86400000.001}",
    PLAIN_HEAD "\"good\",\"latency_ms\":123456789}",
    PLAIN_HEAD "\"good\",\"latency_ms\":null}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1,\"code\":200}",
    PLAIN_HEAD "\"good\",\"code\":1000,\"latency_ms\":1}",
    PLAIN_HEAD "\"good\",\"code\":-1,\"latency_ms\":1}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1,\"phases_ms\":{}}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1,\"phases_ms\":{\"wait\":1,\"tls\":1}}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1,\"phases_ms\":{\"wait\":1,}}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1,\"phases_ms\":{,\"wait\":1}}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1}}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1,}",
    PLAIN_HEAD "\"good\",\"latency_ms\":1",
    PLAIN_HEAD "\"good\"}",
    PLAIN_HEAD "\"good\",\"reason\":\"none\",\"latency_ms\":1}",
    PLAIN_HEAD "\"bad\",\"latency_ms\":1}",
    PLAIN_HEAD "\"bad\",\"reason\":\"none\",\"latency_ms\":1}",
    "{\"probe\":\"\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"skipped\"}",
    "{\"probe\":\"a\\n\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"skipped\"}",
    "{\"probe\":\"\xc3\xa4\",\"time\":\"2026-10-22T08:00:00Z\",\"outcome\":\"skipped\"}",
    "{\"probe\":\"a\",\"time\":\"2026-02-30T08:00:00Z\",\"outcome\":\"skipped\"}",
    "{\"time\":\"2026-10-22T08:00:00Z\",\"probe\":\"a\",\"outcome\":\"skipped\"}",
};

static void the_plain_form_is_scanned(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(plain_lines); i++)
        if (!scans(plain_lines[i], strlen(plain_lines[i])))
            fail_msg("not scanned: %s", plain_lines[i]);
    for (size_t i = 0; i < countof(other_lines); i++)
        if (scans(other_lines[i], strlen(other_lines[i])))
            fail_msg("scanned: %s", other_lines[i]);
}

static void bent_lines_are_read_in_one_way(void **state)
{
    (void)state;
    static const char bytes[] = "\"\\{}[]:,.0159-+eEtZ \t\r\n_a\177\200\xc3";
    char text[512];
    int taken = 0;
    for (size_t i = 0; i < countof(plain_lines); i++) {
        size_t n = strlen(plain_lines[i]);
        for (size_t at = 0; at <= n; at++) {
            scans(plain_lines[i], at);
            for (size_t b = 0; b < sizeof(bytes); b++) {
                memcpy(text, plain_lines[i], n + 1); /* one in the place of another, */
                text[at] = bytes[b];
                taken += scans(text, n);
                memcpy(text + at + 1, plain_lines[i] + at, n - at); /* and before it */
                taken += scans(text, n + 1);
            }
            if (at < n) { /* one missing */
                memcpy(text, plain_lines[i], at);
                memcpy(text + at, plain_lines[i] + at + 1, n - at - 1);
                taken += scans(text, n - 1);
            }
        }
    }
    assert_true(taken > 1000); /* other names, digits, spaces */
}

/* ---- lines that we write ---------------------------------------------------------- */

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* Of all magnitudes, and often 0. */
static int64_t random_us(uint64_t *x)
{
    int64_t v = (int64_t)(next_random(x) >> (28 + next_random(x) % 36));
    return next_random(x) % 4 == 0 ? 0 : v % (IMPORT_LATENCY_MAX_US + 1);
}

static struct import_line random_line(uint64_t *x)
{
    struct import_line l = {.probe = "api \\\"\xc3\xa4/x"};
    struct result *r = &l.result;
    r->outcome = (uint8_t)(next_random(x) % OUTCOME_COUNT);
    if (r->outcome != OUTCOME_GOOD)
        r->reason = (uint8_t)(1 + next_random(x) % (REASON_COUNT - 1));
    r->slot_us = (int64_t)(next_random(x) % 253402300800000000u); /* to the end of 9999 */
    if (next_random(x) % 2)
        r->slot_us -= r->slot_us % (next_random(x) % 2 ? 1000 : 1000000);
    r->total_us = random_us(x);
    if (next_random(x) % 2)
        r->phases = (struct phases){random_us(x), random_us(x), random_us(x),
                                    random_us(x), random_us(x), random_us(x)};
    r->code = next_random(x) % 2 ? (int16_t)(next_random(x) % 1000) : 0;
    r->done_us = r->slot_us + r->total_us;
    r->flags = RESULT_IMPORTED;
    return l;
}

static void written_lines_say_all_of_it(void **state)
{
    (void)state;
    uint64_t seed = 4711;
    struct import_writer w, plain;
    char text[IMPORT_WRITE_MAX], when[WHEN_MAX];
    import_writer_init(&w, random_line(&seed).probe);
    import_writer_init(&plain, "p");
    for (int i = 0; i < 20000; i++) {
        struct import_line l = random_line(&seed), back;
        size_t n = import_writer_put(&w, &l.result, text);
        assert_int_equal(text[n - 1], '\n');
        assert_int_equal(import_line_parse(text, n - 1, &back, NULL), 0);
        if (!same_line(&l, &back))
            fail_msg("%.*s says something else", (int)n, text);
        n = import_writer_put(&plain, &l.result, text);
        assert_true(scans(text, n - 1));
        text[n] = '\0';
        assert_non_null(strstr(text, when_text(when, l.result.slot_us)));
    }
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
                       .reason = REASON_TTFB_TIMEOUT};
    import_writer_init(&w, probe);
    size_t n = import_writer_put(&w, &r, text);
    assert_in_range(n, 6 * IMPORT_PROBE_MAX, IMPORT_WRITE_MAX - 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_line),
        cmocka_unit_test(milliseconds_are_exact),
        cmocka_unit_test(what_may_be_left_out),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(samples_come_back),
        cmocka_unit_test(a_nul_ends_nothing),
        cmocka_unit_test(the_plain_form_is_scanned),
        cmocka_unit_test(bent_lines_are_read_in_one_way),
        cmocka_unit_test(written_lines_say_all_of_it),
        cmocka_unit_test(the_longest_line_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
