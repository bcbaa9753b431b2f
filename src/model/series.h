/*
 * The canonical text of a series: name{a="x",b="y"}. Labels lie in the order of
 * their names, values are escaped as in exposition text, labels with an empty
 * value are left out (they are the same as none), numbers of `le` and
 * `quantile` are written in one way only ("0.5", "1", "+Inf"). Equal series have
 * equal texts, whatever page they came from. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

#define SERIES_LABELS_MAX 64

struct series_label {
    const char *name, *value; /* not NUL-terminated */
    size_t name_len, value_len;
};

/* Parsed in place: points into the text (values unescaped into `room`). */
struct series {
    const char *name;
    size_t name_len;
    struct series_label labels[SERIES_LABELS_MAX]; /* by name */
    size_t label_count;
};

/* Sorts the labels, drops empty ones, and appends the canonical text; -1: a
 * label twice, or longer than SAMPLE_SERIES_MAX. */
int series_put(struct series *s, struct str *out, struct err *reterr);

/* Reads a series as people and import files write it (any order of labels);
 * series_put() makes it canonical. `room` takes unescaped values. */
int series_parse(const char *text, size_t n, struct str *room, struct series *ret,
                 struct err *reterr);
