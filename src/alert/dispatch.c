/* Alerts in memory, and what time does to groups. A flush itself: stages.c. */
#include "alert/dispatch_internal.h"
#include "base/str.h"
#include "model/message.h"

#include <assert.h>
#include <string.h>

struct dispatch *dispatch_new(const struct dispatch_config *config,
                              const struct dispatch_hooks *hooks)
{
    struct dispatch *d = mem_alloc(sizeof(*d));
    d->config = *config;
    d->hooks = *hooks;
    return d;
}

static void free_alert(struct live_alert *l)
{
    vec_release(&l->groups);
    arena_release(&l->arena);
    mem_free(&l);
}

void dispatch_free(struct dispatch *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->groups.len; i++)
        group_free(d->groups.at[i]);
    for (size_t i = 0; i < d->alerts.len; i++)
        free_alert(d->alerts.at[i]);
    vec_release(&d->groups);
    vec_release(&d->alerts);
    vec_release(&d->sources);
    vec_release(&d->source_alerts);
    table_release(&d->by_id);
    table_release(&d->by_fingerprint);
    mem_free(&d);
}

static int64_t not_later(int64_t t_us, int64_t now_us)
{
    return t_us < now_us ? t_us : now_us;
}

/* ---- at the start ------------------------------------------------------------------------ */

static void restore_group(struct dispatch *d, const struct dispatch_group *row, int64_t now_us)
{
    struct group *g = group_add(d, row->group_key, row->receiver);
    if (!g)
        return;
    g->next_us = row->next_us;
    g->began_us = not_later(row->began_us, now_us);
    g->flushed_us = not_later(row->flushed_us, now_us);
}

static void restore_entry(struct dispatch *d, const struct notified *row, int64_t now_us)
{
    struct group *g = group_find(d, row->group_key, row->receiver);
    if (!g)
        return;
    struct entry *e = group_make_entry(g, row->integration);
    e->told_us = not_later(row->told_us, now_us);
    vec_clear(&e->firing);
    vec_clear(&e->resolved);
    for (size_t i = 0; i < row->firing.n; i++)
        vec_push(&e->firing, row->firing.at[i]);
    for (size_t i = 0; i < row->resolved.n; i++)
        vec_push(&e->resolved, row->resolved.at[i]);
    notified_sort(e->firing.at, e->firing.len);
    notified_sort(e->resolved.at, e->resolved.len);
}

void dispatch_restore(struct dispatch *d, const struct dispatch_group *groups, size_t group_count,
                      const struct notified *entries, size_t entry_count, int64_t now_us)
{
    assert(d->alerts.len == 0 && d->groups.len == 0);
    for (size_t i = 0; i < group_count; i++)
        restore_group(d, &groups[i], now_us);
    for (size_t i = 0; i < entry_count; i++)
        restore_entry(d, &entries[i], now_us);
}

/* ---- alerts ------------------------------------------------------------------------------ */

int64_t dispatch_time(const struct dispatch *d, int64_t t_us)
{
    return t_us > d->last_us ? t_us : d->last_us + 1;
}

static struct string_map copy_map(struct arena *arena, const struct string_map *map)
{
    struct string_map ret = {.at = arena_alloc(arena, (map->n + 1) * sizeof(*ret.at)), .n = map->n};
    for (size_t i = 0; i < map->n; i++)
        ret.at[i] = (struct pair){.key = arena_strdup(arena, map->at[i].key),
                                  .value = arena_strdup(arena, map->at[i].value)};
    return ret;
}

/* `a` may be what it had before, in part: the old memory goes last. */
static void fill(struct dispatch *d, struct live_alert *l, const struct message_alert *a)
{
    struct arena old = l->arena;
    l->arena = (struct arena){0};
    l->a = *a;
    l->a.labels = copy_map(&l->arena, &a->labels);
    l->a.annotations = copy_map(&l->arena, &a->annotations);
    l->a.fingerprint = arena_strdup(&l->arena, a->fingerprint);
    l->a.generator_url = arena_strdup(&l->arena, a->generator_url ? a->generator_url : "");
    l->a.ends_us = a->firing ? 0 : a->ends_us;
    l->number = notified_number(a->fingerprint);
    table_set(&d->by_fingerprint, l->a.fingerprint, l);
    arena_release(&old);
}

static void remove_alert(struct dispatch *d, struct live_alert *l)
{
    size_t i = 0;
    if (d->hooks.done)
        d->hooks.done(d->hooks.ctx, l->a.fingerprint);
    while (d->alerts.at[i] != l)
        i++;
    d->alerts.at[i] = d->alerts.at[--d->alerts.len];
    table_remove(&d->by_fingerprint, l->a.fingerprint);
    d->sources_known = false;
    free_alert(l);
}

static void let_go(struct dispatch *d, struct live_alert *l)
{
    if (!l->a.firing && l->groups.len == 0)
        remove_alert(d, l);
}

int dispatch_put(struct dispatch *d, const struct message_alert *a, int64_t at_us, int64_t now_us,
                 struct err *reterr)
{
    struct live_alert *l = table_get(&d->by_fingerprint, a->fingerprint);
    assert(at_us > d->last_us);
    if (!l && d->alerts.len == DISPATCH_ALERTS_MAX) {
        d->stats.refused++;
        return err_set(reterr, "there are %d alerts already", DISPATCH_ALERTS_MAX);
    }
    if (!l) {
        l = mem_alloc(sizeof(*l));
        vec_push(&d->alerts, l);
    } else {
        table_remove(&d->by_fingerprint, l->a.fingerprint);
    }
    fill(d, l, a);
    l->at_us = at_us;
    d->sources_known = false;
    group_route(d, l, at_us, now_us);
    let_go(d, l);
    return 0;
}

void dispatch_silences(struct dispatch *d, const struct silence *list, size_t n)
{
    d->silences = list;
    d->silence_count = n;
}

/* ---- time -------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    return strcmp(x->id, y->id);
}

static void remove_empty(struct dispatch *d)
{
    VEC(struct group *) empty = {0};
    for (size_t i = 0; i < d->groups.len; i++)
        if (d->groups.at[i]->members.len == 0)
            vec_push(&empty, d->groups.at[i]);
    if (empty.len > 1)
        qsort(empty.at, empty.len, sizeof(*empty.at), by_id);
    for (size_t i = 0; i < empty.len; i++)
        group_remove(d, empty.at[i]);
    vec_release(&empty);
}

/* From a copy of the list, as alerts go while it is walked; rising, so that what happens
 * does not depend on the order in which they lie in memory. */
static int by_fingerprint(const void *a, const void *b)
{
    uint64_t x = (*(struct live_alert *const *)a)->number;
    uint64_t y = (*(struct live_alert *const *)b)->number;
    return x < y ? -1 : x > y;
}

static struct live_alert **sorted_alerts(const struct dispatch *d)
{
    struct live_alert **ret = mem_array(d->alerts.len + 1, sizeof(struct live_alert *));
    for (size_t i = 0; i < d->alerts.len; i++)
        ret[i] = d->alerts.at[i];
    qsort(ret, d->alerts.len, sizeof(struct live_alert *), by_fingerprint);
    return ret;
}

void dispatch_configure(struct dispatch *d, const struct dispatch_config *config, int64_t now_us)
{
    struct live_alert **alerts = sorted_alerts(d);
    size_t n = d->alerts.len;
    d->config = *config;
    d->sources_known = false;
    for (size_t i = 0; i < d->groups.len; i++) {
        vec_clear(&d->groups.at[i]->members);
        d->groups.at[i]->route = NULL;
    }
    for (size_t i = 0; i < n; i++)
        vec_clear(&alerts[i]->groups);
    for (size_t i = 0; i < n; i++) {
        group_route(d, alerts[i], now_us, now_us);
        let_go(d, alerts[i]);
    }
    remove_empty(d);
    free(alerts);
}

static void leave(struct live_alert *l, const struct group *g)
{
    size_t n = 0;
    for (size_t i = 0; i < l->groups.len; i++)
        if (l->groups.at[i] != g)
            l->groups.at[n++] = l->groups.at[i];
    l->groups.len = n;
}

static void drop_resolved(struct dispatch *d, struct group *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->members.len; i++) {
        struct live_alert *l = g->members.at[i];
        if (l->a.firing) {
            g->members.at[n++] = l;
            continue;
        }
        leave(l, g);
        let_go(d, l);
    }
    g->members.len = n;
}

/* The next multiple of the interval past now; late or not, the phase stays. */
static int64_t next_after(const struct group *g, int64_t now_us)
{
    int64_t interval = g->route->group_interval_us;
    if (interval <= 0)
        return now_us + 1;
    return g->next_us + ((now_us - g->next_us) / interval + 1) * interval;
}

static void flush(struct dispatch *d, struct group *g, int64_t now_us)
{
    d->stats.flushes++;
    if (g->members.len > 1)
        qsort(g->members.at, g->members.len, sizeof(*g->members.at), by_fingerprint);
    stages_run(d, g, now_us);
    g->next_us = next_after(g, now_us);
    g->flushed_us = now_us;
    drop_resolved(d, g);
    if (g->members.len == 0) {
        group_remove(d, g);
        return;
    }
    struct dispatch_group row = group_row(g);
    if (d->hooks.group)
        d->hooks.group(d->hooks.ctx, &row);
}

static int by_due(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;
    if (x->next_us != y->next_us)
        return x->next_us < y->next_us ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void flush_due(struct dispatch *d, int64_t now_us)
{
    VEC(struct group *) due = {0};
    for (size_t i = 0; i < d->groups.len; i++)
        if (d->groups.at[i]->next_us <= now_us)
            vec_push(&due, d->groups.at[i]);
    if (due.len > 1)
        qsort(due.at, due.len, sizeof(*due.at), by_due);
    for (size_t i = 0; i < due.len; i++)
        flush(d, due.at[i], now_us);
    vec_release(&due);
}

/* Alerts that found no room for a group, by fingerprint. */
static void house(struct dispatch *d, int64_t now_us)
{
    size_t waiting = 0;
    for (size_t i = 0; i < d->alerts.len; i++)
        waiting += d->alerts.at[i]->groupless;
    if (waiting == 0 || d->groups.len == DISPATCH_GROUPS_MAX)
        return;
    struct live_alert **alerts = sorted_alerts(d);
    for (size_t i = 0, n = d->alerts.len; i < n; i++)
        if (alerts[i]->groupless)
            group_route(d, alerts[i], now_us, now_us);
    free(alerts);
}

void dispatch_tick(struct dispatch *d, int64_t now_us)
{
    int64_t now = dispatch_time(d, now_us);
    remove_empty(d);
    house(d, now);
    flush_due(d, now);
    d->last_us = now;
}

int64_t dispatch_next(const struct dispatch *d)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < d->groups.len; i++)
        next = not_later(d->groups.at[i]->next_us, next);
    return next;
}

/* ---- asking ------------------------------------------------------------------------------ */

static void each_group(struct dispatch *d, const struct live_alert *l, int64_t now_us,
                       dispatch_alert_fn fn, void *ctx)
{
    static const struct dispatch_hold limit = {.stage = "limit", .name = "", .by = ""};
    for (size_t k = 0; k < l->groups.len; k++) {
        struct dispatch_group row = group_row(l->groups.at[k]);
        struct dispatch_hold hold;
        bool held = stages_hold(d, l->groups.at[k], l, now_us, &hold);
        fn(ctx, &l->a, &row, held ? &hold : NULL);
    }
    if (l->groupless)
        fn(ctx, &l->a, NULL, &limit);
}

void dispatch_each(struct dispatch *d, int64_t now_us, dispatch_alert_fn fn, void *ctx)
{
    struct live_alert **alerts = sorted_alerts(d);
    for (size_t i = 0; i < d->alerts.len; i++)
        each_group(d, alerts[i], now_us, fn, ctx);
    free(alerts);
}

void dispatch_get_stats(const struct dispatch *d, struct dispatch_stats *ret)
{
    *ret = d->stats;
    ret->alerts = (int64_t)d->alerts.len;
    ret->groups = (int64_t)d->groups.len;
    ret->groupless = 0;
    for (size_t i = 0; i < d->alerts.len; i++)
        ret->groupless += d->alerts.at[i]->groupless;
}
