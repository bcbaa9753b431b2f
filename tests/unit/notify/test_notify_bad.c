/*
 * Receivers that misbehave, as real servers on a thread of their own: they are not there,
 * close at once, answer garbage or nothing, or say how to wait. What is in their way is
 * tried again, in its order, and nobody else waits for it.
 */
#include "../cmocka_all.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/http.h"
#include "notify/kinds.h"
#include "notify/notify.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW_US 1790000000000000LL

/* What a server does with the first `bad` requests; the ones after are answered 200. */
enum behaviour { CLOSES, RESETS, GARBAGE, CUT_SHORT, TOO_MANY, BROKEN, HANGS };

struct server {
    int fd, port;
    enum behaviour behaviour;
    int bad;
    pthread_t thread;
    pthread_mutex_t mutex;
    VEC(char *) keys; /* of the requests that were read, in their order */
    int stop[2];
};

/* ---- the servers ----------------------------------------------------------------------- */

static bool readable(struct server *s, int fd)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = s->stop[0], .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        ;
    return !fds[1].revents;
}

/* Reads a request to the end of its body; whether it came whole. */
static bool read_request(struct server *s, int fd, struct str *in)
{
    char buf[4096];
    while (readable(s, fd)) {
        ssize_t n = read(fd, buf, sizeof(buf));
        if (n <= 0)
            return false;
        str_addn(in, buf, (size_t)n);
        const char *body = strstr(in->buf, "\r\n\r\n"), *length = strcasestr(in->buf, "length: ");
        if (body && length && strlen(body + 4) >= strtoul(length + 8, NULL, 10))
            return true;
    }
    return false;
}

static void note(struct server *s, const char *request)
{
    const char *key = strcasestr(request, "idempotency-key: ");
    char *copy = key ? mem_strndup(key + 17, strcspn(key + 17, "\r")) : mem_strdup("?");
    pthread_mutex_lock(&s->mutex);
    vec_push(&s->keys, copy);
    pthread_mutex_unlock(&s->mutex);
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void misbehave(struct server *s, int fd)
{
    static const struct linger now = {.l_onoff = 1};
    switch (s->behaviour) {
    case CLOSES:
        break;
    case RESETS:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        break;
    case GARBAGE:
        say(fd, "\001\377\376 what?\r\n\r\n");
        break;
    case CUT_SHORT:
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        break;
    case TOO_MANY:
        say(fd, "HTTP/1.1 429 Slow Down\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
        break;
    case BROKEN:
        say(fd, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
        break;
    case HANGS:
        readable(s, fd);
        break;
    }
}

static void serve(struct server *s, int fd)
{
    struct str in;
    str_init(&in, 1 << 20);
    if (read_request(s, fd, &in)) {
        note(s, in.buf);
        if (s->bad > 0 && s->bad--)
            misbehave(s, fd);
        else
            say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    }
    str_release(&in);
    close(fd);
}

static void *server_main(void *arg)
{
    struct server *s = arg;
    while (readable(s, s->fd)) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd >= 0)
            serve(s, fd);
    }
    return NULL;
}

static void server_start(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    pthread_mutex_init(&s->mutex, NULL);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
}

static void server_stop(struct server *s)
{
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    close(s->stop[0]);
    close(s->fd);
    for (size_t i = 0; i < s->keys.len; i++)
        mem_free(&s->keys.at[i]);
    vec_release(&s->keys);
    pthread_mutex_destroy(&s->mutex);
}

/* ---- the notify thread ------------------------------------------------------------------- */

struct word {
    int64_t id;
    enum outbox_state state;
    char detail[256];
};

struct world {
    struct server bad, good;
    struct config *config;
    struct notify *notify;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    VEC(struct word) words;
};

static void delivered(void *ctx, int64_t id, enum outbox_state state, const char *detail,
                      int64_t retry_at_us)
{
    struct world *w = ctx;
    struct word word = {.id = id, .state = state};
    (void)retry_at_us;
    str_copy(word.detail, sizeof(word.detail), detail);
    pthread_mutex_lock(&w->mutex);
    vec_push(&w->words, word);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

static int64_t fixed_now(void *ctx)
{
    (void)ctx;
    return NOW_US;
}

/* The last word of a message; waits until it is of this state. */
static void wait_for(struct world *w, int64_t id, enum outbox_state state)
{
    bool found = false;
    pthread_mutex_lock(&w->mutex);
    while (!found) {
        for (size_t i = 0; i < w->words.len; i++)
            found = found || (w->words.at[i].id == id && w->words.at[i].state == state);
        if (!found)
            pthread_cond_wait(&w->changed, &w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
}

static struct config *load(const struct world *w)
{
    static const struct probe_kind *const no_kinds[] = {NULL};
    static const struct notifier_kind *const notifiers[] = {&notifier_webhook, NULL};
    const struct config_tables tables = {.probe_kinds = no_kinds, .notifiers = notifiers};
    char path[] = "/tmp/nines-notify-XXXXXX";
    int fd = mkstemp(path);
    const struct config_sources sources = {.config_file = path};
    struct diag diag = {0};
    struct config *c = NULL;
    assert_true(fd >= 0);
    dprintf(fd,
            "apiVersion: nines/v1\nkind: Daemon\nprobes: []\nslos: []\nreceivers:\n"
            "  - {name: bad, rate: 1000, webhook: {url: 'http://127.0.0.1:%d/', timeout: 60s}}\n"
            "  - {name: good, webhook: {url: 'http://127.0.0.1:%d/'}}\n",
            w->bad.port, w->good.port);
    close(fd);
    if (config_load(&sources, &tables, &c, &diag) < 0)
        fail_msg("%d: %s", diag.items[0].pos.line, diag.items[0].text);
    diag_release(&diag);
    unlink(path);
    return c;
}

static void begin(struct world *w, enum behaviour behaviour, int bad)
{
    struct err err;
    w->bad.behaviour = behaviour;
    w->bad.bad = bad;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    server_start(&w->bad);
    server_start(&w->good);
    w->config = load(w);
    const struct notify_options o = {.config = w->config,
                                     .backoff_min_us = 1000,
                                     .backoff_max_us = 4000,
                                     .delivered = delivered,
                                     .now_us = fixed_now,
                                     .ctx = w};
    if (notify_start(&o, &w->notify, &err) < 0)
        fail_msg("%s", err.msg);
}

static void end(struct world *w)
{
    if (w->notify)
        notify_stop(w->notify, 0);
    server_stop(&w->bad);
    server_stop(&w->good);
    assert_int_equal(w->config->refs, 1);
    config_unref(w->config);
    vec_release(&w->words);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
}

static void push(struct world *w, int64_t id, const char *receiver, const char *group)
{
    struct outbox_item item = {
        .id = id,
        .created_us = NOW_US,
        .receiver = mem_strdup(receiver),
        .integration = mem_strdup("webhook"),
        .group_key = mem_strdup(group),
        .dedup_key = mem_printf("%s%lld", group, (long long)id),
        .payload = mem_printf("{\"receiver\":\"%s\",\"status\":\"firing\",\"groupKey\":\"%s\"}",
                              receiver, group),
    };
    notify_push(w->notify, &item, 1);
}

/* The n-th different key of a group that the server has read, repeats left out. */
static void in_order(struct server *s, const char *group, const char *want)
{
    struct str seen;
    str_init(&seen, 4096);
    const char *last = "";
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->keys.len; i++) {
        const char *key = s->keys.at[i];
        if (key[0] != *group || str_eq(key, last))
            continue;
        str_addf(&seen, "%s ", key);
        last = key;
    }
    pthread_mutex_unlock(&s->mutex);
    assert_string_equal(seen.buf, want);
    str_release(&seen);
}

/* Messages of two groups, and enough failures for the circuit breaker to open. */
static void overcomes(enum behaviour behaviour, int retried)
{
    struct world w = {0};
    struct notify_stats stats;
    begin(&w, behaviour, 8);
    push(&w, 1, "bad", "a");
    push(&w, 2, "bad", "b");
    push(&w, 3, "bad", "a");
    push(&w, 4, "bad", "b");
    push(&w, 5, "bad", "a");
    push(&w, 6, "good", "c");
    for (int64_t id = 1; id <= 6; id++)
        wait_for(&w, id, OUTBOX_DELIVERED);
    in_order(&w.bad, "a", "a1 a3 a5 ");
    in_order(&w.bad, "b", "b2 b4 ");
    notify_get_stats(w.notify, &stats);
    assert_int_equal(stats.delivered, 6);
    assert_int_equal(stats.retried, retried);
    assert_int_equal(stats.pending, 0);
    end(&w);
}

static void test_closes(void **state)
{
    (void)state;
    overcomes(CLOSES, 8);
}

static void test_resets(void **state)
{
    (void)state;
    overcomes(RESETS, 8);
}

static void test_garbage(void **state)
{
    (void)state;
    overcomes(GARBAGE, 8);
}

static void test_cut_short(void **state)
{
    (void)state;
    overcomes(CUT_SHORT, 0); /* it has said that it took the message */
}

static void test_too_many(void **state)
{
    (void)state;
    overcomes(TOO_MANY, 8);
}

static void test_broken(void **state)
{
    (void)state;
    overcomes(BROKEN, 8);
}

/* It holds up nobody else, nor the end; its messages stay pending. */
static void test_hangs(void **state)
{
    struct world w = {0};
    (void)state;
    begin(&w, HANGS, 1);
    push(&w, 1, "bad", "a");
    push(&w, 2, "bad", "b");
    for (int64_t id = 3; id <= 20; id++)
        push(&w, id, "good", "c");
    for (int64_t id = 3; id <= 20; id++)
        wait_for(&w, id, OUTBOX_DELIVERED);
    notify_stop(w.notify, 0);
    w.notify = NULL;
    for (size_t i = 0; i < w.words.len; i++)
        assert_true(w.words.at[i].id >= 3);
    end(&w);
}

/* Nobody listens: it is tried again and again, and its breaker opens. */
static void test_refuses(void **state)
{
    struct world w = {0};
    struct notify_stats stats;
    struct arena arena = {0};
    struct notify_lane_stats *lanes;
    (void)state;
    begin(&w, CLOSES, 0);
    server_stop(&w.bad);
    push(&w, 1, "bad", "a");
    do {
        assert_true(notify_sync(w.notify, 60 * USEC_PER_SEC));
        notify_get_stats(w.notify, &stats);
    } while (stats.retried < NOTIFY_BREAKER_FAILURES);
    assert_int_equal(stats.failing, 1);
    assert_int_equal(stats.broken, 1);
    assert_int_equal(stats.oldest_us, NOW_US);
    assert_int_equal(notify_get_lane_stats(w.notify, &arena, &lanes), 2);
    assert_string_equal(lanes[0].receiver, "bad");
    assert_string_equal(lanes[0].integration, "webhook");
    assert_true(lanes[0].broken && lanes[0].failing);
    assert_int_equal(lanes[0].pending, 1);
    assert_int_equal(lanes[0].oldest_us, NOW_US);
    assert_false(lanes[1].broken || lanes[1].failing);
    arena_release(&arena);
    w.bad = (struct server){0};
    server_start(&w.bad);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closes),   cmocka_unit_test(test_resets),
        cmocka_unit_test(test_garbage),  cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_broken),
        cmocka_unit_test(test_hangs),    cmocka_unit_test(test_refuses),
    };
    signal(SIGPIPE, SIG_IGN);
    http_global_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return rc;
}
