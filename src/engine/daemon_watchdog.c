/*
 * The loop's part of the watchdog: it turns, or this would not run, and what it wants
 * stored is stored. A heartbeat is to be stored each second, so a store that is well has
 * always committed of late; one that hangs need not have said that it fails.
 */
#include "engine/daemon_internal.h"

#include "base/units.h"
#include "notify/watchdog.h"

static bool store_moves(struct daemon *d)
{
    struct store_stats stats = d->store_stats;
    int64_t now_ns = clock_mono_ns();
    struct progress *p = &d->progress;
    store_peek_stats(d->store, &stats);
    if (stats.commits != p->commits || p->since_ns == 0)
        *p = (struct progress){.commits = stats.commits, .since_ns = now_ns};
    return now_ns - p->since_ns <= WATCHDOG_PATIENCE_US * NSEC_PER_USEC;
}

void daemon_watchdog_beat(struct daemon *d)
{
    struct watchdog_stats stats;
    if (store_moves(d))
        notify_alive(d->notify);
    notify_get_watchdog(d->notify, &stats);
    store_set_watchdog(d->store, stats.last_us);
}
