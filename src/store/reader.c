#include "store/reader.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "slo/expected.h"
#include "slo/hours.h"
#include "store/schema.h"

#define BUSY_MS 2000

int store_reader_open(const char *path, struct store_reader **ret, struct err *reterr)
{
    if (schema_check_there(path, reterr) < 0)
        return -1;
    struct store_reader *r = mem_alloc(sizeof(*r));
    r->path = mem_strdup(path);
    if (sqlite_open(path, SQLITE_ACCESS_READ, BUSY_MS, &r->db, reterr) < 0 ||
        schema_check(r->db, path, reterr) < 0 ||
        sqlite_exec(r->db, "PRAGMA query_only = 1; PRAGMA cache_size = -8192", reterr) < 0) {
        store_reader_free(r);
        return -1;
    }
    scanner_init(&r->scanner, r->db, r->path);
    *ret = r;
    return 0;
}

void store_reader_free(struct store_reader *r)
{
    if (!r)
        return;
    scanner_release(&r->scanner);
    sqlite_close(r->db);
    free(r->path);
    free(r);
}

/* ---- transactions ------------------------------------------------------------ */

static void forget_one(struct rolled_known *k)
{
    mem_free(&k->probe);
    mem_free(&k->key);
    metric_text_release(&k->metric);
}

static void forget(struct store_reader *r)
{
    for (size_t i = 0; i < countof(r->known); i++)
        forget_one(&r->known[i]);
}

int reader_begin(struct store_reader *r, struct err *reterr)
{
    if (r->depth == 0 && sqlite_run(r->db, "BEGIN", NULL, reterr) < 0)
        return -1;
    r->depth++;
    return 0;
}

int reader_end(struct store_reader *r, int rc)
{
    if (--r->depth == 0) {
        sqlite_rollback(r->db); /* nothing was written; this cannot be busy */
        forget(r);
    }
    return rc;
}

int store_reader_begin(struct store_reader *r, struct err *reterr)
{
    return reader_begin(r, reterr);
}

void store_reader_end(struct store_reader *r)
{
    (void)reader_end(r, 0);
}

/* ---- where rollups are --------------------------------------------------------- */

int reader_probe(struct store_reader *r, const char *id, int64_t *ret_num, int64_t *ret_raw_since,
                 struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(r->db, "SELECT num, raw_since FROM probe WHERE id = ?1",
                                         BIND(v_text(id)), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0) {
        *ret_num = sqlite_int(q, 0);
        *ret_raw_since = sqlite_int(q, 1);
        if (!catalog_is_start(*ret_raw_since, USEC_PER_HOUR))
            rc = err_set(reterr, "the probe table is damaged: where the results of '%s' begin", id);
    }
    sqlite_end(q);
    return rc;
}

int reader_too_fine(const struct rolled *at, const char *unit, struct err *reterr)
{
    char since[WHEN_MAX];
    return err_set(reterr,
                   "results before %s are kept by the %s only (retention.raw); use whole %ss",
                   when_text(since, at->raw_us), unit, unit);
}

static enum stream_kind kind_of(const struct sli_def *sli)
{
    return sli->metric ? STREAM_METRIC : STREAM_SLI;
}

/* A row of a stream with the SLI's key; of no use if it was made under another
 * meaning of that. */
static bool same_definition(struct sqlite_rows *q, const struct sli_def *sli)
{
    size_t n;
    int8_t classify[REASON_COUNT];
    const void *map = sqlite_blob(q, 3, &n);
    classify_load(classify, map, n);
    if (sqlite_int(q, 2) != sli->faster_than_us || sqlite_int(q, 12) != sli->measure ||
        sqlite_int(q, 13) != sli->bound || memcmp(classify, sli->classify, sizeof(classify)) != 0)
        return false;
    if (!sli->metric)
        return true;
    struct metric_text stored = metric_text_read(q, 6), asked = metric_text(sli->metric);
    return metric_text_same(&stored, &asked);
}

static int read_stream(struct store_reader *r, enum stream_kind kind, const struct sli_def *sli,
                       struct rolled *ret, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT num, rolled_through, faster_than, classify, since, days_through,"
                     " " METRIC_COLUMNS ", derived_through, first_event, measure, bound"
                     " FROM roll_stream WHERE probe = ?1 AND kind = ?2 AND key = ?3",
                     BIND(v_int(ret->probe), v_int(kind), v_text(sli ? sli->key : "")), reterr);
    int rc = q ? sqlite_next(q, reterr) : -1;
    if (rc > 0 && (!sli || same_definition(q, sli))) {
        ret->stream = sqlite_int(q, 0);
        ret->through_us = sqlite_int(q, 1);
        ret->since_us = sqlite_int(q, 4);
        ret->days_us = sqlite_int(q, 5);
        ret->derived_us = sqlite_int(q, 10);
        ret->first_us = sqlite_null(q, 11) ? INT64_MAX : sqlite_int(q, 11);
    }
    sqlite_end(q);
    if (rc > 0 &&
        !(catalog_is_start(ret->through_us, USEC_PER_HOUR) &&
          catalog_is_start(ret->days_us, USEC_PER_DAY) && catalog_is_start(ret->derived_us, 1) &&
          ret->days_us <= ret->through_us && ret->raw_us <= ret->through_us))
        return err_set(reterr, "the roll_stream table is damaged: how far '%s' is rolled up",
                       sli ? sli->key : "a probe");
    return rc < 0 ? -1 : 0;
}

static bool is_known(const struct rolled_known *k, const char *probe, const struct sli_def *sli)
{
    if (!k->probe || !str_eq(k->probe, probe))
        return false;
    if (!sli)
        return true;
    if (!str_eq(k->key, sli->key) || k->faster_than_us != sli->faster_than_us ||
        k->measure != sli->measure || k->bound != sli->bound ||
        memcmp(k->classify, sli->classify, sizeof(k->classify)) != 0)
        return false;
    if (!sli->metric)
        return true;
    struct metric_text text = metric_text(sli->metric);
    return metric_text_same(&k->metric, &text);
}

static void know(struct rolled_known *k, const char *probe, const struct sli_def *sli,
                 const struct rolled *at)
{
    forget_one(k);
    k->probe = mem_strdup(probe);
    k->at = *at;
    if (!sli)
        return;
    k->key = mem_strdup(sli->key);
    k->faster_than_us = sli->faster_than_us;
    k->measure = sli->measure;
    k->bound = sli->bound;
    memcpy(k->classify, sli->classify, sizeof(k->classify));
    if (sli->metric) {
        struct metric_text text = metric_text(sli->metric);
        k->metric = metric_text_copy(&text);
    }
}

/* `sli` is NULL of the kinds that are of the whole probe. */
static int find_rolled(struct store_reader *r, const char *probe, enum stream_kind kind,
                       const struct sli_def *sli, struct rolled *ret, struct err *reterr)
{
    struct rolled_known *k = &r->known[kind];
    bool metric = sli && sli->metric;
    if (is_known(k, probe, sli)) {
        *ret = k->at;
        ret->metric = metric ? sli : NULL;
        return 1;
    }
    *ret = (struct rolled){.metric = metric ? sli : NULL, .first_us = INT64_MAX};
    int rc = reader_probe(r, probe, &ret->probe, &ret->raw_us, reterr);
    ret->through_us = ret->since_us = ret->raw_us; /* unless there is a stream */
    if (rc > 0 && read_stream(r, kind, sli, ret, reterr) < 0)
        rc = -1;
    if (rc > 0 && r->depth > 1) /* there will be more questions */
        know(k, probe, sli, ret);
    return rc;
}

int reader_rolled(struct store_reader *r, const char *probe, const struct sli_def *sli,
                  struct rolled *ret, struct err *reterr)
{
    return find_rolled(r, probe, kind_of(sli), sli, ret, reterr);
}

int reader_rolled_probe(struct store_reader *r, const char *probe, enum stream_kind kind,
                        struct rolled *ret, struct err *reterr)
{
    return find_rolled(r, probe, kind, NULL, ret, reterr);
}

int store_reader_sli_since(struct store_reader *r, const struct sli_def *sli, int64_t *ret,
                           struct err *reterr)
{
    struct rolled at;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_end(r, reader_rolled(r, sli->probe, sli, &at, reterr));
    if (rc >= 0)
        *ret = at.since_us;
    return rc < 0 ? -1 : 0;
}

int store_reader_sli_asked(struct store_reader *r, const struct sli_def *sli, struct sli_asked *ret,
                           struct err *reterr)
{
    struct asked_spans spans = {0};
    int64_t num, raw_since_us;
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_probe(r, sli->probe, &num, &raw_since_us, reterr);
    if (rc > 0)
        rc = asked_load(r->db, num, sli, &spans, reterr);
    if (reader_end(r, rc) < 0)
        return -1;
    *ret = asked_now(&spans);
    asked_release(&spans);
    return 0;
}

/* ---- probes ------------------------------------------------------------------ */

static int read_hours(const char *text, const struct hours **ret, struct err *reterr)
{
    struct hours *h = NULL;
    int rc = *text ? hours_parse(text, &h, reterr) : 0;
    *ret = h;
    return rc;
}

static int read_revisions(struct store_reader *r, struct store_probe *p, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(r->db,
                     "SELECT since, interval, phase, timeout, hours FROM probe_revision"
                     " WHERE probe = ?1 ORDER BY since",
                     BIND(v_int(p->num)), reterr);
    VEC(struct probe_revision) revs = {0};
    int rc = q ? 0 : -1;
    while (q && (rc = sqlite_next(q, reterr)) > 0) {
        struct probe_revision rev = {sqlite_int(q, 0), sqlite_int(q, 1), sqlite_int(q, 2),
                                     sqlite_int(q, 3)};
        bool whole = catalog_is_schedule(&rev);
        if (!whole)
            err_set(reterr, "the probe_revision table is damaged: an impossible schedule");
        if (!whole || read_hours(sqlite_text(q, 4), &rev.hours, reterr) < 0) {
            sqlite_end(q);
            rc = -1;
            break;
        }
        vec_push(&revs, rev);
    }
    p->revisions = revs.at;
    p->revision_count = revs.len;
    return rc;
}

static int read_probe(struct store_reader *r, const char *id, struct store_probe *p,
                      struct err *reterr)
{
    int rc = reader_probe(r, id, &p->num, &p->raw_since_us, reterr);
    if (rc <= 0)
        return rc;
    if (sqlite_lookup(r->db, "SELECT first_event FROM probe WHERE num = ?1", BIND(v_int(p->num)),
                      &p->first_event_us, reterr) < 0 ||
        scan_last_slot(&r->scanner, p->num, &p->last_slot_us, reterr) < 0 ||
        read_revisions(r, p, reterr) < 0)
        return -1;
    return p->revision_count > 0; /* without a schedule only an SLI has named it */
}

int store_reader_probe(struct store_reader *r, const char *id, struct store_probe *ret,
                       struct err *reterr)
{
    struct store_probe p = {.first_event_us = INT64_MAX, .last_slot_us = INT64_MIN};
    if (reader_begin(r, reterr) < 0)
        return -1;
    int rc = reader_end(r, read_probe(r, id, &p, reterr));
    if (rc > 0)
        *ret = p;
    else
        revisions_free(p.revisions, p.revision_count);
    return rc;
}
