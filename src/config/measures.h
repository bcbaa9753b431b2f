/*
 * Bounds of what may be promised of an agent's answer (enum answer_measure), as they
 * are written in SLIs and in what a probe expects.
 *
 *     ttft_faster_than: 800ms           # FIELD_DURATION, at most MEASURE_TIME_MAX
 *     gap_below: 1s                     # the same
 *     tokens_per_second_at_least: 30    # of at most 3 decimals
 *     cost_at_most: 0.002               # of at most 12 decimals
 */
#pragma once

#include "base/units.h"
#include "nines/answer.h"
#include "nines/config.h"

#define MEASURE_TIME_MAX USEC_PER_HOUR
#define MEASURE_SPEED_MAX 1000000
#define MEASURE_COST_MAX 10000

/* The keys of an int64_t bounds[MEASURE_COUNT], 0 where there is none, for the field
 * tables of structs that have one. */
/* clang-format off */
#define MEASURE_FIELDS(type, member)                                                               \
    {"ttft_faster_than", FIELD_DURATION, offsetof(type, member[MEASURE_TTFT]), .min = 1,           \
     .max = MEASURE_TIME_MAX, .help = "longest time to the first token of the answer"},            \
    {"gap_below", FIELD_DURATION, offsetof(type, member[MEASURE_GAP]), .min = 1,                   \
     .max = MEASURE_TIME_MAX, .help = "longest time without a piece of the answer"},               \
    {"tokens_per_second_at_least", FIELD_CUSTOM, offsetof(type, member[MEASURE_SPEED]),            \
     .decode = decode_speed, .help = "slowest speed of the answer's tokens"},                      \
    {"cost_at_most", FIELD_CUSTOM, offsetof(type, member[MEASURE_COST]), .decode = decode_cost,    \
     .help = "what the run may cost, in the currency of the prices"}
/* clang-format on */

/* FIELD_CUSTOM: into an int64_t. */
void decode_speed(struct decode *c, const struct node *n, void *out); /* tokens in 1000 s */
void decode_cost(struct decode *c, const struct node *n, void *out);  /* of COST_ONE */
