/*
 * A batch of an import: its rows are put in order by probe and slot, compared
 * with what is stored in one pass over both, and what is new or to be replaced
 * is written. History where there was none becomes chunks at once.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "store/answers.h"
#include "store/derived.h"
#include "store/import.h"
#include "store/internal.h"
#include "store/records.h"
#include "store/rows.h"
#include "store/seal.h"

#include <assert.h>

#define BULK_ROWS 256   /* fewer become rows, and are sealed when they are more */
#define STORED_SKIP 128 /* results to be read past before seeking is cheaper */
#define SLICE_US (20 * USEC_PER_MSEC)
#define SLICE_SAMPLES 512 /* rows until the next look at the clock, as samples cost more */

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
    struct import_probe p = {.id = row->probe, .num = num};
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

/* What a row of deleted hours is can no longer be compared, nor its hour be
 * summed up anew. */
static int check_kept(struct import *im, const struct import_row *row, int64_t num,
                      struct err *reterr)
{
    char since[WHEN_MAX];
    int64_t raw_since_us = catalog_at(&im->s->catalog, num)->raw_since;
    if (!raw_since_us || row->result.slot_us >= raw_since_us)
        return 0;
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
        p = entry(im, row, p, reterr);
        if (!p || check_kept(im, row, p->num, reterr) < 0)
            return -1;
        p->n++;
        im->owners[i] = (uint32_t)(p - im->probes.at);
    }
    return 0;
}

static int64_t slot_of(const struct import *im, size_t place)
{
    return import_row_at(im, place)->result.slot_us;
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

static bool same_answer(const struct result *a, const struct result *b)
{
    _Static_assert(sizeof(struct answer) == 8 * sizeof(uint32_t) + 4 * sizeof(int32_t) + 8,
                   "there is nothing between its fields");
    return a->flags & b->flags & RESULT_ANSWER &&
           memcmp(&a->answer, &b->answer, sizeof(a->answer)) == 0;
}

/* Compares what an import line says; lag and the done instant are not in it,
 * and the phases only when it names them. `send` came later than the others:
 * a line may have them and not that one. Nor is an answer that it does not name. */
static bool same_result(const struct result *have, const struct result *line)
{
    const struct phases *a = &have->phases, *b = &line->phases;
    bool phases =
        b->dns_us || b->connect_us || b->tls_us || b->send_us || b->wait_us || b->transfer_us;
    if (have->outcome != line->outcome || have->reason != line->reason ||
        have->code != line->code || have->total_us != line->total_us)
        return false;
    if (line->flags & RESULT_ANSWER && !same_answer(have, line))
        return false;
    return !phases || (a->dns_us == b->dns_us && a->connect_us == b->connect_us &&
                       a->tls_us == b->tls_us && (!b->send_us || a->send_us == b->send_us) &&
                       a->wait_us == b->wait_us && a->transfer_us == b->transfer_us);
}

bool import_meet(struct import *im, bool any, bool same)
{
    im->totals.lines++;
    if (!any) {
        im->totals.inserted++;
        return true;
    }
    if (same) {
        im->totals.same++;
        return false;
    }
    im->totals.different++;
    im->totals.replaced += im->b->replace;
    return im->b->replace;
}

/* One line meets what the slot has so far, in *have, if it has something.
 * True: *have is the line's now. */
static bool meet(struct import *im, struct result *have, bool any, const struct result *line)
{
    if (!import_meet(im, any, any && same_result(have, line)))
        return false;
    *have = *line;
    have->flags |= RESULT_IMPORTED;
    return true;
}

/* Fills `changed`. *ret_seen_us: stored results among the rows end there. */
static int compare_span(struct import *im, const struct import_rows *p, int64_t *ret_seen_us,
                        struct err *reterr)
{
    struct stored st = {.scanner = &im->s->scanner,
                        .probe = p->num,
                        .to_us = slot_of(im, p->end - 1) + 1,
                        .seen_us = INT64_MIN};
    vec_clear(&im->changed);
    vec_clear(&im->stored);
    for (size_t at = p->start; at < p->end;) {
        int64_t slot_us = slot_of(im, at);
        const struct result *found;
        if (import_row_at(im, at)->series) {
            at++;
            continue;
        }
        if (stored_at(&st, slot_us, &found, reterr) < 0)
            return -1; /* which ends the scan */
        struct result have = found ? *found : (struct result){0};
        bool any = found != NULL, changed = false;
        for (; at < p->end && slot_of(im, at) == slot_us; at++) {
            if (import_row_at(im, at)->series)
                continue;
            changed |= meet(im, &have, any, &import_row_at(im, at)->result);
            any = true;
        }
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
                              BIND(v_int(num), v_int(r->slot_us)), reterr) < 0 ||
                   answers_delete(db, num, r->slot_us, r->slot_us + 1, reterr) < 0))
        return -1;
    if (sqlite_run(db, RESULT_INSERT, RESULT_BIND(num, r), reterr) < 0)
        return -1;
    return answers_insert(db, num, r, reterr);
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
static int note_changed(struct import *im, struct import_run *run, struct err *reterr)
{
    struct store *s = im->s;
    const struct result *rows = im->changed.at;
    int64_t first_event = catalog_at(&s->catalog, run->probe)->first_event;
    size_t event = 0;
    if (derived_touch(s, run->probe, rows[0].slot_us, reterr) < 0)
        return -1;
    while (event < im->changed.len && !is_event(&rows[event])) {
        run->lost_first_event |= im->stored.at[event] && rows[event].slot_us == first_event;
        event++;
    }
    if (event < im->changed.len &&
        catalog_saw_event(&s->catalog, s->db, run->probe, rows[event].slot_us, reterr) < 0)
        return -1;
    return catalog_touch(&s->catalog, s->db, run->probe, rows[0].slot_us, reterr);
}

/* Some that changed have answers, or were held: their probe's rollups are there. */
static int note_answers(struct import *im, int64_t probe, struct err *reterr)
{
    for (size_t i = 0; i < im->changed.len; i++)
        if (im->changed.at[i].flags & RESULT_ANSWER || im->changed.at[i].reason == REASON_SPEND_CAP)
            return catalog_answers(&im->s->catalog, im->s->db, probe, reterr);
    return 0;
}

static int import_span(struct import *im, const struct import_rows *p, struct err *reterr)
{
    struct import_run run = {p->num, slot_of(im, p->start), slot_of(im, p->end - 1), false};
    int64_t seen_us;
    /* Again: between two transactions of a batch more may have gone. */
    if (check_kept(im, import_row_at(im, p->start), p->num, reterr) < 0 ||
        compare_span(im, p, &seen_us, reterr) < 0)
        return -1;
    if (im->changed.len &&
        (write_changed(im, p->num, seen_us, reterr) < 0 || note_changed(im, &run, reterr) < 0 ||
         note_answers(im, p->num, reterr) < 0))
        return -1;
    if (import_samples(im, p, reterr) < 0)
        return -1;
    catalog_at(&im->s->catalog, p->num)->newest_slot = NEWEST_UNKNOWN;
    return import_describe(im->s, im->b, &run, reterr);
}

/* ---- transactions --------------------------------------------------------------- */

/* Cuts the span where it leaves the first chunk that it may reach: to open one
 * takes milliseconds, so a turn of the writer opens one at most. */
static int keep_to_one_chunk(struct import *im, struct import_rows *p, struct err *reterr)
{
    int64_t last_us;
    int rc = sqlite_lookup(
        im->s->db,
        "SELECT last FROM chunk WHERE " CHUNK_SPAN_REACHES " AND last >= ?2 ORDER BY first LIMIT 1",
        BIND(v_int(p->num), v_int(slot_of(im, p->start)), v_int(slot_of(im, p->end - 1) + 1)),
        &last_us, reterr);
    while (rc > 0 && slot_of(im, p->end - 1) > last_us)
        p->end--;
    p->sealed = rc > 0;
    return rc < 0 ? -1 : 0;
}

/* The next rows, of one probe, at most about `max`: what has one slot stays
 * together. 1, or 0 when there are none, or -1. */
static int next_span(struct import *im, size_t max, struct import_rows *ret, struct err *reterr)
{
    while (im->probe < im->probes.len && im->row == im->probes.at[im->probe].n) {
        im->probe++;
        im->row = 0;
    }
    if (im->probe == im->probes.len)
        return 0;
    const struct import_probe *p = &im->probes.at[im->probe];
    size_t start = p->start + im->row, last = p->start + p->n, end = last;
    if (last - start > max) {
        end = start + max;
        while (end < last && slot_of(im, end) == slot_of(im, end - 1))
            end++;
    }
    *ret = (struct import_rows){p->num, start, end, false};
    if (im->b->slice_rows && keep_to_one_chunk(im, ret, reterr) < 0)
        return -1;
    im->row = ret->end - p->start;
    return 1;
}

/* How many rows may come next. */
static size_t slice_rows(const struct import *im, size_t left)
{
    if (!im->b->slice_rows || im->probe == im->probes.len)
        return left;
    const struct import_probe *p = &im->probes.at[im->probe];
    bool sample = im->row < p->n && import_row_at(im, p->start + im->row)->series;
    return sample && left > SLICE_SAMPLES ? SLICE_SAMPLES : left;
}

/* 1 when rows are left for another transaction. */
static int import_some(struct import *im, struct err *reterr)
{
    size_t left = im->b->slice_rows ? im->b->slice_rows : SIZE_MAX;
    int64_t until_ns = im->b->slice_rows ? clock_mono_ns() + SLICE_US * NSEC_PER_USEC : INT64_MAX;
    struct import_rows p;
    int rc;
    while ((rc = next_span(im, slice_rows(im, left), &p, reterr)) > 0) {
        size_t n = p.end - p.start;
        if (import_span(im, &p, reterr) < 0)
            return -1;
        left -= n < left ? n : left;
        if (left == 0 || p.sealed || clock_mono_ns() >= until_ns)
            return 1;
    }
    return rc;
}

static void add_totals(struct import_totals *into, struct import_totals *t)
{
    into->lines += t->lines;
    into->inserted += t->inserted;
    into->same += t->same;
    into->different += t->different;
    into->replaced += t->replaced;
    *t = (struct import_totals){0};
}

static struct import *import_new(struct store *s, struct import_batch *b)
{
    struct import *im = mem_alloc(sizeof(*im));
    assert(b->n <= UINT32_MAX);
    im->s = s;
    im->b = b;
    im->owners = mem_array(b->n, sizeof(*im->owners));
    im->order = mem_array(b->n, sizeof(*im->order));
    return im;
}

void import_free(struct import *im)
{
    if (!im)
        return;
    vec_release(&im->probes);
    table_release(&im->by_id);
    vec_release(&im->changed);
    vec_release(&im->stored);
    free(im->owners);
    free(im->order);
    free(im);
}

static int transact(struct import *im, bool first, struct err *reterr)
{
    int rc = first ? assign_rows(im, reterr) : 0;
    if (rc == 0 && first)
        order_rows(im);
    if (rc == 0)
        rc = import_some(im, reterr);
    if (rc >= 0 && sqlite_run(im->s->db, "COMMIT", NULL, reterr) < 0)
        rc = -1;
    if (rc < 0) {
        sqlite_rollback(im->s->db);
        im->s->catalog_stale = true;
        return -1;
    }
    add_totals(&im->b->totals, &im->totals);
    return rc;
}

int import_apply(struct store *s, struct import_batch *b, struct import **state, struct err *reterr)
{
    bool first = !*state;
    int rc = sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr);
    if (first)
        *state = import_new(s, b);
    if (rc == 0)
        rc = transact(*state, first, reterr);
    if (rc <= 0) {
        import_free(*state);
        *state = NULL;
    }
    return rc;
}
