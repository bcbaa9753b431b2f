/*
 * Time intervals at an instant: whether a route is mute, as its `mute_time_intervals`
 * and `active_time_intervals` say. The wall clock is that of the interval's location.
 * Pure.
 */
#pragma once

#include "nines/route.h"

#include <stdbool.h>
#include <stdint.h>

/* One of its parts holds the instant: all of the part's lists have a range that does. */
bool mute_holds(const struct time_interval_def *interval, int64_t t_us);

/* The interval because of which the route is mute: one of its mute ones that holds `t`,
 * else the first active one when none of those does. NULL: it is not mute. */
const struct time_interval_def *mute_find(const struct routing_def *r,
                                          const struct route_def *route, int64_t t_us);
