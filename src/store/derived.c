#include "store/derived.h"

#include "base/clock.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/internal.h"
#include "store/metric.h"
#include "store/samples.h"

#define LOOK_SLOTS 16 /* between two looks at the clock */

/* ---- deriving ----------------------------------------------------------------- */

/* Events of one slot on their way into the table. */
struct writing {
    struct store *s;
    struct stream *stream;
    const struct scraped *slot;
    int rc;
    struct err *reterr;
};

static int insert(struct writing *w, int64_t slot_us, struct counts c)
{
    struct store *s = w->s;
    struct stream *st = w->stream;
    if (derivation_is_event(c) && catalog_saw_first(s->db, st, slot_us, w->reterr) < 0)
        return -1;
    if (catalog_touch_stream(&s->catalog, s->db, st, slot_us, w->reterr) < 0)
        return -1;
    return sqlite_run(
        s->db,
        "INSERT INTO event(stream, slot, done, good, bad, excluded, scrapes, silent)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET"
        " good = event.good + excluded.good, bad = event.bad + excluded.bad,"
        " excluded = event.excluded + excluded.excluded,"
        " scrapes = event.scrapes + excluded.scrapes, silent = event.silent + excluded.silent",
        BIND(v_int(st->num), v_int(slot_us), v_int(w->slot->done_us), v_int(c.good), v_int(c.bad),
             v_int(c.excluded), v_int(c.scrapes), v_int(c.silent)),
        w->reterr);
}

static void write_event(void *ctx, const struct derived *e)
{
    struct writing *w = ctx;
    const struct metric_stream *m = w->stream->metric;
    const struct derivation *d = &m->derivation;
    /* Hours whose results are gone take no more. */
    bool kept = e->slot_us >= catalog_at(&w->s->catalog, w->stream->probe)->raw_since;
    if (w->rc == 0 && kept && derivation_counts(d, w->slot, e->counts, m->first_event))
        w->rc = insert(w, e->slot_us, e->counts);
}

/* Goes on with a slot; those before it are derived. */
static int feed(struct store *s, struct stream *st, const struct scraped *slot, struct err *reterr)
{
    struct metric_stream *m = st->metric;
    struct writing w = {.s = s, .stream = st, .slot = slot, .reterr = reterr};
    if (!m->begun &&
        (metric_begin(m, s->db, st->probe, slot->scrape.slot_us, reterr) < 0 ||
         derivation_seed_all(&m->derivation, s->db, st->probe, slot->scrape.slot_us, reterr) < 0))
        return -1;
    derivation_feed(&m->derivation, slot, write_event, &w);
    return w.rc;
}

/* ---- changes ------------------------------------------------------------------ */

int derived_newest(struct store *s, int64_t probe, int64_t *ret_slot, struct err *reterr)
{
    int64_t result, scrape;
    int results = scan_last_slot(&s->scanner, probe, &result, reterr);
    if (results < 0)
        return -1;
    int scrapes = samples_last_scrape(s->db, probe, INT64_MAX, &scrape, reterr);
    if (scrapes < 0)
        return -1;
    *ret_slot = results ? result : INT64_MIN;
    if (scrapes && scrape > *ret_slot)
        *ret_slot = scrape;
    return 0;
}

static int take_back(struct store *s, struct stream *st, int64_t slot_us, struct err *reterr)
{
    int64_t last, raw_since = catalog_at(&s->catalog, st->probe)->raw_since;
    if (slot_us >= st->metric->derived_through)
        return 0;
    int rc = samples_last_scrape(s->db, st->probe, slot_us, &last, reterr);
    if (rc < 0)
        return -1;
    int64_t from = rc > 0 ? last + 1 : 0;
    if (from < raw_since)
        from = raw_since;
    if (from >= st->metric->derived_through)
        return 0;
    metric_forget(st->metric);
    if (catalog_set_derived(&s->catalog, s->db, st, from, reterr) < 0)
        return -1;
    return catalog_touch_stream(&s->catalog, s->db, st, from, reterr);
}

int derived_touch(struct store *s, int64_t probe, int64_t slot_us, struct err *reterr)
{
    struct catalog *c = &s->catalog;
    for (size_t i = catalog_at(c, probe)->first_stream; i != STREAM_NONE; i = c->streams.at[i].next)
        if (c->streams.at[i].metric && take_back(s, &c->streams.at[i], slot_us, reterr) < 0)
            return -1;
    return 0;
}

static int interval_at(struct store *s, int64_t probe, int64_t slot_us, int64_t *ret,
                       struct err *reterr)
{
    const struct probe_revision *now = &catalog_at(&s->catalog, probe)->newest;
    *ret = now->interval_us;
    if (now->interval_us && slot_us >= now->since_us)
        return 0;
    return scrapes_interval(s->db, probe, slot_us, ret, reterr);
}

/* The derivations of a probe that begin at one slot. */
struct beginning {
    VEC(struct metric_stream *) at;
};

static void seed_all(void *ctx, const char *series, int64_t slot_us, double value)
{
    struct beginning *b = ctx;
    for (size_t i = 0; i < b->at.len; i++)
        derivation_seed(&b->at.at[i]->derivation, series, slot_us, value);
}

static bool is_current(const struct stream *st)
{
    return st->metric && st->metric->derived_through == DERIVED_ALL;
}

/* Begins what has not begun, with one look at what was before. A definition that
 * cannot be read must not hold results up: it is left behind. */
static int begin_current(struct store *s, int64_t probe, int64_t slot_us, struct err *reterr)
{
    struct catalog *c = &s->catalog;
    struct beginning b = {0};
    int rc = 0;
    for (size_t i = catalog_at(c, probe)->first_stream; rc == 0 && i != STREAM_NONE;
         i = c->streams.at[i].next) {
        struct stream *st = &c->streams.at[i];
        if (!is_current(st) || st->metric->begun)
            continue;
        if (metric_parse(st->metric, NULL) < 0) {
            rc = catalog_set_derived(c, s->db, st, slot_us, reterr);
            continue;
        }
        rc = metric_begin(st->metric, s->db, probe, slot_us, reterr);
        if (rc == 0)
            vec_push(&b.at, st->metric);
    }
    if (rc == 0 && b.at.len)
        rc = samples_before(s->db, probe, slot_us, seed_all, &b, reterr);
    for (size_t i = 0; rc < 0 && i < b.at.len; i++)
        metric_forget(b.at.at[i]);
    vec_release(&b.at);
    return rc;
}

int derived_result(struct store *s, int64_t probe, const struct result *r, const struct sample *at,
                   size_t n, int64_t newest_us, struct err *reterr)
{
    struct catalog *c = &s->catalog;
    bool data = r->flags & RESULT_SCRAPED && r->outcome <= OUTCOME_BAD;
    struct scraped slot = {
        .scrape = {.slot_us = r->slot_us,
                   .state = data                             ? SCRAPE_DATA
                            : r->outcome == OUTCOME_EXCLUDED ? SCRAPE_EXCLUDED
                                                             : SCRAPE_SILENT,
                   .at = data ? at : NULL,
                   .n = data ? n : 0},
        .done_us = r->done_us > r->slot_us ? r->done_us : r->slot_us,
        .measured = true,
    };
    if (r->outcome == OUTCOME_SKIPPED)
        return 0;
    if (r->slot_us <= newest_us)
        return derived_touch(s, probe, r->slot_us, reterr);
    if (interval_at(s, probe, r->slot_us, &slot.scrape.interval_us, reterr) < 0 ||
        begin_current(s, probe, r->slot_us, reterr) < 0)
        return -1;
    for (size_t i = catalog_at(c, probe)->first_stream; i != STREAM_NONE;
         i = c->streams.at[i].next) {
        struct stream *st = &c->streams.at[i];
        /* One that is behind comes to it later. */
        if (is_current(st) && feed(s, st, &slot, reterr) < 0)
            return -1;
    }
    return 0;
}

/* ---- slices ------------------------------------------------------------------- */

static int drop_stale(struct store *s, const struct stream *st, int64_t from_us, int64_t to_us,
                      struct err *reterr)
{
    return sqlite_run(s->db, "DELETE FROM event WHERE stream = ?1 AND slot >= ?2 AND slot < ?3",
                      BIND(v_int(st->num), v_int(from_us), v_int(to_us)), reterr);
}

/* Slots from *at_us on until time is up; *at_us moves behind those that are done.
 * 1 there are more, 0 not. */
static int derive_slots(struct store *s, struct stream *st, int64_t *at_us, int64_t until_ns,
                        struct err *reterr)
{
    const struct scraped *slot;
    struct scrapes *sc = scrapes_begin(s->db, &s->scanner, st->probe, *at_us, INT64_MAX, reterr);
    int rc = sc ? 1 : -1;
    for (int n = 1; rc > 0 && (rc = scrapes_next(sc, &slot, reterr)) > 0; n++) {
        int64_t next = slot->scrape.slot_us + 1;
        /* Growth is spread over what lies before: gone is only what lies ahead. */
        if (drop_stale(s, st, *at_us, next, reterr) < 0 || feed(s, st, slot, reterr) < 0)
            rc = -1;
        *at_us = next;
        if (n % LOOK_SLOTS == 0 && clock_mono_ns() >= until_ns)
            break;
    }
    scrapes_end(sc);
    return rc;
}

static int derive_stream(struct store *s, struct stream *st, int64_t until_ns, struct err *reterr)
{
    int64_t at = st->metric->derived_through;
    int64_t raw_since = catalog_at(&s->catalog, st->probe)->raw_since;
    if (at < raw_since)
        at = raw_since;
    int rc = derive_slots(s, st, &at, until_ns, reterr);
    if (rc == 0 && drop_stale(s, st, at, INT64_MAX, reterr) < 0)
        rc = -1;
    if (rc < 0)
        return -1;
    return catalog_set_derived(&s->catalog, s->db, st, rc ? at : DERIVED_ALL, reterr);
}

static struct stream *next_behind(struct store *s)
{
    for (size_t i = 0; s->catalog.behind && i < s->catalog.streams.len; i++) {
        struct stream *st = &s->catalog.streams.at[i];
        bool behind = st->metric && st->metric->derived_through < DERIVED_ALL;
        if (behind && metric_parse(st->metric, NULL) == 0) /* if not, a check tells */
            return st;
    }
    return NULL;
}

int derived_slice(struct store *s, struct err *reterr)
{
    int64_t until_ns = clock_mono_ns() + DERIVE_SLICE_US * NSEC_PER_USEC;
    struct stream *st = next_behind(s);
    if (!st)
        return 0;
    if (sqlite_run(s->db, "BEGIN IMMEDIATE", NULL, reterr) < 0)
        return -1;
    for (; st && clock_mono_ns() < until_ns; st = next_behind(s))
        if (derive_stream(s, st, until_ns, reterr) < 0)
            goto failed;
    if (sqlite_run(s->db, "COMMIT", NULL, reterr) < 0)
        goto failed;
    return 1;
failed:
    sqlite_rollback(s->db);
    s->catalog_stale = true;
    scanner_forget(&s->scanner);
    return -1;
}
