/*
 * The options of a command as the map that a file would have, so that they are decoded and
 * checked as any probe is. All of it lives in the arena.
 */
#pragma once

#include "base/arena.h"
#include "nines/config.h"

#include <stdbool.h>

#define PROBE_MAP_KEYS 20 /* of one map, at most; probe_map_new makes room for so many */

struct node *probe_map_new(struct arena *a);
struct node *probe_map_room(struct arena *a, size_t keys);

/* A scalar; plain ones may be numbers and truth values, others are text. */
struct node *probe_map_text(struct arena *a, const char *text, bool plain);
void probe_map_put(struct arena *a, struct node *map, const char *key, struct node *value);

/* The keys of an agent, of options that were given; with what a chat needs to be asked at
 * all where nothing was: a short prompt, few tokens. */
struct probe_options;
int probe_map_agent(struct arena *a, struct node *map, const struct probe_options *o,
                    const char *url, struct err *reterr);
/* The first option that only an agent has; NULL: none was given. */
const char *probe_agent_option(const struct probe_options *o);
