#include "base/str.h"
#include "notify/access.h"
#include "notify/email.h"
#include "notify/receivers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT_TLS 465
#define HERE "localhost:25"

#define AT(key) offsetof(struct email_tls, key)

const struct field email_tls_fields[] = {
    {"ca_file", FIELD_PATH, AT(ca_file),
     .help = "PEM file of the authorities to trust instead of the system's"},
    {"cert_file", FIELD_PATH, AT(cert_file), .help = "PEM file of our own certificate"},
    {"key_file", FIELD_PATH, AT(key_file), .help = "and of its key"},
    {"server_name", FIELD_STRING, AT(server_name), .help = "name that the certificate is for"},
    {"insecure_skip_verify", FIELD_BOOL, AT(insecure), .help = "do not verify the certificate"},
    {0},
};

/* Where a key of the element is, or the one of `global` that takes its place. */
static const struct node *said(const struct node *n, const struct node *global, const char *key)
{
    char name[64] = "smtp_";
    const struct node *own = node_get(n, key);
    str_copy(name + 5, sizeof(name) - 5, key);
    return own ? own : global ? node_get(global, name) : NULL;
}

/* What the element does not say, `global` may. */
static void take_global(struct decode *c, const struct node *n, const struct node *global,
                        struct email_spec *s)
{
    struct email_server *v = &s->server;
    const struct {
        const char *key;
        struct field field;
        void *out;
    } at[] = {
        {"from", {"smtp_from", FIELD_CUSTOM, .decode = text_decode}, &s->from},
        {"smarthost", {"smtp_smarthost", FIELD_STRING}, &v->smarthost},
        {"hello", {"smtp_hello", FIELD_STRING}, &v->hello},
        {"auth_username", {"smtp_auth_username", FIELD_STRING}, &v->username},
        {"auth_identity", {"smtp_auth_identity", FIELD_STRING}, &v->identity},
        {"require_tls", {"smtp_require_tls", FIELD_BOOL}, &v->require_tls},
        {"tls_config", {"smtp_tls_config", FIELD_OBJECT, .fields = email_tls_fields}, &v->tls},
    };
    for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
        const struct node *g = global ? node_get(global, at[i].field.name) : NULL;
        if (g && !node_get(n, at[i].key))
            decode_value(c, g, &at[i].field, at[i].out);
    }
}

static void take_secret(struct decode *c, const struct node *n, const struct node *global,
                        const char *key, struct secret *out)
{
    secret_check_pair(c, n, key, false);
    receiver_global_secret(c, n, key, global, arena_printf(c->arena, "smtp_%s", key), out);
}

/* "mail.example.org:587", "[::1]:25". */
static bool split(struct decode *c, const char *text, struct email_server *v)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    char *end;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    bool brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';
    if (n == 0 || colon[1] < '0' || colon[1] > '9' || *end || port < 1 || port > 65535)
        return false;
    v->port = (int)port;
    v->host =
        brackets ? arena_strndup(c->arena, text + 1, n - 2) : arena_strndup(c->arena, text, n);
    for (const char *p = v->host; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("/@[]?#%", *p) || (*p == ':' && !brackets))
            return false;
    return true;
}

/* This machine: what goes there passes no network. */
static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    size_t n = strlen(host), suffix = strlen(".localhost");
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return str_eq(host, "localhost") || (n > suffix && str_eq(host + n - suffix, ".localhost"));
}

static void take_host(struct decode *c, const struct node *n, const struct node *global,
                      struct email_server *v)
{
    const struct node *at = said(n, global, "smarthost");
    if (!v->smarthost) {
        diag_warning(c->diag, n->pos, "no mail server is named; smarthost: " HERE " is assumed");
        v->smarthost = HERE;
    }
    if (!split(c, v->smarthost, v))
        diag_error(c->diag, at ? at->pos : n->pos, "%s is not HOST:PORT",
                   node_get(n, "smarthost") ? "smarthost" : "smtp_smarthost");
}

static void take_from(struct decode *c, const struct node *n, struct email_spec *s)
{
    char host[256] = "localhost";
    if (s->from)
        return;
    gethostname(host, sizeof(host) - 1);
    const char *from = arena_printf(c->arena, "nines@%s", host);
    diag_warning(c->diag, n->pos, "no sender is named; from: %s is assumed", from);
    text_default(c, &s->from, from);
}

static void take_security(struct decode *c, const struct node *n, const struct node *global,
                          struct email_server *v)
{
    bool here = is_loopback(v->host);
    if (!said(n, global, "require_tls"))
        v->require_tls = !here;
    v->security = v->port == PORT_TLS ? SMTP_TLS
                  : v->require_tls    ? SMTP_STARTTLS
                                      : SMTP_OPPORTUNISTIC;
    if (v->username && v->security == SMTP_OPPORTUNISTIC && !here)
        diag_error(c->diag, n->pos,
                   "a password is sent over TLS only, or to this machine: leave out require_tls: "
                   "false");
}

static bool name_ok(const char *s)
{
    for (const char *p = s; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return *s != '\0';
}

static void check_login(struct decode *c, const struct node *n, const struct node *global,
                        const struct email_server *v)
{
    const struct node *user = said(n, global, "auth_username");
    const struct node *hello = said(n, global, "hello");
    const struct node *tls = said(n, global, "tls_config");
    if (v->password.value && v->secret.value)
        diag_error(c->diag, n->pos, "one of auth_password and auth_secret, not both");
    if (user && !v->password.value && !v->secret.value)
        diag_error(c->diag, user->pos, "auth_username without auth_password or auth_secret");
    if (!user && (v->password.value || v->secret.value))
        diag_error(c->diag, n->pos, "a password for the mail server, but no auth_username");
    if (hello && !name_ok(v->hello))
        diag_error(c->diag, hello->pos, "hello is not a name");
    if (tls && !v->tls.cert_file != !v->tls.key_file)
        diag_error(c->diag, tls->pos, "cert_file and key_file go together");
}

void email_prepare_server(struct decode *c, const struct node *n, const struct node *global,
                          struct email_spec *s)
{
    struct email_server *v = &s->server;
    size_t errors = c->diag->errors;
    take_global(c, n, global, s);
    take_secret(c, n, global, "auth_password", &v->password);
    take_secret(c, n, global, "auth_secret", &v->secret);
    take_host(c, n, global, v);
    take_from(c, n, s);
    if (v->timeout_us == 0)
        v->timeout_us = EMAIL_TIMEOUT_US;
    if (c->diag->errors > errors)
        return;
    check_login(c, n, global, v);
    take_security(c, n, global, v);
}
