/*
 * Between the parts of an SLO of OpenSLO: what all of its objectives share
 * (openslo_slo.c), what each says by itself (openslo_objective.c), and what becomes of
 * them when each has an indicator of its own (openslo_composite.c).
 */
#pragma once

#include "config/openslo.h"

#include <stdbool.h>
#include <stddef.h>

struct openslo_slo {
    const struct openslo_object *object;
    struct openslo_metadata metadata; /* labels and annotations: NULL or a mapping */
    const struct node *service, *description, *budgeting;
    const struct node *sli_spec;     /* of all objectives; NULL: reported, or a composite */
    const struct node *first_window; /* the document's own; NULL: reported */
    const struct node *window;       /* with those that an annotation adds, as the short form
                                        has them; NULL: something is wrong, build nothing */
    const struct node *tiers;        /* of alertPolicies, or NULL */
    const struct node *silence;      /* `alerts` of these, or NULL */
};

/* A mapping of the short form with its name, service, description and labels. */
struct node *openslo_begin(struct build *b, const struct openslo_slo *s);

/* ---- openslo_objective.c -------------------------------------------------------- */

/* What the i-th objective says, and its name: "" if it is `alone` and the SLO's only
 * one, else never empty. */
void openslo_read_objective(struct build *b, const struct node *n, size_t i, bool alone,
                            struct openslo_objective *o);
/* Whether some unknown key of it was told to be `key`. */
bool openslo_is_misspelt(const struct openslo_objective *o, const char *key);
/* Its target as the short form's percentage; NULL, reported. */
const struct node *openslo_target(struct build *b, const struct openslo_objective *o);
/* The short form's `budgeting` of the spec's budgetingMethod: a scalar, or a mapping with
 * the objective's slices; NULL, reported. */
const struct node *openslo_budgeting(struct build *b, const struct node *n,
                                     const struct openslo_objective *o);
/* Warns of `op` and `value` where a ratio is judged: there is nothing to compare. */
void openslo_check_comparison(struct build *b, const struct node *sli_spec,
                              const struct openslo_objective *o);

/* ---- openslo_slo.c ---------------------------------------------------------------- */

/* What the SLO's policies come to, into the short form's `alerting` and `alerts`. */
void openslo_put_tiers(struct build *b, struct node *slo, const struct openslo_slo *s);

/* The spec of the SLI that `indicator`, a mapping, or `ref`, a name, stands for; either
 * may be NULL, and both are an error. NULL: reported, or there is neither. */
const struct node *openslo_indicator(struct build *b, const struct node *indicator,
                                     const struct node *ref);

/* ---- openslo_composite.c ------------------------------------------------------------ */

/* Whether its objectives have indicators of their own. */
bool openslo_is_composite(const struct node *objectives);
/* Builds an SLO of each objective, which does not alert, and the composite of them. */
void openslo_composite(struct build *b, const struct openslo_slo *s,
                       const struct openslo_objective *list, size_t n);
