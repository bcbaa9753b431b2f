#include "store/pass.h"

#include "io/sqlite.h"
#include "store/events.h"
#include "store/packed.h"
#include "store/rollup_sum.h"

struct pass {
    struct store_reader *r;
    const struct rolled *at;
    const int64_t *edges;
    size_t n, cell; /* cell: where the pass has come to */
    const struct pass_visitor *v;
    void *ctx;
};

/* What is rolled up, coarse to fine. The texts differ: each level is read while
 * the one above it is. */
static const struct level {
    enum pass_span span;
    int64_t length, part;
    const char *sql;
} levels[] = {
    {PASS_DAY, USEC_PER_DAY, USEC_PER_HOUR,
     "SELECT day, " ROLLUP_COLUMNS " FROM rollup_day"
     " WHERE stream = ?1 AND day > ?2 AND day < ?3 ORDER BY day"},
    {PASS_HOUR, USEC_PER_HOUR, USEC_PER_MIN,
     "SELECT hour, " ROLLUP_COLUMNS " FROM rollup"
     " WHERE stream = ?1 AND hour > ?2 AND hour < ?3 ORDER BY hour"},
};

#define HOURS (&levels[1])

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The cell that holds `t_us`, which never goes back. */
static size_t cell_at(struct pass *p, int64_t t_us)
{
    while (p->edges[p->cell + 1] <= t_us)
        p->cell++;
    return p->cell;
}

/* Does [start, end), which overlaps the cells, lie within one of them? */
static bool in_one_cell(struct pass *p, int64_t start_us, int64_t end_us)
{
    if (start_us < p->edges[0] || end_us > p->edges[p->n])
        return false;
    return end_us <= p->edges[cell_at(p, start_us) + 1];
}

static bool visit_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct pass *p = ctx;
    (void)done_us;
    p->v->event(p->ctx, cell_at(p, slot_us), c);
    return true;
}

static int visit_results(struct pass *p, int64_t from_us, int64_t to_us, struct err *reterr)
{
    if (from_us >= to_us)
        return 0;
    if (p->at->metric)
        return events_visit(p->r, p->at, from_us, to_us, visit_event, p, reterr) < 0 ? -1 : 0;
    const struct result *row;
    struct scan *sc = scan_begin(&p->r->scanner, p->at->probe, from_us, to_us, SCAN_EVENTS, reterr);
    int rc = sc ? 0 : -1;
    while (sc && (rc = scan_next(sc, &row, reterr)) > 0)
        p->v->result(p->ctx, cell_at(p, row->slot_us), row);
    return rc;
}

static int visit_level(struct pass *p, const struct level *l, int64_t from_us, int64_t to_us,
                       struct err *reterr);

/* The part [from, to) of a row of `l`, which a cell's edge cuts. */
static int visit_cut(struct pass *p, const struct level *l, int64_t from_us, int64_t to_us,
                     const char *unit, struct err *reterr)
{
    if (l != HOURS)
        return visit_level(p, l + 1, from_us, to_us, reterr);
    if (from_us < p->at->raw_us)
        return reader_too_fine(p->at, unit, reterr);
    return visit_results(p, from_us, to_us, reterr);
}

static struct counts times(struct counts c, int64_t n)
{
    return (struct counts){c.good * n, c.bad * n, c.excluded * n, c.scrapes * n, c.silent * n};
}

/* A run of equal parts of a row, of which [from, to) is asked for. */
static int visit_run(struct pass *p, const struct level *l, int64_t row_us,
                     const struct packed_runs *run, struct counts c, int64_t from_us, int64_t to_us,
                     struct err *reterr)
{
    int64_t start = row_us + (int64_t)run->first * l->part;
    int64_t end = row_us + (int64_t)run->end * l->part;
    if (counts_empty(c) || end <= from_us || start >= to_us)
        return 0;
    if (in_one_cell(p, start, end)) {
        p->v->part(p->ctx, p->cell, times(c, (int64_t)(run->end - run->first)));
        return 0;
    }
    for (int64_t t = start; t < end; t += l->part) {
        int64_t part_end = t + l->part;
        if (part_end <= from_us || t >= to_us)
            continue;
        if (in_one_cell(p, t, part_end))
            p->v->part(p->ctx, p->cell, c);
        else if (visit_cut(p, l, max64(t, from_us), min64(part_end, to_us), "minute", reterr) < 0)
            return -1;
    }
    return 0;
}

static int visit_parts(struct pass *p, const struct level *l, struct sqlite_rows *row,
                       int64_t from_us, int64_t to_us, struct err *reterr)
{
    struct packed_runs runs;
    struct counts c;
    size_t n;
    int rc;
    const void *packed = sqlite_blob(row, PASS_PACKED, &n);
    int64_t row_us = sqlite_int(row, PASS_START);
    packed_open(&runs, packed, n, (size_t)(l->length / l->part));
    while ((rc = packed_next(&runs, &c, reterr)) > 0)
        if (visit_run(p, l, row_us, &runs, c, from_us, to_us, reterr) < 0)
            return -1;
    return rc;
}

static int64_t cell_length(const struct pass *p, size_t cell)
{
    return p->edges[cell + 1] - p->edges[cell];
}

/* The part [from, to) of a day, where cells are hours: the ones that lie on the
 * day's are asked of its row. */
static int visit_hours(struct pass *p, struct sqlite_rows *day, int64_t from_us, int64_t to_us,
                       struct err *reterr)
{
    int64_t start = sqlite_int(day, PASS_START);
    for (int i = 0; i < PACKED_HOURS; i++) {
        int64_t hour = start + i * USEC_PER_HOUR, end = hour + USEC_PER_HOUR;
        if (end <= from_us || hour >= to_us)
            continue;
        bool is_cell = in_one_cell(p, hour, end) && cell_length(p, p->cell) == USEC_PER_HOUR;
        int rc = is_cell ? p->v->hour(p->ctx, p->cell, day, i, reterr)
                         : visit_level(p, HOURS, max64(hour, from_us), min64(end, to_us), reterr);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Would reading its parts only lead to reading its results, part by part? */
static bool is_too_fine(struct pass *p, const struct level *l, int64_t from_us)
{
    size_t cell = cell_at(p, from_us);
    return l == HOURS && from_us >= p->at->raw_us && p->edges[cell + 1] - p->edges[cell] < l->part;
}

static int visit_row(struct pass *p, const struct level *l, struct sqlite_rows *row,
                     int64_t from_us, int64_t to_us, struct err *reterr)
{
    int64_t start = sqlite_int(row, PASS_START), end = start + l->length;
    if (in_one_cell(p, start, end))
        return p->v->rolled(p->ctx, p->cell, l->span, row, reterr);
    start = max64(start, from_us);
    end = min64(end, to_us);
    if (l != HOURS && p->v->hour)
        return visit_hours(p, row, start, end, reterr);
    if (!p->v->part || is_too_fine(p, l, start))
        return visit_cut(p, l, start, end, "hour", reterr);
    return visit_parts(p, l, row, start, end, reterr);
}

/* Rows of one level that overlap [from, to), as far as they do. */
static int visit_level(struct pass *p, const struct level *l, int64_t from_us, int64_t to_us,
                       struct err *reterr)
{
    if (from_us >= to_us)
        return 0;
    struct sqlite_rows *q =
        sqlite_query(p->r->db, l->sql,
                     BIND(v_int(p->at->stream), v_int(from_us - l->length), v_int(to_us)), reterr);
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        if (visit_row(p, l, q, from_us, to_us, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    }
    return rc;
}

/* Is there a cell that a day's row can serve? */
static bool wants_days(const struct pass *p)
{
    if (p->v->part)
        return true;
    for (size_t i = 0; i < p->n; i++)
        if (cell_length(p, i) >= USEC_PER_DAY || (p->v->hour && cell_length(p, i) == USEC_PER_HOUR))
            return true;
    return false;
}

int pass_run(struct store_reader *r, const struct rolled *at, const int64_t *edges, size_t n,
             const struct pass_visitor *v, void *ctx, struct err *reterr)
{
    struct pass p = {.r = r, .at = at, .edges = edges, .n = n, .v = v, .ctx = ctx};
    if (n == 0 || edges[0] >= edges[n])
        return 0;
    int64_t from = edges[0], to = edges[n];
    int64_t days = wants_days(&p) ? min64(at->days_us, to) : from;
    int64_t hours = min64(at->through_us, to);
    if (visit_level(&p, levels, from, days, reterr) < 0 ||
        visit_level(&p, HOURS, max64(from, days), hours, reterr) < 0)
        return -1;
    return visit_results(&p, max64(from, hours), to, reterr);
}
