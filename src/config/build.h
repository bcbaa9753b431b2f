/*
 * A configuration while it is put together: one part per document kind adds
 * its definitions, the cross-checks come last, then it becomes a snapshot.
 */
#pragma once

#include "base/table.h"
#include "base/vec.h"
#include "config/decode.h"
#include "nines/config.h"
#include "nines/exclusion.h"
#include "nines/notifier.h"
#include "nines/probe.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>

#define KINDS_MAX 32
#define NAME_LEN_MAX 128

/* A name and where it was given. */
struct named {
    const char *name;
    struct pos pos;
};

/* An SLO with the nodes that later checks point at. */
struct built_slo {
    struct slo_def *def;
    const struct node *probe, *faster_than, *component; /* may be NULL */
    const struct node *composite;                       /* its list of members, or NULL */
    const struct node *depends_on;                      /* or NULL */
    /* promises.c: it may be part of a cycle; 0: no way has led here */
    bool open;
    size_t walk;
};

/* An exclusion, and where it is written. */
struct built_exclusion {
    struct exclusion x;
    const struct node *node;
    bool good; /* without errors */
};

enum openslo_kind {
    OPENSLO_DATA_SOURCE,
    OPENSLO_SLO,
    OPENSLO_SLI,
    OPENSLO_ALERT_POLICY,
    OPENSLO_ALERT_CONDITION,
    OPENSLO_ALERT_TARGET,
    OPENSLO_SERVICE,
    OPENSLO_KINDS,
};

/* An OpenSLO document; openslo.h. */
struct openslo_object {
    enum openslo_kind kind;
    const char *name;
    struct pos pos; /* of the name */
    const struct node *metadata, *spec;
};

/* A file or folder to read, and where it was asked for. */
struct folder {
    const char *path;
    struct pos pos;
    bool required; /* a default one may be missing */
};

/* A probe whose `depends_on` is to be resolved. */
struct dependent {
    struct probe_def *def;
    const struct node *node; /* the list, or one name */
    size_t walk;             /* depends.c: 0: no way has led here */
};

/* The blocks of an alertmanager.yml; routing.h. Any may be NULL. */
struct routing_nodes {
    const struct node *global, *route, *inhibit_rules, *time_intervals, *mute_time_intervals;
};

struct receiver_tables;

struct build {
    struct config *config;
    const struct config_tables *tables;
    struct decode decode;
    const struct field *probe_fields; /* made from the tables */
    const struct receiver_tables *receiver_tables;
    VEC(struct probe_def *) probes;
    VEC(struct built_slo) slos;
    VEC(struct receiver_def *) receivers;
    VEC(struct built_exclusion) exclusions;
    VEC(struct dependent) dependents;
    VEC(struct openslo_object *) openslo;
    struct table openslo_names[OPENSLO_KINDS];      /* the first of each name */
    VEC(const char *) openslo_lists[OPENSLO_KINDS]; /* their names */
    size_t compared;                                /* by build_nearest() */
    VEC(struct named) probe_ids;                    /* those of faulty probes too */
    VEC(struct named) renames;  /* name: the old id; pos: where renamed_from says it */
    VEC(struct folder) folders; /* that the Daemon document names */
    const struct node *daemon;  /* the Daemon document, or NULL */
    struct routing_nodes routing, alertmanager_nodes; /* of the Daemon document, of the other */
    const struct node *alertmanager;                  /* the document that it names, or NULL */
    const struct node *alertmanager_receivers;        /* of that document, or NULL */
    const struct node *routing_global;                /* what holds for all receivers, or NULL */
    bool unread;   /* a probe or file was not understood: a probe that seems to be
                                    missing may be there */
    bool replaced; /* other SLOs take the place of the configuration's: its
                                    exclusions may name those that are not there now */
};

/* The choice of one kind among many: the node under each kind's key. Last in
 * the struct that a table of build_kind_fields() describes. */
struct choice {
    const struct node *at[KINDS_MAX];
};

/* `base` followed by one field for each name, whose nodes go into the choice
 * at `offset`. */
const struct field *build_kind_fields(struct arena *a, const struct field *base,
                                      const char *const *names, const char *const *helps, size_t n,
                                      size_t offset);

/* The index of the one kind that was chosen, or -1 after an error. */
int build_choice(struct build *b, const struct node *n, const struct field *fields,
                 const struct choice *choice, const char *const *names, size_t count,
                 const char *what);

/* Reports that none was chosen, unless a key that is none was meant to be one. */
void build_no_choice(struct build *b, const struct node *n, const struct field *fields,
                     const char *const *names, size_t count, const char *what);

/* Decodes what is under the key of the chosen kind. */
void build_spec(struct build *b, const struct node *under, const char *kind,
                const struct field *fields, void *spec);

/* Ids and names: a letter or digit, then up to 127 of letters, digits, '.',
 * '_' and '-'. Reports and returns false. */
bool build_check_name(struct build *b, const struct node *n, const char *key, const char *name);
bool build_check_labels(struct build *b, const struct string_map *labels);

/* The one of `names` that `word` may be meant to be, or NULL. A load compares a
 * bounded number of them, and none for errors that are not kept. */
const char *build_nearest(struct build *b, const char *word, const char *const *names, size_t n);

/* The list under `key`; NULL, reported, when there is none. */
const struct node *build_list(struct build *b, const struct node *doc, const char *key);

/* One document each, a map of the right kind. */
void build_probes(struct build *b, const struct node *doc);
void build_slos(struct build *b, const struct node *doc);
void build_exclusions(struct build *b, const struct node *doc);
void build_daemon(struct build *b, const struct node *doc);
/* The document of the file that `alertmanager` names. */
void build_alertmanager(struct build *b, const struct node *doc);
/* The routes, once the receivers are known. */
void build_routing(struct build *b);

/* One SLO in the short form; several objectives of one SLO are told apart by
 * their name ("": there is but one) and have the same node under `name`. */
void build_slo(struct build *b, const struct node *n, const char *objective_name);

/* The service hours of `n`, a mapping or a list of them; NULL after an error. */
struct hours *build_hours(struct build *b, const struct node *n);
/* Hours in which a probe never runs are an error, at `n`. */
void build_check_hours(struct build *b, const struct node *n, const struct probe_def *def);

/* Once the snapshot has its probes. */
void build_depends(struct build *b);

/* Once all documents are known. Alerts go to the log when none lists receivers. */
void build_receivers(struct build *b);

/* Fills `folders` and the daemon's defaults. `file` is the Daemon document's
 * file (or would be), `doc` that document or NULL. Before anything else. */
void build_folders(struct build *b, const char *file, const struct node *doc);

/* Gives each probe the series that SLOs want of it, and checks that its runs
 * end in order. SLOs are linked. */
void build_samples(struct build *b);

/* What SLOs depend on: whether it is there, and allows what they promise. SLOs are
 * linked. */
void build_promises(struct build *b);

/* Whether the SLOs that exclusions name are there; hands exclusions to the snapshot. */
void build_finish_exclusions(struct build *b);

/* Checks between documents, and what needs them all; fills the snapshot. The
 * snapshot owns what was built, also when errors were found. */
void build_finish(struct build *b);

void build_init(struct build *b, struct config *config, const struct config_tables *tables,
                struct diag *diag);
void build_release(struct build *b);

/* The field tables that depend on the caller's kinds. */
const struct field *probes_fields(struct arena *a, const struct config_tables *tables);
