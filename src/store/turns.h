/*
 * How long the store's turns take and which of them fail: what struct
 * store_slice_stats says. Any thread.
 */
#pragma once

#include "nines/store.h"

struct err;
struct store;

/* A turn of this kind has ended, having begun at `began_ns` (CLOCK_MONOTONIC);
 * `err` is NULL when it did not fail. */
void turns_note(struct store *s, enum store_slice kind, int64_t began_ns, const struct err *err);

/* Engine time as the newest heartbeat has it; a store that never saw one has
 * only the wall. With q.mutex held. */
int64_t turns_now(const struct store *s);
