#include "base/clock.h"
#include "base/mem.h"
#include "io/http_internal.h"

#include <assert.h>
#include <sys/resource.h>

/*
 * curl's multi handle on the loop. The rules that keep it right:
 *
 *  - curl is called from uv callbacks only, never from a callback of curl;
 *  - after calls of it the finished transfers are taken out, whatever the
 *    number of running ones says;
 *  - what takes long, the start of a request and what becomes of a response,
 *    is done for one at a time, and the sockets that are ready by then are
 *    served before the next: else it would be measured as the others' waiting;
 *  - "at once" timeouts run in the idle phase of the next turn: a zero timer
 *    started by a timer callback would run again before any I/O.
 */

/* ---- action ----------------------------------------------------------------- */

void http_multi_step(struct http_client *c, curl_socket_t fd, int flags)
{
    int running;

    assert(!c->in_curl);
    if (fd == CURL_SOCKET_TIMEOUT)
        c->kick = false;
    c->in_curl = true;
    curl_multi_socket_action(c->multi, fd, flags, &running);
    c->in_curl = false;
}

void http_multi_drain(struct http_client *c)
{
    CURLMsg *msg;
    int left;

    c->open++;
    while (!c->closing && (msg = curl_multi_info_read(c->multi, &left))) {
        struct http_transfer *transfer = NULL;
        CURLcode code = msg->data.result; /* the message dies with its handle */

        assert(msg->msg == CURLMSG_DONE);
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer->ended(transfer, code);
        if (left > 0 && !c->closing)
            http_sockets_serve(c);
    }
    http_client_drop(c);
}

/* What is due by time. `done` callbacks run in here; they may close the client. */
static void act(struct http_client *c)
{
    http_multi_step(c, CURL_SOCKET_TIMEOUT, 0);
    http_multi_drain(c);
}

/* ---- what curl asks for ---------------------------------------------------------- */

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    (void)easy, (void)socket;
    http_sockets_want(arg, fd, what);
    return 0;
}

static void on_timer(uv_timer_t *t)
{
    struct http_client *c = container_of(t, struct http_client, timer);

    act(c);
}

static void on_idle(uv_idle_t *idle)
{
    struct http_client *c = container_of(idle, struct http_client, idle);

    c->open++;
    uv_idle_stop(idle);
    if (c->kick)
        act(c);
    http_run_queue(c);
    http_client_drop(c);
}

void http_multi_wake(struct http_client *c)
{
    if (!c->closing)
        uv_idle_start(&c->idle, on_idle);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_client *c = arg;

    (void)multi;
    c->kick = timeout_ms == 0;
    if (!c->kick && TAILQ_EMPTY(&c->queued))
        uv_idle_stop(&c->idle); /* an idle turn would poll without waiting */
    if (timeout_ms > 0) {
        uv_update_time(c->loop); /* timers count from it */
        uv_timer_start(&c->timer, on_timer, (uint64_t)timeout_ms, 0);
        return 0;
    }
    uv_timer_stop(&c->timer);
    if (c->kick)
        http_multi_wake(c);
    return 0;
}

void http_multi_add_later(struct http_call *call)
{
    struct http_client *c = call->client;

    assert(!c->in_curl && !call->added);
    call->at.added = clock_mono_ns();
    CURLMcode rc = curl_multi_add_handle(c->multi, call->easy); /* asks for a kick */

    assert(rc == CURLM_OK);
    (void)rc;
    call->added = true;
}

void http_multi_add(struct http_call *call)
{
    http_multi_add_later(call);
    act(call->client);
}

void http_multi_remove(struct http_call *call)
{
    assert(!call->client->in_curl);
    if (!call->added)
        return;
    call->added = false;
    curl_multi_remove_handle(call->client->multi, call->easy);
}

/* ---- life ------------------------------------------------------------------- */

/* curl counts connections in use too, and above the limit looks through all of
 * them for each transfer that ends: 100 us with 2,000. */
static long most_connections(void)
{
    struct rlimit files;
    rlim_t most = HTTP_KEPT_CONNECTIONS;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 2 < most)
        most = files.rlim_cur / 2;
    return (long)most;
}

void http_multi_init(struct http_client *c)
{
    c->multi = curl_multi_init();
    assert(c->multi);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    /* Two probes must not share a connection behind our back. */
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, most_connections());
    uv_timer_init(c->loop, &c->timer);
    uv_idle_init(c->loop, &c->idle);
    c->open += 2;
    http_sockets_start(c);
}

static void on_timer_closed(uv_handle_t *h)
{
    http_client_drop(container_of((uv_timer_t *)h, struct http_client, timer));
}

static void on_idle_closed(uv_handle_t *h)
{
    http_client_drop(container_of((uv_idle_t *)h, struct http_client, idle));
}

void http_multi_close(struct http_client *c)
{
    assert(!c->in_curl);
    curl_multi_cleanup(c->multi); /* still calls the socket callback */
    c->multi = NULL;
    http_sockets_close(c);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->idle, on_idle_closed);
}
