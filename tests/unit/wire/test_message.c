/* Messages as JSON: there and back, and what is refused. What Alertmanager itself
 * sends: tests/e2e/test_templates.py. */
#include "wire/message.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char whole[] =
    "{\"receiver\":\"ops\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\",\"labels\":"
    "{\"a\":\"1\",\"b\":\"x\\\"\"},\"annotations\":{},\"startsAt\":\"2026-11-22T01:02:03.12Z\","
    "\"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"http://g\",\"fingerprint\":"
    "\"00000000000000ff\"},{\"status\":\"resolved\",\"labels\":{},\"annotations\":{\"s\":\"t\"},"
    "\"startsAt\":\"2026-11-22T01:02:03Z\",\"endsAt\":\"2026-11-22T02:02:03Z\",\"generatorURL\":"
    "\"\",\"fingerprint\":\"00000000000000fe\"}],\"groupLabels\":{\"a\":\"1\"},\"commonLabels\":{},"
    "\"commonAnnotations\":{},\"externalURL\":\"http://e\",\"version\":\"4\",\"groupKey\":"
    "\"{}:{a=\\\"1\\\"}\",\"truncatedAlerts\":2,\"at\":\"2026-11-22T03:00:00Z\"}";

static void test_there_and_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct message m;
    struct err err;
    struct str out;
    str_init(&out, 1 << 16);
    if (message_read(whole, strlen(whole), &arena, &m, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(m.firing && m.alerts[0].firing && !m.alerts[1].firing);
    assert_int_equal(m.alerts[0].starts_us, 1795309323120000LL);
    assert_int_equal(m.alerts[0].ends_us, 0);
    assert_int_equal(m.truncated, 2);
    message_write(&m, &out);
    assert_string_equal(out.buf, whole);
    str_release(&out);
    arena_release(&arena);
}

static void test_alert(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct message m;
    struct message_alert a;
    struct err err;
    struct str out;
    str_init(&out, 1 << 16);
    assert_int_equal(message_read(whole, strlen(whole), &arena, &m, &err), 0);
    for (size_t i = 0; i < 2; i++) {
        str_clear(&out);
        message_alert_write(&m.alerts[i], &out);
        assert_non_null(strstr(whole, out.buf));
        if (message_alert_read(out.buf, out.len, &arena, &a, &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(a.firing, i == 0);
        assert_int_equal(a.starts_us, m.alerts[i].starts_us);
        assert_int_equal(a.ends_us, m.alerts[i].ends_us);
        assert_string_equal(a.fingerprint, m.alerts[i].fingerprint);
        assert_int_equal(a.labels.n, m.alerts[i].labels.n);
        assert_int_equal(a.annotations.n, m.alerts[i].annotations.n);
    }
    static const char odd[] = "{\"status\":\"firing\",\"labels\":{\"a\":\"b\"},\"startsAt\":"
                              "\"2026-11-22T01:02:03Z\",\"fingerprint\":\"xyz\"}";
    assert_int_equal(message_alert_read(odd, strlen(odd), &arena, &a, &err), -1);
    assert_string_equal(err.msg, "alert.fingerprint: expected 16 hexadecimal digits");
    assert_int_equal(message_alert_read("{", 1, &arena, &a, &err), -1);
    assert_int_equal(message_alert_read("[]", 2, &arena, &a, &err), -1);
    assert_string_equal(err.msg, "alert.: expected an object");
    assert_int_equal(message_alert_read("{}", 2, &arena, &a, &err), -1);
    assert_string_equal(err.msg, "alert.status: expected a text");
    str_release(&out);
    arena_release(&arena);
}

static void test_defaults(void **state)
{
    (void)state;
    static const char text[] =
        "{\"receiver\":\"r\",\"status\":\"firing\",\"new\":{},\"alerts\":[{\"status\":\"firing\","
        "\"labels\":{\"slo\":\"api\",\"alertname\":\"Burn\"},\"annotations\":null,"
        "\"startsAt\":\"2026-11-22T03:02:03.120456789+02:00\",\"endsAt\":\"2026-11-23T00:00:00Z\"}]"
        "}";
    struct arena arena = {0};
    struct message m;
    struct err err;
    if (message_read(text, strlen(text), &arena, &m, &err) < 0)
        fail_msg("%s", err.msg);
    const struct message_alert *a = &m.alerts[0];
    assert_string_equal(a->labels.at[0].key, "alertname");
    assert_int_equal(a->starts_us, 1795309323120456LL);
    assert_int_equal(a->ends_us, 0);
    assert_int_equal(strlen(a->fingerprint), 16);
    assert_string_equal(a->generator_url, "");
    assert_int_equal(m.at_us, 0);
    assert_string_equal(m.group_key, "");
    arena_release(&arena);
}

static void refused(const char *text, const char *why)
{
    struct arena arena = {0};
    struct message m;
    struct err err = {{0}};
    assert_int_equal(message_read(text, strlen(text), &arena, &m, &err), -1);
    assert_string_equal(err.msg, why);
    arena_release(&arena);
}

#define HEAD "{\"receiver\":\"r\",\"status\":\"firing\""

static void test_refused(void **state)
{
    (void)state;
    refused("[]", "message: expected an object");
    refused("{}", "receiver: expected a text");
    refused("{\"receiver\":\"r\"}", "status: expected a text");
    refused("{\"receiver\":\"r\",\"status\":\"on\"}", "status: expected firing or resolved");
    refused(HEAD ",\"version\":\"3\"}", "version: expected \"4\"");
    refused(HEAD ",\"alerts\":{}}", "alerts: expected a list");
    refused(HEAD ",\"alerts\":[1]}", "alerts[0].: expected an object");
    refused(HEAD ",\"alerts\":[{\"status\":\"firing\"}]}", "alerts[0].startsAt: expected a time");
    refused(HEAD ",\"alerts\":[{\"status\":\"resolved\",\"startsAt\":\"2026-01-01T00:00:00Z\"}]}",
            "alerts[0].endsAt: expected a time, as the alert is resolved");
    refused(HEAD ",\"alerts\":[{\"status\":\"firing\",\"labels\":{\"a\":1}}]}",
            "alerts[0].labels: expected texts as values");
    refused(HEAD ",\"groupLabels\":[]}", "groupLabels: expected an object");
    refused(HEAD ",\"truncatedAlerts\":-1}", "truncatedAlerts: expected a count");
    refused("{\"receiver\"", "line 1, column 11: ':' expected near end of file");
}

static void test_limits(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 1 << 20);
    str_add(&text, HEAD ",\"alerts\":[0");
    for (int i = 0; i < MESSAGE_ALERTS_MAX; i++)
        str_add(&text, ",0");
    str_add(&text, "]}");
    refused(text.buf, "alerts: 1001 of them, at most 1000 are allowed");
    str_clear(&text);
    str_add(&text, HEAD ",\"groupLabels\":{\"a\":\"\"");
    for (int i = 0; i < MESSAGE_LABELS_MAX; i++)
        str_addf(&text, ",\"a%d\":\"\"", i);
    str_add(&text, "}}");
    refused(text.buf, "groupLabels: more than 256 members");
    str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_alert),
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
