/*
 * What a health document said of its components, for status pages: read back
 * from the samples of one run.
 */
#pragma once

#include "base/arena.h"
#include "nines/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct component {
    const char *name;
    const char *state;  /* "healthy", "degraded", "unhealthy" */
    int64_t latency_us; /* -1: not told */
};

/* All zeroes: none. */
struct components {
    struct arena arena;
    struct component *at; /* by name */
    size_t n;
};

/* Replaces what there was; no component among the samples: none. */
void components_take(struct components *c, const struct sample *at, size_t n);
void components_release(struct components *c); /* leaves none */

/* The same components, living in another arena: their `arena` is empty. */
struct components components_copy(struct arena *a, const struct components *c);

bool component_is_healthy(const struct component *c);
/* How many are not healthy. */
size_t components_ailing(const struct components *c);
