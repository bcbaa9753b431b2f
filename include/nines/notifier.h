/*
 * The contract of a receiver kind.
 *
 * To add one: write src/notify/NAME.c with one `const struct notifier_kind`
 * and add its line to the table in src/engine/kinds.c.
 *
 * Runs on the notify thread with its own loop and its own HTTP client. send()
 * begins one delivery and returns at once; `done` is called exactly once
 * unless the delivery is cancelled.
 */
#pragma once

#include "nines/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;

/* A configured receiver. Immutable; lives in its config snapshot. */
struct receiver_def {
    const char *name;
    struct pos pos;
    const struct notifier_kind *kind;
    void *spec;
};

/* A message ready to go: `payload` is the JSON document of the outbox row
 * (docs/alerts.md shows it), so that what is sent is what was committed. */
struct notification {
    int64_t outbox_id; /* 0 while unrecorded */
    const char *dedup_key;
    const char *payload;
    bool unrecorded;
};

enum delivery { DELIVERY_OK, DELIVERY_RETRY, DELIVERY_REJECTED };

typedef void (*notifier_done_fn)(void *ctx, enum delivery d, const char *detail,
                                 int64_t retry_after_us);

struct notifier_env {
    struct http_client *http;
};

struct notifier_kind {
    const char *name; /* the key in YAML: `webhook:` */
    const char *help;
    const struct field *fields;
    size_t spec_size;
    void (*prepare)(struct decode *c, const struct node *n, void *spec);
    /* Returns the delivery, for cancel(); NULL when `done` was called already,
     * from inside send(). `def` and `n` stay valid until done or cancel. */
    void *(*send)(struct notifier_env *env, const struct receiver_def *def,
                  const struct notification *n, notifier_done_fn done, void *ctx);
    void (*cancel)(void *delivery); /* no callback will come; NULL if send() never waits */
};
