#include "notify/orders.h"

#include "alert/dispatch.h"
#include "base/mem.h"
#include "model/matcher.h"
#include "nines/config.h"
#include "notify/lane.h"

#include <assert.h>
#include <string.h>

struct order *order_new(enum order_kind kind)
{
    struct order *o = mem_alloc(sizeof(*o));
    o->kind = kind;
    return o;
}

void order_free(struct order *o)
{
    if (o->kind == ORDER_CONFIG && o->config)
        config_unref(o->config);
    if (o->kind == ORDER_ITEM && o->item)
        item_free(o->item);
    arena_release(&o->arena);
    mem_free(&o);
}

/* ---- copies ------------------------------------------------------------------------------ */

static struct string_map copy_map(struct arena *arena, const struct string_map *map)
{
    struct string_map ret = {.at = arena_alloc(arena, (map->n + 1) * sizeof(*ret.at)), .n = map->n};
    for (size_t i = 0; i < map->n; i++)
        ret.at[i] = (struct pair){.key = arena_strdup(arena, map->at[i].key),
                                  .value = arena_strdup(arena, map->at[i].value)};
    return ret;
}

struct order *order_alerts(const struct message_alert *alerts, size_t n, int64_t at_us)
{
    struct order *o = order_new(ORDER_ALERTS);
    o->at_us = at_us;
    o->n = n;
    o->alerts = arena_alloc(&o->arena, (n + 1) * sizeof(*o->alerts));
    for (size_t i = 0; i < n; i++) {
        struct message_alert *a = &o->alerts[i];
        *a = alerts[i];
        a->labels = copy_map(&o->arena, &alerts[i].labels);
        a->annotations = copy_map(&o->arena, &alerts[i].annotations);
        a->fingerprint = arena_strdup(&o->arena, alerts[i].fingerprint);
        a->generator_url = arena_strdup(&o->arena, alerts[i].generator_url);
    }
    return o;
}

static struct notified_set copy_set(struct arena *arena, const struct notified_set *set)
{
    uint64_t *at = arena_alloc(arena, (set->n + 1) * sizeof(*at));
    for (size_t i = 0; i < set->n; i++)
        at[i] = set->at[i];
    return (struct notified_set){at, set->n};
}

static void copy_groups(struct arena *arena, const struct dispatch_past *past,
                        struct dispatch_past *out)
{
    out->group_count = past->group_count;
    out->groups = arena_alloc(arena, (past->group_count + 1) * sizeof(*out->groups));
    for (size_t i = 0; i < past->group_count; i++) {
        out->groups[i] = past->groups[i];
        out->groups[i].group_key = arena_strdup(arena, past->groups[i].group_key);
        out->groups[i].receiver = arena_strdup(arena, past->groups[i].receiver);
    }
}

static void copy_told(struct arena *arena, const struct dispatch_past *past,
                      struct dispatch_past *out)
{
    out->told_count = past->told_count;
    out->told = arena_alloc(arena, (past->told_count + 1) * sizeof(*out->told));
    for (size_t i = 0; i < past->told_count; i++) {
        const struct notified *from = &past->told[i];
        out->told[i] = (struct notified){.group_key = arena_strdup(arena, from->group_key),
                                         .receiver = arena_strdup(arena, from->receiver),
                                         .integration = arena_strdup(arena, from->integration),
                                         .told_us = from->told_us,
                                         .firing = copy_set(arena, &from->firing),
                                         .resolved = copy_set(arena, &from->resolved)};
    }
}

struct order *order_restore(const struct dispatch_past *past)
{
    struct order *o = order_new(ORDER_RESTORE);
    o->past.alert_count = past->alert_count;
    o->past.alerts = arena_alloc(&o->arena, (past->alert_count + 1) * sizeof(*o->past.alerts));
    for (size_t i = 0; i < past->alert_count; i++) {
        const struct told_alert *from = &past->alerts[i];
        o->past.alerts[i] =
            (struct told_alert){.fingerprint = arena_strdup(&o->arena, from->fingerprint),
                                .alert = arena_strdup(&o->arena, from->alert),
                                .at_us = from->at_us};
    }
    copy_groups(&o->arena, past, &o->past);
    copy_told(&o->arena, past, &o->past);
    return o;
}

static void release_matchers(void *list)
{
    matchers_release(list);
}

/* What was compiled once compiles again. */
static void copy_matchers(struct arena *arena, const struct matchers *from, struct matchers *to)
{
    arena_on_release(arena, release_matchers, to);
    for (size_t i = 0; i < from->n; i++) {
        const struct matcher *m = &from->at[i];
        int rc = matchers_add(to, arena, m->name, m->op, m->value, &(struct err){0});
        assert(rc == 0);
        (void)rc;
    }
}

struct order *order_silences(const struct silence *const *list, size_t n)
{
    struct order *o = order_new(ORDER_SILENCES);
    o->n = n;
    o->silences = arena_alloc(&o->arena, (n + 1) * sizeof(*o->silences));
    for (size_t i = 0; i < n; i++) {
        struct silence *s = &o->silences[i];
        *s = (struct silence){.id = arena_strdup(&o->arena, list[i]->id),
                              .starts_us = list[i]->starts_us,
                              .ends_us = list[i]->ends_us,
                              .author = arena_strdup(&o->arena, list[i]->author),
                              .comment = arena_strdup(&o->arena, list[i]->comment)};
        copy_matchers(&o->arena, &list[i]->matchers, &s->matchers);
    }
    return o;
}

/* ---- the list ---------------------------------------------------------------------------- */

void orders_init(struct orders *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

void orders_push(struct orders *list, struct order *o)
{
    o->next = NULL;
    *list->tail = o;
    list->tail = &o->next;
}

struct order *orders_pop(struct orders *list)
{
    struct order *o = list->head;
    if (!o)
        return NULL;
    list->head = o->next;
    if (!list->head)
        list->tail = &list->head;
    return o;
}

void orders_move(struct orders *list, struct orders *from)
{
    if (!from->head)
        return;
    *list->tail = from->head;
    list->tail = from->tail;
    orders_init(from);
}
