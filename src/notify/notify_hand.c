/* What other threads hand over, and what they may look at. */
#include "notify/notify_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "notify/lane.h"

static void hand_over(struct notify *n, struct order *o)
{
    pthread_mutex_lock(&n->mutex);
    orders_push(&n->inbox, o);
    pthread_mutex_unlock(&n->mutex);
    uv_async_send(&n->wake);
}

void notify_restore(struct notify *n, const struct dispatch_past *past)
{
    hand_over(n, order_restore(past));
}

void notify_put(struct notify *n, const struct message_alert *alerts, size_t len, int64_t at_us)
{
    hand_over(n, order_alerts(alerts, len, at_us));
}

void notify_time(struct notify *n, int64_t t_us)
{
    if (!n->opts.told_time)
        return;
    struct order *o = order_new(ORDER_TIME);
    o->at_us = t_us;
    hand_over(n, o);
}

void notify_set_silences(struct notify *n, const struct silence *const *list, size_t len)
{
    hand_over(n, order_silences(list, len));
}

void notify_set_config(struct notify *n, struct config *config)
{
    struct order *o = order_new(ORDER_CONFIG);
    o->config = config_ref(config);
    hand_over(n, o);
}

static struct item *item_of(struct outbox_item *from)
{
    struct item *it = mem_alloc(sizeof(*it));
    *it = (struct item){.outbox_id = from->id,
                        .next_id = from->next_id,
                        .again = from->again,
                        .last = from->last,
                        .created_us = from->created_us,
                        .attempts = from->attempts,
                        .due_us = from->retry_at_us,
                        .receiver = from->receiver,
                        .integration = from->integration,
                        .group_key = from->group_key,
                        .dedup_key = from->dedup_key,
                        .payload = from->payload};
    from->receiver = from->integration = from->group_key = from->dedup_key = from->payload = NULL;
    return it;
}

void notify_push(struct notify *n, struct outbox_item *items, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct order *o = order_new(ORDER_ITEM);
        o->item = item_of(&items[i]);
        pthread_mutex_lock(&n->mutex);
        n->stats.pending++;
        pthread_mutex_unlock(&n->mutex);
        hand_over(n, o);
    }
}

bool notify_sync(struct notify *n, int64_t patience_us)
{
    struct order *o = order_new(ORDER_SYNC);
    int64_t until_ns = clock_mono_ns() + patience_us * NSEC_PER_USEC;
    int64_t second_ns = USEC_PER_SEC * NSEC_PER_USEC;
    struct timespec until = {until_ns / second_ns, until_ns % second_ns};
    int rc = 0;
    pthread_mutex_lock(&n->mutex);
    uint64_t ticket = o->ticket = ++n->tickets;
    orders_push(&n->inbox, o);
    uv_async_send(&n->wake);
    while (n->synced < ticket && rc == 0)
        rc = pthread_cond_clockwait(&n->synced_cond, &n->mutex, CLOCK_MONOTONIC, &until);
    bool done = n->synced >= ticket;
    pthread_mutex_unlock(&n->mutex);
    return done;
}

void notify_send_uncommitted(struct notify *n)
{
    hand_over(n, order_new(ORDER_GIVE_UP_ROWS));
}

void notify_get_stats(struct notify *n, struct notify_stats *ret)
{
    pthread_mutex_lock(&n->mutex);
    *ret = n->stats;
    pthread_mutex_unlock(&n->mutex);
}

size_t notify_get_lane_stats(struct notify *n, struct arena *arena, struct notify_lane_stats **ret)
{
    pthread_mutex_lock(&n->mutex);
    size_t len = n->shown_count;
    struct notify_lane_stats *at = arena_alloc(arena, (len + 1) * sizeof(*at));
    for (size_t i = 0; i < len; i++) {
        at[i] = n->shown[i];
        at[i].receiver = arena_strdup(arena, n->shown[i].receiver);
        at[i].integration = arena_strdup(arena, n->shown[i].integration);
    }
    pthread_mutex_unlock(&n->mutex);
    *ret = at;
    return len;
}

void notify_alive(struct notify *n)
{
    watchdog_alive(n->watchdog);
}

void notify_get_watchdog(struct notify *n, struct watchdog_stats *ret)
{
    watchdog_get_stats(n->watchdog, ret);
}
