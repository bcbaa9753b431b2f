#include "engine/conditions_past.h"

#include "base/mem.h"
#include "engine/conditions_internal.h"
#include "slo/expected.h"

#include <stdlib.h>

#define RUNS_READ_MAX 100000 /* of a probe, far more than its newest 64 that count */

struct past_rule {
    char *key;
    const char *condition, *subject; /* the latter the snapshot's */
    char *name;
    struct alert_state state;
};

struct past_ear {
    const struct probe_def *def;
    struct run_tail runs;
};

struct conditions_past {
    struct config *config; /* a reference: names point into it */
    struct past_rule *rules;
    size_t rule_count;
    struct past_ear *ears;
    size_t ear_count;
    bool life_wanted;
    struct store_heartbeat life;
    int64_t now_us;
};

/* ---- what is wanted ---------------------------------------------------------------- */

static void want_rule(struct conditions_past *p, const struct rule *r)
{
    p->rules[p->rule_count++] = (struct past_rule){
        .key = mem_strdup(r->key),
        .condition = condition_info(r->now.def->kind)->name,
        .subject = condition_subject_name(&r->now.who),
        .name = mem_strdup(r->now.name),
    };
}

static void want_ear(struct conditions_past *p, struct ear *ear)
{
    ear->runs = (struct run_tail){0};
    ear->attached_us = p->now_us;
    p->ears[p->ear_count++] = (struct past_ear){.def = config_probe(p->config, ear->id)};
}

struct conditions_past *conditions_past_new(struct conditions *c, int64_t now_us)
{
    struct conditions_past *p = mem_alloc(sizeof(*p));
    p->config = config_ref(c->config);
    p->now_us = now_us;
    p->life_wanted = !c->lived;
    p->rules = mem_array(c->n, sizeof(*p->rules));
    p->ears = mem_array(c->ears.len, sizeof(*p->ears));
    for (size_t i = 0; i < c->n; i++)
        if (!c->rules[i].now.settled)
            want_rule(p, &c->rules[i]);
    for (size_t i = 0; i < c->ears.len; i++)
        if (!c->ears.at[i]->settled)
            want_ear(p, c->ears.at[i]);
    return p;
}

/* ---- reading ------------------------------------------------------------------------- */

struct run {
    int64_t done_us;
    uint8_t outcome;
};

struct runs {
    VEC(struct run) at;
    int64_t until_us; /* those done by then */
    size_t read;
};

static bool take_run(void *ctx, const struct result *r)
{
    struct runs *runs = ctx;
    runs->read++;
    if (r->done_us > runs->until_us)
        return true;
    if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)
        vec_push(&runs->at, ((struct run){r->done_us, r->outcome}));
    return true;
}

static int by_done(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    return (x->done_us > y->done_us) - (x->done_us < y->done_us);
}

static int longest_tail(const struct probe_def *def)
{
    int most = 0;
    for (size_t i = 0; i < def->conditions.n; i++)
        if (def->conditions.at[i].kind == CONDITION_FAILURES && def->conditions.at[i].of > most)
            most = def->conditions.at[i].of;
    return most;
}

/* Backwards in steps that grow: where hours or gaps lie between runs there are few rows. */
static int read_back(const struct past_ear *ear, const struct store_probe *known,
                     struct store_reader *r, struct runs *runs, struct err *reterr)
{
    int64_t to_us = known->last_slot_us + 1, step_us = CONDITION_RUNS_MAX * ear->def->interval_us;
    int64_t begin_us = known->first_event_us;
    if (begin_us < known->raw_since_us)
        begin_us = known->raw_since_us;
    while (runs->at.len < CONDITION_RUNS_MAX && runs->read < RUNS_READ_MAX && to_us > begin_us) {
        int64_t from_us = to_us - step_us > begin_us ? to_us - step_us : begin_us;
        if (store_reader_results(r, ear->def->id, from_us, to_us, take_run, runs, reterr) < 0)
            return -1;
        to_us = from_us;
        step_us *= 2;
    }
    return 0;
}

static int read_ear(const struct conditions_past *p, struct past_ear *ear, struct store_reader *r,
                    struct err *reterr)
{
    struct store_probe known;
    struct runs runs = {.until_us = p->now_us};
    int rc = longest_tail(ear->def) ? store_reader_probe(r, ear->def->id, &known, reterr) : 0;
    if (rc <= 0)
        return rc;
    revisions_free(known.revisions, known.revision_count);
    rc = known.last_slot_us == INT64_MIN ? 0 : read_back(ear, &known, r, &runs, reterr);
    if (runs.at.len)
        qsort(runs.at.at, runs.at.len, sizeof(*runs.at.at), by_done);
    for (size_t i = 0; i < runs.at.len; i++)
        run_tail_add(&ear->runs, (enum outcome)runs.at.at[i].outcome);
    vec_release(&runs.at);
    return rc;
}

int conditions_past_read(struct conditions_past *p, struct store_reader *r, struct err *reterr)
{
    if (store_reader_begin(r, reterr) < 0)
        return -1;
    int rc = p->life_wanted ? store_reader_heartbeat(r, &p->life, reterr) : 0;
    for (size_t i = 0; rc == 0 && i < p->rule_count; i++) {
        struct past_rule *rule = &p->rules[i];
        rc =
            store_reader_alert(r, rule->condition, rule->subject, rule->name, &rule->state, reterr);
    }
    for (size_t i = 0; rc == 0 && i < p->ear_count; i++)
        rc = read_ear(p, &p->ears[i], r, reterr);
    store_reader_end(r);
    return rc;
}

/* ---- merging --------------------------------------------------------------------------- */

/* A restart that is as short as a gap may be is none. */
static void merge_life(const struct conditions_past *p, struct conditions *c)
{
    c->lived = true;
    if (!p->life.alive_us)
        return;
    if (p->now_us - p->life.alive_us < CONDITION_GAP_US) {
        c->listens_us = p->life.started_us < c->listens_us ? p->life.started_us : c->listens_us;
        return;
    }
    c->gap_from_us = p->life.alive_us;
    c->gap_to_us = c->listens_us;
}

/* What came meanwhile is newer. */
static void merge_ear(const struct past_ear *past, struct ear *ear)
{
    uint64_t newer = ear->runs.bad;
    int n = ear->runs.n;
    ear->settled = true;
    if (n == CONDITION_RUNS_MAX)
        return;
    ear->runs.bad = past->runs.bad << n | newer;
    ear->runs.n = past->runs.n + n < CONDITION_RUNS_MAX ? past->runs.n + n : CONDITION_RUNS_MAX;
}

void conditions_past_merge(const struct conditions_past *p, struct conditions *c)
{
    if (p->life_wanted && !c->lived)
        merge_life(p, c);
    for (size_t i = 0; i < p->ear_count; i++) {
        struct ear *ear = table_get(&c->by_id, p->ears[i].def->id);
        if (ear && !ear->settled && ear->attached_us == p->now_us)
            merge_ear(&p->ears[i], ear);
    }
    for (size_t i = 0; i < p->rule_count; i++) {
        struct rule *rule = table_get(&c->by_key, p->rules[i].key);
        if (!rule || rule->now.settled)
            continue;
        rule->now.state = p->rules[i].state;
        rule->now.settled = true;
        c->due[rule - c->rules] = 0;
    }
}

size_t conditions_past_on(const struct conditions_past *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->rule_count; i++)
        n += alert_is_on(&p->rules[i].state);
    return n;
}

void conditions_past_free(struct conditions_past *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->rule_count; i++) {
        free(p->rules[i].key);
        free(p->rules[i].name);
    }
    free(p->rules);
    free(p->ears);
    config_unref(p->config);
    free(p);
}
