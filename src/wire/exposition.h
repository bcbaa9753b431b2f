/*
 * Writer of the Prometheus text format, version 0.0.4.
 *
 * Families are written one after the other; all samples of a family follow its
 * header. Names are checked by assertion (they come from our own code), label
 * values may be anything (invalid UTF-8 included, which is replaced). NaN and
 * infinities are never written: such a sample is a bug.
 *
 *     struct exposition e = {.out = &body};
 *     exposition_family(&e, "nines_probe_results_total", EXPOSITION_COUNTER, "Results.");
 *     struct label l[] = {{"probe", id}, {"outcome", "good"}};
 *     exposition_int(&e, l, 2, 17);
 *
 * Overflow of `out` is sticky there: check it once at the end.
 */
#pragma once

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE, EXPOSITION_HISTOGRAM };

struct label {
    const char *name, *value; /* a NULL value is written as "" */
};

struct exposition {
    struct str *out;
    const char *family; /* current one; must outlive its samples */
    enum exposition_type type;
};

/* HELP and TYPE. Counters end in _total, and only they do. */
void exposition_family(struct exposition *e, const char *name, enum exposition_type type,
                       const char *help);

void exposition_int(struct exposition *e, const struct label *labels, size_t n, int64_t value);
void exposition_double(struct exposition *e, const struct label *labels, size_t n, double value);

/* A family with one sample that has no labels. */
void exposition_counter(struct exposition *e, const char *name, const char *help, int64_t value);
void exposition_gauge(struct exposition *e, const char *name, const char *help, int64_t value);

/* Microseconds as seconds, exactly. */
void exposition_seconds(struct exposition *e, const struct label *labels, size_t n, int64_t us);

/* counts[i] are the observations of bucket i alone (not cumulative), with
 * bounds_us[i] as its inclusive upper bound; counts[buckets] those above all. */
void exposition_histogram(struct exposition *e, const struct label *labels, size_t n,
                          const int64_t *bounds_us, const int64_t *counts, size_t buckets,
                          int64_t sum_us);
