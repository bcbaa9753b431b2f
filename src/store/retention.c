#include "store/retention.h"

#include "base/clock.h"
#include "io/sqlite.h"
#include "store/answers.h"
#include "store/internal.h"
#include "store/prune.h"
#include "store/shrink.h"

/* ---- time and size ------------------------------------------------------------ */

int retention_load(struct store *s, struct err *reterr)
{
    struct retention *t = &s->retention;
    struct sqlite_rows *q;
    int rc;
    if (sqlite_lookup(s->db, "SELECT max(imported_through) FROM probe", NULL, &t->trusted_us,
                      reterr) < 0)
        return -1;
    q = sqlite_query(s->db, "SELECT started, alive FROM heartbeat ORDER BY started", NULL, reterr);
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0)
        retention_beat(t, sqlite_int(q, 0), sqlite_int(q, 1));
    return rc;
}

void retention_beat(struct retention *t, int64_t started_us, int64_t now_us)
{
    /* A clock that was set back deletes less: no need to doubt it. */
    if (!t->trusted_us || started_us - t->trusted_us <= RETENTION_JUMP_US ||
        now_us - started_us >= RETENTION_CONFIRM_US)
        t->trusted_us = now_us;
}

/* What lies before these instants goes. */
struct limits {
    int64_t results, rollups, evidence, alerts, outbox;
};

static struct store_retention get_keep(struct store *s)
{
    pthread_mutex_lock(&s->q.mutex);
    struct store_retention keep = s->keep;
    pthread_mutex_unlock(&s->q.mutex);
    return keep;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t before(int64_t now_us, int64_t keep_us)
{
    return keep_us ? now_us - keep_us : INT64_MIN;
}

static struct limits limits_now(struct store *s, bool now)
{
    const struct retention *t = &s->retention;
    struct store_retention keep = get_keep(s);
    struct limits l = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN};
    bool quiet = !now && clock_mono_ns() < t->after_ns;
    if (!s->alive_us)
        return l;
    if (!quiet && keep.results_us)
        l.results = hour_floor(t->trusted_us - keep.results_us);
    if (!quiet && t->cap_us)
        l.results = max64(l.results, t->cap_us);
    l.rollups = before(t->trusted_us, keep.rollups_us);
    l.evidence = t->trusted_us - (keep.evidence_us ? keep.evidence_us : (int64_t)EVIDENCE_KEEP_US);
    l.alerts = before(t->trusted_us, keep.alerts_us);
    l.outbox = max64(t->trusted_us - OUTBOX_KEEP_US, l.alerts);
    return l;
}

static int used_bytes(struct store *s, int64_t *ret, struct err *reterr)
{
    int64_t pages, free_pages, page_size;
    if (sqlite_lookup(s->db, "PRAGMA page_count", NULL, &pages, reterr) < 0 ||
        sqlite_lookup(s->db, "PRAGMA freelist_count", NULL, &free_pages, reterr) < 0 ||
        sqlite_lookup(s->db, "PRAGMA page_size", NULL, &page_size, reterr) < 0)
        return -1;
    *ret = (pages - free_pages) * page_size;
    return 0;
}

static void note_size(struct store *s, int64_t used, bool oversize)
{
    pthread_mutex_lock(&s->q.mutex);
    s->stats.used_bytes = used;
    s->stats.oversize = oversize;
    pthread_mutex_unlock(&s->q.mutex);
}

static void note_deleted(struct store *s)
{
    pthread_mutex_lock(&s->q.mutex);
    s->stats.deleted_results = s->retention.deleted;
    pthread_mutex_unlock(&s->q.mutex);
}

/* A pass is over: 1 the file is too large still and another pass may help, 0 no. */
static int next_cap(struct store *s, struct err *reterr)
{
    struct retention *t = &s->retention;
    struct store_retention keep = get_keep(s);
    int64_t used;
    if (used_bytes(s, &used, reterr) < 0)
        return -1;
    int64_t end_us = s->alive_us ? hour_floor(t->trusted_us - keep.needed_us) : INT64_MIN;
    bool over = keep.max_bytes && used > keep.max_bytes;
    bool stuck = over && (t->oldest_us >= end_us || t->cap_us >= end_us);
    note_size(s, used, stuck);
    if (!over || stuck) {
        t->cap_us = t->cap_step_us = 0;
        return 0;
    }
    int64_t span_us = end_us - t->oldest_us;
    int64_t share_us = (int64_t)((double)span_us * (double)(used - keep.max_bytes) / (double)used);
    t->cap_step_us = max64(max64(share_us, USEC_PER_HOUR), 2 * t->cap_step_us);
    t->cap_us = min64(end_us, hour_floor(t->oldest_us) + hour_floor(t->cap_step_us));
    return 1;
}

/* ---- results -------------------------------------------------------------------- */

/* What a probe has first: a row, a chunk, or a scrape without result. */
struct oldest {
    int64_t chunk; /* 0: no chunk */
    int64_t first, last;
    int64_t n; /* results of the chunk */
};

/* The first scrape that is not only kept for what came after it. */
static int oldest_scrape(struct store *s, const struct catalog_probe *p, int64_t *ret,
                         struct err *reterr)
{
    return sqlite_lookup(s->db, "SELECT min(slot) FROM sample WHERE probe = ?1 AND slot >= ?2",
                         BIND(v_int(p->num), v_int(p->raw_since)), ret, reterr);
}

static int find_oldest_result(struct store *s, int64_t probe, struct oldest *ret,
                              struct err *reterr)
{
    int64_t slot;
    int row = sqlite_lookup(s->db, "SELECT min(slot) FROM result WHERE probe = ?1",
                            BIND(v_int(probe)), &slot, reterr);
    if (row < 0)
        return -1;
    struct sqlite_rows *q = sqlite_query(s->db,
                                         "SELECT num, first, last, n FROM chunk WHERE probe = ?1"
                                         " ORDER BY first LIMIT 1",
                                         BIND(v_int(probe)), reterr);
    int chunk = q ? sqlite_next(q, reterr) : -1;
    if (chunk > 0 && (!row || sqlite_int(q, 1) < slot))
        *ret =
            (struct oldest){sqlite_int(q, 0), sqlite_int(q, 1), sqlite_int(q, 2), sqlite_int(q, 3)};
    else if (chunk >= 0 && row)
        *ret = (struct oldest){.first = slot, .last = slot};
    sqlite_end(q);
    return chunk < 0 ? -1 : row || chunk;
}

static int find_oldest(struct store *s, const struct catalog_probe *p, struct oldest *ret,
                       struct err *reterr)
{
    int64_t slot;
    int result = find_oldest_result(s, p->num, ret, reterr);
    if (result < 0)
        return -1;
    int scrape = oldest_scrape(s, p, &slot, reterr);
    if (scrape > 0 && (!result || slot < ret->first))
        *ret = (struct oldest){.first = slot, .last = slot};
    return scrape < 0 ? -1 : result || scrape;
}

/* [oldest, *ret_end) are at most RETENTION_ROWS rows, all before `to_us`. */
static int find_end(struct store *s, int64_t probe, int64_t oldest_us, int64_t to_us,
                    int64_t *ret_end, struct err *reterr)
{
    int64_t end;
    int rc = sqlite_lookup(
        s->db,
        "SELECT slot FROM result WHERE probe = ?1 AND slot >= ?2 AND slot < ?3"
        " ORDER BY slot LIMIT 1 OFFSET ?4",
        BIND(v_int(probe), v_int(oldest_us), v_int(to_us), v_int(RETENTION_ROWS)), &end, reterr);
    *ret_end = rc > 0 ? end : to_us;
    return rc < 0 ? -1 : 0;
}

static int drop_rows(struct store *s, int64_t probe, int64_t oldest_us, int64_t to_us,
                     struct err *reterr)
{
    int64_t end;
    if (find_end(s, probe, oldest_us, to_us, &end, reterr) < 0)
        return -1;
    if (sqlite_run(s->db, "DELETE FROM result WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                   BIND(v_int(probe), v_int(oldest_us), v_int(end)), reterr) < 0)
        return -1;
    s->retention.deleted += sqlite_changes(s->db);
    return answers_delete(s->db, probe, oldest_us, end, reterr);
}

static int drop_chunk(struct store *s, const struct oldest *o, struct err *reterr)
{
    if (sqlite_run(s->db, "DELETE FROM chunk WHERE num = ?1", BIND(v_int(o->chunk)), reterr) < 0)
        return -1;
    s->retention.deleted += o->n;
    return 0;
}

/* The oldest rows of a probe, of one hour, or its oldest chunk; 1 there may be
 * more, 0 no. */
static int drop_results(struct store *s, struct catalog_probe *p, int64_t limit_us,
                        struct err *reterr)
{
    struct oldest o = {0};
    /* At least what an earlier slice has left of its hour. */
    limit_us = max64(p->raw_since, min64(limit_us, catalog_rolled_min(&s->catalog, p->num)));
    int rc = find_oldest(s, p, &o, reterr);
    if (rc <= 0)
        return rc;
    if (o.last >= limit_us) {
        s->retention.oldest_us = min64(s->retention.oldest_us, o.last);
        return 0;
    }
    int64_t hour_end = hour_floor(max64(o.last, 0)) + USEC_PER_HOUR;
    if (hour_end > p->raw_since &&
        catalog_set_raw_since(&s->catalog, s->db, p->num, hour_end, reterr) < 0)
        return -1;
    rc = o.chunk ? drop_chunk(s, &o, reterr) : drop_rows(s, p->num, o.first, hour_end, reterr);
    return rc < 0 ? -1 : 1;
}

/* ---- the other tables ------------------------------------------------------------- */

static int drop_evidence(struct store *s, int64_t probe, int64_t limit_us, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM evidence WHERE rowid IN (SELECT rowid FROM evidence"
                   " WHERE probe = ?1 AND slot < ?2 LIMIT ?3)",
                   BIND(v_int(probe), v_int(limit_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

/* The oldest day of a stream, whose results have to be gone. */
static int drop_rollups(struct store *s, const struct stream *st, int64_t limit_us,
                        struct err *reterr)
{
    int64_t hour;
    limit_us = day_floor(min64(limit_us, catalog_at(&s->catalog, st->probe)->raw_since));
    int rc = sqlite_lookup(s->db, "SELECT min(hour) FROM rollup WHERE stream = ?1 AND hour < ?2",
                           BIND(v_int(st->num), v_int(limit_us)), &hour, reterr);
    if (rc <= 0)
        return rc;
    int64_t since = day_floor(hour) + USEC_PER_DAY;
    if (sqlite_run(s->db, "UPDATE roll_stream SET since = max(since, ?2) WHERE num = ?1",
                   BIND(v_int(st->num), v_int(since)), reterr) < 0 ||
        sqlite_run(s->db, "DELETE FROM rollup WHERE stream = ?1 AND hour < ?2",
                   BIND(v_int(st->num), v_int(since)), reterr) < 0 ||
        sqlite_run(s->db, "DELETE FROM rollup_day WHERE stream = ?1 AND day < ?2",
                   BIND(v_int(st->num), v_int(since)), reterr) < 0)
        return -1;
    return 1;
}

static int drop_delivered(struct store *s, int64_t limit_us, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
                   " WHERE done = 1 AND created < ?1 LIMIT ?2)",
                   BIND(v_int(limit_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

static int drop_dead(struct store *s, int64_t limit_us, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
                   " WHERE done = 2 AND created < ?1 LIMIT ?2)",
                   BIND(v_int(limit_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

/* They have no age: of too many, those that ended first. */
static int drop_silences(struct store *s, struct err *reterr)
{
    if (sqlite_run(
            s->db,
            "DELETE FROM silence WHERE id IN (SELECT id FROM silence"
            " WHERE iif(expired, expired, ends) <= ?1 AND id < (SELECT max(id) FROM silence)"
            " ORDER BY iif(expired, expired, ends), id"
            " LIMIT min(?2, max(0, (SELECT count(*) FROM silence) - ?3)))",
            BIND(v_int(s->retention.trusted_us), v_int(RETENTION_ROWS), v_int(SILENCES_KEPT)),
            reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

static int drop_alerts(struct store *s, int64_t limit_us, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM alert_event WHERE id IN (SELECT id FROM alert_event AS e"
                   " WHERE at < ?1 AND EXISTS(SELECT 1 FROM alert_event AS n"
                   "  WHERE n.slo = e.slo AND n.objective = e.objective"
                   "  AND n.condition = e.condition AND n.id > e.id)"
                   " AND NOT EXISTS(SELECT 1 FROM outbox WHERE event = e.id) LIMIT ?2)",
                   BIND(v_int(limit_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

/* ---- passes ----------------------------------------------------------------------- */

static int step_probe(struct store *s, struct catalog_probe *p, const struct limits *l,
                      struct err *reterr)
{
    int rc = drop_results(s, p, l->results, reterr);
    if (rc == 0 && p->raw_since)
        rc = prune_probe(s, p, reterr);
    if (rc == 0)
        rc = drop_evidence(s, p->num, max64(l->evidence, p->raw_since), reterr);
    return rc;
}

static int step_rest(struct store *s, const struct limits *l, struct err *reterr)
{
    int rc = drop_delivered(s, l->outbox, reterr);
    if (rc == 0)
        rc = drop_dead(s, l->alerts, reterr);
    if (rc == 0)
        rc = drop_alerts(s, l->alerts, reterr);
    if (rc == 0 && s->alive_us)
        rc = drop_silences(s, reterr);
    return rc;
}

/* One step of the pass: 1 there is more, 0 the pass is over, -1 error. */
static int step(struct store *s, const struct limits *l, struct err *reterr)
{
    struct retention *t = &s->retention;
    size_t probes = s->catalog.probes.len;
    /* Without a limit there is no need to look at each stream. */
    size_t streams = l->rollups > INT64_MIN ? s->catalog.streams.len : 0;
    int rc;
    if (t->next < probes)
        rc = step_probe(s, &s->catalog.probes.at[t->next], l, reterr);
    else if (t->next < probes + streams)
        rc = drop_rollups(s, &s->catalog.streams.at[t->next - probes], l->rollups, reterr);
    else
        return step_rest(s, l, reterr);
    if (rc == 0)
        t->next++;
    return rc < 0 ? -1 : 1;
}

/* 1 there is more of this pass, or another is to follow; 0 all is done. */
static int pass_slice(struct store *s, bool now, struct err *reterr)
{
    struct retention *t = &s->retention, undo = *t;
    struct limits limits = limits_now(s, now);
    int64_t until_ns = clock_mono_ns() + RETENTION_SLICE_US * NSEC_PER_USEC;
    int rc = 1;
    if (t->next == 0)
        t->oldest_us = INT64_MAX;
    if (sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    while (rc == 1 && clock_mono_ns() < until_ns)
        rc = step(s, &limits, reterr);
    if (rc == 0) {
        t->next = 0;
        rc = next_cap(s, reterr);
        if (rc == 0)
            t->done_us = s->alive_us;
    }
    if (rc < 0 || sqlite_run(s->db, "COMMIT", NULL, reterr) < 0) {
        sqlite_rollback(s->db);
        *t = undo; /* what this slice did is undone */
        s->catalog_stale = true;
        return -1;
    }
    note_deleted(s);
    return rc;
}

int retention_slice(struct store *s, bool now, struct err *reterr)
{
    struct retention *t = &s->retention;
    bool due = now || t->next > 0 || t->cap_us || s->alive_us - t->done_us >= RETENTION_EVERY_US;
    if (!due && !t->shrinking)
        return 0;
    if (!now && clock_mono_ns() < t->resume_ns)
        return 1;
    bool shrinking = t->shrinking;
    int rc = shrinking ? shrink_slice(s, reterr) : pass_slice(s, now, reterr);
    if (rc < 0)
        return -1;
    t->resume_ns = clock_mono_ns() + RETENTION_PAUSE_US * NSEC_PER_USEC;
    if (rc == 0)
        t->shrinking = !shrinking;
    return rc || !shrinking;
}
