/*
 * The last values of a probe's wanted series, and how counters grow from scrape
 * to scrape:
 *
 * - growth is taken per series, then added up (in the order of their texts, so
 *   that a sum is the same however it came about);
 * - the first sample of a series in the first scrape of all is a baseline: it
 *   grows by nothing;
 * - a series that was absent from the scrape before, and never seen, starts at 0;
 * - one that returns continues from its last value;
 * - a drop is a reset: it grows by its new value.
 *
 * Scrapes that failed are not told. NaN never counts as a value: a series that
 * has none is absent; infinite ones do not grow. Not thread-safe.
 *
 * Bounded. The last value of a series stays, whenever that was, for SAMPLES_MAX
 * series (2 KiB each at most); the one unseen for longest goes first. Growth over
 * a window is kept from the first time that it is asked for on, the step before
 * included: who wants it asks after each scrape. It takes about 100 KiB per
 * selector and window at most (HISTORY_POINTS_MAX).
 *
 *     history_add(h, slot_us, samples, n);
 *     struct growth g = history_growth(h, selector, 5 * USEC_PER_MIN);
 */
#pragma once

#include "nines/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A window of more scrapes than this has an edge that is less exact, by a part
 * in so many. */
#define HISTORY_POINTS_MAX 4096
#define HISTORY_BUCKETS_MAX 512 /* of one histogram */

struct history;
struct selector;

/* `reach_us`: the longest window that will be asked for. Selectors that it is
 * asked about must outlive it. */
struct history *history_new(int64_t reach_us);
void history_free(struct history *h);

/* Keeps only series that this matches, or another one that was named so. Before
 * the first sample; without any it keeps all. */
void history_want(struct history *h, const struct selector *s);

/* A scrape with all there was; later than those before. A series that comes
 * twice counts once. */
void history_add(struct history *h, int64_t at_us, const struct sample *at, size_t n);

/* Scrapes begin anew: growth is not told over this instant. What was seen before has
 * a baseline when it is seen again, as what is in the first scrape behind has. */
void history_restart(struct history *h, int64_t since_us);
/* A series was there, in a scrape that is not told. Before the next restart. */
void history_know(struct history *h, const char *series, int64_t at_us);

/* Before the first scrape: what an earlier process, or a stretch of history that
 * is not read, has left behind. A series as last seen at `at_us`, which may be before
 * the restart, ... */
void history_seed(struct history *h, const char *series, int64_t at_us, double value);
/* ... and when the last scrape was; absent series were absent then. */
void history_seed_scrape(struct history *h, int64_t at_us);

size_t history_scrapes(const struct history *h);  /* told, the seeded one included */
int64_t history_last_us(const struct history *h); /* INT64_MIN: none */

/* The series of the newest scrape that a selector matches, in the order of their
 * texts; returns how many. */
typedef void (*history_value_fn)(void *ctx, const char *series, double value);
size_t history_values(struct history *h, const struct selector *s, history_value_fn fn, void *ctx);
/* How much they differ from the scrape before; of those that were in both. */
size_t history_changes(struct history *h, const struct selector *s, history_value_fn fn, void *ctx);

struct growth {
    double by;     /* sum over the series */
    size_t series; /* in the newest scrape */
    size_t known;  /* ever seen, and remembered */
    int resets;
    int64_t from_us, to_us; /* the scrapes that it lies between; equal: a baseline only */
};

/* Growth of what matches since the scrape before the newest. */
struct growth history_step(struct history *h, const struct selector *s);
/* Growth over the scrapes of (to - window, to], `to` being the newest one. A
 * window that is not filled yet begins (from_us) later than to - window. */
struct growth history_growth(struct history *h, const struct selector *s, int64_t window_us);

/* The same apart for each `le` that the newest scrape has, in rising order:
 * the buckets of a histogram. window_us 0: since the scrape before. Returns how
 * many. */
typedef void (*history_bucket_fn)(void *ctx, double le, const struct growth *g);
size_t history_buckets(struct history *h, const struct selector *s, int64_t window_us,
                       history_bucket_fn fn, void *ctx);
