/*
 * OpenSLO v1 documents, beside the short form. An SLO of theirs is turned into
 * the short form's mapping, node by node in its own places, and then is one:
 * what it means is decided in one place, slos.c.
 *
 * What the specification forbids is an error. What is seen in the wild and can
 * mean one thing only is a warning that names the fix. docs/openslo.md has the
 * table of what becomes what.
 */
#pragma once

#include "config/build.h"

#include <stdbool.h>
#include <stdint.h>

/* Does it say that it is OpenSLO, of whatever version? */
bool openslo_is(const struct node *doc);

/* Takes an OpenSLO document up: its envelope is checked. */
void openslo_add(struct build *b, const struct node *doc);

/* When all are taken up: checks what they hold and builds their SLOs. */
void openslo_build(struct build *b);

/* ---- among its files -------------------------------------------------------- */

#define OPENSLO_NAME_MAX 63
#define OPENSLO_DESCRIPTION_MAX 1050

struct openslo_metadata {
    const char *name;
    const struct node *display_name, *labels, *annotations;
};

/* Of a document or of an object that stands where it is used. False: its name
 * cannot be used, reported. */
bool openslo_metadata(struct build *b, const struct node *n, struct openslo_metadata *ret);
void openslo_check_description(struct build *b, const struct node *n);
/* `text` is what `n` says, or NULL. */
void openslo_check_length(struct build *b, const char *key, const struct node *n, const char *text,
                          size_t max);

const struct openslo_object *openslo_known(const struct build *b, enum openslo_kind kind,
                                           const char *name); /* or NULL */
/* The object of this kind that the scalar under `key` names; NULL, reported. */
const struct openslo_object *openslo_find(struct build *b, enum openslo_kind kind, const char *key,
                                          const struct node *name);

/* "5m", "30d", "1M". */
struct openslo_duration {
    int64_t n;
    char unit; /* m h d w M Q Y */
};

#define OPENSLO_ZERO 1u  /* 0m is fine */
#define OPENSLO_BARE 2u  /* 5 is taken for 5m, with a warning */
#define OPENSLO_MINUS 4u /* -1h is taken for 1h, with a warning */

bool openslo_duration(struct build *b, const char *key, const struct node *n, unsigned flags,
                      struct openslo_duration *ret);

/* Nodes of the short form; what is put into a map is copied, its place kept. */
struct node *openslo_scalar(struct build *b, struct pos pos, const char *text);
struct node *openslo_map(struct build *b, struct pos pos);
void openslo_put(struct build *b, struct node *map, const char *key, const struct node *value);

/* openslo_sli.c */
struct openslo_objective {
    const struct node *at;
    const char *name;                /* openslo_read_objective() gives it */
    const struct node *display_name, /* and all others: NULL when not given */
        *op, *value, *target, *target_percent, *slice_target, *slice_window, *weight, *indicator,
        *indicator_ref;
};

void openslo_check_sli(struct build *b, const struct node *spec);
void openslo_check_data_source(struct build *b, const struct node *spec);
bool openslo_has_ratio(const struct node *sli_spec);
/* The short form's `sli` of one objective; NULL, reported. */
const struct node *openslo_sli(struct build *b, const struct node *spec,
                               const struct openslo_objective *objective);

/* openslo_window.c: the short form's `window` of a timeWindow; NULL, reported. */
const struct node *openslo_window(struct build *b, const struct node *list);

/* openslo_meta.c: the short form's labels, or NULL, */
const struct node *openslo_labels(struct build *b, const struct node *labels);
/* its `window`: `first`, and those that an annotation adds (NULL, reported); */
const struct node *openslo_windows(struct build *b, const struct node *annotations,
                                   const struct node *first);
/* and what other annotations of ours say, put into its mapping. False: reported. */
bool openslo_annotations(struct build *b, const struct node *annotations, struct node *slo);

/* openslo_tiers.c: what the short form has under `alerting` for an SLO's alertPolicies, or
 * NULL: none of them alerts. `ret_silence`: what it has under `alerts`. Warns of what they
 * say that is not done. */
const struct node *openslo_tiers(struct build *b, const struct node *policies,
                                 const struct node **ret_silence);

/* openslo_slo.c */
void openslo_slo(struct build *b, const struct openslo_object *slo);

/* openslo_alert.c: a spec each */
void openslo_check_policy(struct build *b, const struct node *spec);
void openslo_check_condition(struct build *b, const struct node *spec);
void openslo_check_target(struct build *b, const struct node *spec);
/* The list of an SLO: each policy there or elsewhere. */
void openslo_check_policies(struct build *b, const struct node *list);
