/*
 * Reader of Prometheus text 0.0.4 and OpenMetrics 1.0, for pages of any size at
 * the speed of memory when few families are wanted: what is not wanted is
 * skipped by its name, yet checked for its form.
 *
 * Text is taken and refused as Prometheus 2.42 does: unordered families, blank
 * and comment lines, TYPE lines behind samples, series that come twice (it keeps
 * the first). Three things differ: a NUL byte where a line begins is an error
 * (Prometheus drops the rest of the page), a wanted series has at most
 * SERIES_LABELS_MAX labels, and a label that comes twice is seen in wanted series
 * only, but also if it is empty once.
 *
 * In OpenMetrics mode every MUST of the specification that a page can break is
 * held: form, UTF-8, # EOF, metadata, order, suffixes by type, names that clash,
 * duplicates, timestamps, exemplars, what values a type allows, whole histograms.
 * Everything is read then, wanted or not; memory is at most six times the page, where
 * that is nothing but names, and mostly less than the page.
 *
 *     struct promtext p;
 *     promtext_open(&p, PROMTEXT_OPENMETRICS, body, n, wanted, wanted_count);
 *     while ((rc = promtext_next(&p, &sample)) > 0)
 *         use(&sample);
 *     if (rc < 0) p.error says what, p.line and p.column where
 *     promtext_close(&p);
 *
 * A page with an error anywhere is wrong as a whole: what was read before it
 * must not be used. Pure; nothing is copied but what is unescaped.
 */
#pragma once

#include "model/series.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct selector;

enum promtext_format { PROMTEXT_TEXT, PROMTEXT_OPENMETRICS };

/* By the Content-Type of a response; NULL or anything else is text. */
enum promtext_format promtext_format(const char *content_type);

enum promtext_type {
    PROMTEXT_UNTYPED,
    PROMTEXT_COUNTER,
    PROMTEXT_GAUGE,
    PROMTEXT_HISTOGRAM,
    PROMTEXT_SUMMARY,
    PROMTEXT_GAUGEHISTOGRAM,
    PROMTEXT_STATESET,
    PROMTEXT_INFO,
    PROMTEXT_TYPES,
};

const char *promtext_type_name(enum promtext_type t); /* "untyped", "counter", ... */

struct promtext_sample {
    struct series series;    /* labels by name; lives until the next call */
    enum promtext_type type; /* in text: of the TYPE line last seen, if it is about this */
    double value;
    bool has_time;
    int64_t time_us;       /* what does not fit is INT64_MIN or INT64_MAX */
    const size_t *matched; /* numbers of the wanted selectors that match, rising; until */
    size_t matched_count;  /* the next call. None when all is wanted */
};

#define PROMTEXT_ERROR_MAX 512

struct promtext_reader;

struct promtext {
    char error[PROMTEXT_ERROR_MAX]; /* after -1; one line, printable ASCII */
    size_t line, column;            /* of the error, from 1; columns are bytes */
    /* NULL after promtext_open(). Once another thread sets it, promtext_next()
     * gives -1 at the end of the line that it reads, without a place. */
    const atomic_bool *stop;
    struct promtext_reader *reader;
};

/* `page` and the selectors must live until promtext_close(). `wanted` NULL: all
 * series; none of them (but not NULL): the page is only checked. */
void promtext_open(struct promtext *p, enum promtext_format format, const char *page, size_t n,
                   const struct selector *const *wanted, size_t wanted_count);
void promtext_close(struct promtext *p);

/* 1: a wanted sample; 0: the page is over; -1: an error, and so for each call
 * that follows until promtext_go_on(). */
int promtext_next(struct promtext *p, struct promtext_sample *ret);

/* After an error: reads on behind it, to find more of them. */
void promtext_go_on(struct promtext *p);

/* How many samples of those given back so far a wanted selector matched. */
size_t promtext_matches(const struct promtext *p, size_t wanted);
