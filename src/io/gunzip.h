/* Unpacks gzip, of strangers: what comes out is bounded by out->max. Pure; any
 * thread. */
#pragma once

#include "base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum gunzip_end {
    GUNZIP_DONE,
    GUNZIP_TOO_LONG, /* more than out->max bytes */
    GUNZIP_CUT,      /* ends in the middle */
    GUNZIP_BROKEN,   /* not gzip, or damaged */
    GUNZIP_STOPPED,
};

/* Whether the bytes begin as gzip does. */
bool gunzip_is(const void *data, size_t n);

/* Appends; what was read before an end that is not DONE is there too. Several
 * streams one after the other are one. `stop` may be NULL: another thread ends
 * the work by setting it. */
enum gunzip_end gunzip(const void *data, size_t n, const atomic_bool *stop, struct str *out);

/*
 * The same for what comes in pieces: whatever a piece unpacks to is told at once, at most
 * GUNZIP_PIECE bytes at a time, so that nothing grows. About 60 KiB each.
 */
struct gunzip;
#define GUNZIP_PIECE (16u << 10)

struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *g); /* NULL is fine */

/* DONE: a whole number of streams was read; CUT: more has to come; STOPPED: `fn` said
 * false. After anything but DONE and CUT nothing may be fed. */
enum gunzip_end gunzip_feed(struct gunzip *g, const void *data, size_t n,
                            bool (*fn)(void *ctx, const char *data, size_t n), void *ctx);
