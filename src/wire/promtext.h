/*
 * Reader of Prometheus text 0.0.4 and OpenMetrics 1.0, for pages of any size at
 * the speed of memory when few families are wanted: what is not wanted is
 * skipped by its name, yet checked for its form. In OpenMetrics mode every MUST
 * of the specification is held (order, # EOF, suffixes by type, duplicates,
 * timestamps, exemplars, escapes); in text mode it is as tolerant as Prometheus.
 * Pure; nothing is copied but what is unescaped.
 *
 *     struct promtext p;
 *     promtext_open(&p, PROMTEXT_OPENMETRICS, body, n, wanted, wanted_count);
 *     while ((rc = promtext_next(&p, &sample)) > 0)
 *         use(&sample);
 *     if (rc < 0) p.error says what, p.line and p.column where
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "model/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct selector;

enum promtext_format { PROMTEXT_TEXT, PROMTEXT_OPENMETRICS };

/* By the Content-Type of a response; NULL or anything else is text. */
enum promtext_format promtext_format(const char *content_type);

enum promtext_type {
    PROMTEXT_UNTYPED,
    PROMTEXT_COUNTER,
    PROMTEXT_GAUGE,
    PROMTEXT_HISTOGRAM,
    PROMTEXT_SUMMARY,
    PROMTEXT_GAUGEHISTOGRAM,
    PROMTEXT_STATESET,
    PROMTEXT_INFO,
};

struct promtext_sample {
    struct series series; /* lives until the next call */
    enum promtext_type type;
    double value;
    bool has_time;
    int64_t time_us;
};
