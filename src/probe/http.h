/*
 * The `http` probe kind: one request, its redirects if they are asked for, and
 * a verdict. docs/nines.yaml.5 shows the keys.
 */
#pragma once

#include "nines/config.h"
#include "nines/probe.h"
#include "probe/expect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_PROBE_MAX_FOLLOW 10
#define HTTP_PROBE_MAX_BODY (16LL << 20)
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
    int ip; /* enum ip_family */
    bool reuse;
    int64_t max_body;
    int dns; /* 1: fresh */
    int64_t connect_timeout_us;
    struct expect expect;

    /* made by http_spec_prepare() */
    struct header_line *lines;
    size_t line_count;
    const char *basic_token; /* how user and password travel; to be redacted; or NULL */
    size_t body_len;
};

extern const struct probe_kind probe_http;

/* Fills the defaults, checks what belongs together, compiles. Errors to
 * c->diag at `pos` or at the keys of `n` (the `http:` map; may be NULL). */
void http_spec_prepare(struct decode *c, const struct node *n, struct pos pos, struct http_spec *s);

/* The run: http_run.c. */
void *http_run_start(struct probe_env *env, const struct probe_def *def, probe_done_fn done,
                     void *ctx);
void http_run_cancel(void *run);
