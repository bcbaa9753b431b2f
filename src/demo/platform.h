/*
 * The sample platform: an agent service with the endpoints that such services
 * have, and faults by script, by request header and by request. A process of
 * its own; `nines demo serve` runs it.
 *
 * GET   /health                full health with its dependencies
 * GET   /live /livez           is the process alive
 * GET   /ready /readyz /health/ready   are its dependencies; 503 if not. With
 *                              ?form=list the body is [{"ready":...}, 503] and
 *                              the status stays 200, as one framework does it
 * GET   /version /metrics
 * POST  /v1/agents/{id}/execute        JSON
 * POST  /v1/agents/{id}/events         server-sent events of its own kind
 * POST  /v1/chat/completions           OpenAI's chat: JSON, or server-sent events
 * POST  /v1/messages                   Anthropic's messages: the same
 * POST  /mcp                           MCP over HTTP; tools search and summarize
 * GET   /.well-known/agent-card.json   A2A; POST /a2a is its agent
 * POST  /v1/alerts             a receiver for alerts; prints them
 * GET   /incidents             what the script holds
 * POST  /incidents             one more incident: demo/fault.h has the form
 *
 * A request header `X-Nines-Fault: FAULT` comes before the script.
 */
#pragma once

#include "base/err.h"
#include "demo/fault.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct platform_options {
    const char *listen;
    uint64_t seed;
    const struct incident *incidents;
    size_t incident_count;
    FILE *out; /* first line: "http://ADDRESS"; then what happens, line by line */
};

/* Serves until SIGINT or SIGTERM. */
int platform_run(const struct platform_options *o, struct err *reterr);
