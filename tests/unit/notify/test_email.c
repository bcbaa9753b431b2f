/* Mails: golden ones, and that no text breaks out of its place. NINES_UPDATE_GOLDEN=1
 * rewrites the golden file. */
#include "page.h"

#include "base/str.h"
#include "notify/email.h"
#include "notify/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define YAML                                                                                       \
    "{to: 'Ops <ops@example.org>, b@example.org', from: nines@example.org,\n"                      \
    "headers: {X-Team: '{{ .CommonLabels.service }}'}}"

static const struct email_spec *spec_with(struct page *p, const char *yaml, const char *global)
{
    return page_spec_under(p, &notifier_email, yaml, global);
}

static const struct email_spec *spec_of(struct page *p, const char *yaml)
{
    return spec_with(p, yaml, "{smtp_smarthost: 'mail.example.org:25'}");
}

/* All ASCII, all lines ended by CRLF and short. */
static void is_mail(const struct str *s)
{
    size_t line = 0;
    assert_false(s->overflow);
    for (size_t i = 0; i < s->len; i++) {
        char c = s->buf[i];
        if (c == '\r') {
            assert_int_equal(s->buf[++i], '\n');
            line = 0;
        } else {
            assert_true(c >= ' ' && c <= '~');
            assert_true(++line <= 76);
        }
    }
    assert_int_equal(line, 0);
}

static void add_mail(struct str *out, const char *yaml, const char *summary, size_t firing,
                     const char *key)
{
    struct page p;
    struct email e;
    struct err err = {{0}};
    page_init(&p);
    const struct email_spec *spec = spec_of(&p, yaml);
    assert_int_equal(p.diag.errors, 0);
    struct message m = page_message(&p.arena, 1, firing, summary, "it is down\nsince \"long\"");
    email_init(&e);
    if (email_build(spec, &m, key, &e, &err) < 0)
        fail_msg("%s", err.msg);
    is_mail(&e.data);
    str_addf(out, "== from %s to", e.from.buf);
    for (size_t i = 0; i < e.to_count; i++)
        str_addf(out, " %s", e.to[i].buf);
    str_addc(out, '\n');
    for (size_t i = 0; i < e.data.len; i++)
        if (e.data.buf[i] != '\r')
            str_addc(out, e.data.buf[i]);
    email_release(&e);
    page_release(&p);
}

static void compare(const struct str *got)
{
    const char *path = GOLDEN_DIR "/email.txt";
    char want[1 << 16];
    if (getenv("NINES_UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(fwrite(got->buf, 1, got->len, f), got->len);
        fclose(f);
        return;
    }
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is missing; NINES_UPDATE_GOLDEN=1 makes it", path);
    size_t n = fread(want, 1, sizeof(want) - 1, f);
    want[n] = '\0';
    fclose(f);
    assert_string_equal(got->buf, want);
}

static void test_golden(void **state)
{
    struct str got;
    (void)state;
    str_init(&got, 1 << 16);
    add_mail(&got, YAML, "api burns its budget", 1, "key-1");
    add_mail(&got, YAML, "api burns its budget", 0, "key-2");
    add_mail(&got, YAML,
             "\xf0\x9f\x94\xa5 \"quotes\" <script>\r\nBcc: x@y.z\r\n\r\n--=_nines_ \xff \x01 =?x? "
             "and so on, for more than one line of any mail \xc3\xa4\xc3\xb6\xc3\xbc",
             1, "key-3");
    compare(&got);
    str_release(&got);
}

/* A repeat is the same mail; all mails of a group have one name to refer to. */
static void test_identity(void **state)
{
    struct str a, b, c;
    (void)state;
    str_init(&a, 1 << 16);
    str_init(&b, 1 << 16);
    str_init(&c, 1 << 16);
    add_mail(&a, YAML, "s", 1, "key-1");
    add_mail(&b, YAML, "s", 1, "key-1");
    add_mail(&c, YAML, "s", 1, "key-2");
    assert_string_equal(a.buf, b.buf);
    const char *ref = strstr(a.buf, "References: "), *ref2 = strstr(c.buf, "References: ");
    const char *id = strstr(a.buf, "Message-ID: "), *id2 = strstr(c.buf, "Message-ID: ");
    assert_memory_equal(ref, ref2, 46);
    assert_memory_not_equal(id, id2, 46);
    str_release(&a);
    str_release(&b);
    str_release(&c);
}

/* Huge parts are cut and the mail is whole. */
static void test_large(void **state)
{
    struct page p;
    struct email e;
    struct err err;
    (void)state;
    page_init(&p);
    const struct email_spec *spec = spec_of(&p, YAML);
    char *huge = arena_alloc(&p.arena, 900001);
    memset(huge, '<', 900000);
    struct message m = page_message(&p.arena, 3, 3, huge, "d");
    email_init(&e);
    assert_int_equal(email_build(spec, &m, "k", &e, &err), 0);
    is_mail(&e.data);
    assert_string_equal(e.data.buf + e.data.len - 4, "--\r\n");
    email_release(&e);
    page_release(&p);
}

static void header(const char *value, const char *want)
{
    struct str s;
    str_init(&s, 4096);
    mime_header(&s, "Subject", value);
    assert_string_equal(s.buf, want);
    str_release(&s);
}

static void test_headers(void **state)
{
    (void)state;
    header("", "Subject: \r\n");
    header("a  b", "Subject: a  b\r\n");
    header("\xc3\xa4", "Subject: =?UTF-8?B?w6Q=?=\r\n");
    header("a\r\nB: c", "Subject: =?UTF-8?B?YSAgQjogYw==?=\r\n");
    header("=?UTF-8?B?w6Q=?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP3c2UT0/PQ==?=\r\n");
    header("1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890",
           "Subject: 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890\r\n"
           " 1234567890\r\n");
}

static void unsendable(const char *yaml, const char *want)
{
    struct page p;
    struct email e;
    struct err err = {{0}};
    page_init(&p);
    const struct email_spec *spec = spec_of(&p, yaml);
    assert_int_equal(p.diag.errors, 0);
    struct message m = page_message(&p.arena, 1, 1, "a@b>\r\nDATA", "d");
    email_init(&e);
    assert_int_equal(email_build(spec, &m, "k", &e, &err), -1);
    assert_string_equal(err.msg, want);
    email_release(&e);
    page_release(&p);
}

static void test_addresses(void **state)
{
    (void)state;
    unsendable("{to: a, from: a@b}", "not an address: a");
    unsendable("{to: 'a@b,,c@d', from: a@b}", "not an address: ");
    unsendable("{to: '{{ .CommonLabels.nobody }}', from: a@b}", "no recipient");
    unsendable("{to: a@b, from: '<a@b'}", "not an address: <a@b");
    unsendable("{to: '{{ .CommonAnnotations.summary }}', from: a@b}", "not an address: a@b>  DATA");
}

static void refused_with(const char *yaml, const char *global, const char *want)
{
    struct page p;
    char line[1200] = "";
    page_init(&p);
    spec_with(&p, yaml, global);
    for (size_t i = 0; i < p.diag.n && !*line; i++)
        snprintf(line, sizeof(line), "%d:%d: %s", p.diag.items[i].pos.line,
                 p.diag.items[i].pos.column, p.diag.items[i].text);
    assert_string_equal(line, want);
    page_release(&p);
}

static void refused(const char *yaml, const char *want)
{
    refused_with(yaml, "{smtp_smarthost: 'mail.example.org:25'}", want);
}

static void test_refusals(void **state)
{
    (void)state;
    refused("{from: a@b}", "1:1: missing key 'to'");
    refused("{to: a@b, from: a@b, headers: {Bcc: c@d}}", "1:1: headers: Bcc cannot be set");
    refused("{to: a@b, from: a@b, headers: {'A B': c}}", "1:1: headers: A B cannot be set");
    refused("{to: a@b, from: a@b, headers: {subject: a, Subject: b}}",
            "1:1: headers: Subject is there twice");
    refused("{to: a@b, from: a@b, headers: {X: a, x: b}}", "1:1: headers: x is there twice");
    refused("{to: a@b, from: a@b, htm: x}", "1:22: unknown key 'htm'; did you mean 'html'?");
}

/* Each key, of its own, of `global`, or as it is where nothing is said. */
static void test_server(void **state)
{
    struct page p;
    (void)state;
    page_init(&p);
    const struct email_server *s = &spec_with(&p, "{to: a@b, from: c@d}", NULL)->server;
    assert_string_equal(s->host, "localhost");
    assert_int_equal(s->port, 25);
    assert_int_equal(s->security, SMTP_OPPORTUNISTIC);
    assert_int_equal(s->timeout_us, EMAIL_TIMEOUT_US);
    assert_int_equal(p.diag.n, 1); /* warned */
    assert_non_null(strstr(p.diag.items[0].text, "smarthost: localhost:25"));
    page_release(&p);

    page_init(&p);
    s = &spec_with(&p, "{to: a@b}",
                   "{smtp_smarthost: 'm.example:587', smtp_from: x@y, smtp_hello: me,\n"
                   "smtp_auth_username: u, smtp_auth_password: {env: NINES_TEST_SMTP},\n"
                   "smtp_auth_identity: i, smtp_tls_config: {ca_file: /ca, server_name: s}}")
             ->server;
    assert_int_equal(p.diag.n, 0);
    assert_string_equal(s->host, "m.example");
    assert_int_equal(s->port, 587);
    assert_int_equal(s->security, SMTP_STARTTLS);
    assert_string_equal(s->hello, "me");
    assert_string_equal(s->username, "u");
    assert_string_equal(s->password.value, "hidden");
    assert_string_equal(s->identity, "i");
    assert_string_equal(s->tls.ca_file, "/ca");
    assert_string_equal(s->tls.server_name, "s");
    page_release(&p);

    const struct {
        const char *yaml;
        enum smtp_security security;
    } at[] = {
        {"{to: a@b, from: a@b, smarthost: 'm:465'}", SMTP_TLS},
        {"{to: a@b, from: a@b, smarthost: 'm:465', require_tls: false}", SMTP_TLS},
        {"{to: a@b, from: a@b, smarthost: 'm:25', require_tls: false}", SMTP_OPPORTUNISTIC},
        {"{to: a@b, from: a@b, smarthost: '[::1]:25'}", SMTP_OPPORTUNISTIC},
        {"{to: a@b, from: a@b, smarthost: '127.0.0.2:25'}", SMTP_OPPORTUNISTIC},
        {"{to: a@b, from: a@b, smarthost: '127.0.0.2:25', require_tls: true}", SMTP_STARTTLS},
        {"{to: a@b, from: a@b, smarthost: '[::2]:25'}", SMTP_STARTTLS},
        {"{to: a@b, from: a@b, smarthost: '127.example:25'}", SMTP_STARTTLS},
    };
    for (size_t i = 0; i < countof(at); i++) {
        page_init(&p);
        s = &spec_with(&p, at[i].yaml, NULL)->server;
        assert_int_equal(p.diag.n, 0);
        assert_int_equal(s->security, at[i].security);
        page_release(&p);
    }
}

static void test_server_refusals(void **state)
{
    (void)state;
    refused("{to: a@b, from: a@b, smarthost: m}", "1:33: smarthost is not HOST:PORT");
    refused("{to: a@b, from: a@b, smarthost: 'm:x'}", "1:33: smarthost is not HOST:PORT");
    refused("{to: a@b, from: a@b, smarthost: 'm:0'}", "1:33: smarthost is not HOST:PORT");
    refused("{to: a@b, from: a@b, smarthost: '::1:25'}", "1:33: smarthost is not HOST:PORT");
    refused("{to: a@b, from: a@b, smarthost: 'm/x:25'}", "1:33: smarthost is not HOST:PORT");
    refused("{to: a@b, from: a@b, auth_username: u}",
            "1:37: auth_username without auth_password or auth_secret");
    refused("{to: a@b, from: a@b, auth_password: {env: NINES_TEST_SMTP}}",
            "1:1: a password for the mail server, but no auth_username");
    refused("{to: a@b, from: a@b, auth_username: u, auth_password: {env: NINES_TEST_SMTP},\n"
            "auth_secret: {env: NINES_TEST_SMTP}}",
            "1:1: one of auth_password and auth_secret, not both");
    refused("{to: a@b, from: a@b, auth_username: u, auth_password: {env: NINES_TEST_SMTP},\n"
            "require_tls: false}",
            "1:1: a password is sent over TLS only, or to this machine: leave out require_tls: "
            "false");
    refused("{to: a@b, from: a@b, hello: \"a\\nb\"}", "1:29: hello is not a name");
    refused("{to: a@b, from: a@b, tls_config: {cert_file: /a}}",
            "1:34: cert_file and key_file go together");
    refused_with("{to: a@b, from: a@b}", "{smtp_smarthost: m}",
                 "1:18: smtp_smarthost is not HOST:PORT");
    refused_with("{to: a@b, from: a@b}", "{smtp_require_tls: maybe}",
                 "1:20: smtp_require_tls: expected true or false; found 'maybe'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_identity),
        cmocka_unit_test(test_large),     cmocka_unit_test(test_headers),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_server),    cmocka_unit_test(test_server_refusals),
    };
    setenv("NINES_TEST_SMTP", "hidden", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
