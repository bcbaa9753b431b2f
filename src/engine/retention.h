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

/* Logs when the size cap cannot be held any more, and when it is again;
 * `*oversize` is how it was at the last call. */
void retention_watch(const struct store_stats *st, bool *oversize);
