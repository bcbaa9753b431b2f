/* The dispatcher on a clock that is told, with its rows; and what waits for its row. */
#include "../cmocka_all.h"

#include "alert/default_route.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "model/message.h"
#include "nines/notifier.h"
#include "notify/desk.h"
#include "notify/lane.h"
#include "notify/orders.h"
#include "notify/unrecorded.h"

#include <string.h>

#define S USEC_PER_SEC
#define BEGIN (1790000000LL * S)

struct world {
    struct config config;
    struct notifier_spec spec;
    struct integration_def integration;
    struct receiver_def def, *defs[1];
    struct desk *desk;
    struct str said; /* a transaction a line: "ag m@0 t g" */
    char alert[4096];
};

static void on_rows(void *ctx, const struct dispatch_row *rows, size_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++) {
        const struct dispatch_row *r = &rows[i];
        if (r->kind == DISPATCH_ALERT)
            str_copy(w->alert, sizeof(w->alert), r->alert->alert);
        if (r->kind == DISPATCH_MESSAGE)
            str_addf(&w->said, "m@%lld ", (long long)((r->message->created_us - BEGIN) / S));
        else
            str_addf(&w->said, "%c ", "adgx t"[r->kind == DISPATCH_TOLD ? 5 : r->kind]);
    }
    str_addc(&w->said, '\n');
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->config.refs = 1;
    w->spec.send_resolved = true;
    w->integration = (struct integration_def){.name = "log", .spec = &w->spec};
    w->def = (struct receiver_def){.name = "team", .at = &w->integration, .n = 1};
    w->defs[0] = &w->def;
    w->config.receivers = w->defs;
    w->config.receiver_count = 1;
    str_init(&w->said, 1 << 16);
    w->desk = desk_new(&(struct desk_options){
        .config = &w->config, .told_time = true, .now_us = BEGIN, .rows = on_rows, .ctx = w});
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    desk_free(w->desk);
    assert_int_equal(w->config.refs, 1);
    str_release(&w->said);
    mem_free(&w);
    return 0;
}

static void put(struct world *w, const char *name, bool firing, int64_t at_s)
{
    struct pair label = {.key = "alertname", .value = name};
    char print[FINGERPRINT_SIZE];
    struct message_alert a = {.firing = firing,
                              .labels = {&label, 1},
                              .starts_us = BEGIN,
                              .ends_us = firing ? 0 : BEGIN + at_s * S,
                              .generator_url = ""};
    a.fingerprint = message_fingerprint(print, &a.labels);
    desk_put(w->desk, order_alerts(&a, 1, BEGIN + at_s * S), 0);
}

static void says(struct world *w, const char *want)
{
    assert_string_equal(w->said.buf, want);
    str_clear(&w->said);
}

static void restore(struct world *w, const struct dispatch_past *past)
{
    desk_restore(w->desk, order_restore(past), 0);
}

/* Time may jump: what was due in between is done at the time it was due. */
static void test_told_time(void **state)
{
    struct world *w = *state;
    restore(w, &(struct dispatch_past){0});
    assert_int_equal(desk_due_us(w->desk), INT64_MAX);
    put(w, "one", true, 20);
    says(w, "a g \n");
    desk_time(w->desk, BEGIN + 20 * S);
    says(w, "m@20 t g \n");
    desk_time(w->desk, BEGIN + 39 * S);
    says(w, "g \n"); /* looked at, nothing new */
    put(w, "one", false, 45);
    says(w, "g \na \n"); /* the look at 40 comes before the change at 45 */
    desk_time(w->desk, BEGIN + 1000 * S);
    says(w, "m@50 t d x \n");
    desk_time(w->desk, BEGIN + 900 * S); /* never back */
    says(w, "");
}

static void test_repeats(void **state)
{
    struct world *w = *state;
    restore(w, &(struct dispatch_past){0});
    put(w, "one", true, 0);
    desk_time(w->desk, BEGIN + 5 * S);
    str_clear(&w->said);
    desk_time(w->desk, BEGIN + 5 * 3600 * S);
    const char *m = strchr(w->said.buf, 'm');
    assert_non_null(m);
    assert_int_equal(strtol(m + 2, NULL, 10), 4 * 3600);
    assert_null(strchr(m + 1, 'm'));
}

/* What is put before the restore comes after what it brings, and before any message. */
static void test_restore(void **state)
{
    struct world *w = *state;
    char print[FINGERPRINT_SIZE];
    struct pair label = {.key = "alertname", .value = "one"};
    struct string_map labels = {&label, 1};
    message_fingerprint(print, &labels);
    mem_auto char *json =
        mem_printf("{\"status\":\"firing\",\"labels\":{\"alertname\":\"one\"},\"startsAt\":"
                   "\"2026-09-21T14:13:00Z\",\"fingerprint\":\"%s\"}",
                   print);
    struct told_alert alerts[] = {{print, json, BEGIN - 60 * S},
                                  {"00000000000000aa", "broken", BEGIN - 60 * S}};
    put(w, "one", false, 5);
    says(w, "");
    restore(w, &(struct dispatch_past){.alerts = alerts, .alert_count = 2});
    says(w, "g d \na \n"); /* the damaged one is done */
    desk_time(w->desk, BEGIN + 10 * S);
    says(w, "d x \n"); /* nobody had heard of it: it ends without a word */
}

/* A receiver less: its groups go. One more: it is told. */
static void test_configure(void **state)
{
    struct world *w = *state;
    struct config none = {.refs = 1};
    restore(w, &(struct dispatch_past){0});
    put(w, "one", true, 0);
    desk_time(w->desk, BEGIN);
    str_clear(&w->said);
    desk_configure(w->desk, &none, 0);
    says(w, "g x \n");
    desk_time(w->desk, BEGIN + 100 * S);
    assert_null(strchr(w->said.buf, 'm'));
    str_clear(&w->said);
    desk_configure(w->desk, &w->config, 0);
    says(w, "g x \n");
    desk_time(w->desk, BEGIN + 101 * S);
    says(w, "m@100 t g \n");
    assert_int_equal(none.refs, 1);
}

static void test_silences(void **state)
{
    struct world *w = *state;
    struct matcher m = {.name = "alertname", .value = "one", .op = MATCH_EQUAL};
    struct silence s = {.id = "1",
                        .matchers = {&m, 1},
                        .starts_us = BEGIN,
                        .ends_us = BEGIN + 15 * S,
                        .author = "me",
                        .comment = "quiet"};
    const struct silence *list[] = {&s};
    restore(w, &(struct dispatch_past){0});
    desk_silences(w->desk, order_silences(list, 1));
    put(w, "one", true, 1);
    put(w, "two", true, 1);
    desk_time(w->desk, BEGIN + 2 * S);
    says(w, "a g \na g \ng m@1 t g \n");
    desk_silences(w->desk, order_silences(list, 0));
    desk_time(w->desk, BEGIN + 12 * S);
    assert_non_null(strstr(w->said.buf, "m@11 "));
}

/* ---- what waits for its row ---------------------------------------------------------------- */

static void add(struct unrecorded *u, const char *key, int64_t mono_us)
{
    unrecorded_add(u, &(struct outbox_new){"r", "i", "g", key, "{}", BEGIN}, mono_us);
}

static bool committed(struct unrecorded *u, const char *key, const char *receiver)
{
    struct item it = {.receiver = mem_strdup(receiver),
                      .integration = mem_strdup("i"),
                      .dedup_key = mem_strdup(key)};
    bool was = unrecorded_committed(u, &it);
    mem_free(&it.receiver);
    mem_free(&it.integration);
    mem_free(&it.dedup_key);
    return was;
}

static void test_unrecorded(void **state)
{
    struct unrecorded u;
    (void)state;
    unrecorded_init(&u);
    assert_int_equal(unrecorded_oldest_us(&u), INT64_MAX);
    add(&u, "a", 100);
    add(&u, "b", 200);
    add(&u, "c", 300);
    assert_false(committed(&u, "b", "other"));
    assert_true(committed(&u, "b", "r"));
    assert_false(committed(&u, "b", "r"));
    assert_true(committed(&u, "c", "r"));
    add(&u, "d", 400); /* behind what was last, which is gone */
    assert_int_equal(u.waiting, 2);
    assert_int_equal(unrecorded_oldest_us(&u), 100);
    assert_null(unrecorded_take(&u, 99));
    struct item *it = unrecorded_take(&u, 100);
    assert_string_equal(it->dedup_key, "a");
    assert_true(it->unrecorded);
    assert_null(unrecorded_take(&u, 399));
    assert_false(unrecorded_was_sent(&u, it));
    unrecorded_sent(&u, it);
    assert_true(unrecorded_was_sent(&u, it));
    it->dedup_key[0] = 'z';
    assert_false(unrecorded_was_sent(&u, it));
    for (int i = 0; i < UNRECORDED_SENT_MAX; i++)
        unrecorded_sent(&u, it);
    it->dedup_key[0] = 'a';
    assert_false(unrecorded_was_sent(&u, it)); /* the oldest are forgotten */
    item_free(it);
    unrecorded_release(&u);
}

int main(void)
{
#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        DESK_TEST(test_told_time), DESK_TEST(test_repeats),  DESK_TEST(test_restore),
        DESK_TEST(test_configure), DESK_TEST(test_silences), cmocka_unit_test(test_unrecorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
