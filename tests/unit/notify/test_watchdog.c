/* The watchdog on a clock of its own, with a kind that does what the test says, and with an
 * address that is a server on the same loop. */
#include "notify/watchdog.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/http.h"
#include "model/message.h"
#include "nines/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define T0 1795309323000000LL
#define SEC USEC_PER_SEC

enum reply { NOW_OK, NOW_FAILS, LATER };

/* What the kind of the test was asked for. */
struct told {
    enum reply answer;
    int sent, cancelled;
    notifier_done_fn done;
    void *ctx;
    char key[64], group[80], labels[80], summary[200];
    bool recorded;
};

struct spec {
    struct notifier_spec base;
    struct told *told;
};

struct world {
    uv_loop_t loop;
    struct notifier_env env;
    int64_t now_us;
    struct config config;
    struct told a, b;
    struct spec specs[2];
    struct integration_def at[2];
    struct receiver_def receiver, *receivers[1];
    struct watchdog *w;
    int closed;

    uv_tcp_t server;
    int status, requests;
    char head[512];
};

static void *fake_send(struct notifier_env *env, const struct integration_def *def,
                       const struct notification *n, notifier_done_fn done, void *ctx)
{
    struct told *t = ((const struct spec *)(const void *)def->spec)->told;
    const struct message *m = n->message;
    assert_null(env->show);
    assert_int_equal(m->alert_count, 1);
    assert_true(m->firing && m->alerts[0].firing && m->alerts[0].ends_us == 0);
    t->sent++;
    t->recorded = n->outbox_id != 0 || n->unrecorded;
    str_copy(t->key, sizeof(t->key), n->dedup_key);
    str_copy(t->group, sizeof(t->group), m->group_key);
    snprintf(t->labels, sizeof(t->labels), "%s %s",
             message_label(&m->alerts[0].labels, "alertname"),
             message_label(&m->common_labels, "severity"));
    str_copy(t->summary, sizeof(t->summary), message_label(&m->alerts[0].annotations, "summary"));
    if (t->answer != LATER) {
        done(ctx, t->answer == NOW_OK ? DELIVERY_OK : DELIVERY_RETRY, "503 no", 0);
        return NULL;
    }
    t->done = done;
    t->ctx = ctx;
    return t;
}

static void fake_cancel(void *delivery)
{
    ((struct told *)delivery)->cancelled++;
}

static const struct notifier_kind fake = {
    .name = "fake", .spec_size = sizeof(struct spec), .send = fake_send, .cancel = fake_cancel};

static int64_t mono_us(void *ctx)
{
    return ((struct world *)ctx)->now_us;
}

static int64_t wall_us(void *ctx)
{
    return T0 + ((struct world *)ctx)->now_us;
}

static void on_closed(void *ctx)
{
    (*(int *)ctx)++;
}

static int open_world(void **state)
{
    struct world *x = mem_alloc(sizeof(*x));
    http_global_init();
    assert_int_equal(uv_loop_init(&x->loop), 0);
    x->env = (struct notifier_env){.loop = &x->loop, .now_us = wall_us, .ctx = x};
    assert_int_equal(http_client_new(&x->loop, "127.0.0.1:1", &x->env.http, NULL), 0);
    x->specs[0].told = &x->a;
    x->specs[1].told = &x->b;
    for (int i = 0; i < 2; i++)
        x->at[i] = (struct integration_def){
            .name = i ? "b" : "a", .kind = &fake, .spec = &x->specs[i].base};
    x->receiver = (struct receiver_def){.name = "deadman", .at = x->at, .n = 2};
    x->receivers[0] = &x->receiver;
    x->config = (struct config){.refs = 1000, .receivers = x->receivers, .receiver_count = 1};
    x->config.daemon.external_url = "";
    x->config.daemon.watchdog =
        (struct watchdog_config){.receiver = "deadman", .every_us = 60 * SEC};
    x->now_us = 1000 * SEC;
    *state = x;
    return 0;
}

static void start(struct world *x)
{
    const struct watchdog_options o = {
        .env = &x->env, .config = &x->config, .mono_us = mono_us, .ctx = x};
    x->w = watchdog_new(&o);
}

static int close_world(void **state)
{
    struct world *x = *state;
    watchdog_close(x->w);
    http_client_close(x->env.http, on_closed, &x->closed);
    if (x->server.type == UV_TCP)
        uv_close((uv_handle_t *)&x->server, NULL);
    assert_int_equal(uv_run(&x->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&x->loop), 0);
    assert_int_equal(x->closed, 1);
    assert_int_equal(x->config.refs, 1000);
    http_global_cleanup();
    free(x);
    return 0;
}

/* A second at a time, as the engine beats. */
static void pass(struct world *x, int seconds, bool alive)
{
    for (int i = 0; i < seconds; i++) {
        x->now_us += SEC;
        if (alive)
            watchdog_alive(x->w);
        watchdog_turn(x->w);
    }
}

static struct watchdog_stats stats(struct world *x)
{
    struct watchdog_stats s;
    watchdog_get_stats(x->w, &s);
    return s;
}

static void test_beats(void **state)
{
    struct world *x = *state;
    char key[64];
    start(x);
    assert_int_equal(x->a.sent, 0);
    watchdog_turn(x->w);
    assert_int_equal(x->a.sent, 1);
    assert_int_equal(x->b.sent, 1);
    assert_string_equal(x->a.labels, "Watchdog none");
    assert_string_equal(x->a.group, "{}/{alertname=\"Watchdog\"}:{alertname=\"Watchdog\"}");
    assert_true(strlen(x->a.summary) > 20);
    assert_false(x->a.recorded);
    str_copy(key, sizeof(key), x->a.key);
    assert_int_equal(stats(x).last_us, wall_us(x));
    pass(x, 59, true);
    assert_int_equal(x->a.sent, 1);
    pass(x, 1, true);
    assert_int_equal(x->a.sent, 2);
    assert_string_not_equal(x->a.key, key);
    pass(x, 600, true);
    assert_int_equal(x->a.sent, 12);
    assert_int_equal(stats(x).delivered, 12);
    assert_int_equal(stats(x).failed, 0);
    assert_true(stats(x).on);
}

/* A minute after the last sign of life it is silent, and at once there again. */
static void test_silent(void **state)
{
    struct world *x = *state;
    start(x);
    pass(x, 120, true);
    assert_int_equal(x->a.sent, 2);
    pass(x, 60, false); /* the patience: just so */
    int sent = x->a.sent;
    assert_int_equal(sent, 3);
    pass(x, 3600, false);
    assert_int_equal(x->a.sent, sent);
    assert_true(stats(x).silent);
    assert_int_equal(stats(x).withheld, 1);
    pass(x, 1, true);
    assert_int_equal(x->a.sent, sent + 1);
    assert_false(stats(x).silent);
}

/* A process that never comes up is not alive, after a while for it. */
static void test_never_up(void **state)
{
    struct world *x = *state;
    start(x);
    pass(x, 3600, false);
    assert_int_equal(x->a.sent, 1);
    assert_true(stats(x).silent);
}

static void test_failures(void **state)
{
    struct world *x = *state;
    x->a.answer = NOW_FAILS;
    start(x);
    pass(x, 1, true);
    assert_int_equal(stats(x).delivered, 1); /* by one of two */
    assert_string_equal(stats(x).detail, "a: 503 no");
    int64_t last = stats(x).last_us;
    x->b.answer = NOW_FAILS;
    pass(x, 60, true);
    assert_int_equal(x->a.sent, 2); /* no second try before its time */
    assert_int_equal(stats(x).failed, 1);
    assert_int_equal(stats(x).last_us, last);
    x->a.answer = x->b.answer = NOW_OK;
    pass(x, 60, true);
    assert_string_equal(stats(x).detail, "");
}

/* What is still under way when the next is due is cut off. */
static void test_slow(void **state)
{
    struct world *x = *state;
    x->a.answer = x->b.answer = LATER;
    start(x);
    pass(x, 10, true);
    x->a.done(x->a.ctx, DELIVERY_OK, "fine", 0);
    assert_int_equal(stats(x).delivered, 0);
    x->b.done(x->b.ctx, DELIVERY_REJECTED, "no", 0);
    assert_int_equal(stats(x).delivered, 1);
    pass(x, 60, true);
    assert_int_equal(x->a.sent, 2);
    pass(x, 60, true);
    assert_int_equal(x->a.sent, 3);
    assert_int_equal(x->a.cancelled, 1);
    assert_int_equal(x->b.cancelled, 1);
    assert_int_equal(stats(x).failed, 1);
}

static void test_reload(void **state)
{
    struct world *x = *state;
    struct config other = x->config;
    other.refs = 1000;
    start(x);
    pass(x, 10, true);
    watchdog_configure(x->w, &other); /* the same: the rhythm stays */
    pass(x, 40, true);
    assert_int_equal(x->a.sent, 1);
    pass(x, 20, true);
    assert_int_equal(x->a.sent, 2);
    x->a.answer = LATER;
    pass(x, 60, true);
    watchdog_configure(x->w, &x->config); /* what was under way begins anew */
    assert_int_equal(x->a.cancelled, 1);
    pass(x, 1, true);
    assert_int_equal(x->a.sent, 4);
    x->a.done(x->a.ctx, DELIVERY_OK, "fine", 0);
    x->a.answer = NOW_OK;
    other.daemon.watchdog.every_us = 5 * SEC;
    watchdog_configure(x->w, &other); /* oftener: at once */
    pass(x, 10, true);
    assert_int_equal(x->a.sent, 6);
    other.daemon.watchdog.every_us = 0;
    watchdog_configure(x->w, &other);
    pass(x, 1000, true);
    assert_int_equal(x->a.sent, 6);
    assert_false(stats(x).on);
    watchdog_configure(x->w, &x->config);
    pass(x, 1, true);
    assert_int_equal(x->a.sent, 7);
    assert_int_equal(other.refs, 1000);
}

/* ---- an address ------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
    (void)n;
    struct world *x = h->data;
    *buf = uv_buf_init(x->head, sizeof(x->head) - 1);
}

static void on_handle_closed(uv_handle_t *h)
{
    free(h);
}

static void on_request(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct world *x = s->data;
    char text[128];
    (void)buf;
    if (n > 0) {
        x->head[n] = '\0';
        x->requests++;
        int len = snprintf(text, sizeof(text),
                           "HTTP/1.1 %d x\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", x->status);
        uv_buf_t out = uv_buf_init(text, (unsigned)len);
        assert_int_equal(uv_try_write(s, &out, 1), len);
    }
    if (n != 0)
        uv_close((uv_handle_t *)s, on_handle_closed);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct world *x = server->data;
    uv_tcp_t *c = mem_alloc(sizeof(*c));
    assert_int_equal(status, 0);
    uv_tcp_init(&x->loop, c);
    c->data = x;
    assert_int_equal(uv_accept(server, (uv_stream_t *)c), 0);
    uv_read_start((uv_stream_t *)c, on_alloc, on_request);
}

static char *serve(struct world *x, char url[static 64])
{
    struct sockaddr_storage bound;
    int len = sizeof(bound);
    struct sockaddr_in any;
    uv_ip4_addr("127.0.0.1", 0, &any);
    uv_tcp_init(&x->loop, &x->server);
    x->server.data = x;
    uv_tcp_bind(&x->server, (struct sockaddr *)&any, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&x->server, 8, on_connection), 0);
    uv_tcp_getsockname(&x->server, (struct sockaddr *)&bound, &len);
    snprintf(url, 64, "http://127.0.0.1:%d/ping/s3cret",
             ntohs(((struct sockaddr_in *)(void *)&bound)->sin_port));
    return url;
}

static void beat_until(struct world *x, int64_t ended)
{
    pass(x, 60, true);
    while (stats(x).delivered + stats(x).failed < ended)
        uv_run(&x->loop, UV_RUN_ONCE);
}

static void test_address(void **state)
{
    struct world *x = *state;
    char url[64];
    x->config.daemon.watchdog =
        (struct watchdog_config){.url = {.value = serve(x, url)}, .every_us = 60 * SEC};
    x->status = 200;
    start(x);
    beat_until(x, 1);
    assert_true(str_starts(x->head, "GET /ping/s3cret HTTP/1.1\r\n"));
    assert_non_null(strstr(x->head, "User-Agent: nines/"));
    assert_int_equal(stats(x).delivered, 1);
    x->config.daemon.watchdog.method = WATCHDOG_POST;
    x->status = 500;
    beat_until(x, 2);
    assert_true(str_starts(x->head, "POST /ping/s3cret HTTP/1.1\r\n"));
    assert_int_equal(stats(x).failed, 1);
    assert_non_null(strstr(stats(x).detail, "500"));
    x->status = 302; /* not followed */
    beat_until(x, 3);
    assert_int_equal(x->requests, 3);
    assert_int_equal(stats(x).failed, 2);
    assert_null(strstr(stats(x).detail, "s3cret"));
    pass(x, 60, true); /* and closed while one is under way */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_beats), TEST(test_silent), TEST(test_never_up), TEST(test_failures),
        TEST(test_slow),  TEST(test_reload), TEST(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
