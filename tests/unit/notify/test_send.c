/* Deliveries on a loop: ended, cancelled at any time, and what is shown of them. */
#include "page.h"

#include "base/str.h"
#include "io/http.h"
#include "notify/redact.h"
#include "notify/send.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

struct world {
    struct page page;
    uv_loop_t loop;
    struct notifier_env env;
    struct str shown;
    int calls;
    enum delivery delivery;
    char detail[512];
};

static int64_t now_us(void *ctx)
{
    (void)ctx;
    return T0;
}

static void on_line(void *ctx, const char *line)
{
    struct world *w = ctx;
    str_addf(&w->shown, "%s\n", line);
}

static void on_done(void *ctx, enum delivery d, const char *detail, int64_t retry_after_us)
{
    struct world *w = ctx;
    (void)retry_after_us;
    w->calls++;
    w->delivery = d;
    str_copy(w->detail, sizeof(w->detail), detail);
}

static void begin(struct world *w)
{
    struct err err;
    memset(w, 0, sizeof(*w));
    page_init(&w->page);
    str_init(&w->shown, 1 << 20);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->env = (struct notifier_env){.loop = &w->loop, .now_us = now_us, .show = on_line, .ctx = w};
    assert_int_equal(http_client_new(&w->loop, NULL, &w->env.http, &err), 0);
}

static void end(struct world *w)
{
    http_client_close(w->env.http, NULL, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    str_release(&w->shown);
    page_release(&w->page);
}

static struct integration_def make(struct world *w, const struct notifier_kind *kind,
                                   const char *yaml)
{
    struct integration_def def = {.name = kind->name, .kind = kind};
    def.spec = page_spec(&w->page, kind, yaml);
    assert_int_equal(w->page.diag.errors, 0);
    return def;
}

/* Of `turns` turns of the loop, cancelled after; -1: to its end. */
static void run(struct world *w, const struct integration_def *def, const struct message *m,
                bool unrecorded, int turns)
{
    const struct notification n = {.dedup_key = "key-1", .message = m, .unrecorded = unrecorded};
    void *delivery = send_begin(&w->env, def, &n, on_done, w);
    assert_true((delivery == NULL) == (w->calls == 1));
    for (int i = 0; i < turns && !w->calls; i++)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    while (turns < 0 && !w->calls)
        uv_run(&w->loop, UV_RUN_ONCE);
    if (!w->calls) {
        send_cancel(def, delivery);
        uv_run(&w->loop, UV_RUN_NOWAIT);
        assert_int_equal(w->calls, 0);
    }
}

/* A port where connections wait in the queue, and nobody answers. */
static int silent_port(int *fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(*fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(*fd, 16), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static void test_cancel_http(void **state)
{
    int fd, port = silent_port(&fd);
    char yaml[128];
    (void)state;
    snprintf(yaml, sizeof(yaml), "{url: 'http://127.0.0.1:%d/x'}", port);
    for (int turns = 0; turns < 8; turns++) {
        struct world w;
        begin(&w);
        struct integration_def def = make(&w, &notifier_webhook, yaml);
        struct message m = page_message(&w.page.arena, 1, 1, "s", "d");
        run(&w, &def, &m, false, turns);
        end(&w);
    }
    close(fd);
}

static void test_cancel_exec(void **state)
{
    (void)state;
    for (int turns = 0; turns < 4; turns++) {
        struct world w;
        begin(&w);
        struct integration_def def = make(&w, &notifier_exec, "{command: [/bin/sleep, '600']}");
        struct message m = page_message(&w.page.arena, 1, 1, "s", "d");
        run(&w, &def, &m, false, turns);
        end(&w);
    }
}

static void test_refused(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    struct integration_def def = make(&w, &notifier_slack, "{api_url: http://127.0.0.1:1/s3cret}");
    struct message m = page_message(&w.page.arena, 1, 1, "s", "d");
    run(&w, &def, &m, true, -1);
    assert_int_equal(w.delivery, DELIVERY_RETRY);
    assert_non_null(strstr(w.detail, "refused"));
    assert_non_null(strstr(w.shown.buf, "> POST http://127.0.0.1:1/[secret]\n"));
    assert_non_null(strstr(w.shown.buf, "> Nines-Unrecorded: true\n"));
    assert_null(strstr(w.shown.buf, "s3cret"));
    end(&w);
}

/* ---- log ------------------------------------------------------------------------------- */

static void fill(int fd)
{
    static const char block[4096];
    while (write(fd, block, sizeof(block)) > 0)
        continue;
}

/* A message that is longer than a pipe holds goes through as it is read. */
static void test_log_to_a_slow_reader(void **state)
{
    char dir[] = "/tmp/nines-send-XXXXXX", path[64], yaml[128], buf[1000];
    struct world w;
    struct str got;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/pipe", dir);
    snprintf(yaml, sizeof(yaml), "{path: %s}", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    begin(&w);
    str_init(&got, 1 << 22);
    struct integration_def def = make(&w, &notifier_log, yaml);
    struct message m = page_message(&w.page.arena, 500, 1, "summary", "description");
    const struct notification n = {.dedup_key = "k", .message = &m, .unrecorded = true};
    assert_non_null(send_begin(&w.env, &def, &n, on_done, &w));
    for (ssize_t len; !w.calls || (got.len && got.buf[got.len - 1] != '\n');) {
        while ((len = read(reader, buf, sizeof(buf))) > 0)
            str_addn(&got, buf, (size_t)len);
        uv_run(&w.loop, w.calls ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
    assert_int_equal(w.delivery, DELIVERY_OK);
    assert_true(got.len > 100000);
    assert_true(str_starts(got.buf, "{\"unrecorded\":true,\"receiver\":\"ops\""));
    assert_string_equal(got.buf + got.len - 3, "\"}\n");

    /* Cancelled while it waits. */
    w.calls = 0;
    fill(reader);
    void *delivery = send_begin(&w.env, &def, &n, on_done, &w);
    assert_non_null(delivery);
    send_cancel(&def, delivery);
    close(reader);

    /* Nobody is there. */
    assert_null(send_begin(&w.env, &def, &n, on_done, &w));
    assert_int_equal(w.delivery, DELIVERY_RETRY);
    str_release(&got);
    end(&w);
    unlink(path);
    rmdir(dir);
}

/* ---- secrets ------------------------------------------------------------------------------ */

static void hides(const char *yaml, const char *text, const char *want)
{
    struct world w;
    struct redact r;
    struct str out;
    begin(&w);
    struct integration_def def = make(&w, &notifier_webhook, yaml);
    redact_init(&r, &def);
    str_init(&out, 1 << 16);
    redact_add(&r, text, strlen(text), &out);
    assert_string_equal(out.buf, want);
    str_release(&out);
    redact_release(&r);
    end(&w);
}

static void test_redact(void **state)
{
    (void)state;
    setenv("NINES_TEST_WORD", "pass\"w\\rd/1", 1);
    setenv("NINES_TEST_URL", "https://u:p@h.example/a/longer-segment?k=value-of-key", 1);
#define HEADER "{url: http://h/x, headers: {A: {env: NINES_TEST_WORD}}}"
    hides(HEADER, "a pass\"w\\rd/1 b", "a [secret] b");
    hides(HEADER, "pass\\\"w\\\\rd/1", "[secret]");
    hides(HEADER, "pass%22w%5Crd%2F1", "[secret]");
    hides(HEADER, "it is pass\"w", "it is [secret]"); /* cut */
    hides(HEADER, "pass", "[secret]");
    hides(HEADER, "a pass or two", "a pass or two");
    hides(HEADER, "http://h/x", "http://h/x"); /* may be shown */
#define ADDRESS "{url: $NINES_TEST_URL}"
    hides(ADDRESS, "https://u:p@h.example/a/longer-segment?k=value-of-key",
          "https://[secret]@h.example/[secret]");
    hides(ADDRESS, "no longer-segment, value-of-key", "no [secret], [secret]");
    hides("{url: 'http://me:word@h/x'}", "http://me:word@h/x", "http://[secret]@h/x");
    hides("{url: http://h/, http_config: {basic_auth: {username: me, password: 'open it'}}}",
          "Basic bWU6b3BlbiBpdA== open it", "Basic [secret] [secret]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_http), cmocka_unit_test(test_cancel_exec),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_log_to_a_slow_reader),
        cmocka_unit_test(test_redact),
    };
    http_global_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return rc;
}
