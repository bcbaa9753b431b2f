/*
 * What an SLI counts, told to people: which sort of source it has and, in words
 * as short as its declaration, what of its probe is looked at. Pure.
 */
#pragma once

#include "base/str.h"
#include "nines/slo.h"

/* A ratio of NAME_bucket{le="..."} and NAME_count is a histogram, a condition on
 * one component of a health document is that component, however declared. */
enum sli_source sli_source(const struct sli_def *sli);

/*
 * Appends what the SLI takes from its probe; nothing for plain results:
 *
 *     within 500ms
 *     bad http_requests_total{status=~"5.."} of http_requests_total
 *     http_request_duration_seconds{path!="/x"} within 500ms
 *     worker_queue_depth < 10000
 *     good share api:success:ratio5m
 *     redis within 50ms
 *     first token within 800ms
 */
void sli_expression(const struct sli_def *sli, struct str *out);
