/* What imported results say about their probe: its schedule, its first event,
 * how far its history goes. */
#include "io/sqlite.h"
#include "store/import.h"
#include "store/internal.h"

static int add_revision(struct sqlite *db, int64_t num, const struct probe_revision *rev,
                        struct err *reterr)
{
    return sqlite_run(db,
                      "INSERT INTO probe_revision(probe, since, interval, phase, timeout, imported)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, 1)",
                      BIND(v_int(num), v_int(rev->since_us), v_int(rev->interval_us),
                           v_int(rev->phase_us), v_int(rev->timeout_us)),
                      reterr);
}

/* Rows older than all schedules get one: from the first of them on, in step
 * with it, at the interval that was given or else that of the oldest schedule. */
static int cover_with_revision(struct store *s, const struct import_batch *b,
                               const struct import_run *run, struct err *reterr)
{
    struct sqlite *db = s->db;
    struct probe_revision rev = {.since_us = INT64_MAX};
    struct sqlite_rows *q = sqlite_query(
        db,
        "SELECT since, interval, phase, timeout, imported FROM probe_revision WHERE probe = ?1"
        " ORDER BY since LIMIT 1",
        BIND(v_int(run->probe)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    bool imported = false;
    if (rc > 0) {
        rev = (struct probe_revision){sqlite_int(q, 0), sqlite_int(q, 1), sqlite_int(q, 2),
                                      sqlite_int(q, 3)};
        imported = sqlite_int(q, 4) != 0;
    }
    sqlite_end(q);
    if (rc < 0 || run->first_us >= rev.since_us)
        return rc < 0 ? -1 : 0;
    struct probe_revision old = rev;
    if (b->create_interval_us)
        rev.interval_us = b->create_interval_us;
    if (!rev.timeout_us)
        rev.timeout_us = rev.interval_us;
    rev.since_us = run->first_us;
    rev.phase_us = run->first_us % rev.interval_us;
    if (imported && rev.interval_us == old.interval_us && rev.phase_us == old.phase_us)
        return sqlite_run(
            db, "UPDATE probe_revision SET since = ?3 WHERE probe = ?1 AND since = ?2",
            BIND(v_int(run->probe), v_int(old.since_us), v_int(rev.since_us)), reterr);
    return add_revision(db, run->probe, &rev, reterr);
}

static int find_first_event(struct store *s, int64_t num, struct err *reterr)
{
    int64_t slot_us;
    int rc = scan_first_event(&s->scanner, num, &slot_us, reterr);
    if (rc < 0)
        return -1;
    catalog_at(&s->catalog, num)->first_event = INT64_MAX;
    if (rc > 0)
        return catalog_saw_event(&s->catalog, s->db, num, slot_us, reterr);
    return sqlite_run(s->db, "UPDATE probe SET first_event = NULL WHERE num = ?1", BIND(v_int(num)),
                      reterr);
}

int import_describe(struct store *s, const struct import_batch *b, const struct import_run *run,
                    struct err *reterr)
{
    if (cover_with_revision(s, b, run, reterr) < 0 ||
        catalog_stream(&s->catalog, s->db, run->probe, NULL, reterr) < 0 ||
        (run->lost_first_event && find_first_event(s, run->probe, reterr) < 0))
        return -1;
    struct catalog_probe *known = catalog_at(&s->catalog, run->probe);
    known->known = true;
    if (run->last_us >= known->imported_through)
        known->imported_through = run->last_us + 1;
    if (sqlite_run(s->db, "UPDATE probe SET imported_through = ?2 WHERE num = ?1",
                   BIND(v_int(run->probe), v_int(known->imported_through)), reterr) < 0)
        return -1;
    return sqlite_run(
        s->db,
        "INSERT INTO import_span(import, probe, first, last) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT(import, probe) DO UPDATE SET"
        " first = min(first, excluded.first), last = max(last, excluded.last)",
        BIND(v_int(b->import_id), v_int(run->probe), v_int(run->first_us), v_int(run->last_us)),
        reterr);
}
