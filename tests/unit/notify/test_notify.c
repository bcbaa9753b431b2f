/*
 * The notify thread against a real HTTP server, which runs on this thread:
 * the test turns its loop until what it waits for has happened.
 */
#include "notify/notify.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "io/http.h"
#include "io/httpd.h"
#include "model/message.h"
#include "notify/kinds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

/* One POST that arrived. */
struct post {
    char path[32], key[64], header[64], type[64];
    char *body;
};

/* One word from the notify thread. */
struct word {
    int64_t id;
    enum outbox_state state;
    bool done;
    char detail[256];
    int64_t wait_us;
};

struct world {
    uv_loop_t loop;
    uv_async_t wake;
    struct httpd *server;
    int port;
    int failures; /* answers of /flaky that are still to fail */
    struct httpd_call *hanging;
    VEC(struct post) posts;

    pthread_mutex_t mutex;
    VEC(struct word) words;
    VEC(struct outbox_item) kept; /* messages that were to be stored, id from 1 on */
    struct str kinds;             /* of all rows, a letter each */
    struct str asked;             /* what was wanted again out of the outbox */

    char dir[64], file[96], log[96];
    struct config *config, *one; /* one: instead, of the test's */
    struct notify *notify;
};

#define NOW_US 1790000000000000LL

/* ---- the receiver's side ------------------------------------------------------ */

struct upload {
    struct world *w;
    struct httpd_call *call;
    struct str body;
};

static size_t on_body(void *user, const char *data, size_t n)
{
    struct upload *u = user;
    str_addn(&u->body, data, n);
    return n;
}

static void answer(struct httpd_call *call, int status, const char *text)
{
    httpd_reply(call, &(struct httpd_answer){status, "text/plain", text, strlen(text)});
}

static void answer_later(struct httpd_call *call)
{
    const struct httpd_field field = {"Retry-After", "100"};
    httpd_reply(call, &(struct httpd_answer){429, "text/plain", "", 0, &field, 1});
}

static void header(const struct httpd_call *call, const char *name, char *buf, size_t size)
{
    const char *value = httpd_header(call, name);
    str_copy(buf, size, value ? value : "");
}

static void on_complete(void *user)
{
    struct upload *u = user;
    struct world *w = u->w;
    struct post p = {.body = mem_strdup(u->body.buf)};
    const char *path = httpd_path(u->call);

    str_copy(p.path, sizeof(p.path), path);
    header(u->call, "Idempotency-Key", p.key, sizeof(p.key));
    header(u->call, "X-Token", p.header, sizeof(p.header));
    header(u->call, "Content-Type", p.type, sizeof(p.type));
    vec_push(&w->posts, p);
    if (str_eq(path, "/hang"))
        w->hanging = u->call;
    else if (str_eq(path, "/later"))
        answer_later(u->call);
    else if (str_eq(path, "/reject"))
        answer(u->call, 400, "no such \001channel\nsecond line");
    else if (str_eq(path, "/flaky") && w->failures > 0 && w->failures--)
        answer(u->call, 503, "not now");
    else
        answer(u->call, 200, "ok");
}

static void on_ended(void *user)
{
    struct upload *u = user;

    if (u->w->hanging == u->call)
        u->w->hanging = NULL;
    str_release(&u->body);
    free(u);
}

static void on_begin(void *ctx, struct httpd_call *call)
{
    static const struct httpd_sink sink = {on_body, on_complete, on_ended};
    struct upload *u = mem_alloc(sizeof(*u));

    u->w = ctx;
    u->call = call;
    str_init(&u->body, 1 << 20);
    httpd_take(call, &sink, u);
}

static void start_server(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    struct httpd_options o = {.begin = on_begin, .ctx = w};
    struct err err;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    w->port = ntohs(a.sin_port);
    assert_int_equal(httpd_start(&w->loop, fd, &o, &w->server, &err), 0);
}

/* ---- the engine's side ------------------------------------------------------------ */

static void delivered(void *ctx, int64_t id, enum outbox_state state, const char *detail,
                      int64_t retry_at_us)
{
    struct world *w = ctx;
    struct word word = {
        .id = id, .state = state, .done = state != OUTBOX_PENDING, .wait_us = retry_at_us - NOW_US};

    str_copy(word.detail, sizeof(word.detail), detail);
    pthread_mutex_lock(&w->mutex);
    vec_push(&w->words, word);
    pthread_mutex_unlock(&w->mutex);
    uv_async_send(&w->wake);
}

/* A store that commits when the test says so. */
static void keep(void *ctx, const struct dispatch_row *rows, size_t n)
{
    struct world *w = ctx;
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < n; i++) {
        str_addc(&w->kinds, "adgxtm"[rows[i].kind]);
        if (rows[i].kind != DISPATCH_MESSAGE)
            continue;
        const struct outbox_new *m = rows[i].message;
        int64_t id = (int64_t)w->kept.len + 1;
        vec_push(&w->kept, ((struct outbox_item){.id = id,
                                                 .created_us = m->created_us,
                                                 .receiver = mem_strdup(m->receiver),
                                                 .integration = mem_strdup(m->integration),
                                                 .group_key = mem_strdup(m->group_key),
                                                 .dedup_key = mem_strdup(m->dedup_key),
                                                 .payload = mem_strdup(m->payload)}));
    }
    pthread_mutex_unlock(&w->mutex);
}

static int64_t fixed_now(void *ctx)
{
    (void)ctx;
    return NOW_US;
}

static void more(void *ctx, const char *receiver, const char *integration, int64_t from_id)
{
    struct world *w = ctx;
    pthread_mutex_lock(&w->mutex);
    str_addf(&w->asked, "%s/%s from %lld\n", receiver, integration, (long long)from_id);
    pthread_mutex_unlock(&w->mutex);
    uv_async_send(&w->wake);
}

static struct config *load(struct world *w, const char *receivers)
{
    static const struct probe_kind *const no_kinds[] = {NULL};
    static const struct notifier_kind *const notifiers[] = {&notifier_log, &notifier_webhook, NULL};
    const struct config_tables tables = {.probe_kinds = no_kinds, .notifiers = notifiers};
    const struct config_sources sources = {.config_file = w->file};
    struct diag diag = {0};
    struct config *c = NULL;
    FILE *f = fopen(w->file, "w");

    assert_non_null(f);
    fprintf(f, "apiVersion: nines/v1\nkind: Daemon\nprobes: []\nslos: []\nreceivers:\n%s",
            receivers);
    fclose(f);
    if (config_load(&sources, &tables, &c, &diag) < 0)
        c = NULL;
    for (size_t i = 0; !c && i < diag.n; i++)
        print_message("%d: %s\n", diag.items[i].pos.line, diag.items[i].text);
    diag_release(&diag);
    return c;
}

static char *webhooks(const struct world *w)
{
    struct str s;

    str_init(&s, 4096);
    const char *const names[] = {"ok", "flaky", "later", "reject", "hang"};
    for (size_t i = 0; i < countof(names); i++)
        str_addf(&s, "  - {name: %s, webhook: {url: 'http://127.0.0.1:%d/%s'}}\n", names[i],
                 w->port, names[i]);
    str_addf(&s, "  - name: token\n    webhook:\n      url: {env: NINES_TEST_URL}\n"
                 "      headers: {X-Token: {env: NINES_TEST_TOKEN}}\n"
                 "  - {name: dead, webhook: {url: 'http://127.0.0.1:1/', timeout: 5s}}\n"
                 "  - {name: file, log: {path: out.log}}\n");
    char *text = str_detach(&s);
    str_release(&s);
    return text;
}

static void begin(struct world *w, size_t max_items)
{
    struct notify_options o = {
        .config = w->one ? w->one : w->config,
        .max_items = max_items,
        .backoff_min_us = 1000,
        .backoff_max_us = 4000,
        .rows = keep,
        .delivered = delivered,
        .more = more,
        .now_us = fixed_now,
        .ctx = w,
    };
    struct err err;

    if (notify_start(&o, &w->notify, &err) < 0)
        fail_msg("%s", err.msg);
}

static char *payload(int64_t id)
{
    return mem_printf("{\"receiver\":\"r\",\"status\":\"firing\",\"alerts\":[],\"groupLabels\":{},"
                      "\"commonLabels\":{},\"commonAnnotations\":{},\"externalURL\":\"\","
                      "\"version\":\"4\",\"groupKey\":\"%lld\",\"truncatedAlerts\":0}",
                      (long long)id);
}

static void push_item(struct world *w, struct outbox_item how, const char *receiver,
                      const char *group, const char *key)
{
    int64_t id = how.id;
    struct outbox_item item = {
        .id = id,
        .next_id = how.next_id,
        .again = how.again,
        .last = how.last,
        .created_us = NOW_US,
        .receiver = mem_strdup(receiver),
        .integration = mem_strdup(str_eq(receiver, "file") ? "log" : "webhook"),
        .group_key = mem_strdup(group),
        .dedup_key = mem_strdup(key),
        .payload = payload(id),
    };
    notify_push(w->notify, &item, 1);
}

static void push_of(struct world *w, int64_t id, const char *receiver, const char *group,
                    const char *key)
{
    push_item(w, (struct outbox_item){.id = id}, receiver, group, key);
}

static void push(struct world *w, int64_t id, const char *receiver, const char *key)
{
    push_of(w, id, receiver, "g", key);
}

static size_t word_count(struct world *w)
{
    pthread_mutex_lock(&w->mutex);
    size_t n = w->words.len;
    pthread_mutex_unlock(&w->mutex);
    return n;
}

static struct word word(struct world *w, size_t i)
{
    pthread_mutex_lock(&w->mutex);
    assert_true(i < w->words.len);
    struct word copy = w->words.at[i];
    pthread_mutex_unlock(&w->mutex);
    return copy;
}

static bool is_done(struct world *w, int64_t id)
{
    for (size_t i = 0; i < word_count(w); i++) {
        if (word(w, i).id == id && word(w, i).done)
            return true;
    }
    return false;
}

static void wait_words(struct world *w, size_t n)
{
    while (word_count(w) < n)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void wait_posts(struct world *w, size_t n)
{
    while (w->posts.len < n)
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void stop(struct world *w, int64_t patience_us)
{
    notify_stop(w->notify, patience_us);
    w->notify = NULL;
}

/* ---- the world --------------------------------------------------------------------- */

static void nothing(uv_async_t *a)
{
    (void)a;
}

static int set_up(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));

    pthread_mutex_init(&w->mutex, NULL);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    uv_async_init(&w->loop, &w->wake, nothing);
    start_server(w);
    str_copy(w->dir, sizeof(w->dir), "/tmp/nines-notify-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->file, sizeof(w->file), "%s/nines.yaml", w->dir);
    snprintf(w->log, sizeof(w->log), "%s/out.log", w->dir);
    str_init(&w->kinds, 4096);
    str_init(&w->asked, 4096);
    mem_auto char *url = mem_printf("http://127.0.0.1:%d/token", w->port);
    setenv("NINES_TEST_URL", url, 1);
    setenv("NINES_TEST_TOKEN", "s3cret", 1);
    mem_auto char *receivers = webhooks(w);
    w->config = load(w, receivers);
    assert_non_null(w->config);
    *state = w;
    return 0;
}

static void free_kept(struct outbox_item *it)
{
    mem_free(&it->receiver);
    mem_free(&it->integration);
    mem_free(&it->group_key);
    mem_free(&it->dedup_key);
    mem_free(&it->payload);
}

static int tear_down(void **state)
{
    struct world *w = *state;

    if (w->notify)
        stop(w, 0);
    httpd_close(w->server, NULL, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    for (size_t i = 0; i < w->posts.len; i++)
        free(w->posts.at[i].body);
    vec_release(&w->posts);
    vec_release(&w->words);
    for (size_t i = 0; i < w->kept.len; i++)
        free_kept(&w->kept.at[i]);
    vec_release(&w->kept);
    str_release(&w->kinds);
    str_release(&w->asked);
    assert_int_equal(w->config->refs, 1);
    config_unref(w->config);
    unlink(w->file);
    unlink(w->log);
    assert_int_equal(rmdir(w->dir), 0);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    return 0;
}

/* ---- tests ---------------------------------------------------------------------------- */

static void test_delivers_in_order(void **state)
{
    struct world *w = *state;

    begin(w, 0);
    for (int64_t id = 1; id <= 20; id++)
        push(w, id, "ok", "slo/page 1%");
    wait_words(w, 20);
    for (size_t i = 0; i < 20; i++) {
        mem_auto char *body = payload((int64_t)i + 1);
        assert_string_equal(w->posts.at[i].body, body);
        assert_string_equal(w->posts.at[i].type, "application/json");
        assert_int_equal(word(w, i).id, i + 1);
        assert_true(word(w, i).done);
        if (i == 0) {
            assert_string_equal(w->posts.at[i].key, "slo/page 1%");
            assert_string_equal(word(w, i).detail, "HTTP 200: ok");
        }
    }
}

/* An item that fails holds back those behind it, and nobody else's. */
static void test_retries_keep_order(void **state)
{
    struct world *w = *state;
    struct notify_stats stats;

    w->failures = 3;
    begin(w, 0);
    push(w, 1, "flaky", "a");
    push(w, 2, "flaky", "b");
    wait_words(w, 5);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(word(w, i).id, 1);
        assert_false(word(w, i).done);
        assert_string_equal(word(w, i).detail, "HTTP 503: not now");
        assert_in_range(word(w, i).wait_us, 1000, 4000);
    }
    assert_int_equal(word(w, 3).id, 1);
    assert_true(word(w, 3).done);
    assert_int_equal(word(w, 4).id, 2);
    notify_get_stats(w->notify, &stats);
    assert_int_equal(stats.retried, 3);
    assert_int_equal(stats.delivered, 2);
    assert_int_equal(stats.pending, 0);
}

static void test_rejected(void **state)
{
    struct world *w = *state;

    begin(w, 0);
    push(w, 1, "reject", "a");
    push(w, 2, "nobody", "b");
    wait_words(w, 2);
    size_t reject = word(w, 0).id == 1 ? 0 : 1;
    assert_string_equal(word(w, reject).detail, "HTTP 400: no such channel");
    assert_string_equal(word(w, 1 - reject).detail, "the configuration has no such integration");
    assert_true(word(w, 0).done && word(w, 1).done);
    assert_int_equal(w->posts.len, 1);
}

/* The receiver says when: later than our own backoff would be. */
static void test_retry_after(void **state)
{
    struct world *w = *state;

    begin(w, 0);
    push(w, 1, "later", "a");
    wait_words(w, 1);
    assert_false(word(w, 0).done);
    assert_string_equal(word(w, 0).detail, "HTTP 429");
    assert_int_equal(word(w, 0).wait_us, 100 * USEC_PER_SEC);
}

static void test_secrets(void **state)
{
    struct world *w = *state;

    begin(w, 0);
    push(w, 1, "token", "a");
    wait_words(w, 1);
    assert_string_equal(w->posts.at[0].path, "/token");
    assert_string_equal(w->posts.at[0].header, "s3cret");
}

/* Others are served while one receiver hangs and one is down; a stop with
 * patience does not outlast it, and says nothing about what is left. */
static void test_slow_receivers(void **state)
{
    struct world *w = *state;
    struct notify_stats stats;

    begin(w, 0);
    push(w, 1, "hang", "a");
    push(w, 2, "hang", "b");
    push(w, 3, "dead", "c");
    wait_posts(w, 1);
    wait_words(w, 1);
    assert_int_equal(word(w, 0).id, 3);
    assert_false(word(w, 0).done);
    push(w, 4, "ok", "d");
    while (!is_done(w, 4))
        wait_words(w, word_count(w) + 1);
    notify_get_stats(w->notify, &stats);
    assert_int_equal(stats.pending, 3);
    stop(w, 1000);
    for (size_t i = 0; i < word_count(w); i++)
        assert_true(word(w, i).id == 3 || word(w, i).id == 4);
}

/* A stop waits for what can still be delivered. */
static void *stopper(void *arg)
{
    struct world *w = arg;
    stop(w, 60 * USEC_PER_SEC);
    uv_async_send(&w->wake);
    return NULL;
}

static void test_stop_drains(void **state)
{
    struct world *w = *state;
    pthread_t t;

    begin(w, 0);
    for (int64_t id = 1; id <= 5; id++)
        push(w, id, "ok", "k");
    pthread_create(&t, NULL, stopper, w);
    wait_words(w, 5);
    pthread_join(t, NULL);
    assert_int_equal(word_count(w), 5);
}

/* ---- alerts ------------------------------------------------------------------------- */

static void only(struct world *w, const char *name)
{
    mem_auto char *text = mem_printf("  - {name: %s, webhook: {url: 'http://127.0.0.1:%d/%s'}}\n",
                                     name, w->port, name);
    w->one = load(w, text);
    assert_non_null(w->one);
}

static void let_go(struct world *w)
{
    stop(w, 0);
    assert_int_equal(w->one->refs, 1);
    config_unref(w->one);
    w->one = NULL;
}

static void put(struct world *w, const char *name, bool firing)
{
    struct pair label = {.key = "alertname", .value = name};
    char print[FINGERPRINT_SIZE];
    struct message_alert a = {.firing = firing,
                              .labels = {&label, 1},
                              .starts_us = NOW_US - USEC_PER_SEC,
                              .ends_us = firing ? 0 : NOW_US,
                              .generator_url = ""};
    a.fingerprint = message_fingerprint(print, &a.labels);
    notify_put(w->notify, &a, 1, NOW_US);
}

static void restore_nothing(struct world *w)
{
    notify_restore(w->notify, &(struct dispatch_past){0});
}

/* The store commits message `i` after all. */
static void commit(struct world *w, size_t i)
{
    pthread_mutex_lock(&w->mutex);
    assert_true(i < w->kept.len);
    struct outbox_item item = w->kept.at[i];
    item.receiver = mem_strdup(item.receiver);
    item.integration = mem_strdup(item.integration);
    item.group_key = mem_strdup(item.group_key);
    item.dedup_key = mem_strdup(item.dedup_key);
    item.payload = mem_strdup(item.payload);
    pthread_mutex_unlock(&w->mutex);
    notify_push(w->notify, &item, 1);
}

static struct notify_stats stats_of(struct world *w)
{
    struct notify_stats stats;
    assert_true(notify_sync(w->notify, 60 * USEC_PER_SEC));
    notify_get_stats(w->notify, &stats);
    return stats;
}

/* Nothing leaves before its row is committed; nothing is dispatched before the restore. */
static void test_committed_first(void **state)
{
    struct world *w = *state;
    only(w, "ok");
    begin(w, 0);
    put(w, "one", true);
    assert_true(notify_sync(w->notify, 60 * USEC_PER_SEC));
    assert_int_equal(w->kinds.len, 0);
    restore_nothing(w);
    assert_true(notify_sync(w->notify, 60 * USEC_PER_SEC));
    assert_string_equal(w->kinds.buf, "agmtg");
    struct notify_stats stats = stats_of(w);
    assert_int_equal(stats.alerts, 1);
    assert_int_equal(stats.groups, 1);
    assert_int_equal(stats.messages, 1);
    assert_int_equal(stats.uncommitted, 1);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(w->posts.len, 0);
    commit(w, 0);
    wait_words(w, 1);
    assert_int_equal(word(w, 0).id, 1);
    assert_int_equal(word(w, 0).state, OUTBOX_DELIVERED);
    assert_string_equal(w->posts.at[0].body, w->kept.at[0].payload);
    assert_int_equal(stats_of(w).uncommitted, 0);
    let_go(w);
}

static void test_unrecorded(void **state)
{
    struct world *w = *state;
    only(w, "ok");
    begin(w, 0);
    restore_nothing(w);
    /* Sent from memory, then recorded: told as delivered, not sent again. */
    put(w, "one", true);
    assert_true(notify_sync(w->notify, 60 * USEC_PER_SEC));
    notify_send_uncommitted(w->notify);
    wait_posts(w, 1);
    while (stats_of(w).delivered == 0)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_int_equal(word_count(w), 0);
    commit(w, 0);
    wait_words(w, 1);
    assert_int_equal(word(w, 0).id, 1);
    assert_string_equal(word(w, 0).detail, "delivered before it was recorded");
    assert_int_equal(stats_of(w).deduplicated, 1);
    assert_int_equal(w->posts.len, 1);
    let_go(w);
}

/* Recorded while it still waits behind another: the row takes its place. */
static void test_recorded_in_time(void **state)
{
    struct world *w = *state;
    only(w, "hang");
    begin(w, 0);
    restore_nothing(w);
    put(w, "one", true);
    put(w, "two", true);
    assert_true(notify_sync(w->notify, 60 * USEC_PER_SEC));
    notify_send_uncommitted(w->notify);
    wait_posts(w, 1);
    assert_int_equal(stats_of(w).pending, 2);
    commit(w, 0);
    commit(w, 1);
    assert_int_equal(stats_of(w).pending, 2);
    answer(w->hanging, 200, "");
    wait_posts(w, 2);
    answer(w->hanging, 200, "");
    wait_words(w, 2);
    assert_int_equal(word(w, 0).id, 1);
    assert_int_equal(word(w, 1).id, 2);
    struct notify_stats stats = stats_of(w);
    assert_int_equal(stats.pending, 0);
    assert_int_equal(stats.deduplicated, 0);
    assert_int_equal(stats.delivered, 2);
    let_go(w);
}

/* What finds no room to wait for its row in memory is sent when that is committed. */
static void test_uncommitted_bound(void **state)
{
    struct world *w = *state;
    only(w, "ok");
    begin(w, 2);
    restore_nothing(w);
    put(w, "one", true);
    put(w, "two", true);
    put(w, "three", true);
    struct notify_stats stats = stats_of(w);
    assert_int_equal(stats.messages, 3);
    assert_int_equal(stats.uncommitted, 2);
    assert_int_equal(stats.overflowed, 1);
    notify_send_uncommitted(w->notify);
    wait_posts(w, 2);
    while (stats_of(w).delivered < 2)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < 3; i++) {
        commit(w, i);
        wait_words(w, i + 1);
    }
    assert_int_equal(w->posts.len, 3);
    assert_int_equal(stats_of(w).deduplicated, 2);
    let_go(w);
}

static void push_again(struct world *w, int64_t id, int64_t next_id, bool last)
{
    char key[32];
    snprintf(key, sizeof(key), "k%lld", (long long)id);
    push_item(w, (struct outbox_item){.id = id, .next_id = next_id, .again = true, .last = last},
              "hang", "g", key);
}

static bool was_asked(struct world *w, const char *all)
{
    pthread_mutex_lock(&w->mutex);
    bool ret = str_eq(w->asked.buf, all);
    pthread_mutex_unlock(&w->mutex);
    return ret;
}

static void wait_asked(struct world *w, const char *all)
{
    while (!was_asked(w, all))
        uv_run(&w->loop, UV_RUN_ONCE);
}

static void answer_hanging(struct world *w, size_t posts)
{
    wait_posts(w, posts);
    answer(w->hanging, 200, "");
    wait_words(w, posts);
}

/* One that hangs takes nobody's room, and what it could not be given comes later, in its
 * order. */
static void test_overflow(void **state)
{
    struct world *w = *state;
    static const char *const keys[] = {"k1", "k2", "k3", "k4", "k5"};
    struct notify_stats stats;

    begin(w, 3);
    for (int64_t id = 1; id <= 5; id++)
        push(w, id, "hang", keys[id - 1]);
    stats = stats_of(w);
    assert_int_equal(stats.pending, 3);
    assert_int_equal(stats.overflowed, 2);
    push(w, 6, "ok", "other");
    wait_words(w, 1);
    assert_int_equal(word(w, 0).id, 6);

    answer_hanging(w, 2);
    assert_true(was_asked(w, ""));
    push(w, 7, "hang", "k7"); /* there is room, but it would overtake */
    assert_int_equal(stats_of(w).pending, 2);
    answer_hanging(w, 3);
    wait_asked(w, "hang/webhook from 4\n");
    push(w, 8, "hang", "k8"); /* committed before the answer */
    push_again(w, 4, 5, false);
    push_again(w, 5, 7, true);
    stats = stats_of(w);
    assert_int_equal(stats.pending, 3);
    assert_int_equal(stats.overflowed, 4);
    answer_hanging(w, 4);
    answer_hanging(w, 5);
    wait_asked(w, "hang/webhook from 4\nhang/webhook from 7\n");
    push_again(w, 5, 7, false); /* it is there already */
    push_again(w, 7, 8, false);
    push_again(w, 8, 0, true);
    push(w, 9, "hang", "k9"); /* nothing is left behind: there is room or there is not */
    assert_int_equal(stats_of(w).overflowed, 5);
    for (size_t i = 6; i <= 8; i++)
        answer_hanging(w, i);
    for (size_t i = 1; i < 6; i++)
        assert_int_equal(word(w, i).id, i);
    assert_int_equal(word(w, 6).id, 7);
    assert_int_equal(word(w, 7).id, 8);
    wait_asked(w, "hang/webhook from 4\nhang/webhook from 7\nhang/webhook from 9\n");

    struct outbox_item none = {.again = true,
                               .last = true,
                               .receiver = mem_strdup("hang"),
                               .integration = mem_strdup("webhook")};
    notify_push(w->notify, &none, 1); /* it is done already: all is as before */
    push(w, 10, "hang", "k10");
    answer_hanging(w, 9);
    assert_int_equal(word(w, 8).id, 10);
    assert_int_equal(stats_of(w).pending, 0);
}

/* A reload under a delivery: it ends on the old definition, the next ones go
 * by the new one; items of a receiver that went are rejected. */
static void test_reload(void **state)
{
    struct world *w = *state;
    mem_auto char *receivers =
        mem_printf("  - {name: hang, webhook: {url: 'http://127.0.0.1:%d/moved'}}\n", w->port);
    struct config *next = load(w, receivers);

    assert_non_null(next);
    begin(w, 0);
    push(w, 1, "hang", "a");
    push(w, 2, "hang", "b");
    wait_posts(w, 1);
    notify_set_config(w->notify, next);
    notify_set_config(w->notify, next);
    push(w, 3, "ok", "c");
    wait_words(w, 1);
    assert_int_equal(word(w, 0).id, 3);
    assert_string_equal(word(w, 0).detail, "the configuration has no such integration");
    answer(w->hanging, 200, "");
    wait_words(w, 3);
    assert_int_equal(word(w, 1).id, 1);
    assert_int_equal(word(w, 2).id, 2);
    assert_string_equal(w->posts.at[1].path, "/moved");
    stop(w, 0);
    assert_int_equal(next->refs, 1);
    config_unref(next);
}

/* An item older than a day gets one more attempt, then it is over. */
static void test_gives_up(void **state)
{
    struct world *w = *state;
    struct outbox_item old = {
        .id = 7,
        .created_us = NOW_US - NOTIFY_GIVE_UP_US,
        .attempts = 300,
        .receiver = mem_strdup("flaky"),
        .integration = mem_strdup("webhook"),
        .group_key = mem_strdup("g"),
        .dedup_key = mem_strdup("k"),
        .payload = payload(7),
    };

    w->failures = 1;
    begin(w, 0);
    notify_push(w->notify, &old, 1);
    wait_words(w, 1);
    assert_true(word(w, 0).done);
    assert_string_equal(word(w, 0).detail, "given up after 301 attempts: HTTP 503: not now");
}

static void test_log(void **state)
{
    struct world *w = *state;
    char text[1024] = "";

    begin(w, 0);
    push(w, 1, "file", "a");
    push(w, 2, "file", "b");
    wait_words(w, 2);
    int fd = open(w->log, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    mem_auto char *one = payload(1), *two = payload(2), *both = mem_printf("%s\n%s\n", one, two);
    assert_string_equal(text, both);

    /* What cannot be written is tried again. */
    unlink(w->log);
    assert_int_equal(mkfifo(w->log, 0600), 0);
    push(w, 3, "file", "c");
    wait_words(w, 3);
    assert_false(word(w, 2).done);
    unlink(w->log);
    while (!is_done(w, 3))
        wait_words(w, word_count(w) + 1);
}

static void test_bad_config(void **state)
{
    struct world *w = *state;
    const char *const wrong[] = {
        "  - {name: a, webhook: {url: 'ftp://x/'}}\n",
        "  - {name: a, webhook: {url: 'http://'}}\n",
        "  - {name: a, webhook: {url: 'http://x/ y'}}\n",
        "  - {name: a, webhook: {}}\n",
        "  - {name: a, webhook: {url: 'http://x/', headers: {'A B': x}}}\n",
        "  - {name: a, webhook: {url: 'http://x/', headers: {A: \"x\\ny\"}}}\n",
        "  - {name: a, webhook: {url: 'http://x/', timeout: 1ms}}\n",
        "  - {name: a, webhook: {url: 'http://x/', tls: {insecure: 1}}}\n",
        "  - {name: a, log: {path: ''}}\n",
    };

    for (size_t i = 0; i < countof(wrong); i++) {
        struct config *c = load(w, wrong[i]);
        if (c)
            fail_msg("accepted: %s", wrong[i]);
    }
}

int main(void)
{
#define NOTIFY_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        NOTIFY_TEST(test_delivers_in_order),
        NOTIFY_TEST(test_retries_keep_order),
        NOTIFY_TEST(test_rejected),
        NOTIFY_TEST(test_retry_after),
        NOTIFY_TEST(test_secrets),
        NOTIFY_TEST(test_slow_receivers),
        NOTIFY_TEST(test_stop_drains),
        NOTIFY_TEST(test_committed_first),
        NOTIFY_TEST(test_unrecorded),
        NOTIFY_TEST(test_recorded_in_time),
        NOTIFY_TEST(test_uncommitted_bound),
        NOTIFY_TEST(test_overflow),
        NOTIFY_TEST(test_reload),
        NOTIFY_TEST(test_gives_up),
        NOTIFY_TEST(test_log),
        NOTIFY_TEST(test_bad_config),
    };

    signal(SIGPIPE, SIG_IGN);
    http_global_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return rc;
}
