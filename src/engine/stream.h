/*
 * One metric SLI as it is derived from sample to sample, with a definition of its
 * own: it goes on over reloads, which replace the snapshot that declared it. Made
 * and told of the past on any thread, then the loop's.
 */
#pragma once

#include "base/arena.h"
#include "nines/slo.h"
#include "slo/derive.h"

struct stream {
    struct arena arena;
    const struct sli_def *sli;
    struct derive *derive;
};

struct stream *stream_new(const struct sli_def *sli);
void stream_free(struct stream *s); /* NULL is fine */
