#include "notify/try.h"

#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "notify/send.h"

#include <assert.h>
#include <time.h>
#include <uv.h>

struct attempt {
    notifier_show_fn show;
    void *ctx;
    bool done;
    enum delivery delivery;
    char detail[NOTIFY_DETAIL_MAX];
};

static int64_t wall_us(void *ctx)
{
    struct timespec ts;
    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / NSEC_PER_USEC;
}

static void show(void *ctx, const char *line)
{
    const struct attempt *a = ctx;
    a->show(a->ctx, line);
}

static void on_done(void *ctx, enum delivery d, const char *detail, int64_t retry_after_us)
{
    struct attempt *a = ctx;
    (void)retry_after_us;
    a->done = true;
    a->delivery = d;
    str_copy(a->detail, sizeof(a->detail), detail);
}

static int open_client(uv_loop_t *loop, const struct config *config, struct http_client **ret,
                       struct err *reterr)
{
    const struct string_list *servers = &config->daemon.dns_servers;
    struct str joined;
    str_init(&joined, 4096);
    for (size_t i = 0; i < servers->n; i++)
        str_addf(&joined, "%s%s", i ? "," : "", servers->at[i]);
    int rc = http_client_new(loop, joined.buf, ret, reterr);
    str_release(&joined);
    return rc;
}

static void run(uv_loop_t *loop, struct http_client *http, const struct integration_def *def,
                const struct notification *n, struct attempt *a)
{
    struct notifier_env env = {
        .loop = loop, .http = http, .now_us = wall_us, .show = a->show ? show : NULL, .ctx = a};
    send_begin(&env, def, n, on_done, a);
    while (!a->done)
        uv_run(loop, UV_RUN_ONCE);
}

int notify_try(const struct config *config, const struct integration_def *def,
               const struct message *m, const char *dedup_key, notifier_show_fn show_fn, void *ctx,
               char detail[static NOTIFY_DETAIL_MAX], struct err *reterr)
{
    const struct notification n = {.dedup_key = dedup_key, .message = m};
    struct attempt a = {.show = show_fn, .ctx = ctx};
    struct http_client *http;
    uv_loop_t loop;
    int rc = uv_loop_init(&loop);
    if (rc < 0)
        return err_set(reterr, "cannot start a loop: %s", uv_strerror(rc));
    rc = open_client(&loop, config, &http, reterr);
    if (rc == 0) {
        run(&loop, http, def, &n, &a);
        http_client_close(http, NULL, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    int closed = uv_loop_close(&loop);
    assert(closed == 0);
    (void)closed;
    if (rc < 0)
        return -1;
    str_copy(detail, NOTIFY_DETAIL_MAX, a.detail);
    if (a.delivery == DELIVERY_OK)
        return 0;
    return err_set(reterr, "%s: %s",
                   a.delivery == DELIVERY_RETRY ? "failed, and would be tried again" : "refused",
                   a.detail);
}
