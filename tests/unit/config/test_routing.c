/* The blocks of an alertmanager.yml: what is read, what is inherited, what is refused. */
#include "../cmocka_all.h"
#include "fake.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "config/load.h"
#include "model/matcher.h"
#include "nines/diag.h"
#include "nines/route.h"

#include <stdio.h>

#define RECEIVERS "receivers: [{name: a}, {name: b}, {name: team ops}]\n"
#define ROUTE "route: {receiver: a}\n"
#define DAEMON "apiVersion: nines/v1\nkind: Daemon\n"

static struct config *load_as(bool daemon, const char *text)
{
    struct diag diag = {0};
    struct config *config = NULL;
    int rc = (daemon ? config_load_text : config_load_alertmanager_text)(
        "am.yml", text, strlen(text), &fake_tables, &config, &diag);
    for (size_t i = 0; rc < 0 && i < diag.n; i++)
        print_error("%d:%d: %s\n", diag.items[i].pos.line, diag.items[i].pos.column,
                    diag.items[i].text);
    assert_int_equal(rc, 0);
    diag_release(&diag);
    return config;
}

static struct config *load(const char *text)
{
    return load_as(false, text);
}

/* "LINE:COLUMN: text" begins, or holds, the only error; "" in the end: there are others. */
static void refuses_as(bool daemon, const char *text, const char *where, const char *why)
{
    struct diag diag = {0};
    struct config *config = NULL;
    char at[32];
    int rc = (daemon ? config_load_text : config_load_alertmanager_text)(
        "am.yml", text, strlen(text), &fake_tables, &config, &diag);
    assert_int_equal(rc, -1);
    bool found = false;
    for (size_t i = 0; i < diag.n; i++) {
        snprintf(at, sizeof(at), "%d:%d", diag.items[i].pos.line, diag.items[i].pos.column);
        found = found || (str_eq(at, where) && strstr(diag.items[i].text, why));
    }
    for (size_t i = 0; !found && i < diag.n; i++)
        print_error("%d:%d: %s\n", diag.items[i].pos.line, diag.items[i].pos.column,
                    diag.items[i].text);
    if (!found || diag.errors != 1)
        fail_msg("not the one error at %s: %s", where, why);
    diag_release(&diag);
}

static void refuses(const char *text, const char *where, const char *why)
{
    refuses_as(false, text, where, why);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *c = load(ROUTE RECEIVERS);
    const struct routing_def *r = c->routing;
    assert_string_equal(r->root.receiver, "a");
    assert_int_equal(r->root.group_wait_us, 30 * USEC_PER_SEC);
    assert_int_equal(r->root.group_interval_us, 5 * USEC_PER_MIN);
    assert_int_equal(r->root.repeat_interval_us, 4 * USEC_PER_HOUR);
    assert_int_equal(r->resolve_timeout_us, 5 * USEC_PER_MIN);
    assert_int_equal(r->root.matchers.n + r->root.route_count + r->root.group_by.n, 0);
    assert_false(r->root.group_by_all);
    config_unref(c);
    c = load_as(true, DAEMON);
    assert_null(c->routing);
    config_unref(c);
}

static void test_inheritance(void **state)
{
    (void)state;
    struct config *c =
        load("route:\n"
             "  receiver: a\n  group_by: [x, y]\n  group_wait: 0s\n  group_interval: 1m30s\n"
             "  repeat_interval: 1y2w1d12h1m1s1ms\n"
             "  routes:\n"
             "    - {match: {s: '1'}, receiver: b, group_by: ['...'], group_wait: 0,\n"
             "       mute_time_intervals: [n], routes: [{repeat_interval: 1h, group_by: []}]}\n"
             "    - {matchers: [z=1, a!=2], match_re: {m: x|y}, continue: true, group_by: q}\n"
             "global: {resolve_timeout: 7m, slack_api_url: x}\n"
             "time_intervals: [{name: n, time_intervals: []}]\n" RECEIVERS);
    const struct route_def *root = &c->routing->root, *one = &root->routes[0],
                           *below = &one->routes[0], *two = &root->routes[1];
    struct str text;
    assert_int_equal(c->routing->resolve_timeout_us, 7 * USEC_PER_MIN);
    assert_int_equal(root->repeat_interval_us, 380 * USEC_PER_DAY + 12 * USEC_PER_HOUR +
                                                   USEC_PER_MIN + USEC_PER_SEC + USEC_PER_MSEC);
    assert_int_equal(root->group_wait_us, 0);
    assert_int_equal(below->group_interval_us, 90 * USEC_PER_SEC);
    assert_int_equal(below->repeat_interval_us, USEC_PER_HOUR);
    assert_string_equal(below->receiver, "b");
    assert_true(one->group_by_all && below->group_by_all);
    assert_int_equal(one->mute_time_intervals.n, 1);
    assert_int_equal(below->mute_time_intervals.n, 0);
    assert_string_equal(two->receiver, "a");
    assert_false(two->group_by_all || one->go_on);
    assert_true(two->go_on);
    assert_int_equal(two->group_by.n, 1);
    assert_int_equal(one->index, 1);
    assert_int_equal(below->index, 2);
    assert_int_equal(two->index, 3);
    str_init(&text, 1024);
    matchers_text(&two->matchers, &text);
    assert_string_equal(text.buf, "a!=\"2\",m=~\"^(?:x|y)$\",z=\"1\"");
    assert_string_equal(two->matchers.at[0].name, "a"); /* sorted where they are */
    str_release(&text);
    config_unref(c);
}

static void test_in_the_daemon_document(void **state)
{
    (void)state;
    struct config *c = load_as(true, DAEMON "receivers: [{name: own, log: {}}]\n"
                                            "route: {receiver: own}\n");
    assert_string_equal(c->routing->root.receiver, "own");
    config_unref(c);
    c = load_as(true, DAEMON "route: {receiver: log}\n"); /* the default one */
    assert_string_equal(c->routing->root.receiver, "log");
    config_unref(c);
    refuses_as(true, DAEMON "route: {receiver: lag}\n", "3:19", "did you mean 'log'?");
    refuses_as(true, DAEMON "inhibit_rules: []\n", "3:16", "without 'route'");
    refuses_as(true, DAEMON "global: {resolve_timeout: x}\n", "3:27", "expected a duration");
    refuses_as(true, DAEMON "mute_time_intervals: []\n", "3:1", "unknown key");
    refuses_as(true, DAEMON "alertmanager: [x]\n", "3:15", "expected a path");
    refuses_as(true, DAEMON "alertmanager: ''\n", "3:15", "expected a path");
}

static void test_bad_routes(void **state)
{
    (void)state;
    refuses(RECEIVERS, "1:1", "missing key 'route'");
    refuses("route: {}\n" RECEIVERS, "1:8", "missing key 'receiver'");
    refuses("route: {reciever: a}\n" RECEIVERS, "1:9", "did you mean 'receiver'?");
    refuses("route: []\n" RECEIVERS, "1:8", "expected a mapping");
    refuses("route: {receiver: team-ops}\n" RECEIVERS, "1:19", "did you mean 'team ops'?");
    refuses("route: {receiver: a, match: {x: y}}\n" RECEIVERS, "1:29", "takes every alert");
    refuses("route: {receiver: a, matchers: [x=y]}\n" RECEIVERS, "1:32", "takes every alert");
    refuses("route: {receiver: a, continue: true}\n" RECEIVERS, "1:32", "takes every alert");
    refuses("route: {receiver: a, mute_time_intervals: [n]}\n"
            "time_intervals: [{name: n, time_intervals: []}]\n" RECEIVERS,
            "1:43", "takes every alert");
#define CHILD(text) "route: {receiver: a, routes: [{" text "}]}\n" RECEIVERS
    refuses(CHILD("receiver: c"), "1:42", "no receiver has the name 'c'");
    refuses(CHILD("matchers: ['x']"), "1:43", "expected one of =, !=, =~ and !~ at the end");
    refuses(CHILD("match_re: {x: '('}"), "1:43", "match_re: 'x'");
    refuses(CHILD("match_re: {x: '(?=a)'}"), "1:43", "match_re: 'x'");
    refuses(CHILD("match: {x: [y]}"), "1:43", "expected text for 'x'");
    refuses(CHILD("match: {'': y}"), "1:40", "a label has a name");
    refuses(CHILD("group_wait: -1s"), "1:44", "not negative");
    refuses(CHILD("group_wait: 5"), "1:44", "expected a duration");
    refuses(CHILD("group_wait: 1s1m"), "1:44", "expected a duration");
    refuses(CHILD("group_wait: 1us"), "1:44", "expected a duration");
    refuses(CHILD("group_wait: 200y"), "1:44", "at most 36500d");
    refuses(CHILD("group_wait: 99999999999999999999s"), "1:44", "expected a duration");
    refuses(CHILD("group_interval: 0s"), "1:48", "must be more than 0");
    refuses(CHILD("repeat_interval: 0"), "1:49", "must be more than 0");
    refuses(CHILD("group_by: [x, '...']"), "1:42", "stands alone");
    refuses(CHILD("group_by: [x, x]"), "1:42", "is there twice");
    refuses(CHILD("group_by: ['']"), "1:42", "a label has a name");
    refuses(CHILD("mute_time_intervals: [n]"), "1:54", "no time interval has the name 'n'");
    refuses(CHILD("active_time_intervals: n"), "1:55", "no time interval has the name 'n'");
    refuses(CHILD("routes: {}"), "1:40", "routes: expected a list");
}

static void test_limits_of_the_tree(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 1 << 20);
    str_add(&text, "route: {receiver: a");
    for (int i = 0; i < ROUTE_DEPTH_MAX + 1; i++)
        str_add(&text, ", routes: [{receiver: b");
    for (int i = 0; i < ROUTE_DEPTH_MAX + 1; i++)
        str_add(&text, "}]");
    str_add(&text, "}\n" RECEIVERS);
    refuses(text.buf, "1:398", "more than 16 levels");
    str_clear(&text);
    str_add(&text, "route:\n  receiver: a\n  routes:\n");
    for (int i = 0; i < ROUTES_MAX - 1; i++)
        str_add(&text, "  - {receiver: b}\n");
    size_t fits = text.len;
    str_add(&text, RECEIVERS);
    config_unref(load(text.buf));
    text.len = fits;
    str_add(&text, "  - {receiver: b}\n" RECEIVERS);
    refuses(text.buf, "4:3", "more than 2000 of them");
    str_release(&text);
}

static void test_bad_blocks(void **state)
{
    (void)state;
    refuses(ROUTE RECEIVERS "templates: [x.tmpl]\n", "3:12", "files of templates are not read");
    config_unref(load(ROUTE RECEIVERS "templates: []\n"));
    refuses(ROUTE RECEIVERS "global: {wechat_api_url: x}\n", "3:10", "unknown key");
    refuses(ROUTE RECEIVERS "global: {resolve_timeout: x}\n", "3:27", "expected a duration");
    refuses(ROUTE RECEIVERS "tracing: {}\n", "3:1", "unknown key 'tracing'");
    refuses(ROUTE "receivers: [{name: a}, {name: a}]\n", "2:31", "two receivers have the name 'a'");
    refuses(ROUTE "receivers: [{name: a, sns_configs: []}]\n", "2:23", "unknown key 'sns_configs'");
    refuses(ROUTE "receivers: [{name: a, slack_configs: {}}]\n", "2:38",
            "slack_configs: expected a list");
    refuses(ROUTE "receivers: [{name: a}, {slack_configs: []}]\n", "2:24", "missing key 'name'");
    refuses(ROUTE RECEIVERS "---\n" ROUTE, "4:1", "a second document");
    refuses("[]\n", "1:1", "expected a document");
}

/* ---- inhibitions ------------------------------------------------------------------------ */

#define RULES(text) ROUTE RECEIVERS "inhibit_rules:\n" text
#define RULE(source, target, rest)                                                                 \
    "  - {source_matchers: [" source "], target_matchers: [" target "]" rest "}\n"

static void test_inhibits(void **state)
{
    (void)state;
    struct config *c = load(RULES("  - {source_match: {s: critical}, source_match_re: {t: a|b},\n"
                                  "     target_matchers: [s=warning], equal: [alertname, x]}\n"));
    const struct inhibit_def *rule = c->routing->inhibits;
    assert_int_equal(c->routing->inhibit_count, 1);
    assert_int_equal(rule->source.n, 2);
    assert_int_equal(rule->target.n, 1);
    assert_int_equal(rule->equal.n, 2);
    config_unref(c);
    refuses(RULES("  - {source_matcher: [a=b]}\n"), "4:6", "did you mean 'source_matchers'?");
    refuses(RULES("  - {equal: {a: b}}\n"), "4:13", "equal: expected a list");
    refuses(ROUTE RECEIVERS "inhibit_rules: {}\n", "3:16", "expected a list");
}

static void test_cycles(void **state)
{
    (void)state;
    const char *const fine[] = {
        RULE("s=critical", "s=warning", ""),
        RULE("s=critical", "s=warning", "") RULE("s=warning", "s=info", ""),
        /* both sides match: such do not mute each other */
        RULE("s=warning", "s=warning", "") RULE("s=warning", "s=warning", ""),
        /* only perhaps */
        RULE("n=NodeDown", "job=node", "") RULE("n=ClusterDown", "s=warning", ""),
        RULE("s=critical, team=a", "s=warning", "") RULE("s=warning", "s=critical", ""),
        /* never at once: the labels that must be equal differ */
        RULE("s=critical", "s=warning", ", equal: [s]") RULE("s=warning", "s=critical", ""),
    };
    for (size_t i = 0; i < countof(fine); i++) {
        char text[1000];
        snprintf(text, sizeof(text), "%s%s", RULES(""), fine[i]);
        config_unref(load(text));
    }
    refuses(RULES(RULE("s=critical", "s=warning", "") RULE("s=warning", "s=critical", "")), "4:5",
            "could all be mute at once (line 4 -> line 5 -> line 4)");
    refuses(RULES(RULE("n=NodeDown", "s=warning", ", equal: [x]")
                      RULE("s=~\"warn.*\"", "n=NodeDown,s!=x", "")),
            "4:5", "line 4 -> line 5 -> line 4");
    refuses(RULES(RULE("s=a", "s=b", "") RULE("s=x", "s=y", "") RULE("s=b", "s=c", "")
                      RULE("s=c", "s=a", "")),
            "4:5", "(line 4 -> line 6 -> line 7 -> line 4)");
}

/* ---- time intervals ---------------------------------------------------------------------- */

#define PART(text) ROUTE RECEIVERS "time_intervals: [{name: n, time_intervals: [{" text "}]}]\n"

static void test_intervals(void **state)
{
    (void)state;
    struct config *c = load(
        PART("times: [{start_time: '00:00', end_time: '24:00'}],\n"
             " weekdays: ['Monday:friday', sunday],\n"
             " days_of_month: ['1:5', '15', '-3:-1', '20:-1', -1],\n"
             " months: ['january:March', '6', 9:december],\n"
             " years: ['2026:2028', 2030], location: Europe/Berlin") "mute_time_intervals: [{name: "
                                                                     "m, time_intervals: [{}]}]\n");
    const struct time_interval_def *t = c->routing->intervals;
    const struct time_interval_part *p = &t->parts[0];
    assert_int_equal(c->routing->interval_count, 2);
    assert_string_equal(t[1].name, "m");
    assert_string_equal(t[1].parts[0].location, "UTC");
    assert_int_equal(p->minutes.at[0].to, 24 * 60);
    assert_int_equal(p->weekdays.at[0].from, 1);
    assert_int_equal(p->weekdays.at[0].to, 5);
    assert_int_equal(p->weekdays.at[1].to, 0);
    assert_int_equal(p->days.at[2].from, -3);
    assert_int_equal(p->days.at[4].to, -1);
    assert_int_equal(p->months.at[0].to, 3);
    assert_int_equal(p->months.at[2].from, 9);
    assert_int_equal(p->months.at[2].to, 12);
    assert_int_equal(p->years.at[0].to, 2028);
    assert_non_null(p->zone);
    config_unref(c);
    struct fake_counts n = fake_take_counts();
    assert_int_equal(n.zones_opened, n.zones_freed);
    assert_true(n.zones_opened >= 2);
}

static void test_bad_intervals(void **state)
{
    (void)state;
    refuses(PART("weekdays: [mon]"), "3:57", "expected 'monday:friday' or 'sunday'");
    refuses(PART("weekdays: [1]"), "3:57", "expected 'monday:friday'");
    refuses(PART("weekdays: ['friday:monday']"), "3:57", "comes before its start");
    refuses(PART("weekdays: monday"), "3:56", "expected a list of at most 100 ranges");
    refuses(PART("days_of_month: [0]"), "3:62", "expected '1:5'");
    refuses(PART("days_of_month: [32]"), "3:62", "expected '1:5'");
    refuses(PART("days_of_month: ['-1:5']"), "3:62", "comes before its start");
    refuses(PART("days_of_month: ['29:-1']"), "3:62", "comes before its start");
    refuses(PART("months: [13]"), "3:55", "expected 'january:march' or '6'");
    refuses(PART("months: ['may:april']"), "3:55", "comes before its start");
    refuses(PART("years: ['2028:2026']"), "3:54", "comes before its start");
    refuses(PART("years: [soon]"), "3:54", "expected '2026:2028'");
    refuses(PART("location: Mars/Olympus"), "3:56", "unknown time zone 'Mars/Olympus'");
    refuses(PART("hours: []"), "3:46", "unknown key 'hours'");
    refuses(PART("times: [{start_time: '09:00'}]"), "3:54", "missing key 'end_time'");
    refuses(PART("times: [{start_time: 9, end_time: '10:00'}]"), "3:67", "'00:00' to '24:00'");
    refuses(PART("times: [{start_time: '09:00', end_time: '24:01'}]"), "3:86", "to '24:00'");
    refuses(PART("times: [{start_time: '22:00', end_time: '06:00'}]"), "3:54",
            "a night is two ranges");
    refuses(ROUTE RECEIVERS "time_intervals: [{name: n, time_intervals: []},\n"
                            " {name: n, time_intervals: []}]\n",
            "4:2", "two time intervals have the name 'n'");
    refuses(ROUTE RECEIVERS "time_intervals: [{time_intervals: []}]\n", "3:18",
            "missing key 'name'");
    refuses(ROUTE RECEIVERS "time_intervals: [{name: n}]\n", "3:18",
            "missing key 'time_intervals'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_inheritance),
        cmocka_unit_test(test_bad_routes), cmocka_unit_test(test_in_the_daemon_document),
        cmocka_unit_test(test_bad_blocks), cmocka_unit_test(test_limits_of_the_tree),
        cmocka_unit_test(test_inhibits),   cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_intervals),  cmocka_unit_test(test_bad_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
