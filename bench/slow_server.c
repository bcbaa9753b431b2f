/*
 * A target that takes its time: answers every request after a given delay, to
 * the microsecond as good as the kernel's timers, whatever the load.
 *
 *   slow_server --delay-us N --port N [--addresses N]
 *
 * Listens on 127.0.0.1, 127.0.0.2, ... Connections are closed by the client.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#define MAX_ADDRESSES 100
#define BACKLOG 4096
#define REQUEST_MAX 4096

struct conn {
    uv_tcp_t tcp;
    struct server *server;
    struct conn *next; /* in the queue of those to answer, by their due time */
    int64_t due_ns;
    char request[REQUEST_MAX];
    size_t len;
    bool waiting, closing, closed;
};

/* The delay is the same for all, so the queue is in order by itself. */
struct server {
    uv_loop_t loop;
    uv_tcp_t listeners[MAX_ADDRESSES];
    uv_poll_t due;
    int due_fd;
    int64_t delay_ns;
    struct conn *first, **last;
};

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: 20\r\n\r\n{\"status\":\"healthy\"}";

static void die(const char *what)
{
    fprintf(stderr, "slow_server: %s\n", what);
    exit(1);
}

/* ---- answers ------------------------------------------------------------------ */

static void conn_free(struct conn *c)
{
    if (c->closed && !c->waiting)
        free(c);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;

    c->closed = true;
    conn_free(c);
}

static void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void conn_answer(struct conn *c)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)answer, sizeof(answer) - 1);

    if (!c->closing && uv_try_write((uv_stream_t *)&c->tcp, &buf, 1) < (int)buf.len)
        conn_close(c);
}

static void arm(struct server *s)
{
    struct itimerspec at = {0};

    if (s->first)
        at.it_value =
            (struct timespec){s->first->due_ns / 1000000000, s->first->due_ns % 1000000000};
    timerfd_settime(s->due_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void on_due(uv_poll_t *poll, int status, int events)
{
    struct server *s = poll->data;

    (void)status, (void)events;
    while (s->first && s->first->due_ns <= (int64_t)uv_hrtime()) {
        struct conn *c = s->first;

        s->first = c->next;
        if (!s->first)
            s->last = &s->first;
        c->waiting = false;
        conn_answer(c);
        conn_free(c);
    }
    arm(s);
}

static void conn_wait(struct conn *c)
{
    struct server *s = c->server;

    c->len = 0;
    c->due_ns = (int64_t)uv_hrtime() + s->delay_ns;
    c->waiting = true;
    c->next = NULL;
    *s->last = c;
    s->last = &c->next;
    if (s->first == c)
        arm(s);
}

/* ---- requests ------------------------------------------------------------------ */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = h->data;

    (void)suggested;
    *buf = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MAX - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;

    (void)buf;
    if (n < 0) {
        conn_close(c);
        return;
    }
    c->len += (size_t)n;
    if (!c->waiting && c->len >= 4 && memcmp(c->request + c->len - 4, "\r\n\r\n", 4) == 0)
        conn_wait(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    struct conn *c;

    if (status < 0)
        return;
    c = calloc(1, sizeof(*c));
    if (!c)
        die("out of memory");
    c->server = s;
    uv_tcp_init(&s->loop, &c->tcp);
    c->tcp.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0) {
        conn_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* ---- start ----------------------------------------------------------------------- */

static void listen_on(struct server *s, int i, int port)
{
    uv_tcp_t *tcp = &s->listeners[i];
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)i)};

    uv_tcp_init(&s->loop, tcp);
    tcp->data = s;
    if (uv_tcp_bind(tcp, (const struct sockaddr *)&addr, 0) < 0 ||
        uv_listen((uv_stream_t *)tcp, BACKLOG, on_connection) < 0)
        die("cannot listen");
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"delay-us", 1, NULL, 'd'},
                                          {"port", 1, NULL, 'p'},
                                          {"addresses", 1, NULL, 'a'},
                                          {NULL, 0, NULL, 0}};
    struct server *s = calloc(1, sizeof(*s));
    int addresses = 1, port = 0;

    if (!s)
        die("out of memory");
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'd')
            s->delay_ns = strtol(optarg, NULL, 10) * 1000;
        else if (c == 'p')
            port = (int)strtol(optarg, NULL, 10);
        else if (c == 'a')
            addresses = (int)strtol(optarg, NULL, 10);
        else
            return 2;
    }
    if (port < 1 || port > 65535 || addresses < 1 || addresses > MAX_ADDRESSES || s->delay_ns < 0)
        die("--port and a sane --addresses are needed");
    signal(SIGPIPE, SIG_IGN);
    s->last = &s->first;
    uv_loop_init(&s->loop);
    s->due_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (s->due_fd < 0 || uv_poll_init(&s->loop, &s->due, s->due_fd) < 0)
        die("timerfd");
    s->due.data = s;
    uv_poll_start(&s->due, UV_READABLE, on_due);
    for (int i = 0; i < addresses; i++)
        listen_on(s, i, port);
    return uv_run(&s->loop, UV_RUN_DEFAULT);
}
