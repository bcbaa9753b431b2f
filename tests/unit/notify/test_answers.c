/* Requests of receivers over loopback, and what their services' answers mean. */
#include "page.h"

#include "base/str.h"
#include "io/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <uv.h>

struct row {
    const char *type;
    int status; /* 0: the connection ends without an answer */
    const char *retry_after, *body;
    enum delivery want;
    int64_t wait_s;
};

static const struct row rows[] = {
    {"webhook", 200, NULL, "", DELIVERY_OK, 0},
    {"webhook", 204, NULL, "", DELIVERY_OK, 0},
    {"webhook", 302, NULL, "", DELIVERY_REJECTED, 0},
    {"webhook", 404, NULL, "gone", DELIVERY_REJECTED, 0},
    {"webhook", 408, NULL, "", DELIVERY_RETRY, 0},
    {"webhook", 429, "7", "", DELIVERY_RETRY, 7},
    {"webhook", 503, "Sun, 22 Nov 2026 01:03:03 GMT", "", DELIVERY_RETRY, 60},
    {"webhook", 503, "soon", "", DELIVERY_RETRY, 0},
    {"webhook", 0, NULL, "", DELIVERY_RETRY, 0},
    {"slack", 200, NULL, "ok", DELIVERY_OK, 0},
    {"slack", 200, NULL, "{\"ok\":true}", DELIVERY_OK, 0},
    {"slack", 200, NULL, "{\"ok\":false,\"error\":\"channel_not_found\"}", DELIVERY_REJECTED, 0},
    {"slack", 200, NULL, "{\"ok\":false,\"error\":\"internal_error\"}", DELIVERY_RETRY, 0},
    {"slack", 404, NULL, "no_service", DELIVERY_REJECTED, 0},
    {"slack", 429, "30", "rate_limited", DELIVERY_RETRY, 30},
    {"pagerduty", 202, NULL, "{\"status\":\"success\"}", DELIVERY_OK, 0},
    {"pagerduty", 400, NULL, "{\"status\":\"invalid event\"}", DELIVERY_REJECTED, 0},
    {"pagerduty", 429, NULL, "", DELIVERY_RETRY, 0},
    {"opsgenie", 202, NULL, "{\"result\":\"Request will be processed\"}", DELIVERY_OK, 0},
    {"opsgenie", 422, NULL, "{\"message\":\"Request body is not processable\"}", DELIVERY_REJECTED,
     0},
    {"opsgenie", 500, NULL, "", DELIVERY_RETRY, 0},
    {"discord", 204, NULL, "", DELIVERY_OK, 0},
    {"discord", 429, "1", "{\"message\":\"limited\",\"retry_after\":64.57}", DELIVERY_RETRY, 65},
    {"discord", 429, "9", "{\"retry_after\":0.65}", DELIVERY_RETRY, 9},
    {"discord", 429, NULL, "{\"retry_after\":1e300}", DELIVERY_RETRY, 0},
    {"discord", 404, NULL, "{\"code\":10015}", DELIVERY_REJECTED, 0},
    {"telegram", 200, NULL, "{\"ok\":true,\"result\":{}}", DELIVERY_OK, 0},
    {"telegram", 429, NULL, "{\"ok\":false,\"parameters\":{\"retry_after\":5}}", DELIVERY_RETRY, 5},
    {"telegram", 400, NULL, "{\"ok\":false,\"description\":\"chat not found\"}", DELIVERY_REJECTED,
     0},
    {"telegram", 502, NULL, "[", DELIVERY_RETRY, 0},
    {"msteams", 200, NULL, "1", DELIVERY_OK, 0},
    {"msteams", 200, NULL,
     "Webhook message delivery failed with error: Microsoft Teams endpoint "
     "returned HTTP error 429 with ContextId x",
     DELIVERY_RETRY, 0},
    {"msteams", 200, NULL, "Microsoft Teams endpoint returned HTTP error 413", DELIVERY_REJECTED,
     0},
    {"msteamsv2", 202, NULL, "", DELIVERY_OK, 0},
    {"ntfy", 200, NULL, "{\"id\":\"x\"}", DELIVERY_OK, 0},
    {"ntfy", 403, NULL, "{\"code\":40301}", DELIVERY_REJECTED, 0},
    {"ntfy", 429, NULL, "{\"code\":42901}", DELIVERY_RETRY, 0},
    {"alertmanager", 200, NULL, "", DELIVERY_OK, 0},
    {"alertmanager", 400, NULL, "\"bad start\"", DELIVERY_REJECTED, 0},
};

struct world {
    uv_loop_t loop;
    struct httpd *server;
    struct http_client *client;
    int port;
    const struct row *row;
    const struct notifier_kind *type;
    struct str got;
    bool done;
};

static size_t on_body(void *user, const char *data, size_t n)
{
    struct world *w = *(struct world **)user;
    str_addn(&w->got, data, n);
    return n;
}

struct upload {
    struct world *w;
    struct httpd_call *call;
};

static void on_complete(void *user)
{
    struct upload *u = user;
    const struct row *row = u->w->row;
    const struct httpd_field field = {"Retry-After", row->retry_after};
    httpd_reply(u->call,
                &(struct httpd_answer){row->status, "application/json", row->body,
                                       strlen(row->body), &field, row->retry_after ? 1 : 0});
}

static void on_begin(void *ctx, struct httpd_call *call)
{
    static const struct httpd_sink sink = {on_body, on_complete, free};
    struct upload *u = mem_alloc(sizeof(*u));
    *u = (struct upload){ctx, call};
    httpd_take(call, &sink, u);
}

static void on_response(void *ctx, const struct http_response *r)
{
    struct world *w = ctx;
    struct verdict v;
    w->type->judge(r, T0, &v);
    if (v.delivery != w->row->want || v.retry_after_us != w->row->wait_s * 1000000)
        fail_msg("%s %d %s: %d after %lld us (%s)", w->row->type, w->row->status, w->row->body,
                 (int)v.delivery, (long long)v.retry_after_us, v.detail);
    assert_true(strlen(v.detail) > 0);
    w->done = true;
}

static int listen_on(int *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

/* With the address of its own server in place of the service's. */
static void run(struct world *w, const struct row *row)
{
    struct page p;
    struct outgoing out;
    struct err err;
    const char *headers[OUTGOING_HEADERS_MAX];
    page_init(&p);
    w->row = row;
    w->type = page_kind(row->type);
    w->done = false;
    str_clear(&w->got);
    size_t i = 0;
    while (!str_eq(page_yaml[i][0], row->type))
        i++;
    const void *spec = page_spec(&p, w->type, page_yaml[i][1]);
    struct message m = page_message(&p.arena, 2, 1, "api \"burns\"", "it is down");
    outgoing_init(&out);
    assert_int_equal(w->type->build(spec, &m, "key-1", &out, &err), 0);
    str_clear(&out.url);
    str_addf(&out.url, "http://127.0.0.1:%d/", row->status ? w->port : 1);
    struct http_request r = outgoing_request(&out, headers);
    http_start(w->client, &r, NULL, on_response, w);
    while (!w->done)
        uv_run(&w->loop, UV_RUN_ONCE);
    if (row->status)
        assert_string_equal(w->got.buf, out.body.buf);
    outgoing_release(&out);
    page_release(&p);
}

static void test_answers(void **state)
{
    struct world w = {0};
    struct err err;
    (void)state;
    assert_int_equal(uv_loop_init(&w.loop), 0);
    str_init(&w.got, 1 << 20);
    struct httpd_options o = {.begin = on_begin, .ctx = &w};
    int fd = listen_on(&w.port);
    assert_int_equal(httpd_start(&w.loop, fd, &o, &w.server, &err), 0);
    assert_int_equal(http_client_new(&w.loop, NULL, &w.client, &err), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        run(&w, &rows[i]);
    httpd_close(w.server, NULL, NULL);
    http_client_close(w.client, NULL, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    str_release(&w.got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    http_global_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return rc;
}
