/*
 * Results or samples as NDJSON, in the form that import takes (wire/import.h): by
 * probe in the order asked for, within a probe by slot, samples of a slot by
 * series. Read in pages of one short snapshot each, so a daemon may go on; what it
 * stores meanwhile may be in it.
 *
 * It blocks; not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "nines/store_reader.h"

#include <stddef.h>
#include <stdint.h>

#define EXPORT_BYTES (256 << 10) /* what is written at once, at most */

struct export_options {
    const char *const *probes; /* ids; those that the store does not know have no results */
    size_t probe_count;
    int64_t from_us, to_us; /* slots in [from, to) */
    /* Whole lines; -1 ends the export. */
    int (*write)(void *ctx, const char *text, size_t n);
    /* Lines written so far; may be NULL. */
    void (*progress)(void *ctx, int64_t lines);
    void *ctx;
};

/* 0 when all is written, 1 when write() ended it, -1. *ret_n counts what was
 * written, in any case. */
int export_results(struct store_reader *r, const struct export_options *o, int64_t *ret_n,
                   struct err *reterr);
int export_samples(struct store_reader *r, const struct export_options *o, int64_t *ret_n,
                   struct err *reterr);
