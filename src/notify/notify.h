/*
 * The notify thread: takes committed outbox items and sees them through to
 * their receivers, on its own loop with its own HTTP client, so that a slow
 * receiver can never touch a measurement.
 *
 * Each receiver is sent its items in order, one at a time. A delivery that may
 * still work is tried again with exponential backoff and jitter, or when the
 * receiver said so (Retry-After). What became of each attempt is told through
 * `delivered`. What is not delivered when the process ends is still in the
 * outbox and comes again at the next start: a receiver sees an item at least
 * once and can tell repeats by its dedup key.
 *
 * All functions are thread-safe except start and stop.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"
#include "nines/config.h"
#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct notify;

#define NOTIFY_ITEMS_MAX 4096
#define NOTIFY_BACKOFF_MIN_US (1 * USEC_PER_SEC)
#define NOTIFY_BACKOFF_MAX_US (5 * USEC_PER_MIN)
#define NOTIFY_RETRY_AFTER_MAX_US (1 * USEC_PER_HOUR)
#define NOTIFY_GIVE_UP_US (24 * USEC_PER_HOUR) /* age at which a failure is final */

struct notify_options {
    struct config *config;                  /* the first one; a reference is taken */
    size_t max_items;                       /* held in memory; 0: NOTIFY_ITEMS_MAX */
    int64_t backoff_min_us, backoff_max_us; /* 0: the limits above */

    /*
     * Notify thread: an attempt for a recorded item ended. done: delivered or
     * rejected for good, nothing more will happen; else it is tried again at
     * `retry_at_us`. `detail` is one line for people, without secrets. Must
     * only hand over.
     */
    void (*delivered)(void *ctx, int64_t outbox_id, bool done, const char *detail,
                      int64_t retry_at_us);
    /* Engine time, from any thread; NULL: the wall clock. */
    int64_t (*now_us)(void *ctx);
    void *ctx;
};

int notify_start(const struct notify_options *o, struct notify **ret, struct err *reterr);

/* Receivers are those of `config` from now on; takes a reference. A delivery
 * under way ends on the old one. Items for a receiver that is gone are
 * rejected. */
void notify_set_config(struct notify *n, struct config *config);

/*
 * Hands over committed items (the strings pass to the callee, the array stays
 * the caller's). Items beyond the cap are let go and counted in `overflowed`:
 * they stay pending in the outbox until the next start.
 */
void notify_push(struct notify *n, struct outbox_item *items, size_t count);

/*
 * Sends what could not be committed, marked `unrecorded`. When the recorded
 * item with the same receiver and dedup key arrives later, it takes this one's
 * place or its success, and is not sent a second time. Strings are copied.
 */
void notify_push_unrecorded(struct notify *n, const char *receiver, const char *dedup_key,
                            const char *payload);

struct notify_stats {
    int64_t delivered, retried, rejected; /* attempts by their end */
    int64_t deduplicated;                 /* recorded items already sent unrecorded */
    int64_t overflowed;                   /* items that found no room */
    int64_t pending;                      /* held now, in flight included */
    int64_t in_flight;
    int64_t failing;   /* receivers whose last attempt failed */
    int64_t oldest_us; /* creation of the oldest pending item; 0: none */
};

void notify_get_stats(struct notify *n, struct notify_stats *ret);

/* Delivers what can be delivered within `patience_us` (items that wait for a
 * retry are not waited for), cancels the rest, ends the thread and frees. */
void notify_stop(struct notify *n, int64_t patience_us);
