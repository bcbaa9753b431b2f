/* The life of a finished configuration. */
#include "nines/config.h"

#include "nines/probe.h"
#include "nines/slo.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct config *config_ref(struct config *c)
{
    int before = __atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
    assert(before > 0);
    (void)before;
    return c;
}

void config_unref(struct config *c)
{
    if (!c)
        return;
    int before = __atomic_fetch_sub(&c->refs, 1, __ATOMIC_ACQ_REL);
    assert(before > 0);
    if (before > 1)
        return;
    for (size_t i = 0; i < c->probe_count; i++) {
        const struct probe_def *p = c->probes[i];
        if (p->spec && p->kind->release)
            p->kind->release(p->spec);
        if (p->hours)
            c->hours->unref(p->hours);
    }
    for (size_t i = 0; i < c->slo_count; i++) {
        /* Only readers hold it as const; the snapshot made it. */
        union {
            const struct zone *read;
            struct zone *own;
        } zone = {c->slos[i]->window.zone};
        if (zone.own && c->zone_free)
            c->zone_free(zone.own);
    }
    arena_release(&c->arena);
    free(c);
}

static int compare_id(const void *key, const void *item)
{
    return strcmp(key, (*(struct probe_def *const *)item)->id);
}

const struct probe_def *config_probe(const struct config *c, const char *id)
{
    struct probe_def *const *found = NULL;
    if (c->probe_count) /* bsearch takes no null array */
        found = bsearch(id, c->probes, c->probe_count, sizeof(*c->probes), compare_id);
    return found ? *found : NULL;
}
