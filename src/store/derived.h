/*
 * Events of metric SLIs, made of scrapes by slo/derive.h and kept in the table
 * `event`: at once for a result that is the newest of its probe, later in slices
 * for whatever else there is (a new SLI, an import, a slot that came late).
 *
 * A stream has the events of all slots before its derived_through, and DERIVED_ALL
 * once that is all there is. A change at a slot takes it back to just after the
 * scrape before that slot: growth since then may be told anew. What is stored from
 * there on is stale, nobody reads it, and it goes as slices come along.
 *
 * Silent slots before a stream had any data are no events if they were imported,
 * or measured before the stream was made: nobody had asked for its series then.
 */
#pragma once

#include "base/err.h"
#include "nines/slo.h"
#include "store/scrapes.h"

#include <stdbool.h>
#include <stdint.h>

struct derive;
struct metric_stream;
struct store;
struct stream;

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

/* ---- for whoever derives --------------------------------------------------- */

/* A derivation that goes on behind the last scrape before `before_us`. `sli`
 * must outlive it. Whenever a stream of the probe was made, up to `born_us`, its
 * series began to be looked for. NULL on error. */
struct derive *derived_begin(struct sqlite *db, int64_t probe, const struct sli_def *sli,
                             int64_t born_us, int64_t before_us, struct err *reterr);

/* The slot as a stream of that age takes it. */
struct scrape derived_scrape(const struct scraped *slot, int64_t born_us);

/* Is this, which came of `slot`, an event? False for the silence before a stream's
 * data, unless it was asked for its series then. */
bool derived_counts(const struct scraped *slot, struct counts c, int64_t born_us,
                    int64_t first_event_us);

/* Does the SLI have its first event here? */
static inline bool derived_is_event(struct counts c)
{
    return (c.good | c.bad | c.scrapes | c.silent) != 0;
}
