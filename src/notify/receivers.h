/*
 * The services that a group of alerts can be told to. Each is one `*_configs` list of
 * an alertmanager.yml, with its keys, and one entry of this table: fields, what they
 * are where nothing is said, the request that a message becomes, and what an answer
 * means. All pure; whoever sends owns the loop.
 *
 * To add one: write src/notify/NAME.c with one `const struct receiver_type`, and add
 * it to the table in receivers.c. docs/receivers.md is the manual.
 */
#pragma once

#include "nines/config.h"
#include "nines/message.h"
#include "notify/outgoing.h"
#include "notify/verdict.h"

#include <stdbool.h>

/* What each specification begins with. */
struct receiver_common {
    bool send_resolved;
    struct http_access access;
};

struct receiver_type {
    const char *name; /* "slack"; the list is called slack_configs */
    const char *help;
    const struct field *fields;
    const void *defaults; /* what decoding starts from; spec_size bytes */
    size_t spec_size;     /* of a struct that begins with a struct receiver_common */
    /* Called when the fields are without error; reports to c->diag. */
    void (*prepare)(struct decode *c, const struct node *n, void *spec);
    /* Makes the request of a message that has alerts. `dedup_key` names this message
     * for ever: repeats have the same. `out` is initialised. -1: never to be sent. */
    int (*build)(const void *spec, const struct message *m, const char *dedup_key,
                 struct outgoing *out, struct err *reterr);
    void (*judge)(const struct http_response *r, int64_t now_us, struct verdict *ret);
};

extern const struct receiver_type receiver_alertmanager, receiver_discord, receiver_msteams,
    receiver_msteamsv2, receiver_ntfy, receiver_opsgenie, receiver_pagerduty, receiver_slack,
    receiver_telegram, receiver_webhook;

extern const struct receiver_type *const receiver_types[]; /* NULL-ended, by name */

/* By the name of its list, "slack_configs"; or NULL. */
const struct receiver_type *receiver_type_of(const char *list);

/* Decodes one element of such a list: the specification, in c's arena. Errors go to
 * c->diag; the result is complete only if there were none. */
void *receiver_decode(const struct receiver_type *type, struct decode *c, const struct node *n);

/* The fields that all have. `timeout` is ours. */
/* clang-format off */
#define RECEIVER_FIELDS                                                                            \
    {"send_resolved", FIELD_BOOL, offsetof(struct receiver_common, send_resolved),                 \
     .help = "tell the end of alerts as well"},                                                    \
    {"http_config", FIELD_OBJECT, offsetof(struct receiver_common, access),                        \
     .fields = access_fields, .help = "how the address is reached"},                               \
    {"timeout", FIELD_DURATION, offsetof(struct receiver_common, access.timeout_us),               \
     .min = 100000, .max = 120000000, .help = "of one attempt, 10s by default"}
#define TEXT_FIELD(key, at, said) {key, FIELD_CUSTOM, at, .decode = text_decode, .help = said}
/* clang-format on */
