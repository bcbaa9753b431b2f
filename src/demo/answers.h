/*
 * A month of answers that never were: what five `agent` probes of the sample platform would
 * have measured every 5 minutes, as import lines. Times follow the day; there is what
 * goes wrong with agents: slow first tokens, stalls, streams that end too early, an error
 * within a 200, a provider without capacity, and a day on which answers grew until the
 * spend cap of their probe held them back.
 * The same seed and end give the same bytes.
 *
 *     struct answers a;
 *     answers_init(&a, now_us, 30, seed);
 *     while (answers_line(&a, &line) > 0)
 *         write it;
 */
#pragma once

#include "base/str.h"
#include "demo/dice.h"

#include <stdint.h>

#define ANSWERS_INTERVAL_US 300000000LL

struct answers {
    struct dice dice;
    int64_t end_us, start_us;
    size_t probe; /* index; probe by probe, each in the order of time */
    int64_t slot_us;
    int64_t total; /* lines, of all probes */

    int64_t day, spent, dearest; /* of this probe: cost in 10^-12, for its cap */
};

/* The lines begin and end where those of history_init() do. */
void answers_init(struct answers *a, int64_t end_us, int days, uint64_t seed);

/* Puts the next line into `out`, with its newline; returns 0 after the last. */
int answers_line(struct answers *a, struct str *out);
