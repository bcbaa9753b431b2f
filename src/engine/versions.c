#include "engine/versions.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/table.h"
#include "base/units.h"
#include "base/vec.h"

#include <stdlib.h>

struct said {
    char *probe;
    char version[VERSION_MAX], before[VERSION_MAX]; /* told last, and before that */
    int64_t hour;
    int told; /* in that hour */
};

struct versions {
    struct table by_probe;
    VEC(struct said *) list;
};

struct versions *versions_new(void)
{
    return mem_alloc(sizeof(struct versions));
}

void versions_free(struct versions *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->list.len; i++) {
        free(v->list.at[i]->probe);
        free(v->list.at[i]);
    }
    vec_release(&v->list);
    table_release(&v->by_probe);
    free(v);
}

bool versions_known(const struct versions *v, const char *probe)
{
    return table_get(&v->by_probe, probe) != NULL;
}

void versions_know(struct versions *v, const char *probe, const char *version)
{
    if (versions_known(v, probe))
        return;
    struct said *s = mem_alloc(sizeof(*s));
    s->probe = mem_strdup(probe);
    str_copy(s->version, sizeof(s->version), version);
    vec_push(&v->list, s);
    table_set(&v->by_probe, s->probe, s);
}

/* A clock that went back begins another hour, too. */
static bool may_tell(struct said *s, int64_t at_us)
{
    int64_t hour = at_us / USEC_PER_HOUR;
    if (hour != s->hour)
        s->told = 0;
    s->hour = hour;
    return s->told < VERSIONS_HOURLY && ++s->told;
}

bool versions_said(struct versions *v, const char *probe, const char *version, int64_t at_us,
                   const char **ret_before)
{
    struct said *s = table_get(&v->by_probe, probe);
    char now[VERSION_MAX];
    str_copy(now, sizeof(now), version);
    if (!s || str_eq(s->version, now) || !may_tell(s, at_us))
        return false;
    memcpy(s->before, s->version, sizeof(s->before));
    memcpy(s->version, now, sizeof(s->version));
    *ret_before = s->before;
    return true;
}
