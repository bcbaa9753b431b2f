#include "engine/replay.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "base/vec.h"
#include "base/when.h"
#include "engine/attach.h"
#include "engine/evaluate.h"
#include "engine/excluding.h"
#include "engine/replay_feed.h"
#include "model/select.h"
#include "nines/probe.h"
#include "nines/store_reader.h"
#include "slo/expected.h"

#include <string.h>

#define PROGRESS_EVERY 64 /* evaluations */

struct replay {
    const struct replay_options *o;
    struct replay_totals *totals;
    struct store_reader *reader;
    struct config *chosen; /* the SLOs that are replayed, and nothing else */
    struct evaluator *evaluator;
    struct table probes; /* struct feed by id */
    VEC(struct feed *) feeds;
    VEC(struct feed *) heap; /* by the first row: the earliest one on top */
};

/* ---- what is replayed --------------------------------------------------------------- */

static struct feed *need_feed(struct replay *rp, const struct probe_def *def, bool samples)
{
    struct feed *f = table_get(&rp->probes, def->id);
    if (f) {
        f->samples |= samples;
        return f;
    }
    f = mem_alloc(sizeof(*f));
    feed_init(f, def->id, samples, def->interval_us, rp->o->from_us, rp->o->to_us);
    vec_push(&rp->feeds, f);
    table_set(&rp->probes, f->probe, f);
    return f;
}

/* Of results that were deleted only minutes are known, and not when they were done. */
static int check_kept(const struct replay *rp, const char *probe, int64_t raw_since_us,
                      struct err *reterr)
{
    char at[WHEN_MAX];
    if (raw_since_us == 0 || raw_since_us <= rp->o->from_us - FEED_SETTLE_US)
        return 0;
    return err_set(reterr,
                   "older results of probe '%s' have been deleted; a replay can begin at %s", probe,
                   when_text(at, raw_since_us + FEED_SETTLE_US));
}

/* Scrapes that did not look for all of its series are none of a metric SLI's. */
static int check_asked(const struct replay *rp, const struct slo_def *slo, int64_t first_event_us,
                       struct err *reterr)
{
    const struct replay_options *o = rp->o;
    struct sli_asked asked;
    if (!slo->sli.metric || !o->asked_late)
        return 0;
    if (store_reader_sli_asked(rp->reader, &slo->sli, &asked, reterr) < 0)
        return -1;
    if (asked.since_us > o->from_us && asked.since_us > first_event_us)
        o->asked_late(o->ctx, slo, asked.since_us);
    return 0;
}

/* 1: the database knows its probe. */
static int check_part(const struct replay *rp, const struct slo_def *slo, struct err *reterr)
{
    struct store_probe known;
    int rc = store_reader_probe(rp->reader, slo->sli.probe, &known, reterr);
    if (rc <= 0)
        return rc;
    revisions_free(known.revisions, known.revision_count);
    if (check_kept(rp, slo->sli.probe, known.raw_since_us, reterr) < 0 ||
        check_asked(rp, slo, known.first_event_us, reterr) < 0)
        return -1;
    return 1;
}

/* What of the SLO the database does not know is left in *ret_unknown. 1: it knows all. */
static int check_slo(const struct replay *rp, const struct slo_def *slo,
                     const struct slo_def **ret_unknown, struct err *reterr)
{
    int rc = 1;
    for (size_t i = 0; rc == 1 && i < slo_part_count(slo); i++) {
        *ret_unknown = slo_part(slo, i);
        rc = check_part(rp, *ret_unknown, reterr);
    }
    return rc;
}

static void need_feeds(struct replay *rp, const struct slo_def *slo)
{
    const struct probe_def *def = slo->probe;
    need_feed(rp, def, slo->sli.metric != NULL);
    for (size_t i = 0; i < def->depends_on_count; i++)
        need_feed(rp, def->depends_on[i], false);
}

static int choose(struct replay *rp, struct slo_def *slo, struct err *reterr)
{
    const struct replay_options *o = rp->o;
    const struct slo_def *unknown;
    int rc = check_slo(rp, slo, &unknown, reterr);
    if (rc == 0 && o->left_out)
        o->left_out(o->ctx, slo, unknown->sli.probe);
    if (rc <= 0)
        return rc;
    rp->chosen->slos[rp->chosen->slo_count++] = slo;
    for (size_t i = 0; i < slo_part_count(slo); i++)
        need_feeds(rp, slo_part(slo, i));
    return 0;
}

static int unknown_slo(const struct replay *rp, struct err *reterr)
{
    const struct config *cfg = rp->o->config;
    const char **names = mem_array(cfg->slo_count + 1, sizeof(*names));
    for (size_t i = 0; i < cfg->slo_count; i++)
        names[i] = cfg->slos[i]->name;
    const char *near = str_nearest(rp->o->slo, names, cfg->slo_count);
    err_set(reterr, "unknown SLO '%s'%s%s%s", rp->o->slo, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    free(names);
    return -1;
}

static int choose_all(struct replay *rp, struct err *reterr)
{
    const struct config *cfg = rp->o->config;
    size_t named = 0, alerting = 0;
    if (slo_select_check(cfg, rp->o->slo, rp->o->select, reterr) < 0)
        return -1;
    rp->chosen->slos = arena_alloc(&rp->chosen->arena, (cfg->slo_count + 1) * sizeof(*cfg->slos));
    for (size_t i = 0; i < cfg->slo_count; i++) {
        struct slo_def *slo = cfg->slos[i];
        if ((rp->o->slo && !str_eq(slo->name, rp->o->slo)) || !slo_select_fits(rp->o->select, slo))
            continue;
        named++;
        if (!slo->alerting || slo->tier_count == 0)
            continue;
        alerting++;
        if (choose(rp, slo, reterr) < 0)
            return -1;
    }
    rp->totals->slos = rp->chosen->slo_count;
    if (named == 0 && rp->o->slo)
        return unknown_slo(rp, reterr);
    if (alerting == 0)
        return err_set(reterr,
                       rp->o->slo      ? "SLO '%s' does not alert"
                       : rp->o->select ? "none of the SLOs chosen alerts"
                                       : "no SLO alerts",
                       rp->o->slo);
    if (rp->chosen->slo_count == 0)
        return err_set(reterr, "the database has no results for any of the SLOs");
    return 0;
}

/* ---- where it begins ------------------------------------------------------------------ */

static void on_transition(void *ctx, const struct slo_view *view, const struct alert_transition *t)
{
    const struct replay *rp = ctx;
    (void)view;
    rp->o->transition(rp->o->ctx, t);
}

/* How a probe that others depend on was seen last. */
struct seen {
    int64_t at_us; /* as of then */
    int64_t slot_us;
    enum outcome outcome;
};

static bool see(void *ctx, const struct result *r)
{
    struct seen *s = ctx;
    if (r->done_us <= s->at_us && (r->outcome == OUTCOME_GOOD || r->outcome == OUTCOME_BAD)) {
        s->slot_us = r->slot_us;
        s->outcome = (enum outcome)r->outcome;
    }
    return true;
}

static int set_outcome(struct replay *rp, const struct probe_def *def, struct err *reterr)
{
    struct seen s = {.at_us = rp->o->from_us, .slot_us = INT64_MIN};
    int64_t since_us = s.at_us - 2 * def->interval_us - def->timeout_us;
    if (store_reader_results(rp->reader, def->id, since_us, s.at_us + 1, see, &s, reterr) < 0)
        return -1;
    if (s.slot_us != INT64_MIN)
        evaluator_set_outcome(rp->evaluator, def->id, s.slot_us, s.outcome);
    return 0;
}

static int set_depended(struct replay *rp, const struct probe_def *def, struct err *reterr)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < def->depends_on_count; i++)
        rc = set_outcome(rp, def->depends_on[i], reterr);
    return rc;
}

static int set_outcomes(struct replay *rp, struct err *reterr)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rp->chosen->slo_count; i++) {
        const struct slo_def *slo = rp->chosen->slos[i];
        for (size_t k = 0; rc == 0 && k < slo_part_count(slo); k++)
            rc = set_depended(rp, slo_part(slo, k)->probe, reterr);
    }
    return rc;
}

static int begin(struct replay *rp, const char *database, struct err *reterr)
{
    const struct alert_state inactive = {0};
    struct evaluator_hooks hooks = {on_transition, rp};
    struct excluding *excluding;
    if (excluding_read(rp->o->config, rp->reader, &excluding, reterr) < 0)
        return -1;
    rp->evaluator = evaluator_new(&hooks, rp->o->from_us);
    evaluator_set_past(rp->evaluator);
    evaluator_set_config(rp->evaluator, rp->chosen, excluding, rp->o->from_us);
    excluding_unref(excluding);
    for (size_t i = 0; i < rp->chosen->slo_count; i++) {
        const struct slo_def *slo = rp->chosen->slos[i];
        evaluator_set_alert(rp->evaluator, slo->name, slo->objective_name, &inactive);
    }
    struct attach *a = attach_new(rp->evaluator, rp->chosen);
    int rc = attach_read(a, database);
    if (rc == 0)
        attach_merge(a, rp->evaluator);
    else
        err_set(reterr, "%s", attach_error(a));
    attach_free(a);
    return rc < 0 ? -1 : set_outcomes(rp, reterr);
}

/* ---- all probes in order ----------------------------------------------------------------- */

static bool earlier(const struct feed *a, const struct feed *b)
{
    const struct result *x = &feed_first(a)->result, *y = &feed_first(b)->result;
    if (x->done_us != y->done_us)
        return x->done_us < y->done_us;
    return x->slot_us != y->slot_us ? x->slot_us < y->slot_us : a->order < b->order;
}

static void sift_down(struct replay *rp, size_t i)
{
    for (;;) {
        size_t first = i, left = 2 * i + 1;
        for (size_t k = left; k < left + 2 && k < rp->heap.len; k++)
            if (earlier(rp->heap.at[k], rp->heap.at[first]))
                first = k;
        if (first == i)
            return;
        struct feed *f = rp->heap.at[i];
        rp->heap.at[i] = rp->heap.at[first];
        rp->heap.at[first] = f;
        i = first;
    }
}

static int by_probe(const void *a, const void *b)
{
    const struct feed *const *x = a, *const *y = b;
    return strcmp((*x)->probe, (*y)->probe);
}

static int fill_heap(struct replay *rp, struct err *reterr)
{
    qsort(rp->feeds.at, rp->feeds.len, sizeof(*rp->feeds.at), by_probe);
    for (size_t i = 0; i < rp->feeds.len; i++) {
        struct feed *f = rp->feeds.at[i];
        f->order = i;
        int rc = feed_fill(f, rp->reader, reterr);
        if (rc < 0)
            return -1;
        if (rc > 0)
            vec_push(&rp->heap, f);
    }
    for (size_t i = rp->heap.len / 2; i-- > 0;)
        sift_down(rp, i);
    return 0;
}

static int pop(struct replay *rp, struct err *reterr)
{
    struct feed *f = rp->heap.at[0];
    feed_next(f);
    int rc = feed_fill(f, rp->reader, reterr);
    if (rc < 0)
        return -1;
    if (rc == 0)
        rp->heap.at[0] = rp->heap.at[--rp->heap.len];
    sift_down(rp, 0);
    return 0;
}

/* ---- time goes by ----------------------------------------------------------------------- */

/* One evaluation after the other: asked for all at once, they would count as
 * jumped over. */
static void evaluate_until(struct replay *rp, int64_t t_us)
{
    for (int64_t due; (due = evaluator_due(rp->evaluator)) <= t_us;) {
        evaluator_run_due(rp->evaluator, due);
        if (rp->totals->evaluations++ % PROGRESS_EVERY == 0 && rp->o->progress)
            rp->o->progress(rp->o->ctx, due);
    }
}

static void give(struct replay *rp, const struct feed *f)
{
    const struct feed_row *row = feed_first(f);
    struct observation obs = {.result = row->result, .samples = row->at, .sample_count = row->n};
    rp->totals->results++;
    if (row->measured)
        evaluator_result(rp->evaluator, f->probe, &obs);
    else
        evaluator_samples(rp->evaluator, f->probe, &obs);
}

static int run(struct replay *rp, struct err *reterr)
{
    if (fill_heap(rp, reterr) < 0)
        return -1;
    while (rp->heap.len) {
        struct feed *f = rp->heap.at[0];
        /* An evaluation sees what was done by its instant. */
        evaluate_until(rp, feed_first(f)->result.done_us - 1);
        give(rp, f);
        if (pop(rp, reterr) < 0)
            return -1;
    }
    evaluate_until(rp, rp->o->to_us);
    return 0;
}

static void release(struct replay *rp)
{
    evaluator_free(rp->evaluator);
    for (size_t i = 0; i < rp->feeds.len; i++) {
        feed_release(rp->feeds.at[i]);
        free(rp->feeds.at[i]);
    }
    table_release(&rp->probes);
    vec_release(&rp->feeds);
    vec_release(&rp->heap);
    config_unref(rp->chosen);
    store_reader_free(rp->reader);
}

int replay_run(const char *database, const struct replay_options *o, struct replay_totals *ret,
               struct err *reterr)
{
    struct replay rp = {.o = o, .totals = ret};
    *ret = (struct replay_totals){0};
    if (o->from_us >= o->to_us || o->to_us - o->from_us > REPLAY_SPAN_MAX)
        return err_set(reterr, "a replay spans up to ten years, from a time to a later one");
    if (store_reader_open(database, &rp.reader, reterr) < 0)
        return -1;
    rp.chosen = mem_alloc(sizeof(*rp.chosen));
    rp.chosen->refs = 1;
    int rc = choose_all(&rp, reterr);
    if (rc == 0)
        rc = begin(&rp, database, reterr);
    if (rc == 0)
        rc = run(&rp, reterr);
    release(&rp);
    return rc;
}
