#include "store/samples.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/internal.h"

#include <stdlib.h>

struct feed_series {
    int64_t num;
    char *text;
};

struct feed {
    VEC(struct feed_series *) series;
    struct table by_text;
    int64_t scrape_us;   /* the last scrape; INT64_MIN: not known */
    VEC(int64_t) there;  /* its series, rising */
    VEC(int64_t) nums;   /* of the scrape that comes, in the order of its samples */
    VEC(int64_t) arrive; /* ... and as `there` */
};

void feed_free(struct feed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->series.len; i++) {
        free(f->series.at[i]->text);
        free(f->series.at[i]);
    }
    vec_release(&f->series);
    table_release(&f->by_text);
    vec_release(&f->there);
    vec_release(&f->nums);
    vec_release(&f->arrive);
    free(f);
}

/* ---- series ------------------------------------------------------------------- */

static struct feed_series *add_known(struct feed *f, int64_t num, const char *text)
{
    struct feed_series *x = mem_alloc(sizeof(*x));
    *x = (struct feed_series){num, mem_strdup(text)};
    vec_push(&f->series, x);
    table_set(&f->by_text, x->text, x);
    return x;
}

static int load_feed(struct feed *f, struct sqlite *db, int64_t probe, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        db, "SELECT num, text FROM series INDEXED BY sqlite_autoindex_series_1 WHERE probe = ?1",
        BIND(v_int(probe)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0)
        add_known(f, sqlite_int(q, 0), sqlite_text(q, 1));
    return rc;
}

static struct feed *get_feed(struct store *s, int64_t probe, struct err *reterr)
{
    struct catalog_probe *p = catalog_at(&s->catalog, probe);
    if (p->feed)
        return p->feed;
    struct feed *f = mem_alloc(sizeof(*f));
    f->scrape_us = INT64_MIN;
    if (load_feed(f, s->db, probe, reterr) < 0) {
        feed_free(f);
        return NULL;
    }
    p->feed = f;
    return f;
}

static int find_series(struct store *s, struct feed *f, int64_t probe, const char *text,
                       int64_t *ret_num, struct err *reterr)
{
    struct feed_series *x = table_get(&f->by_text, text);
    if (!x) {
        if (sqlite_run(s->db, "INSERT INTO series(probe, text) VALUES(?1, ?2)",
                       BIND(v_int(probe), v_text(text)), reterr) < 0)
            return -1;
        x = add_known(f, sqlite_last_id(s->db), text);
    }
    *ret_num = x->num;
    return 0;
}

int samples_series(struct store *s, int64_t probe, const char *text, int64_t *ret_num,
                   struct err *reterr)
{
    struct feed *f = get_feed(s, probe, reterr);
    return f ? find_series(s, f, probe, text, ret_num, reterr) : -1;
}

/* ---- what is gone ------------------------------------------------------------- */

/* Marks the series of the scrape at `slot_us` by whether the one at `next_us`
 * has them. */
static int mark_between(struct sqlite *db, int64_t probe, int64_t slot_us, int64_t next_us,
                        struct err *reterr)
{
    return sqlite_run(db,
                      "UPDATE sample SET gone = 1 - gone"
                      " WHERE probe = ?1 AND slot = ?2 AND series > 0 AND gone ="
                      " EXISTS(SELECT 1 FROM sample AS n WHERE n.probe = ?1 AND n.slot = ?3"
                      " AND n.series = sample.series)",
                      BIND(v_int(probe), v_int(slot_us), v_int(next_us)), reterr);
}

static int mark_last(struct sqlite *db, int64_t probe, int64_t slot_us, struct err *reterr)
{
    return sqlite_run(db, "UPDATE sample SET gone = 0 WHERE probe = ?1 AND slot = ?2 AND gone = 1",
                      BIND(v_int(probe), v_int(slot_us)), reterr);
}

/* Both sides of the scrape at `slot_us`. */
static int mark_around(struct sqlite *db, int64_t probe, int64_t slot_us, struct err *reterr)
{
    int64_t before, after;
    int rc = samples_last_scrape(db, probe, slot_us, &before, reterr);
    if (rc > 0)
        rc = mark_between(db, probe, before, slot_us, reterr);
    if (rc >= 0)
        rc = sqlite_lookup(db, "SELECT min(slot) FROM sample WHERE probe = ?1 AND slot > ?2",
                           BIND(v_int(probe), v_int(slot_us)), &after, reterr);
    if (rc < 0)
        return -1;
    return rc > 0 ? mark_between(db, probe, slot_us, after, reterr)
                  : mark_last(db, probe, slot_us, reterr);
}

int samples_changed(struct store *s, int64_t probe, int64_t slot_us, struct err *reterr)
{
    struct feed *f = get_feed(s, probe, reterr);
    if (!f)
        return -1;
    f->scrape_us = INT64_MIN;
    if (sqlite_run(s->db,
                   "INSERT INTO sample(probe, slot, series, value)"
                   " VALUES(?1, ?2, 0, (SELECT count(*) FROM sample"
                   "  WHERE probe = ?1 AND slot = ?2 AND series > 0))"
                   " ON CONFLICT DO UPDATE SET value = excluded.value",
                   BIND(v_int(probe), v_int(slot_us)), reterr) < 0)
        return -1;
    return mark_around(s->db, probe, slot_us, reterr);
}

/* ---- a scrape ----------------------------------------------------------------- */

static int by_num(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int number_all(struct store *s, struct feed *f, int64_t probe, const struct sample *at,
                      size_t n, struct err *reterr)
{
    bool rising = true;
    vec_clear(&f->nums);
    vec_clear(&f->arrive);
    for (size_t i = 0; i < n; i++) {
        int64_t num;
        if (find_series(s, f, probe, at[i].series, &num, reterr) < 0)
            return -1;
        vec_push(&f->nums, num);
        rising &= f->arrive.len == 0 || f->arrive.at[f->arrive.len - 1] < num;
        vec_push(&f->arrive, num);
    }
    if (!rising)
        qsort(f->arrive.at, f->arrive.len, sizeof(*f->arrive.at), by_num);
    return 0;
}

static int insert_one(struct store *s, int64_t probe, int64_t slot_us, int64_t series, double value,
                      struct err *reterr)
{
    return sqlite_run(s->db,
                      "INSERT INTO sample(probe, slot, series, value) VALUES(?1, ?2, ?3, ?4)"
                      " ON CONFLICT DO NOTHING",
                      BIND(v_int(probe), v_int(slot_us), v_int(series), v_double(value)), reterr);
}

/* The scrape before this one is the last that was fed: what of it is missing
 * now? Mostly nothing, and then nothing is written. */
static int mark_missing(struct store *s, struct feed *f, int64_t probe, struct err *reterr)
{
    for (size_t i = 0, j = 0; i < f->there.len; i++) {
        while (j < f->arrive.len && f->arrive.at[j] < f->there.at[i])
            j++;
        if (j < f->arrive.len && f->arrive.at[j] == f->there.at[i])
            continue;
        if (sqlite_run(s->db,
                       "UPDATE sample SET gone = 1 WHERE probe = ?1 AND slot = ?2 AND series = ?3",
                       BIND(v_int(probe), v_int(f->scrape_us), v_int(f->there.at[i])), reterr) < 0)
            return -1;
    }
    return 0;
}

static void remember(struct feed *f, int64_t slot_us)
{
    f->scrape_us = slot_us;
    vec_clear(&f->there);
    for (size_t i = 0; i < f->arrive.len; i++)
        vec_push(&f->there, f->arrive.at[i]);
}

int samples_insert(struct store *s, int64_t probe, int64_t slot_us, const struct sample *at,
                   size_t n, struct err *reterr)
{
    int64_t last;
    struct feed *f = get_feed(s, probe, reterr);
    if (!f || number_all(s, f, probe, at, n, reterr) < 0 ||
        insert_one(s, probe, slot_us, 0, (double)n, reterr) < 0)
        return -1;
    bool imported = sqlite_changes(s->db) == 0; /* without its result; what is there stays */
    for (size_t i = 0; i < n; i++)
        if (insert_one(s, probe, slot_us, f->nums.at[i], at[i].value, reterr) < 0)
            return -1;
    if (imported)
        return samples_changed(s, probe, slot_us, reterr);
    if (f->scrape_us != INT64_MIN && f->scrape_us < slot_us) {
        if (mark_missing(s, f, probe, reterr) < 0)
            return -1;
        remember(f, slot_us);
        return 0;
    }
    if (mark_around(s->db, probe, slot_us, reterr) < 0 ||
        samples_last_scrape(s->db, probe, INT64_MAX, &last, reterr) < 0)
        return -1;
    if (last == slot_us)
        remember(f, slot_us);
    return 0;
}

/* ---- reading ------------------------------------------------------------------ */

int samples_last_scrape(struct sqlite *db, int64_t probe, int64_t before_us, int64_t *ret_slot,
                        struct err *reterr)
{
    return sqlite_lookup(db, "SELECT max(slot) FROM sample WHERE probe = ?1 AND slot < ?2",
                         BIND(v_int(probe), v_int(before_us)), ret_slot, reterr);
}

/* Rows of series, slot and value. */
static int tell_all(struct sqlite_rows *q, store_sample_fn fn, void *ctx, size_t *n,
                    struct err *reterr)
{
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        fn(ctx, sqlite_text(q, 0), sqlite_int(q, 1), sqlite_double(q, 2));
        (*n)++;
    }
    return rc;
}

int samples_before(struct sqlite *db, int64_t probe, int64_t before_us, store_sample_fn fn,
                   void *ctx, struct err *reterr)
{
    int64_t last;
    size_t n = 0, gone = 0;
    int rc = samples_last_scrape(db, probe, before_us, &last, reterr);
    if (rc <= 0)
        return rc;
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT text, slot, value FROM sample JOIN series ON num = series"
                     " WHERE sample.probe = ?1 AND slot = ?2 AND series > 0",
                     BIND(v_int(probe), v_int(last)), reterr);
    if (tell_all(q, fn, ctx, &n, reterr) < 0)
        return -1;
    q = sqlite_query(
        db,
        "SELECT text, at, value FROM (SELECT num, text, (SELECT max(slot) FROM sample"
        "  INDEXED BY sample_gone WHERE probe = ?1 AND series = num AND gone = 1 AND slot < ?3)"
        "  AS at FROM series WHERE probe = ?1)"
        " CROSS JOIN sample AS m ON m.probe = ?1 AND m.slot = at AND m.series = num"
        " WHERE NOT EXISTS(SELECT 1 FROM sample AS l WHERE l.probe = ?1 AND l.slot = ?2"
        "  AND l.series = num)"
        " ORDER BY at, text",
        BIND(v_int(probe), v_int(last), v_int(before_us)), reterr);
    if (tell_all(q, fn, ctx, &gone, reterr) < 0)
        return -1;
    fn(ctx, NULL, last, (double)n);
    return 0;
}
