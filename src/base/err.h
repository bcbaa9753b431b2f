/*
 * One error message, filled by the function that failed and shown once by the
 * layer that decides what to do about it.
 *
 * Functions that can fail on bad input or a bad environment return 0 or -1 and
 * take a `struct err *` as their last parameter. On success the err is
 * untouched; on failure outputs are unset. Bugs assert; out of memory aborts.
 *
 *     if (thing_open(path, &thing, reterr) < 0)
 *         return -1;
 */
#pragma once

struct err {
    char msg[1024];
};

/* Formats the message (truncated to fit); `e` may be NULL. Always returns -1. */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Like err_set and appends ": strerror(errnum)". */
int err_errno(struct err *e, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
