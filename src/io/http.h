/*
 * One HTTP request at a time, asynchronously, on a uv loop: libcurl's multi
 * interface below, our own name lookup beside it (io/resolve.h), our own time
 * stamps. Redirects are not followed: a hop is a request of its own.
 *
 * Nothing here blocks the loop. A client belongs to one loop and one thread.
 */
#pragma once

#include "base/err.h"
#include "nines/config.h"
#include "nines/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;
struct http_response;
struct uv_loop_s;
struct http_client;
struct http_call;

enum ip_family { IP_ANY, IP_V4, IP_V6 };

struct http_request {
    const char *method;         /* "GET" */
    const char *url;            /* http or https; unix sockets with `unix_socket` */
    const char *unix_socket;    /* path, or NULL */
    const char *const *headers; /* "Name: value" lines */
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_len;
    const char *user, *password; /* basic auth, or NULL */
    const char *bearer;          /* or NULL */

    int64_t connect_timeout_us; /* name, connect and TLS together; 0: timeout_us */
    int64_t timeout_us;         /* everything; > 0 */
    int64_t max_body;           /* bytes kept and read; beyond: REASON_BODY */
    int64_t max_headers;        /* bytes; beyond: REASON_PROTOCOL; 0: 256 KiB */

    const char *address; /* connects to this IP address instead of the host's; or NULL */
    enum ip_family family;
    bool reuse;        /* may use a kept connection; default is a fresh one */
    bool dns_fresh;    /* bypass the lookup cache */
    bool insecure;     /* no TLS verification */
    bool connect_only; /* ends well once connected, over TLS too: no request is sent */
    const char *ca_file, *cert_file, *key_file; /* or NULL */
    const char *server_name;                    /* SNI and Host override, or NULL */

    /* Optional, for streams: the head of a response is complete (no interim one's); of
     * `head` status and headers are there, its first line came `first_us` after
     * the request began. False: none of the body is kept, only the data callback sees it.
     * It runs inside of curl. */
    bool (*head)(void *ctx, int64_t first_us, const struct http_response *head);
};

/*
 * What came back. Valid only during the callback. `reason` is REASON_NONE when
 * a complete response was received, whatever its status; otherwise it names
 * the phase that failed and `message` says why in one line.
 */
struct http_response {
    enum reason reason;
    const char *message;
    bool local_fault; /* no ports, no descriptors, no memory: the prober's own */
    int status;
    const char *protocol; /* "HTTP/1.1" */
    const char *address;  /* "127.0.0.1:8000" */
    bool reused;
    struct phases phases;
    int64_t total_us;
    const char *headers; /* of the final response, lines ended by \r\n */
    size_t headers_len;
    const char *body;
    size_t body_len;
    size_t received;           /* body bytes, kept or not */
    struct str *room;          /* what the body is in; `done` may keep it with str_detach() */
    int64_t cert_not_after_us; /* leaf certificate; 0 if none seen */
};

typedef void (*http_done_fn)(void *ctx, const struct http_response *resp);

/* Optional: sees body bytes as they arrive (for streams), with the time from when the
 * request began to when their socket was found ready. Returning false ends the call with
 * REASON_BODY. It runs inside of curl: it may start calls, but not cancel any nor close
 * the client. */
typedef bool (*http_data_fn)(void *ctx, int64_t since_start_us, const char *data, size_t n);

/* `dns_servers`: NULL or "" for resolv.conf, else "127.0.0.1:5353,..." */
int http_client_new(struct uv_loop_s *loop, const char *dns_servers, struct http_client **ret,
                    struct err *reterr);

/* Cancels every call (no callbacks), closes all handles; `closed` is called
 * when the memory is gone. */
void http_client_close(struct http_client *c, void (*closed)(void *ctx), void *ctx);
bool http_client_idle(const struct http_client *c); /* no call waits or is under way */

/*
 * Begins a call on the loop's next turn; what `req` points to is copied. `done`
 * comes exactly once, never from inside this function, and may start, cancel
 * and close. What is measured, and the deadlines, begin when our own set-up is
 * over, a CA bundle is loaded included. A request that cannot be made (a broken
 * URL or header, a CA file or client certificate that cannot be read) ends with
 * REASON_PROBER and local_fault.
 */
struct http_call *http_start(struct http_client *c, const struct http_request *req,
                             http_data_fn data, http_done_fn done, void *ctx);
void http_cancel(struct http_call *call); /* before `done`: it will not come */

/* When the request began (CLOCK_MONOTONIC), from where its times count; 0: not yet. */
int64_t http_began_ns(const struct http_call *call);

/* Gives a call up as its deadline would, had it been `limit_us`: `done` comes from inside,
 * with what was received so far. Not from inside of curl. */
void http_expire(struct http_call *call, int64_t limit_us);

/* Gives a call up: `done` comes from inside, with what was received so far and this
 * reason. Not from inside of curl. */
void http_stop(struct http_call *call, enum reason reason, const char *message);

/* Every address of a name, for those who ask each of them. */
#define HTTP_ADDRESSES_MAX 16
struct http_addresses {
    enum reason reason; /* NONE: at least one; else `message` says why there is none */
    bool local_fault;
    const char *message; /* lives during the call */
    size_t n;
    char at[HTTP_ADDRESSES_MAX][48]; /* "192.0.2.7", in the order to be tried */
};
typedef void (*http_lookup_fn)(void *ctx, const struct http_addresses *found);

/*
 * Looks up the host of req->url (a valid one), by its `family`, `dns_fresh` and
 * timeouts. Addresses that this machine has no route to are left out, if there
 * are others. NULL: the answer is known and in *now, `fn` does not come. Else it
 * comes exactly once, later, unless cancelled.
 */
struct http_lookup *http_lookup(struct http_client *c, const struct http_request *req,
                                struct http_addresses *now, http_lookup_fn fn, void *ctx);
void http_lookup_cancel(struct http_lookup *l);

/* The value of the first header of that name, case-insensitive, trimmed, cut
 * to size; false if absent. */
bool http_header(const struct http_response *r, const char *name, char *buf, size_t size);

/* Process-wide set-up, before any thread. SIGPIPE is ignored from here on. */
void http_global_init(void);
void http_global_cleanup(void);
