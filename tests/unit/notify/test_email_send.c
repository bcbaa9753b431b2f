/* Mails of email_configs to a real server, and what those see who look. */
#include "page.h"

#include "io/http.h"
#include "notify/email.h"
#include "notify/send.h"
#include "support/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct fixture {
    struct spawned *mail;
    uv_loop_t loop;
    struct notifier_env env;
    struct page p;
    struct integration_def def;
    int closed, done;
    enum delivery delivery;
    char detail[1024];
    struct str shown;
};

static void on_closed(void *ctx)
{
    (*(int *)ctx)++;
}

static void on_done(void *ctx, enum delivery d, const char *detail, int64_t retry_after_us)
{
    struct fixture *f = ctx;
    f->done++;
    f->delivery = d;
    assert_int_equal(retry_after_us, 0);
    str_copy(f->detail, sizeof(f->detail), detail);
}

static void on_show(void *ctx, const char *line)
{
    struct fixture *f = ctx;
    str_addf(&f->shown, "%s\n", line);
}

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof(*f));
    http_global_init();
    f->mail = spawn_python("mailserver.py");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spawn_stop(f->mail);
    free(f);
    http_global_cleanup();
    return 0;
}

static int open_client(void **state)
{
    struct fixture *f = *state;
    page_init(&f->p);
    f->closed = f->done = 0;
    f->env = (struct notifier_env){.show = on_show, .ctx = f};
    str_init(&f->shown, 64 << 20);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->env.loop = &f->loop;
    assert_int_equal(http_client_new(&f->loop, "127.0.0.1:1", &f->env.http, NULL), 0);
    return 0;
}

static int close_client(void **state)
{
    struct fixture *f = *state;
    http_client_close(f->env.http, on_closed, &f->closed);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->closed, 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    str_release(&f->shown);
    page_release(&f->p);
    return 0;
}

/* `more` may have "%s" for the directory of the certificates. */
static void use(struct fixture *f, const char *port, const char *to, const char *more)
{
    char yaml[1000], rest[400];
    snprintf(rest, sizeof(rest), more, spawn_value(f->mail, "dir"));
    snprintf(yaml, sizeof(yaml), "{to: '%s', from: nines@example.org, smarthost: 'localhost:%d'%s}",
             to, spawn_port(f->mail, port), rest);
    f->def = (struct integration_def){.name = "email", .kind = &notifier_email};
    f->def.spec = page_spec(&f->p, &notifier_email, yaml);
    assert_int_equal(f->p.diag.n, 0);
}

static void *begin(struct fixture *f, const struct message *m, bool unrecorded)
{
    const struct notification n = {.dedup_key = "key", .message = m, .unrecorded = unrecorded};
    f->done = 0;
    str_clear(&f->shown);
    return send_begin(&f->env, &f->def, &n, on_done, f);
}

static void deliver(struct fixture *f, const struct message *m, bool unrecorded)
{
    begin(f, m, unrecorded);
    while (!f->done)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->done, 1);
    assert_null(strstr(f->shown.buf, "s3cret"));
    assert_null(strstr(f->detail, "s3cret"));
}

static char *received(struct fixture *f)
{
    static char text[12 << 20];
    char path[160];
    snprintf(path, sizeof(path), "%s/last", spawn_value(f->mail, "dir"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static void test_delivered(void **state)
{
    struct fixture *f = *state;
    struct message m = page_message(&f->p.arena, 1, 1,
                                    "\xc3\xbc"
                                    "ber",
                                    "d");
    setenv("NINES_TEST_SMTP", "s3cret", 1);
    use(f, "login", "a@x.org, B <b@x.org>",
        ", auth_username: ann, auth_password: $NINES_TEST_SMTP, require_tls: true,\n"
        "tls_config: {ca_file: %s/ca.pem}");
    deliver(f, &m, false);
    assert_int_equal(f->delivery, DELIVERY_OK);
    assert_string_equal(f->detail, "250 2.0.0 taken");
    const char *mail = received(f);
    assert_true(
        str_starts(mail, "nines@example.org\na@x.org,b@x.org\nFrom: nines@example.org\r\n"));
    assert_non_null(strstr(mail, "\r\nSubject: =?UTF-8?B?"));
    assert_non_null(strstr(f->shown.buf, ", STARTTLS\n< 220 mail.example"));
    assert_non_null(strstr(f->shown.buf, "\n> AUTH PLAIN\n"));
    assert_non_null(strstr(f->shown.buf, "\n> [secret]\n"));
    assert_non_null(strstr(f->shown.buf, "\n> From: nines@example.org\n"));
    assert_non_null(strstr(f->shown.buf, "\n< 250 2.0.0 taken\n"));
    deliver(f, &m, true);
    assert_non_null(strstr(received(f), "\nNines-Unrecorded: true\r\nFrom: "));
}

static void test_many_alerts(void **state)
{
    struct fixture *f = *state;
    struct message m = page_message(&f->p.arena, MESSAGE_ALERTS_MAX, 700, ".", ".\n..\n.");
    f->env.show = NULL;
    use(f, "plain", "a@x.org", "");
    deliver(f, &m, false);
    assert_int_equal(f->delivery, DELIVERY_OK);
    struct email e;
    email_init(&e);
    assert_int_equal(email_build((const void *)f->def.spec, &m, "key", &e, NULL), 0);
    assert_true(e.data.len > 100000);
    assert_string_equal(strstr(received(f), "From:"), e.data.buf);
    email_release(&e);
}

static void test_not_delivered(void **state)
{
    struct fixture *f = *state;
    struct message m = page_message(&f->p.arena, 1, 1, "s", "d");
    use(f, "plain", "no-a@x.org", "");
    deliver(f, &m, false);
    assert_int_equal(f->delivery, DELIVERY_REJECTED);
    assert_string_equal(f->detail,
                        "the server refused the recipient: no-a@x.org: 550 5.1.1 no such user");
    use(f, "plain", "later-a@x.org", "");
    deliver(f, &m, false);
    assert_int_equal(f->delivery, DELIVERY_RETRY);
    use(f, "hang", "a@x.org", ", timeout: 200ms");
    deliver(f, &m, false);
    assert_int_equal(f->delivery, DELIVERY_RETRY);
    assert_non_null(strstr(f->detail, "did not greet within 200ms"));
    use(f, "plain", "{{ .CommonLabels.nobody }}", "");
    assert_null(begin(f, &m, false));
    assert_int_equal(f->done, 1);
    assert_int_equal(f->delivery, DELIVERY_REJECTED);
    assert_string_equal(f->detail, "no recipient");
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct message m = page_message(&f->p.arena, 1, 1, "s", "d");
    use(f, "bad", "a@x.org", ", hello: hang-body");
    send_cancel(&f->def, begin(f, &m, false));
    void *delivery = begin(f, &m, false);
    while (!strstr(f->shown.buf, "> DATA"))
        uv_run(&f->loop, UV_RUN_ONCE);
    send_cancel(&f->def, delivery);
    assert_int_equal(f->done, 0);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(test_delivered),
        LOOP_TEST(test_many_alerts),
        LOOP_TEST(test_not_delivered),
        LOOP_TEST(test_cancel),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
