/*
 * What a rollup row holds, packed: 60 minutes of counts and the reasons of an
 * hour. Versioned and endian-free; decoding checks everything, as a file may
 * be damaged. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "nines/slo.h"

#include <stddef.h>
#include <stdint.h>

#define PACKED_MINUTES 60
#define PACKED_MAX 4096 /* no encoding is longer */

/* Runs of equal minutes: a steady hour takes five bytes. */
void packed_put_minutes(struct str *out, const struct counts minutes[static PACKED_MINUTES]);
int packed_get_minutes(const void *data, size_t n, struct counts ret[static PACKED_MINUTES],
                       struct err *reterr);

/* Pairs of reason and count, zero counts left out. get adds into `into`. */
void packed_put_reasons(struct str *out, const int64_t reasons[static REASON_COUNT]);
int packed_get_reasons(const void *data, size_t n, int64_t into[static REASON_COUNT],
                       struct err *reterr);
