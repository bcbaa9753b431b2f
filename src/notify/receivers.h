/*
 * What the kinds that HTTP reaches share: how a specification begins, and the fields that
 * all have.
 */
#pragma once

#include "nines/config.h"
#include "nines/message.h"
#include "nines/notifier.h"
#include "notify/kinds.h"
#include "notify/outgoing.h"
#include "notify/verdict.h"

#include <stdbool.h>

struct receiver_common {
    struct notifier_spec base;
    struct http_access access;
};

/* What each prepare() begins with: `http_config` where the receiver has none comes from the
 * `global` block, and both are checked. */
void receiver_prepare(struct decode *c, const struct node *n, const struct node *global,
                      struct receiver_common *common);

/* A value that `global` has and the receiver has not. `n`: the receiver's map; `key` and
 * key_file are those of the receiver, `from` and from_file those of the block. What was set
 * before stays. Whether there is one now. */
bool receiver_global_secret(struct decode *c, const struct node *n, const char *key,
                            const struct node *global, const char *from, struct secret *out);
/* The same of an address that may be shown. */
void receiver_global_url(struct decode *c, const struct node *n, const char *key,
                         const struct node *global, const char *from, const char **out);

/* An address for FIELD_CUSTOM, a struct secret. Written as it is, it may be shown: there is
 * no warning, and no `source`. */
void receiver_address_decode(struct decode *c, const struct node *n, void *out);

/* Once all is decoded: an `alertmanager` whose alerts would end before they are told again is
 * an error. */
void alertmanager_check(const struct config *cfg, struct decode *c);

/* `timeout` is ours. */
/* clang-format off */
#define RECEIVER_FIELDS                                                                            \
    {"send_resolved", FIELD_BOOL, offsetof(struct receiver_common, base.send_resolved),            \
     .help = "tell the end of alerts as well"},                                                    \
    {"http_config", FIELD_OBJECT, offsetof(struct receiver_common, access),                        \
     .fields = access_fields, .help = "how the address is reached"},                               \
    {"timeout", FIELD_DURATION, offsetof(struct receiver_common, access.timeout_us),               \
     .min = 100000, .max = 120000000, .help = "of one attempt, 10s by default"}
#define ADDRESS_FIELDS(key, at, said)                                                              \
    {key, FIELD_CUSTOM, at, .decode = receiver_address_decode, .help = said},                      \
    {key "_file", FIELD_CUSTOM, at, .decode = secret_decode_file,                                  \
     .help = "file with the value of " key}
#define TEXT_FIELD(key, at, said) {key, FIELD_CUSTOM, at, .decode = text_decode, .help = said}
/* clang-format on */
