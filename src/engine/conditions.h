/*
 * Conditions while the daemon runs: what probes, SLOs and the process itself alert of
 * besides burn rates (slo/conditions.h), judged behind each evaluation. Transitions come
 * out of a callback.
 *
 * An instant costs a comparison for each rule; those are looked at that can have changed:
 * of which a run failed, whose time has come, or whose alert is not over.
 *
 * Pure bookkeeping on the loop thread. What an earlier process knew is read elsewhere
 * (conditions_past.h), and no rule alerts before:
 *
 *     conditions_set_config(c, cfg)             loop thread, behind evaluator_set_config()
 *     p = conditions_past_new(c, now)           loop thread
 *     conditions_past_read(p, reader, reterr)   any thread
 *     conditions_past_merge(p, c)               loop thread
 */
#pragma once

#include "engine/alert_text.h"
#include "nines/alert.h"
#include "nines/config.h"
#include "nines/probe.h"
#include "slo/conditions.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conditions;
struct evaluator;

/* A rule and where its alert is. */
struct condition_now {
    const struct condition *def;
    struct condition_subject who; /* of the snapshot in force */
    const char *name;             /* condition_name() */
    struct alert_state state;
    bool settled; /* `state` goes on from what an earlier process stored */
};

struct conditions_hooks {
    /* `view` is as of this instant. */
    void (*transition)(void *ctx, const struct condition_now *now,
                       const struct condition_view *view, const struct alert_transition *t);
    void *ctx;
};

struct conditions *conditions_new(const struct conditions_hooks *hooks, int64_t now_us);
void conditions_free(struct conditions *c); /* NULL is fine */

/* Takes over the rules of a snapshot (holds a reference). Those that were known go on. */
void conditions_set_config(struct conditions *c, struct config *cfg);

/* One run of a probe. Ticks up to its done instant must have been run. */
void conditions_result(struct conditions *c, const char *probe, const struct observation *obs);

/* Behind the evaluator's tick at t. `failing_us`: since when commits fail; 0: they do not. */
void conditions_tick(struct conditions *c, const struct evaluator *e, int64_t failing_us,
                     int64_t t_us);

/* In the order of the snapshot: SLOs, probes, the process. Until the next snapshot. */
size_t conditions_count(const struct conditions *c);
const struct condition_now *conditions_at(const struct conditions *c, size_t i);
/* What its alert is about at the last tick: for its text. False: nothing is known yet. */
bool conditions_view(const struct conditions *c, const struct evaluator *e, size_t i,
                     struct condition_view *ret);

/* What the subject of an alert is called in transitions. */
const char *condition_subject_name(const struct condition_subject *who);

/* The rule of a transition in a snapshot; NULL: there is none any more. */
const struct condition *conditions_find(const struct config *cfg, const struct alert_transition *t);
