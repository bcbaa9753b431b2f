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

#define LIVE_WINDOW_MAX (4100 * USEC_PER_DAY) /* ten calendar years, generously */
#define LIVE_PAST_US (15 * USEC_PER_MIN)      /* how far behind `now` sums may be asked for */

/* Windows up to `longest_us` (at most LIVE_WINDOW_MAX) can be asked for. */
struct live *live_new(int64_t longest_us, int64_t now_us);
void live_free(struct live *l);

/* Moves time forward (drops what fell out); never back. */
void live_advance(struct live *l, int64_t now_us);

/* One event; skipped ones are not events. One that is ahead of the last
 * advance moves time forward to its slot. */
void live_add(struct live *l, int64_t slot_us, enum outcome o);

/*
 * Many events at once, for restart from rollups: `c` events in
 * [start, start + step). step is 10 s, a minute or an hour, aligned. Coarse
 * counts are seen only by windows that are summed in steps at least as coarse,
 * so the minutes of the last 3 days and the single events of the last hour
 * must be given as such. Each event is given once.
 */
void live_add_counts(struct live *l, int64_t start_us, int64_t step_us, struct counts c);

/* Adds the events of `from` (same or longer windows, advanced no further than
 * `into`); nothing is counted twice as long as no event was added to both. */
void live_merge(struct live *into, const struct live *from);

/* Events with slot in [tier_window_start(t, length), t), t a multiple of 10 s,
 * at most LIVE_PAST_US older than the last advance. A start before the longest
 * window's is cut to what is there. */
struct counts live_sum(const struct live *l, int64_t t_us, int64_t length_us);
