/*
 * Which SLOs are meant: by their service and their labels. All that is asked for
 * must fit. Pure.
 *
 * The labels of an SLO are its own, and those of its probe whose keys it does not
 * have itself; a composite has its own only.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>

struct slo_label {
    const char *key, *value;
};

/* Nothing asked for: every SLO fits. */
struct slo_select {
    const char *service; /* or NULL */
    const struct slo_label *labels;
    size_t label_count;
};

/* The value of a label; NULL: it has none of that key. */
const char *slo_label(const struct slo_def *slo, const char *key);

/* All of them, in the order of the files: its own first. */
size_t slo_label_count(const struct slo_def *slo);
struct slo_label slo_label_at(const struct slo_def *slo, size_t i);

/* -1 when no SLO has a label of this name, with an error that says what there is. */
int slo_label_check(const struct config *cfg, const char *key, struct err *reterr);

/* `select` NULL: it fits. */
bool slo_select_fits(const struct slo_select *select, const struct slo_def *slo);

/*
 * -1 when no SLO fits (of those called `name`, unless it is NULL), with an error that
 * says what there is: the nearest service, key or value, or all of them. That there
 * is no SLO of the name is not told here: then it is 0.
 */
int slo_select_check(const struct config *cfg, const char *name, const struct slo_select *select,
                     struct err *reterr);
