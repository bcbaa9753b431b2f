/*
 * A chunk: results of one probe in slot order, packed and compressed. Exact:
 * decoding gives back the results that were encoded, bit for bit. Versioned and
 * endian-free; decoding checks everything, as a file may be damaged. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "nines/result.h"

#include <stddef.h>

#define CHUNK_ROWS_MAX 8192
#define CHUNK_BYTES_MAX (2u << 20) /* more than any chunk takes */

/* Appends the encoding of rows[0, n), 0 < n <= CHUNK_ROWS_MAX. An error, with
 * rubbish appended, when slots do not rise or an enum is out of range. */
int chunk_encode(const struct result *rows, size_t n, struct str *out, struct err *reterr);

/* `ret` has room for CHUNK_ROWS_MAX. Slots come out rising, enums in range. */
int chunk_decode(const void *data, size_t len, struct result *ret, size_t *ret_n,
                 struct err *reterr);
