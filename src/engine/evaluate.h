/*
 * Burn-rate evaluation while the daemon runs: results go into the sliding
 * windows of their SLIs, and at every multiple of 10 s each SLO's tiers are
 * judged over what was visible then. Transitions come out of a callback.
 *
 * Pure bookkeeping on the loop thread: no I/O. History of a new SLI is read
 * elsewhere (engine/backfill.h) and merged in.
 */
#pragma once

#include "nines/alert.h"
#include "nines/config.h"
#include "nines/probe.h"
#include "nines/store_reader.h"
#include "slo/budget.h"
#include "slo/sieve.h"
#include "slo/tiers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evaluator;
struct excluding;
struct live;
struct stream;

/* What the last tick knew about an SLO: for the status page and messages. */
struct slo_view {
    const struct slo_def *def;
    struct alert_state alert;
    bool settled;         /* `alert` goes on from what an earlier process stored */
    int64_t at_us;        /* the tick */
    struct counts window; /* the SLO's window, whole hours at its far end; as counted,
                             whatever its no_data says */
    int64_t window_start_us, window_expected, window_observed;
    struct counts judged;    /* what the budget is made of: `window` as its no_data has it, or
                             the worth of slices (slo/slices.h) */
    struct budget_use use;   /* what that spent, of what the targets allow */
    int64_t first_event_us;  /* of the SLI; INT64_MAX if none */
    int64_t resets, clamped; /* of a metric SLI: scrapes with a counter that began anew, or
                                with more good than total; since it was attached */
    double burn_5m, burn_30m, burn_1h, burn_6h, burn_3d; /* of expected slots, for people */
    bool firing[TIERS_MAX];
};

struct evaluator_hooks {
    /* A transition of view->def; view is as of this tick. */
    void (*transition)(void *ctx, const struct slo_view *view, const struct alert_transition *t);
    void *ctx;
    /* Behind an evaluation; NULL: nobody asks. */
    void (*ticked)(void *ctx, int64_t t_us);
};

struct evaluator *evaluator_new(const struct evaluator_hooks *hooks, int64_t now_us);
void evaluator_free(struct evaluator *e);

/* For replay, before the first snapshot: what is stored goes on beyond the instant
 * that the evaluator begins at, and history is what was done by then. */
void evaluator_set_past(struct evaluator *e);

/* Takes over the SLOs of a snapshot (holds a reference), and what is excluded of
 * them (NULL: nothing; not kept). Windows of an SLI that was known go on; new ones
 * collect from now on and wait for evaluator_merge() before their SLOs alert. SLOs
 * share the windows of an SLI if their exclusions are the same: where these change,
 * in the same snapshot too, windows are new, and alerts wait for them as they are. */
void evaluator_set_config(struct evaluator *e, struct config *cfg,
                          const struct excluding *excluding, int64_t now_us);

/* What the store knows of a probe: the revisions of its schedule, oldest first,
 * which `expected` counts by, and when its first event was. Given before the
 * first result, a slot that an earlier process has stored counts once, also
 * when it is run again. */
void evaluator_set_history(struct evaluator *e, const char *probe, const struct store_probe *known);
/* The schedule of `def` is in force from now on; no change, no effect. */
void evaluator_add_revision(struct evaluator *e, const struct probe_def *def, int64_t now_us);

/* The stored alert state of an SLO (zeroes: none); one that is new to this
 * evaluator does not alert before it is told. No effect on others. */
void evaluator_set_alert(struct evaluator *e, const char *slo, const char *objective_name,
                         const struct alert_state *state);

/* The newest result of a probe that an earlier process stored: alerts on what
 * depends on it wait while it is bad. No effect on what is not depended on, nor
 * if a later one is known. */
void evaluator_set_outcome(struct evaluator *e, const char *probe, int64_t slot_us, enum outcome o);

/* The SLIs still without history, and the instant they were attached: what was
 * done until then is to be merged. */
struct pending_sli {
    const struct sli_def *sli;
    const char *key;    /* of its windows; lives until the next evaluator_set_config() */
    struct sieve sieve; /* what is excluded of it; the set lives as long */
    int64_t longest_us, attached_us;
    bool first; /* no result of this process has come: all that is stored was done */
};
size_t evaluator_pending(const struct evaluator *e, struct pending_sli *out, size_t max);
/* `since_us`: where the SLI's history begins (store_reader_sli_since). An SLI
 * for which more came meanwhile than could be held stays pending. */
/* Slices by slices_key(): what those were worth that ended until then. */
struct past_line {
    const char *key;
    const struct live *live;
    int64_t until_us;
};
struct sli_past {
    int64_t since_us;
    const struct live *live; /* the events done until the attachment */
    const struct past_line *lines;
    size_t line_count;
    /* Metric SLIs: the slot of the first event (INT64_MAX: none), the newest slot
     * that was done (INT64_MIN: none), since when its series are looked for, and a
     * stream that was told of the scrapes up to then, which the evaluator takes over. */
    int64_t first_event_us, newest_us;
    int64_t data_us; /* of any SLI: the newest slot with data, if one is young; else 0 */
    struct sli_asked asked;
    struct stream *stream;
};
void evaluator_merge(struct evaluator *e, const char *key, struct sli_past *past);

/*
 * The targets of an SLO over time, as far as they matter to its budget, are read with
 * its history: store_reader_slo_targets(). Of changes more than EVALUATE_HEADS_US before
 * `now_us` also what came in their hours before them; of slices, those that ended
 * there. The newest EVALUATE_TARGETS_MAX targets are told apart; what came before
 * counts by the oldest of these.
 */
#define EVALUATE_TARGETS_MAX 17
#define EVALUATE_HEADS_US (2 * USEC_PER_DAY)
struct past_head {
    bool known;
    struct counts counts;
};
struct wanted_targets {
    const struct slo_def *slo;
    const char *key;    /* which windows they are for */
    struct sieve sieve; /* what is excluded; key and set live as those of pending_sli */
    int64_t now_us;
};
/* Of the i-th SLO; false: they are known. */
bool evaluator_wants_targets(const struct evaluator *e, size_t i, struct wanted_targets *ret);
/* Those that hold, oldest first (none: the SLO's own always has); the SLI is merged. No
 * effect if the windows are other ones by now. */
void evaluator_set_targets(struct evaluator *e, const struct wanted_targets *of,
                           const struct slo_target *at, const struct past_head *heads, size_t n);
/* Composites in slices whose history is still to be read: what the slices of all members
 * were worth together, of the time before the last days, which their own lines know. */
struct pending_composite {
    const struct slo_def *slo;
    const char *key;                                    /* lives until the next snapshot */
    const struct exclusions *excluded[SLO_MEMBERS_MAX]; /* of each member; borrowed */
    int64_t longest_us, attached_us;
};
size_t evaluator_pending_composites(const struct evaluator *e, struct pending_composite *out,
                                    size_t max);
/* `past` holds the slices that ended by `until_us`. What is too old by now stays pending. */
void evaluator_merge_composite(struct evaluator *e, const char *key, const struct live *past,
                               int64_t until_us);

/* Attaches what is pending anew: what was done by now is to be in the history.
 * Before it is read again, or what waits for it would grow without end. */
void evaluator_reattach(struct evaluator *e, int64_t now_us);

/* The done instant of a result that ended at `end_us` and is told now: `end_us`,
 * but neither in the future nor at or before an instant that has been evaluated or
 * attached without it. */
int64_t evaluator_done_us(const struct evaluator *e, int64_t end_us, int64_t now_us);

/* One run of a probe. Ticks up to its done instant must have been run. */
void evaluator_result(struct evaluator *e, const char *probe, const struct observation *obs);
/* The same of samples that no result came with, as an import may bring them. */
void evaluator_samples(struct evaluator *e, const char *probe, const struct observation *obs);

/* The next evaluation instant, a multiple of 10 s. */
int64_t evaluator_due(const struct evaluator *e);
/* Runs every evaluation due at or before now_us, in order. After more than a
 * minute without (the clock jumped, the machine slept) only the newest: nobody
 * was there to evaluate the others. */
void evaluator_run_due(struct evaluator *e, int64_t now_us);

/*
 * What conditions ask of the i-th SLO, as of the last tick; evaluate_conditions.c.
 *
 * The newest slot with data, whatever is excluded (INT64_MIN: none is known; of a composite
 * that of all members), the newest that the prober had no ears for, and how often it
 * listens. False: the history is still to be read.
 */
struct slo_heard {
    int64_t data_us, deaf_us, interval_us;
};
bool evaluator_heard(const struct evaluator *e, size_t i, struct slo_heard *ret);
/* The budget; with `pace` (slo/budget.h), of rolling windows, also at what pace it goes. */
bool evaluator_spent(const struct evaluator *e, size_t i, struct budget_use *ret,
                     struct budget_pace *pace);
/* Whether what it depends on is known to fail at t: of the i-th SLO, of a probe that has
 * conditions. */
bool evaluator_mutes_slo(const struct evaluator *e, size_t i, int64_t t_us);
bool evaluator_mutes_probe(const struct evaluator *e, const struct probe_def *def, int64_t t_us);

size_t evaluator_count(const struct evaluator *e);
/* A part of the SLO (slo_part()) and the key of the windows that it shares; NULL: it has
 * no more. */
const struct slo_def *evaluator_part(const struct evaluator *e, size_t i, size_t part,
                                     const char **ret_key);
/* Drawn for whoever asks: as of the last tick, but for the alert and `settled`,
 * which are as of now. Lives until the next evaluator_set_config(). */
const struct slo_view *evaluator_view(const struct evaluator *e, size_t i);
