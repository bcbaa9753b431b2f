/*
 * JSON-RPC 2.0 as agents speak it over HTTP (mcp and a2a): requests with numbers, and
 * what comes back, as a document or in the events of a stream. For codecs alone.
 */
#pragma once

#include "wire/agent.h"

#include <jansson.h>

#define AGENT_RPC_BATCH_MAX 64 /* messages of one array */

/* What a result says; AGENT_* bits. `result` is an object, and borrowed. */
typedef unsigned (*agent_rpc_fn)(struct agent_talk *t, json_t *result);

/* What is expected. */
struct agent_rpc {
    int64_t id;       /* of the request that is out */
    const char *what; /* its method, for people */
    agent_rpc_fn result;
};

/*
 * Reads what came: its bits, 0 when it is not the response (the server's notifications
 * and requests). An error that the server tells is AGENT_ERROR, with the number as
 * error_code; what is no JSON-RPC, or the response to another request, AGENT_MALFORMED.
 */
unsigned agent_rpc_event(struct agent_talk *t, const struct agent_rpc *rpc,
                         const struct sse_event *e);
/* The same of a whole document, in which the response must be. */
unsigned agent_rpc_document(struct agent_talk *t, const struct agent_rpc *rpc, const char *json,
                            size_t n);

/* A request's body, NUL-terminated, in the talk's arena; `params` is JSON. With `id` 0 it
 * is a notification. */
const char *agent_rpc_request(struct agent_talk *t, int64_t id, const char *method,
                              const char *params);

/* Text of a JSON value, and how long it is; "" and 0 when it is none. */
const char *agent_rpc_text(json_t *object, const char *key, size_t *ret_len);
/* "name version" of an object that has them, as the model that answers. */
void agent_rpc_model(struct agent_answer *a, json_t *who);
/* Says what is no text in its own way: the JSON of `data`, or "[image/png]". */
unsigned agent_rpc_say_json(struct agent_answer *a, json_t *data);
unsigned agent_rpc_say_other(struct agent_answer *a, json_t *part, const char *kind);
