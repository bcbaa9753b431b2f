/*
 * From alerts to messages: which groups there are, when each is told, to whom, and what
 * is held back. Pure: no clock, no threads, no I/O; time is an argument, and what is to
 * be stored or sent goes out through hooks. Not thread-safe.
 *
 *     put alerts -> route -> groups -> when a group is due: stages -> per integration:
 *     dedup -> send
 *
 * Groups behave as those of Alertmanager: the first flush is `group_wait` after the first
 * alert, or at once for an alert that began longer ago than that; then there is one each
 * `group_interval`, which tells an integration when alerts fire that it was not told of,
 * when some have resolved, when all is over, and else when `repeat_interval` has passed.
 * Resolved alerts leave the group after the flush, told or held back; a group without
 * alerts is gone at once, and what comes later begins a new one. In four things it
 * differs: flushes keep to their phase however late a tick comes; an alert that resolves
 * while it is held back is forgotten, so that it is told of when it fires again; that an
 * alert is over under one severity is not held back by the same alert under another; and
 * two routes of the same matchers and receiver share the group of an alert.
 *
 * What is stored, and what is repeated after a crash. The rows are alerts (the caller's,
 * with the `at_us` that they were put with), groups and entries of the notification log,
 * and outbox rows, one for each message. The hook calls of one dispatch_put() belong to
 * the transaction that stores the alert's state; those of one dispatch_tick() or
 * dispatch_configure() are one transaction. A crash
 *
 *   - before the state is committed: it is judged again from the results; nothing left.
 *   - after it, before a flush is: the alert is put again at the start and its group
 *     row says when it is due, which may be past: it is told at the first tick. If the
 *     flush had been computed, its messages had not left: outbox rows are sent only when
 *     they are committed. The message then told has a key of its own.
 *   - after log and outbox rows were committed: log and alerts agree, so the flush is not
 *     done again; the outbox row is sent at the start, with the dedup key in it.
 *   - after it was sent, before delivery was recorded: sent again from the same row, with
 *     the same dedup key. This alone is a repetition that a receiver can see.
 *   - after delivery was recorded: nothing is repeated.
 *
 * If a transaction fails and the process lives on, memory is ahead of the store: the
 * caller goes on trying the same rows, or starts anew from the store.
 */
#pragma once

#include "alert/notified.h"
#include "alert/silence.h"
#include "base/err.h"
#include "nines/message.h"
#include "nines/route.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISPATCH_ALERTS_MAX 10000
#define DISPATCH_GROUPS_MAX 10000
#define DISPATCH_KEY_MAX 64 /* bytes of a dedup key, NUL included */

struct dispatch;

struct dispatch_integration {
    const char *name; /* of its own in its receiver, and the same over reloads */
    bool send_resolved;
};

struct dispatch_receiver {
    const char *name;
    const struct dispatch_integration *at;
    size_t n;
};

/* Borrowed, until the next one takes its place. */
struct dispatch_config {
    const struct routing_def *routing;
    const struct dispatch_receiver *receivers; /* names are distinct */
    size_t receiver_count;
    const char *external_url; /* or "" */
};

/* A group as it is stored: by (group_key, receiver). */
struct dispatch_group {
    const char *group_key, *receiver;
    int64_t began_us;   /* the change of the alert that began it */
    int64_t next_us;    /* when it is due */
    int64_t flushed_us; /* its last flush; 0: none */
};

/* Why an alert is not told of. */
struct dispatch_hold {
    const char *stage; /* "inhibit", "silence", "interval", "limit" */
    const char *name;  /* the fingerprint of the alert that inhibits, the silence's id, the
                          interval's name; "" */
    const char *by;    /* that alert's name, the silence's author; "" */
    int64_t until_us;  /* 0: nobody can tell */
};

struct dispatch_send {
    const struct message *message;
    const char *receiver, *integration;
    const char *dedup_key; /* distinct for each message */
    enum notified_why why;
};

/* Any of them may be NULL. What they are given is valid during the call; they must not
 * call back into the dispatcher. */
struct dispatch_hooks {
    /* A message for the outbox. Its entry in the log follows by `told`. */
    void (*send)(void *ctx, const struct dispatch_send *s);
    void (*told)(void *ctx, const struct notified *entry);
    void (*group)(void *ctx, const struct dispatch_group *g);
    /* The group is gone, and with it its entries in the log. */
    void (*gone)(void *ctx, const struct dispatch_group *g);
    /* At a flush. */
    void (*held)(void *ctx, const struct dispatch_group *g, const struct message_alert *a,
                 const struct dispatch_hold *hold);
    /* A resolved alert is in no group any more: it may be forgotten. */
    void (*done)(void *ctx, const char *fingerprint);
    void *ctx;
};

/* Never fails. */
struct dispatch *dispatch_new(const struct dispatch_config *config,
                              const struct dispatch_hooks *hooks);
void dispatch_free(struct dispatch *d); /* NULL is fine */

/* At the start, before any alert: what the hooks had stored. Rows that lie in the future
 * are taken for `now`. Entries without a group are passed over, and so are rows past the
 * maxima. Then all alerts are put again, silences are set, and the first tick lets go what
 * has no alerts any more. */
void dispatch_restore(struct dispatch *d, const struct dispatch_group *groups, size_t group_count,
                      const struct notified *entries, size_t entry_count, int64_t now_us);

/* The time to put a change with that happened at `t`: later than the last tick. */
int64_t dispatch_time(const struct dispatch *d, int64_t t_us);

/* An alert that is new or has changed, by its fingerprint; labels and annotations by
 * rising key; copied. `at_us`: when it changed, by dispatch_time(); at the start, that of
 * the row. A resolved alert was put firing before, if before a restart; one that is in no
 * group is done. -1: no room. It is counted, and
 * the caller, which has the alert stored, puts it again when there is. */
int dispatch_put(struct dispatch *d, const struct message_alert *a, int64_t at_us, int64_t now_us,
                 struct err *reterr);

/* All of them, instead of those of the last call; borrowed until the next one. */
void dispatch_silences(struct dispatch *d, const struct silence *list, size_t n);

/* Routes and receivers change: alerts are routed anew. A group whose key and receiver are
 * still there keeps what was told, and its phase unless its new wait ends sooner. */
void dispatch_configure(struct dispatch *d, const struct dispatch_config *config, int64_t now_us);

/* Flushes what is due, each group once, by the time it was due. A `now` that is not after
 * that of the last call counts as a microsecond after it, so instants are distinct. */
void dispatch_tick(struct dispatch *d, int64_t now_us);
/* When the next group is due; INT64_MAX: there is none. */
int64_t dispatch_next(const struct dispatch *d);

/* Each alert in each of its groups, and what holds it back at `now`: hold NULL is nothing.
 * An alert that found no room for a group has group NULL. Alerts by fingerprint. */
typedef void (*dispatch_alert_fn)(void *ctx, const struct message_alert *a,
                                  const struct dispatch_group *g, const struct dispatch_hold *hold);
void dispatch_each(struct dispatch *d, int64_t now_us, dispatch_alert_fn fn, void *ctx);

struct dispatch_stats {
    int64_t alerts, groups; /* now */
    int64_t groupless;      /* alerts that wait for room for a group, now */
    int64_t refused;        /* puts for which there was no room */
    int64_t flushes, messages, truncated;
};
void dispatch_get_stats(const struct dispatch *d, struct dispatch_stats *ret);
