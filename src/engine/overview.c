#include "engine/overview.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/incidents.h"
#include "engine/query.h"
#include "model/select.h"
#include "nines/probe.h"
#include "slo/expected.h"

#define RUNNING_US (30 * USEC_PER_SEC)

/* How far back a probe's newest result is looked for, growing from two slots. */
#define LOOK_BACK_MAX_US (2 * USEC_PER_DAY)
#define LOOK_BACK_GROWTH 16

static bool take_last(void *ctx, const struct result *r)
{
    struct overview_probe *p = ctx;
    p->last = *r;
    p->has_last = true;
    return true;
}

struct samples {
    struct arena arena;
    VEC(struct sample) list;
};

static void take_sample(void *ctx, const char *series, int64_t slot_us, double value)
{
    struct samples *s = ctx;
    (void)slot_us;
    if (series && s->list.len < SAMPLES_MAX)
        vec_push(&s->list, ((struct sample){arena_strdup(&s->arena, series), value}));
}

static int read_version(struct store_reader *r, struct overview_probe *p, struct err *reterr)
{
    free(p->version);
    p->version = NULL;
    return store_reader_version(r, p->def->id, &p->version, reterr);
}

/* What the target said in the slot, and what it runs. */
static int read_said(struct store_reader *r, struct overview_probe *p, int64_t slot_us, bool newest,
                     struct err *reterr)
{
    struct samples s = {0};
    int rc = newest ? read_version(r, p, reterr) : 0;
    if (rc == 0 && p->def->kind->samples)
        rc = store_reader_samples(r, p->def->id, slot_us, slot_us + 1, take_sample, &s, reterr);
    if (rc == 0)
        components_take(&p->components, s.list.at, s.list.len);
    vec_release(&s.list);
    arena_release(&s.arena);
    return rc;
}

/* The newest result before `at_us`. */
static int read_before(struct store_reader *r, struct overview_probe *p, int64_t at_us,
                       struct err *reterr)
{
    int64_t back = 2 * p->def->interval_us, to = at_us;
    while (!p->has_last && at_us - to < LOOK_BACK_MAX_US) {
        if (store_reader_results(r, p->def->id, to - back, to, take_last, p, reterr) < 0)
            return -1;
        to -= back;
        back *= LOOK_BACK_GROWTH;
        if (back > LOOK_BACK_MAX_US)
            back = LOOK_BACK_MAX_US;
    }
    return 0;
}

static int read_newest(struct store_reader *r, struct overview_probe *p, int64_t slot_us,
                       struct err *reterr)
{
    if (slot_us == INT64_MIN)
        return 0;
    return store_reader_results(r, p->def->id, slot_us, slot_us + 1, take_last, p, reterr);
}

static int read_message(struct store_reader *r, struct overview_probe *p, struct err *reterr)
{
    if (p->last.outcome == OUTCOME_GOOD)
        return 0;
    mem_free(&p->message);
    return store_reader_message(r, p->def->id, p->last.slot_us, &p->message, reterr);
}

static int read_probe(struct store_reader *r, struct overview_probe *p, int64_t at_us,
                      struct err *reterr)
{
    struct store_probe known = {0};
    int found = store_reader_probe(r, p->def->id, &known, reterr);
    if (found <= 0)
        return found;
    revisions_free(known.revisions, known.revision_count);
    int rc =
        at_us ? read_before(r, p, at_us, reterr) : read_newest(r, p, known.last_slot_us, reterr);
    if (rc < 0 || !p->has_last)
        return rc;
    if (read_said(r, p, p->last.slot_us, !at_us, reterr) < 0)
        return -1;
    return read_message(r, p, reterr);
}

static bool watches(const struct slo_def *slo, const struct probe_def *probe)
{
    for (size_t i = 0; i < slo->member_count; i++)
        if (slo->members[i].slo->probe == probe)
            return true;
    return slo->probe == probe;
}

static bool is_watched(const struct overview *o, const struct probe_def *probe)
{
    for (size_t i = 0; i < o->report->slo_count; i++)
        if (watches(o->report->slos[i].def, probe))
            return true;
    return false;
}

static int read_probes(struct overview *o, const struct config *cfg, struct store_reader *r,
                       bool all, struct err *reterr)
{
    o->probes = mem_array(cfg->probe_count + 1, sizeof(*o->probes));
    for (size_t i = 0; i < cfg->probe_count; i++) {
        if (!all && !is_watched(o, cfg->probes[i]))
            continue;
        struct overview_probe *p = &o->probes[o->probe_count++];
        p->def = cfg->probes[i];
        p->message = mem_strdup("");
        p->version = mem_strdup("");
        if (read_probe(r, p, o->past ? o->now_us : 0, reterr) < 0)
            return -1;
    }
    if (overview_read_spend(o, cfg, r, reterr) < 0)
        return -1;
    for (size_t i = 0; i < o->probe_count; i++) {
        const struct result *health = overview_health(&o->probes[i]);
        o->down += health && health->outcome == OUTCOME_BAD;
    }
    return 0;
}

struct alert_past {
    const struct slo_def *def;
    struct alert_state *state;
};

static bool take_transition(void *ctx, const struct alert_transition *t)
{
    struct alert_past *p = ctx;
    if (!*t->condition && str_eq(t->objective_name, p->def->objective_name))
        *p->state = t->state;
    return true;
}

static int read_alert(const struct overview *o, struct store_reader *r, const struct slo_def *def,
                      struct alert_state *ret, struct err *reterr)
{
    struct alert_past past = {def, ret};
    if (!o->past)
        return store_reader_alert(r, NULL, def->name, def->objective_name, ret, reterr);
    return store_reader_transitions(r, def->name, 0, o->now_us + 1, take_transition, &past, reterr);
}

static int read_slos(struct overview *o, struct config *cfg, struct store_reader *r,
                     const struct slo_select *select, struct err *reterr)
{
    struct query q = {
        .select = select, .at_us = o->now_us, .generated_at_us = o->now_us, .brief = true};
    if ((!o->past && query_now(r, o->now_us, &q.at_us, reterr) < 0) ||
        query_report(cfg, r, &q, &o->report, reterr) < 0)
        return -1;
    o->alerts = mem_array(o->report->slo_count + 1, sizeof(*o->alerts));
    for (size_t i = 0; i < o->report->slo_count; i++) {
        const struct slo_def *def = o->report->slos[i].def;
        if (read_alert(o, r, def, &o->alerts[i], reterr) < 0)
            return -1;
    }
    return 0;
}

/* Those that were open then, as far as it is known now. */
static int read_incidents(struct overview *o, struct config *cfg, struct store_reader *r,
                          struct err *reterr)
{
    size_t n;
    if (incidents_list(r, o->now_us + 1, &o->report->arena, &o->incidents, &n, reterr) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct incident_case *c = &o->incidents[i];
        if (c->incident.opened_us > o->now_us)
            continue;
        if (incidents_time(r, cfg, o->report->excluding, c, reterr) < 0)
            return -1;
        o->incidents[o->incident_count++] = *c;
    }
    return 0;
}

int overview_read(struct config *cfg, struct store_reader *r, const struct slo_select *select,
                  int64_t now_us, int64_t at_us, struct overview **ret, struct err *reterr)
{
    struct overview *o = mem_alloc(sizeof(*o));
    o->now_us = at_us ? at_us : now_us;
    o->past = at_us != 0;
    if (store_reader_heartbeat(r, &o->heartbeat, reterr) < 0 ||
        read_slos(o, cfg, r, select, reterr) < 0 || read_probes(o, cfg, r, !select, reterr) < 0 ||
        read_incidents(o, cfg, r, reterr) < 0 ||
        (!o->past && silencing_read(r, &o->told, reterr) < 0)) {
        overview_free(o);
        return -1;
    }
    o->running =
        !o->past && o->heartbeat.alive_us > 0 && now_us - o->heartbeat.alive_us < RUNNING_US;
    *ret = o;
    return 0;
}

void overview_free(struct overview *o)
{
    if (!o)
        return;
    overview_free_spend(o);
    for (size_t i = 0; o->probes && i < o->probe_count; i++) {
        free(o->probes[i].message);
        free(o->probes[i].version);
        components_release(&o->probes[i].components);
    }
    free(o->probes);
    free(o->alerts);
    silencing_release(&o->told);
    query_report_free(o->report);
    free(o);
}
