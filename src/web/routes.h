/*
 * What is served where: one table in routes.c. To add a route, write its
 * handler there (or in a file of its own) and add its line.
 */
#pragma once

#include "io/httpd.h"
#include "web/job.h"
#include "web/web.h"

#include <stdbool.h>

/* One listener's view of the daemon; lives as long as the server. */
struct routes {
    const struct web_options *opts;
    struct jobs *jobs;
    bool control; /* the control socket: routes that change something too */
};

/* Answers the call or hands it to a job; `begin` of the HTTP server. */
void routes_begin(void *ctx, struct httpd_call *call);
