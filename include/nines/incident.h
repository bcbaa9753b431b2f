/*
 * Incidents: what went wrong, from when to when, and who noticed. An alert or a person
 * opens one. The rules, and what the times mean: docs/incidents.md; the rules as code:
 * slo/incidents.h.
 */
#pragma once

#include "nines/config.h"
#include "nines/slo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INCIDENT_TITLE_MAX 200  /* bytes of a title */
#define INCIDENT_TEXT_MAX 1024  /* of a note */
#define INCIDENT_NAME_MAX 512   /* of the name of an SLO, a service or a person */
#define INCIDENT_NAMES_MAX 1000 /* SLOs, or services, that somebody names */

/* An alert from when it comes to the incident until it is over: (condition, slo,
 * objective_name) as in nines/alert.h, since `since_us`. What pages is over when it is a
 * ticket; if it pages again later, it may come to another incident. */
struct incident_alert {
    const char *condition, *slo, *objective_name, *service;
    enum severity severity; /* the highest */
    int64_t since_us;
    int64_t fired_us;          /* of the transition by which it came to the incident, */
    int64_t long_us, short_us; /* and the windows of its tier; 0: it is no burn rate */
    int64_t told_us;           /* people were first told; 0: they were not */
    int64_t cleared_us;        /* it does not fire any more; 0: it does */
    int64_t resolved_us;       /* it is over; 0: it is not */
};

struct incident_note {
    int64_t at_us;
    const char *author, *text;
};

/* Times are 0 where there are none. Texts are the owner's. */
struct incident {
    int64_t id; /* from 1 */
    const char *title;
    enum severity severity; /* the highest of its alerts, and what a person says */
    int64_t opened_us;
    const char *opened_by;                      /* "": an alert did */
    int64_t closed_us;                          /* 0: it is open */
    const char *closed_by;                      /* "": its last page did, when it was over */
    int64_t began_us, detected_us, restored_us; /* as a person says */
    struct string_list slos, services;          /* what it is about */
    struct incident_alert *alerts;              /* in the order in which they came */
    size_t alert_count;
    struct incident_note *notes; /* oldest first */
    size_t note_count;
};

/* Instants are 0, spans -1, where they are not known. */
struct incident_times {
    int64_t began_us;    /* the trouble */
    int64_t detected_us; /* somebody was told, or a person opened it */
    int64_t restored_us; /* it was over */
    int64_t detect_us;   /* from its beginning to its detection; 0 if that came before */
    int64_t restore_us;  /* from its beginning to its end */
    bool alerted;        /* an alert of it was sent */
};

/* What it took of the budget of an objective. */
struct incident_spent {
    const struct slo_def *def;
    int64_t bad; /* events, or slices, from its beginning to its end */
    bool has_ratio;
    double ratio; /* of the budget of the window that is looked at */
};

struct incident_case {
    struct incident incident;
    struct incident_times times;
    struct incident_spent *spent; /* of a report; only where something was bad */
    size_t spent_count;
};

/* What several come to; of none -1. */
struct incident_mean {
    size_t n;
    int64_t mean_us, median_us; /* of an even number the mean of the middle two; floored */
};
