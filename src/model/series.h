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

#include <stdbool.h>
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
 * label twice, longer than SAMPLE_SERIES_MAX, no UTF-8, or a NUL byte. `out` is
 * then as before. */
int series_put(struct series *s, struct str *out, struct err *reterr);

/* Reads a series as people and import files write it (any order of labels,
 * spaces between its parts); series_put() makes it canonical. `room` takes
 * unescaped values, its content goes; its maximum is at least n. */
int series_parse(const char *text, size_t n, struct str *room, struct series *ret,
                 struct err *reterr);

/* The label of this name, or NULL. */
const struct series_label *series_label(const struct series *s, const char *name);

/* Labels whose values are numbers: `le`, `quantile`. */
bool series_is_number(const char *label, size_t n);
/* A number as labels and pages spell it (1, .5, 1e3, +Inf, NaN, 0x1p3), all of
 * the text; false if it is none. */
bool series_number(const char *text, size_t n, double *ret);
#define SERIES_NUMBER_MAX 32
/* Its one spelling: the fewest digits that give it back. Returns buf. */
char *series_number_text(char buf[static SERIES_NUMBER_MAX], double v);

/* How names are spelled: [a-zA-Z_:][a-zA-Z0-9_:]*, labels without the colon.
 * The length of such a name at the text's start, 0 if there is none. */
size_t series_name_span(const char *text, size_t n);
size_t series_label_span(const char *text, size_t n);

/* Appends "value", with the escapes of exposition text. */
int series_put_value(struct str *out, const char *value, size_t n);
