/*
 * The keys `objective` and `window` of an SLO. There may be several of both:
 *
 *     objective: {goal: 99.9%, promise: 99.5%}
 *     window: [30d, {calendar: 1 month}]
 *
 * and then each objective over each window is a struct slo_def of its own, all of
 * one name and told apart by their objective_name: "goal", "30d" or "goal 30d".
 * Everything lives in the arena of the decoder.
 */
#pragma once

#include "config/decode.h"
#include "nines/slo.h"

#include <stddef.h>

struct arena;

struct objective {
    const char *name; /* "" when there is but one */
    struct decimal target;
};

struct objectives {
    const struct objective *at;
    size_t n; /* 0: an error was reported */
};

struct slo_window {
    const struct node *at;
    struct window_def def; /* its zone is not opened yet */
};

struct slo_windows {
    const struct slo_window *at;
    size_t n; /* 0: an error was reported */
};

/* For FIELD_CUSTOM: `out` is a struct objectives, or slo_windows, of zeroes. */
void decode_objectives(struct decode *c, const struct node *n, void *out);
void decode_windows(struct decode *c, const struct node *n, void *out);

/* objective_name of a struct slo_def: of the objective's own name, or the one that
 * was `given` with the SLO, and the window's text; NULL: there is but one window. */
const char *objective_name(struct arena *a, const char *given, const struct objective *o,
                           const struct window_def *w);
