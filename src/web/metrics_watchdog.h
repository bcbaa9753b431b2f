/*
 * The families of /metrics about the watchdog, if there is one.
 */
#pragma once

#include "engine/status.h"
#include "wire/exposition.h"

void metrics_watchdog(struct exposition *e, const struct status *s);
