/*
 * Samples: what else a run saw, as numbers with names. A scraped page gives the
 * series that some SLO or assertion names, a health document its components, a
 * query its answer. Metric SLIs are derived from them (slo/derive.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLES_MAX 2000       /* of one run */
#define SAMPLE_SERIES_MAX 1024 /* bytes of a canonical series, NUL included */

/* Series that nines names itself. A component is well (1), degraded but
 * serving (0.5) or not (0). */
#define SERIES_COMPONENT "component_up"                      /* {component="redis"} */
#define SERIES_COMPONENT_LATENCY "component_latency_seconds" /* {component="redis"} */

struct sample {
    const char *series; /* canonical (model/series.h): name{a="x",b="y"}, labels by name */
    double value;       /* may be NaN or infinite */
};

/* One slot of a probe that gives samples. */
enum scrape_state {
    SCRAPE_DATA,     /* `at` is all that was there of what is wanted */
    SCRAPE_SILENT,   /* the run failed: nothing is known */
    SCRAPE_EXCLUDED, /* the slot leaves the arithmetic */
};

struct scrape {
    int64_t slot_us;
    int64_t interval_us; /* of the schedule in force */
    enum scrape_state state;
    const struct sample *at;
    size_t n;
};
