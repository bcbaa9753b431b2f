#include "io/work.h"

#include "base/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <uv.h>

struct work {
    uv_work_t req;
    void (*run)(void *ctx);
    void (*done)(void *ctx);
    void *ctx;
    uv_mutex_t lock; /* held while run() runs; guards cancelled */
    bool cancelled;
};

static void on_worker(uv_work_t *req)
{
    struct work *w = req->data;
    uv_mutex_lock(&w->lock);
    if (!w->cancelled)
        w->run(w->ctx);
    uv_mutex_unlock(&w->lock);
}

static void on_loop(uv_work_t *req, int status)
{
    struct work *w = req->data;
    assert(status == 0 || w->cancelled);
    bool cancelled = w->cancelled;
    void (*done)(void *) = w->done;
    void *ctx = w->ctx;
    uv_mutex_destroy(&w->lock);
    free(w);
    if (!cancelled)
        done(ctx);
}

struct work *work_start(struct uv_loop_s *loop, void (*run)(void *ctx), void (*done)(void *ctx),
                        void *ctx)
{
    struct work *w = mem_alloc(sizeof(*w));
    w->run = run;
    w->done = done;
    w->ctx = ctx;
    w->req.data = w;
    if (uv_mutex_init(&w->lock) != 0)
        abort();
    int rc = uv_queue_work(loop, &w->req, on_worker, on_loop);
    assert(rc == 0);
    (void)rc;
    return w;
}

void work_cancel(struct work *w)
{
    /* The lock is free again once run() has ended; one that has not begun then
     * finds the flag. uv calls on_loop in every case, which frees. */
    uv_mutex_lock(&w->lock);
    w->cancelled = true;
    uv_mutex_unlock(&w->lock);
    uv_cancel((uv_req_t *)&w->req);
}
