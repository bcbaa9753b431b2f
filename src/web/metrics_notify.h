/* The families of /metrics that tell of alerts on their way to people. */
#pragma once

#include "engine/status.h"

struct exposition;

void metrics_notify(struct exposition *e, const struct status *s);
