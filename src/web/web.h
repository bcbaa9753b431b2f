/*
 * The web thread: health, metrics and the control socket, on its own loop, so
 * that no request can touch a measurement. It sees the daemon only through
 * the status board and the callbacks given here.
 *
 * Two listeners with one table of routes (routes.c):
 *
 *   - loopback TCP: GET / /livez /readyz /health /version /metrics, and Alertmanager's
 *     API (alertmanager.h)
 *   - the control socket, mode 0600, peers of our own uid or root: the same,
 *     and POST /v1/import (NDJSON), POST /v1/edit (JSON, engine/edit.h) and POST
 *     /v1/reload
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "engine/status.h"
#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct web;

/* The body of a request, for a job to read. */
struct web_body;

/* Waits for and copies up to n bytes (n > 0); 0 at the end, -1 when the client
 * is gone or the daemon stops. */
ssize_t web_body_read(struct web_body *b, void *buf, size_t n);

/* What the query of an import says; `id` 0: it is one request. */
struct web_import {
    int64_t create_interval_us, id;
    bool replace;
};

struct web_options {
    const char *listen;       /* "127.0.0.1:9464", "[::1]:0"; "" or NULL: no TCP */
    const char *control_path; /* `<db>.sock`, or NULL. What lies there is replaced: the
                                 caller must hold the database's lock. */
    struct status_board *board;
    const char *database; /* for those who look at what is stored */

    /*
     * Jobs: called on a thread of their own, and may block; several may run at
     * once. They must end soon after web_body_read() says -1.
     */
    /* *ret counts what was stored, also before an error. */
    int (*import)(void *ctx, struct web_body *body, const struct web_import *how,
                  struct import_totals *ret, struct err *reterr);
    /* Appends the JSON answer. */
    int (*edit)(void *ctx, const char *request, size_t n, struct str *answer, struct err *reterr);
    /* Returns when the reload is done; -1: refused, the old one stays. */
    int (*reload)(void *ctx, struct err *reterr);
    void *ctx;
};

/* Binds, listens and starts the thread. Errors name the address. */
int web_start(const struct web_options *o, struct web **ret, struct err *reterr);

/* "127.0.0.1:9464" with the port really bound; "" without TCP. */
const char *web_address(const struct web *w);

/* Ends jobs, closes connections, removes the socket file, frees. */
void web_stop(struct web *w);
