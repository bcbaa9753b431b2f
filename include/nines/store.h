/*
 * The store: one SQLite database, one thread that writes it, any number of
 * read-only readers.
 *
 * Writing. Records are pushed into one ordered, byte-bounded queue and never
 * dropped: a slot reserves its place before it starts (store_reserve), without
 * space it does not run. The writer commits batches in record order, once a
 * second (STORE_FLUSH_US) or at once when a batch holds a transition. A failed
 * batch is kept and tried again unchanged.
 *
 * Pushes take no lock and never wait. Any thread may push; reservations,
 * results and heartbeats are for one thread, the loop's. Callbacks come on the
 * store thread and must only hand over.
 */
#pragma once

#include "nines/alert.h"
#include "nines/probe.h"
#include "nines/result.h"
#include "nines/sample.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exclusion;
struct store;

#define STORE_FLUSH_US 1000000
#define STORE_QUEUE_BYTES (64LL << 20)

/* An outbox row that a commit has made durable. One that was asked for, or found at the
 * start, is `again`: `next_id` is then the next pending one to the same integration, 0 if
 * there was none, and `last` that it is not handed over before it is asked for. */
struct outbox_item {
    int64_t id, next_id;
    bool again, last;
    int64_t created_us, retry_at_us; /* not to be tried before then; 0: at once */
    int attempts;
    /* Owned by whoever gets the item. The payload is that of wire/message.h. */
    char *receiver, *integration, *group_key, *dedup_key, *payload;
};

void outbox_item_release(struct outbox_item *item);

struct store_options {
    const char *path;
    int64_t queue_bytes; /* 0: STORE_QUEUE_BYTES */
    bool background;     /* its threads give way to the process's others */
    /* Store thread: outbox rows just committed (items pass to the callee). */
    void (*committed)(void *ctx, struct outbox_item *items, size_t n);
    /* Store thread: commit health changed; `failing_since_us` is 0 when well,
     * else the engine time (of the newest heartbeat) of the first failure. */
    void (*health)(void *ctx, int64_t failing_since_us, const char *error);
    void *ctx;
};

/*
 * Takes the flock on `<path>.lock`, opens or creates the database, migrates it
 * and starts the thread. Errors say what to do: locked by a running process
 * (with its pid), another application's file, a newer schema, read-only.
 * Pending outbox rows of an earlier process are handed to `committed` first, as many of
 * each integration as store_push_outbox_more() gives.
 */
int store_open(const struct store_options *o, struct store **ret, struct err *reterr);

/* Commits what is queued (gives up after `patience_us` if commits fail, -1
 * then), checkpoints, closes, releases the lock. Frees the store. No import
 * may be waiting. */
int store_close(struct store *s, int64_t patience_us, struct err *reterr);

/* The process that holds the database for writing: its pid, -1 if that is not
 * known, 0 if there is none. */
long store_lock_holder(const char *path);

/* ---- records, in queue order ------------------------------------------- */

/* Makes the probe known under a number of the caller's choice (dense, small;
 * later results name it), and records a revision if its schedule changed. */
void store_push_probe(struct store *s, uint32_t handle, const struct probe_def *def, int64_t at_us);

/* What runs of a probe look for from this instant on: nothing, if its kind gives no
 * samples. */
void store_push_wanted(struct store *s, uint32_t handle, const struct probe_def *def,
                       int64_t at_us);

/* Makes an SLI's rollups known; history is rolled up in the background. So are
 * the events of a metric SLI derived, from the samples that there are: where no
 * slot of the past has its series, its history begins with the first that has. */
void store_push_sli(struct store *s, const struct sli_def *sli);

/* Records the SLO's revision if it changed. */
void store_push_slo(struct store *s, const struct slo_def *slo, int64_t at_us);

#define STORE_RESULT_BYTES 224
#define STORE_EVIDENCE_MAX 1024

/* Reserves room for one result; false: no room, the slot must not start. Each
 * reservation is used by one push or given back. */
bool store_reserve(struct store *s);
void store_unreserve(struct store *s);

/* What comes along with a result; all of it is copied. */
struct store_extra {
    const char *message, *body; /* evidence of a bad one; NULL: none. Both are cut to
                                   STORE_EVIDENCE_MAX */
    size_t body_len;
    const struct sample *samples; /* with RESULT_SCRAPED */
    size_t sample_count;
};

/* `extra` may be NULL. Uses a reservation. A queue that is full but for the
 * reservations keeps the result without its evidence; without room for its
 * samples it keeps it as skipped, a fault of the prober, and gives false. */
bool store_push_result(struct store *s, uint32_t handle, const struct result *r,
                       const struct store_extra *extra);

/* Something that people want to see beside the numbers: a deploy, a note. */
struct annotation {
    int64_t at_us;
    const char *kind;  /* "deploy", "note" */
    const char *probe; /* whose version it is; "" for a note */
    const char *text;  /* "1.0.0 -> 1.1.0" */
    bool by_hand;      /* else a target has said so */
    int64_t id;        /* of what is stored */
};
void store_push_annotation(struct store *s, const struct annotation *a);
void store_push_forget_annotation(struct store *s, int64_t id);

/* An exclusion, and that the one with this number is in force no longer: what is
 * stored of it stays. `id` and what was removed are not looked at in the first. */
void store_push_exclusion(struct store *s, const struct exclusion *x);
void store_push_remove_exclusion(struct store *s, int64_t id, int64_t at_us, const char *by);

/* An incident that a person opens: `id`, alerts and notes are not looked at, alerts come to it
 * by themselves. A note on one, and that a person closes one; `restored_us` 0: not said. */
struct incident;
struct incident_note;
void store_push_incident(struct store *s, const struct incident *in);
void store_push_incident_note(struct store *s, int64_t id, const struct incident_note *note);
void store_push_close_incident(struct store *s, int64_t id, int64_t at_us, const char *by,
                               int64_t restored_us);

/* A transition and the state after it, in one transaction, synchronous=FULL. What it does
 * to incidents (slo/incidents.h) is in there too. */
void store_push_transition(struct store *s, const struct alert_transition *t);

/* What the dispatcher wants kept (alert/dispatch.h says why). */
struct outbox_new {
    const char *receiver, *integration, *group_key, *dedup_key, *payload;
    int64_t created_us;
};

/* An alert as it was last put: `alert` is its JSON (message_alert_write()). */
struct told_alert {
    const char *fingerprint, *alert;
    int64_t at_us;
};

enum dispatch_row_kind {
    DISPATCH_ALERT,      /* is now so */
    DISPATCH_ALERT_DONE, /* is forgotten: `fingerprint` alone is looked at */
    DISPATCH_GROUP,      /* is now so */
    DISPATCH_GROUP_GONE, /* with its entries in the log */
    DISPATCH_TOLD,       /* an entry of the log */
    DISPATCH_MESSAGE,    /* for the outbox */
};

struct dispatch_group;
struct notified;

struct dispatch_row {
    enum dispatch_row_kind kind;
    union {
        const struct told_alert *alert;
        const struct dispatch_group *group;
        const struct notified *told;
        const struct outbox_new *message;
    };
};

/* In their order, in one transaction; with a message in it synchronous=FULL, at once. All
 * is copied. Any thread. Groups alone, as each flush tells of them, find no room once the
 * queue is half full, as nothing can be committed: they only say when which is due next. */
void store_push_dispatch(struct store *s, const struct dispatch_row *rows, size_t n);

/* Numbers are stored: append only. */
enum outbox_state {
    OUTBOX_PENDING,
    OUTBOX_DELIVERED,
    OUTBOX_DEAD /* refused, or given up: it is shown, and can be tried again */
};

/* What became of an attempt; pending: it is tried again at `retry_at_us`. */
void store_push_delivery(struct store *s, int64_t outbox_id, enum outbox_state state,
                         const char *detail, int64_t retry_at_us);

/* Pending ones to this integration, from `from_id` on, the oldest first and not more than
 * OUTBOX_MORE, are handed to `committed`; if there is none, an item without an id and
 * without a payload, which is `again` and `last`. */
#define OUTBOX_MORE 1000
void store_push_outbox_more(struct store *s, const char *receiver, const char *integration,
                            int64_t from_id);

/* A dead one is pending again, and handed to `committed`; 0: all of them, the oldest
 * first, up to OUTBOX_RETRY_MAX. Those without an integration are of a nines that made
 * other messages: they stay dead. */
#define OUTBOX_RETRY_MAX 1000
void store_push_outbox_retry(struct store *s, int64_t outbox_id);

/* A silence (alert/silence.h), and its end at `at_us`, if it has not ended by then. What
 * is stored of it stays; `id` is not looked at in the first. Of more than SILENCES_KEPT
 * those that ended first go, never the newest. */
#define SILENCES_KEPT 10000
struct silence;
void store_push_silence(struct store *s, const struct silence *silence, int64_t at_us);
void store_push_expire_silence(struct store *s, int64_t id, int64_t at_us, const char *by);

/* The prober is alive at `now_us`, and every slot before `complete_through_us`
 * has its result in the queue or is missing for good. */
void store_push_heartbeat(struct store *s, int64_t now_us, int64_t complete_through_us);
/* When the watchdog was last heard: stored with the heartbeats from now on. Same thread. */
void store_set_watchdog(struct store *s, int64_t delivered_us);

/*
 * How long what is kept; all zeroes as a store begins. A message goes 30 days
 * after it was made once it is delivered, whatever is set, and with the alerts once it
 * was given up; definitions, the prober's life and what the dispatcher knows stay for
 * ever, and silences but for too many.
 */
struct store_retention {
    int64_t results_us;  /* 0: for ever */
    int64_t rollups_us;  /* 0: for ever; in any case as long as the results */
    int64_t evidence_us; /* of failures; 0: 7 days */
    int64_t alerts_us;   /* transitions and their messages; 0: for ever. The newest
                            transition of each objective stays */
    /* Above this size (pages in use, not free ones) the oldest results go,
     * those of all probes up to the same instant; 0: no limit. */
    int64_t max_bytes;
    int64_t needed_us; /* younger results stay, whatever the size */
};

/*
 * From now on what is older goes, a little at a time, results as whole hours
 * that are rolled up. Windows that end now stay exact as long as results_us
 * and needed_us cover them and an hour more. Any thread, never blocks long.
 *
 * Age is measured against the heartbeats; a clock that went ahead by more than
 * a day counts only after an hour of them.
 */
void store_set_retention(struct store *s, const struct store_retention *keep);

/* Waits until everything pushed so far is committed; -1 when that fails for
 * `patience_us`. Not for the loop thread. */
int store_flush(struct store *s, int64_t patience_us, struct err *reterr);

/* store_flush(), and then waits until everything that can be is rolled up, so
 * that reading is fast, and what is too old is deleted: after an import. -1 also
 * when that work fails again and again. */
int store_settle(struct store *s, int64_t patience_us, struct err *reterr);

/* What the store thread does in turns: commits, and the upkeep between them, in
 * slices of some milliseconds. Checkpoints run beside it, on their own thread. */
enum store_slice {
    STORE_SLICE_COMMIT,
    STORE_SLICE_IMPORT,
    STORE_SLICE_ROLLUP,
    STORE_SLICE_SEAL,
    STORE_SLICE_RETENTION,
    STORE_SLICE_CHECKPOINT,
    STORE_SLICES
};
const char *store_slice_name(enum store_slice k);

struct store_slice_stats {
    int64_t turns, longest_us; /* since the start */
    int64_t failures;
    int64_t failing_since_us; /* as of struct store_stats, for this kind alone */
};

#define STORE_ERROR_MAX 256

struct store_stats {
    int64_t queued_bytes, queue_limit_bytes, committed_records, commits, failed_commits;
    int64_t refused_slots; /* reservations that found no room */
    int64_t failing_since_us, database_bytes, wal_bytes;
    int64_t complete_through_us;
    int64_t max_bytes;       /* as set; 0: no limit */
    int64_t used_bytes;      /* pages in use, as of the last look; 0: never looked */
    bool oversize;           /* above max_bytes, and no result may go */
    int64_t deleted_results; /* by retention, since the start */
    struct store_slice_stats slices[STORE_SLICES];
    char error[STORE_ERROR_MAX]; /* of what failed last; "" when nothing fails */
};
void store_get_stats(struct store *s, struct store_stats *ret); /* any thread but the loop's */
/* Leaves `last` as it is when that would mean to wait: for the loop thread. */
void store_peek_stats(struct store *s, struct store_stats *last);

/* ---- import -------------------------------------------------------------- */

/* A result, or one sample of a scrape. A scrape is complete: a series that no row
 * names at its slot was not there. Its samples may come in several batches. */
struct import_row {
    const char *probe;    /* id */
    struct result result; /* of a sample: slot_us alone */
    long line;            /* for messages */
    const char *series;   /* canonical; NULL: a result; "": a scrape, maybe without samples */
    double value;
};

/* lines = inserted + same + different; `replaced` of the different ones were
 * overwritten. */
struct import_totals {
    int64_t lines, inserted, same, different, replaced;
};

struct import_batch {
    struct import_row *rows;
    size_t n;
    bool replace;
    /* Unknown probes are made with this interval, and rows older than the
     * oldest schedule of a known one are taken to be that far apart. 0: unknown
     * probes are an error, older rows come at the probe's own interval. */
    int64_t create_interval_us;
    int64_t import_id; /* the same in every batch of one import, else unique */
    /* 0: it is stored in one transaction. Else in as many as it takes, of about so
     * many rows at most, ordered by probe; other records are stored in between. */
    size_t slice_rows;
    struct import_totals totals; /* added to */
    struct err err;              /* set when the batch failed */
    long err_line;               /* the line at fault; 0: none is */
    int status;                  /* 0 or -1 */
};

/* Stores a batch (a fault of the disk fails it, it is not tried again) and calls
 * `done` on the store thread. What failed is rolled back: all of the batch, or
 * with slices all but what `totals` counts. A row of hours whose results were
 * deleted (store_set_retention) is an error. The batch and its rows stay the
 * caller's, untouched until then. */
void store_import(struct store *s, struct import_batch *b, void (*done)(void *ctx), void *ctx);
