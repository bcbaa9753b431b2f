/* Bounds and label values that counting and writing share. */
#pragma once

#include "demo/traffic.h"

extern const int64_t traffic_latency_bounds[TRAFFIC_BUCKETS]; /* microseconds */
extern const int64_t traffic_size_bounds[TRAFFIC_BUCKETS];    /* millionths of a byte */
extern const char *const traffic_methods[TRAFFIC_METHODS];
extern const int traffic_statuses[TRAFFIC_STATUSES]; /* 0: any other, ends */
