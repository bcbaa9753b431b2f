/*
 * The key `composite` of an SLO, in the place of `sli`: the other objectives that it is
 * made of.
 *
 *     composite: [{slo: api, weight: 2}, {slo: checkout, objective: goal}]
 */
#pragma once

#include "config/build.h"

#include <stdbool.h>

/* Reads the list, checks what it says by itself, and gives the SLO its key. Names are
 * looked up by build_composites(). `n` is the SLO's mapping, `list` what is under the key. */
void composite_decode(struct build *b, const struct node *n, const struct node *list,
                      struct slo_def *def);

/* What a member counts, as the scalar under `key` says. -1: reported. */
int composite_weight(struct decode *c, const char *key, const struct node *n, struct decimal *ret);

/* Once SLOs are linked to their probes: composites to their members. */
void build_composites(struct build *b);
