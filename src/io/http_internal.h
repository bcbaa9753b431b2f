/*
 * What the http*.c files share. The life of a call:
 *
 *   http_start      QUEUED     copied, waits for the loop's next turn
 *   http.c          TRUST      its CA bundle is being loaded (https, first use)
 *   http.c          RESOLVING  clock and deadline run; the name is looked up
 *   http_multi.c    TRANSFER   libcurl has it, one address after the other
 *   finish()        ENDED      the one way out: `done`, then the memory waits
 *                              for another call, or is freed
 *
 * http_sockets.c watches curl's sockets. http_request.c copies the request,
 * http_easy.c makes it a curl handle and takes what curl hears, http_map.c says
 * what a failure means.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "io/cert.h"
#include "io/dnscache.h"
#include "io/http.h"

#include <curl/curl.h>
#include <sys/queue.h>
#include <uv.h>

#define HTTP_MAX_CALLS 65536 /* live at a time in one client */
#define HTTP_MAX_REQUEST_HEADERS 128
#define HTTP_MAX_REQUEST_BODY (16 << 20)
#define HTTP_MAX_BODY (128 << 20)    /* of a response, whatever the caller says */
#define HTTP_MAX_HEADERS (256 << 10) /* default; curl itself stops at 300 KB */
#define HTTP_KEPT_CONNECTIONS 16384  /* or half of the descriptors there may be */
#define HTTP_READ_BODY (32 << 10)    /* larger request bodies are read in pieces */
#define HTTP_SPARE_CALLS 64          /* kept for the next ones, with their memory */
#define HTTP_SPARE_BODY (32 << 10)   /* of a spare call; larger buffers are freed */

/* Why a callback of ours ended a transfer. */
enum call_stop {
    STOP_NONE,
    STOP_HEADERS,
    STOP_BODY_SIZE,
    STOP_BY_CALLER,
    STOP_RESEND,
    STOP_CONNECTED
};

enum call_state { CALL_QUEUED, CALL_TRUST, CALL_RESOLVING, CALL_TRANSFER, CALL_ENDED };

/* CLOCK_MONOTONIC nanoseconds; 0: did not happen. */
struct call_stamps {
    int64_t start;    /* of what is measured: set-up work is over */
    int64_t resolved; /* an address is known */
    int64_t added;    /* given to curl, for the address being tried */
    int64_t opened;   /* the first socket, about to connect */
    int64_t tls;      /* TCP connected, about to begin TLS */
    int64_t prereq;   /* connected, TLS done, about to send */
    int64_t sent;     /* last piece of a large body handed over */
    int64_t first;    /* first response line */
};

/* What a handle of curl belongs to: its CURLOPT_PRIVATE. */
struct http_transfer {
    void (*ended)(struct http_transfer *t, CURLcode code);
};

struct http_call {
    /* Goes on when the memory is used for another call. */
    struct http_client *client;
    uv_timer_t deadline;
    CURL *easy; /* without options between calls; NULL: none yet */
    struct arena arena;
    struct str head, body;

    /* From here on zeroes at the start of each. */
    TAILQ_ENTRY(http_call) link;
    struct http_transfer transfer;
    enum call_state state;
    bool added;              /* the easy handle is in the multi handle */
    const char *refused;     /* why it never starts, or NULL */
    struct http_request req; /* copied into the arena; limits filled in */
    struct curl_slist *headers;
    http_data_fn data;
    http_done_fn done;
    void *ctx;

    CURLU *url;
    char host[RESOLVE_MAX_NAME]; /* that is looked up; no brackets */
    int port;
    bool tls;
    struct cert_store *store;
    struct resolve_wait *wait;
    struct resolve_addrs addrs;
    size_t addr; /* the one being tried */
    struct curl_slist connect_to;
    char connect_to_text[80];

    int64_t connect_by_ns, end_by_ns;
    struct call_stamps at;
    bool second_chance; /* the loop was late, not the target */

    size_t header_bytes, body_sent;
    bool head_open; /* between a status line and its blank line */
    int head_status;
    bool unkept;       /* the body goes to `data` alone */
    size_t body_bytes; /* received */
    enum call_stop stop;
    int socket_errno;
    int failed_errno; /* of the last address that could have worked, and which */
    size_t failed_addr;
    struct cert_seen cert;
    char errbuf[CURL_ERROR_SIZE];
    char message[512];
};

TAILQ_HEAD(call_list, http_call);
TAILQ_HEAD(smtp_list, smtp_call);

/* By descriptor number; a number that comes again is another generation. */
struct http_socket {
    uint32_t generation;
    uint8_t wanted, watched; /* CURL_POLL_*: by curl, in the epoll set */
};

struct http_sockets {
    int epoll_fd;
    int64_t ready_ns; /* while one is served that was found ready: since then at the latest */
    uv_poll_t poll;   /* of epoll_fd */
    struct http_socket *at;
    size_t n;
};

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer; /* curl's */
    uv_idle_t idle;   /* runs while there is something for the next turn */
    struct http_sockets sockets;
    bool kick; /* curl asked to be called at once */
    bool in_curl;
    struct call_list queued, held, active, spare;
    struct smtp_list mails;
    size_t calls, spares;
    struct resolver *resolver;
    struct trust *trust;
    bool closing;
    int open; /* what keeps this memory alive */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* http.c */
void http_transfer_ended(struct http_transfer *t, CURLcode code);
void http_run_queue(struct http_client *c);
void http_client_drop(struct http_client *c);

/* http_multi.c */
void http_multi_init(struct http_client *c);
void http_multi_close(struct http_client *c); /* no transfer may be left */
void http_multi_wake(struct http_client *c);  /* http_run_queue() next turn */
void http_multi_step(struct http_client *c, curl_socket_t fd, int flags); /* a call of curl */
void http_multi_drain(struct http_client *c); /* what has ended, ends; runs `done`s */
void http_multi_add(struct http_call *call);  /* curl begins at once */
void http_multi_add_later(struct http_call *call);
void http_multi_remove(struct http_call *call);

/* http_sockets.c */
int http_sockets_open(struct http_client *c, struct err *reterr); /* close(epoll_fd) undoes it */
void http_sockets_start(struct http_client *c);
void http_sockets_close(struct http_client *c);
void http_sockets_serve(struct http_client *c);          /* all that are ready; ends nothing */
void http_sockets_opened(struct http_client *c, int fd); /* a new one has this number */
void http_sockets_want(struct http_client *c, int fd, int what); /* CURL_POLL_* */

/* smtp.c */
void smtp_trust_changed(struct http_client *c);
void smtp_end_all(struct http_client *c);

/* http_request.c */
struct http_call *http_call_new(struct http_client *c, const struct http_request *req);
int http_call_parse(struct http_call *call, struct err *reterr);
void http_call_release(struct http_call *call); /* to the spare ones, or for good */
void http_call_close_spare(struct http_client *c);

/* http_easy.c */
int http_easy_setup(struct http_call *call, struct err *reterr);
void http_easy_connect_to(struct http_call *call);

/* http_map.c: what an ended transfer means. `message` goes to call->message;
 * a local fault is REASON_PROBER. */
struct http_verdict {
    enum reason reason;
    bool local_fault;
};
struct http_verdict http_map_failure(struct http_call *call, CURLcode code);
struct http_verdict http_map_deadline(struct http_call *call);
bool http_is_local_errno(const struct http_call *call, int errnum);
bool http_is_unreachable_errno(int errnum); /* says nothing about other addresses */
int http_connect_errno(const struct http_call *call);
bool http_tcp_connected(const struct http_call *call);

/* Everything but reason and message. `address` has HTTP_ADDRESS_MAX bytes. */
#define HTTP_ADDRESS_MAX 128
void http_map_response(struct http_call *call, int64_t end_ns, char *address,
                       struct http_response *ret);
