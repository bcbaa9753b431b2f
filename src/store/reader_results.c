/* Results one by one, rows and chunks alike. */
#include "base/mem.h"
#include "base/str.h"
#include "io/sqlite.h"
#include "store/answers.h"
#include "store/reader.h"
#include "store/rows.h"

#define PAGE_ROWS 1024 /* a page is smaller than what the allocator returns to the system */

/* The next page of results from *from_us on; moves it behind them. */
static int read_page(struct store_reader *r, const char *probe, int64_t *from_us, int64_t to_us,
                     struct result *page, size_t *ret_n, struct err *reterr)
{
    int64_t num, raw_since_us;
    int rc = reader_probe(r, probe, &num, &raw_since_us, reterr);
    size_t n = 0;
    *ret_n = 0;
    if (rc <= 0)
        return rc;
    if (*from_us < raw_since_us)
        *from_us = raw_since_us;
    const struct result *row;
    struct scan *sc = scan_begin(&r->scanner, num, *from_us, to_us, SCAN_ALL, reterr);
    rc = sc ? 1 : -1;
    while (rc > 0 && n < PAGE_ROWS && (rc = scan_next(sc, &row, reterr)) > 0)
        page[n++] = *row;
    if (rc < 0)
        return -1;
    if (rc > 0)
        scan_end(sc);
    if (n)
        *from_us = page[n - 1].slot_us + 1;
    *ret_n = n;
    return 0;
}

int store_reader_results(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         store_result_fn fn, void *ctx, struct err *reterr)
{
    struct result *page = mem_array(PAGE_ROWS, sizeof(*page));
    size_t n = PAGE_ROWS;
    int rc = 0;
    while (rc == 0 && n == PAGE_ROWS && from_us < to_us) {
        rc = reader_begin(r, reterr);
        if (rc == 0)
            rc = reader_end(r, read_page(r, probe, &from_us, to_us, page, &n, reterr));
        for (size_t i = 0; rc == 0 && i < n; i++) {
            if (!fn(ctx, &page[i])) {
                n = 0;
                break;
            }
        }
    }
    free(page);
    return rc;
}

/* ---- failures ---------------------------------------------------------------- */

/* What is found, the newest first. */
struct found {
    struct store_reader *r;
    int64_t num, from_us, to_us;
    struct failure *at;
    size_t n, max;
};

static int read_message(struct found *f, const struct result *row, struct err *reterr)
{
    struct failure *into = &f->at[f->n];
    struct sqlite_rows *q =
        sqlite_query(f->r->db, "SELECT message FROM evidence WHERE probe = ?1 AND slot = ?2",
                     BIND(v_int(f->num), v_int(row->slot_us)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    *into = (struct failure){.result = *row};
    if (rc > 0)
        str_copy(into->message, sizeof(into->message), sqlite_text(q, 0));
    sqlite_end(q);
    f->n += rc >= 0;
    return rc < 0 ? -1 : 0;
}

/* Of the plain rows, down to the slot `from_us`. */
static int read_plain(struct found *f, int64_t from_us, int64_t to_us, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        f->r->db,
        "SELECT " RESULT_COLUMNS " FROM result INDEXED BY result_bad WHERE probe = ?1"
        " AND slot >= ?2 AND slot < ?3 AND outcome = 1"
        " ORDER BY slot DESC LIMIT ?4",
        BIND(v_int(f->num), v_int(from_us), v_int(to_us), v_int((int64_t)(f->max - f->n))), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct result row;
        result_read(q, &row);
        if (answers_fill(f->r->db, f->num, &row, 1, reterr) < 0 ||
            read_message(f, &row, reterr) < 0) {
            sqlite_end(q);
            return -1;
        }
    }
    return rc;
}

static int read_sealed(struct found *f, const struct chunk_span *span, struct err *reterr)
{
    struct scanner *sc = &f->r->scanner;
    if (scanner_load(sc, span, reterr) < 0)
        return -1;
    for (size_t i = scanner_seek(sc, f->to_us); i > 0 && f->n < f->max; i--) {
        const struct result *row = &sc->rows[i - 1];
        if (row->slot_us < f->from_us)
            break;
        if (row->outcome == OUTCOME_BAD && read_message(f, row, reterr) < 0)
            return -1;
    }
    return 0;
}

/* Chunks from the newest on, before each the rows that are newer. */
static int read_failures(struct found *f, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(f->r->db,
                     "SELECT " CHUNK_SPAN_COLUMNS " FROM chunk WHERE " CHUNK_SPAN_REACHES
                     " AND last >= ?2 AND bad > 0 ORDER BY first DESC",
                     BIND(v_int(f->num), v_int(f->from_us), v_int(f->to_us)), reterr);
    int64_t to_us = f->to_us;
    int rc = q ? 1 : -1;
    while (rc > 0 && f->n < f->max && (rc = sqlite_next(q, reterr)) > 0) {
        struct chunk_span span;
        chunk_span_read(q, &span);
        if (read_plain(f, span.last_us > f->from_us ? span.last_us : f->from_us, to_us, reterr) <
                0 ||
            read_sealed(f, &span, reterr) < 0)
            rc = -1;
        to_us = span.first_us;
    }
    sqlite_end(q);
    if (rc < 0 || f->n == f->max || to_us <= f->from_us)
        return rc < 0 ? -1 : 0;
    return read_plain(f, f->from_us, to_us, reterr);
}

int store_reader_failures(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                          struct failure *ret, size_t max, size_t *ret_n, struct err *reterr)
{
    int64_t raw_since_us;
    struct found f = {.r = r, .to_us = to_us, .at = ret, .max = max};
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_probe(r, probe, &f.num, &raw_since_us, reterr);
    f.from_us = from_us > raw_since_us ? from_us : raw_since_us;
    if (rc > 0)
        rc = read_failures(&f, reterr);
    if (rc == 0)
        *ret_n = f.n;
    return reader_end(r, rc);
}

int store_reader_message(struct store_reader *r, const char *probe, int64_t slot_us, char **ret,
                         struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        r->db, "SELECT message FROM evidence JOIN probe ON num = probe WHERE id = ?1 AND slot = ?2",
        BIND(v_text(probe), v_int(slot_us)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc >= 0)
        *ret = mem_strdup(rc > 0 ? sqlite_text(q, 0) : "");
    sqlite_end(q);
    return rc < 0 ? -1 : 0;
}
