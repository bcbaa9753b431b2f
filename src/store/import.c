#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "store/internal.h"
#include "store/records.h"
#include "store/rows.h"

/* What a batch brings to one probe. */
struct import_probe {
    const char *id;
    int64_t num;
    int64_t first_us, last_us; /* slots */
    bool lost_first_event;     /* it was replaced by something that is no event */
};

struct import {
    struct store *s;
    struct import_batch *b;
    struct import_totals totals;
    VEC(struct import_probe) probes;
};

static int add_probe(struct import *im, const struct import_row *row, struct err *reterr)
{
    struct store *s = im->s;
    int64_t num = catalog_find(&s->catalog, row->probe);
    bool known = num && catalog_at(&s->catalog, num)->known;
    if (!known && !im->b->create_interval_us) {
        im->b->err_line = row->line;
        return err_set(reterr,
                       "unknown probe '%s'; declare it, or create it with --create interval=15s",
                       row->probe);
    }
    if (catalog_probe(&s->catalog, s->db, row->probe, &num, reterr) < 0)
        return -1;
    struct import_probe p = {.id = row->probe, .num = num, .first_us = INT64_MAX};
    vec_push(&im->probes, p);
    return 0;
}

/* The entry of the row's probe; rows of one probe mostly follow each other. */
static struct import_probe *entry(struct import *im, const struct import_row *row,
                                  struct import_probe *last, struct err *reterr)
{
    if (last && str_eq(last->id, row->probe))
        return last;
    for (size_t i = 0; i < im->probes.len; i++)
        if (str_eq(im->probes.at[i].id, row->probe))
            return &im->probes.at[i];
    if (add_probe(im, row, reterr) < 0)
        return NULL;
    return &im->probes.at[im->probes.len - 1];
}

static bool is_event(const struct result *r)
{
    return r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD;
}

/* Compares what an import line says; lag and the done instant are not in it,
 * and the phases only when it names them. `send` came later than the others:
 * a line may have them and not that one. */
static bool same_result(const struct result *have, const struct result *line)
{
    const struct phases *a = &have->phases, *b = &line->phases;
    bool phases =
        b->dns_us || b->connect_us || b->tls_us || b->send_us || b->wait_us || b->transfer_us;
    if (have->outcome != line->outcome || have->reason != line->reason ||
        have->code != line->code || have->total_us != line->total_us)
        return false;
    return !phases || (a->dns_us == b->dns_us && a->connect_us == b->connect_us &&
                       a->tls_us == b->tls_us && (!b->send_us || a->send_us == b->send_us) &&
                       a->wait_us == b->wait_us && a->transfer_us == b->transfer_us);
}

static int read_existing(struct sqlite *db, int64_t num, int64_t slot_us, struct result *ret,
                         struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db, "SELECT " RESULT_COLUMNS " FROM result WHERE probe = ?1 AND slot = ?2",
                     BIND(v_int(num), v_int(slot_us)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0)
        result_read(q, ret);
    sqlite_end(q);
    return rc;
}

static int replace(struct import *im, struct import_probe *p, const struct result *r,
                   struct err *reterr)
{
    struct sqlite *db = im->s->db;
    if (sqlite_run(db, "DELETE FROM result WHERE probe = ?1 AND slot = ?2",
                   BIND(v_int(p->num), v_int(r->slot_us)), reterr) < 0 ||
        sqlite_run(db, "DELETE FROM evidence WHERE probe = ?1 AND slot = ?2",
                   BIND(v_int(p->num), v_int(r->slot_us)), reterr) < 0 ||
        sqlite_run(db, RESULT_INSERT, RESULT_BIND(p->num, r), reterr) < 0)
        return -1;
    if (!is_event(r) && r->slot_us == catalog_at(&im->s->catalog, p->num)->first_event)
        p->lost_first_event = true;
    im->totals.replaced++;
    return 0;
}

/* The row's place is taken: 1 when it was overwritten. */
static int meet_existing(struct import *im, struct import_probe *p, const struct result *r,
                         struct err *reterr)
{
    struct result have = {0};
    int rc = read_existing(im->s->db, p->num, r->slot_us, &have, reterr);
    if (rc < 0)
        return -1;
    if (same_result(&have, r)) {
        im->totals.same++;
        return 0;
    }
    im->totals.different++;
    if (!im->b->replace)
        return 0;
    return replace(im, p, r, reterr) < 0 ? -1 : 1;
}

/* What such a row is can no longer be compared, nor its hour be summed up anew. */
static int refuse_deleted(struct import *im, const struct import_row *row, int64_t raw_since_us,
                          struct err *reterr)
{
    char since[WHEN_MAX];
    im->b->err_line = row->line;
    return err_set(reterr,
                   "results of '%s' before %s were deleted (retention.raw) and take no more lines",
                   row->probe, when_text(since, raw_since_us));
}

static int import_row(struct import *im, struct import_probe *p, const struct import_row *row,
                      struct err *reterr)
{
    struct catalog *c = &im->s->catalog;
    struct sqlite *db = im->s->db;
    struct result r = row->result;
    int64_t raw_since_us = catalog_at(c, p->num)->raw_since;
    if (raw_since_us && r.slot_us < raw_since_us)
        return refuse_deleted(im, row, raw_since_us, reterr);
    r.flags |= RESULT_IMPORTED;
    p->first_us = r.slot_us < p->first_us ? r.slot_us : p->first_us;
    p->last_us = r.slot_us > p->last_us ? r.slot_us : p->last_us;
    im->totals.lines++;
    if (sqlite_run(db, RESULT_INSERT, RESULT_BIND(p->num, &r), reterr) < 0)
        return -1;
    if (sqlite_changes(db) > 0) {
        im->totals.inserted++;
    } else {
        int rc = meet_existing(im, p, &r, reterr);
        if (rc <= 0)
            return rc;
    }
    if (is_event(&r) && catalog_saw_event(c, db, p->num, r.slot_us, reterr) < 0)
        return -1;
    return catalog_touch(c, db, p->num, r.slot_us, reterr);
}

/* ---- what rows say about their probe ------------------------------------------ */

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
static int cover_with_revision(struct import *im, const struct import_probe *p, struct err *reterr)
{
    struct sqlite *db = im->s->db;
    struct probe_revision rev = {.since_us = INT64_MAX};
    struct sqlite_rows *q = sqlite_query(
        db,
        "SELECT since, interval, phase, timeout, imported FROM probe_revision WHERE probe = ?1"
        " ORDER BY since LIMIT 1",
        BIND(v_int(p->num)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    bool imported = false;
    if (rc > 0) {
        rev = (struct probe_revision){sqlite_int(q, 0), sqlite_int(q, 1), sqlite_int(q, 2),
                                      sqlite_int(q, 3)};
        imported = sqlite_int(q, 4) != 0;
    }
    sqlite_end(q);
    if (rc < 0 || p->first_us >= rev.since_us)
        return rc < 0 ? -1 : 0;
    struct probe_revision old = rev;
    if (im->b->create_interval_us)
        rev.interval_us = im->b->create_interval_us;
    if (!rev.timeout_us)
        rev.timeout_us = rev.interval_us;
    rev.since_us = p->first_us;
    rev.phase_us = p->first_us % rev.interval_us;
    if (imported && rev.interval_us == old.interval_us && rev.phase_us == old.phase_us)
        return sqlite_run(db,
                          "UPDATE probe_revision SET since = ?3 WHERE probe = ?1 AND since = ?2",
                          BIND(v_int(p->num), v_int(old.since_us), v_int(rev.since_us)), reterr);
    return add_revision(db, p->num, &rev, reterr);
}

static int find_first_event(struct import *im, const struct import_probe *p, struct err *reterr)
{
    struct sqlite *db = im->s->db;
    int64_t slot = INT64_MAX;
    int rc = sqlite_lookup(
        db, "SELECT slot FROM result WHERE probe = ?1 AND outcome IN (0, 1) ORDER BY slot LIMIT 1",
        BIND(v_int(p->num)), &slot, reterr);
    if (rc < 0)
        return -1;
    catalog_at(&im->s->catalog, p->num)->first_event = INT64_MAX;
    if (rc > 0)
        return catalog_saw_event(&im->s->catalog, db, p->num, slot, reterr);
    return sqlite_run(db, "UPDATE probe SET first_event = NULL WHERE num = ?1", BIND(v_int(p->num)),
                      reterr);
}

static int import_probe(struct import *im, const struct import_probe *p, struct err *reterr)
{
    struct store *s = im->s;
    if (cover_with_revision(im, p, reterr) < 0 ||
        catalog_stream(&s->catalog, s->db, p->num, NULL, reterr) < 0 ||
        (p->lost_first_event && find_first_event(im, p, reterr) < 0))
        return -1;
    struct catalog_probe *known = catalog_at(&s->catalog, p->num);
    known->known = true;
    if (p->last_us >= known->imported_through)
        known->imported_through = p->last_us + 1;
    if (sqlite_run(s->db, "UPDATE probe SET imported_through = ?2 WHERE num = ?1",
                   BIND(v_int(p->num), v_int(known->imported_through)), reterr) < 0)
        return -1;
    return sqlite_run(
        s->db,
        "INSERT INTO import_span(import, probe, first, last) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT(import, probe) DO UPDATE SET"
        " first = min(first, excluded.first), last = max(last, excluded.last)",
        BIND(v_int(im->b->import_id), v_int(p->num), v_int(p->first_us), v_int(p->last_us)),
        reterr);
}

static int import_all(struct import *im, struct err *reterr)
{
    struct import_probe *p = NULL;
    for (size_t i = 0; i < im->b->n; i++) {
        p = entry(im, &im->b->rows[i], p, reterr);
        if (!p || import_row(im, p, &im->b->rows[i], reterr) < 0)
            return -1;
    }
    for (size_t i = 0; i < im->probes.len; i++)
        if (import_probe(im, &im->probes.at[i], reterr) < 0)
            return -1;
    return 0;
}

int import_apply(struct store *s, struct import_batch *b, struct err *reterr)
{
    struct import im = {.s = s, .b = b};
    int rc = -1;
    if (sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        goto out;
    if (import_all(&im, reterr) < 0 || sqlite_run(s->db, "COMMIT", NULL, reterr) < 0) {
        sqlite_rollback(s->db);
        s->catalog_stale = true;
        goto out;
    }
    b->totals.lines += im.totals.lines;
    b->totals.inserted += im.totals.inserted;
    b->totals.same += im.totals.same;
    b->totals.different += im.totals.different;
    b->totals.replaced += im.totals.replaced;
    rc = 0;
out:
    vec_release(&im.probes);
    return rc;
}
