/* Samples of an import: rows of the table `sample`, beside those that are there. */
#include "io/sqlite.h"
#include "store/derived.h"
#include "store/import.h"
#include "store/internal.h"
#include "store/samples.h"

static int stored_value(struct sqlite *db, int64_t probe, int64_t slot_us, int64_t series,
                        double *ret, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db, "SELECT value FROM sample WHERE probe = ?1 AND slot = ?2 AND series = ?3",
                     BIND(v_int(probe), v_int(slot_us), v_int(series)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0)
        *ret = sqlite_double(q, 0);
    sqlite_end(q);
    return rc;
}

/* 1: it changed something; 0: not. */
static int store_sample(struct import *im, int64_t num, const struct import_row *row,
                        struct err *reterr)
{
    struct store *s = im->s;
    int64_t series = 0, slot = row->result.slot_us;
    double have = 0;
    if (*row->series && samples_series(s, num, row->series, &series, reterr) < 0)
        return -1;
    int rc = stored_value(s->db, num, slot, series, &have, reterr);
    if (rc < 0)
        return -1;
    /* A scrape is there or not: what it counts is not the line's to say. */
    if (!import_meet(im, rc > 0, series == 0 || have == row->value))
        return 0;
    if (sqlite_run(s->db,
                   "INSERT INTO sample(probe, slot, series, value) VALUES(?1, ?2, ?3, ?4)"
                   " ON CONFLICT DO UPDATE SET value = excluded.value",
                   BIND(v_int(num), v_int(slot), v_int(series), v_double(row->value)), reterr) < 0)
        return -1;
    return 1;
}

static int check_count(struct import *im, int64_t num, const struct import_row *row,
                       struct err *reterr)
{
    int64_t n;
    if (sqlite_lookup(im->s->db,
                      "SELECT value FROM sample WHERE probe = ?1 AND slot = ?2 AND series = 0",
                      BIND(v_int(num), v_int(row->result.slot_us)), &n, reterr) < 0)
        return -1;
    if (n <= SAMPLES_MAX)
        return 0;
    im->b->err_line = row->line;
    return err_set(reterr, "'%s' has more than %d series at one time", row->probe, SAMPLES_MAX);
}

/* Those of one slot: rows [*at, end) begin with it; *at moves behind it. */
static int store_slot(struct import *im, int64_t num, size_t *at, size_t end, bool *changed,
                      struct err *reterr)
{
    const struct import_row *first = import_row_at(im, *at), *row = first;
    *changed = false;
    for (; *at < end; ++*at) {
        row = import_row_at(im, *at);
        if (row->result.slot_us != first->result.slot_us)
            break;
        int rc = row->series ? store_sample(im, num, row, reterr) : 0;
        if (rc < 0)
            return -1;
        *changed |= rc > 0;
    }
    if (!*changed)
        return 0;
    if (samples_changed(im->s, num, first->result.slot_us, reterr) < 0)
        return -1;
    return check_count(im, num, first, reterr);
}

int import_samples(struct import *im, const struct import_rows *p, struct err *reterr)
{
    int64_t touched = INT64_MAX;
    for (size_t at = p->start; at < p->end;) {
        int64_t slot = import_row_at(im, at)->result.slot_us;
        bool changed;
        if (store_slot(im, p->num, &at, p->end, &changed, reterr) < 0)
            return -1;
        if (changed && slot < touched)
            touched = slot;
    }
    return touched == INT64_MAX ? 0 : derived_touch(im->s, p->num, touched, reterr);
}
