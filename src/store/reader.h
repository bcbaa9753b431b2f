/* A reader from within: what its files share. Every public call is one read
 * transaction, or runs within that of store_reader_begin(), so all that it adds
 * up is of one moment. */
#pragma once

#include "base/err.h"
#include "nines/store_reader.h"
#include "store/catalog.h"
#include "store/metric.h"
#include "store/scan.h"

struct sqlite;

/* Where the rollups of something are. */
struct rolled {
    int64_t probe, stream; /* stream 0: there are none */
    int64_t through_us;    /* rollups say everything before this */
    int64_t days_us;       /* a day's sum is there before this; never after through_us */
    int64_t raw_us;        /* results before this are gone; never after through_us */
    int64_t since_us;      /* nothing is known of before; 0: that there was nothing */

    /* of a metric SLI */
    const struct sli_def *metric; /* as it was asked for; NULL: it is none */
    int64_t derived_us;           /* slots before have their events; the others' are derived anew */
    int64_t first_us;             /* as in struct metric_stream */
};

/* The answer of reader_rolled() to the last question of its kind. */
struct rolled_known {
    char *probe, *key; /* NULL: none */
    int64_t faster_than_us;
    enum answer_measure measure;
    int64_t bound;
    int8_t classify[REASON_COUNT];
    struct metric_text metric; /* owned */
    struct rolled at;
};

struct store_reader {
    struct sqlite *db;
    char *path;
    struct scanner scanner;
    int depth;                               /* reader_begin() without reader_end() */
    struct rolled_known known[STREAM_KINDS]; /* of this transaction */
};

int reader_begin(struct store_reader *r, struct err *reterr); /* may be nested */
/* Ends what one reader_begin() began; passes `rc` through. */
int reader_end(struct store_reader *r, int rc);

/* The probe's number and where its results begin: 1 found, 0 unknown, -1
 * error. Within a transaction. */
int reader_probe(struct store_reader *r, const char *id, int64_t *ret_num, int64_t *ret_raw_since,
                 struct err *reterr);

/* Rollups of an SLI. 1, or 0 when the probe is not known, or -1. Within a
 * transaction. */
int reader_rolled(struct store_reader *r, const char *probe, const struct sli_def *sli,
                  struct rolled *ret, struct err *reterr);

/* The same of the whole probe: any kind but those of SLIs. */
int reader_rolled_probe(struct store_reader *r, const char *probe, enum stream_kind kind,
                        struct rolled *ret, struct err *reterr);

/* The error of asking for less than a whole `unit` ("minute") of deleted hours. */
int reader_too_fine(const struct rolled *at, const char *unit, struct err *reterr);
