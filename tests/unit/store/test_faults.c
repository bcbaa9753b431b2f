/*
 * A sick disk: every SQL step of the writer can be made to fail. Whatever
 * fails, and however often, nothing is lost, nothing is doubled, the order
 * stays, and readers never see half of a batch.
 */
#include "fixture.h"

#include "alert/dispatch.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#define SQL_BUSY 5
#define SQL_IOERR 10
#define SQL_FULL 13

struct disk {
    _Atomic int steps;   /* counted */
    _Atomic int fail_at; /* this step fails; 0: none */
    _Atomic bool sick;   /* all COMMITs fail */
    _Atomic int code;
    _Atomic int outbox;    /* messages handed over */
    _Atomic bool full;     /* synchronous=FULL now */
    _Atomic int unsafe;    /* messages stored without it */
    _Atomic int health[2]; /* calls: well, failing */
    _Atomic int64_t failing_since_us;
};

static int on_step(void *ctx, const char *sql)
{
    struct disk *d = ctx;
    if (str_starts(sql, "PRAGMA synchronous"))
        d->full = strstr(sql, "FULL") != NULL;
    d->unsafe += str_starts(sql, "INSERT INTO outbox") && !d->full;
    if (d->sick && str_starts(sql, "COMMIT"))
        return d->code;
    return ++d->steps == d->fail_at ? d->code : 0;
}

static void on_committed(void *ctx, struct outbox_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        outbox_item_release(&items[i]);
    ((struct disk *)ctx)->outbox += (int)n;
}

static void on_health(void *ctx, int64_t failing_since_us, const char *error)
{
    struct disk *d = ctx;
    d->health[failing_since_us != 0]++;
    d->failing_since_us = failing_since_us;
    assert_int_equal(error != NULL, failing_since_us != 0);
}

static void open_on(struct fixture *f, struct disk *d)
{
    struct store_options o = {
        .path = f->path, .committed = on_committed, .health = on_health, .ctx = d};
    struct err err = {{0}};
    if (store_open_faulty(&o, on_step, d, &f->store, &err) < 0)
        fail_msg("%s", err.msg);
}

/* What one flush of a group has to keep, and a group that is over. */
static void push_dispatch(struct store *s)
{
    static const uint64_t firing[] = {1, 1ULL << 63};
    struct told_alert alert = {"00000000000000aa", "{}", T0}, over = {.fingerprint = "ff"};
    struct dispatch_group group = {"g", "team", T0, T0 + 1, T0}, gone = {"h", "team", 0, 0, 0};
    struct notified told = {"g", "team", "log", T0, {firing, 2}, {NULL, 0}};
    struct outbox_new one = {"team", "log", "g", "k1", "{}", T0};
    struct outbox_new two = {"team", "hook", "g", "k2", "{}", T0};
    struct dispatch_row rows[] = {
        {DISPATCH_ALERT, .alert = &alert},   {DISPATCH_ALERT_DONE, .alert = &over},
        {DISPATCH_GROUP, .group = &group},   {DISPATCH_GROUP_GONE, .group = &gone},
        {DISPATCH_TOLD, .told = &told},      {DISPATCH_MESSAGE, .message = &one},
        {DISPATCH_MESSAGE, .message = &two},
    };
    store_push_dispatch(s, rows, countof(rows));
}

static void push_silence(struct store *s)
{
    struct matcher equal = {"alertname", "x", MATCH_EQUAL, NULL};
    struct silence silence = {
        .matchers = {&equal, 1}, .ends_us = T0 + 9, .author = "me", .comment = "why"};
    store_push_silence(s, &silence, T0);
    store_push_expire_silence(s, 1, T0 + 1, "you");
}

/* Every kind of record once; 50 results with evidence. */
static void push_everything(struct store *s)
{
    struct probe_def def = probe_def("p", USEC_PER_SEC);
    struct sli_def sli = sli_def("p", 0, "p");
    struct slo_def slo = {.name = "s", .objective_name = "", .target = {99, 2}, .sli = sli};
    struct alert_transition t = {.slo = "s",
                                 .at_us = T0 + 50,
                                 .kind = ALERT_EVENT_FIRE,
                                 .state = {.phase = ALERT_FIRING, .since_us = T0 + 50}};
    store_push_probe(s, 2, &def, T0);
    store_push_sli(s, &sli);
    store_push_slo(s, &slo, T0);
    for (int i = 0; i < 50; i++) {
        struct result x = result_at(T0 + i, i % 5 ? OUTCOME_GOOD : OUTCOME_BAD,
                                    i % 5 ? REASON_NONE : REASON_DNS, 5);
        assert_true(store_reserve(s));
        store_push_result(s, 2, &x,
                          &(struct store_extra){.message = i % 5 ? NULL : "no such host"});
    }
    store_push_heartbeat(s, T0 + USEC_PER_HOUR, T0 + USEC_PER_HOUR);
    store_push_transition(s, &t);
    push_dispatch(s);
    store_push_delivery(s, 1, OUTBOX_DELIVERED, NULL, 0);
    store_push_delivery(s, 2, OUTBOX_DEAD, "refused", 0);
    store_push_outbox_retry(s, 2);
    push_silence(s);
}

static void check_everything(const struct fixture *f, const struct disk *d)
{
    static const struct {
        const char *sql;
        int64_t want;
    } checks[] = {
        {"SELECT count(*) FROM probe", 1},
        {"SELECT count(*) FROM probe_revision", 1},
        {"SELECT count(*) FROM slo_revision", 1},
        {"SELECT count(*) FROM result", 50},
        {"SELECT count(*) FROM evidence", 10},
        {"SELECT first_event - 1789999200000000 FROM probe", 0},
        {"SELECT count(*) FROM alert_event", 1},
        {"SELECT phase FROM alert", ALERT_FIRING},
        {"SELECT count(*) FROM outbox", 2},
        {"SELECT sum(done * id) FROM outbox", 1},
        {"SELECT sum(attempts) FROM outbox", 2},
        {"SELECT count(*) FROM notify_alert", 1},
        {"SELECT count(*) FROM notify_group", 1},
        {"SELECT sum(length(firing)) FROM notify_log", 16},
        {"SELECT expired - starts FROM silence", T0 + 1},
        {"SELECT count(*) FROM heartbeat", 1},
        {"SELECT count(*) FROM roll_stream", 2},
        {"SELECT count(*) FROM rollup", 2},
        {"SELECT sum(good) FROM rollup", 40},
        {"SELECT sum(bad) FROM rollup", 10},
    };
    for (size_t i = 0; i < countof(checks); i++)
        if (fixture_sql(f, checks[i].sql) != checks[i].want)
            fail_msg("%s: %lld", checks[i].sql, (long long)fixture_sql(f, checks[i].sql));
    assert_int_equal(d->outbox, 3); /* one of them twice: it was asked for */
    assert_int_equal(d->unsafe, 0);
}

/* The Nth step fails, for every N until a run goes through untouched. */
static void any_step_may_fail(void **state)
{
    (void)state;
    static const int codes[] = {SQL_FULL, SQL_BUSY, SQL_IOERR};
    bool reached = true;
    for (int n = 1; reached; n = n < 24 ? n + 1 : n + 7) {
        struct fixture f;
        struct disk d = {.fail_at = n, .code = codes[n % 3]};
        fixture_init(&f);
        open_on(&f, &d);
        push_everything(f.store);
        fixture_settle(&f);
        check_everything(&f, &d);
        reached = d.steps >= n;
        fixture_release(&f);
    }
}

/* Also where no transition is with it; rows that say what is known are not. */
static void a_message_is_durable_when_it_is_handed_over(void **state)
{
    (void)state;
    struct fixture f;
    struct disk d = {0};
    struct told_alert alert = {"00000000000000aa", "{}", T0};
    struct outbox_new m = {"team", "log", "g", "k", "{}", T0};
    struct dispatch_row rows[] = {{DISPATCH_ALERT, .alert = &alert},
                                  {DISPATCH_MESSAGE, .message = &m}};
    fixture_init(&f);
    open_on(&f, &d);
    store_push_dispatch(f.store, rows, 1);
    fixture_flush(&f);
    assert_false(d.full);
    assert_int_equal(d.outbox, 0);
    store_push_dispatch(f.store, rows, 2);
    fixture_flush(&f);
    assert_int_equal(d.outbox, 1);
    assert_int_equal(d.unsafe, 0);
    fixture_release(&f);
}

static void a_full_disk_only_delays(void **state)
{
    (void)state;
    struct fixture f;
    struct disk d = {.code = SQL_FULL};
    struct store_stats st;
    struct err err = {{0}};
    fixture_init(&f);
    open_on(&f, &d);
    store_push_heartbeat(f.store, T0, T0);
    fixture_flush(&f);
    d.sick = true;
    push_everything(f.store);
    assert_int_equal(store_flush(f.store, USEC_PER_SEC / 2, &err), -1);
    assert_non_null(strstr(err.msg, "full"));
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM result"), 0);
    assert_int_equal(d.outbox, 0); /* nothing may be sent that is not stored */
    assert_int_equal(d.health[1], 1);
    store_get_stats(f.store, &st);
    /* Engine time, as the newest heartbeat told it. */
    assert_int_equal(st.failing_since_us, d.failing_since_us);
    assert_true(st.failing_since_us == T0 || st.failing_since_us == T0 + USEC_PER_HOUR);
    assert_true(st.failed_commits > 0);
    assert_true(st.queued_bytes > 50 * STORE_RESULT_BYTES);
    d.sick = false;
    fixture_settle(&f);
    assert_int_equal(d.outbox, 3); /* and nothing more often */
    assert_int_equal(d.health[0], 1);
    store_get_stats(f.store, &st);
    assert_int_equal(st.failing_since_us, 0);
    assert_int_equal(st.queued_bytes, 0);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM result"), 50);
    fixture_release(&f);
}

/* Heartbeats go on while the disk fails: they must not fill memory. */
static void waiting_heartbeats_are_one(void **state)
{
    (void)state;
    struct fixture f;
    struct disk d = {.code = SQL_FULL, .sick = true};
    struct store_stats before, after;
    fixture_init(&f);
    open_on(&f, &d);
    store_push_heartbeat(f.store, T0, T0);
    assert_int_equal(store_flush(f.store, 1, NULL), -1); /* the writer holds the first one */
    store_push_heartbeat(f.store, T0 + 1, T0);
    store_get_stats(f.store, &before);
    for (int i = 2; i < 1000; i++)
        store_push_heartbeat(f.store, T0 + i, T0 + i);
    store_get_stats(f.store, &after);
    assert_true(after.queued_bytes <= before.queued_bytes + 512);
    d.sick = false;
    fixture_flush(&f);
    struct store_reader *r = fixture_reader(&f);
    struct store_heartbeat h;
    assert_int_equal(store_reader_heartbeat(r, &h, NULL), 0);
    assert_int_equal(h.started_us, T0);
    assert_int_equal(h.alive_us, T0 + 999);
    store_reader_free(r);
    fixture_release(&f);
}

static void closing_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct fixture f;
    struct disk d = {.code = SQL_FULL};
    struct err err = {{0}};
    fixture_init(&f);
    open_on(&f, &d);
    d.sick = true;
    push_everything(f.store);
    assert_int_equal(store_close(f.store, 1000, &err), -1);
    assert_non_null(strstr(err.msg, "could not be stored"));
    f.store = NULL;
    assert_int_equal(store_lock_holder(f.path), 0);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM result"), 0);
    fixture_release(&f);
}

static void a_failed_import_says_so(void **state)
{
    (void)state;
    struct fixture f;
    struct disk d = {.code = SQL_FULL};
    struct import_row row = {"p", result_at(T0, OUTCOME_GOOD, REASON_NONE, 5), 7};
    struct import_batch b = {.rows = &row, .n = 1, .create_interval_us = USEC_PER_SEC};
    fixture_init(&f);
    open_on(&f, &d);
    d.sick = true;
    import_now(f.store, &b);
    assert_int_equal(b.status, -1);
    assert_int_equal(b.err_line, 0); /* not the line's fault */
    assert_int_equal(b.totals.lines, 0);
    d.sick = false;
    import_now(f.store, &b); /* the same again */
    assert_int_equal(b.status, 0);
    assert_int_equal(b.totals.inserted, 1);
    fixture_release(&f);
}

/* The batch in front of it is tried again for as long as it takes; whoever
 * imports must not be kept waiting with it. */
static void an_import_does_not_wait_for_a_sick_disk(void **state)
{
    (void)state;
    struct fixture f;
    struct disk d = {.code = SQL_FULL};
    struct import_row row = {"p", result_at(T0, OUTCOME_GOOD, REASON_NONE, 5), 7};
    struct import_batch b = {.rows = &row, .n = 1, .create_interval_us = USEC_PER_SEC};
    fixture_init(&f);
    open_on(&f, &d);
    d.sick = true;
    push_everything(f.store);
    import_now(f.store, &b);
    assert_int_equal(b.status, -1);
    assert_non_null(strstr(b.err.msg, "cannot be written"));
    d.sick = false;
    fixture_settle(&f);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM result"), 50);
    fixture_release(&f);
}

/* Each flush of a group says when it is due next: that must not fill the queue. */
static void groups_leave_room(void **state)
{
    (void)state;
    struct fixture f;
    struct disk d = {.sick = true, .code = SQL_FULL};
    struct store_options o = {
        .path = f.path, .queue_bytes = 1 << 20, .committed = on_committed, .ctx = &d};
    struct dispatch_group group = {"g", "team", T0, T0 + 1, T0};
    struct outbox_new message = {"team", "log", "g", "k1", "{}", T0};
    struct dispatch_row rows[] = {{DISPATCH_GROUP, .group = &group},
                                  {DISPATCH_MESSAGE, .message = &message}};
    struct store_stats stats;
    struct err err;
    fixture_init(&f);
    if (store_open_faulty(&o, on_step, &d, &f.store, &err) < 0)
        fail_msg("%s", err.msg);
    for (int i = 0; i < 100000; i++)
        store_push_dispatch(f.store, rows, 1);
    store_get_stats(f.store, &stats);
    assert_in_range(stats.queued_bytes, 1 << 19, (1 << 19) + (64 << 10));
    store_push_dispatch(f.store, rows, 2);
    d.sick = false;
    fixture_flush(&f);
    assert_int_equal(d.outbox, 1);
    store_push_dispatch(f.store, rows, 1); /* and now there is room again */
    fixture_flush(&f);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM notify_group"), 1);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_step_may_fail),
        cmocka_unit_test(a_message_is_durable_when_it_is_handed_over),
        cmocka_unit_test(a_full_disk_only_delays),
        cmocka_unit_test(groups_leave_room),
        cmocka_unit_test(waiting_heartbeats_are_one),
        cmocka_unit_test(closing_does_not_wait_for_ever),
        cmocka_unit_test(a_failed_import_says_so),
        cmocka_unit_test(an_import_does_not_wait_for_a_sick_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
