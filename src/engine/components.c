#include "engine/components.h"

#include "base/mem.h"
#include "base/units.h"
#include "model/selector.h"
#include "model/series.h"
#include "nines/config.h"
#include "nines/probe.h"
#include "wire/health.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LATENCY_MAX_S 1e9

static const char *state_of(double up)
{
    if (up == 1)
        return health_state_name(HEALTH_OK);
    return health_state_name(up == 0.5 ? HEALTH_DEGRADED : HEALTH_BAD);
}

/* The component that a series is of, when it is the one named so; else NULL. */
static const char *component_name(struct arena *a, const char *series, const char *name,
                                  struct str *room)
{
    struct series s;
    size_t n = strlen(name);
    if (strncmp(series, name, n) != 0 || series[n] != '{' ||
        series_parse(series, strlen(series), room, &s, NULL) < 0 || s.label_count != 1)
        return NULL;
    return arena_strndup(a, s.labels[0].value, s.labels[0].value_len);
}

static int by_name(const void *a, const void *b)
{
    const struct component *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void set_latency(struct components *c, const char *name, double seconds)
{
    struct component key = {.name = name};
    struct component *found = c->n ? bsearch(&key, c->at, c->n, sizeof(key), by_name) : NULL;
    if (found && seconds >= 0 && seconds <= LATENCY_MAX_S)
        found->latency_us = llround(seconds * USEC_PER_SEC);
}

void components_take(struct components *c, const struct sample *at, size_t n)
{
    struct str room;
    components_release(c);
    str_init(&room, SAMPLE_SERIES_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *name = component_name(&c->arena, at[i].series, SERIES_COMPONENT, &room);
        if (!name)
            continue;
        if (!c->at)
            c->at = arena_alloc(&c->arena, (n - i) * sizeof(*c->at));
        c->at[c->n++] = (struct component){name, state_of(at[i].value), -1};
    }
    if (c->n)
        qsort(c->at, c->n, sizeof(*c->at), by_name);
    for (size_t i = 0; c->n && i < n; i++) {
        const char *name = component_name(&c->arena, at[i].series, SERIES_COMPONENT_LATENCY, &room);
        if (name)
            set_latency(c, name, at[i].value);
    }
    str_release(&room);
}

void components_release(struct components *c)
{
    arena_release(&c->arena);
    c->at = NULL;
    c->n = 0;
}

struct components components_copy(struct arena *a, const struct components *c)
{
    struct components copy = {.n = c->n};
    if (c->n == 0)
        return copy;
    copy.at = arena_alloc(a, c->n * sizeof(*copy.at));
    for (size_t i = 0; i < c->n; i++) {
        copy.at[i] = c->at[i];
        copy.at[i].name = arena_strdup(a, c->at[i].name);
    }
    return copy;
}

static bool is_wanted(const struct probe_def *def, const char *text)
{
    struct series s;
    struct str room;
    bool wanted = false;
    str_init(&room, SAMPLE_SERIES_MAX);
    if (series_parse(text, strlen(text), &room, &s, NULL) == 0)
        for (size_t i = 0; i < def->wanted_count && !wanted; i++)
            wanted = selector_matches(def->wanted[i], &s, NULL) > 0;
    str_release(&room);
    return wanted;
}

static bool has_place(struct components_recorded *c, const char *series)
{
    if (table_get(&c->series, series))
        return true;
    if (table_count(&c->series) == COMPONENTS_RECORDED_MAX)
        return false;
    table_set(&c->series, arena_strdup(&c->arena, series), c);
    return true;
}

size_t components_record(struct components_recorded *c, const struct probe_def *def,
                         const struct sample *at, size_t n, struct sample *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (has_place(c, at[i].series) || is_wanted(def, at[i].series))
            ret[count++] = at[i];
    return count;
}

void components_recorded_release(struct components_recorded *c)
{
    table_release(&c->series);
    arena_release(&c->arena);
}

bool component_is_healthy(const struct component *c)
{
    return strcmp(c->state, health_state_name(HEALTH_OK)) == 0;
}

size_t components_ailing(const struct components *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += !component_is_healthy(&c->at[i]);
    return n;
}
