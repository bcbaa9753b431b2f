/*
 * The key `policy` of an SLO: what to do when so much of its budget is spent.
 */
#pragma once

#include "config/decode.h"
#include "nines/slo.h"

#define POLICY_STEPS_MAX 16
#define POLICY_TEXT_MAX 500 /* bytes */

/* For FIELD_CUSTOM: `out` is a struct slo_policy of zeroes. */
void decode_policy(struct decode *c, const struct node *n, void *out);
