/* Templates: what they render, what is refused and where, and their limits. What Go
 * makes of the same texts: tests/e2e/test_templates.py. */
#include "model/template.h"

#include "base/arena.h"
#include "base/mem.h"
#include "model/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define T0 1795309323000000LL /* 2026-11-22T01:02:03Z */

static struct pair firing_labels[] = {{"alertname", "Burn"}, {"slo", "api"}, {"team-x", "core"}};
static struct pair notes[] = {{"left", "0.25"}, {"odd", "n/a"}, {"summary", "it <burns>"}};
static struct pair over_labels[] = {{"alertname", "Burn"}, {"slo", "web"}};
static struct message_alert alerts[] = {
    {true, {firing_labels, 3}, {notes, 3}, T0 + 120000, 0, "00ff", "http://g"},
    {false, {over_labels, 2}, {NULL, 0}, T0, T0 + 5400 * 1000000LL, "00fe", ""},
};
static const struct message message = {
    .receiver = "ops",
    .group_key = "{}:{}",
    .firing = true,
    .group_labels = {firing_labels, 1},
    .common_labels = {firing_labels, 1},
    .external_url = "http://n",
    .alerts = alerts,
    .alert_count = 2,
    .truncated = 3,
    .at_us = T0 + 90 * 1000000LL,
};

static void is(const char *text, const char *want)
{
    struct template *t = NULL;
    struct err err;
    struct str out;
    size_t at = 0;
    if (template_compile(text, &t, &at, &err) < 0)
        fail_msg("%s: at %zu: %s", text, at, err.msg);
    str_init(&out, 1 << 16);
    assert_int_equal(template_render(t, &message, &out, &err), 0);
    assert_string_equal(out.buf, want);
    str_release(&out);
    template_free(t);
}

static void refused(const char *text, size_t at, const char *why)
{
    struct template *t = NULL;
    struct err err = {{0}};
    size_t found = SIZE_MAX;
    if (template_compile(text, &t, &found, &err) == 0)
        fail_msg("%s is taken", text);
    assert_string_equal(err.msg, why);
    assert_int_equal(found, at);
}

static void test_paths(void **state)
{
    (void)state;
    is("", "");
    is("plain } {", "plain } {");
    is("{{.Status}} {{ .Receiver }} {{ .ExternalURL }} {{ $.GroupKey }} {{ .TruncatedAlerts }}",
       "firing ops http://n {}:{} 3");
    is("{{ .CommonLabels.alertname }}|{{ .CommonLabels.none }}|", "Burn||");
    is("{{ range .Alerts }}{{ .Labels.slo }}={{ .Status }} {{ end }}", "api=firing web=resolved ");
    is("{{ range .Alerts.Resolved }}{{ .Labels.slo }}{{ $.Status }}{{ end }}", "webfiring");
    is("{{ len .Alerts.Firing }}{{ .Alerts | len }}", "12");
    is("{{ (index .Alerts 1).Labels.slo }}{{ (index .Alerts 7).Labels.slo }}", "web");
    is("{{ index (index .Alerts 0).Labels \"team-x\" }}", "core");
    is("{{ with index .Alerts 0 }}{{ .Fingerprint }} {{ .GeneratorURL }}{{ end }}",
       "00ff http://g");
    is("{{ .GroupLabels }} {{ (index .Alerts 0).Labels }}",
       "alertname=Burn alertname=Burn, slo=api, team-x=core");
    is("{{ (index .Alerts 0).Labels.Names | join \",\" }}", "alertname,slo,team-x");
    is("{{ ((index .Alerts 0).Labels.Remove .GroupLabels.Names).Values }}", "[api core]");
    is("{{ range (index .Alerts 0).Labels.SortedPairs }}{{ .Name }}:{{ .Value }};{{ end }}",
       "alertname:Burn;slo:api;team-x:core;");
}

static void test_blocks(void **state)
{
    (void)state;
    is("{{ if .CommonLabels.none }}a{{ else if eq .Status \"firing\" }}b{{ else }}c{{ end }}", "b");
    is("{{ if not .Alerts.Firing }}a{{ else }}b{{ end }}", "b");
    is("{{ with .CommonLabels.none }}a{{ else }}{{ .Status }}{{ end }}", "firing");
    is("{{ range .CommonAnnotations }}a{{ else }}none{{ end }}", "none");
    is("{{ or .CommonLabels.none \"default\" }} {{ and .Status .Receiver }}", "default ops");
    is("a  {{- /* c */ -}}  b {{- 3 -}} c {{ -3 }} {{-3}}", "ab3c -3 -3");
    is("x {{/* }} */}}y", "x y");
}

static void test_functions(void **state)
{
    (void)state;
    is("{{ .Status | toUpper | toLower | title }}", "Firing");
    is("{{ toUpper \"stra\xc3\x9f\x65 \xc3\xa9\" }}", "STRA\xc3\x9f\x45 \xc3\x89");
    is("{{ trimSpace \" \\t\\u00a0x y\\u3000 \" }}|{{ trimSpace \"  \" }}|", "x y||");
    is("{{ html \"<a href='b'>&\\\"\" }}", "&lt;a href=&#39;b&#39;&gt;&amp;&#34;");
    is("{{ urlquery \"a b&c/\xc3\xa9~\" }}", "a+b%26c%2F%C3%A9~");
    is("{{ match \"^f.*g$\" .Status }} {{ reReplaceAll \"(i)(r)?\" \"<$1|${2}>$$\" .Status }}",
       "true f<i|r>$<i|>$ng");
    is("{{ reReplaceAll \"b*\" \"-\" \"abbcb\" }}", "-a-c-");
    is("{{ printf \"%s %5.1f%% %-4d| %q %v %t %04x\" \"a\" 1.25 7 \"b\\n\" true false 255 }}",
       "a   1.2% 7   | \"b\\n\" true false 00ff");
    is("{{ print 1 2 \"a\" 3 }} {{ 1.5 }} {{ 1e6 }} {{ 100000.5 }}", "1 2a3 1.5 1e+06 100000.5");
    is("{{ toJson (index .Alerts 0).Annotations.summary }} {{ toJson .GroupLabels }}",
       "\"it \\u003cburns\\u003e\" {\"alertname\":\"Burn\"}");
    is("{{ toJson (index .Alerts 0).StartsAt }} {{ toJson (stringSlice \"a\" \"b\") }}",
       "\"2026-11-22T01:02:03.12Z\" [\"a\",\"b\"]");
    is("{{ eq .Status \"a\" \"firing\" }} {{ lt 1 2 }} {{ ge 1.5 2.5 }} {{ ne \"a\" \"b\" }}",
       "true true false true");
}

static void test_numbers_for_people(void **state)
{
    (void)state;
    is("{{ humanize 0 }} {{ humanize 1234.5 }} {{ humanize \"0.00012\" }} {{ humanize -1e6 }}",
       "0 1.234k 120u -1M");
    is("{{ humanize1024 1 }} {{ humanize1024 1536 }} {{ humanize1024 \"1073741824\" }}",
       "1 1.5ki 1Gi");
    is("{{ humanizeDuration 0 }} {{ humanizeDuration 59.5 }} {{ humanizeDuration 3661 }} "
       "{{ humanizeDuration 90061 }} {{ humanizeDuration 0.0042 }} {{ humanizeDuration -61 }}",
       "0s 59.5s 1h 1m 1s 1d 1h 1m 1s 4.2ms -1m 1s");
    is("{{ humanizePercentage 0.99951 }} {{ (index .Alerts 0).Annotations.left | humanizePercentage"
       " }}",
       "99.95% 25%");
    is("{{ (index .Alerts 0).Annotations.odd | humanizePercentage }} {{ humanize \"NaN\" }}",
       "n/a NaN");
    is("{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC");
}

static void test_times(void **state)
{
    (void)state;
    is("{{ with index .Alerts 0 }}{{ .StartsAt }} {{ .EndsAt }} {{ .EndsAt.IsZero }}{{ end }}",
       "2026-11-22 01:02:03.12 +0000 UTC 0001-01-01 00:00:00 +0000 UTC true");
    is("{{ (index .Alerts 0).StartsAt.Format \"Mon Jan _2 15:04:05.000 MST 2006, 3 PM Z07:00\" }}",
       "Sun Nov 22 01:02:03.120 UTC 2026, 1 AM Z");
    is("{{ .At | date \"15:04\" }} {{ .At.Unix }}", "01:03 1795309413");
    is("{{ with index .Alerts 1 }}{{ .EndsAt.Sub .StartsAt }} {{ since .StartsAt }} "
       "{{ .EndsAt.Sub .StartsAt | humanizeDuration }}{{ end }}",
       "1h30m0s 1m30s 1h 30m 0s");
    is("{{ with index .Alerts 0 }}{{ (.StartsAt.Sub .EndsAt) }}{{ end }}",
       "2562047h47m16.854775807s");
}

static void test_refused(void **state)
{
    (void)state;
    refused("{{ .Statu }}", 3, "the message has no .Statu; is it .Status?");
    refused("a\n{{ range .Alerts }}{{ .CommonLabels }}{{ end }}", 24,
            "an alert has no .CommonLabels; it has .Status .Labels .Annotations .StartsAt .EndsAt "
            ".GeneratorURL .Fingerprint");
    refused("{{ .Status.x }}", 10, "a text has no .x; it has none");
    refused("{{ toUper .Status }}", 3, "there is no function 'toUper'; is it 'toUpper'?");
    refused("{{ template \"x\" . }}", 3,
            "'template': templates do not call others: write its text here");
    refused("{{ $x := 1 }}", 3, "$x: variables are not supported; $ alone is the message");
    refused("{{ tz \"Europe/Berlin\" .At }}", 3, "'tz': times are shown in UTC");
    refused("{{ break }}", 3, "'break': a range goes over all; choose with if");
    refused("{{ query \"up\" }}", 3, "'query': it belongs to the rules of Prometheus");
    refused("{{ . }}", 3, "the message cannot be printed: name a member of it");
    refused("{{ if true }}", 0, "this block has no {{ end }}");
    refused("{{ end }}", 9, "there is no block that this `end` could belong to");
    refused("{{ if 1 }}{{ else }}{{ else }}{{ end }}", 30,
            "expected {{ end }}, found a second `else`");
    refused("{{ with 1 }}{{ else if 2 }}{{ end }}", 22, "`else if` belongs to an `if`");
    refused("{{ .Status", 10, "expected }}");
    refused("{{ /* x */}}", 3, "expected a path, a function, a text in double quotes or a number");
    refused("{{/* x }}", 2, "the comment has no end");
    refused("{{/* x */ }}", 9, "expected }} right behind the comment");
    refused("{{ eq 1 \"a\" }}", 8, "eq: a whole number cannot be compared with a text");
    refused("{{ range .Status }}{{ end }}", 9, "expected a list to go over, found a text");
    refused("{{ toUpper }}", 3, "toUpper wants 1 argument, found 0");
    refused("{{ .At.Format }}", 6, "Format wants 1 argument, found 0");
    refused("{{ .At.Format.x }}", 13, "Format wants arguments: put it in parentheses with them");
    refused("{{ index .Alerts -1 }}", 17, "index: expected 0 or more");
    refused("{{ match \"(\" .Status }}", 9,
            "match: bad pattern at character 2: missing closing parenthesis");
    refused("{{ match .Status \"a\" }}", 9, "match: expected a pattern in quotes");
    refused("{{ reReplaceAll \"(a)\" \"$1x\" .Status }}", 22,
            "reReplaceAll: the pattern has no group $1x; ${1}x is group 1 and an x");
    refused("{{ printf \"%d\" \"a\" }}", 15, "printf: %d cannot show a text");
    refused("{{ printf \"%d\" }}", 10, "printf: there is no argument for %d");
    refused("{{ printf \"%y\" 1 }}", 10,
            "printf: %y: expected one of the letters v s q d x X f t %");
    refused("{{ printf \"a\" 1 }}", 14, "printf: there is no verb for this argument");
    refused("{{ printf \"%999d\" 1 }}", 10, "printf: a width or precision of more than 200");
    refused("{{ printf .Status }}", 10, "printf: expected a format in quotes");
    refused("{{ 0x10 }}", 3, "'0x10': expected a decimal number");
    refused("{{ 99999999999999999999 }}", 3,
            "'99999999999999999999': the number is too large or too small");
    refused("{{ .Status | .Receiver }}", 13, "expected a function behind the bar");
    refused("{{ and .Alerts 1 }}", 3, "a condition cannot be printed: name a member of it");
    refused("{{ 'a' }}", 3,
            "expected a path, a function, a text in double quotes or a number; 'x' is a number in "
            "Go");
}

static char *repeated(const char *s, size_t n)
{
    struct str out;
    str_init(&out, 1 << 20);
    for (size_t i = 0; i < n; i++)
        str_add(&out, s);
    char *text = str_detach(&out);
    str_release(&out);
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    mem_auto char *deep = repeated("{{ if 1 }}", TEMPLATE_DEPTH_MAX + 1);
    refused(deep, 160, "blocks are nested deeper than 16");
    mem_auto char *parens = repeated("(", 100);
    mem_auto char *open = mem_printf("{{ %s", parens);
    refused(open, 19, "parentheses are nested deeper than 16");
    mem_auto char *bars = repeated("| html ", 20);
    mem_auto char *pipe = mem_printf("{{ 1 %s }}", bars);
    refused(pipe, 111, "more than 16 functions in a pipeline");
    mem_auto char *dots = repeated(".UTC", 20);
    mem_auto char *chain = mem_printf("{{ .At%s }}", dots);
    refused(chain, 66, "more than 16 names in a row");
    mem_auto char *args = repeated(" 1", 20);
    mem_auto char *call = mem_printf("{{ print%s }}", args);
    refused(call, 41, "more than 16 arguments");
    mem_auto char *large = repeated("0123456789abcdef", (TEMPLATE_TEXT_MAX >> 4) + 1);
    refused(large, 0, "a template of 65552 bytes: at most 65536 are allowed");
}

static void ends(const char *text, const struct message *m, size_t room, const char *why)
{
    struct template *t;
    struct err err;
    struct str out;
    assert_int_equal(template_compile(text, &t, NULL, &err), 0);
    str_init(&out, room);
    assert_int_equal(template_render(t, m, &out, &err), -1);
    assert_non_null(strstr(err.msg, why));
    str_release(&out);
    template_free(t);
}

static void test_rendering_ends(void **state)
{
    (void)state;
    struct message many = message;
    many.alert_count = MESSAGE_ALERTS_MAX;
    many.alerts = mem_array(many.alert_count, sizeof(*many.alerts));
    for (size_t i = 0; i < many.alert_count; i++)
        many.alerts[i] = alerts[0];
    ends("{{ .Status }}", &message, 3, "longer than 3 bytes");
    ends("{{ range .Alerts }}{{ range $.Alerts }}{{ .Status }}{{ end }}{{ end }}", &many, 1 << 26,
         "more than 1000000 steps");
    ends("{{ range .Alerts }}{{ with toJson $.Alerts }}{{ end }}{{ end }}", &many, 1 << 26,
         "too long texts");
    free(many.alerts);
}

static void test_messages(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct message m = message;
    struct str out;
    char buf[FINGERPRINT_SIZE];
    str_init(&out, 1000);
    struct string_map none = {0}, one = {firing_labels, 1};
    assert_string_equal(message_fingerprint(buf, &none), "cbf29ce484222325");
    assert_string_equal(message_fingerprint(buf, &one), "570e491e0742ec23");
    message_common(&m, &arena);
    assert_int_equal(m.common_labels.n, 1);
    assert_string_equal(m.common_labels.at[0].value, "Burn");
    assert_int_equal(m.common_annotations.n, 0);
    assert_true(m.firing);
    message_group_key("{}/{severity=\"page\"}", &alerts[1].labels, &out);
    assert_string_equal(out.buf, "{}/{severity=\"page\"}:{alertname=\"Burn\", slo=\"web\"}");
    str_clear(&out);
    message_quote("a\"\\\x01\x7f\xc2\xa0\xff\xc3\xa9", 10, &out);
    assert_string_equal(out.buf, "\"a\\\"\\\\\\x01\\x7f\\u00a0\\xff\xc3\xa9\"");
    struct message_alert mixed[] = {alerts[1], alerts[0]};
    m.alerts = mixed;
    message_sort_alerts(&m);
    assert_true(mixed[0].firing);
    str_release(&out);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),     cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_functions), cmocka_unit_test(test_numbers_for_people),
        cmocka_unit_test(test_times),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_rendering_ends),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
