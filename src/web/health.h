/*
 * The health documents, as JSON. Each writes into `out`; those that judge
 * return whether all is well. `s` may be NULL: still starting.
 */
#pragma once

#include "base/str.h"
#include "engine/status.h"

#include <stdbool.h>

/* {"ready":false,"checks":[{"name":"store","ok":false,"detail":"..."},...]} */
bool health_ready(const struct status *s, int64_t mono_ns, struct str *out);

/* The same checks, and what every probe and SLO is doing. */
bool health_details(const struct status *s, int64_t mono_ns, struct str *out);

/* {"name":"nines","version":"0.1.0"} */
void health_version(struct str *out);
