/*
 * The tables: what they are (schema.c is their manual), whether a file holds
 * them, and how an older file becomes a current one.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>

struct sqlite;

#define SCHEMA_APPLICATION_ID 0x6e696e65 /* "nine" */
#define SCHEMA_VERSION 7

/* Whether a database file that begins with these bytes is ours, of any version,
 * without opening it. */
#define SCHEMA_HEAD_BYTES 72
bool schema_is_ours(const unsigned char head[SCHEMA_HEAD_BYTES]);

/* For the writer: makes a new file ours, or migrates forward; each step is one
 * transaction. Nothing is changed in a file that is not ours or is newer. */
int schema_migrate(struct sqlite *db, const char *path, struct err *reterr);

/* For whoever only reads: there is a file; else the error says how one is made. */
int schema_check_there(const char *path, struct err *reterr);

/* For copies: the file is ours, of this version or an older one. */
int schema_check_known(struct sqlite *db, const char *path, struct err *reterr);

/* For readers: the file is ours and of this version. */
int schema_check(struct sqlite *db, const char *path, struct err *reterr);
