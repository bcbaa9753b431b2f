#include "engine/stream.h"

#include "base/mem.h"
#include "slo/metric.h"

#include <stdlib.h>

struct stream *stream_new(const struct sli_def *sli)
{
    struct stream *s = mem_alloc(sizeof(*s));
    s->sli = sli_copy(&s->arena, sli);
    s->derive = derive_new(s->sli);
    return s;
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    derive_free(s->derive);
    arena_release(&s->arena);
    free(s);
}
