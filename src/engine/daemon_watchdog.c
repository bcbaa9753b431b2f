/*
 * The loop's part of the watchdog: it turns, or this would not run, and since the last
 * look something was committed. A heartbeat is to be stored each second, so with a store
 * that is well that is so; one that hangs need not have said that it fails.
 */
#include "engine/daemon_internal.h"

#include "notify/watchdog.h"

void daemon_watchdog_beat(struct daemon *d)
{
    struct watchdog_stats told;
    struct store_stats stats = d->store_stats;
    store_peek_stats(d->store, &stats);
    if (stats.commits > d->commits_seen) { /* what was not to be had now is older */
        notify_alive(d->notify);
        d->commits_seen = stats.commits;
    }
    notify_get_watchdog(d->notify, &told);
    store_set_watchdog(d->store, told.last_us);
}
