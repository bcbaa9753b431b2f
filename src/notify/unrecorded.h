/*
 * Messages whose row in the outbox is not known to be committed: those that wait for it,
 * and the names of those that were delivered without, so that they are not sent again when
 * it comes. A message is named by receiver, integration and dedup key. Notify thread only.
 */
#pragma once

#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct item;

/* Delivered ones beyond this many are forgotten, oldest first; they would be sent again,
 * with the same dedup key. */
#define UNRECORDED_SENT_MAX 8192

struct unrecorded {
    struct item *head, **tail; /* oldest first; `due_us` is when each was added */
    size_t waiting;
    uint64_t *sent;
    size_t sent_count;
};

void unrecorded_init(struct unrecorded *u);
void unrecorded_release(struct unrecorded *u);

void unrecorded_add(struct unrecorded *u, const struct outbox_new *m, int64_t mono_us);
/* The row of such a message is there: it waits no longer. Whether it did. */
bool unrecorded_committed(struct unrecorded *u, const struct item *recorded);
/* The oldest one if it was added at or before `mono_us`, else NULL; the caller's. */
struct item *unrecorded_take(struct unrecorded *u, int64_t mono_us);
int64_t unrecorded_oldest_us(const struct unrecorded *u); /* INT64_MAX: none */

void unrecorded_sent(struct unrecorded *u, const struct item *it);
bool unrecorded_was_sent(const struct unrecorded *u, const struct item *it);
