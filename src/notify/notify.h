/*
 * The notify thread: the dispatcher (alert/dispatch.h) and the lanes of receivers, on a
 * loop of its own with its own HTTP client, so that a slow receiver can never touch a
 * measurement.
 *
 *     notify_put() -> dispatcher -> rows() -> the store commits -> notify_push() -> lane
 *
 * An alert that is put goes through routes, groups and stages. What the dispatcher
 * wants kept goes out by rows(), messages among it; a message is sent when its row comes
 * back as committed. One that does not come back within NOTIFY_PATIENCE_US goes out from
 * memory, marked `unrecorded`, and when its row comes later it is not sent again.
 *
 * An integration is told one thing at a time, the messages of a group in their order; a
 * group whose message waits to be tried again does not hold up another. Attempts are
 * repeated with exponential backoff and jitter, or when the receiver said so
 * (Retry-After, which holds up all groups). After NOTIFY_BREAKER_FAILURES failures in a
 * row, of whatever groups, the integration is left alone for a while and then asked with
 * one message: a circuit breaker. `rate` of the receiver bounds how many messages it gets
 * in a minute; what is above waits. What is refused, or fails for NOTIFY_GIVE_UP_US, is
 * dead: it stays in the outbox, is shown, and can be tried again.
 *
 * All functions are thread-safe except start and stop.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"
#include "nines/config.h"
#include "nines/message.h"
#include "nines/notifier.h"
#include "nines/store.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct notify;
struct watchdog_stats;
struct silence;

#define NOTIFY_ITEMS_MAX 4096
#define NOTIFY_PATIENCE_US (30 * USEC_PER_SEC)
#define NOTIFY_BACKOFF_MIN_US (1 * USEC_PER_SEC)
#define NOTIFY_BACKOFF_MAX_US (5 * USEC_PER_MIN)
#define NOTIFY_RETRY_AFTER_MAX_US (1 * USEC_PER_HOUR)
#define NOTIFY_GIVE_UP_US (24 * USEC_PER_HOUR) /* age at which a failure is final */
#define NOTIFY_BREAKER_FAILURES 5
#define NOTIFY_RATE 60 /* messages in a minute, where the receiver does not say */

struct notify_options {
    struct config *config; /* the first one; a reference is taken */
    size_t max_items;      /* of each integration held in memory; 0: NOTIFY_ITEMS_MAX */
    int64_t backoff_min_us, backoff_max_us; /* 0: the limits above */
    bool told_time; /* time is what notify_time() says, nothing else: for test clocks */

    /* Notify thread. Rows to keep, one transaction; borrowed. Must only hand over. */
    void (*rows)(void *ctx, const struct dispatch_row *rows, size_t n);
    /* Notify thread: an attempt for a recorded message ended. Pending: it is tried again
     * at `retry_at_us`. `detail` is one line for people, without secrets. Must only hand
     * over. */
    void (*delivered)(void *ctx, int64_t outbox_id, enum outbox_state state, const char *detail,
                      int64_t retry_at_us);
    /* Notify thread: there is room again for what this integration was to be told and had
     * to be left in the outbox: store_push_outbox_more(). Must only hand over. */
    void (*more)(void *ctx, const char *receiver, const char *integration, int64_t from_id);
    /* Engine time, from any thread; NULL: the wall clock. */
    int64_t (*now_us)(void *ctx);
    void *ctx;
};

int notify_start(const struct notify_options *o, struct notify **ret, struct err *reterr);

/* Once, after the start: what an earlier process left, or nothing. Before it nothing is
 * dispatched; what was put meanwhile waits, and is looked at before anything is told. So
 * what is found to have ended, or to have begun, while there was no process is put before
 * this. With `told_time` it is the time of the last notify_time(), or now_us() of the
 * start. Copied. */
void notify_restore(struct notify *n, const struct dispatch_past *past);

/* Alerts that are new or have changed, at `at_us`: by fingerprint, labels and
 * annotations by rising key. Copied. Never blocks, and is never refused: there are
 * not more than objectives and conditions. */
void notify_put(struct notify *n, const struct message_alert *alerts, size_t count, int64_t at_us);

/* With `told_time`: engine time is `now_us`; in their order with notify_put(). What is due
 * by then is done, each thing at the time that it was due. A put at a later time tells the
 * time as well. Without it nothing is done: time goes on by itself. */
void notify_time(struct notify *n, int64_t now_us);

/* All silences there are, instead of those of the last call. Copied. */
void notify_set_silences(struct notify *n, const struct silence *const *list, size_t count);

/* Routes and receivers are those of `config` from now on; takes a reference. A delivery
 * under way ends on the old one. Messages for an integration that is gone are dead. */
void notify_set_config(struct notify *n, struct config *config);

/* Hands over committed messages (the strings pass to the callee, the array stays the
 * caller's), each to be tried at `retry_at_us`, or at once if it has passed. Beyond what
 * an integration may have they are let go and counted in `overflowed`: they stay pending in
 * the outbox, and are asked for by more(). */
void notify_push(struct notify *n, struct outbox_item *items, size_t count);

/* Returns when all that was handed over before has been looked at, and its rows were
 * given to rows() and counted; alerts before notify_restore() still wait then. false: that
 * took longer than `patience_us`. Not for the loop thread, nor while the notify thread
 * stops. */
bool notify_sync(struct notify *n, int64_t patience_us);

/* What is not committed will not be: it goes out now, unrecorded. For the end, and when
 * the store has said for NOTIFY_PATIENCE_US that it cannot. */
void notify_send_uncommitted(struct notify *n);

struct notify_stats {
    int64_t alerts, groups;               /* of the dispatcher, now */
    int64_t messages;                     /* that it made */
    int64_t refused;                      /* alerts for which it had no room */
    int64_t delivered, retried, rejected; /* attempts by their end */
    int64_t deduplicated;                 /* recorded items already sent unrecorded */
    int64_t overflowed;                   /* items that found no room, and messages that are
                                             sent only when their row is committed */
    int64_t uncommitted;                  /* messages that wait for their row */
    int64_t pending;                      /* held now, in flight included */
    int64_t in_flight;
    int64_t failing;   /* integrations whose last attempt failed */
    int64_t broken;    /* of these, left alone for a while */
    int64_t oldest_us; /* creation of the oldest pending item; 0: none */
};

void notify_get_stats(struct notify *n, struct notify_stats *ret);

/* Of one integration, since it is there. */
struct notify_lane_stats {
    const char *receiver, *integration;
    int64_t delivered, retried, rejected;
    int64_t pending, oldest_us;
    bool failing, broken;
};

/* All of them, in the order in which they came; the arena's. */
size_t notify_get_lane_stats(struct notify *n, struct arena *arena, struct notify_lane_stats **ret);

/* The process does its work: notify/watchdog.h. */
void notify_alive(struct notify *n);
void notify_get_watchdog(struct notify *n, struct watchdog_stats *ret);

/* Delivers what can be delivered within `patience_us` (items that wait for a retry are
 * not waited for), cancels the rest, ends the thread and frees. */
void notify_stop(struct notify *n, int64_t patience_us);
