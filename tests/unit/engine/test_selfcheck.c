/* The self-check against real sockets of this process, on a clock that is a
 * number. */
#include "engine/selfcheck.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <uv.h>

#define S USEC_PER_SEC
#define CLIENTS 16

/* Listens on loopback; answers, or hangs. */
struct place {
    uv_tcp_t listener, clients[CLIENTS];
    char url[64];
    int connections, requests;
    bool hangs;
};

struct world {
    uv_loop_t loop;
    struct http_client *http;
    struct selfcheck *check;
    int64_t now_us;
    struct place a, b;
    char refused[64];
    int told, up;
    char detail[256];
    struct world *ask_again;
};

static void alloc(uv_handle_t *h, size_t size, uv_buf_t *ret)
{
    (void)h;
    *ret = uv_buf_init(mem_alloc(size), (unsigned)size);
}

static void on_read(uv_stream_t *client, ssize_t n, const uv_buf_t *buf)
{
    static char answer[] = "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n";
    struct place *p = client->data;
    uv_buf_t out = uv_buf_init(answer, sizeof(answer) - 1);
    if (n > 0) {
        p->requests++;
        if (!p->hangs)
            (void)uv_try_write(client, &out, 1);
    } else if (n < 0 && !uv_is_closing((uv_handle_t *)client)) {
        uv_close((uv_handle_t *)client, NULL);
    }
    free(buf->base);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct place *p = listener->data;
    uv_tcp_t *client = &p->clients[p->connections++];
    assert_true(status == 0 && p->connections <= CLIENTS);
    uv_tcp_init(listener->loop, client);
    client->data = p;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)client), 0);
    uv_read_start((uv_stream_t *)client, alloc, on_read);
}

static int bind_any(uv_tcp_t *tcp)
{
    struct sockaddr_in addr;
    int len = sizeof(addr);
    uv_ip4_addr("127.0.0.1", 0, &addr);
    assert_int_equal(uv_tcp_bind(tcp, (const struct sockaddr *)&addr, 0), 0);
    assert_int_equal(uv_tcp_getsockname(tcp, (struct sockaddr *)&addr, &len), 0);
    return ntohs(addr.sin_port);
}

static void open_place(struct world *w, struct place *p)
{
    uv_tcp_init(&w->loop, &p->listener);
    p->listener.data = p;
    snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d/", bind_any(&p->listener));
    assert_int_equal(uv_listen((uv_stream_t *)&p->listener, CLIENTS, on_connection), 0);
}

static int64_t now_us(void *ctx)
{
    return ((struct world *)ctx)->now_us;
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    http_global_init();
    uv_loop_init(&w->loop);
    open_place(w, &w->a);
    open_place(w, &w->b);
    uv_tcp_t closed;
    uv_tcp_init(&w->loop, &closed);
    snprintf(w->refused, sizeof(w->refused), "tcp://127.0.0.1:%d", bind_any(&closed));
    uv_close((uv_handle_t *)&closed, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(http_client_new(&w->loop, NULL, &w->http, NULL), 0);
    w->check = selfcheck_new(&w->loop, w->http, now_us, w);
    *state = w;
    return 0;
}

static void close_open(uv_handle_t *h, void *ctx)
{
    const struct world *w = ctx;
    if (h->data == &w->a || h->data == &w->b)
        if (!uv_is_closing(h))
            uv_close(h, NULL);
}

static int teardown(void **state)
{
    struct world *w = *state;
    selfcheck_close(w->check);
    http_client_close(w->http, NULL, NULL);
    uv_walk(&w->loop, close_open, w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    free(w);
    return 0;
}

static void on_told(void *ctx, bool up, const char *detail)
{
    struct world *w = ctx;
    w->told++;
    w->up += up;
    snprintf(w->detail, sizeof(w->detail), "%s", detail);
    if (w->ask_again) {
        w->now_us += 2 * S;
        assert_non_null(selfcheck_ask(w->check, on_told, w));
    }
    w->ask_again = NULL;
}

static void set_targets(struct world *w, const char *first, const char *second, int64_t timeout_us)
{
    const char *at[] = {first, second};
    struct self_check_config c = {{at, second ? 2 : first ? 1 : 0}, timeout_us};
    selfcheck_set(w->check, &c);
}

static struct selfcheck_wait *ask(struct world *w)
{
    struct selfcheck_wait *wait = selfcheck_ask(w->check, on_told, w);
    assert_non_null(wait);
    return wait;
}

static void run_until(struct world *w, int told)
{
    while (w->told < told)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->told, told);
}

static void the_first_that_answers_is_enough(void **state)
{
    struct world *w = *state;
    set_targets(w, w->a.url, w->b.url, 2 * S);
    ask(w);
    assert_int_equal(w->told, 0); /* never from inside */
    run_until(w, 1);
    assert_int_equal(w->up, 1); /* a 500 is an answer */
    assert_int_equal(w->a.connections, 1);
    assert_int_equal(w->b.connections, 0);
}

static void one_of_two_is_enough(void **state)
{
    struct world *w = *state;
    set_targets(w, w->refused, w->a.url, 2 * S);
    ask(w);
    run_until(w, 1);
    assert_int_equal(w->up, 1);
    /* ... also when the first one does nothing at all. */
    w->now_us += 2 * S;
    w->b.hangs = true;
    set_targets(w, w->b.url, w->a.url, 20 * S);
    ask(w);
    run_until(w, 2);
    assert_int_equal(w->up, 2);
    assert_int_equal(w->b.connections, 1);
}

static void all_must_fail(void **state)
{
    struct world *w = *state;
    set_targets(w, w->refused, w->refused, 2 * S);
    ask(w);
    run_until(w, 1);
    assert_int_equal(w->up, 0);
    assert_non_null(strstr(w->detail, "refused"));

    w->now_us += 2 * S;
    w->b.hangs = true;
    set_targets(w, w->b.url, NULL, 100000);
    ask(w);
    run_until(w, 2);
    assert_int_equal(w->up, 0);
    assert_non_null(strstr(w->detail, "no response within"));
}

static void a_connection_is_enough_for_tcp(void **state)
{
    struct world *w = *state;
    char target[64];
    snprintf(target, sizeof(target), "tcp://127.0.0.1:%s", strrchr(w->b.url, ':') + 1);
    target[strlen(target) - 1] = '\0';
    w->b.hangs = true;
    set_targets(w, target, NULL, 2 * S);
    ask(w);
    run_until(w, 1);
    assert_int_equal(w->up, 1);
    while (w->b.connections < 1)
        uv_run(&w->loop, UV_RUN_ONCE);
    assert_int_equal(w->b.requests, 0);
}

static void whoever_asks_meanwhile_shares(void **state)
{
    struct world *w = *state;
    set_targets(w, w->a.url, NULL, 2 * S);
    ask(w);
    ask(w);
    ask(w);
    run_until(w, 3);
    assert_int_equal(w->up, 3);
    assert_int_equal(w->a.connections, 1);
}

/* One begins in a second at most, and what is asked then is not answered by an
 * older one. */
static void checks_are_spaced(void **state)
{
    struct world *w = *state;
    set_targets(w, w->a.url, NULL, 2 * S);
    ask(w);
    run_until(w, 1);
    w->now_us += S - 2000;
    set_targets(w, w->refused, NULL, 2 * S);
    ask(w);
    ask(w);
    assert_int_equal(uv_run(&w->loop, UV_RUN_NOWAIT) != 0, 1);
    run_until(w, 3);
    assert_int_equal(w->up, 1);
    assert_int_equal(w->a.connections, 1);
}

static void an_answer_may_ask_again(void **state)
{
    struct world *w = *state;
    set_targets(w, w->a.url, NULL, 2 * S);
    ask(w);
    w->ask_again = w;
    run_until(w, 1);
    run_until(w, 2);
    assert_int_equal(w->a.connections, 2);
}

static void waits_can_be_cancelled(void **state)
{
    struct world *w = *state;
    set_targets(w, w->a.url, NULL, 2 * S);
    struct selfcheck_wait *first = ask(w);
    ask(w);
    selfcheck_cancel(first);
    run_until(w, 1);
    /* While it waits for its turn, and in the midst of one: teardown closes. */
    selfcheck_cancel(ask(w));
    w->now_us += 2 * S;
    set_targets(w, w->b.url, NULL, 2 * S);
    selfcheck_cancel(ask(w));
}

static void without_targets_nobody_is_asked(void **state)
{
    struct world *w = *state;
    assert_null(selfcheck_ask(w->check, on_told, w));
    /* A reload took them away while somebody waits. */
    set_targets(w, w->a.url, NULL, 2 * S);
    ask(w);
    run_until(w, 1);
    w->now_us += S - 2000;
    ask(w);
    set_targets(w, NULL, NULL, 2 * S);
    run_until(w, 2);
    assert_int_equal(w->up, 2);
    assert_int_equal(w->a.connections, 1);
}

/* ---- configuration ------------------------------------------------------------- */

static void targets_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *target, *why;
    } cases[] = {
        {"http://127.0.0.1:80/", NULL},
        {"https://example.org", NULL},
        {"tcp://10.0.0.1:53", NULL},
        {"tcp://[::1]:53", NULL},
        {"tcp://10.0.0.1", "host and a port"},
        {"tcp://10.0.0.1:x", "host and a port"},
        {"tcp://:53", "URL"},
        {"udp://10.0.0.1:53", "http"},
        {"10.0.0.1:53", "tcp://"},
        {"http://user:pw@h/", "user or password"},
        {"tcp://a:0", "port 0"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct diag diag = {0};
        struct arena arena = {0};
        struct decode c = {.arena = &arena, .diag = &diag};
        struct config cfg = {0};
        cfg.daemon.self_check.targets = (struct string_list){(const char *[]){cases[i].target}, 1};
        struct node key = {.kind = NODE_SCALAR, .text = "targets"};
        struct node value = {.kind = NODE_SCALAR, .text = cases[i].target};
        struct node group = {.kind = NODE_MAP, .n = 1, .items = (struct node *[]){&key, &value}};
        struct node name = {.kind = NODE_SCALAR, .text = "self_check"};
        struct node daemon = {.kind = NODE_MAP, .n = 1, .items = (struct node *[]){&name, &group}};
        selfcheck_finish(&cfg, &daemon, &c);
        assert_int_equal(diag.errors, cases[i].why ? 1 : 0);
        if (cases[i].why && !strstr(diag.items[0].text, cases[i].why))
            fail_msg("%s: %s", cases[i].target, diag.items[0].text);
        diag_release(&diag);
        arena_release(&arena);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_that_answers_is_enough),
        T(one_of_two_is_enough),
        T(all_must_fail),
        T(a_connection_is_enough_for_tcp),
        T(whoever_asks_meanwhile_shares),
        T(checks_are_spaced),
        T(an_answer_may_ask_again),
        T(waits_can_be_cancelled),
        T(without_targets_nobody_is_asked),
        cmocka_unit_test(targets_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
