/* The charts of one objective, stacked on one time axis. */
#pragma once

#include "nines/report.h"

/* Of the objective r->slos[index]; that makes the ids of its charts unique in the page. */
void charts_write(struct str *out, const struct report *r, size_t index);

/* A bar of the budget: what is left of it, or how far it is overdrawn. */
void chart_meter(struct str *out, const struct report_slo *s);
