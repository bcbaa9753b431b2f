/* Anthropic's messages, plain and streamed. */
#include "wire/agent_internal.h"

#include "base/json.h"
#include "base/mem.h"

#include <string.h>

#define STREAM "\"stream\":true"
#define VERSION "anthropic-version: 2023-06-01"
#define NOT_TOLD (-2)
#define MAX_TOKENS 1000 /* has to be said; what is taken where it is not */

/* The content blocks that call tools. */
struct anthropic_state {
    struct {
        int64_t index;
        size_t slot;               /* of the answer's calls */
        bool whole;                /* its arguments came as it began */
    } blocks[AGENT_TOOLS_MAX + 1]; /* the last place is of the latest one past those kept */
    size_t n;
    int64_t input, created, read; /* tokens, as told; -1: absurdly, NOT_TOLD */
};

/* ---- the request ----------------------------------------------------------------- */

static int compose(struct agent_talk *t, struct agent_request *r, struct err *reterr)
{
    const struct agent_ask *ask = t->ask;
    if (!ask->model || !ask->prompt)
        return err_set(reterr, "a model and a prompt are needed, or a body");
    struct str out;
    str_init(&out, AGENT_BODY_MAX);
    str_add(&out, "{\"model\":");
    json_add_string(&out, ask->model);
    str_addf(&out, ",\"max_tokens\":%lld",
             (long long)(ask->max_tokens > 0 ? ask->max_tokens : MAX_TOKENS));
    if (ask->system) {
        str_add(&out, ",\"system\":");
        json_add_string(&out, ask->system);
    }
    str_add(&out, ",\"messages\":[{\"role\":\"user\",\"content\":");
    json_add_string(&out, ask->prompt);
    str_add(&out, "}]");
    if (ask->tools)
        str_addf(&out, ",\"tools\":%s", ask->tools);
    str_add(&out, ask->stream ? "," STREAM "}" : ",\"stream\":false}");
    return agent_body(t, r, &out, reterr);
}

static int anthropic_next(struct agent_talk *t, struct agent_request *ret, struct err *reterr)
{
    if (t->step > 0)
        return 0;
    struct anthropic_state *s = arena_alloc(&t->arena, sizeof(*s));
    s->input = s->created = s->read = NOT_TOLD;
    t->state = s;
    ret->url = t->ask->url;
    ret->what = "message";
    ret->stream = t->ask->stream;
    ret->answer = true;
    int rc = t->ask->body ? agent_body_given(t, ret, STREAM, reterr) : compose(t, ret, reterr);
    agent_headers(ret, VERSION);
    return rc < 0 ? -1 : 1;
}

/* ---- tokens ---------------------------------------------------------------------- */

/* input_tokens are those that no cache had a part in: all that went in is the sum. */
static void read_input(struct agent_talk *t, const json_t *usage)
{
    struct anthropic_state *s = t->state;
    struct agent_answer *a = &t->answer;
    agent_json_tokens(a, &s->input, usage, "input_tokens");
    agent_json_tokens(a, &s->created, usage, "cache_creation_input_tokens");
    agent_json_tokens(a, &s->read, usage, "cache_read_input_tokens");
    a->tokens_in = a->tokens_cached = -1;
    if (s->input < 0 || s->created == -1 || s->read == -1)
        return;
    agent_tokens(a, &a->tokens_in,
                 s->input + (s->created > 0 ? s->created : 0) + (s->read > 0 ? s->read : 0));
    if (s->read >= 0)
        a->tokens_cached = s->read;
}

/* ---- content --------------------------------------------------------------------- */

static size_t begin_block(struct agent_talk *t, const json_t *index, bool whole)
{
    struct anthropic_state *s = t->state;
    size_t at = s->n < AGENT_TOOLS_MAX ? s->n : AGENT_TOOLS_MAX;
    s->blocks[at].index = json_integer_value(index);
    s->blocks[at].slot = t->answer.calls;
    s->blocks[at].whole = whole;
    s->n = at + 1;
    return t->answer.calls;
}

/* The place of the block in `blocks`, or -1: it calls no tool. */
static int find_block(const struct anthropic_state *s, const json_t *index)
{
    for (size_t i = s->n; i-- > 0;) {
        if (s->blocks[i].index == json_integer_value(index))
            return (int)i;
    }
    return -1;
}

static bool is_tool_use(const char *type)
{
    size_t n = type ? strlen(type) : 0;
    return n >= 8 && strcmp(type + n - 8, "tool_use") == 0;
}

/* A block as it begins, or the whole of it in a document. */
static unsigned read_block(struct agent_talk *t, const json_t *index, const json_t *block)
{
    struct agent_answer *a = &t->answer;
    const char *type = json_string_value(json_object_get(block, "type"));
    size_t n;
    const char *text;
    if (str_eq(type, "text")) {
        text = agent_json_string(block, "text", &n);
        return agent_say(a, text, n);
    }
    if (str_eq(type, "thinking") || str_eq(type, "redacted_thinking")) {
        text = agent_json_string(block, type[0] == 't' ? "thinking" : "data", &n);
        return type[0] == 't' ? agent_reason(a, text, n) : AGENT_REASONING;
    }
    if (!is_tool_use(type))
        return 0;
    json_t *input = json_object_get(block, "input");
    bool whole = !index || json_object_size(input) > 0;
    size_t slot = begin_block(t, index, whole);
    return agent_json_call(a, slot, json_string_value(json_object_get(block, "name")),
                           whole ? input : NULL);
}

static unsigned read_delta(struct agent_talk *t, const json_t *index, const json_t *delta)
{
    struct anthropic_state *s = t->state;
    struct agent_answer *a = &t->answer;
    const char *type = json_string_value(json_object_get(delta, "type")), *text;
    size_t n;
    if (str_eq(type, "text_delta")) {
        text = agent_json_string(delta, "text", &n);
        return agent_say(a, text, n);
    }
    if (str_eq(type, "thinking_delta")) {
        text = agent_json_string(delta, "thinking", &n);
        return agent_reason(a, text, n);
    }
    if (!str_eq(type, "input_json_delta"))
        return 0;
    int at = find_block(s, index);
    if (at < 0)
        return agent_fail(a, AGENT_MALFORMED, "input_json_delta of a block that has not begun");
    text = agent_json_string(delta, "partial_json", &n);
    return s->blocks[at].whole ? 0 : agent_call(a, s->blocks[at].slot, NULL, text, n);
}

/* A call without arguments has those of an empty object. */
static void end_block(struct agent_talk *t, const json_t *index)
{
    const struct anthropic_state *s = t->state;
    int at = find_block(s, index);
    if (at < 0 || s->blocks[at].slot >= t->answer.tool_count)
        return;
    struct agent_tool *tool = &t->answer.tools[s->blocks[at].slot];
    if (tool->arguments.len == 0)
        str_add(&tool->arguments, "{}");
}

static void read_finish(struct agent_answer *a, const json_t *holder)
{
    agent_json_name(a->finish, holder, "stop_reason");
    if (strcmp(a->finish, "refusal") == 0)
        a->refused = true;
}

/* ---- events and documents -------------------------------------------------------- */

static unsigned on_start(struct agent_talk *t, const json_t *doc)
{
    json_t *message = json_object_get(doc, "message");
    if (!json_is_object(message))
        return agent_fail(&t->answer, AGENT_MALFORMED, "message_start without a message");
    agent_json_name(t->answer.model, message, "model");
    /* Its output_tokens are those of a first piece, not of the answer. */
    read_input(t, json_object_get(message, "usage"));
    return 0;
}

static unsigned on_block_start(struct agent_talk *t, const json_t *doc)
{
    json_t *block = json_object_get(doc, "content_block"), *index = json_object_get(doc, "index");
    if (!json_is_object(block) || !json_is_integer(index))
        return agent_fail(&t->answer, AGENT_MALFORMED, "content_block_start without a block");
    return read_block(t, index, block);
}

static unsigned on_block_delta(struct agent_talk *t, const json_t *doc)
{
    json_t *delta = json_object_get(doc, "delta"), *index = json_object_get(doc, "index");
    if (!json_is_object(delta) || !json_is_integer(index))
        return agent_fail(&t->answer, AGENT_MALFORMED, "content_block_delta without a delta");
    return read_delta(t, index, delta);
}

static unsigned on_block_stop(struct agent_talk *t, const json_t *doc)
{
    end_block(t, json_object_get(doc, "index"));
    return 0;
}

static unsigned on_message_delta(struct agent_talk *t, const json_t *doc)
{
    json_t *usage = json_object_get(doc, "usage");
    read_finish(&t->answer, json_object_get(doc, "delta"));
    read_input(t, usage);
    agent_json_tokens(&t->answer, &t->answer.tokens_out, usage, "output_tokens");
    return 0;
}

static unsigned on_stop(struct agent_talk *t, const json_t *doc)
{
    (void)t, (void)doc;
    return AGENT_END;
}

static unsigned on_ping(struct agent_talk *t, const json_t *doc)
{
    (void)t, (void)doc;
    return AGENT_PING;
}

/* {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}} */
static unsigned on_error(struct agent_talk *t, const json_t *doc)
{
    json_t *error = agent_json_get(doc, "error");
    return agent_json_error(&t->answer, error ? error : doc);
}

/* What is not in here is new, and says nothing of the answer. */
static const struct {
    const char *type;
    unsigned (*on)(struct agent_talk *t, const json_t *doc);
} event_types[] = {
    {"content_block_delta", on_block_delta},
    {"content_block_start", on_block_start},
    {"content_block_stop", on_block_stop},
    {"message_start", on_start},
    {"message_delta", on_message_delta},
    {"message_stop", on_stop},
    {"ping", on_ping},
    {"error", on_error},
};

static unsigned anthropic_event(struct agent_talk *t, const struct sse_event *e)
{
    json_t *doc = agent_json_object(&t->answer, "event", e->data, e->data_len);
    if (!doc)
        return AGENT_MALFORMED;
    const char *type = json_string_value(json_object_get(doc, "type"));
    unsigned bits = 0;
    if (!type)
        bits = agent_fail(&t->answer, AGENT_MALFORMED, "an event without a type");
    for (size_t i = 0; type && i < countof(event_types); i++) {
        if (strcmp(event_types[i].type, type) == 0)
            bits = event_types[i].on(t, doc);
    }
    json_decref(doc);
    return bits;
}

static unsigned read_document(struct agent_talk *t, const json_t *doc)
{
    struct agent_answer *a = &t->answer;
    json_t *content = json_object_get(doc, "content"), *block;
    json_t *usage = json_object_get(doc, "usage");
    unsigned bits = 0;
    size_t i;
    if (agent_json_get(doc, "error"))
        return on_error(t, doc);
    if (!json_is_array(content))
        return agent_fail(a, AGENT_MALFORMED, "the document has neither content nor an error");
    json_array_foreach(content, i, block)
    {
        bits |= read_block(t, NULL, block);
    }
    agent_json_name(a->model, doc, "model");
    read_finish(a, doc);
    read_input(t, usage);
    agent_json_tokens(a, &a->tokens_out, usage, "output_tokens");
    return bits | AGENT_END;
}

static unsigned anthropic_document(struct agent_talk *t, const char *json, size_t n)
{
    json_t *doc = agent_json_object(&t->answer, "document", json, n);
    if (!doc)
        return AGENT_MALFORMED;
    unsigned bits = read_document(t, doc);
    json_decref(doc);
    return bits;
}

const struct agent_codec agent_anthropic_codec = {
    .name = "anthropic",
    .help = "Anthropic's messages",
    .streams = true,
    .documents = true,
    .chat = true,
    .keys = "system prompt max_tokens tools body stream",
    .needs = "model prompt",
    .path = "/messages",
    .next = anthropic_next,
    .event = anthropic_event,
    .document = anthropic_document,
};
