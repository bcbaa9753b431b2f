/*
 * What the smtp*.c files share. The life of a mail:
 *
 *   smtp_start      QUEUED      copied, waits for the loop's next turn
 *   smtp.c          TRUST       its CA bundle is being loaded
 *   smtp.c          RESOLVING   the name is looked up
 *   smtp_easy.c     CONNECTING  libcurl has it, up to AUTH
 *   smtp_talk.c     TALKING     MAIL to the answer to the mail
 *   smtp_talk.c     LEAVING     `done` was called; QUIT
 *   smtp.c          ENDED       memory waits for its handles
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "io/http_internal.h"
#include "io/smtp.h"

#include <curl/curl.h>
#include <sys/queue.h>
#include <uv.h>

#define SMTP_LINE_MAX 512 /* of an answer that is kept */

enum smtp_state {
    SMTP_QUEUED,
    SMTP_TRUST,
    SMTP_RESOLVING,
    SMTP_CONNECTING,
    SMTP_TALKING,
    SMTP_LEAVING,
    SMTP_ENDED
};

enum smtp_step { STEP_MAIL, STEP_RCPT, STEP_DATA, STEP_BODY, STEP_QUIT };

struct smtp_call {
    struct http_transfer transfer;
    TAILQ_ENTRY(smtp_call) link;
    struct http_client *client;
    enum smtp_state state;
    struct arena arena;
    struct smtp_request req; /* copied; `data` is in `mail` */
    const char *refused;     /* why it never starts, or NULL */
    smtp_done_fn done;
    void *ctx;

    uv_timer_t deadline;
    uv_poll_t poll;
    bool polling; /* `poll` is a handle */
    int handles;  /* that are not closed */

    CURL *easy;
    CURLU *url;
    bool added;
    char host[RESOLVE_MAX_NAME];
    struct cert_store *store;
    struct cert_seen cert;
    struct resolve_wait *wait;
    struct resolve_addrs addrs;
    size_t addr; /* the one being tried */
    struct curl_slist connect_to;
    char connect_to_text[80];
    int socket_errno;
    int64_t added_ns, end_by_ns;
    char errbuf[CURL_ERROR_SIZE];

    /* the dialogue */
    char doing[32]; /* the last command; "" before the first */
    bool in_auth;   /* what we say is a secret */
    bool too_long;
    size_t heard; /* bytes */
    int code;     /* of the last answer */
    char line[SMTP_LINE_MAX];

    enum smtp_step step;
    size_t rcpt, accepted;
    bool deferred; /* a recipient was refused for now only */
    char refusal[SMTP_LINE_MAX];
    struct str mail; /* as it goes over the wire */
    const char *out; /* what is still to be written */
    size_t out_len;
    struct str command;
    struct str input; /* an unfinished line of the server */
    char message[1024];
};

/* smtp.c */
void smtp_finish(struct smtp_call *call, enum smtp_outcome outcome); /* `message` is set */
void smtp_end(struct smtp_call *call);   /* no `done`; the memory goes with the handles */
void smtp_leave(struct smtp_call *call); /* TALKING -> LEAVING, for a while at most */
void smtp_ended(struct http_transfer *t, CURLcode code);
/* A line of the server, without its end: counted, kept and shown. False: too much. */
bool smtp_heard(struct smtp_call *call, const char *line, size_t n);
void smtp_said(struct smtp_call *call, const char *text, size_t n);

/* smtp_easy.c */
int smtp_easy_parse(struct smtp_call *call, struct err *reterr);
int smtp_easy_setup(struct smtp_call *call, struct err *reterr);
void smtp_easy_connect(struct smtp_call *call); /* to the address of `addr` */
void smtp_easy_remove(struct smtp_call *call);
bool smtp_easy_tcp_connected(const struct smtp_call *call);
/* What a failure to connect, secure and log in means; fills in `message`. */
enum smtp_outcome smtp_easy_failure(struct smtp_call *call, CURLcode code);

/* smtp_talk.c */
void smtp_talk(struct smtp_call *call); /* connected, and logged in */
void smtp_talk_deadline(struct smtp_call *call);
