/*
 * Who may write: the holder of flock(2) on `<database>.lock`. The file keeps
 * the holder's pid for messages; it is never removed, as that would race.
 */
#pragma once

#include "base/err.h"

#include <sys/types.h>

struct lock {
    int fd; /* -1: not held */
};

int lock_take(struct lock *l, const char *database, struct err *reterr);
void lock_drop(struct lock *l);
