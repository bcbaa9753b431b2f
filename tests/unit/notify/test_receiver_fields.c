/* Fields of receivers: what is taken, what is refused and where, and secrets. */
#include "page.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

struct refusal {
    const struct notifier_kind *type;
    const char *yaml, *want;
};

static const struct refusal refusals[] = {
    {&notifier_slack, "{channel: x}",
     "1:1: missing key 'api_url' or 'api_url_file'; expected an address, or the environment "
     "variable SLACK_API_URL"},
    {&notifier_slack, "{api_url: http://a, api_url_file: b}",
     "1:35: api_url_file: the file b: cannot be opened: No such file or directory"},
    {&notifier_slack, "{api_url: ftp://a}", "1:11: api_url is not an http:// or https:// address"},
    {&notifier_slack, "{api_url: http://a, titel: x}",
     "1:21: unknown key 'titel'; did you mean 'title'?"},
    {&notifier_slack, "{api_url: http://a, title: '{{ .Sttus }}'}",
     "1:28: template, line 1, column 4 of it: "},
    {&notifier_slack, "api_url: http://a\ntext: |\n  one\n  {{ template \"x\" . }}\n",
     "2:7: template, line 2, column 4 of it: "},
    {&notifier_slack, "{api_url: http://a, fields: {a: b}}",
     "1:29: fields: expected a list of at most 50 {title, value, short}"},
    {&notifier_slack, "{api_url: http://a, fields: [{title: b}]}", "1:30: missing key 'value'"},
    {&notifier_slack, "{api_url: $NINES_NO_SUCH}",
     "1:11: api_url: the environment variable NINES_NO_SUCH is not set"},
    {&notifier_slack, "{api_url: http://a, http_config: {follow_redirects: true}}",
     "1:53: follow_redirects: redirects are never followed; give the final address"},
    {&notifier_slack,
     "{api_url: http://a, http_config: {basic_auth: {username: u}, authorization: "
     "{credentials: c}}}",
     "1:77: one of basic_auth and authorization, not both"},
    {&notifier_slack, "{api_url: http://a, http_config: {authorization: {type: X}}}",
     "1:50: missing key 'credentials' or 'credentials_file'"},
    {&notifier_slack,
     "{api_url: http://a, http_config: {authorization: {type: 'a b', credentials: c}}}",
     "1:50: type: not a word"},
    {&notifier_slack, "{api_url: http://a, http_config: {authorization: {credentials: \"a\\nb\"}}}",
     "1:50: credentials have control characters"},
    {&notifier_slack, "{api_url: http://a, http_config: {tls_config: {cert_file: a}}}",
     "1:34: cert_file and key_file go together"},
    {&notifier_slack, "{api_url: http://a, http_config: {proxy_url: http://p}}",
     "1:35: unknown key 'proxy_url'; expected "},
    {&notifier_pagerduty, "{}", "1:1: missing key 'routing_key' or 'routing_key_file'"},
    {&notifier_pagerduty, "{routing_key: a, service_key: b}",
     "1:1: one of routing_key and service_key, not both"},
    {&notifier_pagerduty, "{routing_key: a, links: [{text: b}]}", "1:26: missing key 'href'"},
    {&notifier_pagerduty, "{routing_key: a, images: b}", "1:26: expected a list of at most 32"},
    {&notifier_pagerduty, "{routing_key: a, details: [b]}",
     "1:27: templates: expected a mapping of names to texts; found a list"},
    {&notifier_opsgenie, "{api_key: a, responders: [{type: team}]}",
     "1:27: one of id, name and username"},
    {&notifier_opsgenie, "{api_key: a, responders: [{name: b, type: teem}]}",
     "1:43: type: expected "},
    {&notifier_opsgenie, "{api_key: a, update_alerts: true}",
     "1:14: unknown key 'update_alerts'; expected "},
    {&notifier_discord, "{}", "1:1: missing key 'webhook_url' or 'webhook_url_file'"},
    {&notifier_telegram, "{bot_token: a}", "1:1: missing key 'chat_id'"},
    {&notifier_telegram, "{bot_token: a/b, chat_id: 1}",
     "1:1: bot_token: expected digits, a colon, and letters, digits, - and _"},
    {&notifier_telegram, "{bot_token: a, chat_id: 1, parse_mode: MarkdownV2}",
     "1:40: parse_mode: write the message in HTML; what alerts put into Markdown cannot be "
     "escaped"},
    {&notifier_telegram, "{bot_token: a, chat_id: 1, parse_mode: html}",
     "1:40: parse_mode: expected "},
    {&notifier_ntfy, "{topic: a/b}", "1:9: topic: expected up to 64 letters, digits, - and _"},
    {&notifier_ntfy, "{topic: a, token: b, http_config: {authorization: {credentials: c}}}",
     "1:1: one of token and a login in http_config, not both"},
    {&notifier_webhook, "{url: 'http://a b'}", "1:7: url is not an http:// or https:// address"},
    {&notifier_webhook, "{url: http://a, timeout: 1h}",
     "1:26: timeout: must be from 100ms to 2m; found '1h'"},
    {&notifier_alertmanager, "{url: http://a, lifetime: 1s}", "1:27: lifetime: must be at least "},
    {&notifier_msteams, "{webhook_url: http://a, sumary: x}",
     "1:25: unknown key 'sumary'; did you mean 'summary'?"},
};

static void refused(const struct notifier_kind *type, const char *yaml, const char *want)
{
    struct page p;
    struct str said;
    bool found = false;
    page_init(&p);
    str_init(&said, 1 << 16);
    page_spec(&p, type, yaml);
    for (size_t i = 0; i < p.diag.n; i++) {
        const struct diag_item *d = &p.diag.items[i];
        char line[1200];
        snprintf(line, sizeof(line), "%d:%d: %s", d->pos.line, d->pos.column, d->text);
        found = found || (!d->warning && str_starts(line, want));
        str_addf(&said, "%s\n", line);
    }
    if (!found)
        fail_msg("%s\nwanted %s\nbut it said\n%s", yaml, want, said.buf);
    str_release(&said);
    page_release(&p);
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        refused(refusals[i].type, refusals[i].yaml, refusals[i].want);
}

static void built(const struct notifier_kind *type, const char *yaml, size_t warnings,
                  const char *url, const char *in_body)
{
    struct page p;
    struct outgoing out;
    struct err err;
    page_init(&p);
    const void *spec = page_spec(&p, type, yaml);
    assert_int_equal(p.diag.errors, 0);
    assert_int_equal(p.diag.warnings, warnings);
    struct message m = page_message(&p.arena, 1, 1, "s", "d");
    outgoing_init(&out);
    assert_int_equal(type->build(spec, &m, "k", &out, &err), 0);
    assert_string_equal(out.url.buf, url);
    if (!strstr(out.body.buf, in_body))
        fail_msg("no %s in %s", in_body, out.body.buf);
    outgoing_release(&out);
    page_release(&p);
}

static void test_secrets(void **state)
{
    (void)state;
    setenv("NINES_TEST_URL", "https://h.example/from-env", 1);
    built(&notifier_slack, "{api_url: $NINES_TEST_URL}", 0, "https://h.example/from-env", "{");
    built(&notifier_slack, "{api_url: '${NINES_TEST_URL}'}", 0, "https://h.example/from-env", "{");
    built(&notifier_slack, "{api_url: {env: NINES_TEST_URL}}", 0, "https://h.example/from-env",
          "{");
    built(&notifier_slack, "{api_url: 'https://h/$NINES_TEST_URL'}", 1, "https://h/$NINES_TEST_URL",
          "{");
    char path[] = "/tmp/nines-secret-XXXXXX";
    char yaml[128];
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs("r0uting\n", f);
    fclose(f);
    snprintf(yaml, sizeof(yaml), "{routing_key_file: %s}", path);
    built(&notifier_pagerduty, yaml, 0, "https://events.pagerduty.com/v2/enqueue",
          "\"routing_key\":\"r0uting\"");
    snprintf(yaml, sizeof(yaml), "{service_key_file: %s}", path);
    built(&notifier_pagerduty, yaml, 0, "https://events.pagerduty.com/v2/enqueue",
          "\"routing_key\":\"r0uting\"");
    snprintf(yaml, sizeof(yaml), "{routing_key: a, routing_key_file: %s}", path);
    refused(&notifier_pagerduty, yaml, "1:36: one of routing_key and routing_key_file, not both");
    remove(path);
}

static void test_words(void **state)
{
    (void)state;
    built(&notifier_pagerduty, "{routing_key: k, severity: loud}", 1,
          "https://events.pagerduty.com/v2/enqueue", "\"severity\":\"error\"");
    built(&notifier_opsgenie, "{api_key: k, priority: P9}", 1, "https://api.opsgenie.com/v2/alerts",
          "\"alias\":");
    built(&notifier_ntfy, "{topic: t, priority: urgent}", 0, "https://ntfy.sh/", "\"priority\":5");
    built(&notifier_telegram, "{bot_token: '1:a', chat_id: 7, parse_mode: '', message: '<b>'}", 1,
          "https://api.telegram.org/bot1:a/sendMessage", "\"text\":\"<b>\",\"link");
}

static void test_defaults(void **state)
{
    struct page p;
    (void)state;
    page_init(&p);
    const struct receiver_common *slack = page_spec(&p, &notifier_slack, "{api_url: http://a}");
    const struct receiver_common *hook = page_spec(&p, &notifier_webhook, "{url: http://a}");
    assert_false(slack->base.send_resolved);
    assert_true(hook->base.send_resolved);
    assert_int_equal(hook->access.timeout_us, 10000000);
    page_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
