/*
 * When the runs of a probe looked for which series: the table `wanted`. A scrape
 * that did not look for all the series of an SLI is none of its scrapes: what it
 * has of them may be a part, and what it has not may have been there.
 *
 * A span of the table is of one selector, as declarations came and went; '{}' stands
 * for all that the target gives, and '@' with a number for where samples come from:
 * counters begin anew with another one. Before the first of these, and without any,
 * nothing is known: what is there was imported, and counts.
 */
#pragma once

#include "base/err.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite;

#define ASKED_ALL "{}"
#define ASKED_SOURCE '@'
#define ASKED_SOURCE_MAX 20

enum asked {
    ASKED_NOT,   /* a scrape did not look for all of it */
    ASKED_GIVEN, /* it was told, but nobody had named it: that it is absent says nothing */
    ASKED_NAMED,
};

/* Of one SLI. Zeroed: nothing is known. */
struct asked_spans {
    struct asked_span {
        int64_t since_us; /* up to the next one */
        enum asked how;
        bool anew; /* from another source than what was before */
    } * at;
    size_t n;
};

int asked_load(struct sqlite *db, int64_t probe, const struct sli_def *sli, struct asked_spans *ret,
               struct err *reterr);
void asked_release(struct asked_spans *s);

enum asked asked_at(const struct asked_spans *s, int64_t slot_us);

/* Since when it was asked for, or not, without a break and of one source; INT64_MIN:
 * always. */
int64_t asked_since(const struct asked_spans *s, int64_t slot_us);
/* As of the newest span. */
struct sli_asked asked_now(const struct asked_spans *s);

/* 1: the newest declaration looks for something; 0; -1. */
int asked_any(struct sqlite *db, int64_t probe, struct err *reterr);

/* From this instant on runs look for these, one of them the source, and
 * for no others; or for none at all: the probe's kind has no samples any more. In the
 * caller's transaction. 1: that is news; 0; -1. */
int asked_change(struct sqlite *db, int64_t probe, int64_t at_us, const char *const *selectors,
                 size_t n, struct err *reterr);
