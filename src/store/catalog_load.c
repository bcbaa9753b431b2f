/* The catalog out of its tables, which may be damaged. */
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "store/catalog.h"
#include "store/metric.h"

#include <string.h>

void classify_load(int8_t classify[static REASON_COUNT], const void *data, size_t n)
{
    memset(classify, -1, REASON_COUNT);
    if (n)
        memcpy(classify, data, n < REASON_COUNT ? n : REASON_COUNT);
}

bool catalog_is_start(int64_t t_us, int64_t unit_us)
{
    return t_us >= 0 && t_us <= WHEN_END_US && t_us % unit_us == 0;
}

uint64_t catalog_hours(const char *text)
{
    return str_hash(text, strlen(text));
}

bool catalog_is_schedule(const struct probe_revision *rev)
{
    return catalog_is_start(rev->since_us, 1) && rev->interval_us > 0 &&
           rev->interval_us <= WHEN_END_US && rev->phase_us >= 0 &&
           rev->phase_us < rev->interval_us && rev->timeout_us >= 0 &&
           rev->timeout_us <= WHEN_END_US;
}

static bool is_probe(const struct catalog_probe *p)
{
    return catalog_is_start(p->raw_since, USEC_PER_HOUR) &&
           catalog_is_start(p->imported_through, 1) && catalog_is_start(p->sealed_through, 1) &&
           (p->first_event == INT64_MAX || catalog_is_start(p->first_event, 1));
}

static int load_probes(struct catalog *c, struct sqlite *db, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        db,
        "SELECT num, id, first_event, imported_through, raw_since, sealed_through FROM probe"
        " ORDER BY num",
        NULL, reterr);
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        struct catalog_probe p = {
            .num = sqlite_int(q, 0),
            .id = mem_strdup(sqlite_text(q, 1)),
            .first_event = sqlite_null(q, 2) ? INT64_MAX : sqlite_int(q, 2),
            .imported_through = sqlite_int(q, 3),
            .raw_since = sqlite_int(q, 4),
            .sealed_through = sqlite_int(q, 5),
            .first_stream = STREAM_NONE,
            .rolled_min = INT64_MAX,
            .newest_slot = NEWEST_UNKNOWN,
        };
        catalog_push_probe(c, &p);
        bool gap = p.num != (int64_t)c->probes.len;
        if (gap || !is_probe(&p)) {
            sqlite_end(q);
            return err_set(reterr, "the probe table is damaged: %s",
                           gap ? "its numbers have gaps" : "it holds an impossible time");
        }
    }
    return rc;
}

static int load_revisions(struct catalog *c, struct sqlite *db, struct err *reterr)
{
    struct sqlite_rows *q =
        sqlite_query(db,
                     "SELECT probe, since, interval, phase, timeout, hours FROM probe_revision"
                     " ORDER BY probe, since",
                     NULL, reterr);
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        int64_t num = sqlite_int(q, 0);
        if (num < 1 || num > (int64_t)c->probes.len) {
            sqlite_end(q);
            return err_set(reterr, "the probe_revision table is damaged: unknown probe");
        }
        struct catalog_probe *p = catalog_at(c, num);
        p->known = true;
        p->newest = (struct probe_revision){sqlite_int(q, 1), sqlite_int(q, 2), sqlite_int(q, 3),
                                            sqlite_int(q, 4)};
        p->newest_hours = catalog_hours(sqlite_text(q, 5));
        if (!catalog_is_schedule(&p->newest)) {
            sqlite_end(q);
            return err_set(reterr,
                           "the probe_revision table is damaged: no probe has a schedule like '%s'",
                           p->id);
        }
    }
    return rc;
}

static bool is_stream(const struct stream *s, int64_t raw_since_us)
{
    return s->kind < STREAM_KINDS && s->sli.measure < MEASURE_COUNT &&
           catalog_is_start(s->rolled_through, USEC_PER_HOUR) &&
           catalog_is_start(s->days_through, USEC_PER_DAY) && s->rolled_through >= raw_since_us &&
           s->days_through <= s->rolled_through &&
           (!s->metric || catalog_is_start(s->metric->derived_through, 1));
}

/* Columns from 8 on: METRIC_COLUMNS, derived_through, first_event. */
static struct metric_stream *load_metric(struct sqlite_rows *q)
{
    struct metric_text text = metric_text_read(q, 8);
    struct metric_stream *m = metric_new(&text);
    m->derived_through = sqlite_int(q, 12);
    m->first_event = sqlite_null(q, 13) ? INT64_MAX : sqlite_int(q, 13);
    return m;
}

static int load_streams(struct catalog *c, struct sqlite *db, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        db,
        "SELECT num, probe, kind, key, faster_than, classify, rolled_through, days_through,"
        " " METRIC_COLUMNS ", derived_through, first_event, measure, bound FROM roll_stream",
        NULL, reterr);
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        struct stream s = {
            .num = sqlite_int(q, 0),
            .probe = sqlite_int(q, 1),
            .kind = (enum stream_kind)sqlite_int(q, 2),
            .sli = {.faster_than_us = sqlite_int(q, 4),
                    .measure = (enum answer_measure)sqlite_int(q, 14),
                    .bound = sqlite_int(q, 15)},
            .rolled_through = sqlite_int(q, 6),
            .days_through = sqlite_int(q, 7),
        };
        if (s.probe < 1 || s.probe > (int64_t)c->probes.len) {
            sqlite_end(q);
            return err_set(reterr, "the roll_stream table is damaged: unknown probe");
        }
        if (s.kind == STREAM_METRIC)
            s.metric = load_metric(q);
        if (!is_stream(&s, catalog_at(c, s.probe)->raw_since)) {
            metric_free(s.metric);
            sqlite_end(q);
            return err_set(reterr, "the roll_stream table is damaged: how far '%s' is rolled up",
                           catalog_at(c, s.probe)->id);
        }
        size_t n;
        const void *map = sqlite_blob(q, 5, &n);
        classify_load(s.sli.classify, map, n);
        s.sli.key = mem_strdup(sqlite_text(q, 3));
        catalog_push_stream(c, s);
    }
    return rc;
}

int catalog_load(struct catalog *c, struct sqlite *db, struct err *reterr)
{
    catalog_clear(c);
    if (load_probes(c, db, reterr) < 0 || load_revisions(c, db, reterr) < 0)
        return -1;
    return load_streams(c, db, reterr);
}
