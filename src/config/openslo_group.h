/*
 * The struct slo_defs of one SLO as the OpenSLO document that they are to be: windows,
 * and objectives. Each objective over each window is a def of its own
 * (config/objectives.h).
 *
 * A composite is made of objectives with indicators of their own there. One that was
 * read from such a document has them under its own name, beside it. To one of other
 * SLOs these lend their indicators and targets: it is the same sums of the same runs,
 * and its members are SLOs once more, of its name.
 */
#pragma once

#include "base/err.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>

#define OPENSLO_WINDOWS_MAX 16
#define OPENSLO_PARTS_MAX 128
#define OPENSLO_PART_NAME_SIZE 256 /* of 63 characters */

/* One of `objectives`. */
struct openslo_part {
    const struct slo_def *slo; /* of a composite: the member as that counts it */
    struct decimal weight;     /* of a composite */
    char name[OPENSLO_PART_NAME_SIZE];
};

struct openslo_group {
    const struct slo_def *windows[OPENSLO_WINDOWS_MAX]; /* the first def of each window; the
                                                           document's own comes first: the one
                                                           that alerts go by, or of a
                                                           composite, of its objectives */
    size_t window_count;
    bool composite;
    struct openslo_part parts[OPENSLO_PARTS_MAX];
    size_t part_count; /* at least 1 */
};

/* -1: it is a composite that OpenSLO cannot say. */
int openslo_group(struct slo_def *const *slos, size_t n, struct openslo_group *ret,
                  struct err *reterr);
