#include "base/clock.h"
#include "base/mem.h"
#include "io/http_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/*
 * curl's sockets, in an epoll set of our own that hangs in the loop's. uv_poll
 * costs six system calls for a short connection, and a stop and a start for
 * each request on a kept one; here a change is one call, the end of a transfer
 * is none (a socket that is closed leaves the set by itself) and a kept
 * connection stays in.
 *
 * Descriptor numbers come again. An event carries the generation of the socket
 * it is about, so that one fetched before its socket was closed, and the number
 * opened anew, is not taken for the new one's.
 */

#define EVENTS_AT_ONCE 64

static uint64_t event_key(int fd, uint32_t generation)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

static struct http_socket *socket_at(struct http_sockets *s, int fd)
{
    if ((size_t)fd >= s->n) {
        size_t n = s->n ? s->n : 64;

        while (n <= (size_t)fd)
            n *= 2;
        s->at = mem_resize(s->at, n, sizeof(*s->at));
        memset(s->at + s->n, 0, (n - s->n) * sizeof(*s->at));
        s->n = n;
    }
    return &s->at[fd];
}

/* A refusal (no memory for another watch) ends the transfer by its deadline. */
static void watch(struct http_sockets *s, int fd, struct http_socket *sock)
{
    struct epoll_event e = {
        .events = (sock->wanted & CURL_POLL_IN ? EPOLLIN : 0u) |
                  (sock->wanted & CURL_POLL_OUT ? EPOLLOUT : 0u),
        .data.u64 = event_key(fd, sock->generation),
    };
    int rc = epoll_ctl(s->epoll_fd, sock->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e);

    if (rc < 0 && (errno == ENOENT || errno == EEXIST)) /* a descriptor that curl opened itself */
        rc = epoll_ctl(s->epoll_fd, errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
    sock->watched = rc < 0 ? 0 : sock->wanted;
}

void http_sockets_opened(struct http_client *c, int fd)
{
    struct http_socket *sock = socket_at(&c->sockets, fd);

    *sock = (struct http_socket){.generation = sock->generation + 1};
}

void http_sockets_want(struct http_client *c, int fd, int what)
{
    struct http_socket *sock = socket_at(&c->sockets, fd);

    /* Removed: closed next, or kept for a request that wants the same. */
    sock->wanted = what == CURL_POLL_REMOVE ? 0 : (uint8_t)what;
    if (sock->wanted && sock->wanted != sock->watched)
        watch(&c->sockets, fd, sock);
}

static void on_event(struct http_client *c, const struct epoll_event *e)
{
    int fd = (int)(uint32_t)e->data.u64, flags = 0;
    struct http_socket *sock = socket_at(&c->sockets, fd);

    if (sock->generation != e->data.u64 >> 32)
        return;
    if (!sock->wanted) { /* a kept connection that its server ends: curl will see */
        epoll_ctl(c->sockets.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        sock->watched = 0;
        return;
    }
    if (e->events & EPOLLERR) /* with the error alone curl would not read, and not learn why */
        flags = CURL_CSELECT_ERR | CURL_CSELECT_IN;
    if (e->events & (EPOLLIN | EPOLLHUP) && sock->wanted & CURL_POLL_IN)
        flags |= CURL_CSELECT_IN;
    if (e->events & (EPOLLOUT | EPOLLHUP) && sock->wanted & CURL_POLL_OUT)
        flags |= CURL_CSELECT_OUT;
    if (flags)
        http_multi_step(c, fd, flags);
}

void http_sockets_serve(struct http_client *c)
{
    struct epoll_event at[EVENTS_AT_ONCE];
    int n = epoll_wait(c->sockets.epoll_fd, at, EVENTS_AT_ONCE, 0);

    c->sockets.ready_ns = n > 0 ? clock_mono_ns() : 0;
    for (int i = 0; i < n; i++)
        on_event(c, &at[i]);
    c->sockets.ready_ns = 0;
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    struct http_client *c = container_of(poll, struct http_client, sockets.poll);

    (void)status, (void)events;
    http_sockets_serve(c);
    http_multi_drain(c);
}

static void on_poll_closed(uv_handle_t *h)
{
    struct http_client *c = container_of((uv_poll_t *)h, struct http_client, sockets.poll);

    free(c->sockets.at);
    http_client_drop(c);
}

int http_sockets_open(struct http_client *c, struct err *reterr)
{
    c->sockets.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return c->sockets.epoll_fd < 0 ? err_errno(reterr, errno, "epoll") : 0;
}

void http_sockets_start(struct http_client *c)
{
    struct http_sockets *s = &c->sockets;
    int rc = uv_poll_init(c->loop, &s->poll, s->epoll_fd);

    assert(rc == 0);
    (void)rc;
    uv_poll_start(&s->poll, UV_READABLE, on_events);
    /* Alone it does not keep the loop: who waits for a socket has a deadline. */
    uv_unref((uv_handle_t *)&s->poll);
    c->open++;
}

void http_sockets_close(struct http_client *c)
{
    uv_close((uv_handle_t *)&c->sockets.poll, on_poll_closed);
    close(c->sockets.epoll_fd);
}
