#include "fixture.h"

#include "io/sqlite.h"
#include "model/schedule.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    snprintf(f->dir, sizeof(f->dir), "/tmp/nines-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/nines.db", f->dir);
}

void fixture_open(struct fixture *f)
{
    struct store_options o = {.path = f->path};
    struct err err = {{0}};
    if (store_open(&o, &f->store, &err) < 0)
        fail_msg("%s", err.msg);
}

void fixture_close(struct fixture *f)
{
    struct err err = {{0}};
    if (f->store && store_close(f->store, PATIENCE_US, &err) < 0)
        fail_msg("%s", err.msg);
    f->store = NULL;
}

void fixture_release(struct fixture *f)
{
    fixture_close(f);
    DIR *d = opendir(f->dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", f->dir, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    closedir(d);
    assert_int_equal(rmdir(f->dir), 0);
}

struct store_reader *fixture_reader(const struct fixture *f)
{
    struct store_reader *r = NULL;
    struct err err = {{0}};
    if (store_reader_open(f->path, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

void fixture_flush(struct fixture *f)
{
    struct err err = {{0}};
    if (store_flush(f->store, PATIENCE_US, &err) < 0)
        fail_msg("%s", err.msg);
}

void fixture_settle(struct fixture *f)
{
    struct err err = {{0}};
    if (store_settle(f->store, PATIENCE_US, &err) < 0)
        fail_msg("%s", err.msg);
}

int64_t fixture_sql(const struct fixture *f, const char *sql)
{
    struct sqlite *db = NULL;
    struct err err = {{0}};
    int64_t v = 0;
    if (sqlite_open(f->path, SQLITE_ACCESS_WRITE, 5000, &db, &err) < 0 ||
        sqlite_keep_wal(db, &err) < 0 || sqlite_lookup(db, sql, NULL, &v, &err) < 0)
        fail_msg("%s", err.msg);
    sqlite_close(db);
    return v;
}

static void run_all(const struct fixture *f, const char *const *sql, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fixture_sql(f, sql[i]);
}

void fixture_to_version_6(const struct fixture *f)
{
    static const char *const back[] = {
        "DROP VIEW run",
        "DROP TABLE answer",
        "ALTER TABLE roll_stream DROP COLUMN measure",
        "ALTER TABLE roll_stream DROP COLUMN bound",
        "PRAGMA user_version = 6",
    };
    run_all(f, back, sizeof(back) / sizeof(*back));
}

void fixture_to_version_5(const struct fixture *f)
{
    static const char *const back[] = {
        "DROP TABLE silence",
        "DROP TABLE incident",
        "DROP TABLE incident_about",
        "DROP TABLE incident_alert",
        "DROP TABLE incident_note",
        "DROP TABLE notify_alert",
        "DROP TABLE notify_group",
        "DROP TABLE notify_log",
        "ALTER TABLE alert RENAME TO alert_6",
        "CREATE TABLE alert(slo TEXT NOT NULL, objective TEXT NOT NULL,"
        " phase INTEGER NOT NULL, severity INTEGER NOT NULL, since INTEGER NOT NULL,"
        " cooling_since INTEGER NOT NULL, evaluated INTEGER NOT NULL, firing INTEGER NOT NULL,"
        " told INTEGER NOT NULL DEFAULT -1, PRIMARY KEY(slo, objective)) STRICT, WITHOUT ROWID",
        "INSERT INTO alert"
        " SELECT slo, objective, phase, severity, since, cooling_since, evaluated, firing, told"
        " FROM alert_6",
        "DROP TABLE alert_6",
        "DROP INDEX alert_event_slo",
        "ALTER TABLE alert_event DROP COLUMN condition",
        "CREATE INDEX alert_event_slo ON alert_event(slo, objective)",
        "ALTER TABLE heartbeat DROP COLUMN watchdog",
        "ALTER TABLE outbox DROP COLUMN integration",
        "ALTER TABLE outbox DROP COLUMN group_key",
        "DROP INDEX outbox_created",
        "DROP INDEX outbox_dead",
        "CREATE INDEX outbox_done ON outbox(created) WHERE done = 1",
        "PRAGMA user_version = 5",
    };
    fixture_to_version_6(f);
    run_all(f, back, sizeof(back) / sizeof(*back));
}

void fixture_to_version_3(const struct fixture *f)
{
    static const char *const back[] = {
        "DROP TABLE series",
        "DROP TABLE sample",
        "DROP TABLE event",
        "DROP TABLE annotation",
        "DROP TABLE exclusion",
        "DROP TABLE wanted",
        "ALTER TABLE roll_stream DROP COLUMN good_series",
        "ALTER TABLE roll_stream DROP COLUMN bad_series",
        "ALTER TABLE roll_stream DROP COLUMN total_series",
        "ALTER TABLE roll_stream DROP COLUMN condition",
        "ALTER TABLE roll_stream DROP COLUMN derived_through",
        "ALTER TABLE roll_stream DROP COLUMN first_event",
        "ALTER TABLE rollup DROP COLUMN scrapes",
        "ALTER TABLE rollup DROP COLUMN silent",
        "ALTER TABLE rollup_day DROP COLUMN scrapes",
        "ALTER TABLE rollup_day DROP COLUMN silent",
        "ALTER TABLE alert DROP COLUMN told",
        "ALTER TABLE alert_event DROP COLUMN told",
        "ALTER TABLE probe_revision DROP COLUMN hours",
        "PRAGMA user_version = 3",
    };
    fixture_to_version_5(f);
    run_all(f, back, sizeof(back) / sizeof(*back));
}

struct probe_def probe_def(const char *id, int64_t interval_us)
{
    return (struct probe_def){
        .id = id,
        .interval_us = interval_us,
        .timeout_us = interval_us / 2,
        .phase_us = schedule_phase(id, interval_us),
    };
}

struct sli_def sli_def(const char *probe, int64_t faster_than_us, const char *key)
{
    struct sli_def sli = {.probe = probe, .faster_than_us = faster_than_us, .key = key};
    memset(sli.classify, -1, sizeof(sli.classify));
    return sli;
}

struct result result_at(int64_t slot_us, enum outcome o, enum reason reason, int64_t total_us)
{
    return (struct result){
        .slot_us = slot_us,
        .done_us = slot_us + total_us,
        .total_us = total_us,
        .phases = {.dns_us = 1,
                   .connect_us = 2,
                   .tls_us = 3,
                   .send_us = 4,
                   .wait_us = 5,
                   .transfer_us = 6},
        .code = o == OUTCOME_GOOD ? 200 : 503,
        .outcome = (uint8_t)o,
        .reason = (uint8_t)reason,
    };
}

void push_result(struct store *s, uint32_t handle, const struct result *r)
{
    assert_true(store_reserve(s));
    store_push_result(s, handle, r, NULL);
}

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool done;
};

static void on_done(void *ctx)
{
    struct waiter *w = ctx;
    pthread_mutex_lock(&w->mutex);
    w->done = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

void import_now(struct store *s, struct import_batch *b)
{
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    store_import(s, b, on_done, &w);
    pthread_mutex_lock(&w.mutex);
    while (!w.done)
        pthread_cond_wait(&w.cond, &w.mutex);
    pthread_mutex_unlock(&w.mutex);
}
