/*
 * How http_run_start() does its work: one request and its redirects at any
 * address of the host (http_run.c), or one at each (addresses.c).
 */
#pragma once

#include "probe/http.h"

#include <stdint.h>

/* First in the struct of whoever does it. */
struct http_job {
    void (*cancel)(struct http_job *job);
};

/* Where a run at one address takes over. */
struct http_start {
    const char *address; /* NULL: any. Lives as long as the run */
    int64_t started_ns;  /* of the whole run, CLOCK_MONOTONIC: until now was lookup */
};

struct http_job *http_run_at(struct probe_env *env, const struct probe_def *def,
                             const struct http_spec *spec, const struct http_reader *reader,
                             struct probe_memory *memory, const struct http_start *at,
                             probe_done_fn done, void *ctx);

/* The worst address's result, if all are good the slowest one's: bad, skipped,
 * excluded, good. Its message names the address, `hops` are those of all. */
struct http_job *addresses_start(struct probe_env *env, const struct probe_def *def,
                                 const struct http_spec *spec, const struct http_reader *reader,
                                 probe_done_fn done, void *ctx);
