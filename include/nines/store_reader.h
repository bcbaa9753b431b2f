/*
 * Reading the database of the store (nines/store.h). Read-only; works with and
 * without a running daemon. One thread at a time.
 *
 * Of hours whose results were deleted (before store_probe.raw_since_us) counts
 * are known by the minute, reasons and latencies by the hour. A span or step
 * whose border cuts such a minute, or hour, with results in it is an error
 * that says so; what is not cut is exact.
 */
#pragma once

#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exclusion;
struct incident;
struct sketch;
struct store_reader;

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

/* Its fields, in the order in which rollups hold them: append only. */
#define ANSWER_SUMS_MAP(XX)                                                                        \
    XX(runs)                                                                                       \
    XX(good)                                                                                       \
    XX(tokens_in)                                                                                  \
    XX(tokens_out)                                                                                 \
    XX(tokens_cached)                                                                              \
    XX(tokens_reasoning)                                                                           \
    XX(tokens_unknown)                                                                             \
    XX(cost)                                                                                       \
    XX(cost_unknown)                                                                               \
    XX(held)                                                                                       \
    XX(limited)

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

/* What is said of the result of one slot, whatever its outcome; "" if nothing is. Freed by
 * the caller. */
int store_reader_message(struct store_reader *r, const char *probe, int64_t slot_us, char **ret,
                         struct err *reterr);

/* The newest failures of a probe with their message, for status and reports. */
struct failure {
    struct result result;
    char message[256];
};
int store_reader_failures(struct store_reader *r, const char *probe, int64_t from_us, int64_t to_us,
                          struct failure *ret, size_t max, size_t *ret_n, struct err *reterr);
