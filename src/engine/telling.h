/*
 * From transitions to notify_put(): what an alert says is put together here, and what of
 * it must be looked up is read on the worker pool. Loop thread, without I/O.
 *
 * Alerts are told in the order of their transitions, one read at a time. The store gets
 * TELLING_WAIT_US of real time for each, counted from its transition: then it is told
 * without. Nothing waits for anything else, the transition's own commit either: the
 * dispatcher's rows follow it in the store's queue, and messages wait for these.
 *
 * What was told of and is not over is known here, and reconciled with what should be: at a
 * start, as a process that died may have stored a transition and not told of it, or the
 * other way round, and after a reload, as labels and severities are others, or an
 * objective is gone. What is missing is told, firing, and what should not be there is
 * told to be over.
 */
#pragma once

#include "base/units.h"
#include "engine/alert_text.h"
#include "engine/conditions.h"
#include "engine/evaluate.h"
#include "nines/store.h"
#include "nines/store_reader.h"
#include "slo/conditions.h"

#include <stdbool.h>
#include <stdint.h>

struct notify;
struct telling;
struct uv_loop_s;

#define TELLING_WAIT_US (2 * USEC_PER_SEC)

struct telling_options {
    struct uv_loop_s *loop;
    const char *database; /* lives as long as the telling */
    struct store *store;
    struct notify *notify;
    bool patient; /* test clock: reads take as long as they take, so each run says the same */
    /* Nothing waits any more. */
    void (*idle)(void *ctx);
    /* Names what should be on, by telling_expect(). */
    void (*expect)(void *ctx, struct telling *t);
    void *ctx;
};

struct telling *telling_new(const struct telling_options *o);
/* Once idle. Its handle closes with a turn of the loop; NULL is fine. */
void telling_close(struct telling *t);

/* From now on alerts are those of this snapshot; takes a reference. */
void telling_set_config(struct telling *t, struct config *cfg);

/* Once, at a start: what an earlier process told of. */
void telling_restore(struct telling *t, const struct dispatch_past *past);

/* A transition of which people are to be told (tr->notify). The view is as of it; all is
 * copied, but definitions are those of the snapshot. */
void telling_slo(struct telling *t, const struct slo_view *view, const struct alert_transition *tr);
void telling_condition(struct telling *t, const struct condition *c,
                       const struct condition_subject *who, const struct condition_view *view,
                       const struct alert_transition *tr);

/* Asks `expect` once everything from before is told; `now_us` is when what should not be on
 * has ended. */
void telling_reconcile(struct telling *t, int64_t now_us);
/* From `expect` only: this alert is on, under the severity that people were told of,
 * alert_state.told; NONE has no effect. One that is missing is not told of before there is
 * something to say: before the first tick of its SLO, or with a `view` of NULL, it is late. */
void telling_expect_slo(struct telling *t, const struct slo_view *view);
void telling_expect_condition(struct telling *t, const struct condition_now *now,
                              const struct condition_view *view);
/* Whether something was late: reconcile again, when more is known. */
bool telling_late(const struct telling *t);

bool telling_idle(const struct telling *t);
/* What waits is told without what would have to be read. */
void telling_hurry(struct telling *t);
