#include "demo/server.h"

#include "base/mem.h"
#include "base/units.h"
#include "demo/server_internal.h"

#include <arpa/inet.h>
#include <assert.h>

#define BACKLOG 128
#define IDLE_US (60 * USEC_PER_SEC) /* between requests and inside one */
#define HANG_US (10 * USEC_PER_MIN) /* nobody waits longer */

/* ---- the life of a connection -------------------------------------------------- */

static void on_handle_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    if (--c->open_handles > 0)
        return;
    struct server *s = c->server;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    s->conn_count--;
    str_release(&c->in);
    conn_drop_reply(c);
    free(c);
    server_maybe_free(s);
}

void conn_close(struct conn *c, bool reset)
{
    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_CLOSING;
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
    if (!reset || uv_tcp_close_reset(&c->tcp, on_handle_closed) < 0)
        uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
}

static void on_deadline(uv_timer_t *t)
{
    conn_close(t->data, false);
}

void conn_arm(struct conn *c, int64_t us, uv_timer_cb cb)
{
    uv_timer_start(&c->timer, cb, (uint64_t)((us + 999) / 1000), 0);
}

/* ---- answering ------------------------------------------------------------------- */

static void finish(struct conn *c)
{
    conn_drop_reply(c);
    memmove(c->in.buf, c->in.buf + c->request_len, c->in.len - c->request_len);
    c->in.len -= c->request_len;
    c->in.buf[c->in.len] = '\0';
    c->request_len = 0;
    if (!c->keep) {
        conn_close(c, false);
        return;
    }
    c->state = CONN_READING;
    conn_arm(c, IDLE_US, on_deadline);
    conn_parse(c);
}

static void on_gap(uv_timer_t *t)
{
    conn_write_piece(t->data);
}

static void on_written(uv_write_t *w, int status)
{
    struct conn *c = w->data;
    if (c->state == CONN_CLOSING)
        return;
    if (status < 0 || (c->last && c->reply.end == REPLY_TRUNCATE))
        conn_close(c, false);
    else if (c->last)
        finish(c);
    else if (c->gap_us)
        conn_arm(c, c->gap_us, on_gap);
    else
        conn_write_piece(c);
}

void conn_write_piece(struct conn *c)
{
    uv_timer_stop(&c->timer);
    conn_next_piece(c);
    uv_buf_t b = uv_buf_init(c->out.buf, (unsigned)c->out.len);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) < 0)
        conn_close(c, false);
}

static void on_delay(uv_timer_t *t)
{
    struct conn *c = t->data;
    if (c->reply.end == REPLY_RESET)
        conn_close(c, true);
    else
        conn_write_piece(c);
}

void conn_answer(struct conn *c)
{
    c->state = CONN_ANSWERING;
    if (c->reply.end == REPLY_HANG)
        conn_arm(c, HANG_US, on_deadline);
    else
        conn_arm(c, c->reply.delay_us, on_delay);
}

/* ---- reading ----------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *b)
{
    struct conn *c = h->data;
    (void)size;
    *b = uv_buf_init(c->chunk, sizeof(c->chunk));
}

/* Reading goes on while an answer is being made, to notice a client that
 * leaves; what it sends ahead is bounded by `in`. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = stream->data;
    if (c->state == CONN_CLOSING || n == 0)
        return;
    if (n < 0 || str_addn(&c->in, b->base, (size_t)n) < 0) {
        conn_close(c, false);
        return;
    }
    if (c->state == CONN_READING)
        conn_parse(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    if (status < 0)
        return;
    struct conn *c = mem_alloc(sizeof(*c));
    c->server = s;
    uv_tcp_init(s->loop, &c->tcp);
    uv_timer_init(s->loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    c->open_handles = 2;
    c->next = s->conns;
    c->link = &s->conns;
    if (s->conns)
        s->conns->link = &c->next;
    s->conns = c;
    s->conn_count++;
    str_init(&c->in, SERVER_HEAD_MAX + SERVER_BODY_MAX);
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 || s->conn_count > SERVER_CONNECTIONS_MAX) {
        conn_close(c, false);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    conn_arm(c, IDLE_US, on_deadline);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* ---- the server ----------------------------------------------------------------------- */

static int parse_listen(const char *text, struct sockaddr_storage *ret, struct err *reterr)
{
    char host[64];
    bool v6 = text[0] == '[';
    const char *colon = strrchr(text, ':');
    char *end;
    size_t n = colon ? (size_t)(colon - text) : 0;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    if (n < 2 || n >= sizeof(host) || !colon[1] || *end || port < 0 || port > 65535 ||
        (v6 && text[n - 1] != ']'))
        return err_set(reterr, "expected an address and port like 127.0.0.1:8000; found '%.80s'",
                       text);
    str_copy(host, n - 2 * v6 + 1, text + v6);
    int rc = v6 ? uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)(void *)ret)
                : uv_ip4_addr(host, (int)port, (struct sockaddr_in *)(void *)ret);
    if (rc < 0)
        return err_set(reterr, "'%s' is not an IP address", host);
    return 0;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *v4 = (const void *)a;
    const struct sockaddr_in6 *v6 = (const void *)a;
    if (a->ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static void name_address(struct server *s)
{
    struct sockaddr_storage a;
    char host[INET6_ADDRSTRLEN];
    int n = sizeof(a);
    uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&a, &n);
    if (a.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&a;
        uv_ip4_name(v4, host, sizeof(host));
        snprintf(s->address, sizeof(s->address), "%s:%d", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const void *)&a;
        uv_ip6_name(v6, host, sizeof(host));
        snprintf(s->address, sizeof(s->address), "[%s]:%d", host, ntohs(v6->sin6_port));
    }
}

void server_maybe_free(struct server *s)
{
    if (s->closed && s->conn_count == 0)
        free(s);
}

static void on_listener_closed(uv_handle_t *h)
{
    struct server *s = h->data;
    s->closed = true;
    server_maybe_free(s);
}

int server_start(struct uv_loop_s *loop, const char *listen, server_fn handle, void *ctx,
                 struct server **ret, struct err *reterr)
{
    struct sockaddr_storage a = {0};
    if (parse_listen(listen, &a, reterr) < 0)
        return -1;
    if (!is_loopback(&a))
        return err_set(reterr,
                       "%s is not a loopback address: the sample platform does whatever "
                       "it is told and is not for other machines",
                       listen);
    struct server *s = mem_alloc(sizeof(*s));
    s->loop = loop;
    s->handle = handle;
    s->ctx = ctx;
    uv_tcp_init(loop, &s->tcp);
    s->tcp.data = s;
    int rc = uv_tcp_bind(&s->tcp, (struct sockaddr *)&a, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->tcp, BACKLOG, on_connection);
    if (rc < 0) {
        uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
        return err_set(reterr, "cannot listen on %s: %s", listen, uv_strerror(rc));
    }
    name_address(s);
    *ret = s;
    return 0;
}

const char *server_address(const struct server *s)
{
    return s->address;
}

void server_close(struct server *s)
{
    for (struct conn *c = s->conns; c; c = c->next)
        conn_close(c, false);
    uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
}
