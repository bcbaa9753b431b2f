/*
 * The history of slices: what those of an SLI were worth that ended until the
 * attachment, by one way to cut and judge them. Reads files; not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "nines/slo.h"
#include "nines/store_reader.h"
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

/* The same of a composite's slices, put together of its members': only of those that
 * ended two days before the attachment, which is all that evaluator_merge_composite()
 * asks for. */
struct backfill_composite {
    struct store_reader *reader;
    const struct slo_def *slo;
    const struct exclusions *const *excluded; /* of each member */
    int64_t longest_us, attached_us;
};

int backfill_composite(const struct backfill_composite *b, struct live **ret, int64_t *ret_until_us,
                       struct err *reterr);
