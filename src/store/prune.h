/*
 * Samples and events before a probe's raw_since go, after the results of those
 * hours. What is left of the samples is what the scrapes behind are measured
 * against: the last scrape before raw_since, and the last value of each series
 * that is in neither. Series without samples go, too.
 */
#pragma once

#include "base/err.h"

struct catalog_probe;
struct store;

/* A step of it, at most RETENTION_ROWS rows: 1 there may be more, 0 not, -1
 * error. Within the caller's transaction. */
int prune_probe(struct store *s, struct catalog_probe *p, struct err *reterr);
