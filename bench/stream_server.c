/*
 * Streams chat completions at instants of its own and says when it wrote what: the truth
 * that measured answers are compared with.
 *
 *   stream_server --port N --first-us N --gap-us N --tokens N [--addresses N] [--plain]
 *
 * POST or GET /ID answers with events of OpenAI's chat completions, or with --plain such
 * as an agent of its own has, {"content":" word"}: headers and a role at once, the first token after half to one and a half times first-us, each other one and the
 * end after a fifth to nine fifths of gap-us, one of them ten times as long. The n-th
 * stream of an ID is always the same. At the end of each a line goes to stdout, times in us
 * since the epoch: {"id":"7","n":0,"asked":..,"headers":..,"first_token":..,"gap":..,"end":..}.
 * Listens on 127.0.0.1, 127.0.0.2, ...
 */
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define MAX_ADDRESSES 100
#define BACKLOG 4096
#define REQUEST_MAX 8192
#define MAX_IDS 20000
#define MAX_CONNS 20000
#define ID_MAX 15

struct conn {
    uv_tcp_t tcp;
    struct server *server;
    size_t place; /* in the heap, from 1 on; 0: not there */
    int64_t due_ns;
    uint64_t dice;
    int next, stall; /* token that is due; the one before which it stalls */
    char request[REQUEST_MAX];
    size_t len;
    bool closing;

    char id[ID_MAX + 1];
    unsigned n;
    int64_t asked, headers, first, last, gap, end; /* us since the epoch; gap: us */
};

struct server {
    uv_loop_t loop;
    uv_tcp_t listeners[MAX_ADDRESSES];
    uv_poll_t due;
    int due_fd, tokens;
    const struct form *form;
    int64_t first_us, gap_us;
    struct conn *heap[MAX_CONNS + 1]; /* by due_ns, from 1 on */
    size_t heap_len;
    unsigned streams[MAX_IDS]; /* of an ID so far */
};

static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n";

#define EVENT(delta, more)                                                                         \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\","      \
    "\"choices\":[{\"index\":0,\"delta\":{" delta "}" more "}]}\n\n"

struct form {
    const char *role, *token, *end;
};
static const struct form chat = {
    EVENT("\"role\":\"assistant\",\"content\":\"\"", ""),
    EVENT("\"content\":\" word\"", ""),
    EVENT("", ",\"finish_reason\":\"stop\"") "data: [DONE]\n\n",
};
static const struct form plain = {
    "event: role\ndata: {\"role\":\"assistant\"}\n\n",
    "event: delta\ndata: {\"content\":\" word\"}\n\n",
    "data: [DONE]\n\n",
};

static void die(const char *what)
{
    fprintf(stderr, "stream_server: %s\n", what);
    exit(1);
}

static int64_t wall_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t roll(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* ---- who is due ------------------------------------------------------------------ */

static void put(struct server *s, size_t i, struct conn *c)
{
    s->heap[i] = c;
    c->place = i;
}

static void sift_up(struct server *s, size_t i, struct conn *c)
{
    for (; i > 1 && s->heap[i / 2]->due_ns > c->due_ns; i /= 2)
        put(s, i, s->heap[i / 2]);
    put(s, i, c);
}

static void sift_down(struct server *s, size_t i, struct conn *c)
{
    for (size_t child; (child = 2 * i) <= s->heap_len; i = child) {
        if (child < s->heap_len && s->heap[child + 1]->due_ns < s->heap[child]->due_ns)
            child++;
        if (s->heap[child]->due_ns >= c->due_ns)
            break;
        put(s, i, s->heap[child]);
    }
    put(s, i, c);
}

static void take_out(struct server *s, struct conn *c)
{
    size_t i = c->place;
    struct conn *last = i ? s->heap[s->heap_len--] : NULL;

    c->place = 0;
    if (!i || last == c)
        return;
    if (i > 1 && s->heap[i / 2]->due_ns > last->due_ns)
        sift_up(s, i, last);
    else
        sift_down(s, i, last);
}

static void arm(struct server *s)
{
    struct itimerspec at = {0};

    if (s->heap_len)
        at.it_value =
            (struct timespec){s->heap[1]->due_ns / 1000000000, s->heap[1]->due_ns % 1000000000};
    timerfd_settime(s->due_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void wait_for(struct conn *c, int64_t us)
{
    struct server *s = c->server;

    if (s->heap_len == MAX_CONNS)
        die("too many streams");
    c->due_ns = (int64_t)uv_hrtime() + us * 1000;
    sift_up(s, ++s->heap_len, c);
}

/* ---- streams ----------------------------------------------------------------------- */

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

static void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    c->closing = true;
    take_out(c->server, c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* Its stamp is from before the write: nobody can have read it earlier. */
static int64_t send_chunk(struct conn *c, const char *before, const char *text, const char *after)
{
    char all[1024];
    int n = snprintf(all, sizeof(all), "%s%zx\r\n%s\r\n%s", before, strlen(text), text, after);
    uv_buf_t buf = uv_buf_init(all, (unsigned)n);
    int64_t now = wall_us();

    if (!c->closing && uv_try_write((uv_stream_t *)&c->tcp, &buf, 1) < n)
        conn_close(c);
    return now;
}

static int64_t pause_of(struct conn *c)
{
    int64_t gap = c->server->gap_us;
    int64_t us = gap / 5 + (int64_t)(roll(&c->dice) % (uint64_t)(gap * 8 / 5 + 1));

    return c->next == c->stall ? 10 * gap + us : us;
}

static void note_gap(struct conn *c, int64_t now)
{
    if (c->last && now - c->last > c->gap)
        c->gap = now - c->last;
    c->last = now;
}

static void finish(struct conn *c)
{
    c->end = send_chunk(c, "", c->server->form->end, "0\r\n\r\n");
    note_gap(c, c->end);
    printf("{\"id\":\"%s\",\"n\":%u,\"asked\":%" PRId64 ",\"headers\":%" PRId64
           ",\"first_token\":%" PRId64 ",\"gap\":%" PRId64 ",\"end\":%" PRId64 "}\n",
           c->id, c->n, c->asked, c->headers, c->first, c->gap, c->end);
}

static void go_on(struct conn *c)
{
    if (c->next == c->server->tokens) {
        finish(c);
        return;
    }
    int64_t now = send_chunk(c, "", c->server->form->token, "");

    if (c->next++ == 0)
        c->first = now;
    note_gap(c, now);
    if (!c->closing)
        wait_for(c, pause_of(c));
}

static void on_due(uv_poll_t *poll, int status, int events)
{
    struct server *s = poll->data;

    (void)status, (void)events;
    while (s->heap_len && s->heap[1]->due_ns <= (int64_t)uv_hrtime()) {
        struct conn *c = s->heap[1];

        take_out(s, c);
        go_on(c);
    }
    arm(s);
}

static void begin(struct conn *c)
{
    struct server *s = c->server;
    const char *path = strchr(c->request, '/');
    size_t len = path ? strcspn(path + 1, " ?") : 0;
    unsigned long number;

    if (len == 0 || len > ID_MAX) {
        conn_close(c);
        return;
    }
    memcpy(c->id, path + 1, len);
    number = strtoul(c->id, NULL, 10) % MAX_IDS;
    c->n = s->streams[number]++;
    c->dice = number << 20 | c->n;
    c->stall = 1 + (int)(roll(&c->dice) % (uint64_t)s->tokens);
    c->asked = wall_us();
    c->headers = send_chunk(c, head, s->form->role, "");
    if (!c->closing)
        wait_for(c, s->first_us / 2 + (int64_t)(roll(&c->dice) % (uint64_t)(s->first_us + 1)));
    arm(s);
}

/* ---- requests ---------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct conn *c = h->data;

    (void)suggested;
    *buf = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MAX - 1 - c->len));
}

/* Whether all of it is there: its head, and as much body as that says. */
static bool complete(const struct conn *c)
{
    const char *body = strstr(c->request, "\r\n\r\n");
    const char *length = strcasestr(c->request, "\r\nContent-Length:");
    size_t want = length && length < body ? strtoul(length + 17, NULL, 10) : 0;

    return body && c->len >= (size_t)(body + 4 - c->request) + want;
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
    c->request[c->len] = '\0';
    if (!c->asked && complete(c))
        begin(c);
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

/* ---- start --------------------------------------------------------------------------- */

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

static int parse(struct server *s, int argc, char **argv, int *ret_port)
{
    static const struct option known[] = {{"first-us", 1, NULL, 'f'},  {"gap-us", 1, NULL, 'g'},
                                          {"tokens", 1, NULL, 't'},    {"port", 1, NULL, 'p'},
                                          {"addresses", 1, NULL, 'a'}, {"plain", 0, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    long addresses = 1, port = 0;

    s->form = &chat;

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        long n = optarg ? strtol(optarg, NULL, 10) : 0;

        if (c == 'f')
            s->first_us = n;
        else if (c == 'g')
            s->gap_us = n;
        else if (c == 't')
            s->tokens = (int)n;
        else if (c == 'p')
            port = n;
        else if (c == 'a')
            addresses = n;
        else if (c == 'l')
            s->form = &plain;
        else
            exit(2);
    }
    if (port < 1 || port > 65535 || addresses < 1 || addresses > MAX_ADDRESSES || s->first_us < 1 ||
        s->gap_us < 1 || s->tokens < 1)
        die("--port, --first-us, --gap-us, --tokens and a sane --addresses are needed");
    *ret_port = (int)port;
    return (int)addresses;
}

int main(int argc, char **argv)
{
    struct server *s = calloc(1, sizeof(*s));
    int port, addresses;

    if (!s)
        die("out of memory");
    addresses = parse(s, argc, argv, &port);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
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
