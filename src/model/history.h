/*
 * The last scrapes of a probe's wanted series, as far back as somebody looks,
 * and how counters grow from one to the next:
 *
 * - growth is taken per series, then added up;
 * - the first sample of a series in the first scrape of all is a baseline: it
 *   grows by nothing;
 * - a series that was absent from the scrape before, and never seen, starts at 0;
 * - one that returns continues from its last value;
 * - a drop is a reset: it grows by its new value.
 *
 * Scrapes that failed are not told. Bounded: what is older than `reach_us`
 * goes, but the last value of a series stays (SAMPLES_MAX series; the one unseen
 * for longest goes first). Not thread-safe. NaN never counts as a value.
 */
#pragma once

#include "nines/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history;
struct selector;

struct history *history_new(int64_t reach_us);
void history_free(struct history *h);

/* A scrape with all there was; later than those before. */
void history_add(struct history *h, int64_t at_us, const struct sample *at, size_t n);

/* Before the first scrape: what an earlier process, or a stretch of history that
 * is not read, has left behind. A series as last seen at `at_us`, ... */
void history_seed(struct history *h, const char *series, int64_t at_us, double value);
/* ... and when the last scrape was; absent series were absent then. */
void history_seed_scrape(struct history *h, int64_t at_us);

size_t history_scrapes(const struct history *h);  /* kept, seeded one included */
int64_t history_last_us(const struct history *h); /* INT64_MIN: none */

/* The series of the newest scrape that a selector matches. */
typedef void (*history_value_fn)(void *ctx, const char *series, double value);
size_t history_values(struct history *h, const struct selector *s, history_value_fn fn, void *ctx);

struct growth {
    double by;     /* sum over the series */
    size_t series; /* in the newest scrape */
    int resets;
    int64_t from_us, to_us; /* the scrapes that it lies between; equal: a baseline only */
};

/* Growth of what matches since the scrape before the newest. */
struct growth history_step(struct history *h, const struct selector *s);
/* Growth over the scrapes of (to - window, to], `to` being the newest one. */
struct growth history_growth(struct history *h, const struct selector *s, int64_t window_us);
