/*
 * Values inside a JSON document by path: `$.checks.redis.status`,
 * `$.items[0].id`, `$.items[#-1]`, `$."odd key"`. One private in-memory
 * SQLite connection per instance does the work; one thread at a time.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonpath;

enum json_type {
    JSON_TYPE_ABSENT,
    JSON_TYPE_NULL,
    JSON_TYPE_BOOL,
    JSON_TYPE_INT,
    JSON_TYPE_REAL,
    JSON_TYPE_STRING,
    JSON_TYPE_ARRAY,
    JSON_TYPE_OBJECT
};

struct json_value {
    enum json_type type;
    int64_t i;        /* BOOL (0 or 1), INT; ARRAY: its length */
    double r;         /* INT too */
    const char *text; /* STRING: its bytes; others: as JSON. Valid until the next call */
    size_t text_len;
};

int jsonpath_new(struct jsonpath **ret, struct err *reterr);
void jsonpath_free(struct jsonpath *j);

/* -1 if `path` is not a valid path. Needs no instance. At most 1 KiB. */
int jsonpath_check(const char *path, struct err *reterr);

/* Binds a document (not copied; must outlive the queries). -1 if it is not
 * valid JSON, over 1 MiB, or nested deeper than 1,000; then no document is
 * bound. Each query parses it anew: about 1 us for 100 bytes, 100 us for
 * 40 KiB, so large ones belong on the worker pool. */
int jsonpath_open(struct jsonpath *j, const char *doc, size_t n, struct err *reterr);
int jsonpath_get(struct jsonpath *j, const char *path, struct json_value *ret, struct err *reterr);

/* Whether the array at `path` has an element equal to `want` (NULL, BOOL, INT,
 * REAL or STRING): 1, 0 also when there is no array, -1 on error. */
int jsonpath_contains(struct jsonpath *j, const char *path, const struct json_value *want,
                      struct err *reterr);
