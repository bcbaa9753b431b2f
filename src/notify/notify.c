#include "notify/notify.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "io/http.h"
#include "nines/notifier.h"
#include "notify/lane.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/random.h>
#include <uv.h>

/* Keys of the newest deliveries: an item that comes a second time (unrecorded
 * and recorded) is recognised while its key is here. */
#define SENT_KEYS 1024

struct notify {
    struct notify_options opts;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;    /* the earliest lane that is due */
    uv_timer_t patience; /* runs from the stop on */

    pthread_mutex_t mutex; /* guards this paragraph */
    struct item *inbox, **inbox_tail;
    struct config *next_config;
    bool stop;
    int64_t patience_us;
    struct notify_stats stats; /* pending counts inbox and lanes */

    /* notify thread only */
    struct lane_owner owner;
    struct lane *lanes;
    struct config *config;
    uint64_t sent[SENT_KEYS];
    size_t sent_next;
    uint64_t random_state;
    bool stopping, closing;
};

/* ---- small services ------------------------------------------------------- */

static int64_t now_us(void *ctx)
{
    struct notify *n = ctx;
    struct timespec ts;

    if (n->opts.now_us)
        return n->opts.now_us(n->opts.ctx);
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / NSEC_PER_USEC;
}

static int64_t mono_us(void)
{
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

static uint64_t sent_key(const char *receiver, const char *dedup_key)
{
    uint64_t pair[2] = {str_hash(receiver, strlen(receiver)),
                        str_hash(dedup_key, strlen(dedup_key))};
    return str_hash(pair, sizeof(pair));
}

static void sent_remember(struct notify *n, const struct item *it)
{
    n->sent[n->sent_next++ % SENT_KEYS] = sent_key(it->receiver, it->dedup_key);
}

static bool sent_before(const struct notify *n, const struct item *it)
{
    uint64_t key = sent_key(it->receiver, it->dedup_key);

    for (size_t i = 0; i < SENT_KEYS; i++) {
        if (n->sent[i] == key)
            return true;
    }
    return false;
}

static void drop_item(struct notify *n, struct item *it)
{
    item_free(it);
    pthread_mutex_lock(&n->mutex);
    n->stats.pending--;
    pthread_mutex_unlock(&n->mutex);
}

/* ---- lanes ------------------------------------------------------------------ */

static const struct receiver_def *find_receiver(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->receiver_count; i++) {
        if (str_eq(c->receivers[i]->name, name))
            return c->receivers[i];
    }
    return NULL;
}

static struct lane *get_lane(struct notify *n, const char *name)
{
    for (struct lane *l = n->lanes; l; l = l->next) {
        if (str_eq(l->name, name))
            return l;
    }
    struct lane *l = lane_new(&n->owner, name);
    l->def = find_receiver(n->config, name);
    l->next = n->lanes;
    n->lanes = l;
    return l;
}

/* Lanes of receivers that no longer exist go once they are empty. */
static void sweep_lanes(struct notify *n)
{
    for (struct lane **at = &n->lanes; *at;) {
        struct lane *l = *at;
        if (l->def || l->head) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        lane_free(l);
    }
}

static void update_gauges(struct notify *n)
{
    int64_t failing = 0, in_flight = 0, oldest = 0;

    for (const struct lane *l = n->lanes; l; l = l->next) {
        failing += l->failing;
        in_flight += l->sending;
        for (const struct item *it = l->head; it; it = it->next) {
            if (oldest == 0 || it->created_us < oldest)
                oldest = it->created_us;
        }
    }
    pthread_mutex_lock(&n->mutex);
    n->stats.failing = failing;
    n->stats.in_flight = in_flight;
    n->stats.oldest_us = oldest;
    pthread_mutex_unlock(&n->mutex);
}

/* ---- the end of the thread ----------------------------------------------------- */

/* What is still here stays in the outbox: no word about it to anyone. */
static void close_all(struct notify *n)
{
    n->closing = true;
    while (n->lanes) {
        struct lane *l = n->lanes;
        n->lanes = l->next;
        lane_free(l);
    }
    uv_close((uv_handle_t *)&n->wake, NULL);
    uv_close((uv_handle_t *)&n->timer, NULL);
    uv_close((uv_handle_t *)&n->patience, NULL);
    http_client_close(n->owner.env.http, NULL, NULL);
}

static bool is_busy(const struct notify *n)
{
    int64_t now = mono_us();

    for (const struct lane *l = n->lanes; l; l = l->next) {
        if (l->sending || lane_due_us(l) <= now)
            return true;
    }
    return false;
}

static void on_patience(uv_timer_t *t)
{
    close_all(t->data);
}

/* ---- the turn: pump what is due, sleep until the next ---------------------------- */

static void on_turn(uv_timer_t *t);

static void schedule(struct notify *n)
{
    int64_t due = INT64_MAX;

    for (const struct lane *l = n->lanes; l; l = l->next) {
        if (lane_due_us(l) < due)
            due = lane_due_us(l);
    }
    if (n->closing)
        return;
    if (due == INT64_MAX) {
        uv_timer_stop(&n->timer);
        return;
    }
    int64_t wait = due - mono_us();
    uv_update_time(&n->loop); /* the timer counts from the loop's cached time */
    uv_timer_start(&n->timer, on_turn, wait > 0 ? (uint64_t)(wait / USEC_PER_MSEC + 1) : 0, 0);
}

static void turn(struct notify *n)
{
    for (struct lane *l = n->lanes; l; l = l->next)
        lane_pump(l, n->config, mono_us());
    sweep_lanes(n);
    update_gauges(n);
    if (n->stopping && !is_busy(n))
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
    struct notify *n = ctx;
    bool done = end->delivery != DELIVERY_RETRY;

    if (end->delivery == DELIVERY_OK)
        sent_remember(n, it);
    pthread_mutex_lock(&n->mutex);
    n->stats.delivered += end->delivery == DELIVERY_OK;
    n->stats.retried += end->delivery == DELIVERY_RETRY;
    n->stats.rejected += end->delivery == DELIVERY_REJECTED;
    n->stats.pending -= done;
    pthread_mutex_unlock(&n->mutex);
    if (it->outbox_id && n->opts.delivered)
        n->opts.delivered(n->opts.ctx, it->outbox_id, done, end->detail,
                          done ? 0 : now_us(n) + end->retry_in_us);
    uv_update_time(&n->loop);
    uv_timer_start(&n->timer, on_turn, 0, 0);
}

/* ---- what other threads hand over ---------------------------------------------- */

/* The recorded item takes the place of the unrecorded one of its key. */
static void adopt(struct item *queued, struct item *recorded)
{
    queued->outbox_id = recorded->outbox_id;
    queued->unrecorded = false;
}

static void deduplicated(struct notify *n, struct item *it)
{
    if (it->outbox_id && n->opts.delivered)
        n->opts.delivered(n->opts.ctx, it->outbox_id, true, "delivered before it was recorded", 0);
    pthread_mutex_lock(&n->mutex);
    n->stats.deduplicated++;
    pthread_mutex_unlock(&n->mutex);
    drop_item(n, it);
}

static void accept_item(struct notify *n, struct item *it)
{
    struct lane *l = get_lane(n, it->receiver);
    struct item *queued = lane_find(l, it->dedup_key);

    if (sent_before(n, it)) {
        deduplicated(n, it);
    } else if (queued && (it->unrecorded || queued->outbox_id == 0)) {
        if (!it->unrecorded)
            adopt(queued, it);
        drop_item(n, it);
    } else {
        lane_push(l, it);
    }
}

static void use_config(struct notify *n, struct config *config)
{
    config_unref(n->config);
    n->config = config;
    for (struct lane *l = n->lanes; l; l = l->next)
        l->def = find_receiver(config, l->name);
}

static void on_wake(uv_async_t *a)
{
    struct notify *n = a->data;

    if (n->closing)
        return;
    pthread_mutex_lock(&n->mutex);
    struct item *items = n->inbox;
    struct config *config = n->next_config;
    bool stop = n->stop;
    n->inbox = NULL;
    n->inbox_tail = &n->inbox;
    n->next_config = NULL;
    pthread_mutex_unlock(&n->mutex);

    if (config)
        use_config(n, config);
    while (items) {
        struct item *it = items;
        items = it->next;
        accept_item(n, it);
    }
    if (stop && !n->stopping) {
        n->stopping = true;
        uv_update_time(&n->loop);
        uv_timer_start(&n->patience, on_patience, (uint64_t)(n->patience_us / USEC_PER_MSEC), 0);
    }
    turn(n);
}

static bool hand_over(struct notify *n, struct item *it)
{
    pthread_mutex_lock(&n->mutex);
    bool room = n->stats.pending < (int64_t)n->opts.max_items;
    if (room) {
        n->stats.pending++;
        it->next = NULL;
        *n->inbox_tail = it;
        n->inbox_tail = &it->next;
    } else {
        n->stats.overflowed++;
    }
    pthread_mutex_unlock(&n->mutex);
    return room;
}

void notify_push(struct notify *n, struct outbox_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct item *it = mem_alloc(sizeof(*it));
        it->outbox_id = items[i].id;
        it->created_us = items[i].created_us;
        it->attempts = items[i].attempts;
        it->receiver = items[i].receiver;
        it->dedup_key = items[i].dedup_key;
        it->payload = items[i].payload;
        items[i].receiver = items[i].dedup_key = items[i].payload = NULL;
        mem_free(&items[i].integration);
        mem_free(&items[i].group_key);
        if (!hand_over(n, it))
            item_free(it);
    }
    uv_async_send(&n->wake);
}

void notify_push_unrecorded(struct notify *n, const char *receiver, const char *dedup_key,
                            const char *payload)
{
    struct item *it = mem_alloc(sizeof(*it));

    it->unrecorded = true;
    it->created_us = now_us(n);
    it->receiver = mem_strdup(receiver);
    it->dedup_key = mem_strdup(dedup_key);
    it->payload = mem_strdup(payload);
    if (!hand_over(n, it))
        item_free(it);
    uv_async_send(&n->wake);
}

void notify_set_config(struct notify *n, struct config *config)
{
    pthread_mutex_lock(&n->mutex);
    struct config *skipped = n->next_config;
    n->next_config = config_ref(config);
    pthread_mutex_unlock(&n->mutex);
    if (skipped)
        config_unref(skipped);
    uv_async_send(&n->wake);
}

void notify_get_stats(struct notify *n, struct notify_stats *ret)
{
    pthread_mutex_lock(&n->mutex);
    *ret = n->stats;
    pthread_mutex_unlock(&n->mutex);
}

/* ---- start and stop --------------------------------------------------------------- */

static void *thread_main(void *arg)
{
    struct notify *n = arg;
    thread_background();

    pthread_setname_np(pthread_self(), "nines-notify");
    uv_run(&n->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* Signals belong to the main thread: it alone may be interrupted by them. */
static int start_thread(struct notify *n, struct err *reterr)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&n->thread, NULL, thread_main, n);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc ? err_errno(reterr, rc, "cannot start the notify thread") : 0;
}

static int open_client(struct notify *n, struct err *reterr)
{
    const struct string_list *servers = &n->config->daemon.dns_servers;
    struct str joined;

    str_init(&joined, 4096);
    for (size_t i = 0; i < servers->n; i++)
        str_addf(&joined, "%s%s", i ? "," : "", servers->at[i]);
    int rc = http_client_new(&n->loop, joined.buf, &n->owner.env.http, reterr);
    str_release(&joined);
    return rc;
}

static void init_owner(struct notify *n)
{
    n->owner = (struct lane_owner){
        .env = {.loop = &n->loop, .http = n->owner.env.http, .now_us = now_us, .ctx = n},
        .backoff_min_us = n->opts.backoff_min_us,
        .backoff_max_us = n->opts.backoff_max_us,
        .give_up_us = NOTIFY_GIVE_UP_US,
        .now_us = now_us,
        .random = next_random,
        .ended = on_ended,
        .ctx = n,
    };
    if (getrandom(&n->random_state, sizeof(n->random_state), GRND_NONBLOCK) < 0 ||
        n->random_state == 0)
        n->random_state = (uint64_t)clock_mono_ns() | 1;
}

static void notify_free(struct notify *n)
{
    while (n->inbox) {
        struct item *it = n->inbox;
        n->inbox = it->next;
        item_free(it);
    }
    if (n->next_config)
        config_unref(n->next_config);
    config_unref(n->config);
    pthread_mutex_destroy(&n->mutex);
    free(n);
}

int notify_start(const struct notify_options *o, struct notify **ret, struct err *reterr)
{
    struct notify *n = mem_alloc(sizeof(*n));
    int rc;

    n->opts = *o;
    if (n->opts.max_items == 0)
        n->opts.max_items = NOTIFY_ITEMS_MAX;
    if (n->opts.backoff_min_us == 0)
        n->opts.backoff_min_us = NOTIFY_BACKOFF_MIN_US;
    if (n->opts.backoff_max_us == 0)
        n->opts.backoff_max_us = NOTIFY_BACKOFF_MAX_US;
    n->config = config_ref(o->config);
    n->inbox_tail = &n->inbox;
    pthread_mutex_init(&n->mutex, NULL);
    init_owner(n);

    rc = uv_loop_init(&n->loop);
    if (rc < 0) {
        err_set(reterr, "cannot start the notify loop: %s", uv_strerror(rc));
        notify_free(n);
        return -1;
    }
    n->wake.data = n->timer.data = n->patience.data = n;
    uv_timer_init(&n->loop, &n->timer);
    uv_timer_init(&n->loop, &n->patience);
    rc = uv_async_init(&n->loop, &n->wake, on_wake);
    if (rc < 0)
        err_set(reterr, "cannot start the notify loop: %s", uv_strerror(rc));
    else if ((rc = open_client(n, reterr)) == 0) {
        rc = start_thread(n, reterr);
        if (rc < 0)
            http_client_close(n->owner.env.http, NULL, NULL);
    }
    if (rc == 0) {
        *ret = n;
        return 0;
    }
    uv_close((uv_handle_t *)&n->timer, NULL);
    uv_close((uv_handle_t *)&n->patience, NULL);
    if (n->wake.type == UV_ASYNC)
        uv_close((uv_handle_t *)&n->wake, NULL);
    uv_run(&n->loop, UV_RUN_DEFAULT);
    uv_loop_close(&n->loop);
    notify_free(n);
    return -1;
}

void notify_stop(struct notify *n, int64_t patience_us)
{
    pthread_mutex_lock(&n->mutex);
    n->stop = true;
    n->patience_us = patience_us > 0 ? patience_us : 0;
    pthread_mutex_unlock(&n->mutex);
    uv_async_send(&n->wake);
    pthread_join(n->thread, NULL);
    int rc = uv_loop_close(&n->loop);
    assert(rc == 0);
    (void)rc;
    notify_free(n);
}
