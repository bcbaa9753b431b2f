/*
 * What the parts of one SLO's report share while it is computed. Parts are
 * steps with one signature, called in the order of query.c: later ones use
 * what earlier ones put into `out`.
 */
#pragma once

#include "base/vec.h"
#include "engine/query.h"
#include "slo/sieve.h"
#include "slo/targets.h"

struct excluding; /* engine/excluding.h */

struct slo_query {
    struct store_reader *reader;
    const struct config *config;
    const struct slo_def *def;
    const struct excluding *excluding; /* NULL: as if nothing were */
    struct sieve *sieve;               /* what it leaves of this SLO */
    int64_t at_us;
    bool outlook;           /* not a span of the caller's choice: the budget has a future */
    struct arena *arena;    /* of the report */
    struct report_slo *out; /* start_us, end_us, upto_us are set first */

    /* the schedules in force over time, at least one, and the first event */
    const struct probe_revision *revisions;
    size_t revision_count;
    int64_t first_event_us;    /* of the SLI: none before its history begins */
    struct target_part *parts; /* of the window, by the targets that held: at least one */
    size_t part_count;
    uint128 full;         /* what the newest target would allow in the whole window or period */
    int64_t raw_since_us; /* before it there are only rollups; 0: results throughout */

    /* rising; what was counted before each of them, from the first on */
    VEC(int64_t) instants;
    struct counts *sums;
    struct counts *worth; /* the same of slices that ended at or before them; NULL: the
                             objective has none */
};

/* Slots of [from, to) by those schedules that are not excluded. */
int64_t slo_query_slots(const struct slo_query *q, int64_t from_us, int64_t to_us);

/* Counts of [from, to) as the store has them, less what is excluded; at no cost between
 * instants that the report was known to ask for. */
int slo_query_stored(const struct slo_query *q, int64_t from_us, int64_t to_us, struct counts *ret,
                     struct err *reterr);
/* The same as the objective judges them: silent slots are what its no_data says. */
int slo_query_counts(const struct slo_query *q, int64_t from_us, int64_t to_us, struct counts *ret,
                     struct err *reterr);

/* What the budget of [from, to) is made of: events as above, or the worth of the
 * slices that ended in it (slo/slices.h). Between instants that are known only. */
int slo_query_judged(const struct slo_query *q, int64_t from_us, int64_t to_us, struct counts *ret,
                     struct err *reterr);

/* The windows of the burn rates. */
extern const int64_t query_burn_windows[];
extern const size_t query_burn_count;

/* The instant whose tiers are shown; 0: none are. */
int64_t query_tiers_at(const struct slo_query *q);

int query_step_targets(struct slo_query *q, struct err *reterr); /* query_targets.c */
/* What the budget of the window is made of, once it is counted: out->use, out->targets
 * and `full`; and how much the whole period allows. */
int query_use(struct slo_query *q, uint128 *ret_projected, struct err *reterr);
int query_step_grid(struct slo_query *q, struct err *reterr);        /* query_curve.c */
int query_step_sums(struct slo_query *q, struct err *reterr);        /* query_counts.c */
int query_step_slices(struct slo_query *q, struct err *reterr);      /* query_slices.c */
int query_step_first_event(struct slo_query *q, struct err *reterr); /* query_first.c */
/* Slices from `upto` to the end of the window, that in progress among them. */
int64_t query_slices_to_come(const struct slo_query *q);
int query_step_tiers(struct slo_query *q, struct err *reterr);     /* query_tiers.c */
int query_step_excluded(struct slo_query *q, struct err *reterr);  /* query_excluded.c */
int query_step_curve(struct slo_query *q, struct err *reterr);     /* query_curve.c */
int query_step_incidents(struct slo_query *q, struct err *reterr); /* query_events.c */
int query_step_failures(struct slo_query *q, struct err *reterr);
int query_step_reasons(struct slo_query *q, struct err *reterr);     /* query_reasons.c */
int query_step_annotations(struct slo_query *q, struct err *reterr); /* query_annotations.c */
