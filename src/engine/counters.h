/*
 * What the engine counts while it runs, for /metrics: plain data that goes
 * into each picture of the daemon (engine/status.h).
 */
#pragma once

#include "base/arena.h"
#include "nines/result.h"
#include "nines/store_reader.h"

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MAX 14

/* Buckets by fixed upper bounds, `counts[n]` above the last. Plain data. */
struct histogram {
    const int64_t *bounds_us; /* rising; static */
    size_t n;                 /* at most HISTOGRAM_MAX */
    int64_t counts[HISTOGRAM_MAX + 1];
    int64_t sum_us;
};

void histogram_init_latency(struct histogram *h); /* 5 ms .. 60 s */
void histogram_init_lag(struct histogram *h);     /* 100 us .. 5 s */
void histogram_add(struct histogram *h, int64_t us);

/* How often a probe ended so: only pairs that came, and of over a hundred that
 * there are a probe sees two or three. */
struct probe_count {
    uint8_t outcome, reason; /* enum outcome, enum reason */
    int64_t n;
};

/* Of the answers of an agent's probe: the times of runs that ended good or bad, and what
 * all runs spent, whatever became of them. */
struct answer_counters {
    struct histogram ttft, gap; /* of those where there was one */
    struct answer_sums sums;
    int64_t waited; /* slots not sent, as the target asked for */
};

/* What one probe did since the process started. Latency is that of the runs
 * that ended good or bad. */
struct probe_counters {
    struct probe_count *counts; /* in the order in which the pairs first came */
    size_t count_n;
    struct histogram latency;
    int64_t scrapes, samples;        /* of complete scrapes */
    struct answer_counters *answers; /* NULL: none has come, and none was held back */
};

void probe_counters_init(struct probe_counters *c);
void probe_counters_release(struct probe_counters *c);
void probe_counters_add(struct probe_counters *c, const struct result *r);
/* A slot that was not run. */
void probe_counters_add_held(struct probe_counters *c, const struct result *r);
void probe_counters_add_scrape(struct probe_counters *c, size_t samples);

/* A copy that lives in an arena: nothing can be added, it is not released. */
struct probe_counters probe_counters_copy(struct arena *a, const struct probe_counters *c);
