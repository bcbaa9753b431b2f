/*
 * All lanes: one for each integration of the configuration, and those of earlier ones for
 * as long as there is something in them. Notify thread only.
 */
#pragma once

#include "base/arena.h"
#include "notify/lane.h"
#include "notify/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lanes {
    struct lane_owner *owner;
    struct config *config; /* a reference */
    struct lane *head;
};

void lanes_init(struct lanes *l, struct lane_owner *owner, struct config *config);
/* Cancels and frees all; what is left in them stays in the outbox, without a word. */
void lanes_release(struct lanes *l);

/* Integrations are those of `config` from now on; takes a reference. */
void lanes_configure(struct lanes *l, struct config *config);

/* The lane of an item, made if there is none. */
struct lane *lanes_get(struct lanes *l, const struct item *it);

/* Starts what is due, and lets go lanes that are of no use any more. */
void lanes_pump(struct lanes *l);
int64_t lanes_due_us(const struct lanes *l); /* mono */
/* Whether something is under way, or would be at the next pump. */
bool lanes_busy(const struct lanes *l, int64_t mono_us);

/* Sums into `ret`, and each lane into the arena. */
void lanes_stats(const struct lanes *l, int64_t mono_us, struct notify_stats *ret,
                 struct arena *arena, struct notify_lane_stats **ret_at, size_t *ret_n);
