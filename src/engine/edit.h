/*
 * What people write into the history by command: one line each in the table of
 * edit.c. A request is a JSON object {"do": NAME, ...} of what the edit takes, the
 * answer another one. The daemon that holds the database runs it, or, when there is
 * none, whoever asks. Blocks: not for the loop thread.
 *
 *     {"do": "annotate", "at_us": 1795248000000000, "kind": "note",
 *      "probe": "", "text": "load test"}                              -> {}
 *     {"do": "forget_annotation", "id": 7}                            -> {}
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "nines/store.h"

#include <stddef.h>

struct json_t;

#define EDIT_REQUEST_MAX (64 << 10)
#define EDIT_TEXT_MAX 1024 /* bytes of an annotation */

/* Returns when it is committed. Appends the answer. */
int edit_run(struct store *s, const char *database, const char *request, size_t n,
             struct str *answer, struct err *reterr);

/* The same, by whoever holds the database; *ret is to be freed by json_decref(). */
int edit_ask(const char *database, const struct json_t *request, struct json_t **ret,
             struct err *reterr);
