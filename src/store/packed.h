/*
 * What a rollup row holds, packed: the counts of its equal parts (the 60
 * minutes of an hour, the 24 hours of a day), its reasons, the percentiles of a
 * day's hours, the sums of its answers. Versioned and endian-free; decoding
 * checks everything, as a file may be damaged. Pure.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/units.h"
#include "nines/slo.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKED_MINUTES 60
#define PACKED_HOURS 24
#define PACKED_MAX 4096 /* no encoding is longer */
/* Of a row and each of its parts: what a day of scrapes, ten a second, may count. */
#define PACKED_COUNT_MAX 1000000000000000000LL
bool packed_can_be(struct counts c); /* within that */

/* Runs of equal parts: a steady hour or day takes five bytes, that of a metric
 * SLI some more. */
void packed_put_counts(struct str *out, const struct counts *parts, size_t n);

/*
 * Reads the runs without spreading them out:
 *
 *     packed_open(&runs, data, n, PACKED_MINUTES);
 *     while ((rc = packed_next(&runs, &c, reterr)) > 0)
 *         use(runs.first, runs.end, c); // parts [first, end) hold c each
 */
struct packed_runs {
    size_t first, end; /* of the run that was read last */
    size_t parts;
    int version; /* of what is read */
    const unsigned char *p, *limit;
};

void packed_open(struct packed_runs *r, const void *data, size_t n, size_t parts);
/* 1 a run, 0 all parts were read, -1 the data is damaged. */
int packed_next(struct packed_runs *r, struct counts *ret, struct err *reterr);

/* All parts at once. */
int packed_get_counts(const void *data, size_t n, struct counts *ret, size_t parts,
                      struct err *reterr);

/* Pairs of reason and count, zero counts left out. get adds into `into`. */
void packed_put_reasons(struct str *out, const int64_t reasons[static REASON_COUNT]);
int packed_get_reasons(const void *data, size_t n, int64_t into[static REASON_COUNT],
                       struct err *reterr);

/* get adds into `into`. */
void packed_put_answers(struct str *out, const struct answer_sums *s);
int packed_get_answers(const void *data, size_t n, struct answer_sums *into, struct err *reterr);

/* Percentiles of a day's hours. get moves *p behind them, to what follows. */
void packed_put_percentiles(struct str *out, const struct percentiles hours[static PACKED_HOURS]);
int packed_get_percentiles(const unsigned char **p, const unsigned char *end,
                           struct percentiles ret[static PACKED_HOURS], struct err *reterr);
