/*
 * The first event of an SLI. The store knows that of each probe; an SLI that maps reasons,
 * or that needs what a good answer may not tell, may see its own later, or earlier.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct sli_def;
struct store_reader;

/* Whether it has to be searched for. */
bool first_event_differs(const struct sli_def *sli);

/*
 * The first good or bad one, excluded from a budget or not, of [from, to); INT64_MAX if
 * there is none. If there is one before `from`, `from`. Where results are deleted, before
 * raw_since_us, the minute's begin.
 */
int first_event_find(struct store_reader *r, const struct sli_def *sli, int64_t raw_since_us,
                     int64_t from_us, int64_t to_us, int64_t *ret, struct err *reterr);
