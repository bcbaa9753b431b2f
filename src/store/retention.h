/*
 * What is old goes, in slices short enough not to hold up a batch: results
 * that nobody is to keep and that are rolled up, failures' evidence, messages
 * that were delivered. Time is that of the newest heartbeat of this process:
 * without a prober nothing is deleted.
 *
 * An hour of a probe goes as a whole: raw_since moves behind it in the
 * transaction that takes its first rows, and whoever reads ignores rows that
 * lie before it.
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
#define EVIDENCE_KEEP_US (7 * USEC_PER_DAY)
#define OUTBOX_KEEP_US (30 * USEC_PER_DAY)

/* Where a pass over everything is; part of struct store, writer thread only. */
struct retention {
    size_t next;       /* probe, by index */
    int64_t done_us;   /* when the last pass had ended */
    int64_t resume_ns; /* of a pass under way: no slice before then */
    int64_t after_ns;  /* no results before then */
};

/* Deletes for about RETENTION_SLICE_US, when a pass is due or `now`; 1 there
 * is more, at resume_ns, 0 nothing left, -1 failed and rolled back. */
int retention_slice(struct store *s, bool now, struct err *reterr);
