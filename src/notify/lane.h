/*
 * The lane of one receiver: its items in order, one delivery at a time. Knows
 * no threads and no timers: the owner calls lane_pump() when lane_due_us() has
 * come and learns of every end through its callbacks. Notify thread only.
 *
 * Moves: idle -> sending -> idle (delivered, rejected) or waiting (to retry);
 * waiting -> sending when due.
 */
#pragma once

#include "nines/config.h"
#include "nines/notifier.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One message to one receiver. */
struct item {
    struct item *next;
    int64_t outbox_id; /* 0 while unrecorded */
    int64_t created_us;
    int attempts; /* that failed */
    bool unrecorded;
    char *receiver, *dedup_key, *payload;
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
    int64_t (*now_us)(void *ctx); /* engine time, for the age of items */
    uint64_t (*random)(void *ctx);
    /* An attempt ended. May come from inside lane_pump(). After anything but
     * RETRY the item is freed when this returns. */
    void (*ended)(void *ctx, const struct item *it, const struct lane_end *end);
    void *ctx;
};

struct lane {
    struct lane *next;
    struct lane_owner *owner;
    char *name;
    const struct receiver_def *def; /* in the owner's config; NULL: no such receiver */
    struct item *head, **tail;
    bool sending;
    int64_t due_us; /* mono; the head is not sent before */
    bool failing;   /* the last attempt did not succeed */

    /* of the attempt under way */
    struct config *config; /* a reference: its definition lives there */
    struct notification message;
    struct arena arena; /* of the message */
    const struct integration_def *to;
    void *delivery;
};

struct lane *lane_new(struct lane_owner *owner, const char *name);

/* Cancels what is under way and frees the lane with its items. Returns how
 * many there were. */
size_t lane_free(struct lane *l);

void lane_push(struct lane *l, struct item *it); /* takes it over */

/* The item of that key that waits or is under way, or NULL. */
struct item *lane_find(const struct lane *l, const char *dedup_key);

/* Starts the next attempt if there is one to start at mono time `mono_us`,
 * with the receiver as `config` has it. Without a receiver the head is
 * rejected. */
void lane_pump(struct lane *l, struct config *config, int64_t mono_us);

/* When to pump next: INT64_MAX while there is nothing to do. */
int64_t lane_due_us(const struct lane *l);
