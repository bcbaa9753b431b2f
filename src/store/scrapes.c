#include "store/scrapes.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "io/sqlite.h"
#include "store/catalog.h"
#include "store/scan.h"

struct name {
    int64_t num;
    const char *text;
};

struct scrapes {
    struct arena arena;     /* of the names */
    VEC(struct name) names; /* by number */
    VEC(struct probe_revision) revisions;
    size_t revision; /* in force at the last slot */

    struct scan *scan; /* NULL: at its end */
    const struct result *result;
    struct sqlite_rows *rows; /* of samples; NULL: at their end */
    int64_t row_slot;
    VEC(struct sample) at;
    struct scraped out;
};

/* ---- what slots are told with --------------------------------------------------- */

static int load_names(struct scrapes *sc, struct sqlite *db, int64_t probe, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db, "SELECT num, text FROM series WHERE probe = ?1 ORDER BY num",
                     BIND(v_int(probe)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct name name = {sqlite_int(q, 0), arena_strdup(&sc->arena, sqlite_text(q, 1))};
        vec_push(&sc->names, name);
    }
    return rc;
}

static int load_revisions(struct scrapes *sc, struct sqlite *db, int64_t probe, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT since, interval, phase, timeout FROM probe_revision AS r"
                     " WHERE probe = ?1 ORDER BY since",
                     BIND(v_int(probe)), reterr);
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct probe_revision rev = {.since_us = sqlite_int(q, 0),
                                     .interval_us = sqlite_int(q, 1),
                                     .phase_us = sqlite_int(q, 2),
                                     .timeout_us = sqlite_int(q, 3)};
        if (!catalog_is_schedule(&rev)) {
            sqlite_end(q);
            return err_set(reterr, "the probe_revision table is damaged: an impossible schedule");
        }
        vec_push(&sc->revisions, rev);
    }
    return rc;
}

static int64_t interval_at(struct scrapes *sc, int64_t slot_us)
{
    if (sc->revisions.len == 0)
        return USEC_PER_MIN;
    while (sc->revision + 1 < sc->revisions.len &&
           sc->revisions.at[sc->revision + 1].since_us <= slot_us)
        sc->revision++;
    return sc->revisions.at[sc->revision].interval_us;
}

int scrapes_interval(struct sqlite *db, int64_t probe, int64_t slot_us, int64_t *ret_us,
                     struct err *reterr)
{
    struct scrapes sc = {0};
    int rc = load_revisions(&sc, db, probe, reterr);
    if (rc == 0)
        *ret_us = interval_at(&sc, slot_us);
    vec_release(&sc.revisions);
    return rc;
}

/* Series of one scrape come in the order of their numbers: *place goes on. */
static const char *name_of(const struct scrapes *sc, int64_t num, size_t *place)
{
    while (*place < sc->names.len && sc->names.at[*place].num < num)
        (*place)++;
    return *place < sc->names.len && sc->names.at[*place].num == num ? sc->names.at[*place].text
                                                                     : NULL;
}

/* ---- both streams ---------------------------------------------------------------- */

static int next_result(struct scrapes *sc, struct err *reterr)
{
    int rc = sc->scan ? scan_next(sc->scan, &sc->result, reterr) : 0;
    if (rc <= 0)
        sc->scan = NULL;
    return rc;
}

static int next_row(struct scrapes *sc, struct err *reterr)
{
    int rc = sc->rows ? sqlite_next(sc->rows, reterr) : 0;
    if (rc > 0)
        sc->row_slot = sqlite_int(sc->rows, 0);
    else
        sc->rows = NULL;
    return rc;
}

struct scrapes *scrapes_begin(struct sqlite *db, struct scanner *scanner, int64_t probe,
                              int64_t from_us, int64_t to_us, struct err *reterr)
{
    struct scrapes *sc = mem_alloc(sizeof(*sc));
    if (load_names(sc, db, probe, reterr) < 0 || load_revisions(sc, db, probe, reterr) < 0)
        goto failed;
    sc->rows = sqlite_query(db,
                            "SELECT slot, series, value FROM sample"
                            " WHERE probe = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot, series",
                            BIND(v_int(probe), v_int(from_us), v_int(to_us)), reterr);
    if (!sc->rows || next_row(sc, reterr) < 0)
        goto failed;
    sc->scan = scan_begin(scanner, probe, from_us, to_us, SCAN_ALL, reterr);
    if (!sc->scan || next_result(sc, reterr) < 0)
        goto failed;
    return sc;
failed:
    scrapes_end(sc);
    return NULL;
}

void scrapes_end(struct scrapes *sc)
{
    if (!sc)
        return;
    if (sc->rows)
        sqlite_end(sc->rows);
    scan_end(sc->scan);
    arena_release(&sc->arena);
    vec_release(&sc->names);
    vec_release(&sc->revisions);
    vec_release(&sc->at);
    free(sc);
}

/* The samples of one slot; the rows go on to the next one. */
static int take_samples(struct scrapes *sc, int64_t slot_us, struct err *reterr)
{
    size_t place = 0;
    int rc = 1;
    vec_clear(&sc->at);
    while (rc > 0 && sc->row_slot == slot_us) {
        int64_t num = sqlite_int(sc->rows, 1);
        struct sample x = {num ? name_of(sc, num, &place) : NULL, sqlite_double(sc->rows, 2)};
        if (num && (!x.series || sc->at.len == SAMPLES_MAX))
            return err_set(reterr, "the sample table is damaged: no scrape has such series");
        if (num)
            vec_push(&sc->at, x);
        rc = next_row(sc, reterr);
    }
    return rc;
}

static enum scrape_state state_of(const struct result *r)
{
    return r->outcome == OUTCOME_EXCLUDED ? SCRAPE_EXCLUDED : SCRAPE_SILENT;
}

/* A slot that both may have; 0: it was skipped. */
static int take_slot(struct scrapes *sc, int64_t slot_us, struct err *reterr)
{
    bool data = sc->rows && sc->row_slot == slot_us;
    bool result = sc->scan && sc->result->slot_us == slot_us;
    struct scraped *out = &sc->out;
    *out = (struct scraped){
        .scrape = {.slot_us = slot_us,
                   .interval_us = interval_at(sc, slot_us),
                   .state = data ? SCRAPE_DATA : state_of(sc->result)},
        .done_us = result && sc->result->done_us > slot_us ? sc->result->done_us : slot_us,
        .measured = result && !(sc->result->flags & RESULT_IMPORTED),
    };
    bool counts = data || sc->result->outcome != OUTCOME_SKIPPED;
    if (data && take_samples(sc, slot_us, reterr) < 0)
        return -1;
    if (result && next_result(sc, reterr) < 0)
        return -1;
    if (data) {
        out->scrape.at = sc->at.at;
        out->scrape.n = sc->at.len;
    }
    return counts;
}

int scrapes_next(struct scrapes *sc, const struct scraped **ret, struct err *reterr)
{
    int rc = 0;
    while (rc == 0 && (sc->rows || sc->scan)) {
        int64_t slot = sc->rows ? sc->row_slot : INT64_MAX;
        if (sc->scan && sc->result->slot_us < slot)
            slot = sc->result->slot_us;
        rc = take_slot(sc, slot, reterr);
    }
    *ret = &sc->out;
    return rc;
}
