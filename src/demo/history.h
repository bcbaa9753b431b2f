/*
 * A month that never was: what six probes of the sample platform would have
 * measured every 15 s, as import lines (wire/import.h). Latency follows the
 * day, with lognormal phases; there are a few errors always, a handful of
 * incidents of different kinds, and 47 minutes in which the prober was off.
 * The same seed and end give the same bytes.
 *
 *     struct history h;
 *     history_init(&h, now_us, 30, seed);
 *     while (history_line(&h, &line) > 0)
 *         write it;
 */
#pragma once

#include "base/str.h"
#include "demo/dice.h"

#include <stdint.h>

#define HISTORY_INTERVAL_US 15000000LL
#define HISTORY_DAYS 30
#define HISTORY_DAYS_MAX 400

struct history {
    struct dice dice;
    int64_t end_us, start_us;
    size_t probe; /* index; probe by probe, each in the order of time */
    int64_t slot_us;
    int64_t total; /* lines, of all probes */
};

/* The lines end before `end_us` and begin an hour before `days` ago, so that a
 * window of that length is full. */
void history_init(struct history *h, int64_t end_us, int days, uint64_t seed);

/* Puts the next line into `out`, with its newline; returns 0 after the last. */
int history_line(struct history *h, struct str *out);
