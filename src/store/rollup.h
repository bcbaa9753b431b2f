/*
 * Rolling up: whole hours of results become one packed row for each stream, in
 * slices short enough not to hold up a batch. `rolled_through` moves in the
 * same transaction as the rows it speaks of.
 */
#pragma once

#include "base/err.h"

struct store;

#define ROLL_SLICE_US 20000

/* Rolls up for about ROLL_SLICE_US; 1 there may be more, 0 nothing left, -1
 * failed and rolled back. */
int rollup_slice(struct store *s, struct err *reterr);
