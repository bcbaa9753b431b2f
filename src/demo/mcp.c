/* Tools over MCP's streamable HTTP: what is asked of them is answered with a stream, all
 * else with a document. */
#include "demo/speech.h"

#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <jansson.h>

#define SESSION "sample-session"

static const char tools[] =
    "{\"tools\":[{\"name\":\"search\",\"description\":\"Looks things up.\",\"inputSchema\":{"
    "\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"}},"
    "\"required\":[\"query\"]}},{\"name\":\"summarize\",\"description\":\"Says it shorter.\","
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}}}}]}";

static void put_result(struct call *c, const char *id, const char *result)
{
    str_addf(&c->reply->body, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n", id, result);
}

/* Progress is no part of the answer; a tool gives all of it at the end. */
static void token(const struct speech *s, const char *text, bool reasoning)
{
    (void)text, (void)reasoning;
    str_addf(&s->call->reply->body,
             "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
             "\"params\":{\"level\":\"info\",\"data\":\"step\"}}\n\n");
}

static void end(const struct speech *s)
{
    bool empty = s->call->fault.kind == FAULT_REASONING_ONLY;
    str_addf(&s->call->reply->body,
             "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[%s],"
             "\"isError\":false}}\n\n",
             s->request,
             empty ? "" : "{\"type\":\"text\",\"text\":\"3 results for your error budget\"}");
}

static void fail(const struct speech *s)
{
    str_addf(&s->call->reply->body,
             "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{"
             "\"type\":\"text\",\"text\":\"the index is gone\"}],\"isError\":true}}\n\n",
             s->request);
}

static const struct voice voice = {NULL, token, end, fail, NULL, NULL};

static void call_tool(struct call *c, const json_t *params, const char *id)
{
    struct speech s;
    const char *name = json_string_value(json_object_get(params, "name"));
    if (!name || (!str_eq(name, "search") && !str_eq(name, "summarize"))) {
        str_addf(&c->reply->body,
                 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32602,"
                 "\"message\":\"no such tool\"}}\n",
                 id);
        return;
    }
    speech_init(&s, c, 0, 4);
    s.request = id;
    speech_stream(&s, &voice);
}

static void initialize(struct call *c, const json_t *params, const char *id)
{
    const char *version = json_string_value(json_object_get(params, "protocolVersion"));
    struct str result;
    str_init(&result, 1024);
    str_add(&result, "{\"protocolVersion\":");
    json_add_stringn(&result, version ? version : "", version ? strnlen(version, 32) : 0);
    str_add(&result, ",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"sample\","
                     "\"version\":\"" NINES_VERSION "\"}}");
    put_result(c, id, result.buf);
    c->reply->header = "Mcp-Session-Id: " SESSION;
    str_release(&result);
}

static void answer(struct call *c, const char *method, const json_t *params, const char *id)
{
    const char *session = request_header(c->request, "Mcp-Session-Id");
    call_takes(c, 5000, 0.4);
    if (str_eq(method, "initialize"))
        initialize(c, params, id);
    else if (!str_eq(session, SESSION))
        call_fail(c, session ? 404 : 400, "a session begins with initialize");
    else if (str_starts(method, "notifications/"))
        c->reply->status = 202;
    else if (str_eq(method, "tools/list"))
        put_result(c, id, tools);
    else if (str_eq(method, "ping"))
        put_result(c, id, "{}");
    else if (str_eq(method, "tools/call"))
        call_tool(c, params, id);
    else
        str_addf(&c->reply->body,
                 "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32601,"
                 "\"message\":\"no such method\"}}\n",
                 id);
}

void route_mcp(struct call *c)
{
    json_t *o = call_object(c);
    const char *method = json_string_value(json_object_get(o, "method"));
    json_t *number = json_object_get(o, "id");
    if (o && !method) {
        call_fail(c, 400, "expected a JSON-RPC request");
    } else if (o) {
        mem_auto char *id = number ? json_dumps(number, JSON_ENCODE_ANY) : mem_strdup("null");
        answer(c, method, json_object_get(o, "params"), id);
    }
    json_decref(o);
}

void route_mcp_leave(struct call *c)
{
    c->reply->status = 204;
}
