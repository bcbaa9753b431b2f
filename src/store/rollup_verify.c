/* Rollups against what their results, and days against what their hours, say. */
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "store/rollup.h"
#include "store/rollup_sum.h"
#include "store/scan.h"

struct verify {
    struct catalog *c;
    struct sqlite *db;
    struct scanner *scanner;
    const struct catalog_probe *probe;
    struct rollup_checked checked;
    struct rollup_sum stored;
    struct sum_of {
        const struct stream *stream;
        struct rollup_sum sum;
        int64_t rows; /* that there should be */
    } * at;
    size_t n;
    struct err *reterr;
};

/* 0: what is stored is not what it should be. */
static int differs(struct verify *v, const struct stream *st, enum rollup_span span,
                   int64_t start_us, const char *how)
{
    char start[WHEN_MAX];
    bool sli = st->kind == STREAM_SLI || st->kind == STREAM_METRIC;
    err_set(v->reterr, "the rollup of %s '%s', %s of %s: %s", sli ? "SLI" : "probe",
            sli ? st->sli.key : v->probe->id, span == ROLLUP_DAY ? "day" : "hour",
            when_text(start, start_us), how);
    return 0;
}

static bool same_text(const struct str *a, const struct str *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->buf, b->buf, a->len) == 0);
}

/* Encoded both, so that one encoding's age does not matter. */
static int compare_encoded(struct verify *v, const struct rollup_sum *want)
{
    struct rollup_text a, b;
    if (rollup_sum_encode(want, &a, v->reterr) < 0)
        return -1;
    if (rollup_sum_encode(&v->stored, &b, v->reterr) < 0) {
        rollup_text_release(&a);
        return -1;
    }
    bool same = same_text(&a.reasons, &b.reasons) && same_text(&a.packed, &b.packed);
    rollup_text_release(&a);
    rollup_text_release(&b);
    return same;
}

static int compare_row(struct verify *v, const struct stream *st, const struct rollup_sum *want,
                       struct sqlite_rows *row)
{
    const struct counts *w = &want->sum, *got = &v->stored.sum;
    char how[160];
    rollup_sum_begin(&v->stored, want->kind, want->span, want->start_us);
    if (rollup_sum_load(&v->stored, row, v->reterr) < 0)
        return differs(v, st, want->span, want->start_us, "it cannot be decoded");
    if (!counts_empty(counts_minus(*got, *w))) {
        snprintf(how, sizeof(how),
                 "%lld good, %lld bad, %lld excluded are stored, but there are %lld, %lld, %lld",
                 (long long)got->good, (long long)got->bad, (long long)got->excluded,
                 (long long)w->good, (long long)w->bad, (long long)w->excluded);
        return differs(v, st, want->span, want->start_us, how);
    }
    int rc = compare_encoded(v, want);
    return rc == 0 ? differs(v, st, want->span, want->start_us, "its parts or reasons are wrong")
                   : rc;
}

static const char *const row_sql[] = {
    [ROLLUP_HOUR] = "SELECT hour, " ROLLUP_COLUMNS " FROM rollup WHERE stream = ?1 AND hour = ?2",
    [ROLLUP_DAY] = "SELECT day, " ROLLUP_COLUMNS " FROM rollup_day WHERE stream = ?1 AND day = ?2",
};

static int check_row(struct verify *v, const struct stream *st, const struct rollup_sum *want)
{
    struct sqlite_rows *q = sqlite_query(v->db, row_sql[want->span],
                                         BIND(v_int(st->num), v_int(want->start_us)), v->reterr);
    int rc = q ? sqlite_next(q, v->reterr) : -1;
    if (rc == 0)
        return differs(v, st, want->span, want->start_us, "it is missing");
    if (rc > 0)
        rc = compare_row(v, st, want, q);
    sqlite_end(q);
    return rc;
}

/* ---- hours -------------------------------------------------------------------- */

static int sum_hour(struct verify *v, int64_t hour_us)
{
    const struct result *row;
    for (size_t i = 0; i < v->n; i++)
        rollup_sum_begin(&v->at[i].sum, v->at[i].stream->kind, ROLLUP_HOUR, hour_us);
    struct scan *sc = scan_begin(v->scanner, v->probe->num, hour_us, hour_us + USEC_PER_HOUR,
                                 SCAN_EVENTS, v->reterr);
    int rc = sc ? 0 : -1;
    while (sc && (rc = scan_next(sc, &row, v->reterr)) > 0)
        for (size_t i = 0; i < v->n; i++)
            rollup_sum_result(&v->at[i].sum, v->at[i].stream, row);
    return rc;
}

static int check_hour(struct verify *v, int64_t hour_us)
{
    int rc = sum_hour(v, hour_us) < 0 ? -1 : 1;
    for (size_t i = 0; rc > 0 && i < v->n; i++) {
        struct sum_of *x = &v->at[i];
        if (hour_us >= x->stream->rolled_through)
            continue;
        rc = check_row(v, x->stream, &x->sum);
        x->rows++;
        v->checked.hours++;
    }
    return rc;
}

/* Beside the hours that were checked there are none, but for those whose
 * results are gone. */
static int check_no_more(struct verify *v, const struct sum_of *x, int64_t from_us)
{
    struct sqlite_rows *q = sqlite_query(
        v->db, "SELECT count(*), max(hour) FROM rollup WHERE stream = ?1 AND hour >= ?2",
        BIND(v_int(x->stream->num), v_int(from_us)), v->reterr);
    int rc = q ? sqlite_next(q, v->reterr) : -1;
    bool more = rc > 0 && sqlite_int(q, 0) != x->rows;
    int64_t last = rc > 0 ? sqlite_int(q, 1) : 0;
    sqlite_end(q);
    if (rc > 0 && more)
        return differs(v, x->stream, ROLLUP_HOUR, last,
                       "up to here there are hours without results");
    return rc < 0 ? -1 : 1;
}

static int check_hours(struct verify *v)
{
    int64_t since = v->probe->raw_since, from = since, slot;
    int rc = 1;
    while (rc > 0) {
        int found = scan_first_slot(v->scanner, v->probe->num, from, v->probe->rolled_max, &slot,
                                    v->reterr);
        if (found <= 0) {
            rc = found < 0 ? -1 : 1;
            break;
        }
        rc = check_hour(v, hour_floor(slot));
        from = hour_floor(slot) + USEC_PER_HOUR;
    }
    for (size_t i = 0; rc > 0 && i < v->n; i++)
        rc = check_no_more(v, &v->at[i], since);
    return rc;
}

/* ---- hours of events ----------------------------------------------------------- */

/* The sums of an SLI whose events are not results. */
static int check_event_hours(struct verify *v, struct sum_of *x)
{
    int64_t since = v->probe->raw_since, from = since, slot;
    int rc = 1;
    while (rc > 0) {
        int found = sqlite_lookup(
            v->db, "SELECT min(slot) FROM event WHERE stream = ?1 AND slot >= ?2 AND slot < ?3",
            BIND(v_int(x->stream->num), v_int(from), v_int(x->stream->rolled_through)), &slot,
            v->reterr);
        if (found <= 0) {
            rc = found < 0 ? -1 : 1;
            break;
        }
        int64_t hour = hour_floor(slot);
        from = hour + USEC_PER_HOUR;
        rc = rollup_sum_events(v->db, x->stream->num, &x->sum, hour, v->reterr);
        if (rc == 0)
            rc = check_row(v, x->stream, &x->sum);
        x->rows++;
        v->checked.hours++;
    }
    return rc > 0 ? check_no_more(v, x, since) : rc;
}

/* ---- days --------------------------------------------------------------------- */

/* The hours that are stored of the day that begins at `day_us`. */
static int sum_day(struct verify *v, struct sum_of *x, int64_t day_us)
{
    struct sqlite_rows *q = sqlite_query(
        v->db,
        "SELECT hour, " ROLLUP_COLUMNS " FROM rollup"
        " WHERE stream = ?1 AND hour >= ?2 AND hour < ?3",
        BIND(v_int(x->stream->num), v_int(day_us), v_int(day_us + USEC_PER_DAY)), v->reterr);
    int rc = q ? 0 : -1;
    rollup_sum_begin(&x->sum, x->stream->kind, ROLLUP_DAY, day_us);
    while (q && (rc = sqlite_next(q, v->reterr)) > 0) {
        if (rollup_sum_hour(&x->sum, q, v->reterr) == 0)
            continue;
        int64_t hour = sqlite_int(q, 0);
        sqlite_end(q);
        return differs(v, x->stream, ROLLUP_HOUR, hour, "it cannot be decoded");
    }
    return rc < 0 ? -1 : 1;
}

/* The first day from `from_us` on that has an hour or a sum: 1 found. */
static int next_day(struct verify *v, const struct stream *st, int64_t from_us, int64_t *ret)
{
    int64_t hour = INT64_MAX, day = INT64_MAX;
    if (sqlite_lookup(v->db,
                      "SELECT min(hour) FROM rollup WHERE stream = ?1 AND hour >= ?2"
                      " AND hour < ?3",
                      BIND(v_int(st->num), v_int(from_us), v_int(st->days_through)), &hour,
                      v->reterr) < 0 ||
        sqlite_lookup(v->db, "SELECT min(day) FROM rollup_day WHERE stream = ?1 AND day >= ?2",
                      BIND(v_int(st->num), v_int(from_us)), &day, v->reterr) < 0)
        return -1;
    if (hour != INT64_MAX && day_floor(hour) < day)
        day = day_floor(hour);
    *ret = day;
    return day != INT64_MAX;
}

static int check_days(struct verify *v, struct sum_of *x)
{
    int64_t day = 0;
    int rc;
    while ((rc = next_day(v, x->stream, day, &day)) > 0) {
        if (day >= x->stream->days_through)
            return differs(v, x->stream, ROLLUP_DAY, day, "it is not over yet");
        rc = sum_day(v, x, day);
        if (rc > 0)
            rc = check_row(v, x->stream, &x->sum);
        if (rc <= 0)
            return rc;
        v->checked.days++;
        day += USEC_PER_DAY;
    }
    return rc < 0 ? -1 : 1;
}

/* The streams whose events are results, or the others. */
static int check_some(struct verify *v, bool metric)
{
    int rc = 1;
    v->n = 0;
    for (size_t i = v->probe->first_stream; i != STREAM_NONE; i = v->c->streams.at[i].next)
        if (!v->c->streams.at[i].metric == !metric)
            v->at[v->n++] =
                (struct sum_of){.stream = &v->c->streams.at[i], .sum.sketch = SKETCH_INIT};
    if (!metric)
        rc = check_hours(v);
    for (size_t i = 0; metric && rc > 0 && i < v->n; i++)
        rc = check_event_hours(v, &v->at[i]);
    for (size_t i = 0; rc > 0 && i < v->n; i++)
        rc = check_days(v, &v->at[i]);
    for (size_t i = 0; i < v->n; i++)
        rollup_sum_release(&v->at[i].sum);
    return rc;
}

int rollup_verify(struct catalog *c, struct sqlite *db, struct scanner *scanner, int64_t probe,
                  struct rollup_checked *checked, struct err *reterr)
{
    struct verify v = {
        .c = c, .db = db, .scanner = scanner, .probe = catalog_at(c, probe), .reterr = reterr};
    size_t n = 0;
    for (size_t i = v.probe->first_stream; i != STREAM_NONE; i = c->streams.at[i].next)
        n++;
    if (n == 0)
        return 1;
    v.at = mem_array(n, sizeof(*v.at));
    int rc = check_some(&v, false);
    if (rc > 0)
        rc = check_some(&v, true);
    rollup_sum_release(&v.stored);
    free(v.at);
    checked->hours += v.checked.hours;
    checked->days += v.checked.days;
    return rc;
}
