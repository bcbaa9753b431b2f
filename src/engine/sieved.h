/*
 * Counts as the store has them, less what the exclusions of an objective take out:
 * the same questions as those of nines/store.h, with the same errors. Cells are cut
 * where a span begins or ends, and what lies within is put together again; as spans
 * are of whole minutes that works where only minutes are known.
 */
#pragma once

#include "base/err.h"
#include "nines/store_reader.h"
#include "slo/sieve.h"

#include <stddef.h>
#include <stdint.h>

/* Stretches of one question; more are an error. */
#define SIEVED_STRETCHES_MAX 200000

int sieved_cells(struct store_reader *r, const struct sli_def *sli, struct sieve *s,
                 const int64_t *edges, size_t n, struct counts *ret, struct err *reterr);
int sieved_counts(struct store_reader *r, const struct sli_def *sli, struct sieve *s,
                  int64_t from_us, int64_t to_us, struct counts *ret, struct err *reterr);
