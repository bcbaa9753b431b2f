/*
 * The sliding windows of one SLI while the daemon runs: events are added at
 * their slot as they become visible, and at evaluation instants the windows
 * that are watched move. 10 s buckets for the last hour and a bit, minutes for
 * 3 days and hours for the SLO window (slo/ring.h), so memory does not depend
 * on the interval; the sum of a watched window is kept and only told what came
 * and what left, so the cost of a tick does not depend on its length. The same
 * code serves replay.
 *
 * Late events (a slot's result comes up to `timeout` after it) go to their own
 * bucket. Events older than the longest window are ignored.
 */
#pragma once

#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live;

#define LIVE_WINDOW_MAX (4100 * USEC_PER_DAY) /* ten calendar years, generously */
#define LIVE_PAST_US (15 * USEC_PER_MIN)      /* how far behind `now` sums may be asked for */

/* Windows up to `longest_us` (at most LIVE_WINDOW_MAX) can be asked for. */
struct live *live_new(int64_t longest_us, int64_t now_us);
void live_free(struct live *l);

/* Moves time forward (drops what fell out); never back. */
void live_advance(struct live *l, int64_t now_us);

/* Events of one slot; negative ones take back what was added. One that is ahead of
 * the last advance moves time forward to its slot. */
void live_add_event(struct live *l, int64_t slot_us, struct counts c);
/* The same of one result; skipped ones are not events. */
void live_add(struct live *l, int64_t slot_us, enum outcome o);

/*
 * Many events at once, for restart from rollups: at[i] in [start + i * step,
 * start + (i + 1) * step). step is 10 s, a minute or an hour, aligned. Coarse
 * counts are seen only by windows that are summed in steps at least as coarse,
 * so the minutes of the last 3 days and the single events of the last hour
 * must be given as such. Each event is given once.
 */
void live_add_counts(struct live *l, int64_t start_us, int64_t step_us, const struct counts *at,
                     size_t n);

/* Adds the events of `from` (same or longer windows, advanced no further than
 * `into`); nothing is counted twice as long as no event was added to both. */
void live_merge(struct live *into, const struct live *from);

/* Events with slot in [tier_window_start(t, length), t), t a multiple of 10 s,
 * at most LIVE_PAST_US older than the last advance. A start before the longest
 * window's is cut to what is there. */
struct counts live_sum(const struct live *l, int64_t t_us, int64_t length_us);

/* Events of the whole minutes [from, to), as far as minutes are kept: at least those
 * of the 3 days and the hour before the last advance. */
struct counts live_minutes(const struct live *l, int64_t from_us, int64_t to_us);

/* ---- watched windows -------------------------------------------------------- */

/* As of the last tick, and of late events since: live_sum() to the last bit. */
struct live_window {
    int64_t length_us;  /* 0: of a calendar period, or since an instant */
    int64_t begin_us;   /* the period's, or the instant */
    bool exact;         /* since an instant */
    struct counts head; /* of its hour, what came before it */
    int64_t from_us;    /* what `counts` begins with, whole steps */
    struct counts counts;
};

/* Windows are known by their number, dense from 0; a length that is watched
 * already has one. What is new is summed up by the next tick. */
size_t live_watch(struct live *l, int64_t length_us);
/* The calendar period in progress, up to the tick; each one has a window of its
 * own. live_rewind() says when it began: before the first tick, and when the
 * next one begins. */
size_t live_watch_period(struct live *l);
void live_rewind(struct live *l, size_t window, int64_t begin_us);
/*
 * Everything since an instant, a whole minute, however long ago that was. Hours are
 * kept for longer than minutes, so what came before the instant in its hour is kept
 * with the window: `head`, or if it is NULL what the minutes say, which must be there
 * (live_minutes()). Watched again, as after a merge, it is told anew.
 */
size_t live_watch_since(struct live *l, int64_t begin_us, const struct counts *head);
void live_unwatch(struct live *l); /* all of them */

/* Moves every watched window so that it ends at t, a multiple of 10 s that is
 * not before the last one. */
void live_tick(struct live *l, int64_t t_us);
/* Lives until the next live_watch() or live_unwatch(). */
const struct live_window *live_windows(const struct live *l, size_t *ret_n);
