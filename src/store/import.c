/*
 * A batch of an import: its rows are put in order by probe and slot, compared
 * with what is stored in one pass over both, and what is new or to be replaced
 * is written. History where there was none becomes chunks at once.
 */
#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "base/vec.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "store/internal.h"
#include "store/records.h"
#include "store/rows.h"
#include "store/seal.h"

#include <assert.h>

#define BULK_ROWS 256   /* fewer become rows, and are sealed when they are more */
#define STORED_SKIP 128 /* results to be read past before seeking is cheaper */

/* What a batch brings to one probe. */
struct import_probe {
    const char *id;
    int64_t num;
    int64_t first_us, last_us; /* slots */
    size_t n;                  /* rows of the batch, */
    size_t start;              /* from here on in import.order */
    bool lost_first_event;     /* it was replaced by something that is no event */
};

struct import {
    struct store *s;
    struct import_batch *b;
    struct import_totals totals;
    VEC(struct import_probe) probes;
    struct table by_id; /* places in `probes`, from 1, as pointers */
    uint32_t *owners;   /* of each row: its place in `probes` */
    uint32_t *order;    /* rows by probe, and within a probe by slot */

    /* Of one probe: what is to be written, rising in slot. */
    VEC(struct result) changed;
    VEC(bool) stored; /* it takes the place of another one */
};

/* ---- order -------------------------------------------------------------------- */

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
    struct import_probe p = {
        .id = row->probe, .num = num, .first_us = INT64_MAX, .last_us = INT64_MIN};
    vec_push(&im->probes, p);
    table_set(&im->by_id, row->probe, (void *)(uintptr_t)im->probes.len);
    return 0;
}

/* The entry of the row's probe; rows of one probe mostly follow each other. */
static struct import_probe *entry(struct import *im, const struct import_row *row,
                                  struct import_probe *last, struct err *reterr)
{
    if (last && (last->id == row->probe || str_eq(last->id, row->probe)))
        return last;
    uintptr_t place = (uintptr_t)table_get(&im->by_id, row->probe);
    if (!place && add_probe(im, row, reterr) < 0)
        return NULL;
    return &im->probes.at[place ? place - 1 : im->probes.len - 1];
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

/* In the order of the file, so that the first line at fault is the one named. */
static int assign_rows(struct import *im, struct err *reterr)
{
    struct import_probe *p = NULL;
    for (size_t i = 0; i < im->b->n; i++) {
        const struct import_row *row = &im->b->rows[i];
        int64_t slot_us = row->result.slot_us;
        p = entry(im, row, p, reterr);
        if (!p)
            return -1;
        int64_t raw_since_us = catalog_at(&im->s->catalog, p->num)->raw_since;
        if (raw_since_us && slot_us < raw_since_us)
            return refuse_deleted(im, row, raw_since_us, reterr);
        p->first_us = slot_us < p->first_us ? slot_us : p->first_us;
        p->last_us = slot_us > p->last_us ? slot_us : p->last_us;
        p->n++;
        im->owners[i] = (uint32_t)(p - im->probes.at);
    }
    return 0;
}

static int64_t slot_of(const struct import *im, size_t place)
{
    return im->b->rows[im->order[place]].result.slot_us;
}

static int compare_rows(const void *a, const void *b, void *import)
{
    const struct import *im = import;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int64_t x = im->b->rows[i].result.slot_us, y = im->b->rows[j].result.slot_us;
    if (x != y)
        return x < y ? -1 : 1;
    return i < j ? -1 : 1; /* of one slot: in the order of the file */
}

static void order_rows(struct import *im)
{
    size_t start = 0;
    for (size_t i = 0; i < im->probes.len; i++) {
        im->probes.at[i].start = start;
        start += im->probes.at[i].n;
        im->probes.at[i].n = 0;
    }
    for (size_t i = 0; i < im->b->n; i++) {
        struct import_probe *p = &im->probes.at[im->owners[i]];
        im->order[p->start + p->n++] = (uint32_t)i;
    }
    for (size_t i = 0; i < im->probes.len; i++) {
        const struct import_probe *p = &im->probes.at[i];
        size_t at = p->start + 1, end = p->start + p->n;
        while (at < end && slot_of(im, at - 1) <= slot_of(im, at))
            at++;
        if (at < end)
            qsort_r(im->order + p->start, p->n, sizeof(*im->order), compare_rows, im);
    }
}

/* ---- what is stored ----------------------------------------------------------- */

/* The stored results of a probe, asked for at rising slots. */
struct stored {
    struct scanner *scanner;
    int64_t probe, to_us;
    struct scan *scan;
    const struct result *at; /* NULL: not begun, or past the last */
    int64_t seen_us;         /* the newest slot that had one */
    bool ended;
};

/* *ret is NULL when there is none at that slot, and lives until the next call. */
static int stored_at(struct stored *st, int64_t slot_us, const struct result **ret,
                     struct err *reterr)
{
    for (int skipped = 0; !st->ended && (!st->at || st->at->slot_us < slot_us); skipped++) {
        if (st->scan && skipped == STORED_SKIP) {
            scan_end(st->scan);
            st->scan = NULL;
        }
        if (!st->scan)
            st->scan = scan_begin(st->scanner, st->probe, slot_us, st->to_us, SCAN_ALL, reterr);
        int rc = st->scan ? scan_next(st->scan, &st->at, reterr) : -1;
        if (rc > 0) {
            st->seen_us = st->at->slot_us;
            continue;
        }
        st->scan = NULL; /* it has ended */
        st->at = NULL;
        st->ended = true;
        if (rc < 0)
            return -1;
    }
    *ret = st->at && st->at->slot_us == slot_us ? st->at : NULL;
    return 0;
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

/* One line meets what the slot has so far, in *have, if it has something.
 * True: *have is the line's now. */
static bool meet(struct import *im, struct result *have, bool any, const struct result *line)
{
    im->totals.lines++;
    if (!any) {
        im->totals.inserted++;
    } else if (same_result(have, line)) {
        im->totals.same++;
        return false;
    } else {
        im->totals.different++;
        if (!im->b->replace)
            return false;
        im->totals.replaced++;
    }
    *have = *line;
    have->flags |= RESULT_IMPORTED;
    return true;
}

/* Fills `changed`. *ret_seen_us: stored results among the rows end there. */
static int compare_probe(struct import *im, const struct import_probe *p, int64_t *ret_seen_us,
                         struct err *reterr)
{
    struct stored st = {
        .scanner = &im->s->scanner, .probe = p->num, .to_us = p->last_us + 1, .seen_us = INT64_MIN};
    size_t end = p->start + p->n;
    vec_clear(&im->changed);
    vec_clear(&im->stored);
    for (size_t at = p->start; at < end;) {
        int64_t slot_us = slot_of(im, at);
        const struct result *found;
        if (stored_at(&st, slot_us, &found, reterr) < 0)
            return -1; /* which ends the scan */
        struct result have = found ? *found : (struct result){0};
        bool any = found != NULL, changed = false;
        for (; at < end && slot_of(im, at) == slot_us; at++, any = true)
            changed |= meet(im, &have, any, &im->b->rows[im->order[at]].result);
        if (changed) {
            vec_push(&im->changed, have);
            vec_push(&im->stored, found != NULL);
        }
    }
    scan_end(st.scan);
    *ret_seen_us = st.seen_us;
    return 0;
}

/* ---- writing ------------------------------------------------------------------ */

static int write_row(struct import *im, int64_t num, const struct result *r, bool stored,
                     struct err *reterr)
{
    struct sqlite *db = im->s->db;
    if (seal_open(im->s, num, r->slot_us, r->slot_us + 1, reterr) < 0)
        return -1;
    if (stored && (sqlite_run(db, "DELETE FROM result WHERE probe = ?1 AND slot = ?2",
                              BIND(v_int(num), v_int(r->slot_us)), reterr) < 0 ||
                   sqlite_run(db, "DELETE FROM evidence WHERE probe = ?1 AND slot = ?2",
                              BIND(v_int(num), v_int(r->slot_us)), reterr) < 0))
        return -1;
    return sqlite_run(db, RESULT_INSERT, RESULT_BIND(num, r), reterr);
}

/*
 * How many of the changed rows, from the first on, become chunks: those where
 * nothing is stored nor sealed, if they are enough. While a daemon runs the last
 * day stays rows, as it is with what was measured.
 */
static int bulk_rows(struct import *im, int64_t num, int64_t seen_us, size_t *ret_n,
                     struct err *reterr)
{
    const struct store *s = im->s;
    const struct result *rows = im->changed.at;
    size_t n = im->changed.len;
    int64_t sealed;
    *ret_n = 0;
    while (s->daemon && n && rows[n - 1].slot_us >= s->complete_through_us - SEAL_AGE_US)
        n--;
    if (n < BULK_ROWS || seen_us >= rows[0].slot_us)
        return 0;
    int rc = sqlite_lookup(
        s->db, "SELECT num FROM chunk WHERE " CHUNK_SPAN_REACHES " AND last >= ?2 LIMIT 1",
        BIND(v_int(num), v_int(rows[0].slot_us), v_int(rows[n - 1].slot_us + 1)), &sealed, reterr);
    if (rc == 0)
        *ret_n = n;
    return rc < 0 ? -1 : 0;
}

static int write_changed(struct import *im, int64_t num, int64_t seen_us, struct err *reterr)
{
    size_t bulk;
    if (bulk_rows(im, num, seen_us, &bulk, reterr) < 0 ||
        (bulk && seal_append(im->s, num, im->changed.at, bulk, reterr) < 0))
        return -1;
    for (size_t i = bulk; i < im->changed.len; i++)
        if (write_row(im, num, &im->changed.at[i], im->stored.at[i], reterr) < 0)
            return -1;
    return 0;
}

static bool is_event(const struct result *r)
{
    return r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD;
}

/* What changed rows mean for the probe's first event and for its rollups. */
static int note_changed(struct import *im, struct import_probe *p, struct err *reterr)
{
    struct store *s = im->s;
    const struct result *rows = im->changed.at;
    int64_t first_event = catalog_at(&s->catalog, p->num)->first_event;
    size_t event = 0;
    while (event < im->changed.len && !is_event(&rows[event])) {
        p->lost_first_event |= im->stored.at[event] && rows[event].slot_us == first_event;
        event++;
    }
    if (event < im->changed.len &&
        catalog_saw_event(&s->catalog, s->db, p->num, rows[event].slot_us, reterr) < 0)
        return -1;
    return catalog_touch(&s->catalog, s->db, p->num, rows[0].slot_us, reterr);
}

static int import_results(struct import *im, struct import_probe *p, struct err *reterr)
{
    int64_t seen_us;
    if (compare_probe(im, p, &seen_us, reterr) < 0)
        return -1;
    if (im->changed.len == 0)
        return 0;
    if (write_changed(im, p->num, seen_us, reterr) < 0)
        return -1;
    return note_changed(im, p, reterr);
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
    struct store *s = im->s;
    int64_t slot_us;
    int rc = scan_first_event(&s->scanner, p->num, &slot_us, reterr);
    if (rc < 0)
        return -1;
    catalog_at(&s->catalog, p->num)->first_event = INT64_MAX;
    if (rc > 0)
        return catalog_saw_event(&s->catalog, s->db, p->num, slot_us, reterr);
    return sqlite_run(s->db, "UPDATE probe SET first_event = NULL WHERE num = ?1",
                      BIND(v_int(p->num)), reterr);
}

static int describe_probe(struct import *im, const struct import_probe *p, struct err *reterr)
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

/* ---- all of it ---------------------------------------------------------------- */

static int import_all(struct import *im, struct err *reterr)
{
    if (assign_rows(im, reterr) < 0)
        return -1;
    order_rows(im);
    for (size_t i = 0; i < im->probes.len; i++)
        if (import_results(im, &im->probes.at[i], reterr) < 0 ||
            describe_probe(im, &im->probes.at[i], reterr) < 0)
            return -1;
    return 0;
}

static void release(struct import *im)
{
    vec_release(&im->probes);
    table_release(&im->by_id);
    vec_release(&im->changed);
    vec_release(&im->stored);
    free(im->owners);
    free(im->order);
}

static void add_totals(struct import_totals *into, const struct import_totals *t)
{
    into->lines += t->lines;
    into->inserted += t->inserted;
    into->same += t->same;
    into->different += t->different;
    into->replaced += t->replaced;
}

int import_apply(struct store *s, struct import_batch *b, struct err *reterr)
{
    struct import im = {
        .s = s,
        .b = b,
        .owners = mem_array(b->n, sizeof(*im.owners)),
        .order = mem_array(b->n, sizeof(*im.order)),
    };
    assert(b->n <= UINT32_MAX);
    int rc = sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr);
    if (rc == 0) {
        rc = import_all(&im, reterr);
        if (rc == 0)
            rc = sqlite_run(s->db, "COMMIT", NULL, reterr);
        if (rc == 0) {
            add_totals(&b->totals, &im.totals);
        } else {
            sqlite_rollback(s->db);
            s->catalog_stale = true;
        }
    }
    release(&im);
    return rc;
}
