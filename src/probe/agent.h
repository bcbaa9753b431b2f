/*
 * The `agent` probe kind: an agent or a model is asked, and its answer measured while it
 * comes in. docs/agents.md is the manual, docs/nines.yaml.5 shows the keys.
 *
 *     agent.c          the kind and its keys
 *     agent_keys.c     what belongs together, and what does not
 *     agent_read.c     `read`: where a generic protocol keeps things
 *     agent_json.c     YAML that is sent as JSON
 *     agent_ask.c      what is asked, with its nonce; what that may come to
 *     agent_run.c      the life of a run: its requests one after the other
 *     agent_meter.c    the answer as it comes in: events, times, evidence
 *     agent_done.c     the verdict and the observation
 *     agent_wait.c     what a probe remembers: Retry-After, and what it used most
 */
#pragma once

#include "nines/config.h"
#include "nines/probe.h"
#include "probe/answer_expect.h"
#include "probe/http.h"
#include "wire/agent.h"

#include <stdbool.h>
#include <stdint.h>

#define AGENT_DEFAULT_BODY (8LL << 20) /* of max_body; nothing of a stream is kept */
#define AGENT_RETRY_AFTER_MAX_US (10 * 60 * 1000000LL)
#define AGENT_TOKENS_UNSAID 1000 /* what an answer may come to if max_tokens is not said */

/* The spec of an `agent` probe. */
struct agent_spec {
    struct http_spec http; /* url, headers, auth and the connection */
    const char *protocol;
    const char *model; /* also of a `body` that names one; NULL: none is named */
    const char *system, *prompt;
    int64_t max_tokens;                   /* also of a `body` that says it; 0: not said */
    bool stream;                          /* made by prepare: the answer comes as events */
    const char *body, *tools, *arguments; /* JSON, made from YAML or as written; or NULL */
    const char *tool;
    int64_t first_event_us, idle_us; /* 0: no such deadline */
    int64_t retry_after_max_us;      /* 0, after prepare: not honoured */
    struct spend_caps spend;
    struct agent_paths paths; /* from `read` */
    struct agent_expect expect;

    /* made by prepare() */
    const struct agent_codec *codec;
    int64_t worst_in, worst_out; /* tokens that a run may come to, before any has run */

    /* Of `model`, by `prices` of nines.yaml; NULL: what tokens cost is not known. Set by
     * the engine at the end of a load. */
    const struct price *price;
};

extern const struct probe_kind probe_agent;
