/*
 * What the alerts of a replay come to: how many there were, and how they meet the
 * incidents that somebody declared. Pure.
 *
 * An alert lasts from its first transition to its resolution, and counts if it was
 * ever sent. It belongs to an incident if the short window that it began to fire by
 * saw some of it, or if it still fired when the incident began.
 */
#pragma once

#include "base/vec.h"
#include "nines/alert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCORE_ALERTS_MAX 100000

/* `name`, `from_us` and `to_us` are given, with from < to. */
struct score_incident {
    const char *name;
    int64_t from_us, to_us;
    /* score_finish(): */
    bool judged;            /* begins within the span */
    size_t alerts;          /* that belong to it */
    enum severity severity; /* of the first that was sent; NONE: it was not detected */
    /* from its beginning to the first message, page, ticket; 0 if that was sent
     * before; from its end until none of them fired any more. -1: never */
    int64_t detected_us, page_us, ticket_us, reset_us;
};

struct score_alert {
    const char *slo, *objective_name; /* borrowed */
    int64_t from_us;
    int64_t saw_us;                      /* where the short window began */
    int64_t clear_us;                    /* nothing fired any more; 0: it fires */
    int64_t end_us;                      /* resolved; 0: not yet */
    int64_t told_us, page_us, ticket_us; /* when first sent; 0: never */
    bool right;                          /* belongs to an incident */
};

struct score {
    int64_t from_us, to_us; /* of the replay */
    VEC(struct score_alert) alerts;
    VEC(size_t) open; /* not resolved yet: places in `alerts` */
    int64_t transitions;
    bool full; /* there were more alerts */

    /* score_finish(): of alerts that were sent, as the highest they became */
    size_t pages, tickets;
    size_t muted;                      /* never sent */
    size_t firing;                     /* sent, and not resolved at the end */
    const struct score_alert *longest; /* NULL: there was none */
    size_t right;                      /* belong to an incident */
    size_t judged, detected;           /* incidents */
};

static inline size_t score_sent(const struct score *s)
{
    return s->pages + s->tickets;
}

void score_init(struct score *s, int64_t from_us, int64_t to_us);
void score_release(struct score *s);
/* In the order of the replay; the strings must live as long as the score. */
void score_take(struct score *s, const struct alert_transition *t);
void score_finish(struct score *s, struct score_incident *incidents, size_t n);
/* To the end of the replay if it was not resolved. */
int64_t score_length_us(const struct score *s, const struct score_alert *a);
