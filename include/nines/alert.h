/*
 * Burn-rate alerts: the state of one (SLO, objective) and its transitions.
 */
#pragma once

#include "nines/slo.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers are stored: append only. */
enum alert_phase { ALERT_INACTIVE, ALERT_FIRING, ALERT_COOLING, ALERT_PENDING };

/* Kept over restarts; zeroes are the initial state. */
struct alert_state {
    enum alert_phase phase;
    enum severity severity; /* highest while firing or cooling; pending: as it began */
    int64_t since_us;       /* when it began to fire; pending: to be pending */
    int64_t cooling_since_us;
    int64_t evaluated_us; /* last evaluation instant */
    uint32_t firing;      /* bit i: tier i of the SLO fires, or may not clear yet; to look at,
                             nothing is decided by it */
    enum severity told;   /* what people were told of; NONE: nothing, or that it is over */
};

enum alert_event_kind {
    ALERT_EVENT_FIRE,
    ALERT_EVENT_ESCALATE,
    ALERT_EVENT_DEESCALATE,
    ALERT_EVENT_COOL,
    ALERT_EVENT_REFIRE,
    ALERT_EVENT_RESOLVE,
    ALERT_EVENT_PEND, /* a tier fires, and has to for a while */
    ALERT_EVENT_CALM  /* it did not for so long */
};

/* What a transition says; one row, and one message where it notifies. */
struct alert_transition {
    /* NULL or "": of burn rates. Else the name of a condition (slo/conditions.h); `slo` is
     * then what it is about, an SLO, the id of a probe or "" of the process itself, and
     * `objective_name` tells apart several of that name: "3/5", "14d". An alert is
     * (condition, slo, objective_name). */
    const char *condition;
    const char *slo, *objective_name, *service;
    int64_t at_us;
    enum alert_event_kind kind;
    bool notify; /* false: stored, not sent: pending, cooling, refiring, and what is muted */
    enum severity severity;
    int64_t since_us;         /* when the incident began to fire */
    struct alert_state state; /* after it */
    /* cause: the tier that decided, in both windows */
    struct tier_def tier;
    struct counts long_counts, short_counts; /* of a composite `scrapes` is what was observed */
    int64_t long_expected, short_expected;
    double long_burn, short_burn; /* for people; decided in integers */
};

/* Whether people have, or would but for a mute have, heard of it. */
static inline bool alert_is_on(const struct alert_state *s)
{
    return s->phase == ALERT_FIRING || s->phase == ALERT_COOLING;
}

const char *alert_event_name(enum alert_event_kind k); /* "fire" */
const char *alert_phase_name(enum alert_phase p);
