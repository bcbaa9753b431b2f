/*
 * The time line of an answer while it comes in, redrawn in place on a terminal, at most
 * 20 times a second.
 *
 * The measurement goes first: marks are only noted as they come, and pictures written
 * between reads of the loop, to a descriptor of their own that never blocks. A terminal that
 * is too slow misses pictures, which are counted.
 */
#pragma once

#include "cli/timeline.h"

#include <stdbool.h>
#include <uv.h>

struct probe_live;

/* NULL when standard output is no terminal that pictures can be drawn on. `line` and
 * `title`, an id or a URL of which the query is not shown, live as long as it. */
struct probe_live *probe_live_new(uv_loop_t *loop, const struct timeline *line, const char *title,
                                  bool color);

/* Ends it and clears what it drew; frees it in the next turn of the loop. Returns how many
 * pictures were not shown. NULL is fine. */
int probe_live_close(struct probe_live *l);
