/*
 * JSON Schema, the part of it that says what an answer looks like. Read when the
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
 *     $schema, $id, $comment, title, description, default, examples: say nothing of the
 *                           value
 *
 * As there, a keyword says nothing of values of another type than its own, and a
 * schema may be `true` or `false`. A name that comes twice in an object has its last value.
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

/* In the arena; NULL: reported. */
struct answer_schema *answer_schema_decode(struct decode *c, const struct node *n);
/* Its patterns; errors to c->diag. What is compiled is released once, also after errors. */
void answer_schema_compile(struct decode *c, struct answer_schema *s);
void answer_schema_release(struct answer_schema *s);

/*
 * 0 if the JSON document is as the schema says, else -1 with the first place where it
 * is not: "$.items[3].name: expected string, found number". Any thread.
 */
int answer_schema_check(const struct answer_schema *s, const char *json, size_t n,
                        struct err *reterr);
