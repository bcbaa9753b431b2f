/*
 * The struct slo_defs of one SLO as what it was made of: objectives and windows,
 * each with each (config/objectives.h).
 */
#pragma once

#include "nines/slo.h"

#include <stddef.h>

#define OPENSLO_WINDOWS_MAX 16
#define OPENSLO_NAME_SIZE 256 /* of 63 characters */

struct openslo_group {
    const struct slo_def *windows[OPENSLO_WINDOWS_MAX]; /* the first def of each window; the
                                                           one that alerts go by comes first */
    size_t window_count;
};

void openslo_group(struct slo_def *const *slos, size_t n, struct openslo_group *ret);

/* The name of an objective without that of its window. */
const char *openslo_group_name(const struct openslo_group *g, const struct slo_def *slo,
                               char buf[static OPENSLO_NAME_SIZE]);
