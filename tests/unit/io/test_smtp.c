/* Mails to a real server in all the ways to reach it, and to one that stops, refuses and
 * goes away at each step. */
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "io/smtp.h"
#include "support/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct fixture {
    struct spawned *mail, *dns;
    uv_loop_t loop;
    struct http_client *http;
    int closed;
    char ca[128];

    int done;
    enum smtp_outcome outcome;
    char message[1024];
    struct str shown;
};

static void on_closed(void *ctx)
{
    (*(int *)ctx)++;
}

static void on_done(void *ctx, enum smtp_outcome outcome, const char *message)
{
    struct fixture *f = ctx;

    f->done++;
    f->outcome = outcome;
    assert_true(message[0] && !strpbrk(message, "\r\n"));
    str_copy(f->message, sizeof(f->message), message);
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
    f->dns = spawn_python("dnsserver.py");
    snprintf(f->ca, sizeof(f->ca), "%s/ca.pem", spawn_value(f->mail, "dir"));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    spawn_stop(f->mail);
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
    f->closed = f->done = 0;
    str_init(&f->shown, 1 << 20);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(http_client_new(&f->loop, servers, &f->http, NULL), 0);
    return 0;
}

static int close_client(void **state)
{
    struct fixture *f = *state;

    http_client_close(f->http, on_closed, &f->closed);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->closed, 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    str_release(&f->shown);
    return 0;
}

static const char *const one[] = {"ops@example.org"};
#define MAIL "Subject: x\r\n\r\nhello\r\n"

static struct smtp_request request(struct fixture *f, const char *port)
{
    return (struct smtp_request){
        .host = "localhost",
        .port = spawn_port(f->mail, port),
        .ca_file = f->ca,
        .from = "nines@example.org",
        .to = one,
        .to_count = 1,
        .data = MAIL,
        .data_len = strlen(MAIL),
        .timeout_us = 10 * USEC_PER_SEC,
        .show = on_show,
        .show_ctx = f,
    };
}

static void run(struct fixture *f, const struct smtp_request *req)
{
    f->done = 0;
    str_clear(&f->shown);
    assert_non_null(smtp_start(f->http, req, on_done, f));
    assert_int_equal(f->done, 0);
    while (!f->done)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->done, 1);
}

static void expect(struct fixture *f, const struct smtp_request *req, enum smtp_outcome outcome,
                   const char *part)
{
    run(f, req);
    if (f->outcome != outcome || !strstr(f->message, part))
        fail_msg("%d '%s' instead of %d '%s'\n%s", f->outcome, f->message, outcome, part,
                 f->shown.buf);
    assert_null(strstr(f->shown.buf, "s3cret"));
    assert_null(strstr(f->message, "s3cret"));
}

/* What the server took last. */
static char *received(struct fixture *f)
{
    static char text[4 << 20];
    char path[160];
    snprintf(path, sizeof(path), "%s/last", spawn_value(f->mail, "dir"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

/* ---- mails that arrive ------------------------------------------------------------------ */

static void test_plain(void **state)
{
    struct fixture *f = *state;
    struct smtp_request req = request(f, "plain");

    req.security = SMTP_OPPORTUNISTIC;
    expect(f, &req, SMTP_SENT, "250 2.0.0 taken");
    assert_string_equal(received(f), "nines@example.org\nops@example.org\n" MAIL);
    assert_non_null(strstr(f->shown.buf, "C: EHLO localhost\nS: 250-mail.example\n"));
    assert_non_null(strstr(f->shown.buf, "C: MAIL FROM:<nines@example.org>\nS: 250 OK\n"
                                         "C: RCPT TO:<ops@example.org>\nS: 250 OK\n"
                                         "C: DATA\nS: 354 "));
}

/* Lines of dots, line ends of all kinds, no end: what arrives has CRLF and the dots. */
static void test_lines(void **state)
{
    struct fixture *f = *state;
    struct smtp_request req = request(f, "plain");
    const char *const mails[][2] = {
        {".\r\n..\r\n.x\r\n", ".\r\n..\r\n.x\r\n"},
        {"a\n.\nb\r.\rc\r\n.\r\n", "a\r\n.\r\nb\r\n.\r\nc\r\n.\r\n"},
        {"no end", "no end\r\n"},
        {"a\r\n.", "a\r\n.\r\n"},
        {"\r\n\r\n", "\r\n\r\n"},
    };

    req.security = SMTP_OPPORTUNISTIC;
    for (size_t i = 0; i < countof(mails); i++) {
        req.data = mails[i][0];
        req.data_len = strlen(req.data);
        expect(f, &req, SMTP_SENT, "taken");
        assert_string_equal(strchr(strchr(received(f), '\n') + 1, '\n') + 1, mails[i][1]);
    }
}

static void test_large(void **state)
{
    struct fixture *f = *state;
    struct smtp_request req = request(f, "starttls");
    struct str s;

    str_init(&s, 4 << 20);
    while (s.len < (3 << 20))
        str_add(&s, ".all work and no play makes a dull line of seventy or so characters\r\n");
    req.data = s.buf;
    req.data_len = s.len;
    expect(f, &req, SMTP_SENT, "taken");
    assert_string_equal(strchr(strchr(received(f), '\n') + 1, '\n') + 1, s.buf);
    str_release(&s);
}

static void test_security(void **state)
{
    struct fixture *f = *state;
    struct smtp_request req = request(f, "starttls");

    expect(f, &req, SMTP_SENT, "taken");
    assert_non_null(strstr(f->shown.buf, "C: STARTTLS\nS: 220 "));
    req.hello = "[127.0.0.1]";
    expect(f, &req, SMTP_SENT, "taken");
    assert_non_null(strstr(f->shown.buf, "C: EHLO [127.0.0.1]\n"));
    req.ca_file = NULL;
    expect(f, &req, SMTP_LATER, "issuer is not trusted");
    assert_null(strstr(f->shown.buf, "MAIL"));
    req.insecure = true;
    expect(f, &req, SMTP_SENT, "taken");

    req = request(f, "starttls-self");
    expect(f, &req, SMTP_LATER, "self-signed");
    req.security = SMTP_OPPORTUNISTIC;
    expect(f, &req, SMTP_SENT, "taken");
    assert_non_null(strstr(f->shown.buf, "C: STARTTLS\n"));

    req = request(f, "starttls");
    req.host = "127.0.0.1";
    expect(f, &req, SMTP_SENT, "taken");
    req.server_name = "other.example";
    expect(f, &req, SMTP_LATER, "not for other.example");

    req = request(f, "plain");
    expect(f, &req, SMTP_LATER, "does not offer STARTTLS");
    assert_null(strstr(f->shown.buf, "MAIL"));

    req = request(f, "tls");
    req.security = SMTP_TLS;
    expect(f, &req, SMTP_SENT, "taken");
    assert_null(strstr(f->shown.buf, "STARTTLS"));
    req.port = spawn_port(f->mail, "plain");
    expect(f, &req, SMTP_LATER, "TLS handshake");
    req = request(f, "tls");
    req.ca_file = "/nonexistent/ca.pem";
    expect(f, &req, SMTP_LATER, "/nonexistent/ca.pem");
}

static void test_login(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *port;
        bool cram;
        const char *said;
    } at[] = {{"login", false, "C: AUTH PLAIN\n"},
              {"login-login", false, "C: AUTH LOGIN\n"},
              {"login-cram", true, "C: AUTH CRAM-MD5\n"}};

    for (size_t i = 0; i < countof(at); i++) {
        struct smtp_request req = request(f, at[i].port);
        req.user = "ann";
        req.password = "s3cret";
        req.cram = at[i].cram;
        expect(f, &req, SMTP_SENT, "taken");
        assert_non_null(strstr(f->shown.buf, at[i].said));
        assert_non_null(strstr(f->shown.buf, "C: [secret]\n"));
        req.password = "wrong";
        expect(f, &req, SMTP_REFUSED, "the server refused AUTH: 535 ");
        req.user = NULL;
        expect(f, &req, SMTP_REFUSED, "the server refused MAIL: 530 ");
    }
    struct smtp_request req = request(f, "login-cram");
    req.user = "ann";
    req.password = "s3cret";
    expect(f, &req, SMTP_LATER, "no way to log in that is wanted here (PLAIN, LOGIN)");
    /* What a server says back is not shown either. */
    req = request(f, "bad");
    req.security = SMTP_OPPORTUNISTIC;
    req.user = "ann";
    req.password = "s3cret";
    expect(f, &req, SMTP_SENT, "taken");
}

static void test_recipients(void **state)
{
    struct fixture *f = *state;
    struct smtp_request req = request(f, "plain");
    const char *const no[] = {"no-a@example.org", "later-b@example.org", "c@example.org"};

    req.security = SMTP_OPPORTUNISTIC;
    req.to = no;
    req.to_count = 3;
    expect(f, &req, SMTP_SENT,
           "taken, but not for 2 of 3 recipients: no-a@example.org: 550 5.1.1 no such user");
    assert_non_null(strstr(received(f), "\nc@example.org\n"));
    req.to_count = 2;
    expect(f, &req, SMTP_LATER, "refused all recipients: no-a@example.org: 550");
    req.to_count = 1;
    expect(f, &req, SMTP_REFUSED, "refused the recipient: no-a@example.org: 550");
}

/* ---- mails that do not ------------------------------------------------------------------ */

static void test_never(void **state)
{
    struct fixture *f = *state;
    const char *const bad[] = {"a@b.c>\r\nRCPT TO:<x@y.z", "a b@c.d", ""};
    struct smtp_request req = request(f, "plain");

    for (size_t i = 0; i < countof(bad); i++) {
        req.to = &bad[i];
        expect(f, &req, SMTP_REFUSED, "a recipient is not an address");
    }
    req = request(f, "plain");
    req.from = bad[0];
    expect(f, &req, SMTP_REFUSED, "the sender is not an address");
    req = request(f, "plain");
    req.to_count = 0;
    expect(f, &req, SMTP_REFUSED, "no recipient");
    req = request(f, "plain");
    req.hello = "a\r\nRSET";
    expect(f, &req, SMTP_REFUSED, "control character");
    req = request(f, "plain");
    req.host = "";
    expect(f, &req, SMTP_REFUSED, "no usable name");
}

static void test_unreachable(void **state)
{
    struct fixture *f = *state;
    struct smtp_request req = request(f, "plain");

    req.host = "nx.example";
    expect(f, &req, SMTP_LATER, "lookup of nx.example: ");
    req = request(f, "plain");
    req.port = 1;
    expect(f, &req, SMTP_LATER, "connection refused by ");
}

static void test_greetings(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *port;
        enum smtp_outcome outcome;
        const char *message;
    } at[] = {
        {"hang", SMTP_LATER, "did not greet within 300ms"},
        {"close", SMTP_LATER, "closed the connection after it was made"},
        {"busy", SMTP_LATER, "the server refused the connection: 421 4.3.2 too busy for you"},
        {"no", SMTP_REFUSED, "the server refused the connection: 554 5.7.1 not for you"},
        {"noise", SMTP_LATER, ""},
        {"banner", SMTP_LATER, "the server said more than 64 KiB"},
        {"endless", SMTP_LATER, ""},
    };

    for (size_t i = 0; i < countof(at); i++) {
        struct smtp_request req = request(f, at[i].port);
        if (strcmp(at[i].port, "banner") != 0)
            req.timeout_us = 300000;
        expect(f, &req, at[i].outcome, at[i].message);
    }
}

static const char *const steps[] = {"EHLO", "STARTTLS", "handshake", "AUTH",
                                    "MAIL", "RCPT",     "DATA",      "body"};

static struct smtp_request to_bad(struct fixture *f, char hello[static 32], const char *how,
                                  const char *step)
{
    struct smtp_request req = request(f, "bad");

    snprintf(hello, 32, "%s-%s", how, step);
    req.hello = hello;
    req.user = "ann";
    req.password = "s3cret";
    req.security = strcmp(step, "STARTTLS") == 0 || strcmp(step, "handshake") == 0
                       ? SMTP_STARTTLS
                       : SMTP_OPPORTUNISTIC;
    return req;
}

static void test_steps(void **state)
{
    struct fixture *f = *state;
    char hello[32];

    for (size_t i = 0; i < countof(steps); i++) {
        struct smtp_request req = to_bad(f, hello, "hang", steps[i]);
        bool tls = strcmp(steps[i], "handshake") == 0, mail = strcmp(steps[i], "body") == 0;
        req.timeout_us = 300000;
        expect(f, &req, SMTP_LATER, tls ? "300ms" : "no answer to ");
        assert_non_null(strstr(f->message, mail ? "the mail" : tls ? "" : steps[i]));
        req = to_bad(f, hello, "close", steps[i]);
        expect(f, &req, SMTP_LATER, tls ? "TLS handshake" : "closed");
        if (tls)
            continue;
        req = to_bad(f, hello, "busy", steps[i]);
        expect(f, &req, SMTP_LATER, "421 4.3.2 too busy for you");
        req = to_bad(f, hello, "no", steps[i]);
        expect(f, &req, SMTP_REFUSED, "554 5.7.1 not for you");
    }
}

/* The mail was taken: goodbyes are nobody's business. */
static void test_goodbye(void **state)
{
    struct fixture *f = *state;
    char hello[32];
    const char *const how[] = {"hang", "close", "busy", "no"};

    for (size_t i = 0; i < countof(how); i++) {
        struct smtp_request req = to_bad(f, hello, how[i], "QUIT");
        expect(f, &req, SMTP_SENT, "250 taken");
    }
}

static void test_body(void **state)
{
    struct fixture *f = *state;
    char hello[32];
    struct smtp_request req = to_bad(f, hello, "slow", "x");
    char *large = mem_alloc(12 << 20);

    memset(large, 'x', 12 << 20);
    req.data = large;
    req.data_len = 12 << 20;
    req.timeout_us = 500000;
    expect(f, &req, SMTP_LATER, "bytes of the mail within 500ms");
    req = to_bad(f, hello, "early", "x");
    req.data = large;
    req.data_len = 12 << 20;
    expect(f, &req, SMTP_REFUSED, "in the midst of the mail: 552 5.3.4 enough of that");
    free(large);
}

/* ---- ends in between --------------------------------------------------------------------- */

static int open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* Nothing is left of a mail that is cancelled, whatever it waits for. */
static void test_cancel(void **state)
{
    struct fixture *f = *state;
    char hello[32], marker[48];
    struct smtp_request req = request(f, "starttls");

    run(f, &req); /* the bundle is loaded, pools are there */
    while (uv_run(&f->loop, UV_RUN_ONCE) && uv_loop_alive(&f->loop) && open_files() < 0)
        continue;
    f->done = 0;
    smtp_cancel(smtp_start(f->http, &req, on_done, f));
    for (size_t i = 0; i < countof(steps); i++) {
        req = to_bad(f, hello, "hang", steps[i]);
        snprintf(marker, sizeof(marker), "%s",
                 strcmp(steps[i], "handshake") == 0 ? "S: 220 go"
                 : strcmp(steps[i], "body") == 0    ? "S: 354"
                                                    : "C: ");
        if (marker[0] == 'C')
            str_copy(marker + 3, sizeof(marker) - 3, steps[i]);
        str_clear(&f->shown);
        int before = open_files();
        struct smtp_call *call = smtp_start(f->http, &req, on_done, f);
        while (!strstr(f->shown.buf, marker))
            uv_run(&f->loop, UV_RUN_ONCE);
        assert_true(open_files() > before);
        smtp_cancel(call);
        assert_true(open_files() <= before);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(f->done, 0);
}

/* The client closes with mails at every step; close_client() finds what is left. */
static void test_close(void **state)
{
    struct fixture *f = *state;
    static char hello[8][32];
    struct smtp_request req;

    f->done = 0;
    for (size_t i = 0; i < countof(steps); i++) {
        req = to_bad(f, hello[i], "hang", steps[i]);
        smtp_start(f->http, &req, on_done, f);
    }
    while (!strstr(f->shown.buf, "C: DATA"))
        uv_run(&f->loop, UV_RUN_ONCE);
    req = request(f, "hang");
    smtp_start(f->http, &req, on_done, f);
    assert_int_equal(f->done, 0);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, open_client, close_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(test_plain),    LOOP_TEST(test_lines),       LOOP_TEST(test_large),
        LOOP_TEST(test_security), LOOP_TEST(test_login),       LOOP_TEST(test_recipients),
        LOOP_TEST(test_never),    LOOP_TEST(test_unreachable), LOOP_TEST(test_greetings),
        LOOP_TEST(test_steps),    LOOP_TEST(test_goodbye),     LOOP_TEST(test_body),
        LOOP_TEST(test_cancel),   LOOP_TEST(test_close),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
