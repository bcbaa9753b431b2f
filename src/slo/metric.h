/*
 * What a metric SLI is made of, copied: definitions die with their snapshot of
 * the configuration, what is derived from them goes on over reloads.
 */
#pragma once

#include "base/arena.h"
#include "nines/slo.h"

/* An equal definition, all of it in the arena. */
const struct sli_def *sli_copy(struct arena *a, const struct sli_def *sli);
