/*
 * The `webhook` receiver: POSTs the JSON payload. 2xx is delivered; 408, 429,
 * 5xx and everything that is not an answer is tried again; any other answer
 * is final.
 */
#include "notify/kinds.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "notify/body.h"
#include "notify/verdict.h"

#include <strings.h>

#define TIMEOUT_US (10 * USEC_PER_SEC)
#define HEADERS_MAX 32
#define HEADER_BYTES (8 << 10)
#define ANSWER_MAX (64 << 10)

struct webhook_tls {
    const char *ca_file;
    bool insecure;
};

struct webhook_spec {
    struct secret url;
    struct secret_map headers;
    int64_t timeout_us;
    struct webhook_tls tls;
};

/* A plain address is fine as it is; one that holds a token is a secret. */
static void decode_url(struct decode *c, const struct node *n, void *out)
{
    static const struct field as_secret = {"url", FIELD_SECRET, 0};
    static const struct field as_text = {"url", FIELD_STRING, 0};
    struct secret *url = out;

    if (n->kind == NODE_MAP)
        decode_value(c, n, &as_secret, url);
    else
        decode_value(c, n, &as_text, &url->value);
}

static const struct field tls_fields[] = {
    {"ca_file", FIELD_PATH, offsetof(struct webhook_tls, ca_file),
     .help = "PEM file of the authorities to trust instead of the system's"},
    {"insecure", FIELD_BOOL, offsetof(struct webhook_tls, insecure),
     .help = "do not verify the certificate"},
    {0},
};

static const struct field webhook_fields[] = {
    {"url", FIELD_CUSTOM, offsetof(struct webhook_spec, url), .flags = FIELD_REQUIRED,
     .decode = decode_url, .help = "http or https address, or a secret holding one"},
    {"headers", FIELD_SECRET_MAP, offsetof(struct webhook_spec, headers),
     .help = "headers to add; values may be secrets"},
    {"timeout", FIELD_DURATION, offsetof(struct webhook_spec, timeout_us),
     .min = 100 * USEC_PER_MSEC, .max = 2 * USEC_PER_MIN,
     .help = "limit for one attempt, 10s by default"},
    {"tls", FIELD_OBJECT, offsetof(struct webhook_spec, tls), .fields = tls_fields},
    {0},
};

/* ---- what is checked at load, and again when secrets are known ------------- */

static bool url_ok(const char *url)
{
    size_t scheme = str_starts(url, "http://") ? 7 : str_starts(url, "https://") ? 8 : 0;

    if (scheme == 0 || url[scheme] == '\0' || url[scheme] == '/')
        return false;
    for (const char *p = url; *p; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    }
    return true;
}

static bool header_name_ok(const char *name)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *name && name[strspn(name, token)] == '\0';
}

static bool header_value_ok(const char *value)
{
    for (; *value; value++) {
        if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
            return false;
    }
    return true;
}

static void webhook_prepare(struct decode *c, const struct node *n, void *spec)
{
    struct webhook_spec *s = spec;
    const struct node *url = node_get(n, "url");
    struct pos pos = url ? url->pos : n->pos;

    if (s->timeout_us == 0)
        s->timeout_us = TIMEOUT_US;
    if (s->url.value && !url_ok(s->url.value))
        diag_error(c->diag, pos, "url is not an http:// or https:// address");
    if (s->headers.n > HEADERS_MAX)
        diag_error(c->diag, n->pos, "more than %d headers", HEADERS_MAX);
    for (size_t i = 0; i < s->headers.n; i++) {
        const struct secret_pair *p = &s->headers.at[i];
        if (!header_name_ok(p->key))
            diag_error(c->diag, n->pos, "\"%s\" is not a header name", p->key);
        if (p->value.value && !header_value_ok(p->value.value))
            diag_error(c->diag, n->pos, "the value of header %s has control characters", p->key);
    }
}

/* ---- one delivery ------------------------------------------------------------ */

struct webhook {
    struct http_call *call;
    notifier_done_fn done;
    void *ctx;
};

struct header_lines {
    struct str text; /* lines, each with its NUL */
    size_t starts[HEADERS_MAX + 4];
    size_t n;
};

static void add_line(struct header_lines *h, const char *name, const char *value)
{
    h->starts[h->n++] = h->text.len;
    str_addf(&h->text, "%s: %s", name, value);
    str_addc(&h->text, '\0');
}

static bool has_header(const struct secret_map *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++) {
        if (strcasecmp(m->at[i].key, name) == 0)
            return true;
    }
    return false;
}

/* Names an SLO may have anything in them: all but a safe set as %XX. */
static void add_key_line(struct header_lines *h, const char *key)
{
    h->starts[h->n++] = h->text.len;
    str_add(&h->text, "Idempotency-Key: ");
    for (; *key; key++) {
        unsigned char c = (unsigned char)*key;
        if (c > ' ' && c < 0x7f && c != '%' && c != '"')
            str_addc(&h->text, (char)c);
        else
            str_addf(&h->text, "%%%02X", c);
    }
    str_addc(&h->text, '\0');
}

static int make_headers(struct header_lines *h, const struct webhook_spec *spec,
                        const struct notification *n)
{
    const struct secret_map *own = &spec->headers;

    if (!has_header(own, "Content-Type"))
        add_line(h, "Content-Type", "application/json");
    if (!has_header(own, "User-Agent"))
        add_line(h, "User-Agent", "nines/" NINES_VERSION);
    if (n->dedup_key)
        add_key_line(h, n->dedup_key);
    for (size_t i = 0; i < own->n && i < HEADERS_MAX; i++) {
        const char *value = own->at[i].value.value;
        if (!value || !header_value_ok(value))
            return -1;
        add_line(h, own->at[i].key, value);
    }
    return h->text.overflow ? -1 : 0;
}

static int64_t wall_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / NSEC_PER_USEC;
}

static void on_response(void *ctx, const struct http_response *r)
{
    struct webhook *w = ctx;
    struct verdict v;

    verdict_http(r, wall_us(), &v);
    notifier_done_fn done = w->done;
    void *done_ctx = w->ctx;
    free(w);
    done(done_ctx, v.delivery, v.detail, v.retry_after_us);
}

static struct webhook *post(struct notifier_env *env, const struct webhook_spec *spec,
                            const struct header_lines *h, const struct str *body,
                            notifier_done_fn done, void *ctx)
{
    const char *lines[HEADERS_MAX + 4];

    for (size_t i = 0; i < h->n; i++)
        lines[i] = h->text.buf + h->starts[i];
    struct http_request req = {
        .method = "POST",
        .url = spec->url.value,
        .headers = lines,
        .header_count = h->n,
        .body = body->buf,
        .body_len = body->len,
        .timeout_us = spec->timeout_us,
        .max_body = ANSWER_MAX,
        .ca_file = spec->tls.ca_file,
        .insecure = spec->tls.insecure,
    };
    struct webhook *w = mem_alloc(sizeof(*w));
    *w = (struct webhook){.done = done, .ctx = ctx};
    w->call = http_start(env->http, &req, NULL, on_response, w);
    return w;
}

static void *webhook_send(struct notifier_env *env, const struct receiver_def *def,
                          const struct notification *n, notifier_done_fn done, void *ctx)
{
    const struct webhook_spec *spec = def->spec;
    struct header_lines h = {0};
    struct str body;
    struct webhook *w = NULL;

    str_init(&h.text, HEADER_BYTES);
    str_init(&body, BODY_MAX);
    if (!spec->url.value || !url_ok(spec->url.value))
        done(ctx, DELIVERY_REJECTED, "url is not an http:// or https:// address", 0);
    else if (make_headers(&h, spec, n) < 0)
        done(ctx, DELIVERY_REJECTED, "a header is too long or has control characters", 0);
    else if (body_write(n, &body) < 0)
        done(ctx, DELIVERY_REJECTED, "the message is too long", 0);
    else
        w = post(env, spec, &h, &body, done, ctx);
    str_release(&body);
    str_release(&h.text);
    return w;
}

static void webhook_cancel(void *delivery)
{
    struct webhook *w = delivery;

    http_cancel(w->call);
    free(w);
}

const struct notifier_kind notifier_webhook = {
    .name = "webhook",
    .help = "POST the JSON payload to an address",
    .fields = webhook_fields,
    .spec_size = sizeof(struct webhook_spec),
    .prepare = webhook_prepare,
    .send = webhook_send,
    .cancel = webhook_cancel,
};
