/*
 * SLO files of other tools, turned into the short form: OpenSLO v1alpha, Sloth
 * (prometheus/v1 and its Kubernetes resource) and Pyrra. docs/import-slo.md has
 * the tables of what becomes what.
 *
 * What cannot be carried over is neither guessed nor fatal: it is a warning of
 * the diag that says what, why and what to do, and the same line is a comment at
 * its place in the output. An error is a file that is not understood: then
 * there is no output. Pure.
 */
#pragma once

#include "base/str.h"
#include "nines/diag.h"

#include <stddef.h>

struct config_tables;

#define IMPORT_SLOS_MAX 2000

struct import_slo_file {
    const char *name; /* for positions: lives as long as the diag */
    const char *text;
    size_t len;
};

struct import_slo_options {
    /* Of a metrics probe that is there already; NULL: the output has the probes. */
    const char *probe;
    /* The URL of a Prometheus server; then series are read from it, with all the
     * labels it has. NULL: from the service's own page. */
    const char *prometheus;
    /* To tell whether a time zone is known; NULL: all are. */
    const struct config_tables *tables;
};

struct import_slo_counts {
    size_t slos, probes;
    size_t dropped; /* SLOs that are a comment only */
};

/* Appends YAML to `out` that loads as it is. -1: errors in the diag, or the
 * output is larger than `out` may be; `out` is as before. */
int import_slos(const struct import_slo_file *files, size_t n, const struct import_slo_options *o,
                struct str *out, struct diag *diag, struct import_slo_counts *ret);
