/* The part of /metrics on alerts besides burn rates. */
#pragma once

#include "engine/status.h"
#include "wire/exposition.h"

void metrics_conditions(struct exposition *e, const struct status *s);
