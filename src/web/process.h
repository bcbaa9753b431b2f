/*
 * What the kernel says about this process; read from /proc at each request.
 */
#pragma once

#include <stdint.h>

struct process_stats {
    int64_t cpu_us;
    int64_t started_us; /* wall clock */
    int64_t resident_bytes, virtual_bytes;
    int64_t open_fds, max_fds, threads;
};

/* Fields that cannot be read are -1. */
void process_get_stats(struct process_stats *ret);
