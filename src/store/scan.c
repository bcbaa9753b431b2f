#include "store/scan.h"

#include "base/mem.h"
#include "store/answers.h"
#include "store/chunk.h"
#include "store/rows.h"

#include <inttypes.h>

struct scan {
    struct scanner *s;
    int64_t from_us, to_us;
    enum scan_columns columns;

    struct sqlite_rows *rows;
    bool rows_live; /* the query has not ended */
    bool has_row;   /* `row` is read and not yet given */
    struct result row;
    struct answers answers; /* of the rows */

    struct sqlite_rows *chunks;
    bool chunks_live;
    bool has_chunk; /* `span` is read and not yet used up */
    bool loaded;    /* and its results are in the scanner: the next is s->rows[at] */
    struct chunk_span span;
    size_t at;
};

void scanner_init(struct scanner *s, struct sqlite *db, const char *path)
{
    *s = (struct scanner){.db = db, .path = path};
}

void scanner_release(struct scanner *s)
{
    free(s->scan);
    for (size_t i = 0; i < SCANNER_KEEPS; i++)
        free(s->kept[i].rows);
    *s = (struct scanner){0};
}

void scanner_forget(struct scanner *s)
{
    for (size_t i = 0; i < SCANNER_KEEPS; i++)
        s->kept[i].chunk = 0;
}

/* ---- chunks --------------------------------------------------------------- */

void chunk_span_read(struct sqlite_rows *q, struct chunk_span *ret)
{
    *ret =
        (struct chunk_span){sqlite_int(q, 0), sqlite_int(q, 1), sqlite_int(q, 2), sqlite_int(q, 3)};
}

int scanner_damaged(const struct scanner *s, int64_t chunk, const char *what, struct err *reterr)
{
    if (!s->path)
        return err_set(reterr, "chunk %" PRId64 ": %s", chunk, what);
    return err_set(reterr,
                   "%s: chunk %" PRId64 ": %s; `nines db check` names all damage,"
                   " restore a backup",
                   s->path, chunk, what);
}

static int decode(struct scanner *s, struct scanner_kept *k, struct sqlite_rows *q,
                  const struct chunk_span *span, struct err *reterr)
{
    size_t len;
    const void *data = sqlite_blob(q, 0, &len);
    struct err err;
    if (chunk_decode(data, len, k->rows, &k->n, &err) < 0)
        return scanner_damaged(s, span->num, err.msg, reterr);
    if ((int64_t)k->n != span->n || k->rows[0].slot_us != span->first_us ||
        k->rows[k->n - 1].slot_us != span->last_us)
        return scanner_damaged(s, span->num, "its results are not those of its span", reterr);
    return 0;
}

static int read_chunk(struct scanner *s, struct scanner_kept *k, const struct chunk_span *span,
                      struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(s->db, "SELECT data FROM chunk WHERE num = ?1",
                                         BIND(v_int(span->num)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc == 0)
        rc = scanner_damaged(s, span->num, "it is gone", reterr);
    else if (rc > 0)
        rc = decode(s, k, q, span, reterr);
    sqlite_end(q);
    return rc;
}

/* The chunk in kept[0], if it is kept; else the one least lately used is there. */
static struct scanner_kept *bring_forward(struct scanner *s, int64_t chunk)
{
    size_t at = 0;
    while (at + 1 < SCANNER_KEEPS && s->kept[at].chunk != chunk)
        at++;
    struct scanner_kept k = s->kept[at];
    memmove(&s->kept[1], &s->kept[0], at * sizeof(*s->kept));
    s->kept[0] = k;
    return &s->kept[0];
}

int scanner_load(struct scanner *s, const struct chunk_span *span, struct err *reterr)
{
    struct scanner_kept *k = bring_forward(s, span->num);
    if (k->chunk != span->num) {
        k->chunk = 0;
        if (!k->rows)
            k->rows = mem_array(CHUNK_ROWS_MAX, sizeof(*k->rows));
        if (read_chunk(s, k, span, reterr) < 0)
            return -1;
        k->chunk = span->num;
    }
    s->rows = k->rows;
    s->n = k->n;
    return 0;
}

size_t scanner_seek(const struct scanner *s, int64_t slot_us)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (s->rows[mid].slot_us < slot_us)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* ---- a scan --------------------------------------------------------------- */

static struct sqlite_rows *query_rows(struct sqlite *db, enum scan_columns columns,
                                      const struct sqlite_bound *args, struct err *reterr)
{
    if (columns == SCAN_EVENTS)
        return sqlite_query(db,
                            "SELECT " EVENT_COLUMNS " FROM result"
                            " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot",
                            args, reterr);
    return sqlite_query(db,
                        "SELECT " RESULT_COLUMNS " FROM result"
                        " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot",
                        args, reterr);
}

struct scan *scan_begin(struct scanner *s, int64_t probe, int64_t from_us, int64_t to_us,
                        enum scan_columns columns, struct err *reterr)
{
    if (!s->scan)
        s->scan = mem_alloc(sizeof(*s->scan));
    struct scan *sc = s->scan;
    const struct sqlite_bound args[] = {v_int(probe), v_int(from_us), v_int(to_us), {0}};
    *sc = (struct scan){.s = s, .from_us = from_us, .to_us = to_us, .columns = columns};
    int answers = answers_begin(&sc->answers, s->db, probe, from_us, to_us, reterr);
    if (answers < 0)
        return NULL;
    if (answers > 0) /* its flags say which rows have one */
        sc->columns = SCAN_ALL;
    sc->rows = query_rows(s->db, sc->columns, args, reterr);
    sc->rows_live = sc->rows != NULL;
    if (!sc->rows_live) {
        scan_end(sc);
        return NULL;
    }
    sc->chunks = sqlite_query(s->db,
                              "SELECT " CHUNK_SPAN_COLUMNS " FROM chunk"
                              " WHERE " CHUNK_SPAN_REACHES " ORDER BY first",
                              args, reterr);
    sc->chunks_live = sc->chunks != NULL;
    if (!sc->chunks_live) {
        scan_end(sc);
        return NULL;
    }
    return sc;
}

void scan_end(struct scan *sc)
{
    if (!sc)
        return;
    if (sc->rows_live)
        sqlite_end(sc->rows);
    if (sc->chunks_live)
        sqlite_end(sc->chunks);
    answers_end(&sc->answers);
    sc->rows_live = sc->chunks_live = false;
}

static int fetch_row(struct scan *sc, struct err *reterr)
{
    int rc = sqlite_next(sc->rows, reterr);
    sc->rows_live = sc->has_row = rc > 0;
    if (rc <= 0)
        return rc;
    if (sc->columns == SCAN_EVENTS) {
        event_read(sc->rows, &sc->row);
        return rc;
    }
    result_read(sc->rows, &sc->row);
    return answers_take(&sc->answers, &sc->row, reterr) < 0 ? -1 : rc;
}

static int fetch_chunk(struct scan *sc, struct err *reterr)
{
    do {
        int rc = sqlite_next(sc->chunks, reterr);
        sc->chunks_live = sc->has_chunk = rc > 0;
        if (rc <= 0)
            return rc;
        chunk_span_read(sc->chunks, &sc->span);
    } while (sc->span.last_us < sc->from_us);
    sc->loaded = false;
    return 1;
}

/* The chunk's next result; 0: it is used up. */
static int take_sealed(struct scan *sc, const struct result **ret, struct err *reterr)
{
    if (!sc->loaded) {
        if (scanner_load(sc->s, &sc->span, reterr) < 0)
            return -1;
        sc->loaded = true;
        sc->at = scanner_seek(sc->s, sc->from_us);
    }
    sc->has_chunk = sc->at < sc->s->n && sc->s->rows[sc->at].slot_us < sc->to_us;
    if (sc->has_chunk)
        *ret = &sc->s->rows[sc->at++];
    return sc->has_chunk;
}

static int step(struct scan *sc, const struct result **ret, struct err *reterr)
{
    for (;;) {
        if (sc->has_chunk && sc->loaded) { /* no plain row lies within its span */
            int rc = take_sealed(sc, ret, reterr);
            if (rc != 0)
                return rc;
        }
        if (!sc->has_chunk && sc->chunks_live && fetch_chunk(sc, reterr) < 0)
            return -1;
        if (!sc->has_row && sc->rows_live && fetch_row(sc, reterr) < 0)
            return -1;
        if (sc->has_row && !(sc->has_chunk && sc->span.first_us < sc->row.slot_us)) {
            sc->has_row = false;
            *ret = &sc->row;
            return 1;
        }
        if (!sc->has_chunk)
            return 0;
        int rc = take_sealed(sc, ret, reterr);
        if (rc != 0)
            return rc;
    }
}

int scan_next(struct scan *sc, const struct result **ret, struct err *reterr)
{
    int rc = step(sc, ret, reterr);
    if (rc <= 0)
        scan_end(sc);
    return rc;
}

/* ---- single slots --------------------------------------------------------- */

/* Of the chunks alone, in [from, to). */
static int first_sealed(struct scanner *s, int64_t probe, int64_t from_us, int64_t to_us,
                        int64_t *ret_slot, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(s->db,
                     "SELECT " CHUNK_SPAN_COLUMNS " FROM chunk WHERE " CHUNK_SPAN_REACHES
                     " ORDER BY first LIMIT 2",
                     BIND(v_int(probe), v_int(from_us), v_int(to_us)), reterr);
    struct chunk_span span = {.last_us = INT64_MIN};
    int rc = q ? 1 : -1;
    while (rc > 0 && span.last_us < from_us) {
        rc = sqlite_next(q, reterr);
        if (rc > 0)
            chunk_span_read(q, &span);
    }
    if (rc > 0)
        sqlite_end(q);
    if (rc <= 0)
        return rc;
    *ret_slot = span.first_us;
    if (span.first_us < from_us) {
        if (scanner_load(s, &span, reterr) < 0)
            return -1;
        *ret_slot = s->rows[scanner_seek(s, from_us)].slot_us; /* the last is not before it */
    }
    return *ret_slot < to_us;
}

int scan_first_slot(struct scanner *s, int64_t probe, int64_t from_us, int64_t to_us,
                    int64_t *ret_slot, struct err *reterr)
{
    int64_t plain = INT64_MAX, sealed = INT64_MAX;
    int rows = sqlite_lookup(s->db,
                             "SELECT min(slot) FROM result"
                             " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3",
                             BIND(v_int(probe), v_int(from_us), v_int(to_us)), &plain, reterr);
    if (rows < 0)
        return -1;
    int chunks = first_sealed(s, probe, from_us, to_us, &sealed, reterr);
    if (chunks < 0)
        return -1;
    if (rows > 0 || chunks > 0)
        *ret_slot = chunks > 0 && !(rows > 0 && plain < sealed) ? sealed : plain;
    return rows > 0 || chunks > 0;
}

int scan_last_slot(struct scanner *s, int64_t probe, int64_t *ret_slot, struct err *reterr)
{
    int64_t plain, sealed;
    int rows = sqlite_lookup(s->db, "SELECT max(slot) FROM result WHERE probe = ?1",
                             BIND(v_int(probe)), &plain, reterr);
    if (rows < 0)
        return -1;
    int chunks =
        sqlite_lookup(s->db, "SELECT last FROM chunk WHERE probe = ?1 ORDER BY first DESC LIMIT 1",
                      BIND(v_int(probe)), &sealed, reterr);
    if (chunks < 0)
        return -1;
    if (rows > 0 || chunks > 0)
        *ret_slot = chunks > 0 && !(rows > 0 && plain > sealed) ? sealed : plain;
    return rows > 0 || chunks > 0;
}

int scan_first_event(struct scanner *s, int64_t probe, int64_t *ret_slot, struct err *reterr)
{
    const struct result *r;
    struct scan *sc = scan_begin(s, probe, INT64_MIN, INT64_MAX, SCAN_EVENTS, reterr);
    int rc = sc ? 1 : -1;
    while (rc > 0 && (rc = scan_next(sc, &r, reterr)) > 0) {
        if (r->outcome != OUTCOME_GOOD && r->outcome != OUTCOME_BAD)
            continue;
        *ret_slot = r->slot_us;
        scan_end(sc);
        break;
    }
    return rc;
}
