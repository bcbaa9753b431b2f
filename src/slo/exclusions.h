/*
 * The exclusions of one objective: which spans of time are excluded, and how. All of
 * them are of whole minutes, once or again and again by the clocks of a time zone
 * (there the first minute is the wall clock's, and the length is of real time).
 *
 * Spans that overlap are one if they are of one mode; of two modes, `drop` holds.
 * Spans that only touch may be one or two. (Loading and adding refuse overlaps; a file
 * that changes later may still make one.)
 *
 * Immutable and thread-safe once made; counted. NULL is the set of none, for all
 * functions.
 */
#pragma once

#include "base/err.h"
#include "base/units.h"
#include "nines/exclusion.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exclusions;

struct exclusion_span {
    int64_t start_us, end_us; /* [start, end) */
    enum exclusion_mode mode;
};

/* Whether it is of this objective. */
bool exclusion_fits(const struct exclusion *x, const struct slo_def *slo);

/* The rest of struct exclusion_ops. */
int exclusion_time(const char *text, const char *zone_name, int64_t *ret_us, struct err *reterr);
int exclusion_check(const struct exclusion *x, const char **ret_key, struct err *reterr);
extern const struct exclusion_ops exclusion_ops;

/* Whether two that are valid have time in common; then *ret_us is its beginning. Of two
 * that recur this looks at EXCLUSION_CHECK_US from the first span of the later one on. */
#define EXCLUSION_CHECK_US (400 * USEC_PER_DAY)
bool exclusion_overlap(const struct exclusion *a, const struct exclusion *b, int64_t *ret_us);

/* The same for who asks of many pairs: `x` is the set of `a` alone, `y` that of `b`. Making
 * them, with a zone to be read each, is most of the work. */
bool exclusion_sets_overlap(const struct exclusion *a, const struct exclusions *x,
                            const struct exclusion *b, const struct exclusions *y, int64_t *ret_us);

/* Whether an objective may have them: EXCLUSIONS_MAX, and EXCLUSIONS_RECURRING_MAX of them
 * with a rule. */
int exclusions_count(const struct exclusion *const *list, size_t n, struct err *reterr);

/* A set of those that are valid, as exclusion_check() says; *ret is NULL if there are
 * none. The list and what it points to need not live on. */
int exclusions_make(const struct exclusion *const *list, size_t n, struct exclusions **ret,
                    struct err *reterr);
const struct exclusions *exclusions_ref(const struct exclusions *x);
void exclusions_unref(const struct exclusions *x);

/* The first span that ends after `t_us`; false: there is none. What comes behind it is
 * asked for with its end: then spans come in order and never overlap. Costs a search
 * among those that are once, and some microseconds for each one that recurs: keep the
 * span, and ask again when time leaves it. */
bool exclusions_next(const struct exclusions *x, int64_t t_us, struct exclusion_span *ret);

/* Equal for equal sets, "" for none: part of the key of what depends on them. */
const char *exclusions_key(const struct exclusions *x);

/* What is left of counts that lie within a span of this mode. Silent slots that
 * no_data calls bad are good ones where nothing is bad. */
struct counts exclusion_apply(enum exclusion_mode mode, enum no_data no_data, int64_t event,
                              struct counts c);
