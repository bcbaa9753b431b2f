/*
 * The key `budgeting` of an SLO: what its budget is counted in.
 */
#pragma once

#include "config/decode.h"
#include "nines/slo.h"

struct str;

/* For FIELD_CUSTOM: `out` is the struct slo_def. Whether slices fit the window, the
 * probe and the tiers is checked later, by slices_check(). */
void decode_budgeting(struct decode *c, const struct node *n, void *out);

/* Adds the method to the text an SLO's revision is made of; nothing for the default. */
void budgeting_identify(const struct slo_def *slo, struct str *text);
