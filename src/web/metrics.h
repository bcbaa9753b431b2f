/*
 * The status picture as Prometheus metrics. docs/metrics.md lists them.
 */
#pragma once

#include "base/str.h"
#include "engine/status.h"

/* `s` may be NULL: only what is known without an engine. */
void metrics_write(const struct status *s, int64_t mono_ns, struct str *out);
