#include "alert/route.h"

#include "model/matcher.h"
#include "model/message.h"

#include <assert.h>

struct walk {
    const struct string_map *labels;
    void (*fn)(void *ctx, const struct route_taken *taken);
    void *ctx;
    struct route_taken at;
};

/* As deep as the configuration may be. */
static size_t visit(struct walk *w, const struct route_def *r, size_t depth)
{
    size_t taken = 0;
    assert(depth <= ROUTE_DEPTH_MAX);
    if (!matchers_match(&r->matchers, w->labels))
        return 0;
    w->at.path[depth] = r;
    for (size_t i = 0; i < r->route_count; i++) {
        size_t below = visit(w, &r->routes[i], depth + 1);
        taken += below;
        if (below > 0 && !r->routes[i].go_on)
            break;
    }
    if (taken > 0)
        return taken;
    w->at.depth = depth;
    w->fn(w->ctx, &w->at);
    return 1;
}

size_t route_walk(const struct routing_def *r, const struct string_map *labels,
                  void (*fn)(void *ctx, const struct route_taken *taken), void *ctx)
{
    struct walk w = {.labels = labels, .fn = fn, .ctx = ctx};
    return visit(&w, &r->root, 0);
}

static bool groups_by(const struct route_def *route, const char *name)
{
    bool found = route->group_by_all;
    for (size_t i = 0; !found && i < route->group_by.n; i++)
        found = str_eq(route->group_by.at[i], name);
    return found;
}

struct string_map route_group_labels(const struct route_def *route, const struct string_map *labels,
                                     struct arena *arena)
{
    struct string_map ret = {.at = arena_alloc(arena, (labels->n + 1) * sizeof(*ret.at))};
    for (size_t i = 0; i < labels->n; i++)
        if (groups_by(route, labels->at[i].key))
            ret.at[ret.n++] = labels->at[i];
    message_sort_map(&ret);
    return ret;
}

void route_key(const struct route_taken *taken, struct str *out)
{
    for (size_t i = 0; i <= taken->depth; i++) {
        str_add(out, i ? "/{" : "{");
        matchers_text(&taken->path[i]->matchers, out);
        str_addc(out, '}');
    }
}

void route_group_key(const struct route_taken *taken, const struct string_map *group_labels,
                     struct str *out)
{
    struct str key;
    str_init(&key, ROUTE_KEY_MAX);
    route_key(taken, &key);
    message_group_key(key.buf, group_labels, out);
    str_release(&key);
}
