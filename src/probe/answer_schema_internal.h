/*
 * A schema as it is kept: answer_schema.c reads it, answer_schema_check.c looks at
 * documents with it. All of it lives in the arena of the configuration but patterns.
 */
#pragma once

#include "io/jsonpath.h"
#include "nines/config.h"
#include "probe/answer_schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct regex;

/* Of `types`. A number without a fraction is INTEGER and NUMBER. */
enum schema_type {
    TYPE_NULL = 1,
    TYPE_BOOLEAN = 2,
    TYPE_OBJECT = 4,
    TYPE_ARRAY = 8,
    TYPE_NUMBER = 16,
    TYPE_INTEGER = 32,
    TYPE_STRING = 64,
};

/* A value of `enum` or `const`. ARRAY and OBJECT: `items`; of an object also `keys`. */
struct schema_value {
    struct json_value scalar;
    const char *shown; /* for people */
    size_t n;
    struct schema_value *items;
    const char **keys;
};

struct schema_values {
    struct schema_value *at;
    size_t n;
};

struct schema_property {
    const char *name;
    const struct schema *schema;
};

/* Counts, -1: any. */
struct schema_limits {
    int64_t min, max;
};

/* A number that bounds others; type ABSENT: none. */
struct schema_bound {
    struct json_value at;
    const char *keyword;
};

enum { BOUND_MIN, BOUND_MAX, BOUND_ABOVE, BOUND_BELOW, BOUND_COUNT };

struct schema {
    bool never;     /* `false` */
    unsigned types; /* enum schema_type; 0: any */
    const char *types_text;
    struct schema_values one_of; /* n 0: any */
    struct schema_values constant;
    struct schema_property *properties;
    size_t property_count;
    struct string_list required;
    const struct schema *additional, *items; /* NULL: any */
    struct schema_limits element_count, member_count, length;
    struct schema_bound bounds[BOUND_COUNT];
    const char *pattern;
    struct pos pattern_pos;
    struct regex *re;
    const struct schema **any_of;
    size_t any_count;
};

struct answer_schema {
    const struct schema *root;
    struct schema *all[SCHEMA_NODES_MAX]; /* for their patterns */
    size_t n;
};
