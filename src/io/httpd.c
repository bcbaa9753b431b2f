#include "io/httpd.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <assert.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define SWEEP_MS 500

/* A connection that owes us headers. MHD's own timeout only counts silence: a
 * client that sends a byte a second would stay for ever. */
struct conn {
    struct conn *next, **link;
    int fd;
    int64_t deadline_us; /* mono; 0: none, a request is being served */
};

struct httpd {
    struct httpd_options opts;
    uv_loop_t *loop;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer; /* when MHD wants to run again */
    uv_timer_t sweep; /* while there are connections */
    struct conn *conns;
    struct httpd_call *calls;
    bool closing;
    int open_handles;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct httpd_call {
    struct httpd *server;
    struct httpd_call *next, **link;
    struct MHD_Connection *connection;
    char *method, *path;
    const struct httpd_sink *sink;
    void *user;
    struct MHD_Response *response;
    unsigned status;
    bool begun;     /* begin() was called */
    bool completed; /* the body has ended */
    bool suspended;
    bool in_handler; /* MHD is calling us: it must not be re-entered */
};

/* ---- MHD on the loop --------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

/* MHD's sockets are edge-triggered inside: whatever it says here must be done,
 * 0 ms included, or data stays unread. */
static void rearm(struct httpd *h)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (h->closing)
        return;
    uv_update_time(h->loop);
    if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
        uv_timer_start(&h->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&h->timer);
}

static void run(struct httpd *h)
{
    MHD_run(h->daemon);
    rearm(h);
}

static void on_timer(uv_timer_t *t)
{
    run(t->data);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    run(p->data);
}

static void run_soon(struct httpd *h)
{
    if (h->closing)
        return;
    uv_update_time(h->loop);
    uv_timer_start(&h->timer, on_timer, 0, 0);
}

/* ---- connections ---------------------------------------------------------------- */

static void expect_headers(struct httpd *h, struct conn *c)
{
    c->deadline_us = clock_mono_ns() / NSEC_PER_USEC + h->opts.header_deadline_us;
}

/* The socket is MHD's to close; a shut one it notices by itself. */
static void on_sweep(uv_timer_t *t)
{
    struct httpd *h = t->data;
    int64_t now = clock_mono_ns() / NSEC_PER_USEC;

    for (struct conn *c = h->conns; c; c = c->next) {
        if (c->deadline_us && c->deadline_us <= now) {
            c->deadline_us = 0;
            shutdown(c->fd, SHUT_RDWR);
        }
    }
}

static void conn_open(struct httpd *h, struct MHD_Connection *connection, void **slot)
{
    struct conn *c = mem_alloc(sizeof(*c));

    c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->next = h->conns;
    c->link = &h->conns;
    if (h->conns)
        h->conns->link = &c->next;
    else
        uv_timer_start(&h->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    h->conns = c;
    expect_headers(h, c);
    *slot = c;
    if (h->opts.admit && !h->opts.admit(h->opts.ctx, c->fd))
        shutdown(c->fd, SHUT_RDWR);
}

static void conn_close(struct httpd *h, void **slot)
{
    struct conn *c = *slot;

    *slot = NULL;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    free(c);
    if (!h->conns && !h->closing)
        uv_timer_stop(&h->sweep);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        conn_open(cls, connection, slot);
    else
        conn_close(cls, slot);
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* ---- calls ------------------------------------------------------------------------ */

static struct httpd_call *call_new(struct httpd *h, struct MHD_Connection *connection,
                                   const char *path, const char *method)
{
    struct httpd_call *c = mem_alloc(sizeof(*c));

    c->server = h;
    c->connection = connection;
    c->path = mem_strdup(path);
    c->method = mem_strdup(method);
    c->next = h->calls;
    c->link = &h->calls;
    if (h->calls)
        h->calls->link = &c->next;
    h->calls = c;
    return c;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct httpd *h = cls;
    struct httpd_call *c = *slot;

    (void)code;
    if (!c)
        return;
    *slot = NULL;
    if (conn_of(connection))
        expect_headers(h, conn_of(connection));
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    if (c->sink)
        c->sink->ended(c->user);
    if (c->response)
        MHD_destroy_response(c->response);
    free(c->path);
    free(c->method);
    free(c);
}

static void suspend(struct httpd_call *c)
{
    assert(!c->suspended);
    c->suspended = true;
    MHD_suspend_connection(c->connection);
}

static enum MHD_Result send_response(struct httpd_call *c)
{
    return MHD_queue_response(c->connection, c->status, c->response);
}

/* Headers are in. A request without a body is begun in the next call, where
 * an answer keeps the connection; one with a body now, so that a refusal need
 * not read it. */
static enum MHD_Result on_headers(struct httpd_call *c)
{
    struct httpd *h = c->server;

    if (conn_of(c->connection))
        conn_of(c->connection)->deadline_us = 0;
    if (!httpd_has_body(c))
        return MHD_YES;
    c->begun = true;
    h->opts.begin(h->opts.ctx, c);
    assert(c->sink || c->response);
    if (!c->response)
        return MHD_YES;
    MHD_add_response_header(c->response, "Connection", "close");
    return send_response(c);
}

static enum MHD_Result on_body(struct httpd_call *c, const char *data, size_t *n)
{
    /* Too late for an answer in the middle: it follows the body. */
    size_t taken = c->response || !c->sink ? *n : c->sink->body(c->user, data, *n);

    assert(taken <= *n);
    *n -= taken;
    if (*n > 0 && !c->response)
        suspend(c);
    return MHD_YES;
}

static enum MHD_Result on_end(struct httpd_call *c)
{
    struct httpd *h = c->server;

    if (!c->begun) {
        c->begun = true;
        h->opts.begin(h->opts.ctx, c);
        assert(c->sink || c->response);
    }
    if (!c->completed && c->sink) {
        c->completed = true;
        c->sink->complete(c->user);
    }
    if (c->response)
        return send_response(c);
    if (h->closing)
        return MHD_NO;
    suspend(c);
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **slot)
{
    struct httpd *h = cls;
    struct httpd_call *c = *slot;
    enum MHD_Result rc;

    (void)version;
    if (h->closing && (!c || !c->response))
        return MHD_NO;
    bool fresh = !c;
    if (fresh)
        *slot = c = call_new(h, connection, url, method);
    c->in_handler = true;
    if (fresh)
        rc = on_headers(c);
    else if (*n > 0)
        rc = on_body(c, data, n);
    else
        rc = on_end(c);
    c->in_handler = false;
    return rc;
}

const char *httpd_method(const struct httpd_call *c)
{
    return c->method;
}

const char *httpd_path(const struct httpd_call *c)
{
    return c->path;
}

const char *httpd_query(const struct httpd_call *c, const char *name)
{
    return MHD_lookup_connection_value(c->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct each {
    const char *name;
    void (*fn)(void *ctx, const char *value);
    void *ctx;
};

static enum MHD_Result on_value(void *cls, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    const struct each *e = cls;

    (void)kind;
    if (str_eq(name, e->name))
        e->fn(e->ctx, value ? value : "");
    return MHD_YES;
}

void httpd_query_each(const struct httpd_call *c, const char *name,
                      void (*fn)(void *ctx, const char *value), void *ctx)
{
    struct each e = {name, fn, ctx};

    MHD_get_connection_values(c->connection, MHD_GET_ARGUMENT_KIND, on_value, &e);
}

int httpd_fd(const struct httpd_call *c)
{
    return MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

const char *httpd_header(const struct httpd_call *c, const char *name)
{
    return MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
}

bool httpd_has_body(const struct httpd_call *c)
{
    const char *length = httpd_header(c, "Content-Length");

    return (length && strspn(length, "0") != strlen(length)) ||
           httpd_header(c, "Transfer-Encoding");
}

void httpd_take(struct httpd_call *c, const struct httpd_sink *sink, void *user)
{
    assert(c->in_handler && !c->sink && !c->response);
    c->sink = sink;
    c->user = user;
}

void httpd_resume(struct httpd_call *c)
{
    if (!c->suspended)
        return;
    c->suspended = false;
    MHD_resume_connection(c->connection);
    run_soon(c->server);
}

void httpd_reply(struct httpd_call *c, const struct httpd_answer *a)
{
    assert(!c->response);
    /* MHD only reads from the buffer in MUST_COPY mode; its type is older than const. */
    c->response =
        MHD_create_response_from_buffer(a->len, (void *)(uintptr_t)a->body, MHD_RESPMEM_MUST_COPY);
    assert(c->response);
    c->status = (unsigned)a->status;
    MHD_add_response_header(c->response, "Content-Type", a->content_type);
    MHD_add_response_header(c->response, "Cache-Control", "no-store");
    MHD_add_response_header(c->response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < a->field_count; i++)
        MHD_add_response_header(c->response, a->fields[i].name, a->fields[i].value);
    if (!c->in_handler)
        httpd_resume(c);
}

/* ---- the server ------------------------------------------------------------------------ */

static void on_handle_closed(uv_handle_t *handle)
{
    struct httpd *h = handle->data;

    if (--h->open_handles > 0)
        return;
    void (*closed)(void *) = h->closed;
    void *ctx = h->closed_ctx;
    free(h);
    if (closed)
        closed(ctx);
}

static void close_handle(struct httpd *h, uv_handle_t *handle)
{
    h->open_handles++;
    uv_close(handle, on_handle_closed);
}

/* MHD aborts when it is stopped with a suspended connection: each is resumed
 * and sees `closing` first. */
void httpd_close(struct httpd *h, void (*closed)(void *ctx), void *ctx)
{
    h->closing = true;
    h->closed = closed;
    h->closed_ctx = ctx;
    for (struct httpd_call *c = h->calls; c; c = c->next) {
        if (c->suspended)
            MHD_resume_connection(c->connection);
        c->suspended = false;
    }
    MHD_run(h->daemon);
    close_handle(h, (uv_handle_t *)&h->poll);
    close_handle(h, (uv_handle_t *)&h->timer);
    close_handle(h, (uv_handle_t *)&h->sweep);
    MHD_stop_daemon(h->daemon);
}

static void set_defaults(struct httpd_options *o)
{
    if (o->max_connections == 0)
        o->max_connections = 128;
    if (o->max_per_address == 0)
        o->max_per_address = 32;
    if (o->connection_memory == 0)
        o->connection_memory = 16 << 10;
    if (o->idle_seconds == 0)
        o->idle_seconds = 30;
    if (o->header_deadline_us == 0)
        o->header_deadline_us = 10 * USEC_PER_SEC;
}

int httpd_start(struct uv_loop_s *loop, int listen_fd, const struct httpd_options *o,
                struct httpd **ret, struct err *reterr)
{
    struct httpd *h = mem_alloc(sizeof(*h));

    h->opts = *o;
    h->loop = loop;
    set_defaults(&h->opts);
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, h,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT, h->opts.max_connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, h->opts.max_per_address,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, h->opts.connection_memory,
        MHD_OPTION_CONNECTION_TIMEOUT, h->opts.idle_seconds, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_END);
    if (!h->daemon) {
        close(listen_fd);
        free(h);
        return err_set(reterr, "cannot start the HTTP server");
    }
    int fd = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int rc = uv_poll_init(loop, &h->poll, fd);
    if (rc < 0) {
        MHD_stop_daemon(h->daemon);
        free(h);
        return err_set(reterr, "cannot watch the HTTP server: %s", uv_strerror(rc));
    }
    uv_timer_init(loop, &h->timer);
    uv_timer_init(loop, &h->sweep);
    h->poll.data = h->timer.data = h->sweep.data = h;
    uv_poll_start(&h->poll, UV_READABLE, on_poll);
    rearm(h);
    *ret = h;
    return 0;
}
