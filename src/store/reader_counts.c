/*
 * Counts of an SLI by steps. Below rolled_through an hour that lies within one
 * step is added as a whole, else its minutes are, and only a minute that a
 * step's border cuts is read row by row; from rolled_through on there are only
 * rows. The sums are those of the rows, always: where a minute with events is
 * cut whose rows are gone, there is none.
 */
#include "io/sqlite.h"
#include "store/packed.h"
#include "store/reader.h"
#include "store/rows.h"

#include <assert.h>

struct walk {
    struct store_reader *r;
    const struct sli_def *sli;
    struct rolled at;
    int64_t from_us, to_us, step_us;
    struct counts *out;
};

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct counts *step_of(const struct walk *w, int64_t t_us)
{
    return &w->out[(t_us - w->from_us) / w->step_us];
}

/* Does [start, start + length) lie within one step? */
static bool in_one_step(const struct walk *w, int64_t start_us, int64_t length_us)
{
    return start_us >= w->from_us && start_us + length_us <= w->to_us &&
           step_of(w, start_us) == step_of(w, start_us + length_us - 1);
}

static void add(struct counts *into, struct counts c)
{
    into->good += c.good;
    into->bad += c.bad;
    into->excluded += c.excluded;
}

static int walk_rows(struct walk *w, int64_t from_us, int64_t to_us, struct err *reterr)
{
    if (from_us >= to_us)
        return 0;
    struct sqlite_rows *q =
        sqlite_query(w->r->db,
                     "SELECT " EVENT_COLUMNS " FROM result"
                     " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                     BIND(v_int(w->at.probe), v_int(from_us), v_int(to_us)), reterr);
    struct result r = {0};
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        event_read(q, &r);
        enum outcome o = sli_classify(w->sli, &r);
        struct counts *c = step_of(w, r.slot_us);
        c->good += o == OUTCOME_GOOD;
        c->bad += o == OUTCOME_BAD;
        c->excluded += o == OUTCOME_EXCLUDED;
    }
    return rc;
}

static bool is_empty(const struct counts *c)
{
    return c->good == 0 && c->bad == 0 && c->excluded == 0;
}

/* The part of a rolled-up minute that lies within the span and that a step's
 * border cuts. */
static int walk_cut_minute(struct walk *w, int64_t from_us, int64_t to_us,
                           const struct counts *minute, struct err *reterr)
{
    if (is_empty(minute))
        return 0;
    if (from_us < w->at.raw_us)
        return reader_too_fine(&w->at, "minute", reterr);
    return walk_rows(w, from_us, to_us, reterr);
}

static int walk_minutes(struct walk *w, int64_t hour_us, const struct counts *minutes,
                        struct err *reterr)
{
    int64_t from = max64(hour_us, w->from_us), to = min64(hour_us + USEC_PER_HOUR, w->to_us);
    /* Every minute would be cut. */
    if (w->step_us < USEC_PER_MIN && hour_us >= w->at.raw_us)
        return walk_rows(w, from, to, reterr);
    for (int64_t i = (from - hour_us) / USEC_PER_MIN; i < PACKED_MINUTES; i++) {
        int64_t start = hour_us + i * USEC_PER_MIN;
        if (start >= to)
            break;
        if (in_one_step(w, start, USEC_PER_MIN))
            add(step_of(w, start), minutes[i]);
        else if (walk_cut_minute(w, max64(start, from), min64(start + USEC_PER_MIN, to),
                                 &minutes[i], reterr) < 0)
            return -1;
    }
    return 0;
}

static int walk_hour(struct walk *w, struct sqlite_rows *q, struct err *reterr)
{
    int64_t hour = sqlite_int(q, 0);
    if (in_one_step(w, hour, USEC_PER_HOUR)) {
        add(step_of(w, hour),
            (struct counts){sqlite_int(q, 1), sqlite_int(q, 2), sqlite_int(q, 3)});
        return 0;
    }
    struct counts minutes[PACKED_MINUTES];
    size_t n;
    const void *packed = sqlite_blob(q, 4, &n);
    if (packed_get_minutes(packed, n, minutes, reterr) < 0)
        return -1;
    return walk_minutes(w, hour, minutes, reterr);
}

static int walk_rollups(struct walk *w, struct err *reterr)
{
    int64_t to = min64(w->to_us, w->at.through_us);
    if (w->from_us >= to)
        return 0;
    struct sqlite_rows *q =
        sqlite_query(w->r->db,
                     "SELECT hour, good, bad, excluded, packed FROM rollup"
                     " WHERE stream = ?1 AND hour >= ?2 AND hour < ?3",
                     BIND(v_int(w->at.stream), v_int(hour_floor(w->from_us)), v_int(to)), reterr);
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        if (walk_hour(w, q, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    }
    return rc;
}

static int walk(struct walk *w, struct err *reterr)
{
    int rc = reader_rolled(w->r, w->sli->probe, w->sli, &w->at, reterr);
    if (rc <= 0)
        return rc;
    if (walk_rollups(w, reterr) < 0)
        return -1;
    return walk_rows(w, max64(w->from_us, w->at.through_us), w->to_us, reterr);
}

int store_reader_series(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t step_us, size_t n, struct counts *ret, struct err *reterr)
{
    assert(step_us > 0);
    memset(ret, 0, n * sizeof(*ret));
    if (n == 0)
        return 0;
    struct walk w = {.r = r, .sli = sli, .from_us = from_us, .step_us = step_us, .out = ret};
    w.to_us = from_us + step_us * (int64_t)n;
    if (reader_begin(r, reterr) < 0)
        return -1;
    return reader_end(r, walk(&w, reterr));
}

int store_reader_counts(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t to_us, struct counts *ret, struct err *reterr)
{
    struct counts c = {0};
    if (to_us > from_us && store_reader_series(r, sli, from_us, to_us - from_us, 1, &c, reterr) < 0)
        return -1;
    *ret = c;
    return 0;
}
