/* The one line of an alert that a phone shows. */
#pragma once

#include "engine/evaluate.h"
#include "nines/alert.h"

/* Of a transition whose tier is not known any more it tells no rates. The caller frees. */
char *alert_summary(const struct slo_view *v, const struct alert_transition *t);
