/*
 * Reading whole small files and listing folders, with limits.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define FILE_LIST_MAX 4096 /* files of one folder */

/* Appends the contents of a regular file; larger than out's maximum is an
 * error. The error does not name the file: its reader knows the place. */
int file_read(const char *path, struct str *out, struct err *reterr);

/* What is at `path`: 0 nothing, 1 a file, 2 a folder; -1 an error. */
int file_type(const char *path, struct err *reterr);

/* The *.yaml and *.yml files of a folder (hidden ones left out) as sorted
 * paths below it; the caller frees each and the array. */
int file_list(const char *folder, char ***ret, size_t *ret_n, struct err *reterr);
