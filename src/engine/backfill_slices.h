/*
 * The history of slices: what those of an SLI were worth that ended until the
 * attachment, by one way to cut and judge them. Reads files; not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "nines/slo.h"
#include "nines/store.h"
#include "slo/sieve.h"

#include <stdint.h>

struct live;

struct backfill_slices {
    struct store_reader *reader;
    const struct slo_def *slo; /* says how */
    struct sieve sieve;        /* what is excluded; zeroes: nothing */
    const struct store_probe *probe;
    const struct live *events; /* those done until `attached_us`, by backfill_read() */
    int64_t longest_us, attached_us;
};

/* The caller frees *ret with live_free(); *ret_until_us: where the last slice ended. */
int backfill_slices(struct backfill_slices *b, struct live **ret, int64_t *ret_until_us,
                    struct err *reterr);
