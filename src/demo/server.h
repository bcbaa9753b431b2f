/*
 * A small HTTP/1.1 server on a uv loop whose answers may go wrong: late, in
 * pieces, cut short, never, or with a TCP reset. The prober's counterpart, so
 * it is deliberately simple where a real server is clever: one request at a
 * time per connection, bodies by Content-Length only.
 *
 * Limits: SERVER_* below; whoever passes one is answered 4xx or closed.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_CONNECTIONS_MAX 512
#define SERVER_HEAD_MAX (16 << 10)
#define SERVER_BODY_MAX (1 << 20)
#define SERVER_HEADERS_MAX 64
#define SERVER_REPLY_MAX (4 << 20)

struct uv_loop_s;
struct server;

/* Valid during the handler only. Path without query, both still encoded. */
struct request {
    const char *method, *path, *query;
    const char *body; /* NUL-terminated */
    size_t body_len;
    size_t header_count;
    struct {
        const char *name, *value;
    } headers[SERVER_HEADERS_MAX];
};

const char *request_header(const struct request *r, const char *name); /* or NULL */

enum reply_end {
    REPLY_COMPLETE,
    REPLY_TRUNCATE, /* half of the body, then the end of the connection */
    REPLY_RESET,    /* after the delay, no byte and a TCP reset */
    REPLY_HANG,     /* nothing, until the client gives up */
};

/* Where a piece of a body ends, and how long after it the next one goes out. */
struct cut {
    size_t at;
    int64_t gap_us;
};

/* Filled by the handler. The body goes out whole, or in pieces that end at
 * `cuts`; chunked if asked for. */
struct reply {
    int status;
    const char *type;
    const char *header; /* one more, "Name: value"; or NULL */
    int retry_after;    /* seconds; 0: it does not say */
    struct str body;
    int64_t delay_us; /* before the first byte */
    int64_t gap_us;   /* what reply_cut() takes */
    VEC(struct cut) cuts;
    bool chunked;
    enum reply_end end;
};

/* Makes a cut after what the body holds now. */
void reply_cut(struct reply *r);
int64_t reply_takes(const struct reply *r); /* us, from the request to the last piece */

typedef void (*server_fn)(void *ctx, const struct request *r, struct reply *reply);

/* Listens on "ADDRESS:PORT" or "[ADDRESS]:PORT", loopback only; port 0 takes a
 * free one. */
int server_start(struct uv_loop_s *loop, const char *listen, server_fn handle, void *ctx,
                 struct server **ret, struct err *reterr);
const char *server_address(const struct server *s); /* "127.0.0.1:43817" */

/* Ends every connection; the memory goes when the loop has run. */
void server_close(struct server *s);
