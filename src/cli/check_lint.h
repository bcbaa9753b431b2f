/*
 * The part of `nines check` that knows probing: what objectives and tiers are
 * worth at the intervals of their probes (slo/lint.h).
 */
#pragma once

#include <stdbool.h>

struct config;
struct diag;
struct str;

/* One warning for each SLO that is declared worse than need be, and one for probes
 * that are too much for a loop. */
void check_lint_warn(const struct config *c, struct diag *d);

/* A table for each SLO, on stdout. */
void check_lint_print(const struct config *c, bool color);

/* The same as the JSON array `lint`, for programs. */
void check_lint_json(const struct config *c, struct str *out);
