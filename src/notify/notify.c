/* The life of the notify thread. */
#include "notify/notify_internal.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "io/http.h"

#include <assert.h>
#include <signal.h>

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
    const struct string_list *servers = &n->opts.config->daemon.dns_servers;
    struct str joined;

    str_init(&joined, 4096);
    for (size_t i = 0; i < servers->n; i++)
        str_addf(&joined, "%s%s", i ? "," : "", servers->at[i]);
    int rc = http_client_new(&n->loop, joined.buf, &n->owner.env.http, reterr);
    str_release(&joined);
    return rc;
}

static void notify_free(struct notify *n)
{
    for (struct order *o; (o = orders_pop(&n->inbox));)
        order_free(o);
    turn_release(n);
    arena_release(&n->shown_arena);
    pthread_cond_destroy(&n->synced_cond);
    pthread_mutex_destroy(&n->mutex);
    free(n);
}

static struct notify *make(const struct notify_options *o)
{
    struct notify *n = mem_alloc(sizeof(*n));
    n->opts = *o;
    if (n->opts.max_items == 0)
        n->opts.max_items = NOTIFY_ITEMS_MAX;
    if (n->opts.backoff_min_us == 0)
        n->opts.backoff_min_us = NOTIFY_BACKOFF_MIN_US;
    if (n->opts.backoff_max_us == 0)
        n->opts.backoff_max_us = NOTIFY_BACKOFF_MAX_US;
    pthread_mutex_init(&n->mutex, NULL);
    pthread_cond_init(&n->synced_cond, NULL);
    orders_init(&n->inbox);
    turn_init(n);
    return n;
}

/* -1: what of it is open is still to be closed. */
static int start_parts(struct notify *n, struct err *reterr)
{
    int rc = uv_async_init(&n->loop, &n->wake, turn_on_wake);
    if (rc < 0)
        return err_set(reterr, "cannot start the notify loop: %s", uv_strerror(rc));
    if (open_client(n, reterr) < 0)
        return -1;
    n->watchdog =
        watchdog_new(&(struct watchdog_options){.env = &n->owner.env, .config = n->opts.config});
    if (start_thread(n, reterr) == 0)
        return 0;
    watchdog_close(n->watchdog);
    http_client_close(n->owner.env.http, NULL, NULL);
    return -1;
}

int notify_start(const struct notify_options *o, struct notify **ret, struct err *reterr)
{
    struct notify *n = make(o);
    int rc = uv_loop_init(&n->loop);
    if (rc < 0) {
        err_set(reterr, "cannot start the notify loop: %s", uv_strerror(rc));
        notify_free(n);
        return -1;
    }
    n->wake.data = n->timer.data = n->patience.data = n;
    uv_timer_init(&n->loop, &n->timer);
    uv_timer_init(&n->loop, &n->patience);
    if (start_parts(n, reterr) == 0) {
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
