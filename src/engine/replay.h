/*
 * Replay: the alert transitions that stored history would have caused by the SLOs
 * of a snapshot, which need not be those that were in force. It is the daemon's
 * own evaluator that runs, over results in the order in which they were done, by
 * a clock that goes from one evaluation to the next: the same rows and the same
 * files give the same transitions, whenever they are asked for.
 *
 * Evaluations are those after `from_us` up to `to_us`, at every multiple of 10 s,
 * also where no prober ran. Windows hold what was done before `from_us`, as when a
 * daemon starts; no alert goes on from before.
 *
 * Reads pages of results in one short snapshot each: memory depends on the number
 * of probes, not on the span. Blocks; not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "nines/alert.h"
#include "nines/config.h"

#include <stddef.h>
#include <stdint.h>

#define REPLAY_SPAN_MAX (3660 * USEC_PER_DAY)

struct slo_select; /* model/select.h */

struct replay_options {
    struct config *config;           /* whose SLOs, apart from those that do not alert */
    const char *slo;                 /* only those of this name; NULL: all */
    const struct slo_select *select; /* only those of these that fit; NULL: all */
    int64_t from_us, to_us;          /* at most REPLAY_SPAN_MAX apart */
    /* Each transition, in order. Its strings are the snapshot's. */
    void (*transition)(void *ctx, const struct alert_transition *t);
    /* An SLO that is left out: nothing is known of this probe. May be NULL. */
    void (*left_out)(void *ctx, const struct slo_def *slo, const char *probe);
    /* An SLO of metrics whose series were looked for only since then, though the probe
     * ran before: nothing is known of it until then. May be NULL. */
    void (*asked_late)(void *ctx, const struct slo_def *slo, int64_t since_us);
    /* Every now and then: evaluations up to here have been run. May be NULL. */
    void (*progress)(void *ctx, int64_t at_us);
    void *ctx;
};

struct replay_totals {
    size_t slos;
    int64_t results, evaluations;
};

/* -1 also when there is no such SLO, or when results that it would take have been
 * deleted; the error says from when on they are there. */
int replay_run(const char *database, const struct replay_options *o, struct replay_totals *ret,
               struct err *reterr);
