/* Edits from within: what their files share. */
#pragma once

#include "base/err.h"

struct json_t;
struct store;

struct editing {
    struct store *store;
    const char *database;
};

/* Checks the request and pushes what it asks for. */
typedef int edit_fn(const struct editing *e, struct json_t *request, struct err *reterr);

edit_fn edit_annotate, edit_forget_annotation;
