/*
 * OpenAI's chat completions, as OpenAI and Azure, vLLM, llama.cpp, Ollama, LiteLLM and
 * others speak it: plain and streamed.
 */
#include "wire/agent_internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "wire/utf8.h"

#include <ctype.h>
#include <string.h>

#define STREAM "\"stream\":true,\"stream_options\":{\"include_usage\":true}"

/* Which of the answer's calls a piece belongs to. Some servers number each of them 0 and
 * tell them apart by their ids alone. */
struct openai_state {
    struct {
        int64_t index;
        unsigned long long id;    /* its hash; 0: none */
        size_t slot;              /* of the answer's calls */
    } calls[AGENT_TOOLS_MAX + 1]; /* the last place is of the latest one past those kept */
    size_t n;
    char model[AGENT_NAME_MAX], fingerprint[AGENT_NAME_MAX];
};

/* ---- the request ----------------------------------------------------------------- */

/*
 * Models that take no `max_tokens`: OpenAI's o1 and later, gpt-5 and later, also behind
 * a "vendor/". All others take it, and older servers know nothing else.
 */
static bool counts_reasoning(const char *model)
{
    const char *slash = strrchr(model, '/');
    const char *name = slash ? slash + 1 : model;
    if (name[0] == 'o' && isdigit((unsigned char)name[1]))
        return true;
    long version = str_starts(name, "gpt-") && isdigit((unsigned char)name[4])
                       ? strtol(name + 4, NULL, 10)
                       : 0;
    return version >= 5 && version < 35; /* Azure's gpt-35 is 3.5 */
}

static int compose(struct agent_talk *t, struct agent_request *r, struct err *reterr)
{
    const struct agent_ask *ask = t->ask;
    if (!ask->model || !ask->prompt)
        return err_set(reterr, "a model and a prompt are needed, or a body");
    struct str out;
    str_init(&out, AGENT_BODY_MAX);
    str_add(&out, "{\"model\":");
    json_add_string(&out, ask->model);
    str_add(&out, ",\"messages\":[");
    if (ask->system) {
        str_add(&out, "{\"role\":\"system\",\"content\":");
        json_add_string(&out, ask->system);
        str_add(&out, "},");
    }
    str_add(&out, "{\"role\":\"user\",\"content\":");
    json_add_string(&out, ask->prompt);
    str_add(&out, "}]");
    if (ask->max_tokens > 0)
        str_addf(&out, ",\"%s\":%lld",
                 counts_reasoning(ask->model) ? "max_completion_tokens" : "max_tokens",
                 (long long)ask->max_tokens);
    if (ask->tools)
        str_addf(&out, ",\"tools\":%s", ask->tools);
    str_add(&out, ask->stream ? "," STREAM "}" : ",\"stream\":false}");
    return agent_body(t, r, &out, reterr);
}

static int openai_next(struct agent_talk *t, struct agent_request *ret, struct err *reterr)
{
    if (t->step > 0)
        return 0;
    t->state = arena_alloc(&t->arena, sizeof(struct openai_state));
    ret->url = t->ask->url;
    ret->what = "chat completion";
    ret->stream = t->ask->stream;
    ret->answer = true;
    int rc = t->ask->body ? agent_body_given(t, ret, STREAM, reterr) : compose(t, ret, reterr);
    agent_headers(ret, NULL);
    return rc < 0 ? -1 : 1;
}

/* ---- tokens ---------------------------------------------------------------------- */

/*
 * Some servers (xAI, Gemini's) count what was reasoned beside completion_tokens, not
 * among them. The total tells.
 */
static void add_reasoning(struct agent_answer *a, const json_t *usage)
{
    int64_t total = -1, in = a->tokens_in, out = a->tokens_out, reasoned = a->tokens_reasoning;
    json_t *told = json_object_get(usage, "total_tokens");
    if (json_is_integer(told))
        total = json_integer_value(told);
    if (in >= 0 && out >= 0 && reasoned > 0 && total == in + out + reasoned)
        agent_tokens(a, &a->tokens_out, out + reasoned);
}

static void read_usage(struct agent_answer *a, const json_t *usage)
{
    if (!json_is_object(usage))
        return;
    agent_json_tokens(a, &a->tokens_in, usage, "prompt_tokens");
    agent_json_tokens(a, &a->tokens_out, usage, "completion_tokens");
    agent_json_tokens(a, &a->tokens_cached, json_object_get(usage, "prompt_tokens_details"),
                      "cached_tokens");
    agent_json_tokens(a, &a->tokens_reasoning, json_object_get(usage, "completion_tokens_details"),
                      "reasoning_tokens");
    add_reasoning(a, usage);
    agent_check_tokens(a);
}

/* ---- pieces ---------------------------------------------------------------------- */

static void read_model(struct agent_talk *t, const json_t *doc)
{
    struct openai_state *s = t->state;
    char *model = t->answer.model;
    agent_json_name(s->model, doc, "model");
    agent_json_name(s->fingerprint, doc, "system_fingerprint");
    if (!s->fingerprint[0] || !s->model[0]) {
        str_copy(model, AGENT_NAME_MAX, s->model);
        return;
    }
    mem_auto char *both = mem_printf("%s (%s)", s->model, s->fingerprint);
    utf8_copy(model, AGENT_NAME_MAX, both, strlen(both));
}

static size_t call_index(struct agent_talk *t, const json_t *call)
{
    struct openai_state *s = t->state;
    size_t id_len;
    const char *id = agent_json_string(call, "id", &id_len);
    json_t *told = json_object_get(call, "index");
    unsigned long long hash = id_len > 0 ? str_hash(id, id_len) | 1 : 0;
    int64_t index = json_is_integer(told) ? json_integer_value(told) : -1;
    if (index < 0 && hash == 0)
        return t->answer.calls > 0 ? t->answer.calls - 1 : 0;
    /* The latest one first: pieces without an id belong to it. */
    for (size_t i = s->n; i-- > 0;) {
        bool same = hash == 0 || s->calls[i].id == 0 || s->calls[i].id == hash;
        if (s->calls[i].index == index && same) {
            s->calls[i].id = hash ? hash : s->calls[i].id;
            return s->calls[i].slot;
        }
    }
    size_t at = s->n < AGENT_TOOLS_MAX ? s->n : AGENT_TOOLS_MAX;
    s->calls[at].index = index;
    s->calls[at].id = hash;
    s->calls[at].slot = t->answer.calls;
    s->n = at + 1;
    return t->answer.calls;
}

/* `whole`: each of them is there once, with or without a number. */
static unsigned read_calls(struct agent_talk *t, const json_t *message, bool whole)
{
    unsigned bits = 0;
    size_t i;
    json_t *call, *old = agent_json_get(message, "function_call");
    json_array_foreach(json_object_get(message, "tool_calls"), i, call)
    {
        json_t *function = json_object_get(call, "function");
        const char *name = json_string_value(json_object_get(function, "name"));
        size_t index = whole ? t->answer.calls : call_index(t, call);
        bits |= agent_json_call(&t->answer, index, name, json_object_get(function, "arguments"));
    }
    if (old)
        bits |= agent_json_call(&t->answer, 0, json_string_value(json_object_get(old, "name")),
                                json_object_get(old, "arguments"));
    return bits;
}

/* A whole message, or what a chunk adds to it. */
static unsigned read_message(struct agent_talk *t, const json_t *message, bool whole)
{
    struct agent_answer *a = &t->answer;
    size_t n;
    const char *text = agent_json_string(message, "reasoning_content", &n);
    if (n == 0)
        text = agent_json_string(message, "reasoning", &n);
    unsigned bits = agent_reason(a, text, n);
    bits |= agent_json_say(a, json_object_get(message, "content"));
    text = agent_json_string(message, "refusal", &n);
    if (n > 0)
        a->refused = true;
    bits |= agent_say(a, text, n);
    return bits | read_calls(t, message, whole);
}

/* The first of several; NULL: there is none. */
static json_t *first_choice(const json_t *choices)
{
    size_t i;
    json_t *choice;
    json_array_foreach(choices, i, choice)
    {
        if (json_integer_value(json_object_get(choice, "index")) == 0)
            return choice;
    }
    return NULL;
}

static unsigned read_choice(struct agent_talk *t, const json_t *choice)
{
    struct agent_answer *a = &t->answer;
    json_t *message = agent_json_get(choice, "delta");
    json_t *error = agent_json_get(choice, "error");
    unsigned bits =
        read_message(t, message ? message : agent_json_get(choice, "message"), !message);
    read_usage(a, json_object_get(choice, "usage")); /* where Moonshot's is */
    agent_json_name(a->finish, choice, "finish_reason");
    if (strcmp(a->finish, "content_filter") == 0)
        a->refused = true;
    return error ? bits | agent_json_error(a, error) : bits;
}

/* The error that a chunk or document is or holds; or 0. */
static unsigned read_error(struct agent_talk *t, const json_t *doc, bool is_one)
{
    json_t *error = agent_json_get(doc, "error");
    const char *object = json_string_value(json_object_get(doc, "object"));
    if (error)
        return agent_json_error(&t->answer, error);
    if (is_one || str_eq(object, "error") || agent_json_get(doc, "detail"))
        return agent_json_error(&t->answer, doc);
    return 0;
}

/* ---- events and documents -------------------------------------------------------- */

static bool is_done(const struct sse_event *e)
{
    const char *p = e->data + strspn(e->data, " \t");
    return str_starts(p, "[DONE]") && p[6 + strspn(p + 6, " \t\n")] == '\0';
}

static unsigned openai_event(struct agent_talk *t, const struct sse_event *e)
{
    struct agent_answer *a = &t->answer;
    if (is_done(e))
        return AGENT_END;
    if (agent_is_ping(e))
        return AGENT_PING;
    json_t *doc = agent_json_object(a, "event", e->data, e->data_len);
    if (!doc)
        return AGENT_MALFORMED;
    json_t *choices = agent_json_get(doc, "choices");
    json_t *usage = agent_json_get(doc, "usage");
    unsigned bits = read_error(t, doc, strcmp(e->name, "error") == 0);
    read_model(t, doc);
    read_usage(a, usage);
    if (json_is_array(choices))
        bits |= read_choice(t, first_choice(choices));
    else if (bits == 0 && !usage)
        bits = agent_fail(a, AGENT_MALFORMED, "an event with neither choices nor an error");
    json_decref(doc);
    return bits;
}

static unsigned openai_document(struct agent_talk *t, const char *json, size_t n)
{
    struct agent_answer *a = &t->answer;
    json_t *doc = agent_json_object(a, "document", json, n);
    if (!doc)
        return AGENT_MALFORMED;
    json_t *choice = first_choice(json_object_get(doc, "choices"));
    unsigned bits = read_error(t, doc, false);
    read_model(t, doc);
    read_usage(a, json_object_get(doc, "usage"));
    if (bits == 0 && !json_is_object(json_object_get(choice, "message")))
        bits = agent_fail(a, AGENT_MALFORMED,
                          "the document has neither a message in its choices nor an error");
    else if (choice)
        bits |= read_choice(t, choice);
    json_decref(doc);
    return bits & (AGENT_ERROR | AGENT_MALFORMED) ? bits : bits | AGENT_END;
}

const struct agent_codec agent_openai_codec = {
    .name = "openai",
    .help = "chat completions of OpenAI, Azure, vLLM, llama.cpp, Ollama, LiteLLM",
    .streams = true,
    .documents = true,
    .chat = true,
    .keys = "system prompt max_tokens tools body stream",
    .needs = "model prompt",
    .path = "/chat/completions",
    .next = openai_next,
    .event = openai_event,
    .document = openai_document,
};
