/*
 * An HTTP/1.1 server on a uv loop: libmicrohttpd in its external epoll mode,
 * driven by one uv_poll and one uv_timer. Everything happens on the loop's
 * thread; nothing here blocks.
 *
 * Limits hold before any handler runs: header bytes, connections, connections
 * of one address, and a deadline for a request's headers (it also ends idle
 * kept connections).
 *
 * The life of a call:
 *
 *     begin(ctx, call)     headers are in. Either answer at once with
 *                          httpd_reply() (an unread body closes the connection)
 *                          or take the call with httpd_take():
 *       sink->body         bytes of the body; taking fewer than offered pauses
 *                          the client until httpd_resume()
 *       sink->complete     the body has ended, empty ones too
 *       ... httpd_reply()  once, then or later; what is left of the body is
 *                          read and dropped first
 *       sink->ended        the call is over, answered or not: forget it
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct httpd;
struct httpd_call;

struct httpd_options {
    unsigned max_connections;         /* 0: 128 */
    unsigned max_per_address;         /* TCP only; 0: 32 */
    size_t connection_memory;         /* headers must fit; 0: 16 KiB */
    unsigned idle_seconds;            /* a transfer that stands still; 0: 30 */
    int64_t header_deadline_us;       /* accept, or the last answer, to headers; 0: 10 s */
    bool (*admit)(void *ctx, int fd); /* NULL: everyone */
    void (*begin)(void *ctx, struct httpd_call *call);
    void *ctx;
};

/* Serves `listen_fd` (a listening stream socket, non-blocking), which passes
 * to the server, on failure too. */
int httpd_start(struct uv_loop_s *loop, int listen_fd, const struct httpd_options *o,
                struct httpd **ret, struct err *reterr);

/* Ends every call and connection; `closed` is called when the memory is gone. */
void httpd_close(struct httpd *h, void (*closed)(void *ctx), void *ctx);

/* ---- one call ------------------------------------------------------------- */

struct httpd_sink {
    size_t (*body)(void *user, const char *data, size_t n);
    void (*complete)(void *user);
    void (*ended)(void *user);
};

struct httpd_field {
    const char *name, *value;
};

struct httpd_answer {
    int status;
    const char *content_type;
    const char *body; /* copied */
    size_t len;
    const struct httpd_field *fields; /* further headers */
    size_t field_count;
};

/* Strings live as long as the call; absent ones are NULL. */
const char *httpd_method(const struct httpd_call *c);
const char *httpd_path(const struct httpd_call *c);
const char *httpd_query(const struct httpd_call *c, const char *name);
/* Each value of a name that may be there several times. */
void httpd_query_each(const struct httpd_call *c, const char *name,
                      void (*fn)(void *ctx, const char *value), void *ctx);
const char *httpd_header(const struct httpd_call *c, const char *name);
int httpd_fd(const struct httpd_call *c);        /* of the connection; to look at */
bool httpd_has_body(const struct httpd_call *c); /* a length above 0, or chunks */

void httpd_take(struct httpd_call *c, const struct httpd_sink *sink, void *user);
void httpd_resume(struct httpd_call *c); /* after a pause; harmless otherwise */
void httpd_reply(struct httpd_call *c, const struct httpd_answer *a);
