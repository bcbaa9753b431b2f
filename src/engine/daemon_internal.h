/* The daemon's one object, for the daemon_*.c files only. */
#pragma once

#include "base/clock.h"
#include "engine/alert_text.h"
#include "engine/conditions.h"
#include "engine/daemon.h"
#include "engine/evaluate.h"
#include "engine/excluding.h"
#include "engine/pulse.h"
#include "engine/retention.h"
#include "engine/scheduler.h"
#include "engine/selfcheck.h"
#include "engine/status.h"
#include "nines/store.h"
#include "nines/store_reader.h"
#include "notify/notify.h"
#include "slo/conditions.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct attach;
struct jsonpath;
struct telling;
struct versions;

/* A file with the engine time to run to, instead of the system's clock. */
struct test_clock {
    const char *path; /* NULL: real time */
    int64_t target_us;
    bool reached;    /* announced for this target */
    int64_t told_us; /* notify_time() was told so */
};

struct daemon {
    struct daemon_options o;
    struct config *config;       /* the snapshot in force */
    struct excluding *excluding; /* of it */
    char *database;

    uv_loop_t loop;
    struct clock clock;
    _Atomic int64_t published_us; /* engine time for other threads */
    struct test_clock test;
    struct pulse pulse;

    struct probe_env env;
    struct scheduler *scheduler;
    struct selfcheck *selfcheck;
    struct evaluator *evaluator;
    struct conditions *conditions;
    struct versions *versions;
    struct store *store;
    struct notify *notify;
    struct telling *telling;
    struct dispatch_past past; /* what an earlier process told of, until it is handed over */
    struct arena past_arena;
    struct status_board board;
    struct store_stats store_stats; /* as last seen */
    uv_async_t status_asked;
    int64_t drawn_us; /* the newest picture */

    uv_poll_t wake; /* of a timerfd: uv's timers know milliseconds only */
    int wake_fd;    /* -1: none */
    int64_t wake_due_ns;
    uv_prepare_t turn;
    uv_signal_t signals[3];
    uv_async_t reload_asked;
    uv_async_t edited;          /* exclusions were, or silences late */
    _Atomic bool silences_late; /* an edit failed that may be committed yet */
    pthread_mutex_t edit_mutex;

    int64_t started_us, next_beat_us;
    int64_t commits_seen; /* by the watchdog's part */
    _Atomic int stops;    /* SIGINT and SIGTERM seen */
    _Atomic bool ended;   /* the loop has; it only turns on to hear signals */

    /* Between the store thread and the notify thread while either starts or stops. */
    pthread_mutex_t gate;
    bool notify_open, store_open;
    _Atomic int64_t store_failing_since_us;
    struct retention_told retention_told;

    /* One job at a time on the worker pool: a reload, an attach, a flush. */
    uv_work_t work;
    enum daemon_job { JOB_NONE, JOB_LOAD, JOB_EXCLUDING, JOB_ATTACH, JOB_FLUSH } job;
    bool reload_again, excluding_again;
    struct config *loaded;
    struct excluding *read_excluding; /* of `loaded`, or anew of `config` */
    struct diag load_diag;
    struct attach *attach;
    int64_t attach_again_us; /* it failed: when to try again; 0: it did not */
    int job_rc;
    struct err job_err;
    struct status_reload reloads;
    char reload_error[256];

    /* Threads that wait in daemon_reload_wait(). */
    pthread_mutex_t reload_mutex;
    pthread_cond_t reload_done;
    uint64_t loads_started, loads_ended;
    bool reload_ok, reloads_ended;
};

/* daemon_time.c: what is due is done, in order. */
int64_t daemon_now(struct daemon *d);
int daemon_time_init(struct daemon *d, struct err *reterr);
void daemon_time_close(struct daemon *d); /* also after a failed daemon_time_init() */
void daemon_pump(struct daemon *d);       /* runs what is due and arms the timer */
void daemon_kick(struct daemon *d);       /* pump from the loop, soon */

/* daemon_record.c: results on their way to the store. */
struct scheduler_hooks daemon_scheduler_hooks(struct daemon *d);

/* daemon_tell.c: transitions on their way to the store and to people. */
struct evaluator_hooks daemon_evaluator_hooks(struct daemon *d);
struct notify_options daemon_notify_options(struct daemon *d);
/* The store is open; before anything is evaluated: what an earlier process told of. */
int daemon_open_telling(struct daemon *d, struct err *reterr);
/* Once it is known what is on: before, what has ended would be told of again. */
void daemon_start_telling(struct daemon *d);
void daemon_close_telling(struct daemon *d); /* all is told; needs the loop and the config */
/* A transition of a condition: stored, and told of if it says so. The subject is of the
 * snapshot in force; the rest is copied. */
void daemon_tell_condition(struct daemon *d, const struct condition *c,
                           const struct condition_subject *who, const struct condition_view *view,
                           const struct alert_transition *t);
void daemon_alert_gone(void *daemon, const struct alert_transition *t); /* for gone_end() */
/* What people take to be on is held against what is: after a start or a reload. Whoever
 * has alerts of his own names them in on_expect(). */
void daemon_reconcile(struct daemon *d);
/* Behind each evaluation: what it had to wait for. */
void daemon_tell_late(struct daemon *d);
void daemon_check_storage(struct daemon *d, int64_t now_us); /* each second */

/* daemon_reload.c: snapshots in and out of force. */
int daemon_adopt_first(struct daemon *d, struct err *reterr); /* before the loop runs */
void daemon_reload(struct daemon *d);
void daemon_attach_again(struct daemon *d, int64_t now_us); /* each second: if it failed */
void daemon_end_reloads(struct daemon *d);      /* lets everybody go who waits for one */
void daemon_announce_reached(struct daemon *d); /* flush, then say so: test clock */

/* Exclusions were added or removed: that is committed, then they are read anew, and
 * what they change comes into force. Loop thread. */
void daemon_excluding_changed(struct daemon *d);

/* daemon_excluding.c: not on the loop thread while the loop runs. */
int daemon_read_excluding(const struct daemon *d, struct config *cfg, struct excluding **ret,
                          struct err *reterr);
void daemon_adopt_excluding(struct daemon *d, struct excluding *x); /* takes it over */

/* daemon_edit.c: before daemon_edit() is called. */
void daemon_edit_init(struct daemon *d);

/* daemon_watchdog.c: each second. */
void daemon_watchdog_beat(struct daemon *d);

/* daemon_silences.c: the notify thread is told those that are stored. Not on the loop
 * thread while the loop runs. */
int daemon_tell_silences(struct daemon *d, struct err *reterr);
/* The same if an edit could not be committed in time, and may be by now. */
int daemon_tell_late_silences(struct daemon *d, struct err *reterr);
void daemon_silences_again(struct daemon *d); /* each second: if there are such */

/* daemon_conditions.c: what alerts besides burn rates. */
struct conditions *daemon_open_conditions(struct daemon *d);
void daemon_draw_conditions(struct daemon *d, struct status *s);
void daemon_tick_conditions(void *daemon, int64_t t_us); /* for the evaluator's hooks */

/* daemon_status.c */
void daemon_status_init(struct daemon *d);
void daemon_publish(struct daemon *d);                     /* a picture of now */
void daemon_status_beat(struct daemon *d, int64_t now_us); /* each second */

/* Waits until the notify thread has looked at all that it was told, or a second signal has
 * come; `listen` as below. */
void daemon_sync(struct daemon *d, bool listen);

/* store_flush() with the patience that is due: less once a second signal has
 * come, and while commits fail anyway and there will be another time.
 * `listen`: on the main thread, after the loop has ended. */
int daemon_flush(struct daemon *d, bool listen, struct err *reterr);
void daemon_check_stop(struct daemon *d); /* ends the loop once nothing is in flight */
