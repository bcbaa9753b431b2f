#include "engine/daemon.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "engine/daemon_internal.h"
#include "engine/versions.h"
#include "io/http.h"
#include "io/jsonpath.h"
#include "model/spend.h"

#include <assert.h>
#include <signal.h>

#define FLUSH_PATIENCE_US (10 * USEC_PER_SEC)
#define FLUSH_SLICE_US (250 * USEC_PER_MSEC) /* between looks at signals */
#define HURRY_US USEC_PER_SEC
#define DELIVER_PATIENCE_US (2 * USEC_PER_SEC)

/* ---- between threads ------------------------------------------------------ */

static void on_committed(void *ctx, struct outbox_item *items, size_t n)
{
    struct daemon *d = ctx;
    pthread_mutex_lock(&d->gate);
    if (d->notify_open)
        notify_push(d->notify, items, n);
    else
        for (size_t i = 0; i < n; i++)
            outbox_item_release(&items[i]);
    pthread_mutex_unlock(&d->gate);
}

static void on_health(void *ctx, int64_t failing_since_us, const char *error)
{
    struct daemon *d = ctx;
    atomic_store(&d->store_failing_since_us, failing_since_us);
    if (failing_since_us)
        log_error("results cannot be stored; they wait in memory", "error", error, NULL);
    else
        log_info("results are stored again", NULL);
}

/* ---- signals ---------------------------------------------------------------- */

void daemon_check_stop(struct daemon *d)
{
    if (d->stops > 1 || (d->stops && !scheduler_in_flight(d->scheduler) && d->job == JOB_NONE))
        uv_stop(&d->loop);
}

static void stop_running(struct daemon *d)
{
    scheduler_stop(d->scheduler);
    daemon_publish(d);
    daemon_check_stop(d);
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct daemon *d = h->data;
    if (signum == SIGHUP) {
        daemon_reload(d);
        return;
    }
    int n = ++d->stops;
    log_info(n == 1 ? "stopping; a second signal does not wait" : "stopping at once", NULL);
    if (!d->ended)
        stop_running(d);
}

static void on_reload_asked(uv_async_t *a)
{
    daemon_reload(a->data);
}

static void watch_signals(struct daemon *d)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < countof(wanted); i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, wanted[i]);
    }
    uv_async_init(&d->loop, &d->reload_asked, on_reload_asked);
    d->reload_asked.data = d;
    daemon_edit_init(d);
}

/* ---- parts ------------------------------------------------------------------ */

static int open_store(struct daemon *d, struct err *reterr)
{
    struct store_options so = {.path = d->database,
                               .background = true,
                               .committed = on_committed,
                               .health = on_health,
                               .ctx = d};
    struct notify_options no = daemon_notify_options(d);
    if (notify_start(&no, &d->notify, reterr) < 0)
        return -1;
    /* Messages of an earlier process are at hand before the store is known here: they, and
     * so their outcomes, wait at the gate until it is. */
    pthread_mutex_lock(&d->gate);
    int rc = store_open(&so, &d->store, reterr);
    d->notify_open = d->store_open = rc == 0;
    pthread_mutex_unlock(&d->gate);
    return rc;
}

static int64_t hook_wall(void *ctx)
{
    return daemon_now(ctx);
}

static int open_probing(struct daemon *d, struct err *reterr)
{
    mem_auto char *servers = NULL;
    const struct string_list *dns = &d->o.config->daemon.dns_servers;
    for (size_t i = 0; i < dns->n; i++) {
        char *longer = mem_printf("%s%s%s", servers ? servers : "", i ? "," : "", dns->at[i]);
        free(servers);
        servers = longer;
    }
    if (http_client_new(&d->loop, servers, &d->env.http, reterr) < 0 ||
        jsonpath_new(&d->env.json, reterr) < 0)
        return -1;
    d->env.loop = &d->loop;
    d->env.spend = spend_new();
    d->env.wall_us = hook_wall;
    d->env.ctx = d;
    d->selfcheck = selfcheck_new(&d->loop, d->env.http, hook_wall, d);
    struct scheduler_hooks sh = daemon_scheduler_hooks(d);
    struct evaluator_hooks eh = daemon_evaluator_hooks(d);
    d->scheduler = scheduler_new(&d->env, &sh);
    d->evaluator = evaluator_new(&eh, d->started_us);
    d->conditions = daemon_open_conditions(d);
    d->versions = versions_new();
    return daemon_adopt_first(d, reterr);
}

static int start(struct daemon *d, struct err *reterr)
{
    watch_signals(d);
    if (daemon_time_init(d, reterr) < 0)
        return -1;
    if (open_store(d, reterr) < 0 || daemon_open_telling(d, reterr) < 0 ||
        open_probing(d, reterr) < 0)
        return -1;
    daemon_start_telling(d);
    daemon_publish(d);
    daemon_kick(d);
    return 0;
}

/* ---- stopping ----------------------------------------------------------------- */

/* A job that finds commits failing has better to do than to wait. */
static int64_t flush_patience(const struct daemon *d)
{
    bool hurry = d->stops > 1 || (!d->ended && atomic_load(&d->store_failing_since_us));
    return hurry ? HURRY_US : FLUSH_PATIENCE_US;
}

int daemon_flush(struct daemon *d, bool listen, struct err *reterr)
{
    for (int64_t waited_us = 0;; waited_us += FLUSH_SLICE_US) {
        if (store_flush(d->store, FLUSH_SLICE_US, reterr) == 0)
            return 0;
        if (listen)
            uv_run(&d->loop, UV_RUN_NOWAIT);
        if (waited_us >= flush_patience(d))
            return -1;
    }
}

void daemon_sync(struct daemon *d, bool listen)
{
    while (!notify_sync(d->notify, FLUSH_SLICE_US) && d->stops <= 1)
        if (listen)
            uv_run(&d->loop, UV_RUN_NOWAIT);
}

/* Everything on the loop but the signals: a second one is still to be heard. */
static void close_probing(struct daemon *d)
{
    d->ended = true;
    while (d->job != JOB_NONE) /* a worker still holds parts of this */
        uv_run(&d->loop, UV_RUN_ONCE);
    if (d->store && d->scheduler) {
        int64_t now = daemon_now(d);
        store_push_heartbeat(d->store, now, scheduler_complete_through(d->scheduler, now));
    }
    daemon_close_telling(d);
    scheduler_free(d->scheduler);
    spend_free(d->env.spend);
    evaluator_free(d->evaluator);
    conditions_free(d->conditions);
    versions_free(d->versions);
    selfcheck_close(d->selfcheck);
    if (d->env.http)
        http_client_close(d->env.http, NULL, NULL);
    daemon_time_close(d);
    uv_close((uv_handle_t *)&d->reload_asked, NULL);
    uv_close((uv_handle_t *)&d->edited, NULL);
    uv_close((uv_handle_t *)&d->status_asked, NULL);
    for (size_t i = 0; i < countof(d->signals); i++)
        uv_unref((uv_handle_t *)&d->signals[i]);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < countof(d->signals); i++)
        uv_ref((uv_handle_t *)&d->signals[i]);
    jsonpath_free(d->env.json);
}

static void close_signals(struct daemon *d)
{
    for (size_t i = 0; i < countof(d->signals); i++)
        uv_close((uv_handle_t *)&d->signals[i], NULL);
    uv_run(&d->loop, UV_RUN_DEFAULT);
}

/* What was measured is committed, and what is to be told of it; without that, messages
 * go out all the same. */
static int settle(struct daemon *d, struct err *reterr)
{
    if (d->notify)
        daemon_sync(d, true);
    int rc = d->store ? daemon_flush(d, true, reterr) : 0;
    if (rc < 0)
        notify_send_uncommitted(d->notify);
    pthread_mutex_lock(&d->gate);
    d->notify_open = false;
    pthread_mutex_unlock(&d->gate);
    if (d->notify)
        notify_stop(d->notify, d->stops > 1 ? 0 : DELIVER_PATIENCE_US);
    return rc;
}

/*
 * Backwards: nobody asks any more, what was measured is committed, what was
 * committed is delivered, and only then the store goes.
 */
static int stop(struct daemon *d, struct err *reterr)
{
    close_probing(d);
    int rc = settle(d, reterr);
    pthread_mutex_lock(&d->gate);
    d->store_open = false;
    pthread_mutex_unlock(&d->gate);
    bool hurry = rc < 0 || d->stops > 1;
    if (d->store &&
        store_close(d->store, hurry ? HURRY_US : FLUSH_PATIENCE_US, rc ? NULL : reterr) < 0)
        rc = -1;
    close_signals(d);
    return rc;
}

static void release(struct daemon *d)
{
    status_board_release(&d->board);
    excluding_unref(d->excluding);
    config_unref(d->config);
    int busy = uv_loop_close(&d->loop);
    assert(busy == 0);
    (void)busy;
    pthread_mutex_destroy(&d->gate);
    pthread_mutex_destroy(&d->reload_mutex);
    pthread_mutex_destroy(&d->edit_mutex);
    pthread_cond_destroy(&d->reload_done);
    free(d->database);
    free(d);
}

int daemon_start(const struct daemon_options *o, struct daemon **ret, struct err *reterr)
{
    struct daemon *d = mem_alloc(sizeof(*d));
    d->o = *o;
    d->database = mem_strdup(o->database ? o->database : o->config->daemon.database);
    pthread_mutex_init(&d->gate, NULL);
    pthread_mutex_init(&d->reload_mutex, NULL);
    pthread_mutex_init(&d->edit_mutex, NULL);
    pthread_cond_init(&d->reload_done, NULL);
    uv_loop_init(&d->loop);
    daemon_status_init(d);
    if (start(d, reterr) < 0) {
        stop(d, NULL);
        release(d);
        return -1;
    }
    *ret = d;
    return 0;
}

void daemon_loop(struct daemon *d)
{
    /* Taking over thousands of probes takes a while: slots that came meanwhile
     * would all start late, at once. */
    scheduler_skip(d->scheduler, daemon_now(d));
    uv_run(&d->loop, UV_RUN_DEFAULT);
    daemon_end_reloads(d);
}

int daemon_finish(struct daemon *d, struct err *reterr)
{
    int rc = stop(d, reterr);
    release(d);
    if (rc == 0)
        log_info("stopped", NULL);
    return rc;
}

struct status_board *daemon_board(struct daemon *d)
{
    return &d->board;
}

struct store *daemon_store(struct daemon *d)
{
    return d->store;
}

const char *daemon_database(const struct daemon *d)
{
    return d->database;
}
