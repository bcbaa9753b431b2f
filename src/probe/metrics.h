/*
 * The `metrics` probe kind: a page of Prometheus text or OpenMetrics is fetched
 * and read; what SLOs and its own assertions name of it are its samples.
 *
 * A page that is not valid as a whole is bad with reason `exposition` and gives
 * no samples; nor does one that lacks the bucket that an SLO is about, or has
 * more than SAMPLES_MAX series of what is wanted (reason `metric`): half an
 * answer would be a wrong one. A run that an assertion fails keeps its samples.
 */
#pragma once

#include "nines/probe.h"
#include "probe/assertions.h"
#include "probe/http.h"

#define METRICS_DEFAULT_BODY (16LL << 20)

struct metrics_probe {
    struct http_spec http;
    struct assertions expect;
};

extern const struct probe_kind probe_metrics;
