/* Alerts on their way to people; for telling*.c. */
#pragma once

#include "base/table.h"
#include "base/vec.h"
#include "engine/telling.h"

#include <uv.h>

/* What a worker makes of one; nobody else looks until it is done. */
struct tell_found {
    struct alert_transition t; /* `again`: as it was stored */
    struct alert_facts facts;
    struct message_alert alerts[ALERT_TEXT_MAX];
    size_t n;
    struct arena arena;
};

struct tell {
    struct tell *next;
    struct telling *telling;
    struct config *config; /* a reference */
    bool again;            /* of an earlier transition, which is in the store */
    bool told;             /* not waited for any more */
    int64_t made_ns;
    int64_t due_ns;       /* when it goes as it is */
    struct slo_view view; /* view.def NULL: a condition */
    struct condition condition;
    struct condition_subject who;
    struct condition_view seen;
    struct alert_transition t;
    struct arena arena; /* of its strings */
    struct tell_found found;
};

/* An alert that people take to be on. */
struct told {
    size_t index; /* in the list */
    bool expected;
    struct message_alert alert; /* the arena's */
    struct arena arena;
};

struct telling {
    struct telling_options o;
    struct config *config;
    struct tell *head, **tail;
    struct tell *working; /* with a worker; the head, or told already */
    int64_t flushed_ns;   /* the worker's: what was made before can be read */
    uv_work_t work;
    uv_timer_t timer;
    bool was_busy; /* idle() has not been called since there was something */
    bool reconcile;
    int64_t reconcile_us;
    bool late;                      /* see telling_late() */
    struct arena arena;             /* of `missing` */
    VEC(struct string_map) missing; /* while it is reconciled: labels that should be known */
    struct table by_print;
    VEC(struct told *) told;
};

struct severity_labels telling_names(const struct config *cfg);
/* To the dispatcher, and it is known. */
void telling_put(struct telling *t, const struct message_alert *alerts, size_t n, int64_t at_us);
/* A copy with nothing but the transition; then push it. */
struct tell *telling_new_tell(struct telling *t, const struct alert_transition *tr);
void telling_push(struct telling *t, struct tell *w);

/* telling_told.c */
void telling_note(struct telling *t, const struct message_alert *a);
void telling_hold(struct telling *t);
void telling_forget(struct telling *t);
