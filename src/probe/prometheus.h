/*
 * The `prometheus` probe kind: instant queries to a Prometheus server, or
 * whatever speaks its API, all at once. Each answer is a sample whose series is
 * the query's key.
 *
 *     prometheus:
 *       url: http://127.0.0.1:9090
 *       queries: {good: sum(requests_ok_total), total: sum(requests_total)}
 *       expect: [total > 0]
 *
 * A scalar and a vector of one sample are a value; an empty vector and NaN are
 * none; several series are a failure, as is what the server refuses (reason
 * `query`, with its own words). The run is as slow as its slowest query and as
 * bad as its first bad one; only then all samples are complete.
 */
#pragma once

#include "nines/probe.h"
#include "probe/assertions.h"
#include "probe/http.h"

#define PROMETHEUS_QUERIES_MAX 8

struct prometheus_probe {
    struct http_spec http;
    struct string_map queries; /* series: expression */
    struct assertions expect;

    struct http_spec *requests; /* of each query; made by prepare() */
};

extern const struct probe_kind probe_prometheus;
