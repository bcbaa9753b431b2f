#include "probe/observation.h"

#include "base/arena.h"

#include <string.h>

/* A body may hold NULs. */
static const char *copy_bytes(struct arena *a, const char *data, size_t n)
{
    char *copy = data ? arena_alloc(a, n + 1) : NULL;
    if (data && n)
        memcpy(copy, data, n);
    return copy;
}

static struct hop *copy_hops(struct arena *a, const struct hop *hops, size_t n)
{
    struct hop *copy = arena_alloc(a, (n + 1) * sizeof(*copy));
    for (size_t i = 0; i < n; i++) {
        copy[i] = hops[i];
        copy[i].url = arena_strdup(a, hops[i].url);
        copy[i].address = arena_strdup(a, hops[i].address);
        copy[i].protocol = arena_strdup(a, hops[i].protocol);
    }
    return copy;
}

static struct assertion_seen *copy_assertions(struct arena *a, const struct observation *o)
{
    struct assertion_seen *copy = arena_alloc(a, (o->assertion_count + 1) * sizeof(*copy));
    for (size_t i = 0; i < o->assertion_count; i++) {
        copy[i] = o->assertions[i];
        copy[i].what = arena_strdup(a, o->assertions[i].what);
        copy[i].seen = arena_strdup(a, o->assertions[i].seen);
    }
    return copy;
}

static struct sample *copy_samples(struct arena *a, const struct observation *o)
{
    struct sample *copy = arena_alloc(a, (o->sample_count + 1) * sizeof(*copy));
    for (size_t i = 0; i < o->sample_count; i++)
        copy[i] = (struct sample){arena_strdup(a, o->samples[i].series), o->samples[i].value};
    return copy;
}

struct observation observation_copy(struct arena *a, const struct observation *o)
{
    struct observation copy = *o;
    copy.message = arena_strdup(a, o->message);
    copy.hops = copy_hops(a, o->hops, o->hop_count);
    copy.assertions = copy_assertions(a, o);
    copy.body = copy_bytes(a, o->body, o->body_len);
    copy.headers = copy_bytes(a, o->headers, o->headers_len);
    copy.samples = copy_samples(a, o);
    copy.version = arena_strdup(a, o->version);
    return copy;
}
