#include "store/retention.h"

#include "base/clock.h"
#include "io/sqlite.h"
#include "store/internal.h"

/* What lies before these instants goes. */
struct limits {
    int64_t results, evidence, outbox;
};

static struct limits limits_now(struct store *s, bool now)
{
    pthread_mutex_lock(&s->q.mutex);
    int64_t keep_us = s->keep_raw_us;
    pthread_mutex_unlock(&s->q.mutex);
    bool quiet = !now && clock_mono_ns() < s->retention.after_ns;
    return (struct limits){
        .results = keep_us && !quiet ? hour_floor(s->alive_us - keep_us) : INT64_MIN,
        .evidence = s->alive_us - EVIDENCE_KEEP_US,
        .outbox = s->alive_us - OUTBOX_KEEP_US,
    };
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

/* The oldest rows of a probe, of one hour; 1 there may be more, 0 no. */
static int drop_results(struct store *s, struct catalog_probe *p, int64_t limit_us,
                        struct err *reterr)
{
    int64_t rolled_us = catalog_rolled_min(&s->catalog, p->num), oldest, end;
    if (rolled_us < limit_us)
        limit_us = rolled_us;
    if (p->raw_since > limit_us)
        limit_us = p->raw_since; /* what an earlier slice has left of its hour */
    int rc = sqlite_lookup(s->db, "SELECT min(slot) FROM result WHERE probe = ?1 AND slot < ?2",
                           BIND(v_int(p->num), v_int(limit_us)), &oldest, reterr);
    if (rc <= 0)
        return rc;
    int64_t hour_end = hour_floor(oldest) + USEC_PER_HOUR;
    if (hour_end > p->raw_since &&
        catalog_set_raw_since(&s->catalog, s->db, p->num, hour_end, reterr) < 0)
        return -1;
    if (find_end(s, p->num, oldest, hour_end, &end, reterr) < 0 ||
        sqlite_run(s->db, "DELETE FROM result WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                   BIND(v_int(p->num), v_int(oldest), v_int(end)), reterr) < 0 ||
        sqlite_run(s->db, "DELETE FROM evidence WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                   BIND(v_int(p->num), v_int(oldest), v_int(end)), reterr) < 0)
        return -1;
    return 1;
}

static int drop_evidence(struct store *s, int64_t probe, int64_t limit_us, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM evidence WHERE rowid IN (SELECT rowid FROM evidence"
                   " WHERE probe = ?1 AND slot < ?2 LIMIT ?3)",
                   BIND(v_int(probe), v_int(limit_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

static int drop_outbox(struct store *s, int64_t limit_us, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox"
                   " WHERE done = 1 AND created < ?1 LIMIT ?2)",
                   BIND(v_int(limit_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

/* One step of the pass: 1 there is more, 0 the pass is over, -1 error. */
static int step(struct store *s, const struct limits *l, struct err *reterr)
{
    struct retention *t = &s->retention;
    if (t->next >= s->catalog.probes.len)
        return drop_outbox(s, l->outbox, reterr);
    struct catalog_probe *p = &s->catalog.probes.at[t->next];
    int rc = drop_results(s, p, l->results, reterr);
    if (rc == 0)
        rc = drop_evidence(s, p->num, l->evidence, reterr);
    if (rc == 0)
        t->next++;
    return rc < 0 ? -1 : 1;
}

int retention_slice(struct store *s, bool now, struct err *reterr)
{
    struct retention *t = &s->retention;
    bool due = now || t->next > 0 || s->alive_us - t->done_us >= RETENTION_EVERY_US;
    if (!due)
        return 0;
    if (!now && clock_mono_ns() < t->resume_ns)
        return 1;
    struct limits limits = limits_now(s, now);
    int64_t until_ns = clock_mono_ns() + RETENTION_SLICE_US * NSEC_PER_USEC;
    size_t first = t->next;
    int rc = 1;
    if (sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    while (rc == 1 && clock_mono_ns() < until_ns)
        rc = step(s, &limits, reterr);
    if (rc < 0 || sqlite_run(s->db, "COMMIT", NULL, reterr) < 0)
        goto failed;
    t->resume_ns = clock_mono_ns() + RETENTION_PAUSE_US * NSEC_PER_USEC;
    if (rc == 0) {
        t->next = 0;
        t->done_us = s->alive_us;
    }
    return rc;
failed:
    sqlite_rollback(s->db);
    t->next = first; /* what this slice did is undone */
    s->catalog_stale = true;
    return -1;
}
