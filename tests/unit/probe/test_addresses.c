/* `addresses: all` against three servers of this process, on one port of three
 * loopback addresses. */
#include "fixture.h"

#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "io/http.h"
#include "probe/metrics.h"
#include "support/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <uv.h>

#define PLACES 3
#define HOPS_MAX 20

struct place {
    struct bench *bench;
    const char *answer; /* NULL: hangs */
    int64_t delay_ms;
    uv_tcp_t listener;
    uv_timer_t later;
    uv_stream_t *asker;
    int requests;
};

struct bench {
    struct spawned *dns;
    uv_loop_t loop;
    struct http_client *http;
    struct probe_env env;
    struct place places[PLACES];
    VEC(uv_tcp_t *) clients;
    int port;
};

struct seen {
    int calls;
    struct result result;
    char message[600];
    size_t hops;
    char address[HOPS_MAX][64];
    int64_t slowest_us, phases_us;
    size_t assertions, body_len;
};

static const char GOOD[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
static const char BROKEN[] =
    "HTTP/1.1 500 Broken\r\nContent-Length: 6\r\nConnection: close\r\n\r\nbroken";
static const char MOVED[] = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n"
                            "Connection: close\r\n\r\n";

/* ---- servers ------------------------------------------------------------------------ */

static void alloc(uv_handle_t *h, size_t size, uv_buf_t *ret)
{
    (void)h;
    *ret = uv_buf_init(mem_alloc(size), (unsigned)size);
}

static void reply(struct place *p, const char *text)
{
    mem_auto char *copy = mem_strdup(text);
    uv_buf_t out = uv_buf_init(copy, (unsigned)strlen(copy));
    (void)uv_try_write(p->asker, &out, 1);
}

static void on_later(uv_timer_t *t)
{
    struct place *p = t->data;
    reply(p, p->answer);
}

static void on_read(uv_stream_t *client, ssize_t n, const uv_buf_t *buf)
{
    struct place *p = client->data;
    if (n > 0) {
        p->requests++;
        p->asker = client;
        bool there = n > 10 && strncmp(buf->base, "GET /there", 10) == 0;
        if (p->answer && p->delay_ms)
            uv_timer_start(&p->later, on_later, (uint64_t)p->delay_ms, 0);
        else if (p->answer)
            reply(p, there ? GOOD : p->answer);
    } else if (n < 0 && !uv_is_closing((uv_handle_t *)client)) {
        uv_close((uv_handle_t *)client, NULL);
    }
    free(buf->base);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct place *p = listener->data;
    uv_tcp_t *client = mem_alloc(sizeof(*client));
    assert_int_equal(status, 0);
    uv_tcp_init(listener->loop, client);
    client->data = p;
    vec_push(&p->bench->clients, client);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)client), 0);
    uv_read_start((uv_stream_t *)client, alloc, on_read);
}

static void open_place(struct bench *b, int i)
{
    struct place *p = &b->places[i];
    struct sockaddr_in addr;
    char ip[32];
    int len = sizeof(addr);
    snprintf(ip, sizeof(ip), "127.0.0.%d", i + 1);
    uv_ip4_addr(ip, b->port, &addr);
    p->bench = b;
    p->answer = GOOD;
    uv_tcp_init(&b->loop, &p->listener);
    uv_timer_init(&b->loop, &p->later);
    p->listener.data = p->later.data = p;
    assert_int_equal(uv_tcp_bind(&p->listener, (const struct sockaddr *)&addr, 0), 0);
    assert_int_equal(uv_tcp_getsockname(&p->listener, (struct sockaddr *)&addr, &len), 0);
    b->port = ntohs(addr.sin_port);
    assert_int_equal(uv_listen((uv_stream_t *)&p->listener, 8, on_connection), 0);
}

static void shut(struct bench *b, int i)
{
    uv_close((uv_handle_t *)&b->places[i].listener, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
}

static int64_t wall_us(void *ctx)
{
    (void)ctx;
    return 1700000000LL * USEC_PER_SEC;
}

static int setup(void **state)
{
    struct bench *b = mem_alloc(sizeof(*b));
    char servers[64];
    http_global_init();
    b->dns = spawn_python("dnsserver.py");
    snprintf(servers, sizeof(servers), "127.0.0.1:%d", spawn_port(b->dns, "dns"));
    assert_int_equal(uv_loop_init(&b->loop), 0);
    for (int i = 0; i < PLACES; i++)
        open_place(b, i);
    assert_int_equal(http_client_new(&b->loop, servers, &b->http, NULL), 0);
    b->env = (struct probe_env){.loop = &b->loop, .http = b->http, .wall_us = wall_us};
    *state = b;
    return 0;
}

static void close_one(uv_handle_t *h, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static int teardown(void **state)
{
    struct bench *b = *state;
    http_client_close(b->http, NULL, NULL);
    for (int i = 0; i < PLACES; i++) {
        close_one((uv_handle_t *)&b->places[i].listener, NULL);
        close_one((uv_handle_t *)&b->places[i].later, NULL);
    }
    for (size_t i = 0; i < b->clients.len; i++)
        close_one((uv_handle_t *)b->clients.at[i], NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    for (size_t i = 0; i < b->clients.len; i++)
        free(b->clients.at[i]);
    vec_release(&b->clients);
    spawn_stop(b->dns);
    free(b);
    return 0;
}

/* ---- runs --------------------------------------------------------------------------- */

static int64_t sum(const struct phases *p)
{
    return p->dns_us + p->connect_us + p->tls_us + p->send_us + p->wait_us + p->transfer_us;
}

static void on_done(void *ctx, const struct observation *obs)
{
    struct seen *s = ctx;
    s->calls++;
    s->result = obs->result;
    s->phases_us = sum(&obs->result.phases);
    s->hops = obs->hop_count;
    s->assertions = obs->assertion_count;
    s->body_len = obs->body_len;
    snprintf(s->message, sizeof(s->message), "%s", obs->message);
    for (size_t i = 0; i < obs->hop_count; i++) {
        snprintf(s->address[i], sizeof(s->address[i]), "%s", obs->hops[i].address);
        if (sum(&obs->hops[i].phases) > s->slowest_us)
            s->slowest_us = sum(&obs->hops[i].phases);
    }
}

static void prepare(struct bench *b, struct fixture *f, const char *host, const char *rest)
{
    mem_auto char *yaml =
        mem_printf("{url: 'http://%s:%d/', addresses: all%s}", host, b->port, rest);
    fixture_init(f, yaml);
    if (f->diag.errors)
        fail_msg("%s: %s", yaml, f->diag.items[0].text);
}

static struct seen probe(struct bench *b, const char *host, const char *rest, int64_t timeout_us)
{
    struct fixture f;
    struct seen seen = {0};
    prepare(b, &f, host, rest);
    f.def.timeout_us = timeout_us;
    probe_http.start(&b->env, &f.def, NULL, on_done, &seen);
    assert_int_equal(seen.calls, 0);
    while (!seen.calls)
        uv_run(&b->loop, UV_RUN_ONCE);
    fixture_release(&f);
    return seen;
}

static void expect_message(const struct seen *s, const char *text)
{
    if (!strstr(s->message, text))
        fail_msg("'%s', not '%s'", s->message, text);
}

static void every_address_is_asked(void **state)
{
    struct bench *b = *state;
    b->places[1].delay_ms = 30;
    struct seen s = probe(b, "three.test", "", 5 * USEC_PER_SEC);
    assert_int_equal(s.result.outcome, OUTCOME_GOOD);
    assert_string_equal(s.message, "");
    assert_int_equal(s.hops, 3);
    for (int i = 0; i < PLACES; i++) {
        char address[64];
        snprintf(address, sizeof(address), "127.0.0.%d:%d", i + 1, b->port);
        assert_string_equal(s.address[i], address);
        assert_int_equal(b->places[i].requests, 1);
    }
    /* The slowest one's, and the lookup is part of it. */
    assert_int_equal(s.result.total_us, s.slowest_us);
    assert_int_equal(s.phases_us, s.result.total_us);
    assert_true(s.result.phases.wait_us >= 25000);
    assert_true(s.result.phases.dns_us > 0);
}

static void one_that_refuses_is_enough(void **state)
{
    struct bench *b = *state;
    shut(b, 2);
    struct seen s = probe(b, "three.test", "", 5 * USEC_PER_SEC);
    assert_int_equal(s.result.outcome, OUTCOME_BAD);
    assert_int_equal(s.result.reason, REASON_CONNECT);
    expect_message(&s, "127.0.0.3: connection refused");
    expect_message(&s, "; 2 of 3 addresses are good");
    assert_int_equal(s.hops, 3);
}

static void the_first_bad_one_counts(void **state)
{
    struct bench *b = *state;
    b->places[0].answer = NULL;
    b->places[1].answer = BROKEN;
    struct seen s = probe(b, "three.test", ", expect: {status: 200}", 300000);
    assert_int_equal(s.result.outcome, OUTCOME_BAD);
    assert_int_equal(s.result.reason, REASON_STATUS);
    assert_int_equal(s.result.code, 500);
    expect_message(&s, "127.0.0.2: ");
    expect_message(&s, "; 1 of 3 addresses are good");
    assert_int_equal(s.assertions, 1);
    assert_int_equal(s.body_len, 6); /* its evidence came along */
    assert_true(s.result.total_us < 300000);
}

static void all_share_one_timeout(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < PLACES; i++)
        b->places[i].answer = NULL;
    struct seen s = probe(b, "three.test", "", 100000);
    assert_int_equal(s.result.reason, REASON_TTFB_TIMEOUT);
    expect_message(&s, "; 0 of 3 addresses are good");
}

/* A redirect within the origin stays at its address. */
static void redirects_stay(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < PLACES; i++)
        b->places[i].answer = MOVED;
    struct seen s = probe(b, "three.test", ", follow: 2", 5 * USEC_PER_SEC);
    assert_string_equal(s.message, "");
    assert_int_equal(s.hops, 6);
    for (int i = 0; i < PLACES; i++)
        assert_int_equal(b->places[i].requests, 2);
    assert_string_equal(s.address[2], s.address[3]);
}

static void a_name_must_be_found(void **state)
{
    struct bench *b = *state;
    struct seen s = probe(b, "nosuch.test", "", 5 * USEC_PER_SEC);
    assert_int_equal(s.result.outcome, OUTCOME_BAD);
    assert_int_equal(s.result.reason, REASON_DNS);
    assert_int_equal(s.hops, 0);
    expect_message(&s, "lookup of nosuch.test: ");
    s = probe(b, "silent.test", "", 100000);
    assert_int_equal(s.result.reason, REASON_DNS);
    assert_string_equal(s.message, "lookup of silent.test did not end within 100ms");
    s = probe(b, "silent.test", ", connect_timeout: 50ms", 5 * USEC_PER_SEC);
    assert_string_equal(s.message, "lookup of silent.test did not end within 50ms");
}

/* One address is a run like any other. */
static void one_address_needs_no_name(void **state)
{
    struct bench *b = *state;
    struct seen s = probe(b, "127.0.0.2", "", 5 * USEC_PER_SEC);
    assert_int_equal(s.result.outcome, OUTCOME_GOOD);
    assert_int_equal(s.hops, 1);
    b->places[1].answer = BROKEN;
    s = probe(b, "127.0.0.2", "", 5 * USEC_PER_SEC);
    assert_int_equal(s.result.reason, REASON_STATUS);
    assert_null(strstr(s.message, "addresses"));
}

static void sixteen_at_most(void **state)
{
    struct seen s = probe(*state, "many.test", "", 5 * USEC_PER_SEC);
    assert_int_equal(s.hops, HTTP_ADDRESSES_MAX);
    assert_int_equal(s.result.reason, REASON_CONNECT);
    expect_message(&s, "; 0 of 16 addresses are good");
}

/* During the lookup, and with requests under way: teardown finds nothing open. */
static void runs_can_be_cancelled(void **state)
{
    struct bench *b = *state;
    struct fixture f;
    struct seen seen = {0};
    prepare(b, &f, "silent.test", "");
    probe_http.cancel(probe_http.start(&b->env, &f.def, NULL, on_done, &seen));
    fixture_release(&f);
    b->places[0].answer = NULL;
    prepare(b, &f, "three.test", "");
    void *run = probe_http.start(&b->env, &f.def, NULL, on_done, &seen);
    while (b->places[0].requests + b->places[1].requests + b->places[2].requests < 3)
        uv_run(&b->loop, UV_RUN_ONCE);
    probe_http.cancel(run);
    fixture_release(&f);
    assert_int_equal(seen.calls, 0);
}

static void what_compares_runs_needs_one_place(void **state)
{
    (void)state;
    fixture_refused_kind(&probe_metrics, "{url: 'http://a.test/metrics', addresses: all}",
                         "addresses: metrics compares one run with those before");
    fixture_refused("{url: 'http://a.test/', addresses: some}", "addresses: expected any or all");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_address_is_asked),
        T(one_that_refuses_is_enough),
        T(the_first_bad_one_counts),
        T(all_share_one_timeout),
        T(redirects_stay),
        T(a_name_must_be_found),
        T(one_address_needs_no_name),
        T(sixteen_at_most),
        T(runs_can_be_cancelled),
        cmocka_unit_test(what_compares_runs_needs_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
