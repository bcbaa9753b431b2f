/*
 * What asking agents costs, and how much of it is allowed: `prices` and `spend` of the
 * Daemon document, and `spend` of an agent's probe.
 *
 *     prices:
 *       currency: USD
 *       models:
 *         gpt-4o-mini: {input: 0.15, output: 0.60, cached_input: 0.075}
 *     spend:
 *       hour: {tokens: 20000, cost: 0.50}
 *       day: {tokens: 100000, cost: 2.00}
 *
 * Prices are for a million tokens, with at most 6 decimals, so that each token's is a
 * whole number of 1 / COST_ONE. A cached token costs what any of the input does unless
 * `cached_input` is there. Caps are above 0.
 */
#pragma once

#include "nines/config.h"

#define PRICES_MAX 1000
#define PRICE_MAX 10000 /* of a million tokens */
#define PRICE_DECIMALS 6
#define SPEND_COST_MAX 1000000
#define SPEND_TOKENS_MAX 1000000000000

/* For FIELD_CUSTOM: a struct price_table, sorted by model; a struct spend_caps. */
void decode_prices(struct decode *c, const struct node *n, void *out);
void decode_spend(struct decode *c, const struct node *n, void *out);

const struct price *price_find(const struct price_table *t, const char *model); /* or NULL */
