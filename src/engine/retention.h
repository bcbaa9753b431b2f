/*
 * How long what is kept: `retention` of the configuration, but results and
 * alerts never for less than what keeps every number about a window that ends
 * now exact.
 */
#pragma once

#include "nines/config.h"
#include "nines/store.h"

/*
 * For store_set_retention(). Needed are the longest window of any SLO (of its
 * tiers and of the burn rates in a report: three days) and one day more, as a
 * window may begin within an hour; without SLOs, one day.
 */
struct store_retention retention_plan(const struct config *cfg);

/* config_tables.finish: warns of what will be kept for longer than asked for,
 * and of what has no effect. */
void retention_finish(const struct config *cfg, const struct node *daemon, struct decode *c);

/* What the log has told of retention; all zeroes as a store begins. */
struct retention_told {
    bool oversize;
    int64_t deleted; /* results */
    int64_t seen;    /* ... as of the last call */
};

/*
 * Logs when the size cap cannot be held any more, and when it is again; and how
 * many results were deleted, once their number has stood still from one call to
 * the next: one line for a pass, or few for a long one.
 */
void retention_watch(const struct store_stats *st, struct retention_told *told);
