/*
 * Budgets that are counted in slices of time, for Timeslices and RatioTimeslices:
 * where slices begin and end, what one is worth by its events, and what many of
 * them make of a budget. Formulas: docs/numbers.md. Pure.
 *
 * Borders lie at multiples of the slice since the epoch; of a calendar window at
 * multiples since its period began, and the last slice of a period may be shorter.
 * A span holds the slices that ended in (from, to]: of a slice in progress nothing
 * is known yet.
 *
 * What slices are worth is a struct counts of its own kind: `good` and `bad` are
 * parts, slices_whole() of them to a slice, `silent` are slices that were expected
 * and have no data; a slice outside of service hours, or all excluded, is nothing.
 */
#pragma once

#include "nines/diag.h"
#include "nines/report.h"
#include "nines/slo.h"
#include "slo/tiers.h"
#include "slo/window.h"

#include <stdbool.h>
#include <stdint.h>

/* Of a window: more than a year of minutes. */
#define SLICES_MAX 600000
#define SLICE_RATIO_PARTS 1000000000000

/* Of an SLO in slices whose tiers are made: whether they fit its probe, its window
 * and the short windows of its tiers. Errors go to diag. */
void slices_check(const struct slo_def *slo, struct diag *diag);

/* Equal for SLOs whose slices begin, end and are judged alike, of one SLI. */
#define SLICES_KEY_MAX 256
void slices_key(const struct slo_def *slo, char buf[static SLICES_KEY_MAX]);

struct slice_grid {
    const struct slo_def *slo;
    struct span period; /* calendar: the one looked at last */
};

/* `slo` counts in slices. */
struct slice_grid slices_grid(const struct slo_def *slo);
/* The last border at or before t. */
int64_t slices_floor(struct slice_grid *g, int64_t t_us);
/* The end of the slice that begins at `border_us`. */
int64_t slices_next(struct slice_grid *g, int64_t border_us);

/* A window that is no whole number of slices would hold now more, now fewer of them:
 * it has no burn rate. True of Occurrences. */
bool slices_divide(const struct slo_def *slo, int64_t window_us);

/* The parts that a slice has: 10^12 by ratio, else 1; of Occurrences those of an event. */
int64_t slices_whole(const struct slo_def *slo);

/* The worth of a slice that holds these events and so many scheduled slots. */
struct counts slices_judge(const struct slo_def *slo, struct counts c, int64_t slots);

/* What a window of slices means for tiers. */
struct tier_counts slices_tier_counts(const struct slo_def *slo, struct counts worth);

/* What a target makes of the worth of slices, or of the events of Occurrences. */
struct budget_use slices_use(const struct slo_def *slo, struct counts worth, struct decimal target);
