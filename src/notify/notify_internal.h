/*
 * What the files of the notify thread share: notify.c is its life, notify_turn.c what it
 * does, notify_hand.c what others hand to it.
 */
#pragma once

#include "base/arena.h"
#include "notify/desk.h"
#include "notify/lanes.h"
#include "notify/notify.h"
#include "notify/orders.h"
#include "notify/unrecorded.h"
#include "notify/watchdog.h"

#include <pthread.h>
#include <uv.h>

struct notify {
    struct notify_options opts;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;    /* the next thing that is due */
    uv_timer_t patience; /* runs from the stop on */

    pthread_mutex_t mutex; /* guards this paragraph */
    pthread_cond_t synced_cond;
    struct orders inbox;
    uint64_t tickets, synced;
    bool stop;
    int64_t patience_us;
    struct notify_stats stats; /* pending counts inbox and lanes */
    struct arena shown_arena;
    struct notify_lane_stats *shown;
    size_t shown_count;

    /* notify thread only */
    struct lane_owner owner;
    struct lanes lanes;
    struct desk *desk;
    struct unrecorded unrecorded;
    struct watchdog *watchdog; /* NULL until the loop is there */
    uint64_t random_state;
    bool stopping, closing;
};

/* ---- notify_turn.c: on the notify thread ------------------------------------------------- */

void turn_init(struct notify *n); /* lanes, desk and the rest, before there is a thread */
void turn_release(struct notify *n);
void turn_on_wake(uv_async_t *wake);
