/*
 * JSON Schema, the part of it that says what an answer looks like. Compiled when the
 * configuration is loaded: a keyword that is not in this list is an error there.
 *
 *     type                  a name or a list of them: null, boolean, object, array, number,
 *                           integer (also 2.0), string
 *     enum, const           values of any type
 *     properties, required, additionalProperties (true, false or a schema)
 *     items                 a schema, for all elements
 *     minItems, maxItems, minProperties, maxProperties
 *     minLength, maxLength  in characters
 *     pattern               searched for, as `matches` (model/regex.h)
 *     minimum, maximum, exclusiveMinimum, exclusiveMaximum
 *     anyOf                 a list of schemas
 *     $schema, $id, title, description, default, examples   say nothing of the value
 *
 * As there, a keyword says nothing of values of another type than its own, and a
 * schema may be `true` or `false`.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"

#include <stddef.h>

#define SCHEMA_DEPTH_MAX 16
#define SCHEMA_NODES_MAX 512    /* schemas within one */
#define SCHEMA_WORK_MAX 1000000 /* values and members looked at in one document */
#define SCHEMA_FAULT_MAX 256

struct answer_schema;

/* FIELD_CUSTOM: into a `struct answer_schema *`; NULL if there are errors. */
void answer_schema_decode(struct decode *c, const struct node *n, void *out);
void answer_schema_free(struct answer_schema *s); /* NULL is fine */

/*
 * 0 if the JSON document is as the schema says, else -1 with the first place where it
 * is not: "$.items[3].name: expected string, found number". Any thread.
 */
int answer_schema_check(const struct answer_schema *s, const char *json, size_t n,
                        struct err *reterr);
