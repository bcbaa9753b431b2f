/*
 * One mail to one server, asynchronously, on the loop and with the connections, names
 * and trusted certificates of an HTTP client (io/http.h).
 *
 * libcurl connects, secures and logs in. The envelope and the mail are spoken here:
 * libcurl's own way waits for the server's answers to the mail and to QUIT without
 * turning the loop.
 *
 * An answer 4xx, no answer and no connection mean that it may work later; 5xx means
 * that it will not. A server that takes some of the recipients gets the mail for these;
 * the result names the others. Whoever sends a mail again after a connection that broke
 * may have sent it twice: its Message-ID should be the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;
struct smtp_call;

#define SMTP_RECIPIENTS_MAX 100
#define SMTP_DATA_MAX ((size_t)16 << 20)
#define SMTP_REPLIES_MAX ((size_t)64 << 10) /* bytes that a server may say in all */

enum smtp_security {
    SMTP_STARTTLS,     /* or nothing is sent */
    SMTP_TLS,          /* from the first byte: port 465 */
    SMTP_OPPORTUNISTIC /* STARTTLS if it is offered, whatever the certificate */
};

struct smtp_request {
    const char *host; /* or address; IPv6 without brackets */
    int port;
    enum smtp_security security;
    bool insecure; /* no verification of the certificate */
    const char *ca_file, *cert_file, *key_file;
    const char *server_name; /* that the certificate is for, if it is not `host` */
    const char *hello;       /* who we are; NULL: "localhost" */

    /* NULL: not logged in, neither where the server does not offer it. */
    const char *user, *password;
    const char *identity; /* to act as, or NULL */
    bool cram;            /* the password is a secret for CRAM-MD5; else PLAIN or LOGIN */

    const char *from; /* addresses alone: "ops@example.org" */
    const char *const *to;
    size_t to_count;
    const char *data; /* any line ends are made CRLF, dots at the start of lines doubled */
    size_t data_len;

    int64_t timeout_us; /* everything; > 0 */

    /* What is said, line by line, "C: " or "S: " in front; passwords as "[secret]". May
     * run inside of curl: it may only look. NULL: nobody does. */
    void (*show)(void *ctx, const char *line);
    void *show_ctx;
};

enum smtp_outcome { SMTP_SENT, SMTP_LATER, SMTP_REFUSED };

/* Lives during the callback. `message` is one line, the server's own words in it, and
 * never empty; the password is not in it. */
typedef void (*smtp_done_fn)(void *ctx, enum smtp_outcome outcome, const char *message);

/* What `req` points to is copied. `done` comes exactly once, never from inside this
 * function, and may start, cancel and close. When it comes the server has the mail or
 * not; saying goodbye goes on behind it for SMTP_GOODBYE_US at most. */
#define SMTP_GOODBYE_US 2000000
struct smtp_call *smtp_start(struct http_client *c, const struct smtp_request *req,
                             smtp_done_fn done, void *ctx);
void smtp_cancel(struct smtp_call *call); /* before `done`: it will not come */
