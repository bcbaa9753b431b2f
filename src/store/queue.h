/*
 * The one way into the database: records in the order they were pushed,
 * bounded in bytes. Any thread pushes; the writer takes batches. A record stays
 * charged until it is committed, so a disk that fails stops new slots instead
 * of losing old ones.
 *
 * Who pushes takes no lock: the writer runs at a low priority, and a mutex it
 * holds while something else has the core would hold up the loop thread, and
 * what that measures. So records go into an inbox by compare and swap, and the
 * writer moves them to its own list; nobody is woken for an ordinary record,
 * because the writer looks each STORE_FLUSH_US anyway.
 */
#pragma once

#include "base/arena.h"
#include "nines/exclusion.h"
#include "nines/incident.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_kind {
    RECORD_PROBE,
    RECORD_WANTED,
    RECORD_SLI,
    RECORD_SLO,
    RECORD_RESULT,
    RECORD_TRANSITION,
    RECORD_DISPATCH,
    RECORD_DELIVERY,
    RECORD_OUTBOX_RETRY,
    RECORD_OUTBOX_MORE,
    RECORD_HEARTBEAT,
    RECORD_ANNOTATION,
    RECORD_FORGET_ANNOTATION,
    RECORD_EXCLUSION,
    RECORD_REMOVE_EXCLUSION,
    RECORD_SILENCE,
    RECORD_EXPIRE_SILENCE,
    RECORD_INCIDENT,
    RECORD_INCIDENT_NOTE,
    RECORD_CLOSE_INCIDENT,
    RECORD_IMPORT, /* always a batch of its own */
};

/* What every record starts with. */
struct record {
    struct record *next;
    enum record_kind kind;
    uint32_t pushes;    /* that it stands for: 1, or of heartbeats in a row */
    size_t bytes;       /* charged to the queue */
    int64_t pushed_ns;  /* 0 unless the inbox was empty then */
    struct arena arena; /* its strings; not used by results */
};

struct record_probe {
    struct record head;
    uint32_t handle;
    const char *id, *renamed_from;
    struct probe_revision revision; /* without its hours, */
    const char *hours;              /* which are here as text; "": always */
};

struct record_wanted {
    struct record head;
    uint32_t handle;
    int64_t at_us;
    const char **selectors; /* as in asked.h */
    size_t n;
};

struct record_sli {
    struct record head;
    struct sli_def sli;
};

struct record_slo {
    struct record head;
    const char *slo, *objective, *target, *window, *sli;
    int64_t at_us;
    uint64_t content;
};

struct record_result {
    struct record head;
    uint32_t handle;
    bool has_message;
    uint16_t message_len, body_len; /* body_len 0: none */
    uint32_t sample_count, samples_len;
    struct result result;
    char text[]; /* message, then body, then samples: each a double and its series */
};

struct record_transition {
    struct record head;
    struct alert_transition t;
};

struct record_dispatch {
    struct record head;
    struct dispatch_row *rows;
    size_t n;
    bool messages; /* there are some among them */
};

struct record_more {
    struct record head;
    const char *receiver, *integration;
    int64_t from_id;
};

struct record_delivery {
    struct record head;
    int64_t outbox_id, retry_at_us;
    enum outbox_state state;
    const char *detail; /* NULL: nothing to say */
};

struct record_heartbeat {
    struct record head;
    int64_t started_us, now_us, complete_through_us, watchdog_us;
};

struct record_annotation {
    struct record head;
    struct annotation a;
};

struct record_exclusion {
    struct record head;
    struct exclusion x;
};

struct record_silence {
    struct record head;
    int64_t id, at_us;
    int64_t starts_us, ends_us;
    const char *matchers, *author, *comment; /* author: who ended it */
};

struct record_incident {
    struct record head;
    struct incident in;
};

struct record_incident_note {
    struct record head;
    int64_t id;
    struct incident_note note;
};

struct record_close_incident {
    struct record head;
    int64_t id, at_us, restored_us;
    const char *by;
};

struct import;

struct record_import {
    struct record head;
    struct import_batch *batch; /* NULL: answered while the disk failed */
    struct import *state;       /* begun and not done; the writer's */
    void (*done)(void *ctx);
    void *ctx;
};

/* A zeroed record with `text` extra bytes behind it. */
void *record_new(enum record_kind kind, size_t size, size_t text);
void record_free(struct record *r);

struct queue {
    int64_t limit_bytes;
    _Atomic(struct record *) inbox; /* newest first */
    _Atomic int64_t used_bytes, reserved_bytes, refused;
    _Atomic uint64_t pushed; /* records, since the start */
    _Atomic bool urgent;     /* commit at once */
    _Atomic bool woken;      /* since the writer last looked */
    sem_t wake;              /* the writer: something to do */
    _Atomic int64_t last_heartbeat_us;
    int64_t watchdog_us; /* with the heartbeats from now on */

    /* Records of results, to be used again: committed ones, newest first, and
     * those that the thread which pushes results has taken over. */
    _Atomic(struct record *) spare;
    _Atomic int64_t spares;
    struct record *at_hand;
    int64_t heartbeat_started_us; /* that thread's, too */

    pthread_mutex_t mutex; /* guards everything below */
    pthread_cond_t done;   /* flushers: something was committed, or failed */
    struct record *first, *last;
    uint64_t committed;
    int64_t oldest_ns; /* when `first` was pushed */
    bool hurry;        /* something in the list is urgent */
    bool stop;
    int64_t give_up_ns; /* with stop: when retrying ends */
    uint64_t settle_wanted, settle_done;
};

struct batch {
    struct record *first;
    size_t n; /* pushes */
    int64_t bytes;
    bool urgent; /* holds a transition or a message: must be durable when committed */
};

#define BATCH_MAX 4096   /* records */
#define SPARES_MAX 16384 /* kept records: a second and more of results */

void queue_init(struct queue *q, int64_t limit_bytes);
void queue_release(struct queue *q); /* frees what was never taken */

/* Appends; takes the record over. `urgent`: do not wait for the next flush.
 * Never blocks. */
void queue_push(struct queue *q, struct record *r, bool urgent);

/* A zeroed result without text. Only the thread that pushes results calls it. */
struct record_result *queue_new_result(struct queue *q);

/* The writer has something to do. Never blocks. */
void queue_wake(struct queue *q);

/* With the mutex held: what was pushed so far joins the list. */
void queue_gather(struct queue *q);

enum queue_event { QUEUE_BATCH, QUEUE_IDLE, QUEUE_STOPPED };

/* Waits until a batch is due, or `until_ns` (CLOCK_MONOTONIC) has come. After
 * queue_stop() batches go on until nothing is left. */
enum queue_event queue_wait(struct queue *q, int64_t until_ns, struct batch *ret);

/* The batch is committed: uncharges it and frees its records. */
void queue_commit(struct queue *q, struct batch *b);

/* The batch, an import, has more to do: it is due again behind what waits. */
void queue_again(struct queue *q, struct batch *b);

/* Pauses before a retry; false when there is to be none (stopped, and out of
 * patience). */
bool queue_pause(struct queue *q, int64_t pause_us);

void queue_stop(struct queue *q, int64_t patience_us);

/* pthread_cond_timedwait on the monotonic clock; the mutex is held. */
void queue_wait_until(struct queue *q, pthread_cond_t *c, int64_t until_ns);
