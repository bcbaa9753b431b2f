/*
 * What the targets of probes say they run, and when that changes. Known from the
 * store before the first run counts: a deploy while the prober was down is seen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define VERSION_MAX 128 /* bytes that are kept, NUL included */

struct versions;

struct versions *versions_new(void);
void versions_free(struct versions *v);

/* What the store knows; "" if the target never said. A second time, no effect. */
void versions_know(struct versions *v, const char *probe, const char *version);
bool versions_known(const struct versions *v, const char *probe);

/* A run was told this version. True when it is another one than before: then
 * *ret_before is what it was, "" at first, alive until the next call. False as
 * well while nothing is known of the probe. */
bool versions_said(struct versions *v, const char *probe, const char *version,
                   const char **ret_before);
