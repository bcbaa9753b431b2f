/*
 * What other threads hand to the notify thread: a list of orders, in their order. What an
 * order says is copied, so that nobody waits and nothing is shared.
 */
#pragma once

#include "alert/silence.h"
#include "base/arena.h"
#include "nines/message.h"
#include "nines/store_reader.h"

#include <stddef.h>
#include <stdint.h>

struct config;
struct item;

enum order_kind {
    ORDER_ALERTS,
    ORDER_TIME,
    ORDER_RESTORE,
    ORDER_SILENCES,
    ORDER_CONFIG,
    ORDER_ITEM,
    ORDER_SYNC,
    ORDER_GIVE_UP_ROWS, /* what is not committed will not be */
};

struct order {
    struct order *next;
    enum order_kind kind;
    struct arena arena; /* of the copies; whoever takes them empties it here */
    int64_t at_us;      /* of alerts, time */
    union {
        struct message_alert *alerts;
        struct silence *silences;
        struct dispatch_past past;
        struct config *config; /* a reference */
        struct item *item;
        uint64_t ticket; /* of a sync */
    };
    size_t n; /* alerts, silences */
};

struct order *order_new(enum order_kind kind);
struct order *order_alerts(const struct message_alert *alerts, size_t n, int64_t at_us);
struct order *order_restore(const struct dispatch_past *past);
struct order *order_silences(const struct silence *const *list, size_t n);
void order_free(struct order *o); /* with what nobody took */

struct orders {
    struct order *head, **tail;
};

void orders_init(struct orders *list);
void orders_push(struct orders *list, struct order *o);
struct order *orders_pop(struct orders *list); /* NULL: there is none */
/* All of `from`, behind those of `list`; `from` is empty then. */
void orders_move(struct orders *list, struct orders *from);
