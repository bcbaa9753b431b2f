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
#include "slo/tiers.h"

struct excluding; /* engine/excluding.h */

struct slo_query {
    struct store_reader *reader;
    const struct config *config;
    const struct slo_def *def;
    const struct excluding *excluding; /* NULL: as if nothing were */
    struct sieve *sieve;               /* what it leaves of this SLO */
    int64_t at_us;
    struct incident_case *incidents; /* of the report; what they spend is added to them */
    size_t incident_count;
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

    /* Of a composite, query_composite.c: its members, as it counts them, over the same
     * instants. It has no schedules, sums or first event of its own; of a member
     * `whole` is the composite. */
    struct slo_query *members;
    size_t member_count;
    struct slo_query *whole;
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
/* Reads what the store knows of the probe; `known` is the caller's to free. */
struct store_probe;
int query_read_probe(struct slo_query *q, struct store_probe *known, struct err *reterr);
int query_step_counts(struct slo_query *q, struct err *reterr);
int query_step_budget(struct slo_query *q, struct err *reterr);
/* When the budget ends if this rate goes on; 0: not in sight. */
int64_t query_exhausts_at(const struct slo_query *q, double burn);
/* What a report says of its objective before anything is read. */
void query_set_source(struct report_slo *s, const struct slo_def *def, struct arena *a);
/* What the steps have allocated. */
void query_release(struct slo_query *sq);
/* The report of a composite; `sq` has what no step fills. */
int query_composite(struct slo_query *sq, bool brief, struct err *reterr); /* query_composite.c */
/* A step for each member. */
int query_composite_each(struct slo_query *whole, int (*step)(struct slo_query *, struct err *),
                         struct err *reterr);
/* The burn rate of a span between known instants, if there is data. */
int query_composite_burn(const struct slo_query *whole, int64_t from_us, int64_t to_us,
                         bool *ret_has, double *ret, struct err *reterr);
int query_composite_tiers(struct slo_query *whole, struct err *reterr); /* ..._tiers.c */
int query_composite_curve(struct slo_query *whole, struct err *reterr); /* ..._curve.c */
int query_composite_reasons(struct slo_query *whole, struct err *reterr);
int query_composite_failures(struct slo_query *whole, struct err *reterr);

/* Tiers as the daemon saw them, in a window: events that it had not seen yet are taken
 * back. What `query_look_begin` makes is freed by `query_look_end`, also if it fails. */
struct unseen_list;
int query_look_begin(const struct slo_query *q, int64_t t_us, struct unseen_list **ret,
                     struct err *reterr);
int query_look_window(const struct slo_query *q, const struct unseen_list *u, int64_t length_us,
                      struct tier_counts *ret, struct err *reterr);
/* What it had not seen of the events in [from, to). */
struct counts query_look_unseen(const struct unseen_list *u, int64_t from_us, int64_t to_us);
/* The begins of slices that such events are in. */
size_t query_look_slices(const struct unseen_list *u);
int64_t query_look_slice(const struct unseen_list *u, size_t i);
void query_look_end(struct unseen_list *u); /* NULL is fine */

int query_step_grid(struct slo_query *q, struct err *reterr);        /* query_curve.c */
int query_step_sums(struct slo_query *q, struct err *reterr);        /* query_counts.c */
int query_step_slices(struct slo_query *q, struct err *reterr);      /* query_slices.c */
int query_step_first_event(struct slo_query *q, struct err *reterr); /* query_counts.c */
/* Slices from `upto` to the end of the window, that in progress among them. */
int64_t query_slices_to_come(const struct slo_query *q);
int query_step_tiers(struct slo_query *q, struct err *reterr);     /* query_tiers.c */
int query_step_excluded(struct slo_query *q, struct err *reterr);  /* query_excluded.c */
int query_step_curve(struct slo_query *q, struct err *reterr);     /* query_curve.c */
int query_step_incidents(struct slo_query *q, struct err *reterr); /* query_events.c */
int query_step_failures(struct slo_query *q, struct err *reterr);
int query_step_reasons(struct slo_query *q, struct err *reterr);     /* query_reasons.c */
int query_step_annotations(struct slo_query *q, struct err *reterr); /* query_annotations.c */
int query_step_answers(struct slo_query *q, struct err *reterr);     /* query_answers.c */

/* What the sketch says of all of its values. */
struct sketch;
void query_fill_latency(struct report_latency *l, const struct sketch *sketch);

/* query_incidents.c: what was going on in [from, at), for the objectives that are asked for;
 * the instants of these that an objective counts between, pushed to q->instants; what they
 * spent of it; and at the end what they come to. */
int query_read_incidents(struct report *report, struct store_reader *r, int64_t from_us,
                         struct err *reterr);
void query_incident_instants(struct slo_query *q);
int query_step_spent(struct slo_query *q, struct err *reterr);
void query_end_incidents(struct report *report, bool all); /* the objectives are `all` there are */
