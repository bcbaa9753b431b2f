/*
 * The exclusions of all objectives of a snapshot: those that its files declare and
 * those that are stored and in force. Immutable and thread-safe once made; counted.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"
#include "slo/exclusions.h"

struct excluding;
struct store_reader;

/* The last step of loading: two declared exclusions of one objective that overlap, as far
 * as exclusion_overlap() sees it, are an error. */
void excluding_finish(const struct config *cfg, struct decode *c);

/* The first objective that both are of; NULL: there is none. */
const struct slo_def *excluding_common_slo(const struct config *cfg, const struct exclusion *a,
                                           const struct exclusion *b);

/* What is wrong with an exclusion that is to be added: names of SLOs that are not there, that
 * it is of none, that it overlaps another one (then the error says which, and what of its
 * time is free), or that one of its SLOs would have too many. */
int excluding_check_new(const struct excluding *x, const struct exclusion *added,
                        struct err *reterr);

/* Reads what is stored; r NULL: only what is declared. Holds a reference to `cfg`. */
int excluding_read(struct config *cfg, struct store_reader *r, struct excluding **ret,
                   struct err *reterr);
struct excluding *excluding_ref(struct excluding *x);
void excluding_unref(struct excluding *x); /* NULL is fine */

/* Of an objective of that snapshot (by its name and objective_name, so that the
 * same of another snapshot is found too); NULL: none. Lives as long as `x`. */
const struct exclusions *excluding_of(const struct excluding *x, const struct slo_def *slo);

const struct config *excluding_config(const struct excluding *x);

/* The exclusions themselves, in force, in the order of their first span. */
size_t excluding_count(const struct excluding *x); /* of NULL: 0 */
const struct exclusion *excluding_at(const struct excluding *x, size_t i);

/* Whether it is of the objective or, of a composite, of one of its members. */
bool excluding_concerns(const struct exclusion *x, const struct slo_def *slo);

/* What is excluded of a part of an SLO (slo_part()): of a member of a composite what is
 * excluded of either. The caller has a reference to what it gets; NULL: nothing. */
const struct exclusions *excluding_of_part(const struct excluding *x, const struct slo_def *slo,
                                           size_t part);
