/* The HTTP client against servers that misbehave in every way we know. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "support/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define KEPT 8192

/* What a call ended with, kept beyond the callback. */
struct seen {
    int done;
    enum reason reason;
    bool local_fault, reused;
    int status;
    char message[512], address[128], protocol[16], body[KEPT], headers[KEPT];
    size_t body_len;
    struct phases phases;
    int64_t total_us, cert_not_after_us;
    /* data callback */
    size_t data_len;
    int data_calls;
    bool refuse_data;
};

struct fixture {
    struct spawned *web, *dns;
    uv_loop_t loop;
    struct http_client *http;
    int closed;
    char ca[128];
};

static void on_closed(void *ctx)
{
    (*(int *)ctx)++;
}

static void on_done(void *ctx, const struct http_response *r)
{
    struct seen *s = ctx;
    const struct phases *p = &r->phases;

    s->done++;
    s->reason = r->reason;
    s->local_fault = r->local_fault;
    s->reused = r->reused;
    s->status = r->status;
    s->phases = r->phases;
    s->total_us = r->total_us;
    s->cert_not_after_us = r->cert_not_after_us;
    s->body_len = r->body_len;
    str_copy(s->message, sizeof(s->message), r->message);
    str_copy(s->address, sizeof(s->address), r->address);
    str_copy(s->protocol, sizeof(s->protocol), r->protocol);
    str_copy(s->body, sizeof(s->body), r->body);
    str_copy(s->headers, sizeof(s->headers), r->headers);
    /* Whatever happened, the phases are parts of the whole. */
    assert_true(p->dns_us >= 0 && p->connect_us >= 0 && p->tls_us >= 0 && p->send_us >= 0 &&
                p->wait_us >= 0 && p->transfer_us >= 0);
    assert_int_equal(r->total_us, p->dns_us + p->connect_us + p->tls_us + p->send_us + p->wait_us +
                                      p->transfer_us);
    assert_true((r->reason == REASON_NONE) == (r->message[0] == '\0'));
}

static bool on_data(void *ctx, int64_t since_start_us, const char *data, size_t n)
{
    struct seen *s = ctx;

    assert_true(since_start_us >= 0 && data && n);
    s->data_calls++;
    s->data_len += n;
    return !s->refuse_data;
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));

    http_global_init();
    f->web = spawn_python("badserver.py");
    f->dns = spawn_python("dnsserver.py");
    snprintf(f->ca, sizeof(f->ca), "%s/ca.pem", spawn_value(f->web, "dir"));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    spawn_stop(f->web);
    spawn_stop(f->dns);
    free(f);
    http_global_cleanup();
    return 0;
}

static int open_client(void **state)
{
    struct fixture *f = *state;
    char servers[64];

    snprintf(servers, sizeof(servers), "127.0.0.1:%d", spawn_port(f->dns, "dns"));
    f->closed = 0;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(http_client_new(&f->loop, servers, &f->http, NULL), 0);
    return 0;
}

static int close_client(void **state)
{
    struct fixture *f = *state;

    if (f->http)
        http_client_close(f->http, on_closed, &f->closed);
    f->http = NULL;
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->closed, 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    return 0;
}

static char *url(struct fixture *f, char buf[static 256], const char *scheme, const char *host,
                 const char *port, const char *path)
{
    snprintf(buf, 256, "%s://%s:%d%s", scheme, host, spawn_port(f->web, port), path);
    return buf;
}

static struct http_request request(const char *to)
{
    return (struct http_request){.url = to, .timeout_us = 5 * USEC_PER_SEC, .max_body = 1 << 20};
}

static void wait_for(struct fixture *f, struct seen *s)
{
    while (!s->done)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(s->done, 1);
}

static struct seen *run(struct fixture *f, const struct http_request *req)
{
    static struct seen s;

    s = (struct seen){0};
    assert_non_null(http_start(f->http, req, NULL, on_done, &s));
    assert_int_equal(s.done, 0);
    wait_for(f, &s);
    return &s;
}

static struct seen *get(struct fixture *f, const char *path)
{
    char to[256];
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", path));

    return run(f, &req);
}

static void assert_seen(const struct seen *s, enum reason reason, const char *part)
{
    if (s->reason != reason || !strstr(s->message, part))
        fail_msg("%s: '%s' instead of %s: '%s'", reason_name(s->reason), s->message,
                 reason_name(reason), part);
}

/* ---- several at a time ------------------------------------------------------------ */

/* Three requests to a server that is this thread. */
struct trio {
    struct fixture *f;
    int listener, port;
    int accepted[3];
    int answered;
    struct one {
        struct trio *trio;
        int64_t asked_ns, done_ns, total_us;
        int64_t data_ns, data_us; /* when the data callback came, and what it was told */
    } at[3];
    int done;
};

static void trio_answer(struct trio *t)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    assert_int_equal(write(t->accepted[t->answered++], text, sizeof(text) - 1), sizeof(text) - 1);
}

static void on_trio_done(void *ctx, const struct http_response *r)
{
    struct one *one = ctx;
    struct trio *t = one->trio;

    assert_int_equal(r->status, 200);
    one->done_ns = clock_mono_ns();
    one->total_us = r->total_us;
    if (t->done++ == 0 && t->answered < 3)
        trio_answer(t); /* the third, while the second's end is still to come */
    while (clock_mono_ns() - one->done_ns < 20 * 1000000) /* such as a long judgement */
        ;
}

static void trio_open(struct trio *t, struct fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);

    *t = (struct trio){.f = f};
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(t->listener, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(t->listener, 8), 0);
    assert_int_equal(getsockname(t->listener, (struct sockaddr *)&a, &n), 0);
    t->port = ntohs(a.sin_port);
}

/* Asks, and sees the request through to the server. */
static void trio_ask(struct trio *t, int i, http_data_fn data)
{
    char to[64], seen[1024] = "";
    size_t n = 0;

    snprintf(to, sizeof(to), "http://127.0.0.1:%d/", t->port);
    struct http_request req = request(to);

    t->at[i] = (struct one){.trio = t, .asked_ns = clock_mono_ns()};
    http_start(t->f->http, &req, data, on_trio_done, &t->at[i]);
    uv_run(&t->f->loop, UV_RUN_NOWAIT);
    t->accepted[i] = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(t->accepted[i] >= 0);
    while (!strstr(seen, "\r\n\r\n")) {
        uv_run(&t->f->loop, UV_RUN_NOWAIT);
        ssize_t got = read(t->accepted[i], seen + n, sizeof(seen) - 1 - n);

        n += got > 0 ? (size_t)got : 0;
    }
}

/* What comes in while one call ends was there before the next one ended. */
static void test_ends_do_not_delay_stamps(void **state)
{
    struct trio t;

    trio_open(&t, *state);
    for (int i = 0; i < 3; i++)
        trio_ask(&t, i, NULL);
    trio_answer(&t);
    trio_answer(&t);
    while (t.done < 3)
        uv_run(&t.f->loop, UV_RUN_ONCE);
    int64_t second_ns = t.at[t.at[0].done_ns > t.at[1].done_ns ? 0 : 1].done_ns;

    assert_true(t.at[2].done_ns > second_ns);
    assert_true(t.at[2].total_us <= (second_ns - t.at[2].asked_ns) / 1000);
    for (int i = 0; i < 3; i++)
        close(t.accepted[i]);
    close(t.listener);
}

static bool on_trio_data(void *ctx, int64_t since_start_us, const char *data, size_t n)
{
    struct one *one = ctx;

    (void)data, (void)n;
    one->data_ns = clock_mono_ns();
    one->data_us = since_start_us;
    while (clock_mono_ns() - one->data_ns < 20 * 1000000) /* such as a long event */
        ;
    return true;
}

/* What was ready together is stamped alike, whoever is served first. */
static void test_data_does_not_delay_stamps(void **state)
{
    struct trio t;

    trio_open(&t, *state);
    for (int i = 0; i < 3; i++)
        trio_ask(&t, i, on_trio_data);
    for (int i = 0; i < 3; i++)
        trio_answer(&t);
    while (t.done < 3)
        uv_run(&t.f->loop, UV_RUN_ONCE);
    int64_t first_ns = INT64_MAX;

    for (int i = 0; i < 3; i++)
        first_ns = t.at[i].data_ns < first_ns ? t.at[i].data_ns : first_ns;
    for (int i = 0; i < 3; i++) {
        assert_true(t.at[i].data_us <= (first_ns - t.at[i].asked_ns) / 1000);
        close(t.accepted[i]);
    }
    close(t.listener);
}

/* ---- responses ------------------------------------------------------------------ */

static void test_ok(void **state)
{
    struct seen *s = get(*state, "/ok");

    assert_seen(s, REASON_NONE, "");
    assert_int_equal(s->status, 200);
    assert_string_equal(s->body, "ok");
    assert_string_equal(s->headers, "Content-Length: 2\r\n");
    assert_string_equal(s->protocol, "HTTP/1.1");
    assert_memory_equal(s->address, "127.0.0.1:", 10);
    assert_false(s->reused);
    assert_int_equal(s->phases.tls_us, 0);
    assert_true(s->total_us > 0);
}

static void test_statuses(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *body;
    } cases[] = {
        {"/204", 204, ""},
        {"/503", 503, "no"},
        {"/redirect", 302, ""},
        {"/old", 200, "old"},
        {"/chunked", 200, "hellohellohello"},
        {"/slow-headers", 200, "ok"},
        {"/nothing-here", 404, "no such path"},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        struct seen *s = get(*state, cases[i].path);

        assert_seen(s, REASON_NONE, "");
        assert_int_equal(s->status, cases[i].status);
        assert_string_equal(s->body, cases[i].body);
    }
    assert_string_equal(get(*state, "/old")->protocol, "HTTP/1.0");
}

static void test_headers(void **state)
{
    struct http_response r = {.reason = REASON_NONE};
    char value[16];
    struct seen *s = get(*state, "/folded");

    r.headers = s->headers;
    assert_true(http_header(&r, "x-long", value, sizeof(value)));
    assert_string_equal(value, "one two three");
    assert_true(http_header(&r, "X-PAD", value, sizeof(value)));
    assert_string_equal(value, "padded");
    assert_true(http_header(&r, "X-Empty", value, sizeof(value)));
    assert_string_equal(value, "");
    assert_true(http_header(&r, "x-long", value, 4));
    assert_string_equal(value, "one");
    assert_false(http_header(&r, "X-Lon", value, sizeof(value)));
    assert_false(http_header(&r, "HTTP/1.1 200 OK", value, sizeof(value)));
    assert_string_equal(get(*state, "/interim")->headers, "Content-Length: 2\r\n");
    assert_null(strstr(get(*state, "/chunked")->headers, "X-Trailer"));
}

/* What the server received, by its own account. */
static void test_request(void **state)
{
    struct fixture *f = *state;
    char to[256];
    static const char *const headers[] = {"X-One: 1", "X-Empty:", "User-Agent: nines/test"};
    struct http_request req = request(url(f, to, "http", "localhost", "http", "/echo"));

    req.method = "PUT";
    req.headers = headers;
    req.header_count = countof(headers);
    req.body = "hello";
    req.body_len = 5;
    req.bearer = "t0ken";
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_NONE, "");
    assert_memory_equal(s->body, "PUT /echo HTTP/1.1\r\n", 20);
    assert_non_null(strstr(s->body, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(s->body, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(s->body, "\r\nUser-Agent: nines/test\r\n"));
    assert_non_null(strstr(s->body, "\r\nAuthorization: Bearer t0ken\r\n"));
    assert_non_null(strstr(s->body, "\r\nHost: localhost:"));
    assert_null(strstr(s->body, "Content-Type"));
    assert_null(strstr(s->body, "Expect"));
    assert_non_null(strstr(s->body, "\r\n\r\nhello"));

    req = request(to);
    req.user = "me";
    req.password = "pw";
    req.method = "POST";
    s = run(f, &req);
    assert_memory_equal(s->body, "POST /echo", 10);
    assert_non_null(strstr(s->body, "\r\nContent-Length: 0\r\n"));
    assert_non_null(strstr(s->body, "\r\nAuthorization: Basic bWU6cHc=\r\n"));

    req = request(to);
    req.method = "HEAD";
    s = run(f, &req);
    assert_int_equal(s->status, 200);
    assert_int_equal(s->body_len, 0);
    req.method = "DELETE";
    assert_memory_equal(run(f, &req)->body, "DELETE /echo", 12);
}

static void test_large_request(void **state)
{
    struct fixture *f = *state;
    char to[256];
    size_t n = 300000;
    mem_auto char *body = mem_alloc(n);
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/echo"));

    memset(body, 'q', n);
    req.method = "POST";
    req.body = body;
    req.body_len = n;
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_NONE, "");
    assert_true(s->body_len > n);
    assert_non_null(strstr(s->body, "Content-Length: 300000"));
}

static void test_server_name_and_unix(void **state)
{
    struct fixture *f = *state;
    char to[256], path[160];
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/echo"));

    req.server_name = "good.example";
    assert_non_null(strstr(run(f, &req)->body, "\r\nHost: good.example:"));
    req = request("http://anything/echo");
    snprintf(path, sizeof(path), "%s/http.sock", spawn_value(f->web, "dir"));
    req.unix_socket = path;
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_NONE, "");
    assert_non_null(strstr(s->body, "\r\nHost: anything\r\n"));
    assert_memory_equal(s->address, "unix:", 5);
}

static void test_reuse(void **state)
{
    struct fixture *f = *state;
    char to[256], first[32];
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/connection"));

    str_copy(first, sizeof(first), run(f, &req)->body);
    assert_string_not_equal(run(f, &req)->body, first);
    req.reuse = true;
    str_copy(first, sizeof(first), run(f, &req)->body);
    struct seen *s = run(f, &req);

    assert_string_equal(s->body, first);
    assert_true(s->reused);
    assert_int_equal(s->phases.connect_us, 0);
    assert_int_equal(s->phases.tls_us, 0);
    req.reuse = false;
    s = run(f, &req);
    assert_string_not_equal(s->body, first);
    assert_false(s->reused);
}

static void count_turn(uv_prepare_t *p)
{
    (*(int *)p->data)++;
}

static void on_pause_over(uv_timer_t *t)
{
    uv_stop(t->loop);
}

/* A kept connection that its server closes is no work for the loop, and the
 * next request makes one of its own. */
static void test_closed_while_kept(void **state)
{
    struct fixture *f = *state;
    char to[256], later[256];
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/gone"));
    static uv_prepare_t turn; /* closed after a failed assertion has left here */
    static uv_timer_t pause;
    int turns = 0;

    req.reuse = true;
    assert_int_equal(run(f, &req)->status, 404);
    uv_prepare_init(&f->loop, &turn);
    turn.data = &turns;
    uv_prepare_start(&turn, count_turn);
    uv_timer_init(&f->loop, &pause);
    uv_timer_start(&pause, on_pause_over, 100, 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&turn, NULL);
    uv_close((uv_handle_t *)&pause, NULL);
    assert_in_range(turns, 1, 20);
    req.url = url(f, later, "http", "127.0.0.1", "http", "/connection");
    assert_false(run(f, &req)->reused);
    assert_true(run(f, &req)->reused);
}

static void test_data(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/chunked"));
    struct seen s = {0};

    http_start(f->http, &req, on_data, on_done, &s);
    wait_for(f, &s);
    assert_seen(&s, REASON_NONE, "");
    assert_int_equal(s.data_len, 15);
    assert_true(s.data_calls > 1);
    s = (struct seen){.refuse_data = true};
    http_start(f->http, &req, on_data, on_done, &s);
    wait_for(f, &s);
    assert_seen(&s, REASON_BODY, "the body was refused after 5 bytes");
    assert_int_equal(s.data_calls, 1);
    assert_int_equal(s.status, 200);
}

/* ---- failures --------------------------------------------------------------------- */

static void test_bad_responses(void **state)
{
    static const struct {
        const char *path;
        enum reason reason;
        const char *message;
    } cases[] = {
        {"/big", REASON_BODY, "the body is over 1MiB"},
        {"/endless-body", REASON_BODY, "the body is over 1MiB"},
        {"/endless-headers", REASON_PROTOCOL, "the response headers are over 256KiB"},
        {"/endless-line", REASON_PROTOCOL, "a response header line is over 100KiB"},
        {"/endless-interim", REASON_PROTOCOL, "the response headers are over 256KiB"},
        {"/truncated", REASON_TRUNCATED, "the connection closed after 10 of 100 body bytes"},
        {"/truncated-chunk", REASON_TRUNCATED, "before the response ended"},
        {"/reset", REASON_TRUNCATED, "the connection broke before a response"},
        {"/reset-in-body", REASON_TRUNCATED, "the connection broke within the response"},
        {"/empty", REASON_TRUNCATED, "the connection closed without a response"},
        {"/garbage", REASON_PROTOCOL, "the response is not valid HTTP"},
        {"/bad-status", REASON_PROTOCOL, "the response is not valid HTTP"},
        {"/bad-version", REASON_PROTOCOL, "the response is not valid HTTP"},
        {"/no-colon", REASON_PROTOCOL, "the response is not valid HTTP"},
        {"/bad-length", REASON_PROTOCOL, "the response is not valid HTTP"},
        {"/bad-chunk", REASON_PROTOCOL, "the response is not valid HTTP"},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        struct seen *s = get(*state, cases[i].path);

        if (s->reason != cases[i].reason || !strstr(s->message, cases[i].message))
            fail_msg("%s: %s '%s'", cases[i].path, reason_name(s->reason), s->message);
        assert_false(s->local_fault);
    }
}

static void test_deadlines(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *scheme, *port, *path;
        enum reason reason;
        const char *message;
    } cases[] = {
        {"http", "http", "/hang", REASON_TTFB_TIMEOUT, "no response within 300ms"},
        {"http", "http", "/drip", REASON_TOTAL_TIMEOUT, "did not end within 300ms: 1 body bytes"},
        {"http", "http", "/drip-status", REASON_TOTAL_TIMEOUT, "0 body bytes so far"},
        {"http", "backlog", "/", REASON_CONNECT, "within 300ms"},
        {"https", "tls-silent", "/", REASON_TLS, "did not end within 300ms"},
        {"https", "http", "/", REASON_TLS, "did not end within 300ms"},
        {"https", "https-good", "/hang", REASON_TTFB_TIMEOUT, "no response within 300ms"},
    };
    struct seen seen[countof(cases)] = {0}, beside = {0};
    char to[256];

    for (size_t i = 0; i < countof(cases); i++) {
        struct http_request req =
            request(url(f, to, cases[i].scheme, "127.0.0.1", cases[i].port, cases[i].path));

        req.timeout_us = 300000;
        req.insecure = true;
        http_start(f->http, &req, NULL, on_done, &seen[i]);
    }
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/ok"));

    http_start(f->http, &req, NULL, on_done, &beside);
    wait_for(f, &beside);
    for (size_t i = 0; i < countof(cases); i++)
        assert_int_equal(seen[i].done, 0); /* a run next to them is not stalled */
    for (size_t i = 0; i < countof(cases); i++) {
        wait_for(f, &seen[i]);
        if (seen[i].reason != cases[i].reason || !strstr(seen[i].message, cases[i].message))
            fail_msg("%s %s: %s '%s'", cases[i].port, cases[i].path, reason_name(seen[i].reason),
                     seen[i].message);
        assert_true(seen[i].total_us >= 300000);
        if (seen[i].reason == REASON_TLS) /* the time is where the failure is */
            assert_true(seen[i].phases.tls_us > seen[i].phases.connect_us);
    }
}

static void test_unread_request(void **state)
{
    struct fixture *f = *state;
    char to[256];
    size_t n = 16 << 20;
    mem_auto char *body = mem_alloc(n);
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "never-read", "/"));

    req.method = "POST";
    req.body = body;
    req.body_len = n;
    req.timeout_us = 500000;
    assert_seen(run(f, &req), REASON_WRITE, "of 16777216 request bytes within 500ms");
}

static void test_connect_failures(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "refused", "/"));
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_CONNECT, "connection refused by 127.0.0.1:");
    assert_int_equal(s->status, 0);
    assert_string_equal(s->protocol, "");
    req = request(url(f, to, "http", "localhost", "refused", "/"));
    assert_seen(run(f, &req), REASON_CONNECT, "(2 addresses tried)");
    req.connect_timeout_us = 100000;
    req.url = url(f, to, "http", "127.0.0.1", "backlog", "/");
    assert_seen(run(f, &req), REASON_CONNECT, "within 100ms");
    req = request("http://anything/");
    req.unix_socket = "/nonexistent/socket";
    assert_seen(run(f, &req), REASON_CONNECT, "unix:/nonexistent/socket: No such file");
}

static void test_bad_requests(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = {"ftp://127.0.0.1/", "http://", "nonsense", "",
                                       "http://127.0.0.1:99999/"};
    static const char *const broken[] = {"X-A: 1\r\nX-B: 2"};

    for (size_t i = 0; i < countof(urls); i++) {
        struct http_request req = request(urls[i]);
        struct seen *s = run(f, &req);

        assert_int_equal(s->reason, REASON_PROBER);
        assert_true(s->local_fault);
    }
    struct http_request req = request("http://127.0.0.1/");

    req.headers = broken;
    req.header_count = 1;
    assert_seen(run(f, &req), REASON_PROBER, "a line break in a request header");
}

static void test_no_descriptors(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, none;
    char to[256];
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/ok"));

    assert_seen(run(f, &req), REASON_NONE, "");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_PROBER, "Too many open files");
    assert_true(s->local_fault);
    req.url = "http://nx.example/";
    s = run(f, &req);
    assert_seen(s, REASON_PROBER, "no socket for a DNS query");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* ---- names ------------------------------------------------------------------------ */

static void test_names(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct http_request req = request(url(f, to, "http", "ok.example", "http", "/echo"));
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_NONE, "");
    assert_non_null(strstr(s->body, "Host: ok.example:"));
    assert_true(s->phases.dns_us > 0);
    req.url = url(f, to, "http", "nx.example", "http", "/");
    assert_seen(run(f, &req), REASON_DNS, "lookup of nx.example: no such name (NXDOMAIN)");
    req.url = url(f, to, "http", "servfail.example", "http", "/");
    assert_seen(run(f, &req), REASON_DNS, "SERVFAIL");
    req.url = url(f, to, "http", "ok.example", "http", "/ok");
    req.family = IP_V6;
    assert_seen(run(f, &req), REASON_DNS, "the name has no address");
    req.url = url(f, to, "http", "silent.example", "http", "/");
    req.connect_timeout_us = 200000;
    assert_seen(run(f, &req), REASON_DNS, "lookup of silent.example did not end within 200ms");
}

/* The first address refuses (nobody listens on 127.0.0.2), the second serves. */
static void test_second_address(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct http_request req = request(url(f, to, "http", "two.example", "http", "/ok"));
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_NONE, "");
    assert_memory_equal(s->address, "127.0.0.1:", 10);
    req.url = url(f, to, "http", "two.example", "refused", "/ok");
    assert_seen(run(f, &req), REASON_CONNECT, "connection refused by 127.0.0.1:");
}

/* ---- TLS -------------------------------------------------------------------------- */

static struct seen *get_tls(struct fixture *f, const char *host, const char *port,
                            const char *ca_file)
{
    char to[256];
    struct http_request req = request(url(f, to, "https", host, port, "/ok"));

    req.ca_file = ca_file;
    return run(f, &req);
}

static void test_tls(void **state)
{
    struct fixture *f = *state;
    struct seen *s = get_tls(f, "localhost", "https-good", f->ca);

    assert_seen(s, REASON_NONE, "");
    assert_int_equal(s->status, 200);
    assert_true(s->phases.tls_us > 0);
    assert_int_equal(s->cert_not_after_us, 4071006245LL * USEC_PER_SEC);
    s = get_tls(f, "127.0.0.1", "https-good", f->ca);
    assert_seen(s, REASON_NONE, "");
}

static void test_certificates(void **state)
{
    struct fixture *f = *state;
    struct seen *s = get_tls(f, "localhost", "https-expired", f->ca);

    assert_seen(s, REASON_CERT, "the certificate expired 2024-01-01");
    assert_int_equal(s->cert_not_after_us, 1704067200LL * USEC_PER_SEC);
    assert_seen(get_tls(f, "localhost", "https-early", f->ca), REASON_CERT,
                "the certificate is not valid before 2090-01-01");
    assert_seen(get_tls(f, "localhost", "https-self", f->ca), REASON_CERT, "self-signed");
    assert_seen(get_tls(f, "localhost", "https-wrong", f->ca), REASON_CERT,
                "the certificate is for other.example, third.example, not for localhost");
    assert_seen(get_tls(f, "localhost", "https-good", NULL), REASON_CERT, "issuer is not trusted");
    assert_seen(get_tls(f, "localhost", "not-tls", f->ca), REASON_TLS, "wrong version number");
    s = get_tls(f, "localhost", "https-good", "/nonexistent/ca.pem");
    assert_seen(s, REASON_PROBER, "CA file /nonexistent/ca.pem: No such file");
    assert_true(s->local_fault);
}

static void test_insecure(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct http_request req = request(url(f, to, "https", "localhost", "https-expired", "/ok"));

    req.insecure = true;
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_NONE, "");
    assert_int_equal(s->cert_not_after_us, 1704067200LL * USEC_PER_SEC);
}

static void test_client_certificate(void **state)
{
    struct fixture *f = *state;
    char to[256], cert[160], key[160];
    struct http_request req = request(url(f, to, "https", "localhost", "https-client", "/ok"));

    req.ca_file = f->ca;
    assert_seen(run(f, &req), REASON_TLS, "certificate required");
    snprintf(cert, sizeof(cert), "%s/client.pem", spawn_value(f->web, "dir"));
    snprintf(key, sizeof(key), "%s/client.key", spawn_value(f->web, "dir"));
    req.cert_file = cert;
    req.key_file = key;
    assert_seen(run(f, &req), REASON_NONE, "");
    req.key_file = "/nonexistent.key";
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_PROBER, "client certificate");
    assert_true(s->local_fault);
}

static void test_tls_server_name(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct http_request req = request(url(f, to, "https", "ok.example", "https-good", "/echo"));

    req.ca_file = f->ca;
    assert_seen(run(f, &req), REASON_CERT, "not for ok.example");
    req.server_name = "good.example";
    struct seen *s = run(f, &req);

    assert_seen(s, REASON_NONE, "");
    assert_non_null(strstr(s->body, "Host: good.example:"));
}

static void test_tls_reuse(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct http_request req =
        request(url(f, to, "https", "localhost", "https-good", "/connection"));

    req.ca_file = f->ca;
    req.reuse = true;
    assert_false(run(f, &req)->reused);
    struct seen *s = run(f, &req);

    assert_true(s->reused);
    assert_int_equal(s->phases.tls_us, 0);
    assert_int_equal(s->cert_not_after_us, 4071006245LL * USEC_PER_SEC);
}

/* ---- life -------------------------------------------------------------------------- */

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {"/ok", "/hang", "/drip", "/endless-body"};
    char to[256];

    for (int turns = 0; turns < 12; turns++)
        for (size_t i = 0; i < countof(paths); i++) {
            struct seen s = {0};
            struct http_request req =
                request(url(f, to, i & 1 ? "https" : "http", i & 2 ? "late.example" : "localhost",
                            i & 1 ? "https-good" : "http", paths[i]));

            req.ca_file = f->ca;
            req.dns_fresh = true;
            req.max_body = 64 << 20;
            struct http_call *call = http_start(f->http, &req, NULL, on_done, &s);

            for (int t = 0; t < turns && !s.done; t++)
                uv_run(&f->loop, UV_RUN_NOWAIT);
            if (!s.done) {
                http_cancel(call);
                uv_run(&f->loop, UV_RUN_NOWAIT);
                assert_int_equal(s.done, 0);
            }
        }
}

static void test_close_under_way(void **state)
{
    struct fixture *f = *state;
    static const char *const hosts[] = {"localhost", "silent.example"};
    static const char *const paths[] = {"/hang", "/drip", "/endless-headers", "/ok"};
    static struct seen seen[16];
    char to[256];

    memset(seen, 0, sizeof(seen));
    for (size_t i = 0; i < countof(seen); i++) {
        bool tls = i & 4;
        struct http_request req = request(url(f, to, tls ? "https" : "http", hosts[i >> 3],
                                              tls ? "https-good" : "http", paths[i & 3]));

        req.ca_file = f->ca;
        http_start(f->http, &req, NULL, on_done, &seen[i]);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    http_client_close(f->http, on_closed, &f->closed);
    f->http = NULL;
    int done = 0;

    for (size_t i = 0; i < countof(seen); i++)
        done += seen[i].done;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < countof(seen); i++)
        done -= seen[i].done;
    assert_int_equal(done, 0); /* nobody is told after the close */
}

static void close_in_done(void *ctx, const struct http_response *r)
{
    struct fixture *f = ctx;

    (void)r;
    http_client_close(f->http, on_closed, &f->closed);
    f->http = NULL;
}

static void test_close_in_done(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"localhost", "nx.example", "bad..name", "localhost"};
    static struct seen beside;
    char to[256];

    for (size_t i = 0; i < countof(names); i++) {
        struct http_request req =
            request(url(f, to, "http", names[i], i == 3 ? "refused" : "http", "/ok"));
        struct http_request other = request(url(f, to, "http", "localhost", "http", "/hang"));

        http_start(f->http, &other, NULL, on_done, &beside);
        req.url = url(f, to, "http", names[i], i == 3 ? "refused" : "http", "/ok");
        http_start(f->http, &req, NULL, close_in_done, f);
        while (f->http)
            uv_run(&f->loop, UV_RUN_ONCE);
        if (i + 1 == countof(names))
            return;
        close_client(state);
        open_client(state);
    }
}

struct chain {
    struct fixture *f;
    struct http_request req;
    int left, good;
};

static void next_in_chain(void *ctx, const struct http_response *r)
{
    struct chain *c = ctx;

    c->good += r->reason == REASON_NONE && r->body_len == 2;
    if (--c->left > 0)
        http_start(c->f->http, &c->req, NULL, next_in_chain, c);
}

/* Many at a time, each starting the next from its `done`. */
static void test_many(void **state)
{
    struct fixture *f = *state;
    char to[256];
    static struct chain chains[50];
    int good = 0, left = 1;

    for (size_t i = 0; i < countof(chains); i++) {
        chains[i] = (struct chain){
            .f = f, .left = 6, .req = request(url(f, to, "http", "ok.example", "http", "/ok"))};
        chains[i].req.reuse = i & 1;
        chains[i].req.timeout_us = 30 * USEC_PER_SEC;
        http_start(f->http, &chains[i].req, NULL, next_in_chain, &chains[i]);
    }
    while (left) {
        uv_run(&f->loop, UV_RUN_ONCE);
        left = good = 0;
        for (size_t i = 0; i < countof(chains); i++) {
            left += chains[i].left;
            good += chains[i].good;
        }
    }
    assert_int_equal(good, 6 * countof(chains));
}

/* A stall of the loop is not the target's slowness: the answer is in the
 * socket when the deadline is seen. */
static void test_stalled_loop(void **state)
{
    struct fixture *f = *state;
    char to[256];
    struct seen s = {0};
    struct http_request req = request(url(f, to, "http", "127.0.0.1", "http", "/slow-headers"));
    int64_t until = clock_mono_ns() + 250 * 1000000LL;

    req.timeout_us = 600000;
    http_start(f->http, &req, NULL, on_done, &s);
    while (clock_mono_ns() < until)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    usleep(450000); /* from when curl's own timers have run out to past the deadline */
    wait_for(f, &s);
    assert_seen(&s, REASON_NONE, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ends_do_not_delay_stamps),
        TEST(test_data_does_not_delay_stamps),
        TEST(test_ok),
        TEST(test_statuses),
        TEST(test_headers),
        TEST(test_request),
        TEST(test_large_request),
        TEST(test_server_name_and_unix),
        TEST(test_reuse),
        TEST(test_closed_while_kept),
        TEST(test_data),
        TEST(test_bad_responses),
        TEST(test_deadlines),
        TEST(test_unread_request),
        TEST(test_connect_failures),
        TEST(test_bad_requests),
        TEST(test_no_descriptors),
        TEST(test_names),
        TEST(test_second_address),
        TEST(test_tls),
        TEST(test_certificates),
        TEST(test_insecure),
        TEST(test_client_certificate),
        TEST(test_tls_server_name),
        TEST(test_tls_reuse),
        TEST(test_cancel),
        TEST(test_close_under_way),
        TEST(test_close_in_done),
        TEST(test_many),
        TEST(test_stalled_loop),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
