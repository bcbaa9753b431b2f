/*
 * What the running daemon knows about itself, as an immutable picture: the
 * engine thread builds one every second or so and publishes it; the web thread
 * takes a reference and renders it. Nobody else looks into the engine.
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
#include "nines/alert.h"
#include "nines/config.h"
#include "nines/probe.h"
#include "nines/report.h"
#include "nines/result.h"
#include "nines/slo.h"
#include "nines/store.h"
#include "notify/notify.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- counters the engine keeps and copies into each picture -------------- */

#define HISTOGRAM_MAX 14

/* Buckets by fixed upper bounds, `counts[n]` above the last. Plain data. */
struct histogram {
    const int64_t *bounds_us; /* rising; static */
    size_t n;                 /* at most HISTOGRAM_MAX */
    int64_t counts[HISTOGRAM_MAX + 1];
    int64_t sum_us;
};

void histogram_init_latency(struct histogram *h); /* 5 ms .. 60 s */
void histogram_init_lag(struct histogram *h);     /* 100 us .. 5 s */
void histogram_add(struct histogram *h, int64_t us);

/* What one probe did since the process started. Latency is that of the runs
 * that ended good or bad. */
struct probe_counters {
    int64_t results[OUTCOME_COUNT][REASON_COUNT];
    struct histogram latency;
};

void probe_counters_init(struct probe_counters *c);
void probe_counters_add(struct probe_counters *c, const struct result *r);

/* ---- the picture --------------------------------------------------------- */

struct status_probe {
    const struct probe_def *def;
    bool has_last;
    struct result last;        /* newest result, when has_last */
    const char *message;       /* why it was not good, or NULL; status_text() */
    int64_t cert_not_after_us; /* 0: no certificate seen */
    int in_flight;
    struct probe_counters counters;
};

#define STATUS_TIERS_MAX 16

struct status_slo {
    const struct slo_def *def;
    enum slo_state state;
    struct counts counts; /* of the SLO's window */
    int64_t expected, observed;
    bool has_budget;
    double remaining_ratio; /* 1 full, 0 used up, negative overspent */
    struct report_burn burn[8];
    size_t burn_count;
    bool firing[STATUS_TIERS_MAX]; /* by index of def->tiers */
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

    int64_t now_us, started_us;
    bool stopping;
    struct status_probe *probes; /* config->probe_count, in its order */
    size_t probe_count;
    struct status_slo *slos; /* config->slo_count, in its order */
    size_t slo_count;
    struct status_scheduler scheduler;
    struct status_reload reload;
    struct store_stats store;
    struct notify_stats notify;
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
    struct status *current;
};

void status_board_init(struct status_board *b);
void status_board_release(struct status_board *b);

/* Replaces the current picture; takes over the caller's reference. */
void status_publish(struct status_board *b, struct status *s);

/* A reference to the newest picture, or NULL before the first. */
struct status *status_get(struct status_board *b);

/* ---- judging it ----------------------------------------------------------- */

#define STATUS_STALE_NS 10000000000LL     /* no new picture: the loop hangs */
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
