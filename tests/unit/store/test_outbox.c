/* What the dispatcher wants kept, messages, and silences. */
#include "fixture.h"

#include "alert/dispatch.h"
#include "alert/silence.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/matcher.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY USEC_PER_DAY

/* What `committed` was given; the store thread writes, readers flush first. */
struct box {
    struct outbox_item items[8];
    size_t n, let_go;
};

static void on_committed(void *ctx, struct outbox_item *items, size_t n)
{
    struct box *box = ctx;
    for (size_t i = 0; i < n; i++) {
        if (box->n < countof(box->items)) {
            box->items[box->n++] = items[i];
            continue;
        }
        outbox_item_release(&items[i]);
        box->let_go++;
    }
}

static void box_clear(struct box *box)
{
    for (size_t i = 0; i < box->n; i++)
        outbox_item_release(&box->items[i]);
    box->n = box->let_go = 0;
}

static void open_with(struct fixture *f, struct box *box)
{
    struct store_options o = {.path = f->path, .committed = on_committed, .ctx = box};
    struct err err = {{0}};
    if (store_open(&o, &f->store, &err) < 0)
        fail_msg("%s", err.msg);
}

static void push_message(struct fixture *f, const char *integration, const char *key, int64_t at)
{
    struct outbox_new m = {"team", integration, "{}:{}", key, "{\"n\":1}", at};
    struct dispatch_row row = {DISPATCH_MESSAGE, .message = &m};
    store_push_dispatch(f->store, &row, 1);
}

/* ---- messages ----------------------------------------------------------------------- */

static void messages_are_handed_over_until_they_are_done(void **state)
{
    (void)state;
    struct fixture f;
    struct box box = {0};
    fixture_init(&f);
    open_with(&f, &box);
    push_message(&f, "log", "k1", T0);
    push_message(&f, "hook 2", "k2", T0 + 1);
    push_message(&f, "slack", "k3", T0 + 2);
    fixture_flush(&f);
    assert_int_equal(box.n, 3);
    const struct outbox_item *m = &box.items[1];
    assert_string_equal(m->receiver, "team");
    assert_string_equal(m->integration, "hook 2");
    assert_string_equal(m->group_key, "{}:{}");
    assert_string_equal(m->dedup_key, "k2");
    assert_string_equal(m->payload, "{\"n\":1}");
    assert_true(m->created_us == T0 + 1 && m->attempts == 0 && m->retry_at_us == 0);
    store_push_delivery(f.store, box.items[0].id, OUTBOX_DELIVERED, "200", 0);
    store_push_delivery(f.store, box.items[1].id, OUTBOX_PENDING, "busy", T0 + 99);
    store_push_delivery(f.store, box.items[2].id, OUTBOX_DEAD, "refused", T0 + 99);
    fixture_close(&f);
    box_clear(&box);

    open_with(&f, &box); /* what is not done comes again */
    fixture_settle(&f);
    assert_int_equal(box.n, 1);
    assert_string_equal(box.items[0].integration, "hook 2");
    assert_string_equal(box.items[0].group_key, "{}:{}");
    assert_true(box.items[0].attempts == 1 && box.items[0].retry_at_us == T0 + 99);
    store_push_delivery(f.store, box.items[0].id, OUTBOX_DELIVERED, NULL, 0);
    fixture_close(&f);
    box_clear(&box);

    open_with(&f, &box);
    fixture_settle(&f);
    assert_int_equal(box.n, 0);
    assert_int_equal(fixture_sql(&f, "SELECT sum(attempts) FROM outbox"), 4);
    fixture_release(&f);
}

static void what_was_given_up_is_tried_again(void **state)
{
    (void)state;
    struct fixture f;
    struct box box = {0};
    fixture_init(&f);
    open_with(&f, &box);
    for (int i = 0; i < 4; i++)
        push_message(&f, i == 3 ? "" : "log", "k", T0 + i);
    store_push_delivery(f.store, 2, OUTBOX_DEAD, "refused", 0);
    store_push_delivery(f.store, 3, OUTBOX_DEAD, "refused", 0);
    store_push_delivery(f.store, 4, OUTBOX_DEAD, "of an older nines", 0);
    fixture_flush(&f);
    box_clear(&box);
    store_push_outbox_retry(f.store, 1); /* pending */
    store_push_outbox_retry(f.store, 4); /* in a form that nobody sends */
    store_push_outbox_retry(f.store, 9); /* not there */
    fixture_flush(&f);
    assert_int_equal(box.n, 0);
    store_push_outbox_retry(f.store, 3);
    fixture_flush(&f);
    assert_int_equal(box.n, 1);
    assert_true(box.items[0].id == 3 && box.items[0].attempts == 1);
    assert_true(box.items[0].created_us == T0 + 2);
    assert_int_equal(fixture_sql(&f, "SELECT sum(id) FROM outbox WHERE done = 0"), 1 + 3);
    store_push_outbox_retry(f.store, 0);
    fixture_flush(&f);
    assert_int_equal(box.n, 2);
    assert_int_equal(box.items[1].id, 2);
    assert_int_equal(fixture_sql(&f, "SELECT sum(id) FROM outbox WHERE done = 2"), 4);
    box_clear(&box);
    fixture_release(&f);
}

static void only_so_many_are_tried_again_at_once(void **state)
{
    (void)state;
    struct fixture f;
    struct box box = {0};
    fixture_init(&f);
    open_with(&f, &box);
    fixture_flush(&f);
    fixture_sql(&f,
                "WITH RECURSIVE i(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM i WHERE n < 1500)"
                " INSERT INTO outbox(event, created, receiver, dedup_key, payload, done,"
                " integration) SELECT 0, n, 'team', n, '{}', 2, 'log' FROM i");
    store_push_outbox_retry(f.store, 0);
    fixture_flush(&f);
    assert_int_equal(box.n + box.let_go, OUTBOX_RETRY_MAX);
    assert_int_equal(fixture_sql(&f, "SELECT min(id) FROM outbox WHERE done = 2"), 1001);
    box_clear(&box);
    fixture_release(&f);
}

/* ---- what is left in the outbox -------------------------------------------------------- */

static void insert_pending(struct fixture *f, const char *integration, int n)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE i(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM i WHERE n < %d)"
             " INSERT INTO outbox(event, created, receiver, group_key, dedup_key, payload,"
             " integration) SELECT 0, n, 'team', '', n, '{}', '%s' FROM i",
             n, integration);
    fixture_sql(f, sql);
}

struct tally {
    size_t n, empty;
    int64_t first_id, last_id, next_id;
    bool last, in_order;
};

static void tally_committed(void *ctx, struct outbox_item *items, size_t n)
{
    struct tally *all = ctx;
    for (size_t i = 0; i < n; i++) {
        struct tally *t = &all[strcmp(items[i].integration, "log") == 0];
        assert_true(items[i].again && !t->last);
        t->in_order = t->n == 0 || (items[i].id == t->next_id && items[i].id > t->last_id);
        if (t->n++ == 0)
            t->first_id = items[i].id;
        t->last_id = items[i].id;
        t->next_id = items[i].next_id;
        t->last = items[i].last;
        t->empty += !items[i].payload;
        outbox_item_release(&items[i]);
    }
}

static void as_many_are_handed_over_as_were_asked_for(void **state)
{
    (void)state;
    struct fixture f;
    struct tally seen[2] = {{0}};
    struct err err = {{0}};
    fixture_init(&f);
    struct store_options o = {.path = f.path, .committed = tally_committed, .ctx = seen};
    fixture_open(&f);
    insert_pending(&f, "log", OUTBOX_MORE + 500);
    insert_pending(&f, "hook", 2);
    fixture_close(&f);
    assert_int_equal(store_open(&o, &f.store, &err), 0);
    fixture_settle(&f);
    assert_int_equal(seen[1].n, OUTBOX_MORE);
    assert_true(seen[1].last && seen[1].in_order && seen[1].next_id == OUTBOX_MORE + 1);
    assert_int_equal(seen[0].n, 2);
    assert_true(seen[0].last && seen[0].in_order && seen[0].next_id == 0);

    memset(seen, 0, sizeof(seen));
    store_push_delivery(f.store, OUTBOX_MORE + 1, OUTBOX_DELIVERED, "200", 0);
    store_push_outbox_more(f.store, "team", "log", OUTBOX_MORE + 1);
    fixture_flush(&f);
    assert_int_equal(seen[1].n, 499);
    assert_int_equal(seen[1].first_id, OUTBOX_MORE + 2);
    assert_true(seen[1].last && seen[1].in_order && seen[1].next_id == 0);
    memset(seen, 0, sizeof(seen));
    store_push_outbox_more(f.store, "nobody", "log", 0); /* which is an answer, too */
    fixture_flush(&f);
    assert_int_equal(seen[0].n, 0);
    assert_true(seen[1].n == 1 && seen[1].empty == 1 && seen[1].last && seen[1].next_id == 0);
    fixture_release(&f);
}

struct seen {
    char text[256];
    size_t n, stop_after;
};

static bool see(void *ctx, const struct outbox_row *row)
{
    struct seen *s = ctx;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof(s->text) - len, "%d:%d:%d:%d:%s:%s:%s ", (int)row->id,
             (int)row->state, row->attempts, (int)row->retry_at_us, row->integration,
             row->dedup_key, row->detail);
    assert_string_equal(row->receiver, "team");
    assert_string_equal(row->group_key, "{}:{}");
    assert_string_equal(row->payload, "{\"n\":1}");
    return ++s->n != s->stop_after;
}

static void messages_are_shown_newest_first(void **state)
{
    (void)state;
    struct fixture f;
    struct seen all = {.n = 0}, some = {.stop_after = 1};
    fixture_init(&f);
    fixture_open(&f);
    push_message(&f, "log", "a", 10);
    push_message(&f, "log", "b", 30);
    push_message(&f, "hook", "c", 20);
    push_message(&f, "hook", "d", 40);
    store_push_delivery(f.store, 1, OUTBOX_DEAD, "refused", 7);
    store_push_delivery(f.store, 3, OUTBOX_PENDING, "busy", 77);
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_outbox(r, 10, 40, see, &all, NULL), 0);
    assert_string_equal(all.text, "2:0:0:0:log:b: 3:0:1:77:hook:c:busy 1:2:1:0:log:a:refused ");
    assert_int_equal(store_reader_outbox(r, 0, INT64_MAX, see, &some, NULL), 0);
    assert_string_equal(some.text, "4:0:0:0:hook:d: ");
    store_reader_free(r);
    fixture_release(&f);
}

static void what_was_given_up_is_kept_with_the_alerts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (int i = 0; i < 3; i++)
        push_message(&f, "log", "k", T0 + (i == 2) * 300 * DAY);
    store_push_delivery(f.store, 1, OUTBOX_DEAD, "refused", 0);
    store_push_delivery(f.store, 3, OUTBOX_DEAD, "refused", 0);
    store_push_heartbeat(f.store, T0 + 400 * DAY, T0 + 400 * DAY);
    fixture_settle(&f);
    assert_int_equal(fixture_sql(&f, "SELECT sum(id) FROM outbox"), 1 + 2 + 3);
    store_set_retention(f.store, &(struct store_retention){.alerts_us = 200 * DAY});
    fixture_settle(&f);
    assert_int_equal(fixture_sql(&f, "SELECT sum(id) FROM outbox"), 2 + 3);
    fixture_release(&f);
}

/* ---- the dispatcher's rows --------------------------------------------------------- */

struct kept {
    struct arena arena;
    struct dispatch_past past;
};

static struct kept recall(struct fixture *f)
{
    struct kept k = {.past = {.alert_count = 99}};
    struct err err = {{0}};
    struct store_reader *r = fixture_reader(f);
    if (store_reader_dispatch(r, &k.arena, &k.past, &err) < 0)
        fail_msg("%s", err.msg);
    store_reader_free(r);
    return k;
}

static void told(struct fixture *f, const char *group, const char *integration,
                 struct notified_set a, struct notified_set b)
{
    struct notified t = {group, "team", integration, T0 + 5, a, b};
    struct dispatch_row row = {DISPATCH_TOLD, .told = &t};
    store_push_dispatch(f->store, &row, 1);
}

static void group(struct fixture *f, enum dispatch_row_kind kind, const char *key, int64_t next)
{
    struct dispatch_group g = {key, "team", T0, next, T0 - 1};
    struct dispatch_row row = {kind, .group = &g};
    store_push_dispatch(f->store, &row, 1);
}

static void alert(struct fixture *f, enum dispatch_row_kind kind, const char *fingerprint,
                  const char *text)
{
    struct told_alert a = {fingerprint, text, T0};
    struct dispatch_row row = {kind, .alert = &a};
    store_push_dispatch(f->store, &row, 1);
}

static const uint64_t low_high[] = {0, 7, UINT64_MAX};

static void push_state(struct fixture *f)
{
    struct notified_set some = {low_high, 3}, none = {NULL, 0};
    store_push_dispatch(f->store, NULL, 0);
    alert(f, DISPATCH_ALERT, "b", "{\"v\":1}");
    alert(f, DISPATCH_ALERT, "a", "{}");
    alert(f, DISPATCH_ALERT, "b", "{\"v\":2}");
    alert(f, DISPATCH_ALERT, "c", "{}");
    alert(f, DISPATCH_ALERT_DONE, "c", NULL);
    group(f, DISPATCH_GROUP, "g", T0 + 1);
    group(f, DISPATCH_GROUP, "h", T0 + 2);
    group(f, DISPATCH_GROUP, "g", T0 + 3);
    told(f, "g", "log", none, some);
    told(f, "g", "hook", some, none);
    told(f, "g", "log", some, none);
    told(f, "h", "log", some, none);
    group(f, DISPATCH_GROUP_GONE, "h", 0);
}

static void the_dispatcher_begins_where_it_ended(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct kept k = recall(&f);
    assert_true(k.past.alert_count == 0 && k.past.group_count == 0 && k.past.told_count == 0);
    arena_release(&k.arena);
    push_state(&f);
    fixture_close(&f);
    k = recall(&f);
    assert_int_equal(k.past.alert_count, 2);
    assert_string_equal(k.past.alerts[0].fingerprint, "a");
    assert_string_equal(k.past.alerts[1].alert, "{\"v\":2}");
    assert_true(k.past.alerts[1].at_us == T0);
    assert_int_equal(k.past.group_count, 1);
    const struct dispatch_group *g = k.past.groups;
    assert_string_equal(g->group_key, "g");
    assert_string_equal(g->receiver, "team");
    assert_true(g->began_us == T0 && g->next_us == T0 + 3 && g->flushed_us == T0 - 1);
    assert_int_equal(k.past.told_count, 2);
    assert_string_equal(k.past.told[0].integration, "hook");
    const struct notified *t = &k.past.told[1];
    assert_string_equal(t->integration, "log");
    assert_true(t->told_us == T0 + 5);
    assert_int_equal(t->firing.n, 3);
    assert_memory_equal(t->firing.at, low_high, sizeof(low_high));
    assert_int_equal(t->resolved.n, 0);
    arena_release(&k.arena);
    fixture_release(&f);
}

static void sets_are_the_lowest_byte_first(void **state)
{
    (void)state;
    static const uint64_t one[] = {0x0102030405060708};
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    told(&f, "g", "log", (struct notified_set){one, 1}, (struct notified_set){NULL, 0});
    fixture_flush(&f);
    assert_int_equal(
        fixture_sql(&f, "SELECT firing = x'0807060504030201' AND resolved = x'' FROM notify_log"),
        1);
    fixture_release(&f);
}

static void a_damaged_entry_is_passed_over(void **state)
{
    (void)state;
    static const char *const damage[] = {
        "UPDATE notify_log SET firing = x'01020304050607' WHERE integration = 'log'",
        "UPDATE notify_log SET resolved = zeroblob(16) WHERE integration = 'log'",
        ("UPDATE notify_log SET firing = x'02000000000000000100000000000000'"
         " WHERE integration = 'log'"),
    };
    for (size_t i = 0; i < countof(damage); i++) {
        struct fixture f;
        fixture_init(&f);
        fixture_open(&f);
        push_state(&f);
        fixture_close(&f);
        fixture_sql(&f, damage[i]);
        struct kept k = recall(&f);
        assert_int_equal(k.past.told_count, 1);
        assert_string_equal(k.past.told[0].integration, "hook");
        assert_int_equal(k.past.group_count, 1);
        arena_release(&k.arena);
        fixture_release(&f);
    }
}

/* ---- silences ---------------------------------------------------------------------- */

static void push_silence(struct fixture *f, const char *matchers, int64_t starts, int64_t ends)
{
    struct arena arena = {0};
    struct silence s = {
        .starts_us = starts, .ends_us = ends, .author = "me", .comment = "a \"why\"\nof two lines"};
    size_t at;
    assert_int_equal(matchers_parse(matchers, &arena, &s.matchers, &at, NULL), 0);
    store_push_silence(f->store, &s, T0);
    matchers_release(&s.matchers);
    arena_release(&arena);
}

struct silences {
    struct arena arena;
    struct stored_silence *at;
    size_t n;
};

static struct silences read_silences(struct fixture *f)
{
    struct silences s = {.n = 0};
    struct err err = {{0}};
    struct store_reader *r = fixture_reader(f);
    if (store_reader_silences(r, &s.arena, &s.at, &s.n, &err) < 0)
        fail_msg("%s", err.msg);
    store_reader_free(r);
    return s;
}

static void silences_come_back(void **state)
{
    (void)state;
    struct pair label = {"severity", "page \"x\""};
    struct string_map labels = {&label, 1};
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    push_silence(&f, "severity=~\"page.*\", team!=\"a\\\"b\"", T0 + 1, T0 + 9);
    push_silence(&f, "alertname=x", T0, T0 + 5);
    store_push_expire_silence(f.store, 1, T0 + 3, "you");
    store_push_expire_silence(f.store, 1, T0 + 4, "me"); /* it has ended */
    store_push_expire_silence(f.store, 2, T0 + 5, "me"); /* by itself */
    fixture_flush(&f);
    struct silences s = read_silences(&f);
    assert_int_equal(s.n, 2);
    const struct stored_silence *a = &s.at[0], *b = &s.at[1];
    assert_string_equal(a->matchers, "severity=~\"page.*\",team!=\"a\\\"b\"");
    assert_string_equal(a->silence->id, "1");
    assert_string_equal(a->silence->author, "me");
    assert_string_equal(a->silence->comment, "a \"why\"\nof two lines");
    assert_string_equal(a->expired_by, "you");
    assert_true(a->silence->starts_us == T0 + 1 && a->silence->ends_us == T0 + 3);
    assert_true(a->ends_us == T0 + 9 && a->expired_us == T0 + 3 && a->created_us == T0);
    assert_true(matchers_match(&a->silence->matchers, &labels));
    assert_false(matchers_match(&b->silence->matchers, &labels));
    assert_true(b->silence->ends_us == T0 + 5 && b->expired_us == 0);
    assert_string_equal(b->expired_by, "");
    arena_release(&s.arena);
    fixture_sql(&f, "UPDATE silence SET matchers = 'severity=~\"(\"' WHERE id = 1");
    s = read_silences(&f);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.at[0].id, 2);
    arena_release(&s.arena);
    fixture_release(&f);
}

/* Of 10,300, of which 200 are in force or to come: those that ended first go. */
static void too_many_silences_are_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    fixture_flush(&f);
    fixture_sql(&f,
                "WITH RECURSIVE i(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM i WHERE n < 10300)"
                " INSERT INTO silence(matchers, starts, ends, author, comment, created)"
                " SELECT 'a=\"b\"', 0, iif(n <= 200, 1790000000000000 + 1, n), 'me', 'why', 0"
                " FROM i");
    fixture_sql(&f, "UPDATE silence SET expired = 1 WHERE id >= 10299");
    store_push_heartbeat(f.store, 1790000000000000, 1790000000000000);
    fixture_settle(&f);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM silence"), SILENCES_KEPT);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM silence WHERE id <= 200"), 200);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM silence WHERE id = 10299"), 0);
    assert_int_equal(fixture_sql(&f, "SELECT max(id) FROM silence"), 10300); /* the newest stays */
    assert_int_equal(fixture_sql(&f, "SELECT min(id) FROM silence WHERE id > 200"), 500);
    fixture_release(&f);
}

/* ---- older files -------------------------------------------------------------------- */

static void a_file_of_version_5_goes_on(void **state)
{
    (void)state;
    struct fixture f;
    struct box box = {0};
    struct alert_state st;
    struct alert_transition t = {.slo = "up", .objective_name = "", .at_us = T0};
    t.state = (struct alert_state){ALERT_FIRING, SEVERITY_PAGE, T0, 0, T0, 5, SEVERITY_PAGE};
    fixture_init(&f);
    fixture_open(&f);
    store_push_transition(f.store, &t);
    fixture_close(&f);
    fixture_to_version_5(&f);
    fixture_sql(&f, "INSERT INTO outbox(event, created, receiver, dedup_key, payload, done)"
                    " VALUES(1, 1, 'log', 'k1', '{}', 0), (1, 1, 'hook', 'k2', '{}', 1)");
    open_with(&f, &box);
    store_push_outbox_retry(f.store, 0);
    fixture_flush(&f);
    assert_int_equal(box.n, 0); /* its form is no message's any more */
    assert_int_equal(fixture_sql(&f, "SELECT sum(done * id) FROM outbox"), 2 * 1 + 1 * 2);
    assert_int_equal(fixture_sql(&f, "SELECT detail LIKE '%older%' FROM outbox WHERE id = 1"), 1);
    struct store_reader *r = fixture_reader(&f);
    assert_int_equal(store_reader_alert(r, NULL, "up", "", &st, NULL), 0);
    assert_memory_equal(&st, &t.state, sizeof(st));
    store_reader_free(r);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_handed_over_until_they_are_done),
        cmocka_unit_test(what_was_given_up_is_tried_again),
        cmocka_unit_test(only_so_many_are_tried_again_at_once),
        cmocka_unit_test(as_many_are_handed_over_as_were_asked_for),
        cmocka_unit_test(messages_are_shown_newest_first),
        cmocka_unit_test(what_was_given_up_is_kept_with_the_alerts),
        cmocka_unit_test(the_dispatcher_begins_where_it_ended),
        cmocka_unit_test(sets_are_the_lowest_byte_first),
        cmocka_unit_test(a_damaged_entry_is_passed_over),
        cmocka_unit_test(silences_come_back),
        cmocka_unit_test(too_many_silences_are_forgotten),
        cmocka_unit_test(a_file_of_version_5_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
