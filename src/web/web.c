#include "web/web.h"

#include "base/mem.h"
#include "base/thread.h"
#include "io/httpd.h"
#include "web/job.h"
#include "web/listen.h"
#include "web/routes.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

struct web {
    struct web_options opts;
    char *control_path;
    char address[LISTEN_ADDRESS_MAX];
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    struct jobs *jobs;
    struct httpd *tcp, *control; /* or NULL */
    struct routes tcp_routes, control_routes;
};

static bool admit_peer(void *ctx, int fd)
{
    (void)ctx;
    return listen_peer_ok(fd);
}

/* ---- stopping: jobs first, then the servers that hold their calls ---------------- */

static void close_servers(struct web *w)
{
    if (w->tcp)
        httpd_close(w->tcp, NULL, NULL);
    if (w->control)
        httpd_close(w->control, NULL, NULL);
    w->tcp = w->control = NULL;
}

static void close_handles(struct web *w)
{
    close_servers(w);
    if (w->jobs)
        jobs_close(w->jobs);
    if (w->stop.type == UV_ASYNC)
        uv_close((uv_handle_t *)&w->stop, NULL);
}

static void on_jobs_idle(void *ctx)
{
    close_handles(ctx);
}

static void on_stop(uv_async_t *a)
{
    struct web *w = a->data;
    jobs_stop(w->jobs);
}

static void *thread_main(void *arg)
{
    struct web *w = arg;
    thread_background();

    pthread_setname_np(pthread_self(), "nines-web");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* ---- starting ---------------------------------------------------------------------- */

static int start_tcp(struct web *w, struct err *reterr)
{
    int fd;

    if (!w->opts.listen || *w->opts.listen == '\0')
        return 0;
    if (listen_tcp(w->opts.listen, w->address, sizeof(w->address), &fd, reterr) < 0)
        return -1;
    w->tcp_routes = (struct routes){&w->opts, w->jobs, false};
    struct httpd_options o = {.begin = routes_begin, .ctx = &w->tcp_routes};
    return httpd_start(&w->loop, fd, &o, &w->tcp, reterr);
}

static int start_control(struct web *w, struct err *reterr)
{
    int fd;

    if (!w->opts.control_path)
        return 0;
    if (listen_unix(w->opts.control_path, &fd, reterr) < 0)
        return -1;
    w->control_path = mem_strdup(w->opts.control_path);
    w->control_routes = (struct routes){&w->opts, w->jobs, true};
    struct httpd_options o = {
        .begin = routes_begin, .ctx = &w->control_routes, .admit = admit_peer};
    return httpd_start(&w->loop, fd, &o, &w->control, reterr);
}

/* Signals belong to the main thread; jobs inherit the mask from this one. */
static int start_thread(struct web *w, struct err *reterr)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, thread_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc ? err_errno(reterr, rc, "cannot start the web thread") : 0;
}

static int start_all(struct web *w, struct err *reterr)
{
    if (uv_async_init(&w->loop, &w->stop, on_stop) < 0)
        return err_set(reterr, "cannot start the web loop");
    w->stop.data = w;
    w->jobs = jobs_new(&w->loop, on_jobs_idle, w);
    if (!w->jobs)
        return err_set(reterr, "cannot start the web loop");
    if (start_tcp(w, reterr) < 0 || start_control(w, reterr) < 0)
        return -1;
    return start_thread(w, reterr);
}

static void web_free(struct web *w)
{
    int rc = uv_loop_close(&w->loop);

    assert(rc == 0);
    (void)rc;
    if (w->control_path)
        unlink(w->control_path);
    free(w->control_path);
    free(w);
}

int web_start(const struct web_options *o, struct web **ret, struct err *reterr)
{
    struct web *w = mem_alloc(sizeof(*w));

    w->opts = *o;
    if (uv_loop_init(&w->loop) < 0) {
        free(w);
        return err_set(reterr, "cannot start the web loop");
    }
    if (start_all(w, reterr) == 0) {
        *ret = w;
        return 0;
    }
    close_handles(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    web_free(w);
    return -1;
}

const char *web_address(const struct web *w)
{
    return w->address;
}

void web_stop(struct web *w)
{
    uv_async_send(&w->stop);
    pthread_join(w->thread, NULL);
    web_free(w);
}
