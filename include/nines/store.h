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
struct sketch;
struct store;
struct store_reader;

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

/* ---- reading --------------------------------------------------------------- */

/*
 * Read-only; works with and without a running daemon. One thread at a time.
 *
 * Of hours whose results were deleted (before store_probe.raw_since_us) counts
 * are known by the minute, reasons and latencies by the hour. A span or step
 * whose border cuts such a minute, or hour, with results in it is an error
 * that says so; what is not cut is exact.
 */
int store_reader_open(const char *path, struct store_reader **ret, struct err *reterr);
void store_reader_free(struct store_reader *r);

/* What is asked until store_reader_end() is answered as of one moment, and
 * faster. For a few questions: the log cannot be emptied meanwhile. */
int store_reader_begin(struct store_reader *r, struct err *reterr);
void store_reader_end(struct store_reader *r);

/* The ids of all probes, in the order of their bytes; freed with the arena. */
struct arena;
int store_reader_probe_ids(struct store_reader *r, struct arena *a, const char *const **ret,
                           size_t *ret_n, struct err *reterr);

/* One schedule of a probe, in force from `since_us` to the next one. */
struct probe_revision {
    int64_t since_us, interval_us, phase_us, timeout_us;
    const struct hours *hours; /* NULL: all slots count; a reference of the array's owner */
};

struct store_probe {
    int64_t num;
    int64_t first_event_us;           /* slot of the first good or bad result, INT64_MAX if none */
    int64_t last_slot_us;             /* INT64_MIN if none, or none is kept */
    int64_t raw_since_us;             /* results before it were deleted; 0: none were */
    struct probe_revision *revisions; /* by since_us; caller frees */
    size_t revision_count;
};

/* 1 when found, 0 when the database does not know the probe, -1 on error. */
int store_reader_probe(struct store_reader *r, const char *id, struct store_probe *ret,
                       struct err *reterr);

/* Where the history of an SLI begins: raw_since_us of when it was first
 * declared, or is now if it never was. 0: with the probe's first event. */
int store_reader_sli_since(struct store_reader *r, const struct sli_def *sli, int64_t *ret,
                           struct err *reterr);

/* How runs look for the series of a metric SLI, as it is now declared. They do since
 * since_us (INT64_MIN: always, or the probe is not known); since anew_us at the target
 * that is now the probe's, since before_us at the one before that, both not before
 * since_us. From named_us (INT64_MAX: never) on because an SLI names them: what is
 * absent then is silent. */
struct sli_asked {
    int64_t since_us, anew_us, before_us, named_us;
};
int store_reader_sli_asked(struct store_reader *r, const struct sli_def *sli, struct sli_asked *ret,
                           struct err *reterr);

/*
 * The targets that an objective had while daemons ran with it, oldest first: each
 * since the minute that it was first in force in, and another one than that before it.
 * None if no daemon did. *ret is the caller's, to be freed. An objective whose target
 * was changed more than SLO_TARGETS_MAX times is an error.
 */
#define SLO_TARGETS_MAX 10000
int store_reader_slo_targets(struct store_reader *r, const char *slo, const char *objective_name,
                             struct slo_target **ret, size_t *ret_n, struct err *reterr);

/* Exact counts of the events in [from, to): whole hours from rollups where
 * they are complete, the rest from rows. */
int store_reader_counts(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t to_us, struct counts *ret, struct err *reterr);

/* The same, for n consecutive steps of `step_us` starting at from_us; a step
 * that is a whole number of aligned hours or minutes reads rollups. */
int store_reader_series(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t step_us, size_t n, struct counts *ret, struct err *reterr);

/* The same, for n consecutive spans [edges[i], edges[i + 1]) of any length:
 * `edges` are n + 1 rising instants. */
int store_reader_cells(struct store_reader *r, const struct sli_def *sli, const int64_t *edges,
                       size_t n, struct counts *ret, struct err *reterr);

/* Bad events of [from, to) by reason (slow but good ones count as LATENCY). */
int store_reader_reasons(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                         int64_t to_us, int64_t ret[REASON_COUNT], struct err *reterr);

/* Adds the latencies of all good and bad runs of [from, to) into `into`;
 * censored runs (bad ones) are counted by the sketch apart. */
int store_reader_latency(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         struct sketch *into, struct err *reterr);

/* Percentiles of the latencies of n consecutive spans, in microseconds: what
 * sketch_quantile() says of each span's runs; -1 where there are none. */
struct percentiles {
    int64_t p50_us, p95_us, p99_us;
};
int store_reader_percentiles(struct store_reader *r, const char *probe, const int64_t *edges,
                             size_t n, struct percentiles *ret, struct err *reterr);

/*
 * What runs of an agent came to in a span. Tokens and cost are sums of what is known;
 * `*_unknown` are the runs that were sent and did not tell, so that a sum with any is
 * at least so much. Runs are those that were good or bad.
 */
struct answer_sums {
    int64_t runs, good;
    int64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
    int64_t tokens_unknown;
    int64_t cost; /* of COST_ONE; INT64_MAX: more than that can say */
    int64_t cost_unknown;
    int64_t held;    /* slots not sent because of a spend cap */
    int64_t limited; /* runs, and slots not sent, that were rate_limited or overloaded */
};
/* Implemented in model/answer_sums.c; they stay at INT64_MAX. Tokens and cost of a run
 * are added whatever its outcome is. */
void answer_sums_add(struct answer_sums *into, const struct answer_sums *from);
void answer_sums_result(struct answer_sums *into, const struct result *r);

/* The sums of n consecutive spans: `edges` are n + 1 rising instants. Before
 * raw_since_us they are known by the hour. */
int store_reader_answers(struct store_reader *r, const char *probe, const int64_t *edges, size_t n,
                         struct answer_sums *ret, struct err *reterr);

/*
 * Adds what the runs of [from, to) measured, as store_reader_latency() does of their
 * totals: microseconds to the first token, of the longest gap, and nanoseconds for each
 * token (answer_speed(), rounded up). A bad run is censored, and so is a good one without
 * tokens by its speed; a good one that does not tell is not counted.
 */
enum answer_sketch { ANSWER_SKETCH_TTFT, ANSWER_SKETCH_GAP, ANSWER_SKETCH_TOKEN };
#define ANSWER_SKETCHES 3
int store_reader_answer_sketch(struct store_reader *r, const char *probe, enum answer_sketch which,
                               int64_t from_us, int64_t to_us, struct sketch *into,
                               struct err *reterr);
/* Their percentiles of n consecutive spans, as store_reader_percentiles(). */
int store_reader_answer_percentiles(struct store_reader *r, const char *probe,
                                    enum answer_sketch which, const int64_t *edges, size_t n,
                                    struct percentiles *ret, struct err *reterr);

/* Rows in slot order, from raw_since_us on; the callback returns false to
 * stop. Pages internally. */
typedef bool (*store_result_fn)(void *ctx, const struct result *r);
int store_reader_results(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         store_result_fn fn, void *ctx, struct err *reterr);

/* Stored transitions of [from, to), oldest first; slo NULL for all. Strings
 * live during the call. */
typedef bool (*store_transition_fn)(void *ctx, const struct alert_transition *t);
int store_reader_transitions(struct store_reader *r, const char *slo, int64_t from_us,
                             int64_t to_us, store_transition_fn fn, void *ctx, struct err *reterr);

/* Alert state as last committed; zeroes if there is none. `condition` as in a transition. */
int store_reader_alert(struct store_reader *r, const char *condition, const char *slo,
                       const char *objective_name, struct alert_state *ret, struct err *reterr);

/* What dispatch_restore() and dispatch_put() want at a start; arrays and texts are the
 * arena's. An entry of the log that is damaged is not among them: it is told again. */
struct dispatch_past {
    struct told_alert *alerts;
    size_t alert_count;
    struct dispatch_group *groups;
    size_t group_count;
    struct notified *told;
    size_t told_count;
};
int store_reader_dispatch(struct store_reader *r, struct arena *arena, struct dispatch_past *ret,
                          struct err *reterr);

/* Silences, by id; the arena's, matchers parsed (they are released with it). `silence`
 * ends when somebody ended it, if somebody did. One that cannot be read is not there. */
struct stored_silence {
    int64_t id;
    const char *matchers; /* as text: `alertname="x",severity=~"a|b"` */
    const struct silence *silence;
    int64_t ends_us;                /* as it was made */
    int64_t created_us, expired_us; /* 0: it ends by itself */
    const char *expired_by;
};
int store_reader_silences(struct store_reader *r, struct arena *arena, struct stored_silence **ret,
                          size_t *ret_n, struct err *reterr);

/* Messages of the outbox that were made in [from, to), newest first; texts live during
 * the call. `detail` is "" before the first attempt. */
struct outbox_row {
    int64_t id, created_us, retry_at_us;
    enum outbox_state state;
    int attempts;
    const char *receiver, *integration, *group_key, *dedup_key, *payload, *detail;
};
typedef bool (*store_outbox_fn)(void *ctx, const struct outbox_row *row);
int store_reader_outbox(struct store_reader *r, int64_t from_us, int64_t to_us, store_outbox_fn fn,
                        void *ctx, struct err *reterr);

/* Alerts that are not over, whosever: name, service and state of each is told. */
int store_reader_alerts(struct store_reader *r, store_transition_fn fn, void *ctx,
                        struct err *reterr);

struct store_heartbeat {
    int64_t started_us, alive_us, complete_through_us; /* 0: never ran */
    int64_t watchdog_us; /* the last word of the watchdog that was delivered; 0: none */
};
int store_reader_heartbeat(struct store_reader *r, struct store_heartbeat *ret, struct err *reterr);

/* The slot of the first event of an SLI that is known; INT64_MAX: none. */
int store_reader_first_event(struct store_reader *r, const struct sli_def *sli, int64_t *ret,
                             struct err *reterr);

/* The derived events of a metric SLI, in slot order, with the instant at which
 * each was visible. A slot has several if growth was spread over it later on. Of
 * an SLI that the store was never told of they are derived here, from what there
 * is of its series. */
typedef bool (*store_event_fn)(void *ctx, int64_t slot_us, int64_t done_us, struct counts c);
int store_reader_events(struct store_reader *r, const struct sli_def *sli, int64_t from_us,
                        int64_t to_us, store_event_fn fn, void *ctx, struct err *reterr);

/* What derive_seed() wants: each series of a probe as last seen before
 * `before_us`, and then the last scrape (series NULL, value: its samples) if there
 * was one. fn asks the reader nothing. */
typedef void (*store_sample_fn)(void *ctx, const char *series, int64_t slot_us, double value);
int store_reader_last_samples(struct store_reader *r, const char *probe, int64_t before_us,
                              store_sample_fn fn, void *ctx, struct err *reterr);
/* All samples of [from, to), by slot and series; a scrape without any is told
 * with series NULL. */
int store_reader_samples(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                         store_sample_fn fn, void *ctx, struct err *reterr);

/* Annotations of [from, to), oldest first. Strings live during the call. */
typedef bool (*store_annotation_fn)(void *ctx, const struct annotation *a);
int store_reader_annotations(struct store_reader *r, int64_t from_us, int64_t to_us,
                             store_annotation_fn fn, void *ctx, struct err *reterr);

/* All that ever were added, removed ones too, in the order of their numbers. Lives in the
 * arena. */
int store_reader_exclusions(struct store_reader *r, struct arena *arena, struct exclusion **ret,
                            size_t *ret_n, struct err *reterr);
/* Incidents that are open or were closed at or after `since_us`, by rising id. They live in
 * the arena. */
int store_reader_incidents(struct store_reader *r, int64_t since_us, struct arena *arena,
                           struct incident **ret, size_t *ret_n, struct err *reterr);
/* The number of the incident that an alert came to last, by (condition, slo, objective_name,
 * since_us) of any of its transitions; 0: to none. */
int store_reader_incident_of(struct store_reader *r, const struct alert_transition *t, int64_t *ret,
                             struct err *reterr);
/* The version that a probe's target said last; "" if none. Freed by the caller. */
int store_reader_version(struct store_reader *r, const char *probe, char **ret, struct err *reterr);
/* What is said of one slot's result, or "". Freed by the caller. */
int store_reader_message(struct store_reader *r, const char *probe, int64_t slot_us, char **ret,
                         struct err *reterr);
/* The newest failures of a probe with their message, for status and reports. */
struct failure {
    struct result result;
    char message[256];
};
int store_reader_failures(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                          struct failure *ret, size_t max, size_t *ret_n, struct err *reterr);
