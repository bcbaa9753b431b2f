/*
 * `email_configs`: the mail that a message becomes, and the envelope it goes in. Pure.
 *
 * Message-ID is made of the dedup key, so a repeat is the same mail to whoever looks;
 * References and In-Reply-To are made of the group's key, so that mail programs show all
 * that is told of a group as one thread. Header values and addresses are templates.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "io/smtp.h"
#include "nines/config.h"
#include "nines/message.h"
#include "notify/kinds.h"
#include "notify/text.h"

#include <stdbool.h>

#define EMAIL_RECIPIENTS_MAX 100
#define EMAIL_MAX ((size_t)8 << 20)
#define EMAIL_TIMEOUT_US (30 * (int64_t)1000000) /* where nothing is said */

/* How the server is reached: of the element, else of `global: smtp_*`. */
struct email_server {
    const char *smarthost; /* as written: "mail.example.org:587" */
    const char *host;      /* without brackets */
    int port;
    enum smtp_security security;
    const char *hello;
    const char *username, *identity;
    struct secret password, secret; /* one of them; `secret` is for CRAM-MD5 */
    bool require_tls;               /* as written, if it was */
    struct email_tls {
        const char *ca_file, *cert_file, *key_file, *server_name;
        bool insecure;
    } tls;
    int64_t timeout_us;
};

struct email_spec {
    struct notifier_spec base;
    struct template *to, *from; /* `to`: addresses that commas separate */
    struct text_map headers;    /* beside, or instead of, ours; Subject is one */
    struct template *subject, *html, *text;
    struct email_server server;
};

/* Of a struct email_spec; what they do not say, and what must not be, is prepare's. */
extern const struct field email_fields[];
void email_prepare(struct decode *c, const struct node *n, const struct node *global, void *spec);
/* The part of it that is about the server (email_server.c). */
extern const struct field email_tls_fields[];
void email_prepare_server(struct decode *c, const struct node *n, const struct node *global,
                          struct email_spec *s);

/* Addresses alone: "ops@example.org". */
struct email {
    struct str data; /* the mail, CRLF and all; dots at the start of lines as they are */
    struct str from;
    struct str to[EMAIL_RECIPIENTS_MAX];
    size_t to_count;
};

void email_init(struct email *e);
void email_release(struct email *e);

/* -1: never to be sent: an address that is none, too many of them, too long. */
int email_build(const struct email_spec *spec, const struct message *m, const char *dedup_key,
                struct email *ret, struct err *reterr);
