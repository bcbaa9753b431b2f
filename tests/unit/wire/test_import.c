/* Import lines: what is taken, exactly as what, and what is said of the rest. */
#include "wire/import.h"

#include "base/mem.h"

#include <setjmp.h>
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
        {HEAD "\"series\":\"up\",\"value\":1}", "metric sample"},
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

static void a_nul_ends_nothing(void **state)
{
    (void)state;
    static const char text[] = "{\"probe\":\"p\"}\0{}";
    assert_int_equal(import_line_parse(text, sizeof(text) - 1, &(struct import_line){0}, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_line),         cmocka_unit_test(milliseconds_are_exact),
        cmocka_unit_test(what_may_be_left_out), cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_nul_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
