#include "store/events_verify.h"

#include "base/vec.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "store/catalog.h"
#include "store/events.h"
#include "store/metric.h"

/* ---- samples ------------------------------------------------------------------ */

/* One scrape, and which of the one before are marked as gone. */
struct marks {
    int64_t slot_us;
    double count;       /* as its row of series 0 says */
    VEC(int64_t) there; /* series, rising */
    VEC(bool) gone;
};

static int bad_scrape(const struct marks *m, const char *how, struct err *reterr)
{
    char at[WHEN_MAX];
    int64_t slot = m->slot_us >= 0 && m->slot_us < WHEN_END_US ? m->slot_us : 0;
    err_set(reterr, "the scrape of %s: %s", when_text(at, slot), how);
    return 0;
}

/* Is what is marked in `m` what `next` does not have? NULL: there is none. */
static int check_marks(const struct marks *m, const struct marks *next, struct err *reterr)
{
    size_t j = 0;
    if (m->slot_us == INT64_MIN)
        return 1;
    if (m->count != (double)m->there.len)
        return bad_scrape(m, "its samples are not counted right", reterr);
    for (size_t i = 0; i < m->there.len; i++) {
        while (next && j < next->there.len && next->there.at[j] < m->there.at[i])
            j++;
        bool kept = !next || (j < next->there.len && next->there.at[j] == m->there.at[i]);
        if (m->gone.at[i] == kept)
            return bad_scrape(m, "what is gone after it is not marked right", reterr);
    }
    return 1;
}

static void begin_scrape(struct marks *m, int64_t slot_us)
{
    m->slot_us = slot_us;
    m->count = -1;
    vec_clear(&m->there);
    vec_clear(&m->gone);
}

static void add_row(struct marks *m, struct sqlite_rows *q)
{
    if (sqlite_int(q, 1) == 0) {
        m->count = sqlite_double(q, 2);
        return;
    }
    vec_push(&m->there, sqlite_int(q, 1));
    vec_push(&m->gone, sqlite_int(q, 3) != 0);
}

/* Only those that readers see: of older scrapes a part is kept (prune.h). */
static int check_samples(struct sqlite *db, const struct catalog_probe *p, int64_t *ret_n,
                         struct err *reterr)
{
    struct marks marks[2] = {{.slot_us = INT64_MIN}, {.slot_us = INT64_MIN}};
    struct marks *at = &marks[0], *before = &marks[1];
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT slot, series, value, gone FROM sample WHERE probe = ?1 AND slot >= ?2"
                     " ORDER BY slot, series",
                     BIND(v_int(p->num), v_int(p->raw_since)), reterr);
    int rc = q ? 1 : -1, ok = 1;
    while (ok > 0 && rc > 0 && (rc = sqlite_next(q, reterr)) > 0) {
        if (sqlite_int(q, 0) != at->slot_us) {
            ok = check_marks(before, at, reterr);
            struct marks *free_one = before;
            before = at;
            at = free_one;
            begin_scrape(at, sqlite_int(q, 0));
        }
        add_row(at, q);
        *ret_n += sqlite_int(q, 1) != 0;
    }
    if (q && rc > 0)
        sqlite_end(q);
    if (rc == 0 && ok > 0)
        ok = check_marks(before, at, reterr);
    if (rc == 0 && ok > 0)
        ok = check_marks(at, NULL, reterr);
    for (int i = 0; i < 2; i++) {
        vec_release(&marks[i].there);
        vec_release(&marks[i].gone);
    }
    return rc < 0 ? -1 : ok;
}

/* ---- events ------------------------------------------------------------------- */

struct compare {
    const struct stream *stream;
    struct sqlite_rows *q; /* what is stored; NULL: at its end */
    int64_t n, first_us;
    int rc; /* 1 so far as it should be, 0 not, -1 */
    struct err *reterr;
};

static int event_differs(struct compare *x, int64_t slot_us, const char *how)
{
    char at[WHEN_MAX];
    int64_t slot = slot_us >= 0 && slot_us < WHEN_END_US ? slot_us : 0;
    err_set(x->reterr, "the events of SLI '%s', %s: %s", x->stream->sli.key, when_text(at, slot),
            how);
    return 0;
}

static int next_stored(struct compare *x)
{
    int rc = x->q ? sqlite_next(x->q, x->reterr) : 0;
    if (rc <= 0)
        x->q = NULL;
    return rc;
}

static bool compare_event(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct compare *x = ctx;
    if ((c.good | c.bad | c.scrapes | c.silent) != 0 && slot_us < x->first_us)
        x->first_us = slot_us;
    x->rc = next_stored(x);
    if (x->rc < 0)
        return false;
    if (x->rc == 0 || sqlite_int(x->q, 0) != slot_us || sqlite_int(x->q, 1) != done_us) {
        x->rc = event_differs(x, slot_us, "one is missing, or one is too many before it");
        return false;
    }
    struct counts have = {sqlite_int(x->q, 2), sqlite_int(x->q, 3), sqlite_int(x->q, 4),
                          sqlite_int(x->q, 5), sqlite_int(x->q, 6)};
    if (!counts_empty(counts_minus(have, c)))
        x->rc = event_differs(x, slot_us, "they are not what the samples say");
    x->n += x->rc > 0;
    return x->rc > 0;
}

/* Nothing stored is left, and the first event is known. */
static int check_end(struct compare *x)
{
    int rc = next_stored(x);
    if (rc > 0)
        return event_differs(x, sqlite_int(x->q, 0), "there is no scrape of that");
    if (rc < 0 || x->first_us == x->stream->metric->first_event)
        return rc < 0 ? -1 : 1;
    return event_differs(x, x->first_us == INT64_MAX ? 0 : x->first_us,
                         "it is not known as the first one");
}

static int check_stream(struct sqlite *db, struct scanner *scanner, const struct catalog_probe *p,
                        struct stream *st, int64_t *ret_n, struct err *reterr)
{
    struct metric_stream *m = st->metric;
    struct asked_spans asked = {0};
    struct compare x = {.stream = st, .first_us = INT64_MAX, .rc = 1, .reterr = reterr};
    if (m->derived_through < DERIVED_ALL)
        return 1;
    if (metric_parse(m, reterr) < 0)
        return -1;
    if (asked_load(db, p->num, &m->sli, &asked, reterr) < 0)
        return -1;
    if (m->first_event < p->raw_since)
        x.first_us = m->first_event;
    struct events_source src = {.db = db,
                                .scanner = scanner,
                                .probe = p->num,
                                .sli = &m->sli,
                                .since_us = p->raw_since,
                                .asked = &asked,
                                .first_us = x.first_us};
    x.q = sqlite_query(db,
                       "SELECT slot, done, good, bad, excluded, scrapes, silent FROM event"
                       " WHERE stream = ?1 AND slot >= ?2 ORDER BY slot, done",
                       BIND(v_int(st->num), v_int(p->raw_since)), reterr);
    int rc = x.q ? events_derive(&src, p->raw_since, INT64_MAX, compare_event, &x, reterr) : -1;
    if (rc >= 0)
        rc = x.rc > 0 ? check_end(&x) : x.rc;
    if (x.q)
        sqlite_end(x.q);
    asked_release(&asked);
    *ret_n += x.n;
    return rc;
}

int events_verify(struct catalog *c, struct sqlite *db, struct scanner *scanner, int64_t probe,
                  struct events_checked *checked, struct err *reterr)
{
    const struct catalog_probe *p = catalog_at(c, probe);
    int rc = check_samples(db, p, &checked->samples, reterr);
    for (size_t i = p->first_stream; rc > 0 && i != STREAM_NONE; i = c->streams.at[i].next)
        if (c->streams.at[i].metric)
            rc = check_stream(db, scanner, p, &c->streams.at[i], &checked->events, reterr);
    return rc;
}
