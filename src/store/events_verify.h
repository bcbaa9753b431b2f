/*
 * Are the stored events of a probe's metric SLIs what its samples say? Derives
 * them again from raw_since on and compares one by one; also that scrapes are
 * marked right (samples.h). A stream that is still being derived is left out.
 * Only reads: `c` is loaded from `db`, all of it within one transaction of the
 * caller's.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct catalog;
struct scanner;
struct sqlite;

struct events_checked {
    int64_t samples, events; /* that are as they should be */
};

/* 1 when all is well, 0 when not, and then reterr names the first difference,
 * -1 when something could not be read. Adds to `checked`. */
int events_verify(struct catalog *c, struct sqlite *db, struct scanner *scanner, int64_t probe,
                  struct events_checked *checked, struct err *reterr);
