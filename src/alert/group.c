/* Groups in memory, and the way of an alert into them. */
#include "alert/dispatch_internal.h"
#include "alert/route.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

struct dispatch_group group_row(const struct group *g)
{
    return (struct dispatch_group){.group_key = g->key,
                                   .receiver = g->receiver,
                                   .began_us = g->began_us,
                                   .next_us = g->next_us,
                                   .flushed_us = g->flushed_us};
}

/* The length tells where the name ends. */
static void group_id(const char *key, const char *receiver, struct str *out)
{
    str_addf(out, "%zu:%s", strlen(receiver), receiver);
    str_add(out, key);
}

struct group *group_find(const struct dispatch *d, const char *key, const char *receiver)
{
    struct str id;
    str_init(&id, 2 * ROUTE_KEY_MAX);
    group_id(key, receiver, &id);
    struct group *g = table_get(&d->by_id, id.buf);
    str_release(&id);
    return g;
}

struct group *group_add(struct dispatch *d, const char *key, const char *receiver)
{
    struct str id;
    if (d->groups.len == DISPATCH_GROUPS_MAX)
        return NULL;
    struct group *g = mem_alloc(sizeof(*g));
    str_init(&id, 2 * ROUTE_KEY_MAX);
    group_id(key, receiver, &id);
    g->id = arena_strdup(&g->arena, id.buf);
    g->key = arena_strdup(&g->arena, key);
    g->receiver = arena_strdup(&g->arena, receiver);
    str_release(&id);
    table_set(&d->by_id, g->id, g);
    vec_push(&d->groups, g);
    return g;
}

void group_free(struct group *g)
{
    for (size_t i = 0; i < g->entries.len; i++) {
        struct entry *e = g->entries.at[i];
        vec_release(&e->firing);
        vec_release(&e->resolved);
        mem_free(&e->integration);
        mem_free(&e);
    }
    vec_release(&g->entries);
    vec_release(&g->members);
    arena_release(&g->arena);
    mem_free(&g);
}

void group_remove(struct dispatch *d, struct group *g)
{
    struct dispatch_group row = group_row(g);
    size_t i = 0;
    assert(g->members.len == 0);
    if (d->hooks.gone)
        d->hooks.gone(d->hooks.ctx, &row);
    while (d->groups.at[i] != g)
        i++;
    d->groups.at[i] = d->groups.at[--d->groups.len];
    table_remove(&d->by_id, g->id);
    group_free(g);
}

struct entry *group_entry(const struct group *g, const char *integration)
{
    for (size_t i = 0; i < g->entries.len; i++)
        if (str_eq(g->entries.at[i]->integration, integration))
            return g->entries.at[i];
    return NULL;
}

struct entry *group_make_entry(struct group *g, const char *integration)
{
    struct entry *e = group_entry(g, integration);
    if (e)
        return e;
    e = mem_alloc(sizeof(*e));
    e->integration = mem_strdup(integration);
    vec_push(&g->entries, e);
    size_t i = g->entries.len - 1;
    for (; i > 0 && strcmp(g->entries.at[i - 1]->integration, integration) > 0; i--)
        g->entries.at[i] = g->entries.at[i - 1];
    g->entries.at[i] = e;
    return e;
}

struct notified group_notified(const struct group *g, const struct entry *e)
{
    return (struct notified){.group_key = g->key,
                             .receiver = g->receiver,
                             .integration = e->integration,
                             .told_us = e->told_us,
                             .firing = {e->firing.at, e->firing.len},
                             .resolved = {e->resolved.at, e->resolved.len}};
}

/* ---- joining ----------------------------------------------------------------------------- */

struct joining {
    struct dispatch *d;
    struct live_alert *l;
    struct arena arena;
    int64_t came_us, now_us;
};

static void tell(struct dispatch *d, const struct group *g)
{
    struct dispatch_group row = group_row(g);
    if (d->hooks.group)
        d->hooks.group(d->hooks.ctx, &row);
}

static void copy_labels(struct group *g, const struct string_map *labels)
{
    g->labels.at = arena_alloc(&g->arena, (labels->n + 1) * sizeof(*g->labels.at));
    g->labels.n = labels->n;
    for (size_t i = 0; i < labels->n; i++)
        g->labels.at[i] = (struct pair){.key = arena_strdup(&g->arena, labels->at[i].key),
                                        .value = arena_strdup(&g->arena, labels->at[i].value)};
}

/* No longer than the waits of today, and at once for the first time when the alert
 * began long ago. */
static void hasten(struct joining *j, struct group *g)
{
    const struct route_def *r = g->route;
    int64_t limit = j->now_us + (g->flushed_us ? r->group_interval_us : r->group_wait_us);
    int64_t next = g->next_us < limit ? g->next_us : limit;
    if (!g->flushed_us && j->l->a.starts_us + r->group_wait_us < j->came_us && next > j->now_us)
        next = j->now_us;
    if (next == g->next_us)
        return;
    g->next_us = next;
    tell(j->d, g);
}

static bool is_member(const struct live_alert *l, const struct group *g)
{
    bool found = false;
    for (size_t i = 0; !found && i < l->groups.len; i++)
        found = l->groups.at[i] == g;
    return found;
}

/* At a restart an alert is put that has resolved and still is in one of its groups. It has
 * left those that were flushed since, and was never in one that began since: a group that
 * it fired in is not gone before it. */
static bool has_left(const struct live_alert *l, const struct group *g)
{
    return !l->a.firing && (l->at_us <= g->flushed_us || l->at_us <= g->began_us);
}

static void join(struct joining *j, struct group *g, const struct route_def *route,
                 const struct string_map *labels)
{
    if (has_left(j->l, g))
        return;
    if (!g->route) {
        g->route = route;
        if (g->labels.n == 0)
            copy_labels(g, labels);
    }
    if (!is_member(j->l, g)) {
        vec_push(&g->members, j->l);
        vec_push(&j->l->groups, g);
    }
    hasten(j, g);
}

static void take(void *ctx, const struct route_taken *taken)
{
    struct joining *j = ctx;
    const struct route_def *route = taken->path[taken->depth];
    struct string_map labels = route_group_labels(route, &j->l->a.labels, &j->arena);
    struct str key;
    str_init(&key, ROUTE_KEY_MAX);
    route_group_key(taken, &labels, &key);
    struct group *g = group_find(j->d, key.buf, route->receiver);
    if (!g && j->l->a.firing) {
        g = group_add(j->d, key.buf, route->receiver);
        j->l->groupless = j->l->groupless || !g;
        if (g) {
            g->began_us = j->came_us;
            g->next_us = INT64_MAX; /* hasten() tells of it */
        }
    }
    if (g)
        join(j, g, route, &labels);
    str_release(&key);
}

void group_route(struct dispatch *d, struct live_alert *l, int64_t came_us, int64_t now_us)
{
    struct joining j = {.d = d, .l = l, .came_us = came_us, .now_us = now_us};
    l->groupless = false;
    route_walk(d->config.routing, &l->a.labels, take, &j);
    arena_release(&j.arena);
}
