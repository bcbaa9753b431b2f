#include "engine/attach.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/attach_targets.h"
#include "engine/attach_data.h"
#include "engine/backfill.h"
#include "engine/backfill_slices.h"
#include "engine/conditions_past.h"
#include "engine/evaluate.h"
#include "engine/gone.h"
#include "engine/stream.h"
#include "engine/versions.h"
#include "nines/probe.h"
#include "slo/expected.h"
#include "slo/live.h"
#include "slo/slices.h"

/* SLIs read as of one moment; the store's log cannot be emptied meanwhile. */
#define SLICE 200

struct attach_alert {
    const struct slo_def *slo;
    struct alert_state state;
};

/* Slices of an SLI by one of the SLOs that cut and judge them alike. */
struct attach_line {
    char key[SLICES_KEY_MAX];
    const struct slo_def *slo;
    struct live *live;
    int64_t until_us;
};

/* What was read of a pending SLI. */
struct attach_sli {
    char *key;          /* of its windows */
    struct sieve sieve; /* what is excluded of it; holds a reference to the set */
    VEC(struct attach_line) lines;
    struct store_probe probe;
    struct live *history;
    struct sli_past past;
};

/* The slices of a composite. */
struct attach_joint {
    struct pending_composite pending; /* holds references to what is excluded */
    char *key;
    struct live *history;
    int64_t until_us;
};

struct attach_version {
    const char *probe;
    char *version;
};

/* How a probe that others depend on was last seen. */
struct attach_outcome {
    const char *probe;
    int64_t slot_us; /* INT64_MIN: nothing is known */
    enum outcome outcome;
};

struct attach {
    struct config *config; /* a reference: `slis` point into it */
    struct pending_sli *slis;
    struct attach_sli *read; /* of slis[i] */
    size_t n;
    struct attach_joint *joints;
    size_t joint_count;
    struct attach_alert *alerts;
    size_t alert_count;
    struct gone *gone;
    struct conditions_past *conditions; /* NULL: not wanted */
    struct attach_version *versions;
    size_t version_count;
    VEC(struct attach_outcome) outcomes;
    struct attach_targets targets;
    struct attach_totals totals;
    struct err err;
};

/* Of what an SLO's probe depends on; once is enough, but twice does no harm. */
static void want_outcomes(struct attach *a, const struct probe_def *def)
{
    for (size_t i = 0; i < def->depends_on_count; i++)
        vec_push(&a->outcomes, ((struct attach_outcome){def->depends_on[i]->id, INT64_MIN, 0}));
}

static void want_line(struct attach_sli *r, const struct slo_def *slo, const char *key)
{
    struct attach_line line = {.slo = slo};
    bool known = slo->method == METHOD_OCCURRENCES || !str_eq(key, r->key);
    if (known)
        return;
    slices_key(slo, line.key);
    for (size_t k = 0; !known && k < r->lines.len; k++)
        known = str_eq(r->lines.at[k].key, line.key);
    if (!known)
        vec_push(&r->lines, line);
}

static void want_lines(struct attach_sli *r, const struct evaluator *e)
{
    for (size_t i = 0; i < evaluator_count(e); i++) {
        const struct slo_def *part;
        const char *key;
        for (size_t k = 0; (part = evaluator_part(e, i, k, &key)) != NULL; k++)
            want_line(r, part, key);
    }
}

static void want_joints(struct attach *a, const struct evaluator *e)
{
    size_t max = a->config->slo_count;
    struct pending_composite *pending = mem_array(max, sizeof(*pending));
    a->joint_count = evaluator_pending_composites(e, pending, max);
    a->joints = mem_array(a->joint_count, sizeof(*a->joints));
    for (size_t i = 0; i < a->joint_count; i++) {
        struct attach_joint *j = &a->joints[i];
        j->pending = pending[i];
        j->key = mem_strdup(pending[i].key);
        for (size_t k = 0; k < pending[i].slo->member_count; k++)
            exclusions_ref(pending[i].excluded[k]);
    }
    free(pending);
}

struct attach *attach_new(const struct evaluator *e, struct config *cfg)
{
    struct attach *a = mem_alloc(sizeof(*a));
    size_t most = 0;
    a->config = config_ref(cfg);
    for (size_t i = 0; i < cfg->slo_count; i++)
        most += slo_part_count(cfg->slos[i]);
    a->slis = mem_array(most, sizeof(*a->slis));
    a->n = evaluator_pending(e, a->slis, most);
    a->read = mem_array(a->n, sizeof(*a->read));
    for (size_t i = 0; i < a->n; i++) {
        a->read[i].key = mem_strdup(a->slis[i].key);
        a->read[i].sieve = a->slis[i].sieve;
        exclusions_ref(a->read[i].sieve.set);
        want_lines(&a->read[i], e);
    }
    attach_targets_want(&a->targets, e);
    want_joints(a, e);
    a->alerts = mem_array(cfg->slo_count, sizeof(*a->alerts));
    for (size_t i = 0; i < evaluator_count(e); i++) {
        const struct slo_view *v = evaluator_view(e, i);
        if (v->settled)
            continue;
        a->alerts[a->alert_count++].slo = v->def;
        for (size_t k = 0; k < slo_part_count(v->def); k++)
            want_outcomes(a, slo_part(v->def, k)->probe);
    }
    return a;
}

/* Kinds without samples look at no document that would say. */
void attach_want_versions(struct attach *a, const struct versions *known)
{
    const struct config *cfg = a->config;
    a->versions = mem_array(cfg->probe_count, sizeof(*a->versions));
    for (size_t i = 0; i < cfg->probe_count; i++)
        if (cfg->probes[i]->kind->samples && !versions_known(known, cfg->probes[i]->id))
            a->versions[a->version_count++].probe = cfg->probes[i]->id;
}

void attach_want_conditions(struct attach *a, struct conditions *c, const struct evaluator *e)
{
    /* What is told from now on is done later than this. */
    a->conditions = conditions_past_new(c, evaluator_done_us(e, 0, 0) - 1);
    for (size_t i = 0; i < a->config->probe_count; i++)
        if (a->config->probes[i]->conditions.n)
            want_outcomes(a, a->config->probes[i]);
}

static int read_stream(struct attach *a, struct sli_past *past, struct backfill *b)
{
    past->stream = stream_new(b->sli);
    if (store_reader_sli_asked(b->reader, b->sli, &past->asked, &a->err) < 0)
        return -1;
    b->asked = past->asked;
    if (backfill_stream(b, past->stream, &a->err) < 0)
        return -1;
    past->newest_us = b->newest_us;
    return store_reader_first_event(b->reader, b->sli, &past->first_event_us, &a->err);
}

static int read_lines(struct attach *a, size_t i, struct store_reader *reader)
{
    struct attach_sli *r = &a->read[i];
    struct backfill_slices b = {.reader = reader,
                                .probe = &r->probe,
                                .events = r->history,
                                .sieve = r->sieve,
                                .longest_us = a->slis[i].longest_us,
                                .attached_us = a->slis[i].attached_us};
    for (size_t k = 0; k < r->lines.len; k++) {
        struct attach_line *line = &r->lines.at[k];
        b.slo = line->slo;
        if (backfill_slices(&b, &line->live, &line->until_us, &a->err) < 0)
            return -1;
    }
    return 0;
}

static int read_sli(struct attach *a, size_t i, struct backfill *b)
{
    const struct pending_sli *p = &a->slis[i];
    struct attach_sli *r = &a->read[i];
    if (store_reader_probe(b->reader, p->sli->probe, &r->probe, &a->err) != 1 ||
        store_reader_sli_since(b->reader, p->sli, &r->past.since_us, &a->err) < 0)
        return -1;
    b->sli = p->sli;
    b->sieve = r->sieve;
    b->longest_us = p->longest_us;
    b->attached_us = p->attached_us;
    b->last_slot_us = r->probe.last_slot_us;
    /* A clock that was set back leaves slots that are yet to come. */
    b->all_done = p->first && r->probe.last_slot_us <= p->attached_us;
    if (p->sli->metric && read_stream(a, &r->past, b) < 0)
        return -1;
    if (backfill_read(b, &r->history, &a->err) < 0 ||
        attach_read_data(b->reader, p, &r->probe, &r->past.data_us, &a->err) < 0)
        return -1;
    return read_lines(a, i, b->reader);
}

static int read_slice(struct attach *a, size_t from, size_t to, struct backfill *b)
{
    int rc = store_reader_begin(b->reader, &a->err);
    if (rc < 0)
        return -1;
    for (size_t i = from; rc == 0 && i < to; i++)
        rc = read_sli(a, i, b);
    store_reader_end(b->reader);
    return rc;
}

static int read_slis(struct attach *a, struct store_reader *r)
{
    struct backfill b = {.reader = r};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n; i += SLICE)
        rc = read_slice(a, i, i + SLICE < a->n ? i + SLICE : a->n, &b);
    a->totals.slis = a->n;
    a->totals.hours = b.hours;
    a->totals.minutes = b.minutes;
    a->totals.tens = b.tens;
    a->totals.events = b.events;
    backfill_release(&b);
    return rc;
}

static int read_joint(struct attach *a, struct attach_joint *j, struct store_reader *r)
{
    struct backfill_composite b = {r, j->pending.slo, j->pending.excluded, j->pending.longest_us,
                                   j->pending.attached_us};
    if (store_reader_begin(r, &a->err) < 0)
        return -1;
    int rc = backfill_composite(&b, &j->history, &j->until_us, &a->err);
    store_reader_end(r);
    return rc;
}

static int read_joints(struct attach *a, struct store_reader *r)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->joint_count; i++)
        rc = read_joint(a, &a->joints[i], r);
    return rc;
}

static int read_alerts(struct attach *a, struct store_reader *r)
{
    int rc = store_reader_begin(r, &a->err);
    if (rc < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < a->alert_count; i++) {
        struct attach_alert *alert = &a->alerts[i];
        rc = store_reader_alert(r, NULL, alert->slo->name, alert->slo->objective_name,
                                &alert->state, &a->err);
        a->totals.alerts += alert_is_on(&alert->state);
    }
    store_reader_end(r);
    return rc;
}

static int read_versions(struct attach *a, struct store_reader *r)
{
    int rc = store_reader_begin(r, &a->err);
    if (rc < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < a->version_count; i++)
        rc = store_reader_version(r, a->versions[i].probe, &a->versions[i].version, &a->err);
    store_reader_end(r);
    return rc;
}

static bool take_outcome(void *ctx, const struct result *r)
{
    struct attach_outcome *o = ctx;
    if (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD) {
        o->slot_us = r->slot_us;
        o->outcome = (enum outcome)r->outcome;
    }
    return true;
}

/* A result that is older than two intervals and the timeout mutes nothing. */
static int read_outcome(struct attach *a, struct attach_outcome *o, struct store_reader *r)
{
    const struct probe_def *def = config_probe(a->config, o->probe);
    struct store_probe known;
    int rc = store_reader_probe(r, o->probe, &known, &a->err);
    if (rc <= 0)
        return rc;
    revisions_free(known.revisions, known.revision_count);
    if (known.last_slot_us == INT64_MIN)
        return 0;
    return store_reader_results(r, o->probe,
                                known.last_slot_us - 2 * def->interval_us - def->timeout_us,
                                known.last_slot_us + 1, take_outcome, o, &a->err);
}

static int read_outcomes(struct attach *a, struct store_reader *r)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->outcomes.len; i++)
        rc = read_outcome(a, &a->outcomes.at[i], r);
    return rc;
}

int attach_read(struct attach *a, const char *database)
{
    struct store_reader *r = NULL;
    int64_t began_ns = clock_mono_ns();
    if (store_reader_open(database, &r, &a->err) < 0)
        return -1;
    int rc = read_slis(a, r);
    if (rc == 0)
        rc = read_joints(a, r);
    if (rc == 0)
        rc = read_alerts(a, r);
    if (rc == 0)
        rc = gone_read(r, a->config, &a->gone, &a->err);
    if (rc == 0)
        rc = read_versions(a, r);
    if (rc == 0)
        rc = read_outcomes(a, r);
    if (rc == 0 && a->conditions)
        rc = conditions_past_read(a->conditions, r, &a->err);
    if (rc == 0 && a->conditions)
        a->totals.alerts += conditions_past_on(a->conditions);
    if (rc == 0)
        rc = attach_targets_read(&a->targets, r, &a->err);
    store_reader_free(r);
    a->totals.took_us = (clock_mono_ns() - began_ns) / 1000;
    return rc;
}

struct attach_totals attach_totals(const struct attach *a)
{
    return a->totals;
}

const char *attach_error(const struct attach *a)
{
    return a->err.msg;
}

static void merge_sli(const struct attach *a, size_t i, struct evaluator *e)
{
    struct attach_sli *r = &a->read[i];
    struct past_line *lines = mem_array(r->lines.len + 1, sizeof(*lines));
    for (size_t k = 0; k < r->lines.len; k++)
        lines[k] =
            (struct past_line){r->lines.at[k].key, r->lines.at[k].live, r->lines.at[k].until_us};
    r->past.live = r->history;
    r->past.lines = lines;
    r->past.line_count = r->lines.len;
    evaluator_set_history(e, a->slis[i].sli->probe, &r->probe);
    evaluator_merge(e, r->key, &r->past);
    free(lines);
}

void attach_merge(const struct attach *a, struct evaluator *e)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->read[i].history)
            merge_sli(a, i, e);
    }
    attach_targets_merge(&a->targets, e);
    for (size_t i = 0; i < a->joint_count; i++)
        if (a->joints[i].history)
            evaluator_merge_composite(e, a->joints[i].key, a->joints[i].history,
                                      a->joints[i].until_us);
    for (size_t i = 0; i < a->outcomes.len; i++)
        if (a->outcomes.at[i].slot_us != INT64_MIN)
            evaluator_set_outcome(e, a->outcomes.at[i].probe, a->outcomes.at[i].slot_us,
                                  a->outcomes.at[i].outcome);
    for (size_t i = 0; i < a->alert_count; i++)
        evaluator_set_alert(e, a->alerts[i].slo->name, a->alerts[i].slo->objective_name,
                            &a->alerts[i].state);
}

const struct gone *attach_gone(const struct attach *a)
{
    return a->gone;
}

void attach_versions(const struct attach *a, struct versions *v)
{
    for (size_t i = 0; i < a->version_count; i++)
        if (a->versions[i].version)
            versions_know(v, a->versions[i].probe, a->versions[i].version);
}

void attach_conditions(const struct attach *a, struct conditions *c)
{
    conditions_past_merge(a->conditions, c);
}

static void free_joint(struct attach_joint *j)
{
    for (size_t k = 0; k < j->pending.slo->member_count; k++)
        exclusions_unref(j->pending.excluded[k]);
    live_free(j->history);
    free(j->key);
}

void attach_free(struct attach *a)
{
    for (size_t i = 0; i < a->version_count; i++)
        free(a->versions[i].version);
    free(a->versions);
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < a->read[i].lines.len; k++)
            live_free(a->read[i].lines.at[k].live);
        vec_release(&a->read[i].lines);
        live_free(a->read[i].history);
        stream_free(a->read[i].past.stream);
        revisions_free(a->read[i].probe.revisions, a->read[i].probe.revision_count);
        exclusions_unref(a->read[i].sieve.set);
        free(a->read[i].key);
    }
    for (size_t i = 0; i < a->joint_count; i++)
        free_joint(&a->joints[i]);
    free(a->joints);
    free(a->slis);
    free(a->read);
    free(a->alerts);
    vec_release(&a->outcomes);
    gone_free(a->gone);
    conditions_past_free(a->conditions);
    attach_targets_release(&a->targets);
    config_unref(a->config);
    free(a);
}
