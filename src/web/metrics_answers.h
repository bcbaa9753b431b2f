/*
 * The families of /metrics about what agents answer: tokens, cost, times, and caps. There
 * are none without a probe that asks an agent.
 */
#pragma once

#include "engine/status.h"
#include "wire/exposition.h"

void metrics_answers(struct exposition *e, const struct status *s);
