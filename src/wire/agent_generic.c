/* Agents with a protocol of their own: a document or a stream, read by configured paths. */
#include "wire/agent_internal.h"

#include "base/mem.h"
#include "wire/utf8.h"

#include <string.h>

static const struct agent_paths no_paths;

static const struct agent_paths *paths_of(const struct agent_talk *t)
{
    return t->ask->paths ? t->ask->paths : &no_paths;
}

static int generic_next(struct agent_talk *t, struct agent_request *ret, struct err *reterr)
{
    const char *body = t->ask->body;
    if (t->step > 0)
        return 0;
    if (body && strlen(body) > AGENT_BODY_MAX)
        return err_set(reterr, "a request of more than 4 MiB");
    ret->method = body ? "POST" : "GET";
    ret->url = t->ask->url;
    ret->body = body;
    ret->body_len = body ? strlen(body) : 0;
    ret->what = "request";
    ret->stream = t->codec->streams;
    ret->answer = true;
    agent_headers(ret, NULL);
    return 1;
}

/* ---- values ---------------------------------------------------------------------- */

static bool has_something(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        return json_object_size(v) > 0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_INTEGER:
    case JSON_REAL:
        return json_number_value(v) != 0;
    default:
        return json_is_true(v);
    }
}

/* As text, which the caller frees; NULL: it says nothing. */
static char *value_text(const json_t *v, size_t *ret_n)
{
    *ret_n = 0;
    if (!v || json_is_null(v))
        return NULL;
    if (json_is_string(v)) {
        *ret_n = json_string_length(v);
        char *copy = mem_alloc(*ret_n + 1);
        memcpy(copy, json_string_value(v), *ret_n);
        return copy;
    }
    char *text = agent_json_text(v);
    *ret_n = text ? strlen(text) : 0;
    return text;
}

static void read_name(char *dst, const struct agent_path *path, json_t *doc)
{
    size_t n;
    mem_auto char *text = value_text(agent_path_get(path, doc), &n);
    if (n > 0)
        utf8_copy(dst, AGENT_NAME_MAX, text, n);
}

static unsigned read_text(struct agent_answer *a, const struct agent_path *path, json_t *doc,
                          unsigned (*say)(struct agent_answer *, const char *, size_t))
{
    size_t n;
    mem_auto char *text = value_text(agent_path_get(path, doc), &n);
    return n > 0 ? say(a, text, n) : 0;
}

static unsigned begin_call(struct agent_answer *a, const json_t *name)
{
    return json_string_length(name) > 0 ? agent_call(a, a->calls, json_string_value(name), "", 0)
                                        : 0;
}

/* A name begins a call; arguments are of the latest one. */
static unsigned read_tool(struct agent_answer *a, const struct agent_paths *p, json_t *doc)
{
    json_t *tool = agent_path_get(p->tool, doc), *name;
    json_t *arguments = agent_path_get(p->arguments, doc);
    unsigned bits = begin_call(a, tool);
    size_t i;
    json_array_foreach(tool, i, name)
    {
        bits |= begin_call(a, name);
    }
    if (arguments && !json_is_null(arguments))
        bits |= agent_json_call(a, a->calls > 0 ? a->calls - 1 : 0, NULL, arguments);
    return bits;
}

/* What is no text of the answer. */
static void read_usage(struct agent_answer *a, const struct agent_paths *p, json_t *doc)
{
    read_name(a->model, p->model, doc);
    read_name(a->finish, p->finish, doc);
    agent_json_count(a, &a->tokens_in, agent_path_get(p->tokens_in, doc));
    agent_json_count(a, &a->tokens_out, agent_path_get(p->tokens_out, doc));
    agent_json_count(a, &a->tokens_cached, agent_path_get(p->tokens_cached, doc));
    agent_json_count(a, &a->tokens_reasoning, agent_path_get(p->tokens_reasoning, doc));
    agent_json_cost(a, agent_path_get(p->cost, doc));
    agent_check_tokens(a);
}

static unsigned read_pieces(struct agent_answer *a, const struct agent_paths *p, json_t *doc)
{
    unsigned bits = read_text(a, p->reasoning, doc, agent_reason);
    bits |= read_text(a, p->text, doc, agent_say);
    return bits | read_tool(a, p, doc);
}

/* Whether values of a document are looked for, besides those that end it. */
static bool looks(const struct agent_paths *p)
{
    return p->text || p->reasoning || p->tool || p->arguments || p->model || p->finish ||
           p->tokens_in || p->tokens_out || p->tokens_cached || p->tokens_reasoning || p->cost;
}

/* The error of a document, or NULL. */
static json_t *error_in(const struct agent_match *m, json_t *doc)
{
    json_t *error = agent_matches(m) ? agent_path_get(m->path, doc) : agent_json_get(doc, "error");
    return has_something(error) ? error : NULL;
}

/* ---- json ------------------------------------------------------------------------ */

static unsigned json_document(struct agent_talk *t, const char *json, size_t n)
{
    struct agent_answer *a = &t->answer;
    const struct agent_paths *p = paths_of(t);
    struct err err;
    json_t *doc = agent_json_read(json, n, &err);
    if (!doc)
        return agent_fail(a, AGENT_MALFORMED, "the document is not JSON: %s", err.msg);
    json_t *error = error_in(&p->error, doc);
    unsigned bits = error ? agent_json_error(a, error) : AGENT_END;
    read_usage(a, p, doc);
    bits |= read_pieces(a, p, doc);
    if (!p->text && !error)
        bits |= agent_say(a, json, n);
    json_decref(doc);
    return bits;
}

static unsigned json_event(struct agent_talk *t, const struct sse_event *e)
{
    (void)e;
    return agent_fail(&t->answer, AGENT_MALFORMED, "a stream of events; expected a document");
}

const struct agent_codec agent_json_codec = {
    .name = "json",
    .help = "any agent that answers by a JSON document",
    .documents = true,
    .keys = "body read",
    .needs = "",
    .next = generic_next,
    .event = json_event,
    .document = json_document,
};

/* ---- sse ------------------------------------------------------------------------- */

static bool matches(const struct agent_match *m, const struct sse_event *e, json_t *doc)
{
    return (m->event && strcmp(m->event, e->name) == 0) ||
           (m->data && strcmp(m->data, e->data) == 0) ||
           has_something(agent_path_get(m->path, doc));
}

static unsigned event_error(struct agent_answer *a, const struct agent_match *m,
                            const struct sse_event *e, json_t *doc)
{
    json_t *error = error_in(m, doc);
    if (!error)
        error = agent_json_get(doc, "error");
    if (error || json_is_object(doc))
        return agent_json_error(a, error ? error : doc);
    return agent_fail(a, AGENT_ERROR, "%s", e->data_len > 0 ? e->data : "an error event");
}

/* Text of an event that is not its end. */
static unsigned event_pieces(struct agent_talk *t, const struct sse_event *e, json_t *doc)
{
    struct agent_answer *a = &t->answer;
    const struct agent_paths *p = paths_of(t);
    bool container = json_is_object(doc) || json_is_array(doc);
    if (p->text && !doc)
        return agent_fail(a, AGENT_MALFORMED, "an event is not JSON");
    unsigned bits = doc ? read_pieces(a, p, doc) : 0;
    if (!p->text && !(looks(p) && container))
        bits |= agent_say(a, e->data, e->data_len);
    return bits;
}

static unsigned sse_decode(struct agent_talk *t, const struct sse_event *e, json_t *doc)
{
    struct agent_answer *a = &t->answer;
    const struct agent_paths *p = paths_of(t);
    bool mine = !p->event || strcmp(p->event, e->name) == 0;
    bool ends = matches(&p->end, e, doc);
    bool fails = agent_matches(&p->error)
                     ? matches(&p->error, e, doc)
                     : strcmp(e->name, "error") == 0 || (mine && error_in(&p->error, doc));
    if (fails)
        return event_error(a, &p->error, e, doc);
    if (!ends && !p->event && agent_is_ping(e))
        return AGENT_PING;
    if (!mine && !ends)
        return 0;
    read_usage(a, p, doc);
    if (!ends)
        return event_pieces(t, e, doc);
    /* The last event may bring the last piece with it. */
    return AGENT_END | (mine && doc ? read_pieces(a, p, doc) : 0);
}

static unsigned sse_event(struct agent_talk *t, const struct sse_event *e)
{
    json_t *doc = agent_json_read(e->data, e->data_len, NULL);
    unsigned bits = sse_decode(t, e, doc);
    json_decref(doc);
    return bits;
}

static unsigned sse_document(struct agent_talk *t, const char *json, size_t n)
{
    struct agent_answer *a = &t->answer;
    json_t *doc = agent_json_read(json, n, NULL);
    json_t *error = error_in(&paths_of(t)->error, doc);
    unsigned bits = error
                        ? agent_json_error(a, error)
                        : agent_fail(a, AGENT_MALFORMED, "a document; expected a stream of events");
    json_decref(doc);
    return bits;
}

static unsigned sse_closed(struct agent_talk *t)
{
    return agent_matches(&paths_of(t)->end) ? 0 : AGENT_END;
}

const struct agent_codec agent_sse_codec = {
    .name = "sse",
    .help = "any agent that answers by a stream of server-sent events",
    .streams = true,
    .keys = "body read",
    .needs = "",
    .next = generic_next,
    .event = sse_event,
    .document = sse_document,
    .closed = sse_closed,
};
