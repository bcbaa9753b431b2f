/* Edits from within: what their files share. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct json_t;
struct store;

struct editing {
    struct store *store;
    const char *database;
    int64_t now_us;
    /* what the edit says */
    int64_t id;       /* of what it added; 0: nothing that has one */
    bool excluding;   /* exclusions are others than before */
    bool silencing;   /* and silences */
    char answer[128]; /* JSON; "": the id, if there is one */
};

/* Checks the request and pushes what it asks for. */
typedef int edit_fn(struct editing *e, struct json_t *request, struct err *reterr);

edit_fn edit_annotate, edit_forget_annotation;
edit_fn edit_exclude, edit_forget_exclusion;
edit_fn edit_silence, edit_silence_made, edit_expire_silences;
edit_fn edit_open_incident, edit_incident_made, edit_note_incident, edit_close_incident;
edit_fn edit_retry_message;
