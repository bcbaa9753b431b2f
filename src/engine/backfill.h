/*
 * The history of an SLI, read from the store into sliding windows: at start,
 * and when a reload brings a new SLI. Reads files; not for the loop thread.
 */
#pragma once

#include "base/err.h"
#include "nines/slo.h"
#include "nines/store_reader.h"
#include "slo/sieve.h"

#include <stdbool.h>
#include <stdint.h>

struct live;
struct stream;

/* What is wanted, and room to read into that many questions share. */
struct backfill {
    struct store_reader *reader;
    const struct sli_def *sli;
    struct sieve sieve; /* what is excluded of it; zeroes: nothing */
    int64_t longest_us; /* windows up to this */
    int64_t attached_us;
    int64_t last_slot_us;   /* of the probe's results; INT64_MIN: none */
    bool all_done;          /* nothing that is stored was done later */
    struct sli_asked asked; /* metric SLIs */
    /* Metric SLIs, filled by backfill_stream(): the newest slot that was done, and
     * the newest scrape among these; INT64_MIN: none. From which slot on nothing was;
     * all_done is taken back where there are samples of later. */
    int64_t newest_us, scraped_us, undone_us;
    int64_t *edges;
    struct counts *counts;
    size_t room;
    /* what was found: hours, minutes and tens of seconds with events, and events */
    int64_t hours, minutes, tens, events;
};

/* Tells the stream of a metric SLI what the probe's samples were until
 * `attached_us`. Before backfill_read(). */
int backfill_stream(struct backfill *b, struct stream *s, struct err *reterr);

/*
 * Every event that was done at or before `attached_us`. Far back by the hour,
 * then by the minute, the last hour by 10 s, as windows need it. Unless all is
 * known to have been done, the last two hours are read row by row.
 * The caller frees *ret with live_free().
 */
int backfill_read(struct backfill *b, struct live **ret, struct err *reterr);
void backfill_release(struct backfill *b);
