/*
 * What the running daemon knows about itself, as an immutable picture: the
 * engine thread draws one when somebody wants to look and publishes it; the
 * web thread takes a reference and renders it. Nobody else looks into the
 * engine.
 *
 *     struct status *s = status_new(config);         engine thread
 *     ... fill s->probes[i], s->slos[i] ...
 *     status_publish(&board, s);
 *
 *     struct status *s = status_get(&board);         any thread
 *     if (s) { ...; status_unref(s); }
 *
 * Times are engine time in microseconds; 0 means "never".
 */
#pragma once

#include "base/arena.h"
#include "engine/components.h"
#include "engine/counters.h"
#include "nines/alert.h"
#include "nines/config.h"
#include "nines/probe.h"
#include "nines/report.h"
#include "nines/result.h"
#include "nines/slo.h"
#include "nines/store.h"
#include "notify/notify.h"
#include "notify/watchdog.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the picture --------------------------------------------------------- */

/* What is spent in this clock hour and day (UTC), and what may be. */
struct status_spending {
    struct spend_caps spent, caps;
    bool priced; /* what a run costs is known beforehand */
};

struct status_probe {
    const struct probe_def *def;
    bool has_last;
    struct result last;        /* newest result, when has_last */
    const char *message;       /* why it was not good, or NULL; status_text() */
    int64_t cert_not_after_us; /* 0: no certificate seen */
    const char *held;          /* why the newest slot was not run, or NULL; status_text() */
    enum reason held_reason;
    int in_flight;
    struct status_spending *spending; /* of an agent's probe; in the picture's arena */
    struct components components;     /* of a health document; in the picture's arena */
    struct probe_counters counters;
};

#define STATUS_TIERS_MAX 16

struct status_slo {
    const struct slo_def *def;
    enum slo_state state;
    struct counts counts;       /* of the SLO's window */
    struct counts judged;       /* what the budget is made of: the same, or slices' worth */
    int64_t expected, observed; /* slots */
    int64_t clamped, resets;    /* of counters since the start; 0 of other SLIs */
    bool has_sli, has_budget;
    double sli;
    double remaining_ratio; /* 1 full, 0 used up, negative overspent */
    struct report_burn burn[8];
    size_t burn_count;
    bool firing[STATUS_TIERS_MAX]; /* by index of def->tiers */
    struct alert_state alert;
};

/* An alert of a condition that is on (docs/alerts.md); texts live as long as the config. */
struct status_condition {
    const struct condition *def;
    const struct slo_def *slo;     /* or NULL */
    const struct probe_def *probe; /* or NULL; both: the process's */
    struct alert_state alert;
};

struct status_scheduler {
    int64_t slots_run, slots_skipped; /* since start; skipped of any cause */
    int in_flight;
    int64_t lag_max_us;   /* largest loop lag of about the last 10 s */
    struct histogram lag; /* since start */
};

struct status_reload {
    int64_t succeeded, failed; /* since start, the first load included */
    bool last_ok;
    int64_t last_us;   /* last attempt */
    const char *error; /* of a failed last attempt, or NULL; status_text() */
};

struct status {
    struct arena arena;    /* texts and arrays of this picture */
    struct config *config; /* a reference: definitions live there; may be NULL */
    int refs;              /* atomic; use status_ref() and status_unref() */
    int64_t built_mono_ns; /* clock_mono_ns() when published */
    /* When the loop last said that it moves: then, or by status_confirm(). */
    _Atomic int64_t confirmed_mono_ns;

    int64_t now_us, started_us;
    bool stopping;
    struct status_probe *probes; /* config->probe_count, in its order */
    size_t probe_count;
    struct status_slo *slos; /* config->slo_count, in its order */
    size_t slo_count;
    struct status_condition *conditions; /* in the picture's arena */
    size_t condition_count;
    struct status_spending *spending; /* of all probes; NULL: none asks an agent */
    struct status_scheduler scheduler;
    struct status_reload reload;
    struct store_stats store;
    struct notify_stats notify;
    struct notify_lane_stats *lanes; /* in the picture's arena */
    size_t lane_count;
    struct watchdog_stats watchdog;
};

/* A picture with room for every probe and SLO of `config` (`def` already set,
 * all else zero). Takes a reference of the config; NULL: no configuration yet. */
struct status *status_new(struct config *config);

/* Copies a text into the picture's arena; NULL and "" give NULL. */
const char *status_text(struct status *s, const char *text);

struct status *status_ref(struct status *s);
void status_unref(struct status *s); /* thread-safe; NULL is fine */

/* ---- where the newest picture hangs -------------------------------------- */

struct status_board {
    pthread_mutex_t mutex;
    pthread_cond_t published;
    struct status *current;
    void (*ask)(void *ctx);
    void *ctx;
};

#define STATUS_FRESH_NS 500000000LL     /* a younger picture is not drawn again */
#define STATUS_PATIENCE_NS 1000000000LL /* waiting for one */

/* `ask`, called from any thread with the board locked, makes the engine thread
 * publish a picture soon, and waits for nothing; NULL: it publishes without
 * being asked. It is not called any more once a picture that says `stopping` is
 * published. */
void status_board_init(struct status_board *b, void (*ask)(void *ctx), void *ctx);
void status_board_release(struct status_board *b);

/* Replaces the current picture; takes over the caller's reference. */
void status_publish(struct status_board *b, struct status *s);

/* The engine thread moves, though it draws nothing: each second or so. */
void status_confirm(struct status_board *b);

/*
 * A reference to a picture of now, or NULL before the first. If the newest one
 * is not fresh another is asked for and waited for, up to STATUS_PATIENCE_NS;
 * when the loop is too busy to draw, or hangs, the old one has to do. Any thread
 * but the engine's.
 */
struct status *status_get(struct status_board *b);

/* ---- judging it ----------------------------------------------------------- */

#define STATUS_STALE_NS 10000000000LL     /* not confirmed for so long: the loop hangs */
#define STATUS_LAG_LIMIT_US 250000        /* loop lag that spoils measurements */
#define STATUS_STORE_PATIENCE_US 10000000 /* commits fail for this long */

struct status_check {
    const char *name; /* "engine" "config" "store" "queue" "loop_lag" "notify" "size" */
    bool ok;
    char detail[192];
};

#define STATUS_CHECKS 7

/*
 * Whether the daemon does its job: one line per check, in a fixed order,
 * `mono_ns` being clock_mono_ns() now. `s` may be NULL (still starting). True
 * when all are well.
 */
bool status_checks(const struct status *s, int64_t mono_ns,
                   struct status_check out[static STATUS_CHECKS]);

/* The process should not be restarted: it starts, stops, or its loop moves. */
bool status_alive(const struct status *s, int64_t mono_ns);
