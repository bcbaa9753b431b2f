/* Groups by a clock of the test's own: what is told when, as Alertmanager's manual has it. */
#include "labels.h"

#include "alert/dispatch.h"
#include "base/str.h"
#include "io/zone.h"
#include "model/message.h"

#include <string.h>

#define S 1000000LL
#define BEGIN (1000 * S)

/* Groups by "g"; waits 10 s, 60 s, 150 s. */
struct scene {
    struct arena arena;
    struct routing_def routing;
    struct route_def routes[2];
    struct inhibit_def rule;
    struct time_interval_def interval;
    struct time_interval_part part;
    struct time_range_def years;
    struct silence silence;
    struct dispatch *d;
    struct str told; /* one line for each hook call, since the last look */
};

static const char *by[] = {"g"};
static const char *nights[] = {"years"};
static const struct dispatch_integration both[] = {{"x", true}, {"y", false}};
static const struct dispatch_receiver receivers[] = {{"all", both, 2}, {"one", both, 1}};

static void on_send(void *ctx, const struct dispatch_send *s)
{
    struct scene *c = ctx;
    const struct message *m = s->message;
    str_addf(&c->told, "%lld %s/%s", (long long)((m->at_us - BEGIN) / S), s->receiver,
             s->integration);
    for (size_t i = 0; i < m->alert_count; i++)
        str_addf(&c->told, " %s%s", m->alerts[i].firing ? "" : "-",
                 matcher_label(&m->alerts[i].labels, "n"));
    str_add(&c->told, s->why == NOTIFIED_REPEAT ? " again\n" : "\n");
    assert_true(m->firing == m->alerts[0].firing);
    assert_non_null(strstr(m->group_key, "{}"));
}

static void on_held(void *ctx, const struct dispatch_group *g, const struct message_alert *a,
                    const struct dispatch_hold *hold)
{
    struct scene *c = ctx;
    assert_non_null(g->group_key);
    str_addf(&c->told, "%s by %s %s", matcher_label(&a->labels, "n"), hold->stage, hold->by);
    if (hold->until_us)
        str_addf(&c->told, " until %lld", (long long)((hold->until_us - BEGIN) / S));
    str_addc(&c->told, '\n');
}

static void on_gone(void *ctx, const struct dispatch_group *g)
{
    struct scene *c = ctx;
    assert_non_null(g->receiver);
    str_add(&c->told, "gone\n");
}

static void on_done(void *ctx, const char *fingerprint)
{
    struct scene *c = ctx;
    assert_int_equal(strlen(fingerprint), 16);
    str_add(&c->told, "done\n");
}

static struct dispatch_config config_of(const struct scene *c)
{
    return (struct dispatch_config){
        .routing = &c->routing, .receivers = receivers, .receiver_count = 2, .external_url = ""};
}

static int begin(void **state)
{
    struct scene *c = mem_alloc(sizeof(*c));
    c->routing.root = (struct route_def){.receiver = "one",
                                         .group_by = {by, 1},
                                         .group_wait_us = 10 * S,
                                         .group_interval_us = 60 * S,
                                         .repeat_interval_us = 150 * S};
    struct dispatch_config config = config_of(c);
    struct dispatch_hooks hooks = {
        .send = on_send, .held = on_held, .gone = on_gone, .done = on_done, .ctx = c};
    c->d = dispatch_new(&config, &hooks);
    str_init(&c->told, 1 << 20);
    *state = c;
    return 0;
}

static int end(void **state)
{
    struct scene *c = *state;
    dispatch_free(c->d);
    str_release(&c->told);
    arena_release(&c->arena);
    mem_free(&c);
    return 0;
}

/* "n=a g=1"; "-n=a" is resolved. */
static void put(struct scene *c, int64_t at, const char *text)
{
    char fingerprint[FINGERPRINT_SIZE];
    struct message_alert a = {.firing = *text != '-',
                              .starts_us = BEGIN + at * S,
                              .ends_us = BEGIN + at * S,
                              .labels = labels_of(&c->arena, text + (*text == '-'))};
    message_sort_map(&a.labels);
    a.fingerprint = message_fingerprint(fingerprint, &a.labels);
    int64_t now = BEGIN + at * S;
    assert_int_equal(dispatch_put(c->d, &a, dispatch_time(c->d, now), now, NULL), 0);
}

/* All that is due up to and with `until` says this. */
static void says(struct scene *c, int64_t until, const char *expected)
{
    int64_t next, now = 0;
    while ((next = dispatch_next(c->d)) <= BEGIN + until * S) {
        assert_true(next > now);
        dispatch_tick(c->d, now = next);
    }
    assert_string_equal(c->told.buf, expected);
    str_clear(&c->told);
}

static void test_group(void **state)
{
    struct scene *c = *state;
    put(c, 0, "n=a g=1");
    put(c, 5, "n=b g=1");
    put(c, 7, "n=c g=2");
    says(c, 9, "");
    says(c, 20, "10 one/x a b\n17 one/x c\n");
    put(c, 21, "n=d g=1");
    says(c, 69, "");
    says(c, 76, "70 one/x a b d\n");
    says(c, 131, "");
    put(c, 132, "-n=b g=1");
    says(c, 196, "190 one/x a d -b\ndone\n");
    says(c, 197, "197 one/x c again\n"); /* 180 s, the first multiple past 150 s */
    says(c, 370, "370 one/x a d again\n");
}

static void test_over(void **state)
{
    struct scene *c = *state;
    put(c, 0, "n=a g=1");
    says(c, 10, "10 one/x a\n");
    put(c, 20, "-n=a g=1");
    put(c, 21, "n=a g=1"); /* fires again before anybody knew */
    says(c, 70, "");
    put(c, 80, "-n=a g=1");
    says(c, 130, "130 one/x -a\ndone\ngone\n");
    assert_true(dispatch_next(c->d) == INT64_MAX);
    put(c, 140, "n=a g=1");
    says(c, 150, "150 one/x a\n");
    put(c, 151, "-n=a g=1");
    put(c, 152, "-n=q g=9"); /* nobody was told of it */
    says(c, 210, "done\n210 one/x -a\ndone\ngone\n");
}

/* That it is over was told already, and that it fired again in between nobody knew. */
static void test_over_again(void **state)
{
    struct scene *c = *state;
    put(c, 0, "n=a g=1");
    put(c, 0, "n=b g=1");
    says(c, 10, "10 one/x a b\n");
    put(c, 20, "-n=b g=1");
    says(c, 70, "70 one/x a -b\ndone\n");
    put(c, 80, "n=b g=1");
    put(c, 90, "-n=b g=1");
    says(c, 130, "done\n");
    put(c, 140, "n=b g=1");
    says(c, 190, "190 one/x a b\n");
}

/* Resolved before it was told: nothing is. */
static void test_blip(void **state)
{
    struct scene *c = *state;
    put(c, 0, "n=a g=1");
    put(c, 9, "-n=a g=1");
    says(c, 100, "done\ngone\n");
}

/* It began long ago, and is told at once. */
static void test_late(void **state)
{
    struct scene *c = *state;
    struct message_alert a = {.firing = true,
                              .starts_us = BEGIN - 11 * S,
                              .labels = labels_of(&c->arena, "g=1 n=a"),
                              .fingerprint = "00000000000000aa"};
    assert_int_equal(dispatch_put(c->d, &a, BEGIN, BEGIN, NULL), 0);
    says(c, 0, "0 one/x a\n");
}

static void silence(struct scene *c, int64_t from, int64_t to)
{
    struct silence *s = &c->silence;
    *s = (struct silence){.id = "i", .author = "me", .comment = "c"};
    s->starts_us = BEGIN + from * S;
    s->ends_us = BEGIN + to * S;
    matchers_of(&c->arena, &s->matchers, "n=a");
    dispatch_silences(c->d, s, 1);
}

static void test_silence(void **state)
{
    struct scene *c = *state;
    silence(c, 0, 100);
    put(c, 0, "n=a g=1");
    put(c, 0, "n=b g=1");
    says(c, 10, "a by silence me until 100\n10 one/x b\n");
    says(c, 70, "a by silence me until 100\n");
    says(c, 130, "130 one/x a b\n");
    dispatch_silences(c->d, NULL, 0);
}

/* What resolves in silence is told of when it fires again. */
static void test_silent_end(void **state)
{
    struct scene *c = *state;
    silence(c, 20, 100);
    put(c, 0, "n=a g=1");
    put(c, 0, "n=b g=1");
    says(c, 10, "10 one/x a b\n");
    put(c, 30, "-n=a g=1");
    says(c, 70, "a by silence me until 100\ndone\n");
    put(c, 101, "n=a g=1");
    says(c, 130, "130 one/x b a\n");
}

static void test_inhibit(void **state)
{
    struct scene *c = *state;
    matchers_of(&c->arena, &c->rule.source, "alertname=Down");
    matchers_of(&c->arena, &c->rule.target, "n=b");
    c->routing.inhibits = &c->rule;
    c->routing.inhibit_count = 1;
    put(c, 0, "alertname=Down n=a g=1");
    put(c, 0, "n=b g=2");
    says(c, 10, "10 one/x a\nb by inhibit Down\n");
    put(c, 20, "-alertname=Down n=a g=1");
    says(c, 70, "70 one/x -a\ndone\ngone\n70 one/x b\n");
}

/* What gets worse is over as what it was, and people know. What else mutes still does. */
static void test_inhibit_by_itself(void **state)
{
    struct scene *c = *state;
    matchers_of(&c->arena, &c->rule.source, "severity=page");
    matchers_of(&c->arena, &c->rule.target, "severity=ticket");
    c->routing.inhibits = &c->rule;
    c->routing.inhibit_count = 1;
    put(c, 0, "g=1 n=a severity=ticket");
    put(c, 0, "g=2 n=b severity=ticket");
    says(c, 10, "10 one/x a\n10 one/x b\n");
    put(c, 20, "-g=1 n=a severity=ticket");
    put(c, 20, "g=1 n=a severity=page");
    put(c, 20, "-g=2 n=b severity=ticket");
    says(c, 70, "70 one/x a -a\ndone\nb by inhibit \ndone\ngone\n");
    put(c, 80, "-g=1 n=a severity=page");
    put(c, 80, "g=1 n=a severity=ticket");
    says(c, 130, "130 one/x a -a\ndone\n");
}

static void test_interval(void **state)
{
    struct scene *c = *state;
    struct zone *zone;
    assert_int_equal(zone_open("UTC", &zone, NULL), 0);
    c->years = (struct time_range_def){1970, 1970};
    c->part = (struct time_interval_part){.years = {&c->years, 1}, .location = "UTC", .zone = zone};
    c->interval = (struct time_interval_def){.name = "years", .parts = &c->part, .n = 1};
    c->routing.intervals = &c->interval;
    c->routing.interval_count = 1;
    c->routing.root.mute_time_intervals = (struct string_list){nights, 1};
    put(c, 0, "n=a g=1");
    says(c, 10, "a by interval \n");
    c->years = (struct time_range_def){1999, 1999};
    says(c, 70, "70 one/x a\n");
    zone_free(zone);
}

static void count_alert(void *ctx, const struct message_alert *a, const struct dispatch_group *g,
                        const struct dispatch_hold *hold)
{
    struct str *out = ctx;
    str_addf(out, "%s %s %s %s\n", matcher_label(&a->labels, "n"), g ? g->receiver : "-",
             hold ? hold->stage : "-", hold ? hold->name : "-");
}

static void test_each(void **state)
{
    struct scene *c = *state;
    silence(c, 0, 100);
    put(c, 0, "n=a g=1");
    dispatch_each(c->d, BEGIN, count_alert, &c->told);
    says(c, 10, "a one silence i\na by silence me until 100\n");
    dispatch_silences(c->d, NULL, 0);
    dispatch_each(c->d, BEGIN, count_alert, &c->told);
    says(c, 70, "a one - -\n70 one/x a\n");
}

/* The second integration does not hear of resolved alerts, and hears anew of what fires. */
static void test_integrations(void **state)
{
    struct scene *c = *state;
    c->routing.root.receiver = "all";
    put(c, 0, "n=a g=1");
    put(c, 0, "n=b g=1");
    says(c, 10, "10 all/x a b\n10 all/y a b\n");
    put(c, 20, "-n=b g=1");
    says(c, 70, "70 all/x a -b\ndone\n");
    says(c, 190, "190 all/y a again\n"); /* each by what it was told itself */
    put(c, 200, "-n=a g=1");
    says(c, 250, "250 all/x -a\ndone\ngone\n");
    put(c, 260, "n=a g=1");
    says(c, 270, "270 all/x a\n270 all/y a\n");
}

/* A late tick tells once, and the phase stays; the clock does not go back. */
static void test_clock(void **state)
{
    struct scene *c = *state;
    put(c, 0, "n=a g=1");
    dispatch_tick(c->d, BEGIN + 10 * S);
    put(c, 20, "n=b g=1");
    dispatch_tick(c->d, BEGIN + 1000 * S);
    says(c, 1000, "10 one/x a\n1000 one/x a b\n");
    assert_true(dispatch_next(c->d) == BEGIN + 1030 * S);
    put(c, 1001, "n=c g=1");
    dispatch_tick(c->d, BEGIN);
    assert_string_equal(c->told.buf, "");
    assert_true(dispatch_time(c->d, BEGIN) == BEGIN + 1000 * S + 2);
    says(c, 1030, "1030 one/x a b c\n");
}

/* Another route takes the alerts; what was told where the key is the same is not again. */
static void test_reload(void **state)
{
    struct scene *c = *state;
    put(c, 0, "n=a g=1");
    put(c, 0, "n=b g=2");
    says(c, 10, "10 one/x a\n10 one/x b\n");
    struct scene fresh = {.routing = c->routing};
    c->routes[0] = fresh.routing.root;
    c->routes[0].receiver = "all";
    matchers_of(&c->arena, &c->routes[0].matchers, "g=2");
    fresh.routing.root.routes = c->routes;
    fresh.routing.root.route_count = 1;
    struct dispatch_config config = config_of(&fresh);
    dispatch_configure(c->d, &config, BEGIN + 30 * S);
    says(c, 60, "gone\n30 all/x b\n30 all/y b\n");
    says(c, 70, "");
    config = config_of(c);
    dispatch_configure(c->d, &config, BEGIN + 75 * S);
    says(c, 80, "gone\n75 one/x b\n");
}

/* A group that stays has the new waits, and is not due later for them. */
static void test_new_waits(void **state)
{
    struct scene *c = *state;
    put(c, 0, "n=a g=1");
    says(c, 10, "10 one/x a\n");
    struct scene fresh = {.routing = c->routing};
    fresh.routing.root.group_interval_us = 20 * S;
    struct dispatch_config config = config_of(&fresh);
    dispatch_configure(c->d, &config, BEGIN + 30 * S);
    put(c, 31, "n=b g=1");
    says(c, 50, "50 one/x a b\n");
    assert_true(dispatch_next(c->d) == BEGIN + 70 * S);
    config = config_of(c);
    dispatch_configure(c->d, &config, BEGIN + 55 * S);
    put(c, 56, "n=c g=1");
    says(c, 70, "70 one/x a b c\n");
    assert_true(dispatch_next(c->d) == BEGIN + 130 * S);
}

static void test_maxima(void **state)
{
    struct scene *c = *state;
    struct dispatch_stats stats;
    struct err err;
    char text[64];
    for (int i = 0; i < DISPATCH_ALERTS_MAX; i++) {
        snprintf(text, sizeof(text), "n=%d g=%d", i, i ? 1 : 0);
        put(c, 0, text);
    }
    struct message_alert a = {.firing = true,
                              .labels = labels_of(&c->arena, "n=more"),
                              .fingerprint = "00000000000000ff"};
    assert_int_equal(dispatch_put(c->d, &a, BEGIN + 1, BEGIN, &err), -1);
    assert_string_equal(err.msg, "there are 10000 alerts already");
    dispatch_tick(c->d, BEGIN + 10 * S);
    dispatch_get_stats(c->d, &stats);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.alerts, DISPATCH_ALERTS_MAX);
    assert_int_equal(stats.groups, 2);
    assert_int_equal(stats.messages, 2);
    assert_int_equal(stats.truncated, DISPATCH_ALERTS_MAX - 1 - MESSAGE_ALERTS_MAX);
    str_clear(&c->told);
    put(c, 11, "-n=0 g=0");
    says(c, 70, "70 one/x -0\ndone\ngone\n");
    assert_int_equal(dispatch_put(c->d, &a, BEGIN + 71 * S, BEGIN + 71 * S, &err), 0);
}

/* Twice as many groups as there may be: the second half waits for room. */
static void test_group_maximum(void **state)
{
    struct scene *c = *state;
    struct dispatch_stats stats;
    char text[64];
    const char *names[] = {"n"};
    c->routes[0] = c->routes[1] = c->routing.root;
    c->routes[0].receiver = "all";
    c->routes[0].go_on = true;
    c->routes[0].group_by = (struct string_list){names, 1};
    c->routing.root.routes = c->routes;
    c->routing.root.route_count = 2;
    for (int i = 0; i < DISPATCH_GROUPS_MAX; i++) {
        snprintf(text, sizeof(text), "n=%d g=%d", i, i);
        put(c, 0, text);
    }
    dispatch_get_stats(c->d, &stats);
    assert_int_equal(stats.groups, DISPATCH_GROUPS_MAX);
    assert_int_equal(stats.groupless, DISPATCH_GROUPS_MAX / 2);
    dispatch_each(c->d, BEGIN, count_alert, &c->told);
    assert_non_null(strstr(c->told.buf, "9999 - limit "));
    dispatch_tick(c->d, BEGIN + 10 * S);
    put(c, 20, "-n=0 g=0");
    dispatch_tick(c->d, BEGIN + 70 * S);
    dispatch_tick(c->d, BEGIN + 71 * S);
    dispatch_get_stats(c->d, &stats);
    assert_int_equal(stats.groups, DISPATCH_GROUPS_MAX);
    assert_int_equal(stats.groupless, DISPATCH_GROUPS_MAX / 2 - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_group),         TEST(test_over),
        TEST(test_blip),          TEST(test_over_again),
        TEST(test_new_waits),     TEST(test_late),
        TEST(test_silence),       TEST(test_silent_end),
        TEST(test_inhibit),       TEST(test_inhibit_by_itself),
        TEST(test_interval),      TEST(test_each),
        TEST(test_integrations),  TEST(test_clock),
        TEST(test_reload),        TEST(test_maxima),
        TEST(test_group_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
