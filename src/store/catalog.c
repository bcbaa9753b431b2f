#include "store/catalog.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "io/sqlite.h"
#include "store/metric.h"
#include "store/samples.h"

#include <assert.h>

void catalog_clear(struct catalog *c)
{
    for (size_t i = 0; i < c->probes.len; i++) {
        free(c->probes.at[i].id);
        feed_free(c->probes.at[i].feed);
    }
    for (size_t i = 0; i < c->streams.len; i++) {
        free((void *)(uintptr_t)c->streams.at[i].sli.key);
        metric_free(c->streams.at[i].metric);
    }
    c->behind = 0;
    vec_clear(&c->probes);
    vec_clear(&c->streams);
    table_release(&c->by_id);
}

void catalog_release(struct catalog *c)
{
    catalog_clear(c);
    vec_release(&c->probes);
    vec_release(&c->streams);
}

void catalog_push_probe(struct catalog *c, const struct catalog_probe *p)
{
    vec_push(&c->probes, *p);
    table_set(&c->by_id, p->id, (void *)(uintptr_t)p->num);
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

void catalog_push_stream(struct catalog *c, struct stream s)
{
    struct catalog_probe *p = catalog_at(c, s.probe);
    s.next = p->first_stream;
    p->first_stream = c->streams.len;
    p->metric |= s.metric != NULL;
    p->answers |= s.kind == STREAM_ANSWERS;
    c->behind += s.metric && s.metric->derived_through < DERIVED_ALL;
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
                                  .rolled_min = INT64_MAX,
                                  .newest_slot = NEWEST_UNKNOWN};
        catalog_push_probe(c, &p);
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

static bool same_sli(const struct stream *s, const struct sli_def *b)
{
    const struct sli_def *a = &s->sli;
    if (a->faster_than_us != b->faster_than_us || a->measure != b->measure ||
        a->bound != b->bound || memcmp(a->classify, b->classify, sizeof(a->classify)) != 0)
        return false;
    if (!s->metric)
        return true;
    struct metric_text text = metric_text(b->metric);
    return metric_text_same(&s->metric->text, &text);
}

/* Writes down what a metric stream is, as of now; nothing is derived yet. */
static int define_metric(struct sqlite *db, struct stream *s, const struct sli_metric *def,
                         struct err *reterr)
{
    struct metric_text t = metric_text(def);
    if (sqlite_run(db,
                   "UPDATE roll_stream SET good_series = ?2, bad_series = ?3, total_series = ?4,"
                   " condition = ?5, derived_through = 0, first_event = NULL"
                   " WHERE num = ?1",
                   BIND(v_int(s->num), v_text(t.good), v_text(t.bad), v_text(t.total),
                        v_text(t.condition)),
                   reterr) < 0)
        return -1;
    if (!s->metric)
        s->metric = metric_new(&t);
    else
        metric_redefine(s->metric, &t);
    s->metric->derived_through = 0;
    s->metric->first_event = INT64_MAX;
    return 0;
}

static int add_stream(struct catalog *c, struct sqlite *db, int64_t probe, enum stream_kind kind,
                      const struct sli_def *sli, struct err *reterr)
{
    int64_t since = catalog_at(c, probe)->raw_since;
    if (sqlite_run(db,
                   "INSERT INTO roll_stream(probe, kind, key, faster_than, classify,"
                   " rolled_through, since, days_through, measure, bound)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9)",
                   BIND(v_int(probe), v_int(kind), v_text(sli->key), v_int(sli->faster_than_us),
                        v_blob(sli->classify, sizeof(sli->classify)), v_int(since),
                        v_int(day_floor(since)), v_int(sli->measure), v_int(sli->bound)),
                   reterr) < 0)
        return -1;
    struct stream s = {.num = sqlite_last_id(db),
                       .probe = probe,
                       .kind = kind,
                       .sli = *sli,
                       .rolled_through = since,
                       .days_through = day_floor(since)};
    s.sli.probe = NULL;
    s.sli.metric = NULL;
    if (sli->metric && define_metric(db, &s, sli->metric, reterr) < 0)
        return -1;
    s.sli.key = mem_strdup(sli->key);
    catalog_push_stream(c, s);
    return 0;
}

/* One key with two meanings is a defect elsewhere, but must not give wrong
 * numbers here: the rollups start again. */
static int redefine_stream(struct catalog *c, struct sqlite *db, struct stream *s,
                           const struct sli_def *sli, struct err *reterr)
{
    int64_t since = catalog_at(c, s->probe)->raw_since;
    if (sqlite_run(db,
                   "UPDATE roll_stream SET faster_than = ?2, classify = ?3, since = ?4,"
                   " measure = ?5, bound = ?6 WHERE num = ?1",
                   BIND(v_int(s->num), v_int(sli->faster_than_us),
                        v_blob(sli->classify, sizeof(sli->classify)), v_int(since),
                        v_int(sli->measure), v_int(sli->bound)),
                   reterr) < 0 ||
        catalog_set_rolled(c, db, s, 0, reterr) < 0 ||
        catalog_set_rolled(c, db, s, since, reterr) < 0)
        return -1;
    if (s->metric) {
        c->behind += s->metric->derived_through == DERIVED_ALL;
        if (define_metric(db, s, sli->metric, reterr) < 0)
            return -1;
    }
    s->sli.faster_than_us = sli->faster_than_us;
    s->sli.measure = sli->measure;
    s->sli.bound = sli->bound;
    memcpy(s->sli.classify, sli->classify, sizeof(s->sli.classify));
    return 0;
}

/* Of the whole probe, whatever SLIs it has. */
static int whole_stream(struct catalog *c, struct sqlite *db, int64_t probe, enum stream_kind kind,
                        struct err *reterr)
{
    struct sli_def none = {.key = ""};
    memset(none.classify, -1, sizeof(none.classify));
    return find_stream(c, probe, kind, "") ? 0 : add_stream(c, db, probe, kind, &none, reterr);
}

int catalog_stream(struct catalog *c, struct sqlite *db, int64_t probe, const struct sli_def *sli,
                   struct err *reterr)
{
    if (!sli)
        return whole_stream(c, db, probe, STREAM_LATENCY, reterr);
    enum stream_kind kind = sli->metric ? STREAM_METRIC : STREAM_SLI;
    struct stream *s = find_stream(c, probe, kind, sli->key);
    if (!s)
        return add_stream(c, db, probe, kind, sli, reterr);
    return same_sli(s, sli) ? 0 : redefine_stream(c, db, s, sli, reterr);
}

int catalog_answers(struct catalog *c, struct sqlite *db, int64_t probe, struct err *reterr)
{
    if (catalog_at(c, probe)->answers)
        return 0;
    for (enum stream_kind kind = STREAM_TTFT; kind <= STREAM_ANSWERS; kind++)
        if (whole_stream(c, db, probe, kind, reterr) < 0)
            return -1;
    return 0;
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
    for (size_t i = catalog_at(c, probe)->first_stream; i != STREAM_NONE;
         i = c->streams.at[i].next) {
        struct stream *s = &c->streams.at[i];
        if (!s->metric && catalog_touch_stream(c, db, s, slot_us, reterr) < 0)
            return -1;
    }
    return 0;
}

int catalog_touch_stream(struct catalog *c, struct sqlite *db, struct stream *s, int64_t slot_us,
                         struct err *reterr)
{
    int64_t hour = hour_floor(slot_us);
    assert(hour >= catalog_at(c, s->probe)->raw_since); /* the rollups are all there is */
    return s->rolled_through > hour ? catalog_set_rolled(c, db, s, hour, reterr) : 0;
}

int catalog_set_derived(struct catalog *c, struct sqlite *db, struct stream *s, int64_t through_us,
                        struct err *reterr)
{
    struct metric_stream *m = s->metric;
    if (m->first_event >= through_us)
        m->first_event = INT64_MAX;
    if (sqlite_run(db,
                   "UPDATE roll_stream SET derived_through = ?2, first_event ="
                   " CASE WHEN first_event >= ?2 THEN NULL ELSE first_event END WHERE num = ?1",
                   BIND(v_int(s->num), v_int(through_us)), reterr) < 0)
        return -1;
    c->behind += through_us < DERIVED_ALL;
    c->behind -= m->derived_through < DERIVED_ALL;
    m->derived_through = through_us;
    return 0;
}

int catalog_saw_first(struct sqlite *db, struct stream *s, int64_t slot_us, struct err *reterr)
{
    if (slot_us >= s->metric->first_event)
        return 0;
    if (sqlite_run(db, "UPDATE roll_stream SET first_event = ?2 WHERE num = ?1",
                   BIND(v_int(s->num), v_int(slot_us)), reterr) < 0)
        return -1;
    s->metric->first_event = slot_us;
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
