#include "base/clock.h"
#include "base/mem.h"
#include "io/http_internal.h"

#include <assert.h>
#include <stdlib.h>

/*
 * curl's multi handle on the loop. The rules that keep it right:
 *
 *  - curl is called from uv callbacks only, never from a callback of curl;
 *  - one uv_poll per period from CURL_POLL_IN/OUT to CURL_POLL_REMOVE, closed
 *    at REMOVE before curl closes the descriptor and its number is reused;
 *  - after every call the finished transfers are taken out, whatever the
 *    number of running ones says;
 *  - "at once" timeouts run in the idle phase of the next turn: a zero timer
 *    started by a timer callback would run again before any I/O.
 */

struct http_socket {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
    int events;
};

static void act(struct http_client *c, curl_socket_t fd, int flags);

/* ---- sockets ---------------------------------------------------------------- */

static void on_socket_closed(uv_handle_t *h)
{
    struct http_socket *s = container_of((uv_poll_t *)h, struct http_socket, poll);
    struct http_client *c = s->client;

    free(s);
    http_client_drop(c);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct http_socket *s = container_of(poll, struct http_socket, poll);
    int flags = 0;

    /* uv says UV_EBADF for POLLERR and has stopped the handle. With the error
     * alone curl would not read, and not learn why. */
    if (status < 0)
        flags = CURL_CSELECT_ERR | CURL_CSELECT_IN;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(s->client, s->fd, flags);
    /* Its memory is good until the close callback, which is not this turn's. */
    if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
        uv_poll_start(poll, s->events, on_socket_ready);
}

static struct http_socket *socket_new(struct http_client *c, curl_socket_t fd)
{
    struct http_socket *s = mem_alloc(sizeof(*s));

    s->client = c;
    s->fd = fd;
    if (uv_poll_init_socket(c->loop, &s->poll, fd) < 0) {
        free(s); /* the transfer ends by its deadline */
        return NULL;
    }
    c->open++;
    curl_multi_assign(c->multi, fd, s);
    return s;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct http_client *c = arg;
    struct http_socket *s = socket;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        return 0;
    }
    if (!s)
        s = socket_new(c, fd);
    if (!s)
        return 0;
    s->events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&s->poll, s->events, on_socket_ready);
    return 0;
}

/* ---- time ------------------------------------------------------------------ */

static void on_timer(uv_timer_t *t)
{
    struct http_client *c = container_of(t, struct http_client, timer);

    act(c, CURL_SOCKET_TIMEOUT, 0);
}

static void on_idle(uv_idle_t *idle)
{
    struct http_client *c = container_of(idle, struct http_client, idle);

    c->open++;
    uv_idle_stop(idle);
    if (c->kick)
        act(c, CURL_SOCKET_TIMEOUT, 0);
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

/* ---- action ----------------------------------------------------------------- */

static void drain(struct http_client *c)
{
    CURLMsg *msg;
    int left;

    while (!c->closing && (msg = curl_multi_info_read(c->multi, &left))) {
        struct http_call *call = NULL;
        CURLcode code = msg->data.result; /* the message dies with its handle */

        assert(msg->msg == CURLMSG_DONE);
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        http_transfer_ended(call, code);
    }
}

/* One call of curl and all that follows from it. `done` callbacks run in
 * here; they may close the client. */
static void act(struct http_client *c, curl_socket_t fd, int flags)
{
    int running;

    assert(!c->in_curl);
    c->open++;
    if (fd == CURL_SOCKET_TIMEOUT)
        c->kick = false;
    c->in_curl = true;
    curl_multi_socket_action(c->multi, fd, flags, &running);
    c->in_curl = false;
    drain(c);
    http_client_drop(c);
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
    act(call->client, CURL_SOCKET_TIMEOUT, 0);
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
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_KEPT_CONNECTIONS);
    uv_timer_init(c->loop, &c->timer);
    uv_idle_init(c->loop, &c->idle);
    c->open += 2;
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
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->idle, on_idle_closed);
}
