/*
 * Incidents as rows. Alerts come to them, and open and close them, in the transaction of
 * the transition, so that nothing has to be remembered over a restart.
 */
#pragma once

#include "base/err.h"

struct alert_transition;
struct record_close_incident;
struct record_incident;
struct record_incident_note;
struct store;

/* For schema version 6. about: kind 'slo' or 'service'. alert: (condition, slo, objective,
 * since) is its life, which may come to several, one after another; fired: when it did. */
#define INCIDENT_SCHEMA                                                                            \
    "CREATE TABLE incident("                                                                       \
    " id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, severity INTEGER NOT NULL,"       \
    " opened INTEGER NOT NULL, opened_by TEXT NOT NULL,"                                           \
    " closed INTEGER NOT NULL DEFAULT 0, closed_by TEXT NOT NULL DEFAULT '',"                      \
    " began INTEGER NOT NULL DEFAULT 0, detected INTEGER NOT NULL DEFAULT 0,"                      \
    " restored INTEGER NOT NULL DEFAULT 0) STRICT;"                                                \
    "CREATE INDEX incident_closed ON incident(closed);"                                            \
    "CREATE TABLE incident_about("                                                                 \
    " incident INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,"                          \
    " PRIMARY KEY(incident, kind, name)) STRICT, WITHOUT ROWID;"                                   \
    "CREATE TABLE incident_alert("                                                                 \
    " id INTEGER PRIMARY KEY, incident INTEGER NOT NULL,"                                          \
    " condition TEXT NOT NULL, slo TEXT NOT NULL, objective TEXT NOT NULL,"                        \
    " since INTEGER NOT NULL, service TEXT NOT NULL, severity INTEGER NOT NULL,"                   \
    " fired INTEGER NOT NULL, long_window INTEGER NOT NULL, short_window INTEGER NOT NULL,"        \
    " told INTEGER NOT NULL, cleared INTEGER NOT NULL, resolved INTEGER NOT NULL,"                 \
    " UNIQUE(condition, slo, objective, since, incident)) STRICT;"                                 \
    "CREATE INDEX incident_alert_of ON incident_alert(incident, resolved);"                        \
    "CREATE TABLE incident_note("                                                                  \
    " id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL,"                            \
    " at INTEGER NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL) STRICT;"                      \
    "CREATE INDEX incident_note_of ON incident_note(incident, at);"

/* What a transition that has just been stored does to incidents. */
int incidents_take(struct store *s, const struct alert_transition *t, struct err *reterr);

int record_incident(struct store *s, const struct record_incident *r, struct err *reterr);
int record_incident_note(struct store *s, const struct record_incident_note *r, struct err *reterr);
int record_close_incident(struct store *s, const struct record_close_incident *r,
                          struct err *reterr);
