/*
 * Where a redirect leads: pure rules, one hop at a time. Each hop is a request
 * of its own, made and checked by the run.
 *
 * A 303 turns any method but HEAD into GET, 301 and 302 turn POST into GET;
 * the body then goes. Credentials are not taken to another origin, and are not
 * picked up again on the way back. From https to http is refused.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>

/* What is asked of whom. Strings live in the arena or the spec. */
struct target {
    const char *url;
    const char *method;
    bool body;        /* the request's body goes along */
    bool credentials; /* still at the origin they are for */
};

bool redirect_status(int status); /* 301, 302, 303, 307, 308 */

/* The target after `now`; -1 if it leads nowhere. */
int redirect_next(struct arena *a, const struct target *now, int status, const char *location,
                  struct target *ret, struct err *reterr);
