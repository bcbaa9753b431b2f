/*
 * An alert as receivers are told of it: labels and annotations (nines/message.h) from
 * a transition, what the tick knew, and what was looked up. Pure. docs/alerts.md lists
 * the names.
 *
 * To receivers an alert is its labels, and `severity` is one of them: an objective
 * whose severity changes is over under the old label and fires under the new one.
 */
#pragma once

#include "base/arena.h"
#include "engine/evaluate.h"
#include "nines/message.h"
#include "nines/report.h"
#include "slo/conditions.h"

#define ALERT_TEXT_MAX 2        /* what one transition may tell */
#define ALERT_TEXT_PROBES_MAX 5 /* failing probes that are named */
#define ALERT_TEXT_REASONS_MAX 3
#define ALERT_TEXT_QUOTE_MAX 200 /* characters of a piece of evidence */

/* A probe that fails, and why it did in the time of the incident. */
struct alert_probe {
    const char *id;
    const struct report_reason *reasons; /* falling count */
    size_t reason_count;
    const struct report_failure *evidence; /* its newest failure, or NULL */
};

/* What is not in memory. Zeroes and NULL: not known, and not said. */
struct alert_facts {
    const struct alert_probe *probes; /* the worst first */
    size_t probe_count;
    const struct annotation *deploy; /* the last one before the alert, of its probes */
    int64_t exhausts_at_us;          /* as a report says it */
    bool has_lost;                   /* of a resolve: */
    int64_t lost;                    /* whole bad events, or slices, since it began */
    double lost_ratio;               /* of the budget */
    int64_t incident;                /* that it belongs to, from 1 */
    const char *dashboard_url;       /* where the SLO has none of its own */
    const char *generator_url;
};

/*
 * Fills `ret` with what the transition tells, and returns how many that are: of an
 * escalation or a de-escalation the end of the old label, then the new one; else one.
 * t->notify is the caller's to look at. Everything is the arena's, or borrowed from
 * the definition and the arguments.
 */
size_t alert_text(const struct slo_view *view, const struct alert_transition *t,
                  const struct alert_facts *facts, const struct severity_labels *names,
                  struct arena *arena, struct message_alert ret[static ALERT_TEXT_MAX]);

/* The labels alone, by rising key: what a resolve needs when nothing else is known. */
struct string_map alert_labels(const struct slo_def *def, enum severity severity,
                               const struct severity_labels *names, struct arena *arena);

/* Whose condition it is; both NULL: the process's. */
struct condition_subject {
    const struct slo_def *slo;
    const struct probe_def *probe;
};

/* The labels alone, by rising key. */
struct string_map condition_labels(const struct condition *c, const struct condition_subject *who,
                                   enum severity severity, const struct severity_labels *names,
                                   struct arena *arena);

/* What alert_text() is, of a condition; `view` is as of the transition. Of `facts` no cost
 * is told. */
size_t condition_text(const struct condition *c, const struct condition_subject *who,
                      const struct condition_view *view, const struct alert_transition *t,
                      const struct alert_facts *facts, const struct severity_labels *names,
                      struct arena *arena, struct message_alert ret[static ALERT_TEXT_MAX]);
