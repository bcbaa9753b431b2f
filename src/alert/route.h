/*
 * Which routes an alert takes, as Alertmanager walks its tree: an alert goes down into
 * each route that matches it, in order, until one that does not say `continue`; a route
 * is taken itself when none of its children is. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "nines/route.h"

#include <stddef.h>

#define ROUTE_KEY_MAX ((size_t)4 << 20)

/* A route that was taken, and the way to it: path[0] is the root, path[depth] the route. */
struct route_taken {
    const struct route_def *path[ROUTE_DEPTH_MAX + 1];
    size_t depth;
};

/* Calls fn for each route that an alert with these labels takes, in order. Returns how
 * many there are: at least one, as the root matches all. */
size_t route_walk(const struct routing_def *r, const struct string_map *labels,
                  void (*fn)(void *ctx, const struct route_taken *taken), void *ctx);

/* The labels by which the route groups such an alert, by rising key; texts are those of
 * `labels`. A label that the alert does not have is none. */
struct string_map route_group_labels(const struct route_def *route, const struct string_map *labels,
                                     struct arena *arena);

/* Appends what names the route for ever: `{}/{severity="page"}`, the matchers from the
 * root on. */
void route_key(const struct route_taken *taken, struct str *out);
/* The same and the group's labels, as Alertmanager has it in `groupKey`. */
void route_group_key(const struct route_taken *taken, const struct string_map *group_labels,
                     struct str *out);
