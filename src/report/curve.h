/*
 * The points of a report, gathered into few enough buckets to draw. A bucket
 * is a round duration (3h, 1d) aligned to UTC, so that a chart of a month has
 * columns a person can name.
 */
#pragma once

#include "nines/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURVE_MAX 240

struct bucket {
    int64_t from_us, to_us;
    struct counts counts;
    int64_t expected, observed;
    int64_t p50_us, p95_us, p99_us; /* the worst point's; percentiles do not add. -1: none */
    struct percentiles ttft, gap;   /* the same of answers */
    bool has_budget;
    double budget; /* ratio remaining at the bucket's end */
    bool has_burn;
    double burn; /* the worst point's */
};

struct curve {
    struct bucket at[CURVE_MAX + 1];
    size_t n;
    int64_t step_us; /* of a bucket */
    const struct report_slo *slo;
};

/* At most max + 1 buckets (max <= CURVE_MAX), as the first may be a part of
 * one. Points outside [start, end) of the SLO are left out, and
 * one that begins before the start is drawn from there; nothing ends past `upto`. */
void curve_build(struct curve *c, const struct report_slo *s, size_t max);

enum cell { CELL_NO_DATA, CELL_EXCLUDED, CELL_GOOD, CELL_PARTIAL, CELL_BAD };
enum cell curve_cell(const struct bucket *b);
const char *cell_name(enum cell c); /* "partly bad" */
