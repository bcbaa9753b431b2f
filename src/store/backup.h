/*
 * A copy of the database, taken while a daemon writes it or not. It is of one
 * moment, and a plain database file of its own: nothing beside it is needed.
 *
 * The copy is read through one snapshot, so nothing that is written meanwhile
 * can spoil it or make it start again. In turn the write-ahead log of the
 * source cannot begin anew before it is done: it grows by what the daemon
 * writes in that time. The source itself is only read.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct backup {
    const char *source, *target;
    bool force; /* replace what is there, if it is a database of ours or empty */
    void (*progress)(void *ctx, int64_t done, int64_t total, const char *unit); /* may be NULL */
    void *ctx;
    int64_t bytes; /* set: size of the copy */
};

/*
 * Writes `<target>.tmp`, private to the user and its group, checks that it
 * opens, is ours and whole, brings it to the disk and renames it: `target` is
 * either not there (or as it was) or complete. An older schema is copied as it
 * is. Never replaces the source or what lies beside it, and fails while another
 * one writes to the same place. A failure leaves no other file behind.
 */
int backup_make(struct backup *b, struct err *reterr);
