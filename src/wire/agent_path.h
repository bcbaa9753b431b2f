/*
 * Where in a JSON document a value is: `$.a.b[0]["c d"][-1]`. `$` is the document,
 * `.key` and `["key"]` (also `['key']`) a member, `[2]` an element, `[-1]` (also
 * `[#-1]`) one from the end. Written by users, read once at load; src/wire/agent.h
 * says who walks them.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>

#define AGENT_PATH_MAX 1024
#define AGENT_PATH_STEPS 32

struct agent_path;

/* The path lives in the arena. -1: reterr says what is wrong, *ret_at where: bytes of
 * `text` before it. */
int agent_path_parse(struct arena *arena, const char *text, const struct agent_path **ret,
                     size_t *ret_at, struct err *reterr);
