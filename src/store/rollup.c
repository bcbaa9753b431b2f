#include "store/rollup.h"

#include "base/clock.h"
#include "base/mem.h"
#include "io/sqlite.h"
#include "store/derived.h"
#include "store/internal.h"
#include "store/metric.h"
#include "store/rollup_sum.h"

/* ---- hours -------------------------------------------------------------------- */

/*
 * Up to where the results of a probe are complete. While results keep coming
 * in that is what the heartbeats say; without a prober it is also the end of
 * what was imported, in whole hours.
 */
static int64_t roll_limit(const struct store *s, const struct catalog_probe *p)
{
    int64_t through = s->complete_through_us;
    if (!s->daemon && p->imported_through > through)
        through = p->imported_through;
    return hour_floor(through);
}

/* A metric stream: also up to where its events are complete. */
static int64_t stream_limit(const struct store *s, const struct catalog_probe *p,
                            const struct stream *st)
{
    int64_t limit = roll_limit(s, p);
    if (!st->metric || st->metric->derived_through >= limit)
        return limit;
    return hour_floor(st->metric->derived_through);
}

/* One hour of a probe: the streams that it is missing from, and their sums. */
struct roller {
    struct store *s;
    const struct catalog_probe *p;
    int64_t until_ns;
    struct rolling {
        size_t stream;   /* in the catalog */
        int64_t through; /* where it stands now */
        bool due;        /* at this hour */
        struct rollup_sum sum;
    } * at;
    size_t n;
};

static struct stream *stream_of(const struct roller *r, const struct rolling *x)
{
    return &r->s->catalog.streams.at[x->stream];
}

static int scan_hour(struct roller *r, int64_t hour_us, struct err *reterr)
{
    const struct result *row;
    struct scan *sc = scan_begin(&r->s->scanner, r->p->num, hour_us, hour_us + USEC_PER_HOUR,
                                 SCAN_EVENTS, reterr);
    int rc = sc ? 0 : -1;
    while (sc && (rc = scan_next(sc, &row, reterr)) > 0)
        for (size_t i = 0; i < r->n; i++)
            if (r->at[i].due)
                rollup_sum_result(&r->at[i].sum, stream_of(r, &r->at[i]), row);
    return rc;
}

static int write_row(struct sqlite *db, const char *sql, int64_t stream,
                     const struct rollup_sum *sum, struct err *reterr)
{
    struct rollup_text text;
    if (rollup_sum_encode(sum, &text, reterr) < 0)
        return -1;
    int rc = sqlite_run(db, sql,
                        BIND(v_int(stream), v_int(sum->start_us), v_int(sum->sum.good),
                             v_int(sum->sum.bad), v_int(sum->sum.excluded),
                             v_blob(text.reasons.len ? text.reasons.buf : NULL, text.reasons.len),
                             v_blob(text.packed.buf, text.packed.len), v_int(sum->sum.scrapes),
                             v_int(sum->sum.silent)),
                        reterr);
    rollup_text_release(&text);
    return rc;
}

static int write_hour(struct sqlite *db, int64_t stream, const struct rollup_sum *sum,
                      struct err *reterr)
{
    return write_row(db,
                     "INSERT INTO rollup(stream, hour, " ROLLUP_COLUMNS ")"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                     stream, sum, reterr);
}

/* The hour's results are read once, for all streams that have come to it. */
static int roll_hour(struct roller *r, int64_t hour_us, struct err *reterr)
{
    for (size_t i = 0; i < r->n; i++) {
        struct rolling *x = &r->at[i];
        x->due = x->through <= hour_us;
        if (x->due)
            rollup_sum_begin(&x->sum, stream_of(r, x)->kind, ROLLUP_HOUR, hour_us);
    }
    if (scan_hour(r, hour_us, reterr) < 0)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        struct rolling *x = &r->at[i];
        if (!x->due)
            continue;
        if (write_hour(r->s->db, stream_of(r, x)->num, &x->sum, reterr) < 0)
            return -1;
        x->through = hour_us + USEC_PER_HOUR;
    }
    return 0;
}

static int64_t slowest(const struct roller *r)
{
    int64_t min = INT64_MAX;
    for (size_t i = 0; i < r->n; i++)
        if (r->at[i].through < min)
            min = r->at[i].through;
    return min;
}

/* Hours without results are jumped over. */
static int roll_hours(struct roller *r, struct err *reterr)
{
    int64_t limit = roll_limit(r->s, r->p), from = slowest(r), slot;
    for (; from < limit; from = slowest(r)) {
        int rc = scan_first_slot(&r->s->scanner, r->p->num, from, limit, &slot, reterr);
        if (rc > 0)
            rc = roll_hour(r, hour_floor(slot), reterr);
        else
            for (size_t i = 0; rc == 0 && i < r->n; i++)
                if (r->at[i].through < limit)
                    r->at[i].through = limit;
        if (rc < 0)
            return -1;
        if (clock_mono_ns() >= r->until_ns)
            break;
    }
    for (size_t i = 0; i < r->n; i++) {
        struct stream *st = stream_of(r, &r->at[i]);
        if (st->rolled_through != r->at[i].through &&
            catalog_set_rolled(&r->s->catalog, r->s->db, st, r->at[i].through, reterr) < 0)
            return -1;
    }
    return 0;
}

/* ---- hours of events ----------------------------------------------------------- */

/* The next hour from `from_us` on that has an event: 1 found, 0 none. */
static int next_event_hour(struct roller *r, const struct stream *st, int64_t from_us,
                           int64_t limit_us, int64_t *ret, struct err *reterr)
{
    int64_t slot;
    int rc = sqlite_lookup(
        r->s->db, "SELECT min(slot) FROM event WHERE stream = ?1 AND slot >= ?2 AND slot < ?3",
        BIND(v_int(st->num), v_int(from_us), v_int(limit_us)), &slot, reterr);
    if (rc > 0)
        *ret = hour_floor(slot);
    return rc;
}

static int roll_events(struct roller *r, struct rolling *x, struct err *reterr)
{
    struct stream *st = stream_of(r, x);
    int64_t limit = stream_limit(r->s, r->p, st), hour;
    int rc = 1;
    while (x->through < limit && clock_mono_ns() < r->until_ns) {
        rc = next_event_hour(r, st, x->through, limit, &hour, reterr);
        if (rc > 0 && (rollup_sum_events(r->s->db, st->num, &x->sum, hour, reterr) < 0 ||
                       write_hour(r->s->db, st->num, &x->sum, reterr) < 0))
            rc = -1;
        if (rc < 0)
            return -1;
        x->through = rc ? hour + USEC_PER_HOUR : limit;
    }
    if (st->rolled_through == x->through)
        return 0;
    return catalog_set_rolled(&r->s->catalog, r->s->db, st, x->through, reterr);
}

/* ---- days --------------------------------------------------------------------- */

static int sum_day(struct roller *r, const struct stream *st, struct rollup_sum *sum,
                   int64_t day_us, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(r->s->db,
                     "SELECT hour, " ROLLUP_COLUMNS " FROM rollup"
                     " WHERE stream = ?1 AND hour >= ?2 AND hour < ?3",
                     BIND(v_int(st->num), v_int(day_us), v_int(day_us + USEC_PER_DAY)), reterr);
    int rc;
    if (!q)
        return -1;
    rollup_sum_begin(sum, st->kind, ROLLUP_DAY, day_us);
    while ((rc = sqlite_next(q, reterr)) > 0) {
        if (rollup_sum_hour(sum, q, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    }
    return rc;
}

/* The next day from `from_us` on that has an hour; the end if there is none. */
static int next_day(struct roller *r, const struct stream *st, int64_t from_us, int64_t end_us,
                    int64_t *ret, struct err *reterr)
{
    int64_t hour;
    int rc = sqlite_lookup(
        r->s->db, "SELECT min(hour) FROM rollup WHERE stream = ?1 AND hour >= ?2 AND hour < ?3",
        BIND(v_int(st->num), v_int(from_us), v_int(end_us)), &hour, reterr);
    *ret = rc > 0 ? day_floor(hour) : end_us;
    return rc < 0 ? -1 : 0;
}

/* In an older file many days may be missing: a few at a time then. */
static int roll_days(struct roller *r, struct rolling *x, struct err *reterr)
{
    struct stream *st = stream_of(r, x);
    int64_t end = day_floor(st->rolled_through), through = st->days_through;
    if (through >= end)
        return 0;
    while (through < end) {
        int64_t day;
        if (next_day(r, st, through, end, &day, reterr) < 0)
            return -1;
        through = day;
        if (day == end)
            break;
        if (sum_day(r, st, &x->sum, day, reterr) < 0 ||
            write_row(r->s->db,
                      "INSERT INTO rollup_day(stream, day, " ROLLUP_COLUMNS ")"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                      st->num, &x->sum, reterr) < 0)
            return -1;
        through = day + USEC_PER_DAY;
        if (clock_mono_ns() >= r->until_ns)
            break;
    }
    return catalog_set_days(&r->s->catalog, r->s->db, st, through, reterr);
}

/* ---- slices ------------------------------------------------------------------- */

/* Those whose events are results, or the others; without any there is nothing
 * to do. */
static int roll_some(struct roller *r, bool metric, struct err *reterr)
{
    const struct catalog *c = &r->s->catalog;
    int rc = 0;
    r->n = 0;
    for (size_t i = r->p->first_stream; i != STREAM_NONE; i = c->streams.at[i].next)
        if (!c->streams.at[i].metric == !metric)
            r->at[r->n++] = (struct rolling){
                .stream = i, .through = c->streams.at[i].rolled_through, .sum.sketch = SKETCH_INIT};
    if (!metric && r->n > 0)
        rc = roll_hours(r, reterr);
    for (size_t i = 0; metric && rc == 0 && i < r->n; i++)
        rc = roll_events(r, &r->at[i], reterr);
    for (size_t i = 0; rc == 0 && i < r->n; i++)
        rc = roll_days(r, &r->at[i], reterr);
    for (size_t i = 0; i < r->n; i++)
        rollup_sum_release(&r->at[i].sum);
    return rc;
}

static int roll_probe(struct roller *r, struct err *reterr)
{
    const struct catalog *c = &r->s->catalog;
    size_t n = 0;
    for (size_t i = r->p->first_stream; i != STREAM_NONE; i = c->streams.at[i].next)
        n++;
    r->at = mem_array(n, sizeof(*r->at));
    int rc = roll_some(r, false, reterr);
    if (rc == 0 && r->p->metric)
        rc = roll_some(r, true, reterr);
    mem_free(&r->at);
    r->n = 0;
    return rc;
}

/* Has it hours to be rolled up? Events that are still to be derived hold only
 * their own stream up. */
static bool has_hours(const struct store *s, const struct catalog_probe *p)
{
    const struct catalog *c = &s->catalog;
    if (p->rolled_min >= roll_limit(s, p) || !p->metric)
        return p->rolled_min < roll_limit(s, p);
    for (size_t i = p->first_stream; i != STREAM_NONE; i = c->streams.at[i].next)
        if (c->streams.at[i].rolled_through < stream_limit(s, p, &c->streams.at[i]))
            return true;
    return false;
}

static struct catalog_probe *next_probe(struct store *s)
{
    size_t n = s->catalog.probes.len;
    for (size_t i = 0; i < n; i++, s->roll_next++) {
        if (s->roll_next >= n)
            s->roll_next = 0;
        struct catalog_probe *p = &s->catalog.probes.at[s->roll_next];
        if (p->days_behind || has_hours(s, p))
            return p;
    }
    return NULL;
}

/* Whole hours of all probes are over at the same moment. */
static void leave_time(struct store *s)
{
    if (s->daemon)
        s->roll_after_ns = clock_mono_ns() + ROLL_PAUSE_US * NSEC_PER_USEC;
}

static int roll_slice(struct store *s, struct err *reterr)
{
    struct roller r = {.s = s, .p = next_probe(s)};
    if (!r.p)
        return 0;
    r.until_ns = clock_mono_ns() + ROLL_SLICE_US * NSEC_PER_USEC;
    if (sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    for (; r.p && clock_mono_ns() < r.until_ns; r.p = next_probe(s))
        if (roll_probe(&r, reterr) < 0)
            goto failed;
    if (sqlite_run(s->db, "COMMIT", NULL, reterr) < 0)
        goto failed;
    leave_time(s);
    return r.p != NULL;
failed:
    sqlite_rollback(s->db);
    s->catalog_stale = true;
    return -1;
}

int rollup_slice(struct store *s, struct err *reterr)
{
    int rc = derived_slice(s, reterr);
    if (rc > 0)
        leave_time(s);
    return rc == 0 ? roll_slice(s, reterr) : rc;
}
