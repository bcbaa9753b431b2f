/* Bytes made smaller, without loss (zstd). Pure; any thread. */
#pragma once

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>

/* Appends. */
int squeeze(const void *data, size_t n, struct str *out, struct err *reterr);

/* Into `ret` of exactly `n` bytes: anything else is an error, as is damage. */
int unsqueeze(const void *data, size_t len, void *ret, size_t n, struct err *reterr);
