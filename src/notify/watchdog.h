/*
 * The watchdog: word to somebody outside, every minute or so, that this process lives and
 * does its work; when it stays away he knows that nobody watches.
 *
 * It is given while watchdog_alive() was called within WATCHDOG_PATIENCE_US, which the
 * engine does as long as its loop turns and what it wants stored is committed. To an
 * address it is a plain request; to a receiver it is an alert that always fires:
 * alertname="Watchdog", severity="none". It goes to all integrations of the receiver at
 * once, past routes, groups, inhibition and silences, the breaker and the rate, and is not
 * stored: what could not be delivered is not tried again, as the next one says more. One
 * still under way when the next is due takes its place.
 *
 * Lives on the notify thread; what other threads may call says so.
 */
#pragma once

#include "base/units.h"
#include "nines/config.h"
#include "nines/notifier.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watchdog;

#define WATCHDOG_PATIENCE_US USEC_PER_MIN
#define WATCHDOG_AGAIN_US USEC_PER_SEC /* after one that was withheld */

struct watchdog_options {
    const struct notifier_env *env; /* outlives it; its `show` is not used */
    struct config *config;          /* a reference is taken */
    /* Time for intervals; NULL: CLOCK_MONOTONIC. With one nothing is done but by
     * watchdog_turn(). */
    int64_t (*mono_us)(void *ctx);
    void *ctx;
};

struct watchdog *watchdog_new(const struct watchdog_options *o);
/* What is under way is cancelled; the memory goes when the loop has turned. */
void watchdog_close(struct watchdog *w);

/* As `config` has it from now on; takes a reference. */
void watchdog_configure(struct watchdog *w, struct config *config);

/* Does what is due. */
void watchdog_turn(struct watchdog *w);

/* Any thread: the process does its work. */
void watchdog_alive(struct watchdog *w);

struct watchdog_stats {
    bool on; /* there is one in the configuration */
    int64_t every_us;
    int64_t delivered, failed; /* since the start */
    int64_t withheld;          /* times that the process was found not to do its work */
    bool silent;               /* and is, as of the last look */
    int64_t last_us;           /* the last that was delivered, env->now_us; 0: none */
    char detail[256];          /* of the last that failed; "" if the last did not */
};

void watchdog_get_stats(struct watchdog *w, struct watchdog_stats *ret); /* any thread */
