/*
 * MCP over Streamable HTTP, in the revisions that begin with a handshake (2025-03-26 to
 * 2025-11-25): initialize, notifications/initialized, tools/list in as many pages as it
 * takes to find the tool, tools/call, and a DELETE of the session. The answer is what the
 * tool returns.
 */
#include "wire/agent_internal.h"
#include "wire/agent_rpc.h"

#include "base/json.h"
#include "base/mem.h"

#include <string.h>

#define PAGES_MAX (AGENT_STEPS_MAX - 3) /* beside initialize, initialized and the call */
#define CURSOR_MAX 4096
#define VERSION_MAX 32
#define NAMES_MAX 64 /* tools that are named when the wanted one is not there */

#define NEWEST "2025-11-25"
static const char *const versions[] = {NEWEST, "2025-06-18", "2025-03-26"};

enum phase { FIRST, INITIALIZE, INITIALIZED, LIST, CALL };

struct mcp {
    enum phase phase; /* of the request that is out */
    int64_t id;
    char version[VERSION_MAX]; /* that was agreed on; "" before */
    const char *cursor;        /* of the next page, or NULL */
    int pages;
    bool found;
    const char *names[NAMES_MAX];
    size_t name_count;
};

/* ---- what comes back ------------------------------------------------------------------- */

static unsigned on_initialized(struct agent_talk *t, json_t *result)
{
    struct mcp *m = t->state;
    const char *version = agent_rpc_text(result, "protocolVersion", NULL);
    for (size_t i = 0; i < countof(versions); i++) {
        if (str_eq(version, versions[i]))
            str_copy(m->version, sizeof(m->version), version);
    }
    if (!*m->version)
        return agent_fail(&t->answer, AGENT_ERROR,
                          "the server wants MCP '%.40s'; known are 2025-03-26, 2025-06-18 "
                          "and 2025-11-25",
                          version);
    agent_rpc_model(&t->answer, json_object_get(result, "serverInfo"));
    return AGENT_END;
}

static unsigned on_tools(struct agent_talk *t, json_t *result)
{
    struct mcp *m = t->state;
    json_t *tools = json_object_get(result, "tools"), *tool;
    size_t i, n;
    if (!json_is_array(tools))
        return agent_fail(&t->answer, AGENT_MALFORMED, "the result of tools/list has no tools");
    json_array_foreach(tools, i, tool)
    {
        const char *name = agent_rpc_text(tool, "name", NULL);
        m->found |= str_eq(name, t->ask->tool);
        if (*name && m->name_count < NAMES_MAX)
            m->names[m->name_count++] = arena_strdup(&t->arena, name);
    }
    const char *cursor = agent_rpc_text(result, "nextCursor", &n);
    if (n > CURSOR_MAX)
        return agent_fail(&t->answer, AGENT_MALFORMED,
                          "the cursor of tools/list is longer than %d bytes", CURSOR_MAX);
    m->cursor = n ? arena_strdup(&t->arena, cursor) : NULL;
    return AGENT_END;
}

static unsigned say_block(struct agent_talk *t, json_t *block)
{
    size_t n;
    const char *type = agent_rpc_text(block, "type", NULL), *text;
    if (str_eq(type, "text")) {
        text = agent_rpc_text(block, "text", &n);
        return agent_say(&t->answer, text, n);
    }
    json_t *resource = json_object_get(block, "resource");
    text = agent_rpc_text(resource, "text", &n);
    if (n)
        return agent_say(&t->answer, text, n);
    text = agent_rpc_text(block, "uri", &n);
    if (str_eq(type, "resource_link") && n)
        return agent_say(&t->answer, text, n);
    return agent_rpc_say_other(&t->answer, resource ? resource : block, *type ? type : "content");
}

static unsigned on_called(struct agent_talk *t, json_t *result)
{
    json_t *content = json_object_get(result, "content"), *block;
    json_t *structured = json_object_get(result, "structuredContent");
    unsigned bits = AGENT_END;
    size_t i;
    if (!json_is_array(content) && !structured)
        return agent_fail(&t->answer, AGENT_MALFORMED, "the result of tools/call has no content");
    json_array_foreach(content, i, block)
    {
        if (t->answer.text_bytes)
            agent_say(&t->answer, "\n", 1);
        bits |= say_block(t, block);
    }
    if (!t->answer.text_bytes && structured)
        bits |= agent_rpc_say_json(&t->answer, structured);
    if (json_is_true(json_object_get(result, "isError")))
        bits |= agent_fail(&t->answer, AGENT_ERROR, "the tool says that it failed: %.200s",
                           t->answer.text.len ? t->answer.text.buf : "nothing else");
    return bits;
}

static struct agent_rpc expected(const struct agent_talk *t)
{
    const struct mcp *m = t->state;
    struct agent_rpc rpc = {.id = m->id, .what = "initialize", .result = on_initialized};
    if (m->phase == LIST) {
        rpc.what = "tools/list";
        rpc.result = on_tools;
    } else if (m->phase == CALL) {
        rpc.what = "tools/call";
        rpc.result = on_called;
    }
    return rpc;
}

static unsigned mcp_event(struct agent_talk *t, const struct sse_event *e)
{
    const struct mcp *m = t->state;
    struct agent_rpc rpc = expected(t);
    return m->phase == INITIALIZED ? 0 : agent_rpc_event(t, &rpc, e);
}

static unsigned mcp_document(struct agent_talk *t, const char *json, size_t n)
{
    const struct mcp *m = t->state;
    struct agent_rpc rpc = expected(t);
    return m->phase == INITIALIZED ? AGENT_END : agent_rpc_document(t, &rpc, json, n);
}

/* ---- what is asked --------------------------------------------------------------------- */

static void put_headers(struct agent_talk *t, struct agent_request *r)
{
    const struct mcp *m = t->state;
    size_t n = 0;
    if (r->body)
        r->headers[n++] = "Content-Type: application/json";
    r->headers[n++] = "Accept: application/json, text/event-stream";
    if (*m->version)
        r->headers[n++] = arena_printf(&t->arena, "MCP-Protocol-Version: %s", m->version);
    if (*t->session)
        r->headers[n++] = arena_printf(&t->arena, "Mcp-Session-Id: %s", t->session);
    r->headers[n] = NULL;
}

/* A request with `params`, or a notification without. */
static int post(struct agent_talk *t, struct agent_request *r, enum phase phase, const char *method,
                const char *params)
{
    struct mcp *m = t->state;
    m->phase = phase;
    m->id += params ? 1 : 0;
    *r = (struct agent_request){.method = "POST", .url = t->ask->url, .what = method};
    r->body = agent_rpc_request(t, params ? m->id : 0, method, params);
    r->body_len = strlen(r->body);
    r->either = params != NULL;
    r->no_content = !params;
    r->answer = phase == CALL;
    put_headers(t, r);
    return 1;
}

static int post_list(struct agent_talk *t, struct agent_request *r)
{
    struct mcp *m = t->state;
    struct str params;
    str_init(&params, 8 * CURSOR_MAX);
    str_add(&params, "{");
    if (m->cursor) {
        str_add(&params, "\"cursor\":");
        json_add_string(&params, m->cursor);
    }
    str_add(&params, "}");
    m->cursor = NULL;
    m->pages++;
    int rc = post(t, r, LIST, "tools/list", arena_strndup(&t->arena, params.buf, params.len));
    str_release(&params);
    return rc;
}

static int post_call(struct agent_talk *t, struct agent_request *r)
{
    const struct mcp *m = t->state;
    const char *arguments = t->ask->arguments ? t->ask->arguments : "{}";
    struct str name;
    str_init(&name, 6 * AGENT_NAME_MAX * AGENT_NAME_MAX);
    json_add_string(&name, t->ask->tool);
    const char *params =
        arena_printf(&t->arena, "{\"name\":%s,\"arguments\":%s,\"_meta\":{\"progressToken\":%lld}}",
                     name.buf, arguments, (long long)m->id + 1);
    str_release(&name);
    return post(t, r, CALL, "tools/call", params);
}

static int no_such_tool(const struct agent_talk *t, struct err *reterr)
{
    const struct mcp *m = t->state;
    const char *near = m->name_count ? str_nearest(t->ask->tool, m->names, m->name_count) : NULL;
    if (m->cursor)
        return err_set(reterr, "tool '%s' is not on the first %d pages of the server's tools",
                       t->ask->tool, m->pages);
    if (near)
        return err_set(reterr, "the server has no tool '%s'; did you mean '%s'?", t->ask->tool,
                       near);
    return err_set(reterr, "the server has no tool '%s'%s%s", t->ask->tool,
                   m->name_count ? "; its first is " : "; it has none",
                   m->name_count ? m->names[0] : "");
}

/* Visible ASCII, as the protocol has it: anything else may not go into a header. */
static int check_session(const struct agent_talk *t, struct err *reterr)
{
    size_t n = strlen(t->session);
    for (size_t i = 0; i < n; i++) {
        if (t->session[i] < 0x21 || t->session[i] > 0x7e)
            return err_set(reterr, "the session that the server gave is not visible ASCII");
    }
    if (n + 1 >= sizeof(t->session))
        return err_set(reterr, "the session that the server gave is longer than %zu bytes",
                       sizeof(t->session) - 2);
    return 0;
}

static int after_list(struct agent_talk *t, struct agent_request *r, struct err *reterr)
{
    const struct mcp *m = t->state;
    if (m->found)
        return post_call(t, r);
    if (m->cursor && m->pages < PAGES_MAX)
        return post_list(t, r);
    return no_such_tool(t, reterr);
}

/* What can be known before anything is sent. */
static int check_ask(const struct agent_ask *ask, struct err *reterr)
{
    struct err err;
    if (!ask->tool || !*ask->tool)
        return err_set(reterr, "mcp needs the name of a `tool` to call");
    if (!ask->arguments)
        return 0;
    json_t *doc = agent_json_read(ask->arguments, strlen(ask->arguments), &err);
    bool fine = json_is_object(doc);
    if (!doc)
        err_set(reterr, "`arguments` is not JSON: %.200s", err.msg);
    else if (!fine)
        err_set(reterr, "`arguments` is JSON, but no object");
    json_decref(doc);
    return fine ? 0 : -1;
}

static int mcp_next(struct agent_talk *t, struct agent_request *ret, struct err *reterr)
{
    if (!t->state)
        t->state = arena_alloc(&t->arena, sizeof(struct mcp));
    const struct mcp *m = t->state;
    switch (m->phase) {
    case FIRST:
        if (check_ask(t->ask, reterr) < 0)
            return -1;
        return post(t, ret, INITIALIZE, "initialize",
                    "{\"protocolVersion\":\"" NEWEST "\",\"capabilities\":{},"
                    "\"clientInfo\":{\"name\":\"nines\",\"version\":\"1\"}}");
    case INITIALIZE:
        if (!*m->version)
            return err_set(reterr, "the server did not answer initialize");
        if (check_session(t, reterr) < 0)
            return -1;
        return post(t, ret, INITIALIZED, "notifications/initialized", NULL);
    case INITIALIZED:
        return post_list(t, ret);
    case LIST:
        return after_list(t, ret, reterr);
    case CALL:
    default:
        return 0;
    }
}

static bool mcp_part(struct agent_talk *t, struct agent_request *ret)
{
    struct err ignored;
    if (!t->state || !*t->session || check_session(t, &ignored) < 0)
        return false;
    *ret = (struct agent_request){.method = "DELETE",
                                  .url = t->ask->url,
                                  .what = "the end of the session",
                                  .no_content = true};
    put_headers(t, ret);
    return true;
}

const struct agent_codec agent_mcp_codec = {
    .name = "mcp",
    .help = "a tool of an MCP server over Streamable HTTP",
    .streams = true,
    .documents = true,
    .keys = "tool arguments",
    .needs = "tool",
    .path = "/mcp",
    .header = "mcp-session-id",
    .next = mcp_next,
    .event = mcp_event,
    .document = mcp_document,
    .part = mcp_part,
};
