#include "base/mem.h"
#include "base/units.h"
#include "io/http_internal.h"
#include "io/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXTRA_HEADERS 3 /* Authorization, Content-Type, Expect */

static bool has_line_break(const char *s)
{
    return s && strpbrk(s, "\r\n");
}

static bool is_header(const char *line, const char *name)
{
    size_t n = strlen(name);

    return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

/* curl takes "Name:" as "do not send it" and "Name;" as an empty header. */
static char *copy_header(struct arena *a, const char *line)
{
    char *copy = arena_strdup(a, line);
    char *colon = strchr(copy, ':');

    if (colon && colon[1 + strspn(colon + 1, " \t")] == '\0') {
        colon[0] = ';';
        colon[1] = '\0';
    }
    return copy;
}

static void add_header(struct http_call *call, struct curl_slist *nodes, size_t *n, char *line)
{
    nodes[*n] = (struct curl_slist){.data = line};
    if (*n)
        nodes[*n - 1].next = &nodes[*n];
    else
        call->headers = nodes;
    (*n)++;
}

static void copy_headers(struct http_call *call)
{
    const struct http_request *r = &call->req;
    struct arena *a = &call->arena;
    struct curl_slist *nodes =
        arena_alloc(a, (r->header_count + EXTRA_HEADERS) * sizeof(struct curl_slist));
    bool typed = false;
    size_t n = 0;

    for (size_t i = 0; i < r->header_count; i++) {
        typed = typed || is_header(r->headers[i], "content-type");
        add_header(call, nodes, &n, copy_header(a, r->headers[i]));
    }
    if (r->bearer)
        add_header(call, nodes, &n, arena_printf(a, "Authorization: Bearer %s", r->bearer));
    if (!r->body)
        return;
    /* curl would call any body a form, and wait a second before a large one. */
    if (!typed)
        add_header(call, nodes, &n, arena_strdup(a, "Content-Type:"));
    add_header(call, nodes, &n, arena_strdup(a, "Expect:"));
}

static const char *refuse(const struct http_request *r)
{
    if (!r->url || strlen(r->url) > URL_MAX)
        return "the URL is missing or too long";
    if (r->header_count > HTTP_MAX_REQUEST_HEADERS)
        return "too many request headers";
    if (r->body && r->body_len > HTTP_MAX_REQUEST_BODY)
        return "the request body is over 16 MiB";
    if (r->timeout_us <= 0)
        return "the request has no timeout";
    if (has_line_break(r->method) || has_line_break(r->bearer))
        return "a line break in the method or token";
    for (size_t i = 0; i < r->header_count; i++)
        if (has_line_break(r->headers[i]))
            return "a line break in a request header";
    return NULL;
}

/* ---- memory -------------------------------------------------------------------- */

static struct http_call *call_alloc(struct http_client *c)
{
    struct http_call *call = TAILQ_FIRST(&c->spare); /* the warmest */

    if (call) {
        TAILQ_REMOVE(&c->spare, call, link);
        c->spares--;
        return call;
    }
    call = mem_alloc(sizeof(*call));
    call->client = c;
    uv_timer_init(c->loop, &call->deadline);
    c->open++;
    str_init(&call->head, HTTP_MAX_HEADERS);
    str_init(&call->body, HTTP_MAX_BODY);
    return call;
}

static void on_call_closed(uv_handle_t *h)
{
    struct http_call *call = container_of((uv_timer_t *)h, struct http_call, deadline);
    struct http_client *c = call->client;

    if (call->easy)
        curl_easy_cleanup(call->easy);
    str_release(&call->head);
    str_release(&call->body);
    arena_release(&call->arena);
    free(call);
    http_client_drop(c);
}

static void reset_buffer(struct str *s)
{
    if (s->cap <= HTTP_SPARE_BODY) {
        str_clear(s);
        return;
    }
    str_release(s);
    str_init(s, HTTP_MAX_BODY);
}

void http_call_release(struct http_call *call)
{
    struct http_client *c = call->client;

    if (call->url)
        curl_url_cleanup(call->url);
    cert_store_unref(call->store);
    if (c->closing || c->spares >= HTTP_SPARE_CALLS) {
        uv_close((uv_handle_t *)&call->deadline, on_call_closed);
        return;
    }
    if (call->easy)
        curl_easy_reset(call->easy);
    arena_reset(&call->arena);
    reset_buffer(&call->head);
    reset_buffer(&call->body);
    memset(&call->link, 0, sizeof(*call) - offsetof(struct http_call, link));
    TAILQ_INSERT_HEAD(&c->spare, call, link);
    c->spares++;
}

void http_call_close_spare(struct http_client *c)
{
    struct http_call *call;

    while ((call = TAILQ_FIRST(&c->spare))) {
        TAILQ_REMOVE(&c->spare, call, link);
        uv_close((uv_handle_t *)&call->deadline, on_call_closed);
    }
    c->spares = 0;
}

struct http_call *http_call_new(struct http_client *c, const struct http_request *r)
{
    struct http_call *call = call_alloc(c);
    struct arena *a = &call->arena;
    struct http_request *q = &call->req;

    call->refused = refuse(r);
    if (call->refused)
        return call;
    *q = *r;
    q->method = arena_strdup(a, r->method ? r->method : "GET");
    q->url = arena_strdup(a, r->url);
    q->unix_socket = arena_strdup(a, r->unix_socket);
    q->user = arena_strdup(a, r->user);
    q->password = arena_strdup(a, r->password);
    q->ca_file = arena_strdup(a, r->ca_file);
    q->cert_file = arena_strdup(a, r->cert_file);
    q->key_file = arena_strdup(a, r->key_file);
    q->server_name = arena_strdup(a, r->server_name);
    q->address = arena_strdup(a, r->address);
    if (r->body) {
        char *body = arena_alloc(a, r->body_len + 1);

        memcpy(body, r->body, r->body_len);
        q->body = body;
    }
    if (q->max_body <= 0 || q->max_body > HTTP_MAX_BODY)
        q->max_body = q->max_body <= 0 ? 0 : HTTP_MAX_BODY;
    if (q->max_headers <= 0 || q->max_headers > HTTP_MAX_HEADERS)
        q->max_headers = HTTP_MAX_HEADERS;
    if (q->connect_timeout_us <= 0 || q->connect_timeout_us > q->timeout_us)
        q->connect_timeout_us = q->timeout_us;
    copy_headers(call);
    q->headers = NULL; /* the caller's; ours are in call->headers */
    q->bearer = NULL;
    call->head.max = (size_t)q->max_headers;
    call->body.max = (size_t)q->max_body;
    return call;
}

/* ---- where it goes ---------------------------------------------------------- */

static char *url_part(struct http_call *call, CURLUPart part, unsigned flags)
{
    char *text = NULL;

    if (curl_url_get(call->url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = arena_strdup(&call->arena, text);

    curl_free(text);
    return copy;
}

static int parse_host(struct http_call *call, struct err *reterr)
{
    char *host = url_part(call, CURLUPART_HOST, CURLU_PUNYCODE);
    size_t n = host ? strlen(host) : 0;

    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        host++;
    }
    if (!n || strlen(host) >= sizeof(call->host))
        return err_set(reterr, "the URL has no usable host");
    str_copy(call->host, sizeof(call->host), host);
    return 0;
}

int http_call_parse(struct http_call *call, struct err *reterr)
{
    call->url = curl_url();
    if (!call->url)
        return err_set(reterr, "out of memory");
    CURLUcode rc = curl_url_set(call->url, CURLUPART_URL, call->req.url, 0);

    if (rc != CURLUE_OK)
        return err_set(reterr, "the URL is not valid: %s", curl_url_strerror(rc));
    const char *scheme = url_part(call, CURLUPART_SCHEME, 0);
    const char *port = url_part(call, CURLUPART_PORT, CURLU_DEFAULT_PORT);

    call->tls = str_eq(scheme, "https");
    if (!call->tls && !str_eq(scheme, "http"))
        return err_set(reterr, "the URL is neither http nor https");
    call->port = port ? (int)strtol(port, NULL, 10) : 0;
    if (parse_host(call, reterr) < 0)
        return -1;
    /* The name that is asked for and verified is the override; the address
     * still comes from the URL's own host, by CURLOPT_CONNECT_TO. */
    if (call->req.server_name &&
        curl_url_set(call->url, CURLUPART_HOST, call->req.server_name, 0) != CURLUE_OK)
        return err_set(reterr, "server_name '%s' is not a host name", call->req.server_name);
    return 0;
}
