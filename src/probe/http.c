#include "probe/http.h"

#include "base/mem.h"
#include "base/str.h"
#include "config/decode.h"
#include "io/http.h"
#include "io/url.h"
#include "probe/redact.h"

#include <ctype.h>
#include <strings.h>
#include <unistd.h>

#define METHOD_MAX 16
#define HEADERS_MAX 64
#define SECRET_LINE_MAX 8192

const char *const http_ip_names[] = {"any", "4", "6", NULL};
const char *const http_dns_names[] = {"cached", "fresh", NULL};
const char *const http_addresses_names[] = {"any", "all", NULL};

static const struct field basic_fields[] = {
    {"user", FIELD_STRING, offsetof(struct http_auth, basic.user), .flags = FIELD_REQUIRED,
     .help = "user name"},
    {"password", FIELD_SECRET, offsetof(struct http_auth, basic.password), .flags = FIELD_REQUIRED,
     .help = "password: {env: NAME} or {file: path}"},
    {0},
};

const struct field http_auth_fields[] = {
    {"basic", FIELD_OBJECT, 0, .fields = basic_fields, .help = "user and password"},
    {"bearer", FIELD_SECRET, offsetof(struct http_auth, bearer),
     .help = "bearer token: {env: NAME} or {file: path}"},
    {0},
};

const struct field http_tls_fields[] = {
    {"insecure", FIELD_BOOL, offsetof(struct http_tls, insecure), .help = "accept any certificate"},
    {"ca_file", FIELD_STRING, offsetof(struct http_tls, ca_file),
     .help = "PEM file of the certificate authorities to trust instead of the system's"},
    {"cert_file", FIELD_STRING, offsetof(struct http_tls, cert_file),
     .help = "PEM file of the client certificate; needs key_file"},
    {"key_file", FIELD_STRING, offsetof(struct http_tls, key_file),
     .help = "PEM file of the client certificate's key"},
    {"server_name", FIELD_STRING, offsetof(struct http_tls, server_name),
     .help = "name to ask for and to verify instead of the URL's host"},
    {0},
};

static const struct field http_fields[] = {
    HTTP_FIELDS(struct http_probe, http),
    {"expect", FIELD_OBJECT, offsetof(struct http_probe, http.expect), .fields = expect_fields,
     .help = "what a good response is like; any 2xx by default"},
    {0},
};

/* ---- where to point -------------------------------------------------------------- */

struct pos http_key_pos(const struct node *n, struct pos whole, const char *key)
{
    const struct node *v = n && n->kind == NODE_MAP ? node_get(n, key) : NULL;
    return v ? v->pos : whole;
}

/* ---- the request ------------------------------------------------------------------ */

static void prepare_method(struct decode *c, struct pos pos, struct http_spec *s)
{
    if (!s->method)
        s->method = s->body ? "POST" : "GET";
    size_t n = strspn(s->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (!n || s->method[n] || n > METHOD_MAX)
        diag_error(c->diag, pos, "expected a method in capital letters, like GET; found '%.40s'",
                   s->method);
    else if (str_eq(s->method, "CONNECT"))
        diag_error(c->diag, pos, "CONNECT is not a request to a server");
    else if (s->body && (str_eq(s->method, "HEAD") || str_eq(s->method, "TRACE")))
        diag_error(c->diag, pos, "%s has no body", s->method);
}

static bool is_token(const char *name)
{
    static const char *const extra = "!#$%&'*+-.^_`|~";
    for (const char *p = name; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr(extra, *p))
            return false;
    }
    return *name != '\0';
}

static bool is_field_value(const char *value)
{
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    }
    return true;
}

static bool named(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcasecmp(name, *names) == 0)
            return true;
    }
    return false;
}

/* Why a header cannot be sent; NULL if it can. Never quotes the value. */
static const char *header_fault(const struct secret_pair *p)
{
    static const char *const ours[] = {
        "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "Trailer", NULL};
    if (!is_token(p->key))
        return "is not a header name";
    if (named(p->key, ours))
        return "is set by the prober itself";
    if (!is_field_value(p->value.value))
        return "has a value with control characters";
    return strlen(p->value.value) > SECRET_LINE_MAX ? "has a value over 8 KiB" : NULL;
}

static void add_line(struct decode *c, struct http_spec *s, const char *name, const char *value,
                     bool secret)
{
    static const char *const bound[] = {"Authorization", "Cookie", "Proxy-Authorization", "Host",
                                        NULL};
    s->lines[s->line_count++] = (struct header_line){
        .text = arena_printf(c->arena, "%s: %s", name, value),
        .bound = secret || named(name, bound),
        .content = strncasecmp(name, "Content-", 8) == 0,
    };
}

static bool has_header(const struct http_spec *s, const char *name)
{
    for (size_t i = 0; i < s->headers.n; i++) {
        if (strcasecmp(s->headers.at[i].key, name) == 0)
            return true;
    }
    return false;
}

static void prepare_headers(struct decode *c, struct pos pos, struct http_spec *s)
{
    if (s->headers.n > HEADERS_MAX) {
        diag_error(c->diag, pos, "%zu headers: at most %d are allowed", s->headers.n, HEADERS_MAX);
        return;
    }
    s->lines = arena_alloc(c->arena, (s->headers.n + 4) * sizeof(*s->lines));
    s->line_count = 0;
    for (size_t i = 0; i < s->headers.n; i++) {
        const struct secret_pair *p = &s->headers.at[i];
        const char *fault = p->value.value ? header_fault(p) : NULL;
        if (fault)
            diag_error(c->diag, pos, "header '%.60s' %s", p->key, fault);
        else if (p->value.value)
            add_line(c, s, p->key, p->value.value, p->secret);
    }
    if (!has_header(s, "User-Agent"))
        add_line(c, s, "User-Agent", "nines/" NINES_VERSION, false);
    if (s->accept && !has_header(s, "Accept"))
        add_line(c, s, "Accept", s->accept, false);
    if (s->gzip && !has_header(s, "Accept-Encoding"))
        add_line(c, s, "Accept-Encoding", "gzip", false);
    if (s->body && !has_header(s, "Content-Type")) {
        char first = s->body[strspn(s->body, " \t\r\n")];
        bool json = first == '{' || first == '[';
        add_line(c, s, "Content-Type",
                 s->content_type ? s->content_type
                 : json          ? "application/json"
                                 : "text/plain; charset=utf-8",
                 false);
    }
    s->body_len = s->body ? strlen(s->body) : 0;
}

/* Base64 of user:password: what a server that echoes its headers gives away. */
static const char *basic_token(struct arena *a, const char *user, const char *password)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *text = arena_printf(a, "%s:%s", user, password);
    size_t n = strlen(text);
    char *out = arena_alloc(a, (n + 2) / 3 * 4 + 1), *p = out;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)text[i] << 16;
        bits |= i + 1 < n ? (uint32_t)(unsigned char)text[i + 1] << 8 : 0;
        bits |= i + 2 < n ? (uint32_t)(unsigned char)text[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            *p++ = i + k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

static void prepare_auth(struct decode *c, struct pos pos, struct http_spec *s)
{
    bool basic = s->auth.basic.user, bearer = s->auth.bearer.value;
    if (basic && bearer)
        diag_error(c->diag, pos, "expected one of basic and bearer, found both");
    if ((basic || bearer) && has_header(s, "Authorization"))
        diag_error(c->diag, pos, "`auth` and an Authorization header exclude each other");
    if (basic && strchr(s->auth.basic.user, ':'))
        diag_error(c->diag, pos, "a user name cannot hold a colon");
    if (bearer && !is_field_value(s->auth.bearer.value))
        diag_error(c->diag, pos, "the bearer token holds control characters");
}

/* ---- what must not be shown ----------------------------------------------------------- */

static void hide(struct http_spec *s, const char *text)
{
    if (text && *text)
        s->hidden[s->hidden_count++] = text;
}

/* A server that echoes what it was sent gives it away. */
static void prepare_hidden(struct decode *c, struct http_spec *s)
{
    size_t max = s->headers.n + 3 + REDACT_QUERY_MAX;
    s->hidden = arena_alloc(c->arena, max * sizeof(*s->hidden));
    s->hidden_count = redact_query_values(c->arena, s->url, s->hidden);
    hide(s, s->auth.bearer.value);
    hide(s, s->auth.basic.password.value);
    if (s->auth.basic.user && s->auth.basic.password.value)
        hide(s, basic_token(c->arena, s->auth.basic.user, s->auth.basic.password.value));
    for (size_t i = 0; i < s->headers.n; i++) {
        if (s->headers.at[i].secret)
            hide(s, s->headers.at[i].value.value);
    }
}

/* ---- TLS ----------------------------------------------------------------------------- */

static const char *prepare_file(struct decode *c, struct pos pos, const char *key, const char *path)
{
    if (!path)
        return NULL;
    if (pos.file)
        path = decode_path(c->arena, pos.file, path);
    if (access(path, R_OK) != 0)
        diag_error(c->diag, pos, "%s: cannot read %s", key, path);
    return path;
}

static void prepare_tls(struct decode *c, const struct node *n, struct pos pos, struct http_spec *s)
{
    pos = http_key_pos(n, pos, "tls");
    struct http_tls *t = &s->tls;
    t->ca_file = prepare_file(c, pos, "ca_file", t->ca_file);
    t->cert_file = prepare_file(c, pos, "cert_file", t->cert_file);
    t->key_file = prepare_file(c, pos, "key_file", t->key_file);
    if (!t->cert_file != !t->key_file)
        diag_error(c->diag, pos, "cert_file and key_file belong together");
    if (t->insecure && t->ca_file)
        diag_error(c->diag, pos, "ca_file has no effect with insecure: true");
}

static void prepare_expect(struct decode *c, const struct node *n, struct pos pos,
                           struct http_spec *s)
{
    pos = http_key_pos(n, pos, "expect");
    if (s->expect.certificate_days && s->reuse)
        diag_error(c->diag, pos, "certificate_days needs a fresh connection: not with reuse: true");
    if (s->expect.certificate_days && !s->follow && url_check(s->url, NULL) == 0 &&
        !url_is_https(s->url))
        diag_error(c->diag, pos, "certificate_days needs an https:// URL");
    expect_prepare(c, pos, &s->expect);
}

void http_spec_prepare(struct decode *c, const struct node *n, struct pos pos, struct http_spec *s)
{
    struct err err;
    if (!s->url)
        return; /* required: already reported */
    if (url_check(s->url, &err) < 0)
        diag_error(c->diag, http_key_pos(n, pos, "url"), "%s", err.msg);
    if (!s->max_body)
        s->max_body = HTTP_PROBE_DEFAULT_BODY;
    prepare_method(c, http_key_pos(n, pos, "method"), s);
    prepare_headers(c, http_key_pos(n, pos, "headers"), s);
    prepare_auth(c, http_key_pos(n, pos, "auth"), s);
    prepare_hidden(c, s);
    prepare_tls(c, n, pos, s);
    prepare_expect(c, n, pos, s);
}

/* ---- the kind --------------------------------------------------------------------------- */

void http_prepare(struct decode *c, const struct node *n, const struct probe_def *def,
                  struct http_spec *s)
{
    size_t errors = c->diag->errors;
    if (s->connect_timeout_us > def->timeout_us)
        diag_error(c->diag, http_key_pos(n, def->pos, "connect_timeout"),
                   "connect_timeout is longer than the timeout");
    if (s->addresses && def->kind->memory_new)
        diag_error(
            c->diag, http_key_pos(n, def->pos, "addresses"),
            "addresses: %s compares one run with those before, so it needs one place to ask: "
            "a probe for each address",
            def->kind->name);
    if (s->expect.faster_than_us > def->timeout_us)
        diag_error(c->diag, http_key_pos(n, def->pos, "expect"),
                   "faster_than is longer than the timeout");
    http_spec_prepare(c, n, n ? n->pos : def->pos, s);
    if (c->diag->errors > errors) {
        expect_release(&s->expect);
        return;
    }
    mem_auto char *peer = url_peer(s->url);
    c->peer = arena_strdup(c->arena, peer);
    c->certificates = url_is_https(s->url) || s->follow > 0;
}

static void prepare(struct decode *c, const struct node *n, const struct probe_def *def, void *spec)
{
    struct http_probe *p = spec;
    http_prepare(c, n, def, &p->http);
}

static void release(void *spec)
{
    struct http_probe *p = spec;
    expect_release(&p->http.expect);
}

static void *start(struct probe_env *env, const struct probe_def *def, struct probe_memory *memory,
                   probe_done_fn done, void *ctx)
{
    const struct http_probe *p = def->spec;
    (void)memory;
    return http_run_start(env, def, &p->http, NULL, NULL, done, ctx);
}

const struct probe_kind probe_http = {
    .name = "http",
    .help = "an HTTP request and what its response must be like",
    .fields = http_fields,
    .spec_size = sizeof(struct http_probe),
    .prepare = prepare,
    .release = release,
    .start = start,
    .cancel = http_run_cancel,
};

uint64_t http_spec_source(const struct http_spec *s)
{
    uint64_t hash = str_hash(s->url, strlen(s->url)), headers = 0;
    for (size_t i = 0; i < s->headers.n; i++) {
        const struct secret_pair *h = &s->headers.at[i];
        if (h->secret || strcasecmp(h->key, "Authorization") == 0)
            continue;
        /* Their order makes no difference. */
        headers += hash_mix(str_hash(h->key, strlen(h->key)),
                            str_hash(h->value.value, strlen(h->value.value)));
    }
    return headers ? hash_mix(hash, headers) : hash;
}
