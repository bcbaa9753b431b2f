/*
 * What the two halves of the server share: server.c moves bytes (sockets,
 * timers, lifetimes), server_http.c knows HTTP (requests in, pieces out).
 *
 * A connection is one enum: READING until conn_parse() has a whole request,
 * ANSWERING until the last piece is written, then READING again or CLOSING.
 */
#pragma once

#include "demo/server.h"

#include <uv.h>

#define CONN_CHUNK (16 << 10)

enum conn_state { CONN_READING, CONN_ANSWERING, CONN_CLOSING };

struct conn {
    struct server *server;
    struct conn *next, **link;
    uv_tcp_t tcp;
    uv_timer_t timer; /* idle deadline, delay or gap: one at a time */
    uv_write_t write;
    int open_handles;
    enum conn_state state;
    char chunk[CONN_CHUNK];
    struct str in;      /* the request, and what was sent ahead */
    size_t request_len; /* of the one being answered */
    bool keep, head_only;

    struct reply reply;
    struct str out; /* the piece that is being written */
    size_t piece;   /* next cut */
    int64_t gap_us; /* after the piece that is being written */
    size_t sent;    /* bytes of the body before it */
    bool head_sent, last;
};

struct server {
    uv_loop_t *loop;
    uv_tcp_t tcp;
    server_fn handle;
    void *ctx;
    struct conn *conns;
    size_t conn_count;
    bool closed;
    char address[64];
};

/* server.c */
void conn_close(struct conn *c, bool reset);
void conn_arm(struct conn *c, int64_t us, uv_timer_cb cb);
void conn_answer(struct conn *c);
void conn_write_piece(struct conn *c);
void server_maybe_free(struct server *s);

/* server_http.c */
void conn_parse(struct conn *c);      /* more bytes: a whole request is answered */
void conn_next_piece(struct conn *c); /* fills `out`, sets `last` */
void conn_drop_reply(struct conn *c);
