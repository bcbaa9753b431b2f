#include "store/dbcheck.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "model/matcher.h"
#include "store/answers.h"
#include "store/chunk.h"
#include "store/events_verify.h"
#include "store/outbox.h"
#include "store/reader.h"
#include "store/rollup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SNAPSHOT_NS 200000000LL /* of one that several probes share */

struct check {
    struct dbcheck *o;
    struct store_reader *r;
    struct sqlite *db;
};

static void fault(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fault(struct check *c, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (c->o->totals.faults++ >= DBCHECK_FAULTS_MAX)
        return;
    int n = snprintf(text, sizeof(text), "%.500s: ", c->o->path);
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
    va_end(ap);
    c->o->fault(c->o->ctx, text);
}

static void progress(const struct check *c, const char *what, int64_t done, int64_t total)
{
    if (c->o->progress)
        c->o->progress(c->o->ctx, what, done, total);
}

/* An instant out of a file that may be damaged. */
static const char *stamp(char buf[static WHEN_MAX], int64_t us)
{
    if (us >= 0 && us < WHEN_END_US)
        return when_text(buf, us);
    snprintf(buf, WHEN_MAX, "%" PRId64 " us", us);
    return buf;
}

/* ---- pages ---------------------------------------------------------------------- */

static int check_pages(struct check *c, struct err *reterr)
{
    progress(c, "pages", 0, 0);
    struct sqlite_rows *q = c->o->quick
                                ? sqlite_query(c->db, "PRAGMA quick_check(100)", NULL, reterr)
                                : sqlite_query(c->db, "PRAGMA integrity_check(100)", NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        if (!str_eq(sqlite_text(q, 0), "ok"))
            fault(c, "%s", sqlite_text(q, 0));
    return rc;
}

/* ---- what refers to what ---------------------------------------------------------- */

/* Each row is a fault: its columns are a number, a time or 0, and a text. */
struct rule {
    const char *sql, *what; /* `what` has room for the number, as %s */
};

static const struct rule rules[] = {
    {"SELECT num, 0, '' FROM (SELECT num, row_number() OVER (ORDER BY num) AS at FROM probe)"
     " WHERE num <> at LIMIT 1",
     "table probe: numbers have a gap before %s"},
    {"SELECT DISTINCT probe, 0, '' FROM probe_revision WHERE probe NOT IN (SELECT num FROM probe)",
     "table probe_revision: there is no probe %s"},
    {"SELECT num, 0, key FROM roll_stream WHERE probe NOT IN (SELECT num FROM probe)",
     "table roll_stream: stream %s is of no probe"},
    {"SELECT num, rolled_through, key FROM roll_stream WHERE days_through > rolled_through",
     "table roll_stream: stream %s has days beyond its hours"},
    {"SELECT DISTINCT stream, 0, '' FROM rollup WHERE stream NOT IN (SELECT num FROM roll_stream)",
     "table rollup: there is no stream %s"},
    {"SELECT DISTINCT stream, 0, '' FROM rollup_day"
     " WHERE stream NOT IN (SELECT num FROM roll_stream)",
     "table rollup_day: there is no stream %s"},
    {"SELECT probe, slot, '' FROM result"
     " WHERE probe NOT IN (SELECT num FROM probe) OR outcome NOT BETWEEN 0 AND 3"
     " OR reason NOT BETWEEN 0 AND 255 OR slot NOT BETWEEN 0 AND 253402300799999999"
     " OR min(total, dns, connect, tls, send, wait, transfer) < 0",
     "table result: no result may be like that of probe %s"},
    {"SELECT probe, slot, '' FROM answer AS a WHERE NOT EXISTS(SELECT 1 FROM result AS r"
     " WHERE r.probe = a.probe AND r.slot = a.slot AND r.flags & 8) LIMIT 100",
     "table answer: there is no run of probe %s"},
    {"SELECT probe, slot, '' FROM result AS r WHERE flags & 8 AND NOT EXISTS(SELECT 1"
     " FROM answer AS a WHERE a.probe = r.probe AND a.slot = r.slot) LIMIT 100",
     "table answer: a run of probe %s has none"},
    {"SELECT probe, slot, '' FROM answer WHERE" ANSWERS_IMPOSSIBLE " LIMIT 100",
     "table answer: no answer may be like that of probe %s"},
    {"SELECT num, 0, text FROM series WHERE probe NOT IN (SELECT num FROM probe)",
     "table series: series %s is of no probe"},
    {"SELECT DISTINCT series, 0, '' FROM sample WHERE series <> 0"
     " AND (series, probe) NOT IN (SELECT num, probe FROM series)",
     "table sample: there is no series %s"},
    {"SELECT DISTINCT stream, 0, '' FROM event"
     " WHERE stream NOT IN (SELECT num FROM roll_stream WHERE kind = 2)",
     "table event: there is no stream %s"},
    {"SELECT stream, slot, '' FROM event WHERE min(good, bad, excluded, scrapes, silent) < 0"
     " OR done < slot LIMIT 100",
     "table event: no event may be like that of stream %s"},
    {"SELECT probe, slot, '' FROM evidence WHERE probe NOT IN (SELECT num FROM probe)",
     "table evidence: there is no probe %s"},
    {"SELECT c.num, c.first, '' FROM chunk AS c LEFT JOIN probe AS p ON p.num = c.probe"
     " WHERE p.num IS NULL",
     "table chunk: chunk %s is of no probe"},
    {"SELECT c.num, c.first, p.id FROM chunk AS c JOIN probe AS p ON p.num = c.probe"
     " WHERE c.last >= p.sealed_through",
     "table chunk: chunk %s lies beyond sealed_through"},
    {"SELECT 0, e.at, a.slo FROM alert AS a LEFT JOIN alert_event AS e ON e.id ="
     " (SELECT max(id) FROM alert_event WHERE slo = a.slo AND objective = a.objective"
     " AND condition = a.condition)"
     " WHERE (a.phase, a.severity, a.since, a.cooling_since, a.evaluated, a.firing, a.told) IS NOT"
     " (e.phase, e.state_severity, e.since, e.cooling_since, e.evaluated, e.firing,"
     " e.told)",
     "table alert: the state is not that of the last transition"},
    {"SELECT DISTINCT 0, 0, slo FROM alert_event"
     " WHERE (condition, slo, objective) NOT IN (SELECT condition, slo, objective FROM alert)",
     "table alert_event: there is no alert"},
    {"SELECT id, created, receiver FROM outbox WHERE event <> 0"
     " AND event NOT IN (SELECT id FROM alert_event)",
     "table outbox: the transition of message %s is not there"},
    {"SELECT id, created, receiver FROM outbox WHERE done NOT BETWEEN 0 AND 2 OR attempts < 0",
     "table outbox: no message may be like %s"},
    {"SELECT id, created, receiver FROM outbox WHERE done = 0 AND NOT json_valid(payload)",
     "table outbox: what message %s says cannot be read"},
    {"SELECT 0, at, fingerprint FROM notify_alert WHERE NOT json_valid(alert)",
     "table notify_alert: the alert cannot be read"},
    {"SELECT 0, told, group_key FROM notify_log"
     " WHERE (group_key, receiver) NOT IN (SELECT group_key, receiver FROM notify_group)",
     "table notify_log: there is no such group"},
    {"SELECT incident, fired, slo FROM incident_alert"
     " WHERE incident NOT IN (SELECT id FROM incident)",
     "table incident_alert: there is no incident %s"},
    {"SELECT incident, at, author FROM incident_note"
     " WHERE incident NOT IN (SELECT id FROM incident)",
     "table incident_note: there is no incident %s"},
    {"SELECT id, closed, title FROM incident AS i WHERE closed = 0 AND opened_by = ''"
     " AND NOT EXISTS(SELECT 1 FROM incident_alert WHERE incident = i.id AND resolved = 0)",
     "table incident: nothing holds incident %s open"},
};

static void rule_fault(struct check *c, const struct rule *rule, struct sqlite_rows *q)
{
    char number[24], what[160], at[WHEN_MAX];
    const char *mark = strstr(rule->what, "%s");
    snprintf(number, sizeof(number), "%" PRId64, sqlite_int(q, 0));
    snprintf(what, sizeof(what), "%.*s%s%s",
             mark ? (int)(mark - rule->what) : (int)strlen(rule->what), rule->what,
             mark ? number : "", mark ? mark + 2 : "");
    bool named = *sqlite_text(q, 2), timed = sqlite_int(q, 1) != 0;
    fault(c, "%s%s%.200s%s%s%s", what, named ? " ('" : "", sqlite_text(q, 2), named ? "')" : "",
          timed ? ", " : "", timed ? stamp(at, sqlite_int(q, 1)) : "");
}

static int check_rules(struct check *c, struct err *reterr)
{
    int rc = 0;
    for (size_t i = 0; i < countof(rules) && rc == 0; i++) {
        progress(c, "references", (int64_t)i, countof(rules));
        struct sqlite_rows *q = sqlite_query(c->db, rules[i].sql, NULL, reterr);
        rc = q ? 0 : -1;
        while (q && (rc = sqlite_next(q, reterr)) > 0)
            rule_fault(c, &rules[i], q);
    }
    struct dbcheck_totals *t = &c->o->totals;
    if (rc < 0 || sqlite_lookup(c->db, "SELECT count(*) FROM result", NULL, &t->rows, reterr) < 0 ||
        sqlite_lookup(c->db, "SELECT count(*) FROM alert", NULL, &t->alerts, reterr) < 0 ||
        sqlite_lookup(c->db, "SELECT count(*) FROM outbox", NULL, &t->messages, reterr) < 0)
        return -1;
    return 0;
}

/* ---- what alerts are told by ------------------------------------------------------- */

static bool is_set(struct sqlite_rows *q, int column, struct arena *a)
{
    struct notified_set set;
    size_t n;
    const void *at = sqlite_blob(q, column, &n);
    return outbox_unpack_set(at, n, a, &set);
}

static int check_log(struct check *c, struct err *reterr)
{
    struct arena a = {0};
    struct sqlite_rows *q = sqlite_query(c->db,
                                         "SELECT firing, resolved, receiver, integration, group_key"
                                         " FROM notify_log",
                                         NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        if (!is_set(q, 0, &a) || !is_set(q, 1, &a))
            fault(c, "table notify_log: what '%.100s/%.100s' was told of group %.300s is damaged",
                  sqlite_text(q, 2), sqlite_text(q, 3), sqlite_text(q, 4));
        arena_reset(&a);
    }
    arena_release(&a);
    return rc;
}

static int check_silences(struct check *c, struct err *reterr)
{
    struct arena a = {0};
    struct sqlite_rows *q = sqlite_query(c->db, "SELECT id, matchers FROM silence", NULL, reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct matchers list = {0};
        struct err err;
        size_t at;
        if (matchers_parse(sqlite_text(q, 1), &a, &list, &at, &err) < 0)
            fault(c, "table silence: the matchers of silence %" PRId64 " cannot be read: %s",
                  sqlite_int(q, 0), err.msg);
        matchers_release(&list);
        arena_reset(&a);
    }
    arena_release(&a);
    return rc;
}

static int check_telling(struct check *c, struct err *reterr)
{
    int rc = check_log(c, reterr);
    return rc < 0 ? rc : check_silences(c, reterr);
}

/* ---- chunks ----------------------------------------------------------------------- */

struct chunk_row {
    struct chunk_span span;
    int64_t probe, bad;
    char id[128];
};

/* The next chunk after `num`: 1 found, 0 none, -1 error. */
static int next_chunk(struct check *c, int64_t num, struct chunk_row *ret, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(c->db,
                     "SELECT " CHUNK_SPAN_COLUMNS ", probe, bad,"
                     " coalesce((SELECT id FROM probe WHERE probe.num = chunk.probe), '')"
                     " FROM chunk WHERE num > ?1 ORDER BY num LIMIT 1",
                     BIND(v_int(num)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0) {
        chunk_span_read(q, &ret->span);
        ret->probe = sqlite_int(q, 4);
        ret->bad = sqlite_int(q, 5);
        snprintf(ret->id, sizeof(ret->id), "%s", sqlite_text(q, 6));
    }
    sqlite_end(q);
    return rc;
}

static void chunk_fault(struct check *c, const struct chunk_row *row, const char *what)
{
    char at[WHEN_MAX];
    fault(c, "table chunk: chunk %" PRId64 " of '%s', %s: %s", row->span.num, row->id,
          stamp(at, row->span.first_us), what);
}

static void check_content(struct check *c, const struct chunk_row *row)
{
    struct scanner *sc = &c->r->scanner;
    struct err err;
    int64_t bad = 0;
    if (scanner_load(sc, &row->span, &err) < 0) {
        chunk_fault(c, row, err.msg);
        return;
    }
    for (size_t i = 0; i < sc->n; i++)
        bad += sc->rows[i].outcome == OUTCOME_BAD;
    if (bad != row->bad)
        chunk_fault(c, row, "the number of bad results is not what the table says");
    c->o->totals.chunks++;
    c->o->totals.sealed += (int64_t)sc->n;
}

static int check_overlap(struct check *c, const struct chunk_row *row, struct err *reterr)
{
    int64_t found;
    int rc = sqlite_lookup(
        c->db, "SELECT slot FROM result WHERE probe = ?1 AND slot BETWEEN ?2 AND ?3 LIMIT 1",
        BIND(v_int(row->probe), v_int(row->span.first_us), v_int(row->span.last_us)), &found,
        reterr);
    if (rc > 0)
        chunk_fault(c, row, "there are rows within its span");
    if (rc >= 0)
        rc = sqlite_lookup(c->db,
                           "SELECT num FROM chunk WHERE probe = ?1 AND num <> ?2 AND first >= ?3"
                           " AND first <= ?4 LIMIT 1",
                           BIND(v_int(row->probe), v_int(row->span.num), v_int(row->span.first_us),
                                v_int(row->span.last_us)),
                           &found, reterr);
    if (rc > 0)
        chunk_fault(c, row, "another chunk begins within its span");
    return rc < 0 ? -1 : 0;
}

/* A snapshot each. */
static int check_chunks(struct check *c, struct err *reterr)
{
    struct chunk_row row = {0};
    int64_t total, done = 0;
    if (sqlite_lookup(c->db, "SELECT count(*) FROM chunk", NULL, &total, reterr) < 0)
        return -1;
    for (int rc = 1; rc > 0; done++) {
        progress(c, "chunks", done, total);
        if (reader_begin(c->r, reterr) < 0)
            return -1;
        rc = next_chunk(c, row.span.num, &row, reterr);
        if (rc > 0) {
            check_content(c, &row);
            rc = check_overlap(c, &row, reterr) < 0 ? -1 : 1;
        }
        if (reader_end(c->r, rc) < 0)
            return -1;
    }
    return 0;
}

/* ---- rollups ---------------------------------------------------------------------- */

static void check_events(struct check *c, struct catalog *cat, int64_t probe)
{
    struct events_checked checked = {0};
    struct err err;
    int rc = events_verify(cat, c->db, &c->r->scanner, probe, &checked, &err);
    if (rc < 0)
        fault(c, "probe '%s': its events cannot be checked: %s", catalog_at(cat, probe)->id,
              err.msg);
    else if (rc == 0)
        fault(c, "probe '%s': %s", catalog_at(cat, probe)->id, err.msg);
    c->o->totals.samples += checked.samples;
    c->o->totals.events += checked.events;
}

static void check_probe(struct check *c, struct catalog *cat, int64_t probe)
{
    struct rollup_checked checked = {0};
    struct err err;
    int rc = rollup_verify(cat, c->db, &c->r->scanner, probe, &checked, &err);
    if (rc < 0)
        fault(c, "probe '%s': its rollups cannot be checked: %s", catalog_at(cat, probe)->id,
              err.msg);
    else if (rc == 0)
        fault(c, "probe '%s': %s", catalog_at(cat, probe)->id, err.msg);
    check_events(c, cat, probe);
    c->o->totals.probes++;
    c->o->totals.hours += checked.hours;
    c->o->totals.days += checked.days;
}

/* Probes from `*at` on, in one snapshot; 1 there are more, 0 not. */
static int check_some(struct check *c, struct catalog *cat, int64_t *at, struct err *reterr)
{
    int64_t until_ns = clock_mono_ns() + SNAPSHOT_NS;
    if (catalog_load(cat, c->db, reterr) < 0)
        return -1;
    int64_t n = (int64_t)cat->probes.len;
    while (*at <= n && clock_mono_ns() < until_ns) {
        progress(c, "rollups of probes", *at - 1, n);
        check_probe(c, cat, (*at)++);
    }
    return *at <= n;
}

static int check_rollups(struct check *c, struct err *reterr)
{
    struct catalog cat = {0};
    int64_t at = 1;
    int rc = c->o->quick ? 0 : 1;
    while (rc > 0) {
        rc = reader_begin(c->r, reterr);
        if (rc == 0)
            rc = reader_end(c->r, check_some(c, &cat, &at, reterr));
    }
    catalog_release(&cat);
    return rc;
}

/* ---- all of it -------------------------------------------------------------------- */

/* What cannot even be read is a fault, and the rest is checked all the same. */
int dbcheck_run(struct dbcheck *o, struct err *reterr)
{
    static int (*const parts[])(struct check *, struct err *) = {
        check_pages, check_rules, check_telling, check_chunks, check_rollups};
    struct check c = {.o = o};
    struct err err;
    o->totals = (struct dbcheck_totals){0};
    if (store_reader_open(o->path, &c.r, reterr) < 0)
        return -1;
    c.db = c.r->db;
    c.r->scanner.path = NULL; /* each fault is told with its file as it is */
    for (size_t i = 0; i < countof(parts); i++)
        if (parts[i](&c, &err) < 0)
            fault(&c, "cannot be read: %s", err.msg);
    store_reader_free(c.r);
    return 0;
}
