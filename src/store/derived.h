/*
 * Events of metric SLIs, made of scrapes by slo/derive.h and kept in the table
 * `event`: at once for a result that is the newest of its probe, later in slices
 * for whatever else there is (a new SLI, an import, a slot that came late).
 *
 * A stream has the events of all slots before its derived_through, and DERIVED_ALL
 * once that is all there is. A change at a slot takes it back to just after the
 * scrape before that slot: growth since then may be told anew. What is stored from
 * there on is stale, nobody reads it, and it goes as slices come along.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct result;
struct sample;
struct store;

#define DERIVE_SLICE_US 20000

/* A result of a probe with metric SLIs was stored, with its samples: `slot.at`
 * and `n` are theirs. In its transaction. `newest_us`: of the slots that were
 * stored before; INT64_MIN: none. */
int derived_result(struct store *s, int64_t probe, const struct result *r, const struct sample *at,
                   size_t n, int64_t newest_us, struct err *reterr);

/* The newest slot of a probe that has a result or samples; INT64_MIN: none. */
int derived_newest(struct store *s, int64_t probe, int64_t *ret_slot, struct err *reterr);

/* Something else was changed at this slot or later. In its transaction. */
int derived_touch(struct store *s, int64_t probe, int64_t slot_us, struct err *reterr);

/* Derives for about DERIVE_SLICE_US; 1 there may be more, 0 nothing left, -1
 * failed and rolled back. */
int derived_slice(struct store *s, struct err *reterr);
