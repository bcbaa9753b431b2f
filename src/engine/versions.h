/*
 * What the targets of probes say they run, and when that changes. Known from the
 * store before the first run counts: a deploy while the prober was down is seen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERSION_MAX 128    /* bytes that are kept, NUL included */
#define VERSIONS_HOURLY 20 /* changes of one target that are told in an hour */

struct versions;

struct versions *versions_new(void);
void versions_free(struct versions *v);

/* What the store knows; "" if the target never said. A second time, no effect. */
void versions_know(struct versions *v, const char *probe, const char *version);
bool versions_known(const struct versions *v, const char *probe);

/* A run at this instant was told this version. True when it is another one than
 * was told last: then *ret_before is what it was, "" at first, alive until the
 * next call. False as well while nothing is known of the probe, and for the rest
 * of an hour that had its share: behind a balancer two versions may answer by
 * turns for days. */
bool versions_said(struct versions *v, const char *probe, const char *version, int64_t at_us,
                   const char **ret_before);
