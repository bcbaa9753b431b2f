/*
 * The `http` probe kind: one request, its redirects if they are asked for, and
 * a verdict. docs/nines.yaml.5 shows the keys.
 */
#pragma once

#include "nines/config.h"
#include "nines/probe.h"
#include "probe/expect.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_response;
struct judge_input;
struct probe_memory;
struct verdict;

#define HTTP_PROBE_MAX_FOLLOW 10
#define HTTP_PROBE_MAX_BODY (16LL << 20)
#define HTTP_PROBE_MAX_PAGE (128LL << 20) /* of kinds that read pages of metrics */
#define HTTP_PROBE_DEFAULT_BODY (1LL << 20)
#define HTTP_PROBE_POOL_BODY (64 << 10) /* larger ones are judged on the worker pool */

struct http_auth {
    struct {
        const char *user;
        struct secret password;
    } basic;
    struct secret bearer;
};

struct http_tls {
    bool insecure;
    const char *ca_file, *cert_file, *key_file, *server_name;
};

/* A header as sent. Lines bound to the origin (credentials, Host) are not
 * taken along to another one. */
struct header_line {
    const char *text; /* "Name: value" */
    bool bound;       /* to the origin */
    bool content;     /* describes the request's body */
};

struct http_spec {
    const char *url;
    const char *method;
    struct secret_map headers;
    const char *body;
    struct http_auth auth;
    int64_t follow; /* redirects; 0: a 3xx is judged as it is */
    struct http_tls tls;
    int ip;        /* enum ip_family */
    int addresses; /* 1: each run asks all of the name */
    bool reuse;
    int64_t max_body;
    int dns; /* 1: fresh */
    int64_t connect_timeout_us;
    struct expect expect;

    /* what a kind adds before http_prepare() */
    const char *accept, *content_type; /* sent unless `headers` has one; or NULL */
    bool gzip;                         /* asks for gzip; max_body then counts what it unpacks to */

    /* made by http_spec_prepare() */
    struct header_line *lines;
    size_t line_count;
    const char **hidden; /* what must not be shown: redacted wherever it turns up */
    size_t hidden_count;
    size_t body_len;
};

/* The spec of an `http` probe. */
struct http_probe {
    struct http_spec http;
};

extern const struct probe_kind probe_http;

/* The keys of an HTTP request, for the field tables of all kinds that make one:
 * `member` is the struct http_spec in the kind's own spec. `expect` is not among
 * them: what a good response is differs. */
extern const struct field http_auth_fields[], http_tls_fields[];
extern const char *const http_ip_names[], *const http_dns_names[], *const http_addresses_names[];

/* clang-format off */
#define HTTP_FIELDS(type, member) HTTP_FIELDS_UPTO(type, member, HTTP_PROBE_MAX_BODY)
#define HTTP_FIELDS_UPTO(type, member, max_body_max)                                               \
    HTTP_URL_FIELD(type, member),                                                                  \
    {"method", FIELD_STRING, offsetof(type, member.method),                                        \
     .help = "GET by default, POST if there is a body"},                                           \
    HTTP_HEADERS_FIELD(type, member),                                                              \
    {"body", FIELD_STRING, offsetof(type, member.body),                                            \
     .help = "request body; Content-Type is application/json if it begins with { or [, else "      \
             "text/plain, unless given"},                                                          \
    HTTP_AUTH_FIELD(type, member),                                                                 \
    {"follow", FIELD_INT, offsetof(type, member.follow), .max = HTTP_PROBE_MAX_FOLLOW,             \
     .help = "redirects to follow; with 0, the default, a 3xx is judged as it is"},                \
    {"addresses", FIELD_ENUM, offsetof(type, member.addresses), .names = http_addresses_names,     \
     .help = "any: one that can be connected to; all: each run asks every address of the name, "   \
             "and the worst one counts"},                                                          \
    {"max_body", FIELD_SIZE, offsetof(type, member.max_body), .min = 1,                            \
     .max = (max_body_max), .help = "a longer body is a failure; 1MiB by default"},                \
    HTTP_CONNECTION_FIELDS(type, member)

/* The same in parts, for kinds that make their requests themselves. */
#define HTTP_URL_FIELD(type, member)                                                               \
    {"url", FIELD_STRING, offsetof(type, member.url), .flags = FIELD_REQUIRED,                     \
     .help = "http:// or https://, without user and password"}
#define HTTP_HEADERS_FIELD(type, member)                                                           \
    {"headers", FIELD_SECRET_MAP, offsetof(type, member.headers),                                  \
     .help = "name: text, {env: NAME} or {file: path}"}
#define HTTP_AUTH_FIELD(type, member)                                                              \
    {"auth", FIELD_OBJECT, offsetof(type, member.auth), .fields = http_auth_fields,                \
     .help = "{basic: {user, password}} or {bearer: secret}; not sent to another origin"}
#define HTTP_CONNECTION_FIELDS(type, member)                                                       \
    {"tls", FIELD_OBJECT, offsetof(type, member.tls), .fields = http_tls_fields,                   \
     .help = "how to verify the server and what to show it"},                                      \
    {"ip", FIELD_ENUM, offsetof(type, member.ip), .names = http_ip_names,                          \
     .help = "address family: any, 4 or 6"},                                                       \
    {"reuse", FIELD_BOOL, offsetof(type, member.reuse),                                            \
     .help = "keep the connection between runs; by default each run makes a fresh one"},           \
    {"dns", FIELD_ENUM, offsetof(type, member.dns), .names = http_dns_names,                       \
     .help = "cached: answers are kept for their TTL; fresh: each run asks"},                      \
    {"connect_timeout", FIELD_DURATION, offsetof(type, member.connect_timeout_us), .min = 1000,    \
     .help = "name lookup, connect and TLS together; the timeout by default"}
/* clang-format on */

/* The position of a key's value in the kind's map, for messages; `whole` if it
 * is absent or there is no map. */
struct pos http_key_pos(const struct node *n, struct pos whole, const char *key);

/* A hash of what tells whose the answer is, but for the body: the url, and headers
 * that are no secrets, as they name a tenant. Credentials change while the target
 * stays. */
uint64_t http_spec_source(const struct http_spec *s);

/* Fills the defaults, checks what belongs together, compiles. Errors to
 * c->diag at `pos` or at the keys of `n` (the `http:` map; may be NULL). */
void http_spec_prepare(struct decode *c, const struct node *n, struct pos pos, struct http_spec *s);
/* The same for a probe's, whose timeout is known. Released by expect_release(). */
void http_prepare(struct decode *c, const struct node *n, const struct probe_def *def,
                  struct http_spec *s);

/* What a kind finds in a response beside what `expect` asks for. */
struct http_reading {
    struct arena *arena; /* what it finds lives here, as long as the run */
    atomic_bool stop;    /* the run is cancelled: the loop waits for read() to give up */
    struct sample *samples;
    size_t sample_count;
    bool scraped;        /* samples are all there was of what is wanted */
    const char *version; /* or NULL */
    void *found;         /* from read() to remember() */
};

/* A kind on HTTP that reads documents. */
struct http_reader {
    bool json;    /* read() uses judge_input.json */
    size_t light; /* larger bodies are read on the pool; 0: HTTP_PROBE_POOL_BODY */
    /* A response came and `expect` was judged: adds assertions to `v`, fails it,
     * fills `ret`. On any thread. */
    void (*read)(const struct probe_def *def, const struct judge_input *in, struct verdict *v,
                 struct http_reading *ret);
    /* Afterwards on the loop thread: what depends on earlier runs. May be NULL;
     * so may be `memory`. */
    void (*remember)(const struct probe_def *def, struct probe_memory *memory, int64_t wall_us,
                     struct verdict *v, struct http_reading *ret);
};

/* The run: http_run.c. `spec` is the HTTP part of the probe's own; `reader` and
 * `memory` may be NULL. */
void *http_run_start(struct probe_env *env, const struct probe_def *def,
                     const struct http_spec *spec, const struct http_reader *reader,
                     struct probe_memory *memory, probe_done_fn done, void *ctx);
void http_run_cancel(void *run);

/* Blanks out what must not be shown: secrets of the spec, and of URLs. */
void http_hide(const struct http_spec *s, char *text, size_t n);
/* Headers of a response with nothing in them that opens a door; their length. */
size_t http_show_headers(struct arena *a, const struct http_spec *s, const struct http_response *r,
                         const char **ret);
