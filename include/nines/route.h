/*
 * Where alerts go, as the blocks `route`, `inhibit_rules` and `time_intervals` of an
 * alertmanager.yml say it: decoded by src/config, walked by src/alert. Immutable; part
 * of the configuration snapshot. Defaults are filled in: a child has what its parent
 * has where it says nothing.
 */
#pragma once

#include "nines/config.h"
#include "nines/matcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTES_MAX 2000
#define ROUTE_DEPTH_MAX 16

struct route_def {
    struct pos pos;
    size_t index;         /* in depth-first order: with the group's labels it names a group */
    const char *receiver; /* the name of one */
    struct matchers matchers;
    bool go_on; /* `continue`: later siblings are asked as well */
    struct string_list group_by;
    bool group_by_all; /* ['...'] */
    int64_t group_wait_us, group_interval_us, repeat_interval_us;
    struct string_list mute_time_intervals, active_time_intervals; /* not inherited */
    struct route_def *routes;
    size_t route_count;
};

struct inhibit_def {
    struct pos pos;
    struct matchers source, target;
    struct string_list equal;
};

/* Inclusive ranges; no range in a list: all. */
struct time_range_def {
    int from, to;
};

struct time_ranges {
    struct time_range_def *at;
    size_t n;
};

struct time_interval_part {
    struct time_ranges minutes;  /* of the day, [from, to) */
    struct time_ranges weekdays; /* 0: Sunday */
    struct time_ranges days;     /* of the month: 1 to 31, or -1 (the last) to -31 */
    struct time_ranges months;   /* 1 to 12 */
    struct time_ranges years;
    const char *location; /* IANA; "UTC" */
    const struct zone *zone;
};

struct time_interval_def {
    const char *name;
    struct pos pos;
    struct time_interval_part *parts; /* any of them */
    size_t n;
};

/* NULL in a snapshot: every alert goes to every receiver (alert/default_route.h). */
struct routing_def {
    struct route_def root; /* matches all */
    struct inhibit_def *inhibits;
    size_t inhibit_count;
    struct time_interval_def *intervals;
    size_t interval_count;
    int64_t resolve_timeout_us;
};
