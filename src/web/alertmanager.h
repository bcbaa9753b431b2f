/*
 * Alertmanager's API, version 2, as far as it is about what nines has: for amtool,
 * Grafana's Alertmanager data source, karma.
 *
 *     GET    /api/v2/status          the version; no configuration: it has secrets
 *     GET    /api/v2/alerts          alerts that are on, with what mutes them
 *     GET    /api/v2/alerts/groups   the same by receiver and group
 *     GET    /api/v2/receivers
 *     GET    /api/v2/silences        also those that are over
 *     POST   /api/v2/silences        makes one; with an id, in the place of that one
 *     GET    /api/v2/silence/ID
 *     DELETE /api/v2/silence/ID      ends it
 *
 * Alerts and silences are as stored, so at most a second old. Ids are numbers, where
 * Alertmanager has UUIDs. Errors are JSON texts.
 *
 * What changes something asks of a client over TCP what the control socket does: that it
 * is a process of our own user or of root. And it is no page in a browser, whose requests
 * come with an Origin, or by a Host that is not an address of this machine.
 */
#pragma once

#include "io/httpd.h"
#include "web/routes.h"

#include <stdbool.h>

/* Whether the path is one of these. */
bool alertmanager_serves(const char *path);

/* Answers the call or hands it to a job; the path is one that it serves. */
void alertmanager_begin(const struct routes *r, struct httpd_call *call);
