/*
 * The web thread over real sockets: routes, limits, the control socket, jobs.
 */
#include "engine/edit.h"
#include "web/web.h"

#include "base/mem.h"
#include "base/str.h"
#include "client.h"
#include "fixture.h"
#include "io/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

struct world {
    struct config *config;
    struct status_board board;
    char dir[64], path[96];
    struct web *web;

    /* what the callbacks do and saw */
    sem_t entered; /* posted when an import begins */
    sem_t gate;    /* taken before it reads on, when gated */
    bool gated, fail;
    _Atomic size_t bytes;
    _Atomic unsigned sum; /* of all bytes */
    _Atomic int64_t create_us, id;
    _Atomic bool replace, aborted;
    _Atomic int reloads;
};

static int import(void *ctx, struct web_body *body, const struct web_import *how,
                  struct import_totals *ret, struct err *reterr)
{
    struct world *w = ctx;
    unsigned char buf[1000];
    ssize_t n;

    w->create_us = how->create_interval_us;
    w->replace = how->replace;
    w->id = how->id;
    sem_post(&w->entered);
    if (w->gated)
        sem_wait(&w->gate);
    ret->lines = ret->inserted = w->fail ? 2 : 0;
    if (w->fail)
        return err_set(reterr, "line 3: \"time\" is missing");
    while ((n = web_body_read(body, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            w->sum += buf[i];
            ret->lines += buf[i] == '\n';
        }
        w->bytes += (size_t)n;
    }
    ret->inserted = ret->lines - 1;
    ret->same = 1;
    w->aborted = n < 0;
    return n < 0 ? err_set(reterr, "the upload broke off") : 0;
}

static int reload(void *ctx, struct err *reterr)
{
    struct world *w = ctx;

    w->reloads++;
    return w->fail ? err_set(reterr, "probes/a.yaml:3:1: unknown key") : 0;
}

static int edit(void *ctx, const char *request, size_t n, struct str *answer, struct err *reterr)
{
    const struct world *w = ctx;

    if (w->fail)
        return err_set(reterr, "there is no annotation 7");
    str_addf(answer, "{\"bytes\":%zu,\"first\":\"%c\"}", n, *request);
    return 0;
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    struct err err;

    str_copy(w->dir, sizeof(w->dir), "/tmp/nines-web-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof(w->path), "%s/nines.db.sock", w->dir);
    w->config = fixture_config();
    status_board_init(&w->board, NULL, NULL);
    sem_init(&w->entered, 0, 0);
    sem_init(&w->gate, 0, 0);
    struct web_options o = {
        .listen = "127.0.0.1:0",
        .control_path = w->path,
        .board = &w->board,
        .import = import,
        .edit = edit,
        .reload = reload,
        .ctx = w,
    };
    assert_int_equal(web_start(&o, &w->web, &err), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    struct stat st;

    if (w->web)
        web_stop(w->web);
    assert_int_equal(lstat(w->path, &st), -1);
    assert_int_equal(rmdir(w->dir), 0);
    status_board_release(&w->board);
    assert_int_equal(w->config->refs, 1);
    fixture_config_free(w->config);
    sem_destroy(&w->entered);
    sem_destroy(&w->gate);
    free(w);
    return 0;
}

static void answers(const struct world *w, const char *line, const char *status, const char *part)
{
    mem_auto char *answer = client_get(web_address(w->web), line);

    if (!str_starts(answer, status))
        fail_msg("%s: expected %s, got %s", line, status, answer);
    if (!strstr(answer, part))
        fail_msg("%s: no \"%s\" in %s", line, part, answer);
}

static void test_documents(void **state)
{
    struct world *w = *state;

    answers(w, "GET /livez", "HTTP/1.1 200", "ok");
    answers(w, "GET /readyz", "HTTP/1.1 503", "\"starting\"");
    answers(w, "GET /metrics", "HTTP/1.1 200", "nines_ready 0");

    status_publish(&w->board, fixture_status(w->config));
    answers(w, "GET /readyz", "HTTP/1.1 200", "\"ready\": true");
    answers(w, "GET /health", "HTTP/1.1 200", "api-availability");
    answers(w, "GET /metrics", "HTTP/1.1 200", "text/plain; version=0.0.4");
    answers(w, "GET /metrics", "HTTP/1.1 200", "nines_ready 1\n");
    answers(w, "GET /version", "HTTP/1.1 200", NINES_VERSION);
    answers(w, "GET /", "HTTP/1.1 200", "/metrics");

    struct status *full = fixture_status(w->config);
    full->store.queued_bytes = full->store.queue_limit_bytes;
    status_publish(&w->board, full);
    answers(w, "GET /readyz", "HTTP/1.1 503", "\"queue\"");
    answers(w, "GET /livez", "HTTP/1.1 200", "ok");
}

static void test_refusals(void **state)
{
    struct world *w = *state;

    answers(w, "GET /nothing", "HTTP/1.1 404", "error");
    answers(w, "POST /metrics", "HTTP/1.1 405", "Allow: GET, HEAD");
    answers(w, "POST /v1/reload", "HTTP/1.1 404", "error"); /* not over TCP */
    assert_int_equal(w->reloads, 0);

    mem_auto char *head = client_get(web_address(w->web), "HEAD /livez");
    assert_true(str_starts(head, "HTTP/1.1 200"));
    assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");

    /* An unwanted body is not read: the answer comes without it. */
    int fd = client_connect_tcp(web_address(w->web));
    client_send(fd, "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    mem_auto char *body = client_read_all(fd);
    assert_true(str_starts(body, "HTTP/1.1 413"));
    close(fd);

    /* Endless headers. */
    mem_auto char *line = mem_alloc(20001);
    memset(line, 'x', 20000);
    fd = client_connect_tcp(web_address(w->web));
    client_send(fd, "GET /livez HTTP/1.1\r\nHost: ");
    client_send(fd, line);
    mem_auto char *large = client_read_all(fd);
    if (!str_starts(large, "HTTP/1.1 431") && !str_starts(large, "HTTP/1.1 413"))
        fail_msg("%s", large);
    close(fd);
}

static void test_keep_alive(void **state)
{
    struct world *w = *state;
    int fd = client_connect_tcp(web_address(w->web));

    for (int i = 0; i < 5; i++) {
        client_send(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        mem_auto char *answer = client_read_answer(fd);
        assert_true(str_starts(answer, "HTTP/1.1 200"));
    }
    close(fd);
}

/* One address gets 32 connections; the next one is closed unanswered. */
static void test_per_address(void **state)
{
    struct world *w = *state;
    int fds[32];

    for (size_t i = 0; i < countof(fds); i++) {
        fds[i] = client_connect_tcp(web_address(w->web));
        client_send(fds[i], "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        mem_auto char *answer = client_read_answer(fds[i]);
        assert_true(str_starts(answer, "HTTP/1.1 200"));
    }
    int extra = client_connect_tcp(web_address(w->web));
    mem_auto char *nothing = client_read_all(extra);
    assert_string_equal(nothing, "");
    close(extra);
    for (size_t i = 0; i < countof(fds); i++)
        close(fds[i]);
}

/* ---- the control socket -------------------------------------------------------- */

static char *control(const struct world *w, const char *request)
{
    int fd = client_connect_unix(w->path);

    client_send(fd, request);
    char *answer = client_read_all(fd);
    close(fd);
    return answer;
}

static void test_control(void **state)
{
    struct world *w = *state;
    struct stat st;

    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    mem_auto char *index = control(w, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(index, "/v1/import"));
    mem_auto char *ok = control(w, "POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                                   "Connection: close\r\n\r\n");
    assert_true(str_starts(ok, "HTTP/1.1 200"));
    w->fail = true;
    mem_auto char *bad = control(w, "POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                                    "Connection: close\r\n\r\n");
    assert_true(str_starts(bad, "HTTP/1.1 409"));
    assert_non_null(strstr(bad, "{\"error\":\"probes/a.yaml:3:1: unknown key\"}"));
    assert_int_equal(w->reloads, 2);
}

static void test_edits(void **state)
{
    struct world *w = *state;
    size_t n = EDIT_REQUEST_MAX + 1;
    struct str request;

    mem_auto char *ok = control(w, "POST /v1/edit HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                                   "Connection: close\r\n\r\nabcde");
    assert_true(str_starts(ok, "HTTP/1.1 200"));
    assert_non_null(strstr(ok, "{\"bytes\":5,\"first\":\"a\"}"));
    w->fail = true;
    mem_auto char *bad = control(w, "POST /v1/edit HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                                    "Connection: close\r\n\r\n{}");
    assert_true(str_starts(bad, "HTTP/1.1 400"));
    assert_non_null(strstr(bad, "{\"error\":\"there is no annotation 7\"}"));

    w->fail = false;
    str_init(&request, 2 * n);
    str_addf(&request,
             "POST /v1/edit HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nConnection: close\r\n"
             "\r\n%*s",
             n, (int)n, "");
    mem_auto char *large = control(w, request.buf);
    str_release(&request);
    assert_true(str_starts(large, "HTTP/1.1 413"));
    answers(w, "POST /v1/edit", "HTTP/1.1 404", "error"); /* not over TCP */
}

#define UPLOAD_LINES 50000

static char *make_upload(size_t *ret_n, unsigned *ret_sum)
{
    struct str s;

    str_init(&s, 8 << 20);
    for (int i = 0; i < UPLOAD_LINES; i++)
        str_addf(&s, "{\"probe\":\"a\",\"n\":%d,\"pad\":\"xxxxxxxx\"}\n", i);
    *ret_n = s.len;
    *ret_sum = 0;
    for (size_t i = 0; i < s.len; i++)
        *ret_sum += (unsigned char)s.buf[i];
    char *text = str_detach(&s);
    str_release(&s);
    return text;
}

/* Sends until the server takes no more: the job does not read yet, so that is
 * when its buffer and the socket's are full. */
static size_t send_until_full(int fd, const char *data, size_t n)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    size_t sent = 0;

    while (sent < n && poll(&p, 1, 300) == 1) {
        ssize_t done = send(fd, data + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(done > 0);
        sent += (size_t)done;
    }
    return sent;
}

/* More than fits into the buffer, so the client is paused and resumed. */
static void test_import(void **state)
{
    struct world *w = *state;
    unsigned sum;
    size_t n;
    char head[192];
    mem_auto char *upload = make_upload(&n, &sum);
    int fd = client_connect_unix(w->path);

    w->gated = true;
    snprintf(head, sizeof(head),
             "POST /v1/import?create_interval_us=15000000&replace=1&id=77 HTTP/1.1\r\n"
             "Host: x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
             n);
    client_send(fd, head);
    size_t sent = send_until_full(fd, upload, n);
    assert_in_range(sent, 256 << 10, n - 1);
    sem_post(&w->gate);
    client_send(fd, upload + sent);
    mem_auto char *answer = client_read_all(fd);
    close(fd);
    assert_true(str_starts(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, "{\"lines\":50000,\"inserted\":49999,\"same\":1,"
                                   "\"different\":0,\"replaced\":0}"));
    assert_int_equal(w->bytes, n);
    assert_int_equal(w->sum, sum);
    assert_int_equal(w->create_us, 15000000);
    assert_int_equal(w->id, 77);
    assert_true(w->replace);
    w->gated = false;

    /* In chunks. */
    mem_auto char *chunks = control(w, "POST /v1/import HTTP/1.1\r\nHost: x\r\n"
                                       "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "3\r\n{}\n\r\n4\r\n{ }\n\r\n0\r\n\r\n");
    assert_non_null(strstr(chunks, "{\"lines\":2,"));
    assert_false(w->replace);

    mem_auto char *bad = control(w, "POST /v1/import?replace=yes HTTP/1.1\r\nHost: x\r\n"
                                    "Content-Length: 5\r\n\r\n{}\n{}");
    assert_true(str_starts(bad, "HTTP/1.1 400"));
}

/* The job gives up while the client is paused: the rest is read past it. */
static void test_import_fails(void **state)
{
    struct world *w = *state;
    char head[128];
    int fd = client_connect_unix(w->path);

    w->fail = w->gated = true;
    snprintf(head, sizeof(head),
             "POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
             "Connection: close\r\n\r\n",
             4 << 20);
    client_send(fd, head);
    sem_wait(&w->entered);
    mem_auto char *block = mem_alloc((1 << 20) + 1);
    memset(block, 'x', 1 << 20);
    sem_post(&w->gate);
    for (int i = 0; i < 4; i++)
        client_send(fd, block);
    mem_auto char *answer = client_read_all(fd);
    close(fd);
    assert_true(str_starts(answer, "HTTP/1.1 400"));
    assert_non_null(strstr(answer, "{\"error\":\"line 3: \\\"time\\\" is missing\",\"lines\":2,"));
}

static int open_import(struct world *w)
{
    int fd = client_connect_unix(w->path);

    client_send(fd, "POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{}\n");
    sem_wait(&w->entered);
    return fd;
}

/* A client that leaves in the middle ends its job. */
static void test_import_client_leaves(void **state)
{
    struct world *w = *state;
    int fd = open_import(w);

    close(fd);
    while (!w->aborted)
        usleep(1000);
}

static void test_import_limit(void **state)
{
    struct world *w = *state;
    int fds[8];

    w->gated = true;
    for (size_t i = 0; i < countof(fds); i++)
        fds[i] = open_import(w);
    mem_auto char *busy = control(w, "POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                                     "\r\n{}\n");
    assert_true(str_starts(busy, "HTTP/1.1 503"));
    for (size_t i = 0; i < countof(fds); i++) {
        sem_post(&w->gate);
        close(fds[i]);
    }
}

/* A stop ends jobs that wait for their client, and calls that wait for jobs. */
static void test_stop_with_job(void **state)
{
    struct world *w = *state;
    int waiting = open_import(w), complete = client_connect_unix(w->path);

    client_send(complete, "POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{}\n");
    sem_wait(&w->entered);
    web_stop(w->web);
    w->web = NULL;
    free(client_read_all(waiting));
    free(client_read_all(complete));
    close(waiting);
    close(complete);
}

static void test_start_errors(void **state)
{
    struct world *w = *state;
    struct web_options o = {.board = &w->board};
    struct web *web;
    struct err err;
    char file[128];

    o.listen = web_address(w->web);
    assert_int_equal(web_start(&o, &web, &err), -1);
    assert_non_null(strstr(err.msg, web_address(w->web)));
    assert_non_null(strstr(err.msg, "in use"));
    const char *const wrong[] = {"9464",  "example.org:80", "127.0.0.1:99999", "::1:80",
                                 "[::1]", "127.0.0.1:-1",   "127.0.0.1:"};
    for (size_t i = 0; i < countof(wrong); i++) {
        o.listen = wrong[i];
        assert_int_equal(web_start(&o, &web, &err), -1);
        assert_non_null(strstr(err.msg, "expected ADDRESS:PORT"));
    }
    o.listen = "";
    snprintf(file, sizeof(file), "%s/file", w->dir);
    close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    o.control_path = file;
    assert_int_equal(web_start(&o, &web, &err), -1);
    assert_non_null(strstr(err.msg, "is in the way"));
    unlink(file);
    o.control_path = "/tmp/a-path-that-is-too-long-for-a-unix-socket-because-it-goes-on-and-on-and-"
                     "on-and-on-and-on-and-on-and-on-and-on-and-on";
    assert_int_equal(web_start(&o, &web, &err), -1);
    assert_non_null(strstr(err.msg, "longer than 107 bytes"));
}

/* ---- the server below: deadlines short enough for a test -------------------------- */

static void begin_ok(void *ctx, struct httpd_call *call)
{
    (void)ctx;
    httpd_reply(call, &(struct httpd_answer){200, "text/plain", "ok", 2});
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

struct dripper {
    uv_thread_t thread;
    int fd;
    bool got_answer;
};

/* A byte of a header now and then, until the server has had enough. */
static void drip(void *arg)
{
    struct dripper *d = arg;
    char c;

    (void)!send(d->fd, "GET / HTTP/1.1\r\nX: ", 19, MSG_NOSIGNAL);
    while (recv(d->fd, &c, 1, MSG_DONTWAIT) != 0) {
        if (send(d->fd, "y", 1, MSG_NOSIGNAL) < 0)
            break;
        usleep(20000);
    }
    close(d->fd);
}

static void test_slow_headers(void **state)
{
    uv_loop_t loop;
    struct httpd *h;
    struct err err;
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    bool closed = false;
    struct dripper d = {0};

    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 8), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    assert_int_equal(uv_loop_init(&loop), 0);
    struct httpd_options o = {.begin = begin_ok, .header_deadline_us = 200000};
    assert_int_equal(httpd_start(&loop, fd, &o, &h, &err), 0);

    d.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(d.fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    uv_async_t done; /* keeps the loop going; the dripper's end stops it */
    uv_async_init(&loop, &done, NULL);
    uv_thread_create(&d.thread, drip, &d);
    /* Only a server that ends the connection lets the dripper end. */
    while (uv_run(&loop, UV_RUN_NOWAIT) != 0) {
        if (fcntl(d.fd, F_GETFD) < 0)
            break;
        usleep(1000);
    }
    uv_thread_join(&d.thread);
    uv_close((uv_handle_t *)&done, NULL);
    httpd_close(h, set_flag, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
#define WEB_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WEB_TEST(test_documents),    WEB_TEST(test_refusals),
        WEB_TEST(test_keep_alive),   WEB_TEST(test_per_address),
        WEB_TEST(test_control),      WEB_TEST(test_import),
        WEB_TEST(test_edits),        WEB_TEST(test_import),
        WEB_TEST(test_import_fails), WEB_TEST(test_import_client_leaves),
        WEB_TEST(test_import_limit), WEB_TEST(test_stop_with_job),
        WEB_TEST(test_start_errors), cmocka_unit_test(test_slow_headers),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
