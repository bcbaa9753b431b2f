#include "probe/agent.h"

#include "base/units.h"
#include "config/prices.h"
#include "io/url.h"
#include "probe/agent_keys.h"
#include "probe/agent_run.h"
#include "probe/agent_wait.h"

#define TYPE struct agent_spec

static const struct field agent_fields[] = {
    {"protocol", FIELD_CUSTOM, offsetof(TYPE, protocol), .flags = FIELD_REQUIRED,
     .decode = agent_decode_protocol,
     .help = "what the agent speaks: json, sse, openai, anthropic, mcp or a2a"},
    HTTP_URL_FIELD(TYPE, http),
    HTTP_HEADERS_FIELD(TYPE, http),
    HTTP_AUTH_FIELD(TYPE, http),
    {"model", FIELD_STRING, offsetof(TYPE, model),
     .help = "which one openai and anthropic ask; for all, whose price it is"},
    {"system", FIELD_STRING, offsetof(TYPE, system), .help = "what the model is told beforehand"},
    {"prompt", FIELD_STRING, offsetof(TYPE, prompt),
     .help = "what is asked; {nonce} is 16 hex digits, new for each run"},
    {"max_tokens", FIELD_INT, offsetof(TYPE, max_tokens), .min = 1, .max = ANSWER_TOKENS_MAX,
     .help = "how long the answer may be"},
    {"stream", FIELD_BOOL, offsetof(TYPE, stream),
     .help = "whether the answer comes as a stream; true by default where the protocol can"},
    {"tools", FIELD_CUSTOM, offsetof(TYPE, tools), .decode = agent_decode_tools,
     .help = "what the model may call, as the protocol has it; sent as JSON"},
    {"body", FIELD_CUSTOM, offsetof(TYPE, body), .decode = agent_decode_body,
     .help = "the request's JSON instead of model, system, prompt, max_tokens and tools"},
    {"tool", FIELD_STRING, offsetof(TYPE, tool), .help = "mcp: which tool to call"},
    {"arguments", FIELD_CUSTOM, offsetof(TYPE, arguments), .decode = agent_decode_arguments,
     .help = "mcp: with what"},
    {"read", FIELD_CUSTOM, offsetof(TYPE, paths), .decode = agent_decode_read,
     .help = "json, sse: where in a document or event things are"},
    {"first_event_timeout", FIELD_DURATION, offsetof(TYPE, first_event_us), .min = 1000,
     .help = "until the first event, since the request began"},
    {"idle_timeout", FIELD_DURATION, offsetof(TYPE, idle_us), .min = 1000,
     .help = "without an event; comments and pings are none"},
    {"retry_after_max", FIELD_CUSTOM, offsetof(TYPE, retry_after_max_us),
     .decode = agent_decode_wait,
     .help = "how long a Retry-After is honoured at most; 10m by default, 0s: not at all"},
    {"spend", FIELD_CUSTOM, offsetof(TYPE, spend), .decode = decode_spend,
     .help = "{hour: {tokens, cost}, day: {tokens, cost}}: what it may spend at most"},
    {"max_body", FIELD_SIZE, offsetof(TYPE, http.max_body), .min = 1, .max = HTTP_PROBE_MAX_BODY,
     .help = "a longer answer, unpacked, is a failure; 8MiB by default"},
    HTTP_CONNECTION_FIELDS(TYPE, http),
    {"expect", FIELD_OBJECT, offsetof(TYPE, expect), .fields = agent_expect_fields,
     .help = "what a good answer is like; by default any that is whole, says something and does "
             "not refuse"},
    {0},
};

static void prepare(struct decode *c, const struct node *n, const struct probe_def *def, void *spec)
{
    struct agent_spec *s = spec;
    struct http_spec *h = &s->http;
    const struct node *expect = n && n->kind == NODE_MAP ? node_get(n, "expect") : NULL;
    size_t errors = c->diag->errors;
    if (!s->protocol)
        return; /* required: already reported */
    agent_prepare_keys(c, n, def, s);
    h->method = "POST";
    if (!h->max_body)
        h->max_body = AGENT_DEFAULT_BODY;
    h->expect.certificate_days = s->expect.http.certificate_days;
    http_prepare(c, n, def, h);
    agent_expect_prepare(c, expect, def, s->stream, &s->expect);
    if (c->diag->errors > errors)
        expect_release(&h->expect);
}

static void release(void *spec)
{
    struct agent_spec *s = spec;
    agent_expect_release(&s->expect);
    expect_release(&s->http.expect);
}

static bool streams(const void *spec)
{
    return ((const struct agent_spec *)spec)->stream;
}

const struct probe_kind probe_agent = {
    .name = "agent",
    .help = "an agent or a model that is asked, and its answer measured as it comes in",
    .fields = agent_fields,
    .spec_size = sizeof(struct agent_spec),
    .answers = true,
    .streams = streams,
    .prepare = prepare,
    .release = release,
    .memory_new = agent_memory_new,
    .memory_free = agent_memory_free,
    .held = agent_held,
    .start = agent_run_start,
    .cancel = agent_run_cancel,
};
