#include "alert/default_route.h"

#include "base/units.h"
#include "nines/notifier.h"

#define INTERVAL_US (10 * USEC_PER_SEC)
#define REPEAT_US (4 * USEC_PER_HOUR)
#define RESOLVE_TIMEOUT_US (5 * USEC_PER_MIN)

static struct route_def route_to(const char *receiver, size_t index)
{
    return (struct route_def){.index = index,
                              .receiver = receiver,
                              .go_on = true,
                              .group_by_all = true,
                              .group_interval_us = INTERVAL_US,
                              .repeat_interval_us = REPEAT_US};
}

const struct routing_def *default_route(const struct config *config, struct arena *arena)
{
    struct routing_def *r = arena_alloc(arena, sizeof(*r));
    size_t n = config->receiver_count;
    r->resolve_timeout_us = RESOLVE_TIMEOUT_US;
    r->root = route_to(n > 0 ? config->receivers[0]->name : "", 0);
    r->root.routes = arena_alloc(arena, (n + 1) * sizeof(*r->root.routes));
    for (size_t i = 0; i < n; i++)
        r->root.routes[i] = route_to(config->receivers[i]->name, i + 1);
    r->root.route_count = n;
    return r;
}
