/*
 * What an SLO counts: the mapping under `sli`. Besides `probe` it names at most
 * one form; without any the probe's results are the events.
 *
 *     {probe: api, faster_than: 500ms, classify: {rate_limited: excluded}}
 *     {probe: api-metrics, ratio: {bad: SELECTOR, total: SELECTOR}}
 *     {probe: api-metrics, histogram: SELECTOR, faster_than: 500ms}
 *     {probe: api-metrics, threshold: 'worker_queue_depth < 10000'}
 *     {probe: api-ready, component: redis, faster_than: 50ms}
 *     {probe: api-server, raw: success_ratio}
 *     {probe: chat-answers, ttft_faster_than: 800ms}    # of good answers: measures.h
 */
#pragma once

#include "config/decode.h"
#include "nines/probe.h"
#include "nines/slo.h"

#include <stdbool.h>

struct sli_raw {
    const char *probe;
    int64_t faster_than_us;
    int64_t bounds[MEASURE_COUNT]; /* at most one is right; 0: none */
    int8_t classify[REASON_COUNT];
    const struct node *ratio, *histogram, *threshold, *component; /* at most one form is right */
    const struct node *raw, *raw_failure;
};

extern const struct field sli_fields[]; /* of a struct sli_raw */

void sli_raw_init(struct sli_raw *raw);

/* Checks what goes together, parses selectors and conditions, and gives the SLI
 * its key. `n` is the mapping that `raw` was decoded from. False: reported. */
bool sli_build(struct decode *c, const struct node *n, const struct sli_raw *raw,
               struct sli_def *ret);

/* Whether the probe's runs have what the measure is of. `kinds`: of all probes. False:
 * reported, at `probe` (its id) or at the bound. A bound that every run keeps is a warning. */
bool sli_check_measure(struct decode *c, const struct probe_kind *const *kinds,
                       const struct slo_def *def, struct pos probe);
