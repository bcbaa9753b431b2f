/*
 * One HTTP/1.0 request to a loopback server, blocking for at most two seconds:
 * how the demo looks at its own children.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* `address` is "127.0.0.1:8000"; a body makes it a POST. -1 unless the answer
 * is 2xx. The answer's body is added to `out`, which may be NULL. */
int fetch(const char *address, const char *path, const char *body, struct str *out,
          struct err *reterr);
