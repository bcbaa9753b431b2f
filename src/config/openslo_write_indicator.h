/* The part of an OpenSLO document that says what is counted. */
#pragma once

#include "base/str.h"
#include "nines/slo.h"

/* The key `indicator` of a spec, called `name` there, each line behind `indent`. */
void openslo_put_indicator(struct str *out, const struct slo_def *s, const char *name,
                           const char *indent);

/* `op` and `value` of an objective of a thresholdMetric; nothing of others. */
void openslo_put_comparison(struct str *out, const struct slo_def *s);
