/*
 * Slots: the instants phase + k * interval (k >= 0 from the epoch) at which a
 * probe is due. Pure integer arithmetic on engine time in microseconds.
 */
#pragma once

#include <stdint.h>

/* Stable spread of probes over their interval: hash(id) mod interval, in whole
 * milliseconds. */
int64_t schedule_phase(const char *id, int64_t interval_us);

/* The first slot >= t. */
int64_t schedule_next(int64_t phase_us, int64_t interval_us, int64_t t_us);

/* How many slots lie in [from, to). 0 when to <= from. */
int64_t schedule_count(int64_t phase_us, int64_t interval_us, int64_t from_us, int64_t to_us);
