#include "store/schema.h"

#include "base/str.h"
#include "io/sqlite.h"
#include "store/incidents.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

/*
 * Times are microseconds since the epoch, durations microseconds; enums are
 * the numbers of include/nines. All of it is plain SQL for `sqlite3 -readonly`.
 */
static const char version_1[] =
    /* num is dense from 1; history belongs to the id. */
    "CREATE TABLE probe("
    " num INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " first_event INTEGER,"                        /* slot of the first good or bad result */
    " imported_through INTEGER NOT NULL DEFAULT 0" /* end of the newest import */
    ") STRICT;"
    "CREATE TABLE probe_revision("
    " probe INTEGER NOT NULL, since INTEGER NOT NULL,"
    " interval INTEGER NOT NULL, phase INTEGER NOT NULL, timeout INTEGER NOT NULL,"
    " imported INTEGER NOT NULL," /* 1: guessed from imported rows */
    " PRIMARY KEY(probe, since)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE slo_revision("
    " slo TEXT NOT NULL, objective TEXT NOT NULL, since INTEGER NOT NULL,"
    " content INTEGER NOT NULL," /* hash of the whole definition */
    " target TEXT NOT NULL, window TEXT NOT NULL, sli TEXT NOT NULL,"
    " PRIMARY KEY(slo, objective, since)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE result("
    " probe INTEGER NOT NULL, slot INTEGER NOT NULL, done INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, reason INTEGER NOT NULL, code INTEGER NOT NULL,"
    " total INTEGER NOT NULL, dns INTEGER NOT NULL, connect INTEGER NOT NULL,"
    " tls INTEGER NOT NULL, send INTEGER NOT NULL, wait INTEGER NOT NULL,"
    " transfer INTEGER NOT NULL, lag INTEGER NOT NULL, flags INTEGER NOT NULL,"
    " PRIMARY KEY(probe, slot)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX result_bad ON result(probe, slot) WHERE outcome = 1;"
    "CREATE TABLE evidence("
    " probe INTEGER NOT NULL, slot INTEGER NOT NULL,"
    " message TEXT, body BLOB,"
    " UNIQUE(probe, slot)) STRICT;"

    /* A roll stream is one thing that is summed up by the hour: an SLI's counts
     * (kind 0) or a probe's latencies (kind 1, key ''). Below rolled_through the
     * rollup says exactly what the results say; from there on there is none. */
    "CREATE TABLE roll_stream("
    " num INTEGER PRIMARY KEY,"
    " probe INTEGER NOT NULL, kind INTEGER NOT NULL, key TEXT NOT NULL,"
    " faster_than INTEGER NOT NULL, classify BLOB NOT NULL,"
    " rolled_through INTEGER NOT NULL,"
    " UNIQUE(probe, kind, key)) STRICT;"
    /* An hour without results has no row. packed: minutes of counts, or a sketch. */
    "CREATE TABLE rollup("
    " stream INTEGER NOT NULL, hour INTEGER NOT NULL,"
    " good INTEGER NOT NULL, bad INTEGER NOT NULL, excluded INTEGER NOT NULL,"
    " reasons BLOB, packed BLOB NOT NULL,"
    " PRIMARY KEY(stream, hour)) STRICT, WITHOUT ROWID;"

    /* Spans in which a prober was alive. */
    "CREATE TABLE heartbeat("
    " started INTEGER PRIMARY KEY, alive INTEGER NOT NULL,"
    " complete_through INTEGER NOT NULL) STRICT;"
    "CREATE TABLE import_span("
    " import INTEGER NOT NULL, probe INTEGER NOT NULL,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " PRIMARY KEY(import, probe)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE alert("
    " slo TEXT NOT NULL, objective TEXT NOT NULL,"
    " phase INTEGER NOT NULL, severity INTEGER NOT NULL, since INTEGER NOT NULL,"
    " cooling_since INTEGER NOT NULL, evaluated INTEGER NOT NULL,"
    " firing INTEGER NOT NULL," /* a bit for each tier */
    " PRIMARY KEY(slo, objective)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE alert_event("
    " id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " slo TEXT NOT NULL, objective TEXT NOT NULL, service TEXT NOT NULL,"
    " kind INTEGER NOT NULL, notify INTEGER NOT NULL, severity INTEGER NOT NULL,"
    " began INTEGER NOT NULL," /* when the incident began to fire */
    /* the state after it */
    " phase INTEGER NOT NULL, state_severity INTEGER NOT NULL, since INTEGER NOT NULL,"
    " cooling_since INTEGER NOT NULL, evaluated INTEGER NOT NULL, firing INTEGER NOT NULL,"
    /* its cause */
    " tier_severity INTEGER NOT NULL, long_window INTEGER NOT NULL,"
    " short_window INTEGER NOT NULL, factor INTEGER NOT NULL, factor_scale INTEGER NOT NULL,"
    " min_failures INTEGER NOT NULL,"
    " long_good INTEGER NOT NULL, long_bad INTEGER NOT NULL, long_excluded INTEGER NOT NULL,"
    " long_expected INTEGER NOT NULL, long_burn REAL NOT NULL,"
    " short_good INTEGER NOT NULL, short_bad INTEGER NOT NULL,"
    " short_excluded INTEGER NOT NULL, short_expected INTEGER NOT NULL,"
    " short_burn REAL NOT NULL) STRICT;"
    "CREATE INDEX alert_event_at ON alert_event(at);"
    /* AUTOINCREMENT: an id names one message for ever. */
    "CREATE TABLE outbox("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " event INTEGER NOT NULL, created INTEGER NOT NULL,"
    " receiver TEXT NOT NULL, dedup_key TEXT NOT NULL, payload TEXT NOT NULL,"
    " done INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,"
    " retry_at INTEGER NOT NULL DEFAULT 0, detail TEXT) STRICT;"
    "CREATE INDEX outbox_pending ON outbox(id) WHERE done = 0;";

static const char version_2[] =
    /* The start of an hour: results before it are gone, or are being deleted. */
    "ALTER TABLE probe ADD COLUMN raw_since INTEGER NOT NULL DEFAULT 0;"
    /* What the stream's history begins with: raw_since when it was made. */
    "ALTER TABLE roll_stream ADD COLUMN since INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX outbox_done ON outbox(created) WHERE done = 1;";

static const char version_3[] =
    /* Sealed results: chunk.h. The span [first, last] has no rows in result. */
    "CREATE TABLE chunk("
    " num INTEGER PRIMARY KEY AUTOINCREMENT," /* a number is never used again */
    " probe INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
    " n INTEGER NOT NULL, bad INTEGER NOT NULL," /* results, and those that are bad */
    " data BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX chunk_span ON chunk(probe, first, last, n, bad);"
    /* No chunk reaches to this slot or beyond; 0: there are none. */
    "ALTER TABLE probe ADD COLUMN sealed_through INTEGER NOT NULL DEFAULT 0;"
    /* What may be deleted is found without reading all of it. */
    "CREATE INDEX alert_event_slo ON alert_event(slo, objective);"
    "CREATE INDEX outbox_event ON outbox(event);"
    /* A day of a stream, written when its 24 hours are: their sums, the counts
     * of each hour packed (counts) or the day's sketch (latencies). */
    "CREATE TABLE rollup_day("
    " stream INTEGER NOT NULL, day INTEGER NOT NULL,"
    " good INTEGER NOT NULL, bad INTEGER NOT NULL, excluded INTEGER NOT NULL,"
    " reasons BLOB, packed BLOB NOT NULL,"
    " PRIMARY KEY(stream, day)) STRICT, WITHOUT ROWID;"
    /* The start of a day, not after rolled_through: days before it have their
     * row, if an hour of theirs has. */
    "ALTER TABLE roll_stream ADD COLUMN days_through INTEGER NOT NULL DEFAULT 0;";

static const char version_4[] =
    /* What a probe's scrapes call their numbers: name{label="value"}, canonical. */
    "CREATE TABLE series("
    " num INTEGER PRIMARY KEY AUTOINCREMENT," /* a number is never used again */
    " probe INTEGER NOT NULL, text TEXT NOT NULL,"
    " UNIQUE(probe, text)) STRICT;"
    /* A scrape that had its data is a row of series 0, whose value is the number
     * of its samples, and those; samples.h. gone: the next scrape does not have
     * this series. */
    "CREATE TABLE sample("
    " probe INTEGER NOT NULL, slot INTEGER NOT NULL, series INTEGER NOT NULL,"
    " value REAL NOT NULL, gone INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(probe, slot, series)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX sample_gone ON sample(probe, series, slot) WHERE gone = 1;"
    /* What a metric SLI makes of that (derived.h). A slot has several rows if
     * growth was spread over it later on. */
    "CREATE TABLE event("
    " stream INTEGER NOT NULL, slot INTEGER NOT NULL, done INTEGER NOT NULL,"
    " good INTEGER NOT NULL, bad INTEGER NOT NULL, excluded INTEGER NOT NULL,"
    " scrapes INTEGER NOT NULL, silent INTEGER NOT NULL,"
    " PRIMARY KEY(stream, slot, done)) STRICT, WITHOUT ROWID;"
    /* Streams of kind 2 are metric SLIs: selectors of a ratio (one of good and
     * bad is null; of a raw one total, too), or the condition of a threshold. Before
     * derived_through all has its events; the year 9999: everything has. */
    "ALTER TABLE roll_stream ADD COLUMN good_series TEXT;"
    "ALTER TABLE roll_stream ADD COLUMN bad_series TEXT;"
    "ALTER TABLE roll_stream ADD COLUMN total_series TEXT;"
    "ALTER TABLE roll_stream ADD COLUMN condition TEXT;"
    "ALTER TABLE roll_stream ADD COLUMN derived_through INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE roll_stream ADD COLUMN first_event INTEGER;"
    /* When runs of a probe looked for which series; asked.h. until: null when they
     * still do. */
    "CREATE TABLE wanted("
    " probe INTEGER NOT NULL, selector TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER,"
    " PRIMARY KEY(probe, selector, since)) STRICT, WITHOUT ROWID;"
    /* Of metric SLIs; 0 for all others. */
    "ALTER TABLE rollup ADD COLUMN scrapes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollup ADD COLUMN silent INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollup_day ADD COLUMN scrapes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollup_day ADD COLUMN silent INTEGER NOT NULL DEFAULT 0;"
    /* Deploys and notes. probe: an id, or ''. */
    "CREATE TABLE annotation("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    " kind TEXT NOT NULL, probe TEXT NOT NULL, text TEXT NOT NULL,"
    " by_hand INTEGER NOT NULL) STRICT;"
    "CREATE INDEX annotation_at ON annotation(at);"
    "CREATE INDEX annotation_probe ON annotation(probe, at);"
    /* The severity that people were told of; -1: as state_severity says. */
    "ALTER TABLE alert ADD COLUMN told INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE alert_event ADD COLUMN told INTEGER NOT NULL DEFAULT -1;"
    /* When the probe runs; '': always. */
    "ALTER TABLE probe_revision ADD COLUMN hours TEXT NOT NULL DEFAULT '';";

static const char version_5[] =
    /* Exclusions added by command. Rows stay for good; removed 0: it is in force. rrule,
     * service: null if there is none. slos, and labels as key=value: one a line. */
    "CREATE TABLE exclusion("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, mode INTEGER NOT NULL,"
    " start INTEGER NOT NULL, until INTEGER NOT NULL, rrule TEXT, timezone TEXT NOT NULL,"
    " slos TEXT NOT NULL, service TEXT, labels TEXT NOT NULL,"
    " reason TEXT NOT NULL, author TEXT NOT NULL, created INTEGER NOT NULL,"
    " removed INTEGER NOT NULL DEFAULT 0, removed_by TEXT NOT NULL DEFAULT '') STRICT;";

static const char version_6[] =
    /* An alert is of burn rates, condition '', or of the condition of that name. */
    "ALTER TABLE alert RENAME TO alert_5;"
    "CREATE TABLE alert("
    " condition TEXT NOT NULL, slo TEXT NOT NULL, objective TEXT NOT NULL,"
    " phase INTEGER NOT NULL, severity INTEGER NOT NULL, since INTEGER NOT NULL,"
    " cooling_since INTEGER NOT NULL, evaluated INTEGER NOT NULL,"
    " firing INTEGER NOT NULL, told INTEGER NOT NULL,"
    " PRIMARY KEY(condition, slo, objective)) STRICT, WITHOUT ROWID;"
    "INSERT INTO alert SELECT '', slo, objective, phase, severity, since, cooling_since,"
    " evaluated, firing, told FROM alert_5;"
    "DROP TABLE alert_5;"
    "ALTER TABLE alert_event ADD COLUMN condition TEXT NOT NULL DEFAULT '';"
    "DROP INDEX alert_event_slo;"
    "CREATE INDEX alert_event_slo ON alert_event(slo, objective, condition);"
    /* A message is of a group of alerts, for one integration of a receiver; event is 0.
     * done: 1 delivered, 2 given up. What an older nines had not sent yet is in a form
     * that nothing sends any more. */
    /* When the last word of the watchdog was delivered; 0: none was. */
    "ALTER TABLE heartbeat ADD COLUMN watchdog INTEGER NOT NULL DEFAULT 0;"

    "ALTER TABLE outbox ADD COLUMN integration TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE outbox ADD COLUMN group_key TEXT NOT NULL DEFAULT '';"
    "UPDATE outbox SET done = 2, retry_at = 0, detail = 'not sent: it is of an older nines;"
    " what still fires is told anew' WHERE done = 0;"
    "DROP INDEX outbox_done;"
    "CREATE INDEX outbox_created ON outbox(created);"
    "CREATE INDEX outbox_dead ON outbox(id) WHERE done = 2;"
    /* What the dispatcher knows: alerts as they were last put, groups, and what each
     * integration was told of a group last. firing, resolved: the numbers of alerts,
     * rising, 8 bytes each, the lowest first. */
    "CREATE TABLE notify_alert("
    " fingerprint TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL, alert TEXT NOT NULL) STRICT;"
    "CREATE TABLE notify_group("
    " group_key TEXT NOT NULL, receiver TEXT NOT NULL,"
    " began INTEGER NOT NULL, next INTEGER NOT NULL, flushed INTEGER NOT NULL,"
    " PRIMARY KEY(group_key, receiver)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE notify_log("
    " group_key TEXT NOT NULL, receiver TEXT NOT NULL, integration TEXT NOT NULL,"
    " told INTEGER NOT NULL, firing BLOB NOT NULL, resolved BLOB NOT NULL,"
    " PRIMARY KEY(group_key, receiver, integration)) STRICT;"
    /* expired: when somebody ended it; 0: it ends by itself. */
    "CREATE TABLE silence("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, matchers TEXT NOT NULL,"
    " starts INTEGER NOT NULL, ends INTEGER NOT NULL,"
    " author TEXT NOT NULL, comment TEXT NOT NULL, created INTEGER NOT NULL,"
    " expired INTEGER NOT NULL DEFAULT 0, expired_by TEXT NOT NULL DEFAULT '') "
    "STRICT;" INCIDENT_SCHEMA;

static const char version_7[] =
    /* What runs of agents measured, beside their rows of result; answers.h. */
    "CREATE TABLE answer("
    " probe INTEGER NOT NULL, slot INTEGER NOT NULL,"
    " headers INTEGER, first_event INTEGER, first_token INTEGER, last_token INTEGER,"
    " last_event INTEGER, gap INTEGER, events INTEGER NOT NULL, flags INTEGER NOT NULL,"
    " tokens_in INTEGER, tokens_out INTEGER, tokens_cached INTEGER,"
    " tokens_reasoning INTEGER, cost INTEGER," /* in 10^-12 */
    " PRIMARY KEY(probe, slot)) STRICT, WITHOUT ROWID;"
    /* What an SLI asks of an answer. Kinds 3 to 5 are sketches of what answers measured,
     * 6 their sums; a probe has them since its first answer. */
    "ALTER TABLE roll_stream ADD COLUMN measure INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE roll_stream ADD COLUMN bound INTEGER NOT NULL DEFAULT 0;"
    /* For people. reason: the numbers of docs/import.md. */
    "CREATE VIEW run AS SELECT p.id AS probe,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', r.slot / 1000000.0, 'unixepoch') AS time,"
    " CASE r.outcome WHEN 0 THEN 'good' WHEN 1 THEN 'bad' WHEN 2 THEN 'excluded'"
    "  ELSE 'skipped' END AS outcome,"
    " r.reason AS reason, r.code AS code, r.total / 1e3 AS latency_ms,"
    " a.first_token / 1e3 AS first_token_ms, a.gap / 1e3 AS gap_ms, a.events AS events,"
    " a.tokens_in AS tokens_in, a.tokens_out AS tokens_out, a.cost / 1e12 AS cost,"
    " r.slot AS slot FROM result AS r JOIN probe AS p ON p.num = r.probe"
    " LEFT JOIN answer AS a ON a.probe = r.probe AND a.slot = r.slot;";

/* migrations[v] takes a file from version v to v + 1. */
static const char *const migrations[] = {version_1, version_2, version_3, version_4,
                                         version_5, version_6, version_7};

_Static_assert(sizeof(migrations) / sizeof(*migrations) == SCHEMA_VERSION,
               "one migration for each version");

struct identity {
    int64_t application_id, user_version, tables;
};

static int identify(struct sqlite *db, struct identity *ret, struct err *reterr)
{
    if (sqlite_lookup(db, "PRAGMA application_id", NULL, &ret->application_id, reterr) < 0 ||
        sqlite_lookup(db, "PRAGMA user_version", NULL, &ret->user_version, reterr) < 0 ||
        sqlite_lookup(db, "SELECT count(*) FROM sqlite_schema", NULL, &ret->tables, reterr) < 0)
        return -1;
    return 0;
}

static bool is_blank(const struct identity *id)
{
    return id->application_id == 0 && id->user_version == 0 && id->tables == 0;
}

static int check_ours(const struct identity *id, const char *path, struct err *reterr)
{
    if (id->application_id != SCHEMA_APPLICATION_ID)
        return err_set(reterr,
                       "%s is the database of another application (application_id %" PRId64
                       "); choose another file with --db",
                       path, id->application_id);
    if (id->user_version > SCHEMA_VERSION)
        return err_set(reterr,
                       "%s was written by a newer nines (schema %" PRId64
                       ", this one knows %d); upgrade nines or choose another file",
                       path, id->user_version, SCHEMA_VERSION);
    return 0;
}

static int migrate_step(struct sqlite *db, int64_t from, struct err *reterr)
{
    char stamp[128];
    snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d",
             SCHEMA_APPLICATION_ID, (int)from + 1);
    if (sqlite_exec(db, "BEGIN IMMEDIATE", reterr) < 0)
        return -1;
    if (sqlite_exec(db, migrations[from], reterr) < 0 || sqlite_exec(db, stamp, reterr) < 0 ||
        sqlite_exec(db, "COMMIT", reterr) < 0) {
        sqlite_rollback(db);
        return -1;
    }
    return 0;
}

int schema_migrate(struct sqlite *db, const char *path, struct err *reterr)
{
    struct identity id = {0};
    if (identify(db, &id, reterr) < 0)
        return -1;
    if (!is_blank(&id) && check_ours(&id, path, reterr) < 0)
        return -1;
    if (sqlite_is_readonly(db))
        return err_set(reterr, "%s is read-only", path);
    /* Only now: this writes to the file. How pages are freed is settled with
     * its first byte, and stays. */
    if (is_blank(&id) && sqlite_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", reterr) < 0)
        return -1;
    if (sqlite_exec(db, "PRAGMA journal_mode = WAL", reterr) < 0)
        return -1;
    for (int64_t v = id.user_version; v < SCHEMA_VERSION; v++)
        if (migrate_step(db, v, reterr) < 0)
            return -1;
    return 0;
}

bool schema_is_ours(const unsigned char head[SCHEMA_HEAD_BYTES])
{
    static const char magic[] = "SQLite format 3";
    const unsigned char *id = head + 68; /* application_id, big-endian */
    uint32_t found = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    return memcmp(head, magic, sizeof(magic)) == 0 && found == SCHEMA_APPLICATION_ID;
}

int schema_check_there(const char *path, struct err *reterr)
{
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return err_set(reterr, "there is no database at %s: `nines run` or `nines import` makes it",
                       path);
    return 0;
}

static int check_known(struct sqlite *db, const char *path, struct identity *id, struct err *reterr)
{
    if (identify(db, id, reterr) < 0)
        return -1;
    if (is_blank(id))
        return err_set(reterr, "%s is empty: nothing was recorded yet", path);
    return check_ours(id, path, reterr);
}

int schema_check_known(struct sqlite *db, const char *path, struct err *reterr)
{
    struct identity id = {0};
    return check_known(db, path, &id, reterr);
}

int schema_check(struct sqlite *db, const char *path, struct err *reterr)
{
    struct identity id = {0};
    if (check_known(db, path, &id, reterr) < 0)
        return -1;
    if (id.user_version < SCHEMA_VERSION)
        return err_set(reterr,
                       "%s was written by an older nines (schema %" PRId64
                       "); `nines run` or `nines import` brings it up to date",
                       path, id.user_version);
    return 0;
}
