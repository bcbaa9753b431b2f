/*
 * What people write into the history by command: one line each in the table of
 * edit.c. A request is a JSON object {"do": NAME, ...} of what the edit takes, the
 * answer another one. The daemon that holds the database runs it, or, when there is
 * none, whoever asks. Blocks: not for the loop thread.
 *
 *     {"do": "annotate", "at_us": 1795248000000000, "kind": "note",
 *      "probe": "", "text": "load test"}                              -> {}
 *     {"do": "forget_annotation", "id": 7}                            -> {}
 *     {"do": "exclude", "seen": 6, "mode": "drop", "from_us": ..., "to_us": ...,
 *      "rrule": "", "timezone": "UTC", "slos": ["a"], "service": "", "labels": {},
 *      "reason": "move", "author": "me", "created_us": ...}           -> {"id": 7}
 *     {"do": "forget_exclusion", "id": 7, "at_us": ..., "by": "me"}   -> {}
 *     {"do": "silence", "matchers": "slo=\"a\"", "from_us": 0, "to_us": 0,
 *      "for_us": 7200000000, "author": "me", "comment": "works"}
 *                                   -> {"id": 7, "starts_us": ..., "ends_us": ...}
 *     {"do": "expire_silences", "ids": [7, 8], "by": "me"}            -> {}
 *     {"do": "open_incident", "title": "...", "severity": "page", "by": "me",
 *      "began_us": 0, "detected_us": 0, "slos": ["a"], "services": []} -> {"id": 3}
 *     {"do": "note_incident", "id": 3, "at_us": 0, "by": "me", "text": "..."}   -> {}
 *     {"do": "close_incident", "id": 3, "by": "me", "restored_us": 0} -> {}
 *     {"do": "retry_message", "id": 7}                                -> {}
 *
 * Who asks to exclude has looked for overlaps, with the exclusions of his files and those
 * that are stored (excluding_check_new()); `seen` is the newest of these, 0 if there is
 * none: if another one has come since, the edit is refused.
 *
 * A silence begins at from_us, or now if that is past or 0, and ends at to_us, or, if that
 * is 0, for_us later; with "replaces", the number of one that is not over, that one is
 * expired. Of silences that are to expire either all do or none.
 *
 * A message that is tried again was given up; 0: all that were, up to OUTBOX_RETRY_MAX.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_t;

#define EDIT_REQUEST_MAX (64 << 10)
#define EDIT_TEXT_MAX 1024 /* bytes of an annotation */

/* Where an edit is made, and what it has changed: exclusions, or silences, are others than
 * before, or will be though it fails: what could not be committed in time may still be. */
struct edit_place {
    struct store *store;
    const char *database;
    int64_t now_us; /* engine time */
    bool excluding, silencing;
};

/* Returns when it is committed. Appends the answer. One at a time. */
int edit_run(struct edit_place *p, const char *request, size_t n, struct str *answer,
             struct err *reterr);

/* The same, by whoever holds the database; *ret is to be freed by json_decref(). */
int edit_ask(const char *database, const struct json_t *request, struct json_t **ret,
             struct err *reterr);
