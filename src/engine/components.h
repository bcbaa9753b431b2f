/*
 * What a health document said of its components, for status pages: read back
 * from the samples of one run.
 */
#pragma once

#include "base/arena.h"
#include "base/table.h"
#include "nines/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe_def;

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

/* Series of one probe's components that are recorded. A document tells of all that
 * there are, so that a new objective has their past; one that names others each
 * time must not fill memory and database. All zeroes: none yet. */
#define COMPONENTS_RECORDED_MAX 1000

struct components_recorded {
    struct arena arena;
    struct table series;
};

/* Those of the samples that are to be recorded, into room for n; how many: the first
 * series that come, and whatever SLOs want of the probe. */
size_t components_record(struct components_recorded *c, const struct probe_def *def,
                         const struct sample *at, size_t n, struct sample *ret);
void components_recorded_release(struct components_recorded *c);

bool component_is_healthy(const struct component *c);
/* How many are not healthy. */
size_t components_ailing(const struct components *c);
