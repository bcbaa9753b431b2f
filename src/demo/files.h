/*
 * The configuration that the demo writes: real files, to be read and changed.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>

struct demo_file {
    const char *path;    /* relative to the demo's directory */
    const char *summary; /* a few words */
    const char *text;    /* @PLATFORM@ stands for the address of the platform */
};

extern const struct demo_file demo_files[]; /* a NULL path ends */

/*
 * Makes `dir`, or empties one that an earlier demo made of what a demo makes;
 * any other directory that is not empty is an error, and so is one whose
 * database is in use.
 */
int files_prepare(const char *dir, struct err *reterr);

/* `platform` is "http://127.0.0.1:43817". */
int files_write(const char *dir, const char *platform, struct err *reterr);
