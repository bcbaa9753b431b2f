/* Unpacks gzip, of strangers: what comes out is bounded by out->max. Pure; any
 * thread. */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum gunzip_end {
    GUNZIP_DONE,
    GUNZIP_TOO_LONG, /* more than out->max bytes */
    GUNZIP_CUT,      /* ends in the middle */
    GUNZIP_BROKEN,   /* not gzip, or damaged */
};

/* Whether the bytes begin as gzip does. */
bool gunzip_is(const void *data, size_t n);

/* Appends; what was read before an end that is not DONE is there too. Several
 * streams one after the other are one. */
enum gunzip_end gunzip(const void *data, size_t n, struct str *out);
