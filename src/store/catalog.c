#include "store/catalog.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "io/sqlite.h"

#include <assert.h>

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

bool catalog_is_schedule(const struct probe_revision *rev)
{
    return catalog_is_start(rev->since_us, 1) && rev->interval_us > 0 &&
           rev->interval_us <= WHEN_END_US && rev->phase_us >= 0 &&
           rev->phase_us < rev->interval_us && rev->timeout_us >= 0 &&
           rev->timeout_us <= WHEN_END_US;
}

static void clear(struct catalog *c)
{
    for (size_t i = 0; i < c->probes.len; i++)
        free(c->probes.at[i].id);
    for (size_t i = 0; i < c->streams.len; i++)
        free((void *)(uintptr_t)c->streams.at[i].sli.key);
    vec_clear(&c->probes);
    vec_clear(&c->streams);
    table_release(&c->by_id);
}

void catalog_release(struct catalog *c)
{
    clear(c);
    vec_release(&c->probes);
    vec_release(&c->streams);
}

static void push_probe(struct catalog *c, const struct catalog_probe *p)
{
    vec_push(&c->probes, *p);
    table_set(&c->by_id, p->id, (void *)(uintptr_t)p->num);
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
        };
        push_probe(c, &p);
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
    struct sqlite_rows *q = sqlite_query(
        db,
        "SELECT probe, since, interval, phase, timeout FROM probe_revision ORDER BY probe, since",
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
        if (!catalog_is_schedule(&p->newest)) {
            sqlite_end(q);
            return err_set(reterr,
                           "the probe_revision table is damaged: no probe has a schedule like '%s'",
                           p->id);
        }
    }
    return rc;
}

static void note_stream(struct catalog_probe *p, const struct stream *s)
{
    if (s->rolled_through < p->rolled_min)
        p->rolled_min = s->rolled_through;
    if (s->rolled_through > p->rolled_max)
        p->rolled_max = s->rolled_through;
    if (s->days_through < day_floor(s->rolled_through))
        p->days_behind = true;
}

static void push_stream(struct catalog *c, struct stream s)
{
    struct catalog_probe *p = catalog_at(c, s.probe);
    s.next = p->first_stream;
    p->first_stream = c->streams.len;
    vec_push(&c->streams, s);
    note_stream(p, &s);
}

static void sum_up_streams(struct catalog *c, struct catalog_probe *p)
{
    p->rolled_min = INT64_MAX;
    p->rolled_max = 0;
    p->days_behind = false;
    for (size_t i = p->first_stream; i != STREAM_NONE; i = c->streams.at[i].next)
        note_stream(p, &c->streams.at[i]);
}

static bool is_stream(const struct stream *s, int64_t raw_since_us)
{
    return catalog_is_start(s->rolled_through, USEC_PER_HOUR) &&
           catalog_is_start(s->days_through, USEC_PER_DAY) && s->rolled_through >= raw_since_us &&
           s->days_through <= s->rolled_through;
}

static int load_streams(struct catalog *c, struct sqlite *db, struct err *reterr)
{
    struct sqlite_rows *q = sqlite_query(
        db,
        "SELECT num, probe, kind, key, faster_than, classify, rolled_through, days_through"
        " FROM roll_stream",
        NULL, reterr);
    int rc;
    if (!q)
        return -1;
    while ((rc = sqlite_next(q, reterr)) > 0) {
        struct stream s = {
            .num = sqlite_int(q, 0),
            .probe = sqlite_int(q, 1),
            .kind = (enum stream_kind)sqlite_int(q, 2),
            .sli = {.faster_than_us = sqlite_int(q, 4)},
            .rolled_through = sqlite_int(q, 6),
            .days_through = sqlite_int(q, 7),
        };
        if (s.probe < 1 || s.probe > (int64_t)c->probes.len) {
            sqlite_end(q);
            return err_set(reterr, "the roll_stream table is damaged: unknown probe");
        }
        if (!is_stream(&s, catalog_at(c, s.probe)->raw_since)) {
            sqlite_end(q);
            return err_set(reterr, "the roll_stream table is damaged: how far '%s' is rolled up",
                           catalog_at(c, s.probe)->id);
        }
        size_t n;
        const void *map = sqlite_blob(q, 5, &n);
        classify_load(s.sli.classify, map, n);
        s.sli.key = mem_strdup(sqlite_text(q, 3));
        push_stream(c, s);
    }
    return rc;
}

int catalog_load(struct catalog *c, struct sqlite *db, struct err *reterr)
{
    clear(c);
    if (load_probes(c, db, reterr) < 0 || load_revisions(c, db, reterr) < 0)
        return -1;
    return load_streams(c, db, reterr);
}

struct catalog_probe *catalog_at(struct catalog *c, int64_t num)
{
    assert(num >= 1 && num <= (int64_t)c->probes.len);
    return &c->probes.at[num - 1];
}

int64_t catalog_find(const struct catalog *c, const char *id)
{
    return (int64_t)(uintptr_t)table_get(&c->by_id, id);
}

int catalog_probe(struct catalog *c, struct sqlite *db, const char *id, int64_t *ret_num,
                  struct err *reterr)
{
    int64_t num = catalog_find(c, id);
    if (num == 0) {
        num = (int64_t)c->probes.len + 1;
        if (sqlite_run(db, "INSERT INTO probe(num, id) VALUES(?1, ?2)",
                       BIND(v_int(num), v_text(id)), reterr) < 0)
            return -1;
        struct catalog_probe p = {.num = num,
                                  .id = mem_strdup(id),
                                  .first_event = INT64_MAX,
                                  .first_stream = STREAM_NONE,
                                  .rolled_min = INT64_MAX};
        push_probe(c, &p);
    }
    *ret_num = num;
    return 0;
}

static struct stream *find_stream(struct catalog *c, int64_t probe, enum stream_kind kind,
                                  const char *key)
{
    for (size_t i = catalog_at(c, probe)->first_stream; i != STREAM_NONE;
         i = c->streams.at[i].next) {
        struct stream *s = &c->streams.at[i];
        if (s->kind == kind && str_eq(s->sli.key, key))
            return s;
    }
    return NULL;
}

static bool same_sli(const struct sli_def *a, const struct sli_def *b)
{
    return a->faster_than_us == b->faster_than_us &&
           memcmp(a->classify, b->classify, sizeof(a->classify)) == 0;
}

static int add_stream(struct catalog *c, struct sqlite *db, int64_t probe, enum stream_kind kind,
                      const struct sli_def *sli, struct err *reterr)
{
    int64_t since = catalog_at(c, probe)->raw_since;
    if (sqlite_run(db,
                   "INSERT INTO roll_stream(probe, kind, key, faster_than, classify,"
                   " rolled_through, since, days_through) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
                   BIND(v_int(probe), v_int(kind), v_text(sli->key), v_int(sli->faster_than_us),
                        v_blob(sli->classify, sizeof(sli->classify)), v_int(since),
                        v_int(day_floor(since))),
                   reterr) < 0)
        return -1;
    struct stream s = {.num = sqlite_last_id(db),
                       .probe = probe,
                       .kind = kind,
                       .sli = *sli,
                       .rolled_through = since,
                       .days_through = day_floor(since)};
    s.sli.key = mem_strdup(sli->key);
    s.sli.probe = NULL;
    push_stream(c, s);
    return 0;
}

/* One key with two meanings is a defect elsewhere, but must not give wrong
 * numbers here: the rollups start again. */
static int redefine_stream(struct catalog *c, struct sqlite *db, struct stream *s,
                           const struct sli_def *sli, struct err *reterr)
{
    int64_t since = catalog_at(c, s->probe)->raw_since;
    if (sqlite_run(db,
                   "UPDATE roll_stream SET faster_than = ?2, classify = ?3, since = ?4"
                   " WHERE num = ?1",
                   BIND(v_int(s->num), v_int(sli->faster_than_us),
                        v_blob(sli->classify, sizeof(sli->classify)), v_int(since)),
                   reterr) < 0 ||
        catalog_set_rolled(c, db, s, 0, reterr) < 0 ||
        catalog_set_rolled(c, db, s, since, reterr) < 0)
        return -1;
    s->sli.faster_than_us = sli->faster_than_us;
    memcpy(s->sli.classify, sli->classify, sizeof(s->sli.classify));
    return 0;
}

int catalog_stream(struct catalog *c, struct sqlite *db, int64_t probe, const struct sli_def *sli,
                   struct err *reterr)
{
    struct sli_def latency = {.key = ""};
    memset(latency.classify, -1, sizeof(latency.classify));
    enum stream_kind kind = sli ? STREAM_SLI : STREAM_LATENCY;
    const struct sli_def *def = sli ? sli : &latency;
    struct stream *s = find_stream(c, probe, kind, def->key);
    if (!s)
        return add_stream(c, db, probe, kind, def, reterr);
    return same_sli(&s->sli, def) ? 0 : redefine_stream(c, db, s, def, reterr);
}

static int take_back(struct sqlite *db, struct stream *s, int64_t through_us, struct err *reterr)
{
    int64_t day = day_floor(through_us);
    if (sqlite_run(db, "DELETE FROM rollup WHERE stream = ?1 AND hour >= ?2",
                   BIND(v_int(s->num), v_int(through_us)), reterr) < 0)
        return -1;
    if (day >= s->days_through)
        return 0;
    if (sqlite_run(db, "DELETE FROM rollup_day WHERE stream = ?1 AND day >= ?2",
                   BIND(v_int(s->num), v_int(day)), reterr) < 0 ||
        sqlite_run(db, "UPDATE roll_stream SET days_through = ?2 WHERE num = ?1",
                   BIND(v_int(s->num), v_int(day)), reterr) < 0)
        return -1;
    s->days_through = day;
    return 0;
}

int catalog_set_rolled(struct catalog *c, struct sqlite *db, struct stream *s, int64_t through_us,
                       struct err *reterr)
{
    if (through_us < s->rolled_through && take_back(db, s, through_us, reterr) < 0)
        return -1;
    if (sqlite_run(db, "UPDATE roll_stream SET rolled_through = ?2 WHERE num = ?1",
                   BIND(v_int(s->num), v_int(through_us)), reterr) < 0)
        return -1;
    s->rolled_through = through_us;
    sum_up_streams(c, catalog_at(c, s->probe));
    return 0;
}

int catalog_set_days(struct catalog *c, struct sqlite *db, struct stream *s, int64_t through_us,
                     struct err *reterr)
{
    assert(through_us == day_floor(through_us) && through_us <= s->rolled_through);
    if (sqlite_run(db, "UPDATE roll_stream SET days_through = ?2 WHERE num = ?1",
                   BIND(v_int(s->num), v_int(through_us)), reterr) < 0)
        return -1;
    s->days_through = through_us;
    sum_up_streams(c, catalog_at(c, s->probe));
    return 0;
}

int catalog_touch(struct catalog *c, struct sqlite *db, int64_t probe, int64_t slot_us,
                  struct err *reterr)
{
    if (slot_us >= catalog_at(c, probe)->rolled_max)
        return 0;
    int64_t hour = hour_floor(slot_us);
    assert(hour >= catalog_at(c, probe)->raw_since); /* the rollups are all there is */
    for (size_t i = catalog_at(c, probe)->first_stream; i != STREAM_NONE;
         i = c->streams.at[i].next) {
        struct stream *s = &c->streams.at[i];
        if (s->rolled_through > hour && catalog_set_rolled(c, db, s, hour, reterr) < 0)
            return -1;
    }
    return 0;
}

int64_t catalog_rolled_min(const struct catalog *c, int64_t probe)
{
    assert(probe >= 1 && probe <= (int64_t)c->probes.len);
    int64_t min = c->probes.at[probe - 1].rolled_min;
    return min == INT64_MAX ? 0 : min;
}

int catalog_set_raw_since(struct catalog *c, struct sqlite *db, int64_t probe, int64_t since_us,
                          struct err *reterr)
{
    assert(since_us == hour_floor(since_us) && since_us <= catalog_rolled_min(c, probe));
    if (sqlite_run(db, "UPDATE probe SET raw_since = ?2 WHERE num = ?1",
                   BIND(v_int(probe), v_int(since_us)), reterr) < 0)
        return -1;
    catalog_at(c, probe)->raw_since = since_us;
    return 0;
}

int catalog_set_sealed(struct catalog *c, struct sqlite *db, int64_t probe, int64_t through_us,
                       struct err *reterr)
{
    if (sqlite_run(db, "UPDATE probe SET sealed_through = ?2 WHERE num = ?1",
                   BIND(v_int(probe), v_int(through_us)), reterr) < 0)
        return -1;
    catalog_at(c, probe)->sealed_through = through_us;
    return 0;
}

int catalog_saw_event(struct catalog *c, struct sqlite *db, int64_t probe, int64_t slot_us,
                      struct err *reterr)
{
    struct catalog_probe *p = catalog_at(c, probe);
    if (slot_us >= p->first_event)
        return 0;
    if (sqlite_run(db, "UPDATE probe SET first_event = ?2 WHERE num = ?1",
                   BIND(v_int(probe), v_int(slot_us)), reterr) < 0)
        return -1;
    p->first_event = slot_us;
    return 0;
}
