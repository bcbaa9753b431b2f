/*
 * The sliding windows of one SLI while the daemon runs: events are added at
 * their slot as they become visible, sums over the tier windows are read at
 * evaluation instants. 10 s buckets for the last hour and a bit, minutes for 3
 * days and hours for the SLO window, so memory and the cost of a tick do not
 * depend on the interval. The same code serves replay.
 *
 * Late events (a slot's result comes up to `timeout` after it) go to their own
 * bucket. Events older than the longest window are ignored.
 */
#pragma once

#include "nines/slo.h"

#include <stdint.h>

struct live;

/* Windows up to `longest_us` can be asked for. */
struct live *live_new(int64_t longest_us, int64_t now_us);
void live_free(struct live *l);

/* Moves time forward (drops what fell out); never back. */
void live_advance(struct live *l, int64_t now_us);

/* One event. Skipped ones are not events. */
void live_add(struct live *l, int64_t slot_us, enum outcome o);

/* Whole minutes or hours at once, for restart from rollups: `c` events in
 * [start, start + step). step is 10 s, a minute or an hour, aligned. */
void live_add_counts(struct live *l, int64_t start_us, int64_t step_us, struct counts c);

/* Events with slot in [tier_window_start(t, length), t), t a multiple of 10 s,
 * not older than the last advance allows. */
struct counts live_sum(const struct live *l, int64_t t_us, int64_t length_us);
