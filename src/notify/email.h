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
#include "nines/config.h"
#include "nines/message.h"
#include "notify/kinds.h"
#include "notify/text.h"

#define EMAIL_RECIPIENTS_MAX 100
#define EMAIL_MAX ((size_t)8 << 20)

struct email_spec {
    struct notifier_spec base;
    struct template *to, *from; /* `to`: addresses that commas separate */
    struct text_map headers;    /* beside, or instead of, ours; Subject is one */
    struct template *subject, *html, *text;
};

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
