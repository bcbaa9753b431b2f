/*
 * The events of a metric SLI, derived from the samples of its probe, slot by
 * slot. The same code serves the daemon's windows, the store and replay: same
 * samples, same events. Pure.
 *
 * A ratio's events are what its counters grew by (model/history.h). Growth
 * belongs to the later scrape's slot; where more than two intervals lie between
 * two scrapes it is spread evenly over that span: steps of an interval, or
 * longer ones so that there are at most DERIVE_SPREAD_MAX. Spread events lie at
 * slots that were emitted before (as silent) or never (the prober was down): they
 * are added to what is there. Counts are whole: a counter counts as the floor of
 * its value, so that nothing is carried from scrape to scrape. good > total, and
 * more than DERIVE_RATE_MAX, are clamped and flagged. A scrape without
 * a series of `total` is silent; where `good` or `bad` alone is absent, none was.
 *
 * A threshold's event is good or bad; unknown is silent, but a first scrape whose
 * condition asks for growth only tells where that begins.
 *
 * A raw ratio's event is the sample, cut to [0, 1] and rounded to RAW_PARTS, a half
 * down. Of several series it is their mean, rounded likewise; NaN is none.
 *
 * Seeded with what a store keeps of the scrapes before (SCRAPE_DATA ones only,
 * NaN never), it goes on as if it had seen them.
 */
#pragma once

#include "nines/sample.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stdint.h>

#define DERIVE_SPREAD_MAX 1440
#define DERIVE_RATE_MAX 1000 /* events a microsecond: any window of them fits in 63 bits */

struct derive;

struct derived {
    int64_t slot_us;
    struct counts counts; /* scrapes or silent is 1 on the scrape's own slot, else 0 */
    bool clamped;         /* good was more than total, or a raw ratio not one */
    bool reset;           /* a counter began anew */
};

struct derive *derive_new(const struct sli_def *sli); /* `sli` must outlive it */
void derive_free(struct derive *d);

/* Before the first slot: what history left behind, as history_seed(). */
void derive_seed(struct derive *d, const char *series, int64_t at_us, double value);
void derive_seed_scrape(struct derive *d, int64_t at_us);

/* Scrapes begin anew, and a series was there in one that is not told: as
 * history_restart() and history_know(). */
void derive_restart(struct derive *d, int64_t since_us);
void derive_know(struct derive *d, const char *series, int64_t at_us);

/* The slots in order. Emits nothing, one, or several in rising order. */
typedef void (*derive_fn)(void *ctx, const struct derived *e);
void derive_feed(struct derive *d, const struct scrape *s, derive_fn emit, void *ctx);
