/* The families of /metrics that tell of the probes. */
#pragma once

#include "engine/status.h"

struct exposition;

void metrics_probes(struct exposition *e, const struct status *s);
