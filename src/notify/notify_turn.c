/* What the notify thread does. */
#include "notify/notify_internal.h"

#include "base/clock.h"
#include "io/http.h"

#include <sys/random.h>

/* ---- small services ------------------------------------------------------- */

static int64_t now_us(void *ctx)
{
    struct notify *n = ctx;
    return n->opts.now_us ? n->opts.now_us(n->opts.ctx) : clock_wall_us();
}

static int64_t mono_us(void *ctx)
{
    (void)ctx;
    return clock_mono_ns() / NSEC_PER_USEC;
}

static uint64_t next_random(void *ctx)
{
    struct notify *n = ctx;
    uint64_t x = n->random_state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return n->random_state = x;
}

static void count(struct notify *n, int64_t *counter, int64_t by)
{
    pthread_mutex_lock(&n->mutex);
    *counter += by;
    pthread_mutex_unlock(&n->mutex);
}

static void drop_item(struct notify *n, struct item *it)
{
    item_free(it);
    count(n, &n->stats.pending, -1);
}

static void update_stats(struct notify *n)
{
    struct arena arena = {0}, before;
    struct notify_lane_stats *at;
    struct notify_stats s;
    struct dispatch_stats d;
    size_t len;
    lanes_stats(&n->lanes, mono_us(n), &s, &arena, &at, &len);
    desk_get_stats(n->desk, &d);
    pthread_mutex_lock(&n->mutex);
    n->stats.failing = s.failing;
    n->stats.broken = s.broken;
    n->stats.in_flight = s.in_flight;
    n->stats.oldest_us = s.oldest_us;
    n->stats.alerts = d.alerts;
    n->stats.groups = d.groups;
    n->stats.messages = d.messages;
    n->stats.refused = d.refused;
    n->stats.uncommitted = (int64_t)n->unrecorded.waiting;
    before = n->shown_arena;
    n->shown_arena = arena;
    n->shown = at;
    n->shown_count = len;
    pthread_mutex_unlock(&n->mutex);
    arena_release(&before);
}

/* ---- the turn: what is due, and sleep until the next ---------------------------- */

/* What is still here stays in the outbox: no word about it to anyone. */
static void close_all(struct notify *n)
{
    n->closing = true;
    lanes_release(&n->lanes);
    uv_close((uv_handle_t *)&n->wake, NULL);
    uv_close((uv_handle_t *)&n->timer, NULL);
    uv_close((uv_handle_t *)&n->patience, NULL);
    watchdog_close(n->watchdog);
    http_client_close(n->owner.env.http, NULL, NULL);
}

static void on_patience(uv_timer_t *t)
{
    close_all(t->data);
}

static void on_turn(uv_timer_t *t);

/* Engine time goes at its own speed, and in steps, so a look that comes too soon is
 * followed by another one. */
#define LOOK_AGAIN_US (10 * USEC_PER_MSEC)

static int64_t wait_us(struct notify *n)
{
    int64_t mono = mono_us(NULL), due = lanes_due_us(&n->lanes);
    int64_t patience = unrecorded_oldest_us(&n->unrecorded);
    int64_t flush = n->stopping ? INT64_MAX : desk_due_us(n->desk);
    if (patience != INT64_MAX && patience + NOTIFY_PATIENCE_US < due)
        due = patience + NOTIFY_PATIENCE_US;
    int64_t wait = due == INT64_MAX ? INT64_MAX : due - mono;
    if (flush == INT64_MAX)
        return wait;
    int64_t flush_wait = flush - now_us(n);
    if (flush_wait > 0 && flush_wait < LOOK_AGAIN_US)
        flush_wait = LOOK_AGAIN_US;
    return flush_wait < wait ? flush_wait : wait;
}

static void schedule(struct notify *n)
{
    int64_t wait = wait_us(n);
    if (n->closing)
        return;
    if (wait == INT64_MAX) {
        uv_timer_stop(&n->timer);
        return;
    }
    uv_update_time(&n->loop); /* the timer counts from the loop's cached time */
    uv_timer_start(&n->timer, on_turn, wait > 0 ? (uint64_t)(wait / USEC_PER_MSEC + 1) : 0, 0);
}

static void send_unrecorded(struct notify *n, int64_t added_until_us)
{
    for (struct item *it; (it = unrecorded_take(&n->unrecorded, added_until_us));) {
        struct lane *l = lanes_get(&n->lanes, it);
        if (l->pending >= n->opts.max_items) {
            item_free(it);
            count(n, &n->stats.overflowed, 1);
            continue;
        }
        it->due_us = 0;
        lane_push(l, it);
        count(n, &n->stats.pending, 1);
    }
}

static void flush_due(struct notify *n)
{
    int64_t now = now_us(n);
    if (!n->stopping && desk_due_us(n->desk) <= now)
        desk_time(n->desk, now);
}

static void ask_for_more(struct notify *n)
{
    for (struct lane *l = n->lanes.head; l && !n->stopping && n->opts.more; l = l->next)
        if (lane_wants_more(l, n->opts.max_items))
            n->opts.more(n->opts.ctx, l->receiver, l->integration, l->left_from);
}

static void turn(struct notify *n)
{
    flush_due(n);
    send_unrecorded(n, mono_us(n) - NOTIFY_PATIENCE_US);
    lanes_pump(&n->lanes);
    ask_for_more(n);
    update_stats(n);
    if (n->stopping && !lanes_busy(&n->lanes, mono_us(n)))
        close_all(n);
    else
        schedule(n);
}

static void on_turn(uv_timer_t *t)
{
    turn(t->data);
}

/* From inside a pump or from the HTTP client: never pump from here. */
static void on_ended(void *ctx, const struct item *it, const struct lane_end *end)
{
    static const enum outbox_state states[] = {[DELIVERY_OK] = OUTBOX_DELIVERED,
                                               [DELIVERY_RETRY] = OUTBOX_PENDING,
                                               [DELIVERY_REJECTED] = OUTBOX_DEAD};
    struct notify *n = ctx;
    bool waits = end->delivery == DELIVERY_RETRY;

    if (end->delivery == DELIVERY_OK && it->outbox_id == 0)
        unrecorded_sent(&n->unrecorded, it);
    pthread_mutex_lock(&n->mutex);
    n->stats.delivered += end->delivery == DELIVERY_OK;
    n->stats.retried += waits;
    n->stats.rejected += end->delivery == DELIVERY_REJECTED;
    n->stats.pending -= !waits;
    pthread_mutex_unlock(&n->mutex);
    if (it->outbox_id && n->opts.delivered)
        n->opts.delivered(n->opts.ctx, it->outbox_id, states[end->delivery], end->detail,
                          waits ? now_us(n) + end->retry_in_us : 0);
    uv_update_time(&n->loop);
    uv_timer_start(&n->timer, on_turn, 0, 0);
}

/* ---- what others hand over --------------------------------------------------------- */

/* The first messages of all that wait for their rows have room; what is beyond goes out
 * when its row is there. */
static void on_rows(void *ctx, const struct dispatch_row *rows, size_t len)
{
    struct notify *n = ctx;
    for (size_t i = 0; i < len; i++) {
        if (rows[i].kind != DISPATCH_MESSAGE)
            continue;
        if (n->unrecorded.waiting < n->opts.max_items)
            unrecorded_add(&n->unrecorded, rows[i].message, mono_us(n));
        else
            count(n, &n->stats.overflowed, 1);
    }
    if (n->opts.rows)
        n->opts.rows(n->opts.ctx, rows, len);
}

/* The recorded item takes the place of the unrecorded one of its key. */
static void adopt(struct notify *n, struct item *queued, struct item *recorded)
{
    queued->outbox_id = recorded->outbox_id;
    queued->unrecorded = false;
    drop_item(n, recorded);
}

static void deduplicated(struct notify *n, struct item *it)
{
    if (n->opts.delivered)
        n->opts.delivered(n->opts.ctx, it->outbox_id, OUTBOX_DELIVERED,
                          "delivered before it was recorded", 0);
    count(n, &n->stats.deduplicated, 1);
    drop_item(n, it);
}

/* How long to wait is engine time, and bounded: that may have been set anew. */
static int64_t due_of(struct notify *n, const struct item *it)
{
    int64_t wait = it->due_us - now_us(n);
    if (wait <= 0)
        return 0;
    return mono_us(n) + (wait < NOTIFY_RETRY_AFTER_MAX_US ? wait : NOTIFY_RETRY_AFTER_MAX_US);
}

static void accept_message(struct notify *n, struct lane *l, struct item *it)
{
    struct item *queued = lane_find(l, it->dedup_key);
    bool admitted = lane_admits(l, it, n->opts.max_items);

    unrecorded_committed(&n->unrecorded, it);
    if (unrecorded_was_sent(&n->unrecorded, it)) {
        deduplicated(n, it);
    } else if (queued && queued->outbox_id == 0) {
        adopt(n, queued, it);
    } else if (!admitted || (queued && queued->outbox_id == it->outbox_id)) {
        count(n, &n->stats.overflowed, !admitted);
        drop_item(n, it);
    } else {
        it->due_us = due_of(n, it);
        lane_push(l, it);
    }
}

static void accept_item(struct notify *n, struct item *it)
{
    struct lane *l = lanes_get(&n->lanes, it);

    if (it->payload) {
        accept_message(n, l, it);
        return;
    }
    (void)lane_admits(l, it, n->opts.max_items); /* nothing was left any more */
    drop_item(n, it);
}

static void synced(struct notify *n, uint64_t ticket)
{
    flush_due(n);
    update_stats(n);
    pthread_mutex_lock(&n->mutex);
    n->synced = ticket;
    pthread_cond_broadcast(&n->synced_cond);
    pthread_mutex_unlock(&n->mutex);
}

/* The order is the desk's, or ends here. */
static void obey(struct notify *n, struct order *o)
{
    switch (o->kind) {
    case ORDER_ALERTS:
        desk_put(n->desk, o, now_us(n));
        return;
    case ORDER_RESTORE:
        desk_restore(n->desk, o, now_us(n));
        return;
    case ORDER_SILENCES:
        desk_silences(n->desk, o);
        return;
    case ORDER_TIME:
        desk_time(n->desk, o->at_us);
        break;
    case ORDER_CONFIG:
        lanes_configure(&n->lanes, o->config);
        desk_configure(n->desk, o->config, now_us(n));
        watchdog_configure(n->watchdog, o->config);
        break;
    case ORDER_ITEM:
        accept_item(n, o->item);
        o->item = NULL;
        break;
    case ORDER_GIVE_UP_ROWS:
        send_unrecorded(n, INT64_MAX);
        break;
    case ORDER_SYNC:
        synced(n, o->ticket);
        break;
    }
    order_free(o);
}

void turn_on_wake(uv_async_t *a)
{
    struct notify *n = a->data;
    struct orders list;

    if (n->closing)
        return;
    orders_init(&list);
    pthread_mutex_lock(&n->mutex);
    orders_move(&list, &n->inbox);
    bool stop = n->stop;
    pthread_mutex_unlock(&n->mutex);

    for (struct order *o; (o = orders_pop(&list));)
        obey(n, o);
    if (stop && !n->stopping) {
        n->stopping = true;
        uv_update_time(&n->loop);
        uv_timer_start(&n->patience, on_patience, (uint64_t)(n->patience_us / USEC_PER_MSEC), 0);
    }
    turn(n);
}

/* ---- its parts ------------------------------------------------------------------------- */

void turn_init(struct notify *n)
{
    const struct desk_options desk = {.config = n->opts.config,
                                      .told_time = n->opts.told_time,
                                      .now_us = now_us(n),
                                      .rows = on_rows,
                                      .ctx = n};
    n->owner = (struct lane_owner){
        .env = {.loop = &n->loop, .now_us = now_us, .ctx = n},
        .backoff_min_us = n->opts.backoff_min_us,
        .backoff_max_us = n->opts.backoff_max_us,
        .give_up_us = NOTIFY_GIVE_UP_US,
        .now_us = now_us,
        .mono_us = mono_us,
        .random = next_random,
        .ended = on_ended,
        .ctx = n,
    };
    if (getrandom(&n->random_state, sizeof(n->random_state), GRND_NONBLOCK) < 0 ||
        n->random_state == 0)
        n->random_state = (uint64_t)clock_mono_ns() | 1;
    lanes_init(&n->lanes, &n->owner, n->opts.config);
    n->desk = desk_new(&desk);
    unrecorded_init(&n->unrecorded);
    update_stats(n);
}

void turn_release(struct notify *n)
{
    unrecorded_release(&n->unrecorded);
    desk_free(n->desk);
    if (n->lanes.config)
        lanes_release(&n->lanes);
}
