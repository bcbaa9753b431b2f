/*
 * How long single results are kept: `retention.raw`, but never less than what
 * keeps every number about a window that ends now exact.
 */
#pragma once

#include "nines/config.h"

#include <stdint.h>

/*
 * For store_set_retention(); 0: for ever. At least the longest window of any
 * SLO (of its tiers and of the burn rates in a report: three days) and one day
 * more, as a window may begin within an hour.
 */
int64_t retention_keep_us(const struct config *cfg);

/* config_tables.finish: warns where a window is longer than `retention.raw`. */
void retention_finish(const struct config *cfg, const struct node *daemon, struct decode *c);
