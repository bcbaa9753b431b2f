/*
 * Giving disk back: free pages to the file system, a few at a time, and a
 * write-ahead log that has grown long behind a reader.
 */
#pragma once

#include "base/err.h"

struct store;

#define SHRINK_SPARE_PAGES 256 /* stay free, and a part of the file: new results come */
#define SHRINK_SPARE_PART 32
#define SHRINK_LOG_BYTES (16 << 20) /* a log up to this size is written over, not cut */

/* Gives back free pages for about RETENTION_SLICE_US, in a transaction of its
 * own; 1 there are more, 0 there are none to spare, or the file was made
 * without auto_vacuum; -1 failed and rolled back. */
int shrink_slice(struct store *s, struct err *reterr);

/* Cuts the log, if it is long and no reader is in the way; does not wait. What is
 * not in the database yet goes there first: for a log that was moved lately. */
void shrink_log(struct store *s);
