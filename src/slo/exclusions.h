/*
 * The exclusions of one objective: which spans of time are excluded, and how. All of
 * them are of whole minutes, once or again and again by the clocks of a time zone
 * (there the first minute is the wall clock's, and the length is of real time).
 *
 * Spans that overlap or touch are one if they are of one mode; of two modes, `drop`
 * holds. (Loading and adding refuse overlaps; a file that changes later may still
 * make one.)
 *
 * Immutable and thread-safe once made; counted. NULL is the set of none, for all
 * functions.
 */
#pragma once

#include "base/err.h"
#include "nines/exclusion.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCLUSIONS_MAX 1000 /* of an objective */

struct exclusions;

struct exclusion_span {
    int64_t start_us, end_us; /* [start, end) */
    enum exclusion_mode mode;
};

/* Whether it is of this objective. */
bool exclusion_fits(const struct exclusion *x, const struct slo_def *slo);

/* A set of those that are valid; *ret is NULL if there are none. */
int exclusions_make(const struct exclusion *const *list, size_t n, struct exclusions **ret,
                    struct err *reterr);
const struct exclusions *exclusions_ref(const struct exclusions *x);
void exclusions_unref(const struct exclusions *x);

/* The first span that ends after `t_us`; false: there is none. */
bool exclusions_next(const struct exclusions *x, int64_t t_us, struct exclusion_span *ret);

/* Equal for equal sets, "" for none: part of the key of what depends on them. */
const char *exclusions_key(const struct exclusions *x);

/* What is left of counts that lie within a span of this mode. Silent slots that
 * no_data calls bad are good ones where nothing is bad. */
struct counts exclusion_apply(enum exclusion_mode mode, enum no_data no_data, struct counts c);
