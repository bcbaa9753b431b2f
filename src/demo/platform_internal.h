/* What the routes of the sample platform share. */
#pragma once

#include "demo/dice.h"
#include "demo/fault.h"
#include "demo/platform.h"
#include "demo/server.h"
#include "demo/traffic.h"

#include <stdbool.h>
#include <uv.h>

struct platform {
    uv_loop_t loop;
    uv_timer_t second;
    uv_signal_t interrupt, terminate;
    struct server *server;
    struct dice dice;
    struct traffic traffic;
    struct incident incidents[INCIDENTS_MAX];
    size_t incident_count;
    int64_t started_us; /* monotonic */
    FILE *out;
    int64_t next_id; /* of executions and completions */
};

/* One request on its way through its route. */
struct call {
    struct platform *p;
    const struct request *request;
    struct reply *reply;
    struct fault fault; /* FAULT_NONE: all is well */
    const char *lost;   /* the dependency that is lost, or NULL */
    const char *id;     /* the {id} of the path, or NULL */
    size_t id_len;
};

int64_t platform_uptime(const struct platform *p); /* us */

/* Median and spread of how long the answer takes. */
void call_takes(struct call *c, double median_us, double sigma);

/* Replaces what the reply holds by {"error": text}, or by nothing if `text` is NULL. */
void call_fail(struct call *c, int status, const char *text);

/* The body as an object that the caller releases, or NULL after the reply says why not. */
struct json_t *call_object(struct call *c);

void route_execute(struct call *c);  /* execute.c */
void route_chat(struct call *c);     /* openai.c */
void route_messages(struct call *c); /* anthropic.c */
void route_events(struct call *c);   /* events.c */
void route_mcp(struct call *c);      /* mcp.c */
void route_mcp_leave(struct call *c);
void route_a2a_card(struct call *c); /* a2a.c */
void route_a2a(struct call *c);
