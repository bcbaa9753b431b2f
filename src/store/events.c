#include "store/events.h"

#include "base/vec.h"
#include "io/sqlite.h"
#include "store/derivation.h"
#include "store/packed.h"
#include "store/samples.h"

#include <stdlib.h>

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- derived ------------------------------------------------------------------ */

struct event {
    int64_t slot_us, done_us;
    struct counts counts;
};

/* Growth is spread over what lies before it: events wait, to be put in order,
 * until the next scrape with data. */
struct walk {
    const struct events_source *src;
    int64_t from_us, to_us, first_us;
    struct derivation derivation;
    const struct scraped *slot; /* that is being fed */
    VEC(struct event) waiting;
    store_event_fn fn;
    void *ctx;
};

static void on_derived(void *ctx, const struct derived *e)
{
    struct walk *w = ctx;
    if (e->slot_us < w->src->since_us ||
        !derivation_counts(&w->derivation, w->slot, e->counts, w->first_us))
        return;
    if (derivation_is_event(e->counts) && e->slot_us < w->first_us)
        w->first_us = e->slot_us;
    if (e->slot_us >= w->from_us && e->slot_us < w->to_us)
        vec_push(&w->waiting, ((struct event){e->slot_us, w->slot->done_us, e->counts}));
}

static int in_order(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->slot_us != y->slot_us)
        return x->slot_us < y->slot_us ? -1 : 1;
    return x->done_us < y->done_us ? -1 : x->done_us > y->done_us;
}

/* False: it is enough. */
static bool tell_waiting(struct walk *w)
{
    struct event *at = w->waiting.at;
    size_t n = w->waiting.len;
    vec_clear(&w->waiting);
    if (n > 1)
        qsort(at, n, sizeof(*at), in_order);
    for (size_t i = 0, next; i < n; i = next) {
        struct event e = at[i];
        for (next = i + 1; next < n && in_order(&at[i], &at[next]) == 0; next++)
            counts_add(&e.counts, at[next].counts);
        if (!w->fn(w->ctx, e.slot_us, e.done_us, e.counts))
            return false;
    }
    return true;
}

/* Slots from `start_us` on, to the scrape whose growth may reach below to_us. */
static int walk_slots(struct walk *w, int64_t start_us, struct err *reterr)
{
    const struct events_source *src = w->src;
    struct scrapes *sc =
        scrapes_begin(src->db, src->scanner, src->probe, start_us, INT64_MAX, reterr);
    int rc = sc ? 1 : -1;
    bool more = true;
    while (rc > 0 && more && (rc = scrapes_next(sc, &w->slot, reterr)) > 0) {
        bool its_own = derivation_feed(&w->derivation, w->slot, on_derived, w);
        if (its_own && w->slot->scrape.state != SCRAPE_DATA)
            continue; /* nothing grows over a slot that is not its own */
        more = tell_waiting(w);
        if (w->slot->scrape.slot_us >= w->to_us)
            break;
    }
    scrapes_end(sc);
    if (rc < 0)
        return -1;
    return more && tell_waiting(w) ? 0 : 1;
}

static bool stop_at_first(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    (void)done_us;
    if (derivation_is_event(c))
        *(int64_t *)ctx = slot_us;
    return !derivation_is_event(c);
}

static int walk_from(const struct events_source *src, int64_t start_us, int64_t first_us,
                     int64_t from_us, int64_t to_us, store_event_fn fn, void *ctx,
                     struct err *reterr)
{
    struct walk w = {
        .src = src, .from_us = from_us, .to_us = to_us, .first_us = first_us, .fn = fn, .ctx = ctx};
    derivation_init(&w.derivation, src->sli, src->asked, start_us);
    int rc = derivation_seed_all(&w.derivation, src->db, src->probe, start_us, reterr);
    if (rc == 0)
        rc = walk_slots(&w, start_us, reterr);
    vec_release(&w.waiting);
    derivation_release(&w.derivation);
    return rc;
}

int events_derive(const struct events_source *src, int64_t from_us, int64_t to_us,
                  store_event_fn fn, void *ctx, struct err *reterr)
{
    int64_t last, first = src->first_us;
    from_us = max64(from_us, src->since_us);
    if (from_us >= to_us)
        return 0;
    int rc = samples_last_scrape(src->db, src->probe, from_us, &last, reterr);
    if (rc < 0)
        return -1;
    int64_t start = rc > 0 ? max64(last + 1, src->since_us) : src->since_us;
    /* Silence counts only behind the first event: is there one before? */
    if (first == INT64_MAX && start > src->since_us &&
        walk_from(src, src->since_us, first, src->since_us, start, stop_at_first, &first, reterr) <
            0)
        return -1;
    return walk_from(src, start, first, from_us, to_us, fn, ctx, reterr);
}

/* ---- stored ------------------------------------------------------------------- */

static int visit_stored(struct store_reader *r, int64_t stream, int64_t from_us, int64_t to_us,
                        store_event_fn fn, void *ctx, struct err *reterr)
{
    if (from_us >= to_us)
        return 0;
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT slot, done, good, bad, excluded, scrapes, silent FROM event"
                     " WHERE stream = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot, done",
                     BIND(v_int(stream), v_int(from_us), v_int(to_us)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct counts c = {sqlite_int(q, 2), sqlite_int(q, 3), sqlite_int(q, 4), sqlite_int(q, 5),
                           sqlite_int(q, 6)};
        bool sane = packed_can_be(c);
        if (sane && fn(ctx, sqlite_int(q, 0), sqlite_int(q, 1), c))
            continue;
        sqlite_end(q);
        return sane ? 1 : err_set(reterr, "the event table is damaged: it counts what cannot be");
    }
    return rc;
}

/* Up to where events are stored, growth spread from further on included. */
static int stored_end(struct store_reader *r, const struct rolled *at, int64_t *ret,
                      struct err *reterr)
{
    int64_t last;
    *ret = at->raw_us;
    if (at->stream == 0)
        return 0;
    if (at->derived_us >= DERIVED_ALL) {
        *ret = INT64_MAX;
        return 0;
    }
    int rc = samples_last_scrape(r->db, at->probe, at->derived_us, &last, reterr);
    if (rc > 0)
        *ret = max64(last + 1, at->raw_us);
    return rc < 0 ? -1 : 0;
}

int events_visit(struct store_reader *r, const struct rolled *at, int64_t from_us, int64_t to_us,
                 store_event_fn fn, void *ctx, struct err *reterr)
{
    int64_t end;
    from_us = max64(from_us, at->raw_us);
    if (stored_end(r, at, &end, reterr) < 0)
        return -1;
    int rc = visit_stored(r, at->stream, from_us, end < to_us ? end : to_us, fn, ctx, reterr);
    if (rc != 0 || end >= to_us)
        return rc;
    struct asked_spans asked;
    if (asked_load(r->db, at->probe, at->metric, &asked, reterr) < 0)
        return -1;
    struct events_source src = {
        .db = r->db,
        .scanner = &r->scanner,
        .probe = at->probe,
        .sli = at->metric,
        .since_us = end,
        .asked = &asked,
        .first_us = at->first_us < end ? at->first_us : INT64_MAX,
    };
    rc = events_derive(&src, max64(from_us, end), to_us, fn, ctx, reterr);
    asked_release(&asked);
    return rc;
}
