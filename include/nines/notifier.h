/*
 * Receivers, and the contract of a kind of integration.
 *
 * A receiver is a name with integrations, each a way to tell somebody: `slack_configs`
 * of an alertmanager.yml is a list of such, and `slack: {...}` beside the receiver's
 * name is a list of one. To add a kind: write src/notify/NAME.c with one
 * `const struct notifier_kind`, and add its line to the table in src/engine/kinds.c.
 *
 * A kind is either a service that HTTP reaches (build and judge, both pure), or it
 * sends by itself. All runs on the notify thread, with its own loop and HTTP client;
 * notify/send.h begins a delivery of either.
 */
#pragma once

#include "nines/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;
struct http_response;
struct uv_loop_s;
struct message;
struct outgoing;
struct verdict;

/* Immutable; lives in its config snapshot. */
struct integration_def {
    const char *name; /* of its own in its receiver, and the same over reloads: "slack", the
                         second one "slack 2" */
    const struct notifier_kind *kind;
    const struct notifier_spec *spec;
    struct pos pos;
};

struct receiver_def {
    const char *name;
    struct pos pos;
    int64_t rate;               /* messages in a minute that an integration gets at most; 0: as
                                   many as by default */
    struct integration_def *at; /* may be none: what goes there is told to nobody */
    size_t n;
};

/* What each specification begins with. */
struct notifier_spec {
    bool send_resolved;
};

/* One message. What is sent is what was committed. */
struct notification {
    int64_t outbox_id; /* 0 while unrecorded */
    const char *dedup_key;
    const struct message *message;
    bool unrecorded;
};

enum delivery { DELIVERY_OK, DELIVERY_RETRY, DELIVERY_REJECTED };

/* `detail`: one line for people, without secrets. */
typedef void (*notifier_done_fn)(void *ctx, enum delivery d, const char *detail,
                                 int64_t retry_after_us);

/* What was asked and answered, for people: `nines alerts test`. Without secrets. */
typedef void (*notifier_show_fn)(void *ctx, const char *line);

struct notifier_env {
    struct uv_loop_s *loop;
    struct http_client *http;     /* of that loop */
    int64_t (*now_us)(void *ctx); /* for what a Retry-After means */
    notifier_show_fn show;        /* NULL: nobody looks */
    void *ctx;
};

struct notifier_kind {
    const char *name; /* "slack"; its list is called slack_configs */
    const char *help;
    const struct field *fields;
    const void *defaults; /* what decoding starts from; spec_size bytes; NULL: zeroes */
    size_t spec_size;     /* of a struct that begins with a struct notifier_spec */
    /* Called when the fields are without error, with the `global:` block or NULL; reports
     * to c->diag. */
    void (*prepare)(struct decode *c, const struct node *n, const struct node *global, void *spec);

    /* Makes the request of a message that has alerts. `dedup_key` names this message for
     * ever: repeats have the same. `out` is initialised. -1: never to be sent. */
    int (*build)(const void *spec, const struct message *m, const char *dedup_key,
                 struct outgoing *out, struct err *reterr);
    void (*judge)(const struct http_response *r, int64_t now_us, struct verdict *ret);

    /* Or, instead of these two: begins one delivery and returns it, for cancel(). NULL when
     * `done` was called already, from inside send(). The integration and `n` stay valid
     * until done or cancel. */
    void *(*send)(struct notifier_env *env, const struct integration_def *def,
                  const struct notification *n, notifier_done_fn done, void *ctx);
    void (*cancel)(void *delivery); /* no callback will come; NULL if send() never waits */
};
