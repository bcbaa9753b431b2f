/*
 * The key `alerts` of probes and SLOs: conditions that alert beside burn rates
 * (nines/condition.h).
 */
#pragma once

#include "config/decode.h"
#include "nines/condition.h"
#include "nines/slo.h"

/* For FIELD_CUSTOM: `out` is a struct condition_list. One that was given and is empty has
 * an `at` that is not NULL. */
void decode_probe_alerts(struct decode *c, const struct node *n, void *out);

/* What an SLO says of its alerts. */
struct slo_alerts {
    struct condition_list list;
    bool silent_given; /* false: no_data alerts where it does so by itself */
};
void decode_slo_alerts(struct decode *c, const struct node *n, void *out);

/* The first objective of an SLO, or another one (which has no no_data of its own), once
 * its SLI and its window are known. What does not fit them goes to c->diag. */
void conditions_of_slo(struct decode *c, const struct slo_alerts *alerts, struct slo_def *slo,
                       bool first);

/* The rules of a probe: its own, or those of the defaults (`own` is not given). Warns of
 * what its own can never see. */
void conditions_of_probe(struct decode *c, const struct condition_list *own,
                         const struct condition_list *defaults, struct probe_def *def);

/* For FIELD_CUSTOM, in nines.yaml: `out` is the struct condition of prober_down, and the
 * struct severity_labels. */
void decode_process_alerts(struct decode *c, const struct node *n, void *out);
void decode_severity_labels(struct decode *c, const struct node *n, void *out);
