#include "store/prune.h"

#include "io/sqlite.h"
#include "store/internal.h"
#include "store/retention.h"
#include "store/samples.h"

#define PRUNE_KEPT (4 * SAMPLES_MAX)

static int prune_events(struct store *s, const struct stream *st, int64_t before_us,
                        struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM event WHERE (stream, slot, done) IN (SELECT stream, slot, done"
                   " FROM event WHERE stream = ?1 AND slot < ?2 LIMIT ?3)",
                   BIND(v_int(st->num), v_int(before_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

/*
 * Of the scrapes before the last one, a series that went away with its newest
 * value stays: unless it came back and is in the last scrape, or went away again
 * later on.
 */
static int prune_samples(struct store *s, int64_t probe, int64_t last_us, struct err *reterr)
{
    if (sqlite_run(s->db,
                   "DELETE FROM sample WHERE (probe, slot, series) IN"
                   " (SELECT probe, slot, series FROM sample AS m"
                   "  WHERE probe = ?1 AND slot < ?2 AND NOT (gone = 1"
                   "   AND NOT EXISTS(SELECT 1 FROM sample AS n INDEXED BY sample_gone"
                   "    WHERE n.probe = ?1 AND n.series = m.series AND n.slot > m.slot"
                   "     AND n.slot < ?2 AND n.gone = 1)"
                   "   AND NOT EXISTS(SELECT 1 FROM sample AS l WHERE l.probe = ?1"
                   "    AND l.slot = ?2 AND l.series = m.series))"
                   "  LIMIT ?3)",
                   BIND(v_int(probe), v_int(last_us), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

/* Series that come and go leave values behind for ever, but no more than this. */
static int prune_kept(struct store *s, int64_t probe, int64_t last_us, struct err *reterr)
{
    int64_t slot;
    int rc = sqlite_lookup(s->db,
                           "SELECT slot FROM sample WHERE probe = ?1 AND slot < ?2"
                           " ORDER BY slot DESC LIMIT 1 OFFSET ?3",
                           BIND(v_int(probe), v_int(last_us), v_int(PRUNE_KEPT)), &slot, reterr);
    if (rc <= 0)
        return rc;
    return sqlite_run(s->db, "DELETE FROM sample WHERE probe = ?1 AND slot < ?2",
                      BIND(v_int(probe), v_int(slot)), reterr);
}

/* A series has samples when the newest scrape has it or one is marked as its last. */
static int prune_series(struct store *s, struct catalog_probe *p, struct err *reterr)
{
    int64_t newest = INT64_MIN;
    if (samples_last_scrape(s->db, p->num, INT64_MAX, &newest, reterr) < 0 ||
        sqlite_run(s->db,
                   "DELETE FROM series WHERE num IN (SELECT num FROM series AS x WHERE probe = ?1"
                   " AND NOT EXISTS(SELECT 1 FROM sample AS g INDEXED BY sample_gone"
                   "  WHERE g.probe = ?1 AND g.series = x.num AND g.gone = 1)"
                   " AND NOT EXISTS(SELECT 1 FROM sample AS l WHERE l.probe = ?1"
                   "  AND l.slot = ?2 AND l.series = x.num) LIMIT ?3)",
                   BIND(v_int(p->num), v_int(newest), v_int(RETENTION_ROWS)), reterr) < 0)
        return -1;
    if (sqlite_changes(s->db) == 0)
        return 0;
    feed_free(p->feed); /* it knows their numbers */
    p->feed = NULL;
    return sqlite_changes(s->db) == RETENTION_ROWS;
}

int prune_probe(struct store *s, struct catalog_probe *p, struct err *reterr)
{
    const struct catalog *c = &s->catalog;
    int64_t last;
    for (size_t i = p->first_stream; i != STREAM_NONE; i = c->streams.at[i].next) {
        const struct stream *st = &c->streams.at[i];
        int rc = st->metric ? prune_events(s, st, p->raw_since, reterr) : 0;
        if (rc != 0)
            return rc;
    }
    int rc = samples_last_scrape(s->db, p->num, p->raw_since, &last, reterr);
    if (rc <= 0)
        return rc;
    rc = prune_samples(s, p->num, last, reterr);
    if (rc == 0)
        rc = prune_kept(s, p->num, last, reterr);
    return rc == 0 ? prune_series(s, p, reterr) : rc;
}
