/*
 * Targets that change: which one holds when, and how they cut a window. The list of an
 * objective's targets is rising by `since_us` and not empty; the first of them holds
 * for all time before it. Meaning: docs/numbers.md. Pure.
 */
#pragma once

#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the objective is in force as it is written: its target is the newest one of
 * those that are known (n may be 0). Otherwise it is as if its own always had been. */
bool targets_in_force(const struct slo_def *slo, const struct slo_target *known, size_t n);

/* From where on events count by a target; of slices, which count by the target that
 * holds when they begin, those that end after it do. */
int64_t targets_border(const struct slo_def *slo, int64_t since_us);

/* A part of a window, [from, to), in which one target holds. */
struct target_part {
    int64_t from_us, to_us;
    struct decimal target;
};

/* Cuts [from, to) into the parts of n targets; `ret` has room for n. The number of
 * parts, neighbours of which differ in their targets: an empty window is one. */
size_t targets_cut(const struct slo_def *slo, const struct slo_target *targets, size_t n,
                   int64_t from_us, int64_t to_us, struct target_part *ret);
