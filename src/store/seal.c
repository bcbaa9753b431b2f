#include "store/seal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "io/sqlite.h"
#include "store/answers.h"
#include "store/chunk.h"
#include "store/internal.h"
#include "store/rows.h"

/* ---- chunks --------------------------------------------------------------- */

/* How many of rows[0, n) the next chunk takes: whole hours, unless one is too
 * much for a chunk. */
static size_t chunk_cut(const struct result *rows, size_t n)
{
    size_t cut = 0;
    for (size_t i = 1; i < n && i <= CHUNK_ROWS_MAX && cut < SEAL_ROWS; i++)
        if (hour_floor(rows[i].slot_us) != hour_floor(rows[i - 1].slot_us))
            cut = i;
    if (cut >= SEAL_ROWS || (cut > 0 && n > CHUNK_ROWS_MAX))
        return cut;
    return n < CHUNK_ROWS_MAX ? n : CHUNK_ROWS_MAX;
}

static int insert_chunk(struct store *s, int64_t probe, const struct result *rows, size_t n,
                        const struct str *data, struct err *reterr)
{
    int64_t bad = 0, through = rows[n - 1].slot_us + 1;
    for (size_t i = 0; i < n; i++)
        bad += rows[i].outcome == OUTCOME_BAD;
    if (sqlite_run(s->db,
                   "INSERT INTO chunk(probe, first, last, n, bad, data)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                   BIND(v_int(probe), v_int(rows[0].slot_us), v_int(rows[n - 1].slot_us),
                        v_int((int64_t)n), v_int(bad), v_blob(data->buf, data->len)),
                   reterr) < 0)
        return -1;
    if (through <= catalog_at(&s->catalog, probe)->sealed_through)
        return 0;
    return catalog_set_sealed(&s->catalog, s->db, probe, through, reterr);
}

int seal_append(struct store *s, int64_t probe, const struct result *rows, size_t n,
                struct err *reterr)
{
    struct str data;
    int rc = 0;
    str_init(&data, CHUNK_BYTES_MAX);
    for (size_t at = 0, cut; at < n && rc == 0; at += cut) {
        cut = chunk_cut(rows + at, n - at);
        str_clear(&data);
        rc = chunk_encode(rows + at, cut, &data, reterr);
        if (rc == 0)
            rc = insert_chunk(s, probe, rows + at, cut, &data, reterr);
    }
    str_release(&data);
    return rc;
}

/* ---- opening -------------------------------------------------------------- */

static int open_chunk(struct store *s, int64_t probe, const struct chunk_span *span,
                      struct err *reterr)
{
    struct scanner *sc = &s->scanner;
    if (scanner_load(sc, span, reterr) < 0 ||
        sqlite_run(s->db, "DELETE FROM chunk WHERE num = ?1", BIND(v_int(span->num)), reterr) < 0)
        return -1;
    for (size_t i = 0; i < sc->n; i++) {
        if (sqlite_run(s->db, RESULT_INSERT, RESULT_BIND(probe, &sc->rows[i]), reterr) < 0)
            return -1;
        if (sqlite_changes(s->db) == 0)
            return scanner_damaged(sc, span->num, "there is a row within its span", reterr);
        if (answers_insert(s->db, probe, &sc->rows[i], reterr) < 0)
            return -1;
    }
    return 0;
}

/* One of the chunks that reach into [from, to): 1 found, 0 none, -1 error. */
static int find_chunk(struct store *s, int64_t probe, int64_t from_us, int64_t to_us,
                      struct chunk_span *ret, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT " CHUNK_SPAN_COLUMNS " FROM chunk WHERE " CHUNK_SPAN_REACHES
                     " AND last >= ?2 ORDER BY first LIMIT 1",
                     BIND(v_int(probe), v_int(from_us), v_int(to_us)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0)
        chunk_span_read(q, ret);
    sqlite_end(q);
    return rc;
}

int seal_open(struct store *s, int64_t probe, int64_t from_us, int64_t to_us, struct err *reterr)
{
    struct catalog_probe *p = catalog_at(&s->catalog, probe);
    struct chunk_span span;
    int rc;
    if (from_us >= p->sealed_through)
        return 0;
    p->seal_after = 0; /* what comes there need not wait for more */
    while ((rc = find_chunk(s, probe, from_us, to_us, &span, reterr)) > 0)
        if (open_chunk(s, probe, &span, reterr) < 0)
            return -1;
    return rc;
}

/* ---- sealing -------------------------------------------------------------- */

/* Results before this may be sealed: a day old, and rolled up by each stream. */
static int64_t seal_limit(const struct store *s, const struct catalog_probe *p)
{
    int64_t newest = s->complete_through_us;
    if (!s->daemon && p->imported_through > newest)
        newest = p->imported_through;
    int64_t limit = hour_floor(newest - SEAL_AGE_US);
    int64_t rolled = catalog_rolled_min(&s->catalog, p->num);
    return rolled < limit ? rolled : limit;
}

/* What lies in front of the next chunk will never be more: it does not wait. */
struct stretch {
    int64_t from_us, to_us;
    bool closed;
};

static int find_stretch(struct store *s, const struct catalog_probe *p, int64_t limit_us,
                        struct stretch *ret, struct err *reterr)
{
    *ret = (struct stretch){.to_us = limit_us};
    int rc = sqlite_lookup(s->db,
                           "SELECT min(slot) FROM result WHERE probe = ?1 AND slot >= ?2"
                           " AND slot < ?3",
                           BIND(v_int(p->num), v_int(p->raw_since), v_int(limit_us)), &ret->from_us,
                           reterr);
    if (rc <= 0 || ret->from_us >= p->sealed_through)
        return rc;
    int64_t next;
    rc = sqlite_lookup(s->db,
                       "SELECT min(first) FROM chunk WHERE probe = ?1 AND first > ?2"
                       " AND first < ?3",
                       BIND(v_int(p->num), v_int(ret->from_us), v_int(limit_us)), &next, reterr);
    ret->closed = rc > 0;
    if (rc > 0)
        ret->to_us = next;
    return rc < 0 ? -1 : 1;
}

/* The first rows of the stretch, one more than a chunk can take. */
static int read_rows(struct store *s, int64_t probe, const struct stretch *st, struct result *ret,
                     size_t *ret_n, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        s->db,
        "SELECT " RESULT_COLUMNS " FROM result"
        " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot LIMIT ?4",
        BIND(v_int(probe), v_int(st->from_us), v_int(st->to_us), v_int(CHUNK_ROWS_MAX + 1)),
        reterr);
    size_t n = 0;
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        result_read(q, &ret[n++]);
    *ret_n = n;
    if (rc == 0 && n == 0) /* one was found a moment ago */
        return err_set(reterr, "the result table is damaged: `nines db check` tells more");
    return rc < 0 ? -1 : answers_fill(s->db, probe, ret, n, reterr);
}

static int count_rows(struct store *s, int64_t probe, const struct stretch *st, int64_t *ret,
                      struct err *reterr)
{
    return sqlite_lookup(s->db,
                         "SELECT count(*) FROM (SELECT 1 FROM result WHERE probe = ?1"
                         " AND slot >= ?2 AND slot < ?3 LIMIT ?4)",
                         BIND(v_int(probe), v_int(st->from_us), v_int(st->to_us), v_int(SEAL_ROWS)),
                         ret, reterr);
}

/* Are there rows enough, or old enough? If not, the probe is left alone until
 * there may be: at the pace of those that are there. */
static int is_due(struct store *s, struct catalog_probe *p, const struct stretch *st,
                  struct err *reterr)
{
    int64_t n, forced_us = st->from_us + SEAL_WAIT_US - SEAL_AGE_US;
    if (st->closed || forced_us <= st->to_us)
        return 1;
    if (count_rows(s, p->num, st, &n, reterr) < 0)
        return -1;
    if (n >= SEAL_ROWS)
        return 1;
    int64_t more_us = (st->to_us - st->from_us) / (n ? n : 1) * (SEAL_ROWS - n);
    p->seal_after = st->to_us + (more_us > USEC_PER_HOUR ? more_us : USEC_PER_HOUR);
    if (p->seal_after > forced_us)
        p->seal_after = forced_us;
    return 0;
}

static int drop_rows(struct store *s, int64_t probe, const struct result *rows, size_t n,
                     struct err *reterr)
{
    if (sqlite_run(s->db, "DELETE FROM result WHERE probe = ?1 AND slot >= ?2 AND slot <= ?3",
                   BIND(v_int(probe), v_int(rows[0].slot_us), v_int(rows[n - 1].slot_us)),
                   reterr) < 0)
        return -1;
    if (sqlite_changes(s->db) != (int64_t)n)
        return err_set(reterr, "the result table is damaged: `nines db check` tells more");
    return answers_delete(s->db, probe, rows[0].slot_us, rows[n - 1].slot_us + 1, reterr);
}

static int seal_rows(struct store *s, struct catalog_probe *p, const struct stretch *st,
                     struct result *rows, struct err *reterr)
{
    struct str data;
    size_t n;
    if (read_rows(s, p->num, st, rows, &n, reterr) < 0)
        return -1;
    n = chunk_cut(rows, n);
    str_init(&data, CHUNK_BYTES_MAX);
    int rc = 0;
    if (chunk_encode(rows, n, &data, NULL) < 0)
        p->seal_after = INT64_MAX; /* rows that nothing here has written: they stay */
    else if (insert_chunk(s, p->num, rows, n, &data, reterr) < 0 ||
             drop_rows(s, p->num, rows, n, reterr) < 0)
        rc = -1;
    str_release(&data);
    return rc;
}

struct slice {
    bool begun; /* a transaction */
    struct result *rows;
};

/* 1 sealed a chunk; 0 nothing to do; -1 error. */
static int seal_probe(struct store *s, struct catalog_probe *p, struct slice *sl,
                      struct err *reterr)
{
    struct stretch st;
    int64_t limit = seal_limit(s, p);
    if (limit < p->seal_after)
        return 0;
    int rc = find_stretch(s, p, limit, &st, reterr);
    if (rc == 0)
        p->seal_after = limit + USEC_PER_HOUR;
    if (rc > 0)
        rc = is_due(s, p, &st, reterr);
    if (rc <= 0)
        return rc;
    if (!sl->begun && sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    sl->begun = true;
    if (!sl->rows)
        sl->rows = mem_array(CHUNK_ROWS_MAX + 1, sizeof(*sl->rows));
    return seal_rows(s, p, &st, sl->rows, reterr) < 0 ? -1 : 1;
}

/* Probe by probe until all had nothing to do, or time is up: 1. */
static int seal_round(struct store *s, struct slice *sl, struct err *reterr)
{
    int64_t until_ns = clock_mono_ns() + SEAL_SLICE_US * NSEC_PER_USEC;
    size_t n = s->catalog.probes.len;
    for (size_t idle = 0; idle < n;) {
        if (clock_mono_ns() >= until_ns)
            return 1;
        s->seal_next = s->seal_next < n ? s->seal_next : 0;
        int rc = seal_probe(s, &s->catalog.probes.at[s->seal_next], sl, reterr);
        if (rc < 0)
            return -1;
        idle = rc > 0 ? 0 : idle + 1;
        s->seal_next += rc == 0;
    }
    return 0;
}

int seal_slice(struct store *s, struct err *reterr)
{
    struct slice sl = {0};
    int rc = seal_round(s, &sl, reterr);
    if (rc >= 0 && sl.begun && sqlite_run(s->db, "COMMIT", NULL, reterr) < 0)
        rc = -1;
    if (rc < 0) {
        sqlite_rollback(s->db);
        scanner_forget(&s->scanner);
        s->catalog_stale = true;
    }
    free(sl.rows);
    return rc;
}
