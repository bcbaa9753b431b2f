/*
 * Backfilling: NDJSON lines (wire/import.h) become batches in the store, of
 * this process or, through the control socket, of the one that holds the
 * database. What was stored before an error stays: existing rows win, so the
 * whole file may be given again.
 *
 * Both functions block; neither is for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"
#include "nines/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of a schedule that an import makes: as close as that of a declared probe may
 * be (the slots of a window are counted, and reckoned with), up to a year. */
#define IMPORT_INTERVAL_MIN_US (100 * USEC_PER_MSEC)
#define IMPORT_INTERVAL_MAX_US (366 * USEC_PER_DAY)

#define IMPORT_LINE_MAX (64 << 10) /* bytes of a line */
/* Results of a batch: many, as what lies together of a probe is then packed, or
 * at least written, together. In a daemon fewer, for its memory, and cut into
 * slices, for its own records. */
#define IMPORT_BATCH_ROWS (256 << 10)
#define IMPORT_BATCH_LIVE (64 << 10)
#define IMPORT_SLICE_LIVE 4096

/* Where the text comes from: copies up to n bytes; 0 at the end, -1 with errno. */
struct import_source {
    ssize_t (*read)(void *ctx, void *buf, size_t n);
    void *ctx;
};

struct import_options {
    /* Errors about a line are "NAME:LINE: message", with NULL "LINE: message". */
    const char *name;
    bool replace;
    int64_t create_interval_us; /* as in struct import_batch, within the limits above */
    int64_t import_id;          /* likewise; 0: a new one */
    size_t batch_rows;          /* 0: IMPORT_BATCH_ROWS */
    size_t slice_rows;          /* as in struct import_batch */
    /* After every batch; may be NULL. */
    void (*progress)(void *ctx, int64_t bytes, const struct import_totals *t);
    void *ctx;
};

/* *totals is added to, also before an error. Blank lines are skipped. One batch
 * is stored while the next one is read. */
int import_into(struct store *s, const struct import_source *src, const struct import_options *o,
                struct import_totals *totals, struct err *reterr);

/* An id that no other import has. */
int64_t import_new_id(void);

/* The same by HTTP on `socket_path`, some MiB of whole lines at a time. */
int import_remote(const char *socket_path, const struct import_source *src,
                  const struct import_options *o, struct import_totals *totals, struct err *reterr);
