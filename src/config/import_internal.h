/*
 * Among the files of import_slo.h: what a format's reader makes, and what it
 * has to say about the rest.
 */
#pragma once

#include "base/arena.h"
#include "base/units.h"
#include "base/vec.h"
#include "config/import_slo.h"
#include "nines/config.h"

#include <stdbool.h>
#include <stdint.h>

struct selector;

/* What a query asks for: the growth of `plus`, less that of `minus` if there is one. */
struct import_query {
    const struct selector *plus, *minus;
};

/* One SLO of the output. Texts live in the arena. */
struct import_slo {
    struct pos pos;
    const char *name, *service, *description, *runbook; /* all but the name may be NULL */
    VEC(struct pair) labels;
    struct decimal target;
    const char *window;    /* as YAML: "30d", "{calendar: 1 month}" */
    int64_t window_us;     /* its length, or the most that it may be */
    const char *budgeting; /* as YAML, or NULL */
    const char *alerting;  /* as YAML */
    /* One of: total with good or bad; histogram with faster_than_us; query with condition. */
    const struct selector *good, *bad, *total, *histogram;
    int64_t faster_than_us;
    const char *query;     /* PromQL for a probe of kind prometheus */
    const char *condition; /* behind the name of its series: "<= 5" */
    const char *probe;     /* which one; set by import_write() */
    bool dropped;          /* it cannot be carried over: a comment says so */
    VEC(const char *) notes;
};

struct import {
    const struct import_slo_options *options;
    struct arena arena;
    struct diag *diag;
    struct import_slo *slo;        /* that notes belong to now; NULL: to the document */
    VEC(struct import_slo *) slos; /* in the order of the files */
    VEC(const char *) notes;       /* those of documents */
};

/* A key of a format. */
struct import_key {
    const char *name;
    const char *why; /* it is not carried over, and why; NULL: it is read */
};

/* Of the metadata of a resource of Kubernetes whose labels and annotations are read. */
extern const struct import_key import_metadata_keys[];

/* The place of a node, or of the document when there is none, and what is not
 * carried over there. */
void import_note(struct import *m, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, and the SLO as a whole is not. */
void import_drop(struct import *m, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes keys of a map that are not read. False, noted: it is no map. */
bool import_keys(struct import *m, const struct node *n, const char *what,
                 const struct import_key *keys);
/* The value of the first of two spellings (the second may be NULL) that is there
 * and is not null; or NULL. */
const struct node *import_get(const struct node *map, const char *key, const char *other);
/* Its text; NULL: there is none, noted when it is no text. */
const char *import_text(struct import *m, const struct node *map, const char *key,
                        const char *other);
/* Whether it is true; anything else than true and false is noted, and false. */
bool import_true(struct import *m, const struct node *map, const char *key);

/* A new SLO, which notes belong to from now on. */
struct import_slo *import_begin(struct import *m, struct pos pos, const char *name);
void import_end(struct import *m);

/* Labels that can be kept; of equal names the first one stays. */
void import_label(struct import *m, const struct node *key, const char *name,
                  const struct node *value);
void import_labels(struct import *m, const struct node *map);
/* `runbook` and `runbook_url` of a map become the runbook; the others are noted. */
void import_annotation(struct import *m, const struct node *key, const char *name,
                       const struct node *value);

/* A target as a share: of 100 when `percent`. */
void import_target(struct import *m, const struct node *n, const char *key, bool percent);

/* Keys of metadata that a cluster adds to what was written. */
#define IMPORT_CLUSTER_KEYS                                                                        \
    {"creationTimestamp", "it is the cluster's"}, {"generation", "it is the cluster's"},           \
        {"resourceVersion", "it is the cluster's"}, {"uid", "it is the cluster's"},                \
        {"managedFields", "it is the cluster's"},                                                  \
    {                                                                                              \
        "ownerReferences", "it is the cluster's"                                                   \
    }

struct import_tier {
    const char *severity;
    int64_t long_us, short_us;
    int factor10; /* 144 is 14.4 */
};
/* `alerting` with these tiers; those that can never fire are left out, noted. */
void import_tiers(struct import *m, struct pos pos, const struct import_tier *tiers, size_t n);

/* ---- import_query.c ----------------------------------------------------------------- */

/* sum(rate(SELECTOR[window])), or the difference of two. `counters`: a selector or
 * its sum() stands for its growth as well. -1: another shape. */
int import_query(struct import *m, const char *text, bool counters, struct import_query *ret,
                 struct err *reterr);
/* A ratio of two, or 1 less that: *ret_complement. */
int import_ratio(struct import *m, const char *text, struct import_query *ret_part,
                 struct import_query *ret_total, bool *ret_complement, struct err *reterr);

/* Gives the SLO its counters; `part` are the good ones or the bad ones. */
void import_counters(struct import *m, struct pos pos, const struct import_query *part,
                     bool is_good, const struct import_query *total);

/* ---- the formats -------------------------------------------------------------------- */

bool import_is_sloth(const struct node *doc);
void import_sloth(struct import *m, const struct node *doc);
bool import_is_pyrra(const struct node *doc);
void import_pyrra(struct import *m, const struct node *doc);
bool import_is_openslo(const struct node *doc);
void import_openslo(struct import *m, const struct node *doc);

/* ---- import_write.c ------------------------------------------------------------------ */

/* Everything, as YAML. Makes names and ids distinct and gives each SLO its probe. */
void import_write(struct import *m, struct str *out, struct import_slo_counts *ret);
