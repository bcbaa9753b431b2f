/*
 * Which alerts make an incident, and what its times are: the rules of docs/incidents.md.
 * Pure.
 *
 * An alert that pages opens an incident, unless it belongs to one. It belongs to an open
 * one that is about its service or its SLO, or else to one that was opened, or began as a
 * person says, within INCIDENT_TOGETHER_US of when it fired. Tickets, and what is muted,
 * come to incidents and open none. A page is over when it is resolved, or a ticket from then
 * on. An incident that an alert has opened is closed with its last page; for
 * INCIDENT_REOPEN_US a page of what it is about opens it again. What a person has closed
 * stays so.
 */
#pragma once

#include "nines/alert.h"
#include "nines/incident.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INCIDENT_TOGETHER_US (5 * USEC_PER_MIN)
#define INCIDENT_REOPEN_US (15 * USEC_PER_MIN)

/* Whether the transition is one by which an alert may come to an incident. */
bool incident_may_join(const struct alert_transition *t);
/* ... or open one. */
bool incident_may_open(const struct alert_transition *t);

/* When it was opened, or began as a person says, if that is earlier: alerts that fired more
 * than INCIDENT_TOGETHER_US before are none of it. */
int64_t incident_start(const struct incident *in);

/* Whether an alert that is in no incident belongs to this one, which may be one that it
 * opens again. */
bool incident_takes(const struct incident *in, const struct alert_transition *t);

/* The one of `list` (by rising id: open ones, and those closed lately) that it belongs to;
 * NULL: none. One about its SLO or service goes before one that was opened just now, an
 * open one before a closed one, a later one before an earlier one. */
const struct incident *incident_of(const struct incident *list, size_t n,
                                   const struct alert_transition *t);

/* What an alert is in its incident, from its first transition there on. */
struct incident_alert incident_alert_begin(const struct alert_transition *t);
void incident_alert_step(struct incident_alert *a, const struct alert_transition *t);

/* "api-availability", "api / goal", "no_data of api", "failures of api-health 3/5". */
void incident_title(const struct alert_transition *t, char *buf, size_t size);

/* `alerts_began_us`: when trouble began as the windows of its alerts tell; 0: they do not. */
struct incident_times incident_times(const struct incident *in, int64_t alerts_began_us);

/* Sorts them. */
struct incident_mean incident_mean(int64_t *spans_us, size_t n);
