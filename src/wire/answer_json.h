/*
 * What a run of an agent measured, as the object `answer` of import lines, exports and
 * all that shows results as JSON; docs/import.md is its manual.
 *
 *     {"headers_ms":1.2,"first_event_ms":3.4,"first_token_ms":5.6,"last_token_ms":40,
 *      "last_event_ms":41.002,"gap_ms":7,"events":12,"tokens_in":12,"tokens_out":34,
 *      "tokens_cached":0,"tokens_reasoning":0,"cost":"0.000123","flags":["streamed","ended"]}
 *
 * What is not known or did not happen is left out: {} is an answer of which nothing is
 * known. Exact both ways: times have three decimals, costs at most twelve.
 */
#pragma once

#include "base/err.h"
#include "nines/answer.h"

#include <stdbool.h>
#include <stddef.h>

struct json_t;

#define ANSWER_JSON_MAX 640 /* no object is longer */

/* Can an object say it, so that it is read again? Not what a damaged file makes up. */
bool answer_json_writable(const struct answer *a);

/* The object, no NUL; returns its length. */
size_t answer_json_write(const struct answer *a, char buf[static ANSWER_JSON_MAX]);

/* Strict: an unknown key, a time of 0 and a number that cannot be are errors, which name
 * the key. */
int answer_json_read(struct json_t *object, struct answer *ret, struct err *reterr);
