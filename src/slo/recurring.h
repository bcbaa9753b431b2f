/*
 * The spans of an exclusion that recurs: a rule by the clocks of a time zone. A time that
 * clocks skip is moved forward by the gap, of one that comes twice it is the first.
 *
 * Immutable and thread-safe once made.
 */
#pragma once

#include "nines/exclusion.h"
#include "slo/exclusions.h"

#include <stdbool.h>
#include <stdint.h>

struct recurring;

/* Of one with a rule, whose times and zone are valid. On error *ret_key is the key at
 * fault, as in exclusion_check(). */
int recurring_make(const struct exclusion *x, struct recurring **ret, const char **ret_key,
                   struct err *reterr);
/* Whether it begins with an occurrence, and does not overlap itself: some milliseconds. */
int recurring_check(const struct recurring *r, const struct exclusion *x, const char **ret_key,
                    struct err *reterr);
void recurring_free(struct recurring *r); /* NULL is fine */

/* The first span that ends after t. */
bool recurring_next(const struct recurring *r, int64_t t_us, struct exclusion_span *ret);
