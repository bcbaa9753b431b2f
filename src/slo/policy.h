/*
 * Error-budget policies: what was agreed to do when so much of a budget is spent.
 * Which step holds is told exactly.
 */
#pragma once

#include "nines/report.h"
#include "nines/slo.h"

/* The highest step that is reached; NULL: none, or no data. `stop`: of those that stop
 * only. */
const struct policy_step *policy_reached(const struct slo_def *slo, struct budget_use use,
                                         bool stop);

/* Fills `policy` and `policy_next` from `def` and `use`. */
void policy_fill(struct report_slo *r);
