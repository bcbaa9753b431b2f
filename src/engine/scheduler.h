/*
 * The open-loop scheduler: every probe is due at phase + k * interval whatever
 * its target does. A run that hangs does not delay the next one; when
 * `max_in_flight` runs of a probe are still going, the slot becomes a skipped
 * result, and a slot that finds no room in the store's queue does not run. Where
 * `limits.per_host` runs of all probes go against one host and port, the slot is
 * skipped as well. Outside its service hours a probe has no slots.
 *
 * A slot that its kind holds back (a spend cap is reached, the target asked to be left
 * alone) becomes a result without a run, and without evidence but its message.
 *
 * A bad result whose reason is that the target was not reached waits for the
 * self-check, if there is one: when the prober reaches nobody, the result is
 * excluded. While it waits it is in flight, but takes no place of another run.
 *
 * Driven from outside: ask scheduler_due() when to wake up, then call
 * scheduler_run_due(). It never reads a clock, so tests need none.
 *
 * Lives on the loop thread.
 */
#pragma once

#include "engine/components.h"
#include "engine/selfcheck.h"
#include "engine/status.h"
#include "nines/config.h"
#include "nines/probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A slot that would start later than this does not start: what it measured
 * would be the prober. */
#define SCHEDULER_LAG_MAX_US 1000000

struct peer;
struct scheduler;

/* A probe as the scheduler keeps it: by id, over reloads. Read-only outside. */
struct scheduled {
    const struct probe_def *def; /* of the current snapshot */
    uint32_t handle;             /* its number in the store's queue */
    int64_t next_us;             /* INT64_MAX: none to come */
    int64_t passed_us;           /* newest slot that came due; INT64_MIN: none has */
    int in_flight;
    struct peer *peer; /* NULL: not known */
    bool leaves;       /* the snapshot that comes into force has it no more */
    size_t heap_at;
    bool has_last;
    struct result last;        /* newest that ran */
    struct remembered *memory; /* of its kind, for this definition; NULL: none */
    char *last_message;        /* why it was not good; NULL when it was */
    char *held_message;        /* why the newest slot was held back; NULL: it was not */
    enum reason held_reason;
    int64_t cert_not_after_us;
    struct components components; /* of a health document, by the newest run */
    struct components_recorded recorded;
    struct probe_counters counters;
    int64_t missed; /* slots that passed without a result: lag, jumps, no room */
};

struct scheduler_hooks {
    int64_t (*now_us)(void *ctx);
    /* When a run that ended at `end_us` became visible; NULL: now. */
    int64_t (*done_us)(void *ctx, int64_t end_us);
    /* Room for a result in the store's queue; called before each run. */
    bool (*reserve)(void *ctx);
    void (*unreserve)(void *ctx); /* for a run that was cancelled */
    /* A result: ran, or skipped (then obs->message says why). Uses the
     * reservation. */
    void (*result)(void *ctx, struct scheduled *p, const struct observation *obs);
    /* A probe appeared or its definition changed; in force from `now_us` on. */
    void (*adopt)(void *ctx, struct scheduled *p, int64_t now_us);
    /* True when the loop stalled since `since_ns` (CLOCK_MONOTONIC) for so long
     * that what was measured is our own fault. May be NULL. */
    bool (*stalled)(void *ctx, int64_t since_ns);
    /* Asks whether the prober reaches anybody; `told` comes exactly once, later,
     * unless cancelled. NULL, or returns NULL: nobody is to be asked. */
    struct selfcheck_wait *(*ask)(void *ctx, selfcheck_fn told, void *arg);
    void (*unask)(struct selfcheck_wait *w); /* cancels */
    void *ctx;
};

struct scheduler *scheduler_new(struct probe_env *env, const struct scheduler_hooks *hooks);

/* Takes over the probes of a snapshot (holds a reference on it). Unchanged
 * probes keep their slots, counters and runs; changed ones go on with their
 * next slot after `now_us`; removed ones are cancelled. */
void scheduler_set_config(struct scheduler *s, struct config *cfg, int64_t now_us);

/* Every probe goes on with its next slot from `now_us` on. Those before it pass
 * without a result, and are not `missed`: nobody was there to run them. */
void scheduler_skip(struct scheduler *s, int64_t now_us);

int64_t scheduler_due(const struct scheduler *s); /* INT64_MAX: nothing to do */
void scheduler_run_due(struct scheduler *s, int64_t now_us);
/* The same for `n` slots at most, the earliest ones; more may be due. */
void scheduler_run_some(struct scheduler *s, int64_t now_us, size_t n);

/* Every slot before this has ended or will never run. */
int64_t scheduler_complete_through(const struct scheduler *s, int64_t now_us);

size_t scheduler_in_flight(const struct scheduler *s);
size_t scheduler_count(const struct scheduler *s);
const struct scheduled *scheduler_at(const struct scheduler *s, size_t i);

/* Stops starting runs; those in flight go on to their end. */
void scheduler_stop(struct scheduler *s);
/* Cancels what is in flight (without results) and frees everything. */
void scheduler_free(struct scheduler *s);
