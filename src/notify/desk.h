/*
 * The dispatcher (alert/dispatch.h) with what it stands on: the snapshot whose routes it
 * follows, its silences, its clock, and the rows that it wants kept. No threads, no I/O.
 *
 * Until desk_restore() nothing is dispatched; alerts that are put before it wait, and are
 * put after the ones that an earlier process left and before anything is told: so what is
 * found to be over at a start is not told of first.
 *
 * With `told_time` the time is what desk_time() was told last: the same calls in the same
 * order give the same rows.
 */
#pragma once

#include "alert/dispatch.h"
#include "nines/config.h"
#include "nines/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct desk;
struct order;

struct desk_options {
    struct config *config; /* a reference is taken */
    bool told_time;
    int64_t now_us; /* to begin with */
    /* Rows to keep, one transaction; valid during the call. It must not call back. */
    void (*rows)(void *ctx, const struct dispatch_row *rows, size_t n);
    void *ctx;
};

struct desk *desk_new(const struct desk_options *o);
void desk_free(struct desk *d);

/* `now_us` of each is that of the clock; with `told_time` it is not looked at. The order is
 * taken over: of ORDER_RESTORE, ORDER_ALERTS and ORDER_SILENCES. */
void desk_restore(struct desk *d, struct order *o, int64_t now_us);
void desk_put(struct desk *d, struct order *o, int64_t now_us);
void desk_silences(struct desk *d, struct order *o);
void desk_configure(struct desk *d, struct config *config, int64_t now_us); /* takes a reference */

/* Tells the time; flushes what is due by then, with `told_time` each group at the time it
 * was due, else all of them now. */
void desk_time(struct desk *d, int64_t now_us);

/* When desk_time() is wanted: INT64_MAX for not at all, as always with `told_time`. */
int64_t desk_due_us(const struct desk *d);

void desk_get_stats(const struct desk *d, struct dispatch_stats *ret);
