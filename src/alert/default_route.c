#include "alert/default_route.h"

#include "base/units.h"
#include "nines/notifier.h"

#include <string.h>

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

/* The watchdog's receiver is its own: what comes there must come at its intervals only. */
static bool is_watchdog(const struct config *config, const struct receiver_def *r)
{
    const char *name = config->daemon.watchdog.receiver;
    return name && strcmp(name, r->name) == 0;
}

const struct routing_def *default_route(const struct config *config, struct arena *arena)
{
    struct routing_def *r = arena_alloc(arena, sizeof(*r));
    size_t n = 0;
    r->resolve_timeout_us = RESOLVE_TIMEOUT_US;
    r->root.routes = arena_alloc(arena, (config->receiver_count + 1) * sizeof(*r->root.routes));
    for (size_t i = 0; i < config->receiver_count; i++) {
        if (is_watchdog(config, config->receivers[i]))
            continue;
        r->root.routes[n] = route_to(config->receivers[i]->name, n + 1);
        n++;
    }
    struct route_def *routes = r->root.routes;
    r->root = route_to(n > 0 ? routes[0].receiver : "", 0);
    r->root.routes = routes;
    r->root.route_count = n;
    return r;
}
