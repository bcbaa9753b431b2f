/*
 * SLOs as OpenSLO v1 documents, in YAML. What is read back is the same SLO: the
 * same content (nines/slo.h), in whatever form it was written before.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "nines/slo.h"

#include <stddef.h>

/*
 * Appends one document, with its "---", for the n objectives of one SLO, which
 * come one behind the other in a snapshot. -1: something of it has no place
 * there, and nothing is appended. A service is required there: an SLO without
 * one has its own name for it.
 */
int openslo_write(struct slo_def *const *slos, size_t n, struct str *out, struct err *reterr);

/* How many of the list, from its first on, are objectives of one SLO. */
size_t openslo_objectives(struct slo_def *const *slos, size_t n);
