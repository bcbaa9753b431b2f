/*
 * Assertions on samples: the `expect` list of kinds that give them.
 *
 *     expect:
 *       - db_connections_active <= 80
 *       - {that: rate(errors_total) < 1/s, for: 5m, name: few errors}
 *
 * Each is a condition of model/expr.h, asked after every scrape. With `for` it
 * fails the run only when it has failed without pause for so long, from the
 * first scrape that it failed at to this one. What cannot be told (too few
 * scrapes yet, a series that is absent) neither fails a run nor ends a failure.
 *
 * What they look back at is kept in the probe's memory, which model/history.h
 * bounds: the last values of at most SAMPLES_MAX series, and about 100 KiB for
 * each window of each selector (a quantile: for each bucket), so with
 * ASSERTIONS_MAX of them 4 MiB and a few hundred KiB each; most take far less.
 */
#pragma once

#include "nines/config.h"
#include "nines/probe.h"
#include "probe/expect.h"

#include <stddef.h>
#include <stdint.h>

struct expr;
struct selector;
struct verdict;

#define ASSERTIONS_MAX (EXPECT_MAX_CHECKS / 2)

struct assertion {
    const struct expr *expr;
    const char *what; /* its name, or the condition */
    int64_t for_us;   /* 0: fails at once */
    struct pos pos;
};

struct assertions {
    struct assertion *at;
    size_t n;

    /* made by assertions_prepare() */
    int64_t reach_us; /* how far back they look */
    const struct selector **wanted;
    size_t wanted_count;
};

/* FIELD_CUSTOM: into a struct assertions. All of it lives in the arena. */
void assertions_decode(struct decode *c, const struct node *n, void *out);
/* Collects what they want. */
void assertions_prepare(struct decode *c, struct assertions *a);

struct probe_memory *assertions_memory_new(const struct assertions *a);
void assertions_memory_free(struct probe_memory *m);

/* Before a scrape's samples are used: false when the series that are wanted change so
 * often that they must not be (probe/churn.h). `memory` may be NULL. */
bool assertions_note(struct probe_memory *memory, int64_t at_us, const struct sample *samples,
                     size_t n);

/*
 * A scrape at `at_us` gave these samples, and of what they want all there was:
 * lists each assertion in `v`, and fails it by the first that fails. `memory` may
 * be NULL: then there was no scrape before, and what must fail for longer does not
 * fail yet.
 */
void assertions_judge(const struct assertions *a, struct probe_memory *memory, int64_t at_us,
                      const struct sample *samples, size_t n, struct verdict *v);
