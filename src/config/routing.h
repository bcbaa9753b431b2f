/*
 * Where alerts go: the blocks `global`, `route`, `inhibit_rules`, `time_intervals` and
 * `receivers` of an alertmanager.yml, in the Daemon document or in a file that it
 * names. They mean what they mean to Alertmanager; what is not supported is an error.
 */
#pragma once

#include "config/build.h"
#include "nines/route.h"

#define INHIBITS_MAX 500
#define INTERVALS_MAX 500
#define INTERVAL_RANGES_MAX 100 /* of one list in a time interval, and parts of one interval */
#define ROUTE_LIST_MAX 100      /* labels of `group_by` or `equal`, names of intervals */

/* For FIELD_CUSTOM: Prometheus' durations, `1d12h`, `0s`, `500ms`; int64_t microseconds. */
void decode_wait(struct decode *c, const struct node *n, void *out);

/* A list of at most `max` items; NULL, reported, when it is none. `what` names it. */
const struct node *routing_list(struct build *b, const struct node *n, const char *what,
                                size_t max);

/* Three ways to say conditions, any of them NULL; all hold. What is added is released
 * with the snapshot; `into` must not move. */
struct matcher_nodes {
    const struct node *match, *match_re, *matchers;
};
void routing_matchers(struct build *b, const struct matcher_nodes *nodes, struct matchers *into);

/* The root of the tree. Names of receivers and intervals are looked up in `receivers`
 * and `intervals`, whose values are of no interest. */
struct route_names {
    struct table receivers, intervals;
    VEC(const char *) receiver_list, interval_list; /* for what is near */
};
void routing_route(struct build *b, const struct node *n, const struct route_names *names,
                   struct route_def *root);

/* The list of rules. */
void routing_inhibits(struct build *b, const struct node *n, struct routing_def *out);
/* Reports rules whose targets mute each other. */
void routing_check_cycles(struct build *b, const struct routing_def *r);

/* Adds the intervals of a list. */
void routing_intervals(struct build *b, const struct node *n, struct routing_def *out);
