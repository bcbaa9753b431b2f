/*
 * What is old goes, in slices short enough not to hold up a batch: results
 * that nobody is to keep and that are rolled up, rows and chunks alike, their
 * rollups, failures' evidence, alerts, messages that were delivered. Where the
 * file is larger than it may be, the oldest results go earlier than that.
 *
 * An hour of a probe goes as a whole: raw_since moves behind it in the
 * transaction that takes its first rows, and whoever reads ignores results
 * that lie before it. A chunk goes as a whole once every slot of it is too
 * old, and raw_since moves behind the hour it ends in. Samples and events before
 * raw_since follow (prune.h). Rollups go by the day: the stream's `since` moves
 * behind it in the same transaction.
 *
 * The newest transition of an objective stays, and so does one whose message
 * is still there.
 *
 * Time. Age is measured by the heartbeats of this process: without a prober
 * nothing is deleted. A clock may be wrong, and what it deletes is gone: a span
 * of heartbeats that begins more than RETENTION_JUMP_US after all that was
 * known counts only once it has gone on for RETENTION_CONFIRM_US. Until then
 * time stands still here. A span that was confirmed by an earlier process is.
 *
 * Size. Once a pass is over and more than max_bytes is in use, the oldest
 * results of all probes up to one instant go in another pass: so far as their
 * share of the time suggests, an hour at least, twice as far each time that was
 * not enough. It never goes beyond needed_us: then `oversize` says so. Free
 * pages are given back afterwards (shrink.h).
 */
#pragma once

#include "base/err.h"
#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

#define RETENTION_SLICE_US 3000
#define RETENTION_PAUSE_US (100 * USEC_PER_MSEC) /* at full speed the log would fill */
#define RETENTION_ROWS 256                       /* of one statement */
#define RETENTION_EVERY_US (10 * USEC_PER_MIN)
#define RETENTION_QUIET_US USEC_PER_MIN /* after an import batch: older lines may follow */
#define RETENTION_JUMP_US USEC_PER_DAY
#define RETENTION_CONFIRM_US USEC_PER_HOUR
#define EVIDENCE_KEEP_US (7 * USEC_PER_DAY)
#define OUTBOX_KEEP_US (30 * USEC_PER_DAY)

/* Where a pass over everything is; part of struct store, writer thread only. */
struct retention {
    size_t next;        /* of the probes, then of the streams, then what has neither */
    bool shrinking;     /* the pass is over, pages are being given back */
    int64_t done_us;    /* when the last pass had ended */
    int64_t resume_ns;  /* of a pass under way: no slice before then */
    int64_t after_ns;   /* no results before then */
    int64_t trusted_us; /* what the time is, as far as it can be trusted; 0: no idea */
    int64_t oldest_us;  /* of this pass: the first end of what was left of a probe */
    int64_t cap_us;     /* for the size, results before this go; 0: it is kept */
    int64_t cap_step_us;
    int64_t deleted; /* results, since the start */
};

/* What earlier processes knew of the time. */
int retention_load(struct store *s, struct err *reterr);

/* The prober has been alive from `started_us` until now. */
void retention_beat(struct retention *t, int64_t started_us, int64_t now_us);

/* Deletes for about RETENTION_SLICE_US, when a pass is due or `now`; 1 there
 * is more, at resume_ns, 0 nothing left, -1 failed and rolled back. */
int retention_slice(struct store *s, bool now, struct err *reterr);
