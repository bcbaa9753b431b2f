/*
 * The lane of one integration of a receiver: what it is to be told, a queue for each
 * group, one delivery at a time. Knows no threads and no timers: the owner calls
 * lane_pump() when lane_due_us() has come and learns of every end through its callbacks.
 * Notify thread only.
 *
 * The messages of a group go out in their order; of several groups the one whose message
 * came first. A group whose message waits to be tried again does not hold up others. What
 * holds up all are the circuit breaker (breaker.h), with what the service itself asked for
 * (Retry-After: it counts requests, not groups), and the rate (rate.h).
 *
 * A lane holds a bounded number of messages. From the first one on that finds no room all
 * are left in the outbox, and read from there again, in their order, when half of the room
 * is free: nothing overtakes, and no lane takes the room of another.
 *
 * Moves of a message: waiting -> in flight -> delivered, refused, or waiting (to retry).
 */
#pragma once

#include "base/arena.h"
#include "nines/config.h"
#include "nines/message.h"
#include "nines/notifier.h"
#include "notify/breaker.h"
#include "notify/rate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message to one integration. */
struct item {
    struct item *next;
    int64_t outbox_id, next_id; /* 0 while unrecorded; next_id: as nines/store.h has it */
    bool again, last;
    int64_t created_us;
    int attempts;     /* that failed */
    int64_t due_us;   /* mono: not to be tried before */
    uint64_t arrived; /* rising */
    bool unrecorded;
    char *receiver, *integration, *group_key, *dedup_key, *payload;
};

void item_free(struct item *it);

struct lane_end {
    enum delivery delivery; /* RETRY: the item stays and waits */
    const char *detail;
    int64_t retry_in_us;
};

/* What a lane needs from its owner. */
struct lane_owner {
    struct notifier_env env;
    int64_t backoff_min_us, backoff_max_us, give_up_us;
    int64_t (*now_us)(void *ctx);  /* engine time, for the age of items */
    int64_t (*mono_us)(void *ctx); /* for waits */
    uint64_t (*random)(void *ctx);
    /* An attempt ended. May come from inside lane_pump(). After anything but
     * RETRY the item is freed when this returns. */
    void (*ended)(void *ctx, const struct item *it, const struct lane_end *end);
    void *ctx;
};

struct lane_queue {
    struct lane_queue *next;
    struct item *head, **tail; /* never empty; all of one group */
};

struct lane {
    struct lane *next;
    struct lane_owner *owner;
    char *receiver, *integration;
    const struct integration_def *def; /* in the owner's config; NULL: it is gone */
    int per_minute;
    struct lane_queue *queues;
    uint64_t arrivals;
    size_t pending;
    int64_t left_from; /* messages from this one on are in the outbox only; 0: none is */
    bool asked;        /* for these */
    struct breaker breaker;
    struct rate rate;
    bool failing;                         /* the last attempt did not succeed */
    int64_t delivered, retried, rejected; /* attempts by their end */

    /* of the attempt under way */
    bool sending;
    struct lane_queue *queue;
    struct config *config; /* a reference: its definition lives there */
    const struct integration_def *sent_by;
    struct arena arena; /* of the message; until the next pump after its end */
    struct message message;
    struct notification notification;
    void *delivery;
};

struct lane *lane_new(struct lane_owner *owner, const char *receiver, const char *integration);

/* Cancels what is under way and frees the lane with its items. */
void lane_free(struct lane *l);

void lane_push(struct lane *l, struct item *it); /* takes it over */

/* Whether a committed message, in the order in which they come, is to be pushed now; else
 * it is left in the outbox. */
bool lane_admits(struct lane *l, const struct item *it, size_t max_items);
/* Whether it is time to ask for what was left, from `left_from` on; true is said once. */
bool lane_wants_more(struct lane *l, size_t max_items);

/* The item of that key that waits or is under way, or NULL. */
struct item *lane_find(const struct lane *l, const char *dedup_key);

/* Starts the next attempt if there is one to start, with the integration as `config` has
 * it. When it is gone all that waits is refused. */
void lane_pump(struct lane *l, struct config *config);

/* When to pump next, in mono time: INT64_MAX while there is nothing to do. */
int64_t lane_due_us(const struct lane *l);

/* Creation of the oldest item; 0: there is none. */
int64_t lane_oldest_us(const struct lane *l);
