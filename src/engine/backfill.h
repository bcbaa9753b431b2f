/*
 * The history of an SLI, read from the store into sliding windows: at start,
 * and when a reload brings a new SLI. Reads files; not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "nines/slo.h"
#include "nines/store.h"

#include <stdint.h>

struct live;

/*
 * Every event that was done at or before `attached_us`, for windows up to
 * `longest_us`. What is surely settled comes from rollups, the last two hours
 * row by row, as a row may have been done after the attach instant.
 * The caller frees *ret with live_free().
 */
int backfill_sli(struct store_reader *r, const struct sli_def *sli, int64_t longest_us,
                 int64_t attached_us, struct live **ret, struct err *reterr);
