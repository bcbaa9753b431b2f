/*
 * Alerts that are on, and how far people were told of them: the states of alerts, what
 * the dispatcher has stored, silences, and the routes of the configuration. Computed as
 * a daemon would at its start, so that it is there with and without one.
 *
 *     struct told t;
 *     if (told_read(config, reader, now_us, &t, reterr) < 0) return -1;
 *     ...
 *     told_release(&t);
 *
 * Reading blocks: not for the loop thread.
 */
#pragma once

#include "alert/dispatch.h"
#include "base/arena.h"
#include "base/err.h"
#include "nines/alert.h"
#include "nines/config.h"
#include "nines/message.h"
#include "nines/store_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an integration knows of an alert. */
struct told_integration {
    const char *name;
    int64_t at_us; /* of the last message about the group; 0: there was none */
    bool firing;   /* that message told of this alert */
};

/* A group that an alert is in. */
struct told_group {
    struct dispatch_group group;
    const struct dispatch_hold *hold; /* NULL: nothing holds it back */
    struct told_integration *at;      /* those of the receiver, by the configuration */
    size_t n;
};

struct told_on {
    struct message_alert alert; /* of one that nobody was told of: its labels alone */
    bool dispatched;            /* it is on its way, or was told */
    bool stated;                /* `of` is known; its texts live here too */
    struct alert_transition of; /* as store_reader_alerts() tells it */
    struct told_group *groups;
    size_t group_count;
};

struct told {
    struct arena arena; /* all of it */
    struct told_on *at; /* by start; those that are pending last */
    size_t n;
};

int told_read(const struct config *config, struct store_reader *r, int64_t now_us, struct told *ret,
              struct err *reterr);
void told_release(struct told *t);
