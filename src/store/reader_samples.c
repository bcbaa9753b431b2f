/* Samples, and the events of metric SLIs. */
#include "base/arena.h"
#include "base/mem.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/derivation.h"
#include "store/events.h"
#include "store/reader.h"
#include "store/samples.h"

#define PAGE 4096 /* events or samples of one snapshot, and what has the slot of the last */

/* ---- events ------------------------------------------------------------------- */

struct event_row {
    int64_t slot_us, done_us;
    struct counts counts;
};

struct event_page {
    VEC(struct event_row) rows;
    bool full;
};

/* What has one slot stays together. */
static bool keep_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct event_page *p = ctx;
    p->full = p->rows.len >= PAGE && p->rows.at[p->rows.len - 1].slot_us != slot_us;
    if (!p->full)
        vec_push(&p->rows, ((struct event_row){slot_us, done_us, c}));
    return !p->full;
}

static int read_events(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                       int64_t to_us, struct event_page *page, struct err *reterr)
{
    struct rolled at;
    vec_clear(&page->rows);
    page->full = false;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_rolled(r, sli->probe, sli, &at, reterr);
    if (rc > 0)
        rc = events_visit(r, &at, from_us, to_us, keep_event, page, reterr);
    return reader_end(r, rc) < 0 ? -1 : 0;
}

int store_reader_events(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t to_us, store_event_fn fn, void *ctx, struct err *reterr)
{
    struct event_page page = {.full = true};
    int rc = 0;
    while (rc == 0 && page.full) {
        rc = read_events(r, sli, from_us, to_us, &page, reterr);
        for (size_t i = 0; rc == 0 && i < page.rows.len; i++) {
            const struct event_row *e = &page.rows.at[i];
            from_us = e->slot_us + 1;
            if (!fn(ctx, e->slot_us, e->done_us, e->counts)) {
                page.full = false;
                break;
            }
        }
    }
    vec_release(&page.rows);
    return rc;
}

static bool stop_at_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    (void)done_us;
    if (derivation_is_event(c))
        *(int64_t *)ctx = slot_us;
    return !derivation_is_event(c);
}

static int find_first(struct store_reader *r, const struct sli_def *sli, int64_t *ret,
                      struct err *reterr)
{
    struct rolled at;
    int rc = reader_rolled(r, sli->probe, sli, &at, reterr);
    if (rc <= 0)
        return rc;
    if (!sli->metric)
        return sqlite_lookup(r->db, "SELECT first_event FROM probe WHERE num = ?1",
                             BIND(v_int(at.probe)), ret, reterr);
    *ret = at.first_us;
    if (at.first_us != INT64_MAX || (at.stream && at.derived_us >= DERIVED_ALL))
        return 0;
    return events_visit(r, &at, at.raw_us, INT64_MAX, stop_at_event, ret, reterr);
}

int store_reader_first_event(struct store_reader *r, const struct sli_def *sli, int64_t *ret,
                             struct err *reterr)
{
    int64_t first = INT64_MAX;
    if (reader_begin(r, reterr) < 0)
        return -1;
    if (reader_end(r, find_first(r, sli, &first, reterr)) < 0)
        return -1;
    *ret = first;
    return 0;
}

/* ---- samples ------------------------------------------------------------------ */

int store_reader_last_samples(struct store_reader *r, const char *probe, int64_t before_us,
                              store_sample_fn fn, void *ctx, struct err *reterr)
{
    int64_t num, raw_since_us;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_probe(r, probe, &num, &raw_since_us, reterr);
    if (rc > 0)
        rc = samples_before(r->db, num, before_us, fn, ctx, reterr);
    return reader_end(r, rc);
}

struct sample_row {
    const char *series;
    int64_t slot_us;
    double value;
};

struct sample_page {
    VEC(struct sample_row) rows;
    struct arena arena;
    bool full;
};

/* The row of a scrape without any sample is told, that of another is not. */
static bool keep_sample(struct sample_page *p, struct sqlite_rows *q)
{
    int64_t slot = sqlite_int(q, 0);
    bool scrape = sqlite_null(q, 1);
    if (scrape && sqlite_double(q, 2) > 0)
        return true;
    p->full = p->rows.len >= PAGE && p->rows.at[p->rows.len - 1].slot_us != slot;
    if (p->full)
        return false;
    struct sample_row row = {
        .series = scrape ? NULL : arena_strdup(&p->arena, sqlite_text(q, 1)),
        .slot_us = slot,
        .value = sqlite_double(q, 2),
    };
    vec_push(&p->rows, row);
    return true;
}

static int read_samples(struct store_reader *r, int64_t num, int64_t from_us, int64_t to_us,
                        struct sample_page *page, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT slot, text, value FROM sample LEFT JOIN series ON num = series"
                     " WHERE sample.probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot, text",
                     BIND(v_int(num), v_int(from_us), v_int(to_us)), reterr);
    int rc = q ? 1 : -1;
    while (rc > 0 && (rc = sqlite_next(q, reterr)) > 0) {
        if (keep_sample(page, q))
            continue;
        sqlite_end(q);
        return 0;
    }
    return rc;
}

static int read_sample_page(struct store_reader *r, const char *probe, int64_t from_us,
                            int64_t to_us, struct sample_page *page, struct err *reterr)
{
    int64_t num, raw_since_us;
    vec_clear(&page->rows);
    arena_reset(&page->arena);
    page->full = false;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_probe(r, probe, &num, &raw_since_us, reterr);
    if (rc > 0)
        rc = read_samples(r, num, from_us > raw_since_us ? from_us : raw_since_us, to_us, page,
                          reterr);
    return reader_end(r, rc);
}

int store_reader_samples(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         store_sample_fn fn, void *ctx, struct err *reterr)
{
    struct sample_page page = {.full = true};
    int rc = 0;
    while (rc == 0 && page.full) {
        rc = read_sample_page(r, probe, from_us, to_us, &page, reterr);
        for (size_t i = 0; rc == 0 && i < page.rows.len; i++) {
            const struct sample_row *x = &page.rows.at[i];
            from_us = x->slot_us + 1;
            fn(ctx, x->series, x->slot_us, x->value);
        }
    }
    vec_release(&page.rows);
    arena_release(&page.arena);
    return rc;
}
