/* The evaluator from within: evaluate.c keeps who is watched, evaluate_tick.c
 * what they did, evaluate_samples.c what metric SLIs make of samples,
 * evaluate_slots.c how many slots a window should hold, evaluate_depends.c what
 * mutes an alert, evaluate_conditions.c what other conditions ask,
 * evaluate_excluded.c whose windows are shared and what they leave out.
 */
#pragma once

#include "base/table.h"
#include "base/vec.h"
#include "engine/evaluate.h"
#include "engine/stream.h"
#include "slo/slices.h"
#include "slo/targets.h"
#include "slo/window.h"

/* A scrape that came before the history of an SLI. */
struct eval_held {
    int64_t done_us;
    struct scrape scrape;
    struct sample at[]; /* of the scrape; their texts follow */
};

/* An instant, and the slots before it (from one that all edges share). */
struct eval_edge {
    int64_t at_us; /* INT64_MIN: nowhere */
    int64_t slots;
};

/* A probe that some SLO watches: its schedule's history and its SLIs. Or one
 * that such a probe depends on. */
struct watched {
    char *id;
    int64_t first_event_us; /* INT64_MAX: none */
    int64_t stored_us;      /* newest slot that came with the history */
    VEC(struct probe_revision) revisions;
    int64_t newest_us; /* from here on the last revision is in force */
    struct eval_edge now;
    VEC(struct eval_sli *) slis;
    VEC(struct eval_held *) held; /* while one of its metric SLIs waits for history */
    size_t held_bytes;
    int64_t deaf_us; /* the newest slot whose run told nothing, by the prober's fault */
    bool dependency;
    bool bad;           /* the newest result that was good or bad */
    int64_t outcome_us; /* its slot; INT64_MIN: none is known */
    int64_t learned_us; /* its slot, or when an earlier process's was read */
};

/* A window of an SLI as of the last tick. */
struct eval_window {
    struct eval_edge from;
    int64_t slots; /* in the window */
    struct counts counts;
};

/* Slices of an SLI by one way to cut and judge them, shared by all SLOs that do. */
struct eval_line {
    char *key;              /* slices_key() */
    struct slice_grid grid; /* of an SLO of the current snapshot */
    struct live *live;      /* what slices are worth, at their last instant */
    int64_t until_us;       /* those that ended by then have been judged */
    int64_t judged_us;      /* the last tick looked at those that begin from here on */
    bool used;              /* by the snapshot being adopted */
};

/* The slices of a composite: the worth of its members' together. */
struct eval_joint {
    struct eval_line line; /* its key says which members, and how */
    int64_t longest_us, attached_us;
    bool merged;
    bool torn; /* the last 3 days are to be joined anew */
};

/* The windows of one SLI, shared by all SLOs on it of which the same is excluded. */
struct eval_sli {
    char *key;                 /* eval_key() */
    struct sieve sieve;        /* holds a reference to its set */
    struct eval_edge now;      /* where slots are excluded: in place of the probe's */
    const struct sli_def *def; /* of the current snapshot */
    struct watched *probe;
    struct live *live;
    VEC(struct eval_window) windows; /* by the numbers of `live` */
    VEC(struct sieve) ends;          /* of their far ends, where something is excluded */
    VEC(struct eval_line *) lines;
    int64_t changed_us; /* the oldest event since slices were judged; INT64_MAX: none */
    int64_t longest_us, attached_us;
    int64_t since_us; /* nothing is known of before */
    bool merged;
    int64_t data_us; /* newest slot with data, excluded or not; INT64_MIN: none is known */
    /* metric SLIs */
    struct stream *stream; /* once merged */
    int64_t first_event_us;
    int64_t fed_us; /* newest slot that the stream knows */
    struct sli_asked asked;
    VEC(int64_t) anew; /* rising: slots from each on are of another source; fed ones leave */
    int64_t resets, clamped;
    bool torn; /* a scrape was not held: the history must be read again */
    bool used; /* by the snapshot being adopted */
};

#define PEOPLE_WINDOWS 5 /* burn rates for people: slo_view */

/* What a tick looks at, apart from what people do. Windows by their number. */
struct eval_slo {
    const struct slo_def *def;
    struct eval_sli *sli;
    struct alert_state alert;
    bool settled;
    struct span period; /* calendar: the one in progress */
    int64_t tick_us;    /* 0: none yet */
    uint16_t lng[TIERS_MAX], shrt[TIERS_MAX];
    uint16_t people[PEOPLE_WINDOWS], window;
    struct eval_slo *parts;   /* of a composite: what it counts, slo_part(); it has no SLI */
    struct eval_joint *joint; /* of a composite in slices: `line` is its */
    struct eval_line *line;   /* of slices: tiers, people and `slices` are windows of it */
    uint16_t slices;
    struct eval_targets *targets; /* over time; evaluate_targets.c */
    struct eval_slo *namesake;    /* another objective of the same SLO */
    struct slo_view *view;        /* drawn when somebody asks */
};

struct evaluator {
    struct evaluator_hooks hooks;
    struct config *config;
    struct table probes; /* struct watched by id */
    struct table slis;   /* struct eval_sli by key */
    struct table slos;   /* the last struct eval_slo of a name */
    VEC(struct watched *) watched;
    VEC(struct eval_sli *) sli_list;
    VEC(struct eval_joint *) joints;
    struct eval_slo *slo_list; /* in the order of the snapshot */
    struct slo_view *views;
    size_t slo_count;
    int64_t born_us, next_tick_us;
    int64_t settled_us; /* what is told later was done later: a tick, or an attachment */
    bool running;       /* results have come in, or runs of another snapshot may be in flight */
};

/* Numbers of the windows that the SLO looks at, of its SLI. */
void eval_watch(struct eval_slo *slo);

/* The line of an SLO in slices is used; true: it is new, and needs history. */
bool eval_need_line(struct eval_sli *sli, const struct slo_def *def);
struct eval_line *eval_line_of(const struct eval_sli *sli, const struct slo_def *def); /* or NULL */
void eval_restart_lines(struct eval_sli *sli);        /* the SLI collects anew */
void eval_drop_lines(struct eval_sli *sli, bool all); /* those that are not used */
void eval_merge_line(struct eval_sli *sli, const struct past_line *past);
/* After live_tick() of the SLI's events. */
void eval_tick_lines(struct eval_sli *sli, int64_t t_us);
struct counts eval_line_counts(const struct eval_line *line, size_t window);
/* An event was added. */
static inline void eval_changed(struct eval_sli *sli, int64_t slot_us)
{
    if (slot_us < sli->changed_us)
        sli->changed_us = slot_us;
}

/* There was data, whatever becomes of it. */
static inline void eval_note_data(struct eval_sli *sli, int64_t slot_us)
{
    if (slot_us > sli->data_us)
        sli->data_us = slot_us;
}

/* The probe's revisions have changed. */
void eval_revised(struct watched *w);
/* Those that are not excluded. */
int64_t eval_slots(const struct eval_sli *sli, struct sieve *v, int64_t from_us, int64_t to_us);
/* The tick's own edge, which all SLIs of a probe share that leave no slot out. */
const struct eval_edge *eval_move_now(struct eval_sli *sli, int64_t t_us);
/* The far end of a window. As a rule it moves a little, and forward. */
void eval_move_from(struct eval_sli *sli, size_t window, int64_t to_us);

/* Names the windows that SLOs share: the SLI's own key where nothing is excluded.
 * Freed by the caller. */
char *eval_key(const struct slo_def *def, const struct exclusions *set);
/* What is left of an event goes into the windows. */
void eval_add_event(struct eval_sli *sli, int64_t slot_us, struct counts c);

/* Added if it is not there. */
struct watched *eval_need_probe(struct evaluator *e, const char *id);
/* Watches what the probes of SLOs, and those with conditions, depend on, and nothing
 * else as such. */
void eval_need_dependencies(struct evaluator *e, const struct config *cfg);
void eval_note_outcome(struct watched *w, int64_t slot_us, enum outcome o);
/* Whether a probe that the SLO's depends on is known to fail. */
bool eval_muted(const struct evaluator *e, const struct slo_def *slo, int64_t t_us);

/* A run of a probe with samples. */
void eval_scrape(struct watched *w, const struct observation *obs);
/* The SLI has its history: takes what was held for it. */
void eval_release_held(struct eval_sli *sli);
void eval_forget_held(struct watched *w);

struct eval_slo *eval_find_slo(const struct evaluator *e, const char *name, const char *objective);

/* The targets of an SLO that was known, for the snapshot that is being adopted. */
void eval_keep_targets(struct eval_slo *slo, const struct eval_slo *known);
/* The SLO's target is in force from now on; no change, no effect. */
void eval_revise_target(struct eval_slo *slo, int64_t now_us);
/* Behind eval_watch(): what came since each of them. */
void eval_watch_targets(struct eval_slo *slo);
void eval_free_targets(struct eval_slo *slo);
/* What was spent of what the targets allow of the window's counts. */
struct budget_use eval_use(const struct eval_slo *slo, struct counts judged);
/* evaluate_composite.c. Windows of tiers and for people, by their index: */
enum eval_which { EVAL_LONG, EVAL_SHORT, EVAL_PEOPLE };
struct tier_counts eval_window_counts(const struct eval_slo *slo, enum eval_which which, size_t i);
struct tier_counts eval_composite_counts(const struct eval_slo *slo, enum eval_which which,
                                         size_t i);
size_t eval_window_number(const struct eval_slo *slo, enum eval_which which, size_t i);
/* The joint slices of a composite are used. */
void eval_need_joint(struct evaluator *e, struct eval_slo *slo, int64_t now_us);
void eval_reattach_joints(struct evaluator *e, int64_t now_us);
void eval_drop_joints(struct evaluator *e, bool all);
void eval_tick_joints(struct evaluator *e, int64_t t_us);
/* All that the SLO counts by has its history. */
bool eval_is_merged(const struct eval_slo *slo);
void eval_draw_composite(const struct eval_slo *slo, struct slo_view *v);
/* What the window holds, of an SLO with an SLI of its own. */
void eval_draw_source(const struct eval_slo *slo, struct slo_view *v);
int64_t eval_first_event(const struct eval_slo *slo);

/* Brings slo->view up to the last tick. */
void eval_draw(const struct eval_slo *slo);
