/* An agent of the A2A protocol: its card, and messages to it. */
#include "demo/speech.h"

#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <jansson.h>

static void put_head(const struct speech *s, bool streamed)
{
    str_addf(&s->call->reply->body, "%s{\"jsonrpc\":\"2.0\",\"id\":%s,", streamed ? "data: " : "",
             s->request);
}

static void put_status(const struct speech *s, const char *state, bool final)
{
    put_head(s, true);
    str_addf(&s->call->reply->body,
             "\"result\":{\"kind\":\"status-update\",\"taskId\":\"task-%06" PRId64
             "\",\"contextId\":\"context-1\",\"status\":{\"state\":\"%s\"},\"final\":%s}}\n\n",
             s->id, state, final ? "true" : "false");
}

static void begin(const struct speech *s)
{
    put_head(s, true);
    str_addf(&s->call->reply->body,
             "\"result\":{\"kind\":\"task\",\"id\":\"task-%06" PRId64
             "\",\"contextId\":\"context-1\",\"status\":{\"state\":\"submitted\"}}}\n\n",
             s->id);
    put_status(s, "working", false);
}

static void token(const struct speech *s, const char *text, bool reasoning)
{
    if (reasoning) {
        put_status(s, "working", false);
        return;
    }
    put_head(s, true);
    str_addf(&s->call->reply->body,
             "\"result\":{\"kind\":\"artifact-update\",\"taskId\":\"task-%06" PRId64
             "\",\"contextId\":\"context-1\",\"append\":%s,\"artifact\":{\"artifactId\":\"answer\","
             "\"parts\":[{\"kind\":\"text\",\"text\":\"%s\"}]}}}\n\n",
             s->id, text[0] == ' ' ? "true" : "false", text);
}

static void end(const struct speech *s)
{
    put_status(s, "completed", true);
}

static void fail(const struct speech *s)
{
    put_status(s, "failed", true);
}

static void document(const struct speech *s, const char *answer)
{
    put_head(s, false);
    str_addf(&s->call->reply->body,
             "\"result\":{\"kind\":\"task\",\"id\":\"task-%06" PRId64
             "\",\"contextId\":\"context-1\",\"status\":{\"state\":\"completed\"},"
             "\"artifacts\":[{\"artifactId\":\"answer\",\"parts\":[",
             s->id);
    if (*answer)
        str_addf(&s->call->reply->body, "{\"kind\":\"text\",\"text\":\"%s\"}", answer);
    str_add(&s->call->reply->body, "]}]}}\n");
}

static void failure(const struct speech *s)
{
    put_head(s, false);
    str_addf(&s->call->reply->body,
             "\"error\":{\"code\":-32603,\"message\":\"the agent gave up\"}}\n");
}

static const struct voice voice = {begin, token, end, fail, document, failure};

void route_a2a_card(struct call *c)
{
    struct str url;
    str_init(&url, 256);
    str_addf(&url, "http://%s/a2a", server_address(c->p->server));
    call_takes(c, 2000, 0.4);
    str_add(&c->reply->body,
            "{\"protocolVersion\":\"0.3.0\",\"name\":\"sample-researcher\","
            "\"description\":\"Finds things out.\",\"version\":\"" NINES_VERSION "\",\"url\":");
    json_add_string(&c->reply->body, url.buf);
    str_add(&c->reply->body,
            ",\"preferredTransport\":\"JSONRPC\",\"capabilities\":{\"streaming\":true},"
            "\"defaultInputModes\":[\"text/plain\"],\"defaultOutputModes\":[\"text/plain\"],"
            "\"skills\":[{\"id\":\"research\",\"name\":\"research\","
            "\"description\":\"Finds things out.\",\"tags\":[\"sample\"]}]}\n");
    str_release(&url);
}

void route_a2a(struct call *c)
{
    struct speech s;
    json_t *o = call_object(c);
    const char *method = json_string_value(json_object_get(o, "method"));
    json_t *number = json_object_get(o, "id");
    bool streamed = str_eq(method, "message/stream");
    if (o && (!number || (!streamed && !str_eq(method, "message/send")))) {
        call_fail(c, 400, "expected the JSON-RPC request message/send or message/stream");
    } else if (o) {
        mem_auto char *id = json_dumps(number, JSON_ENCODE_ANY);
        speech_init(&s, c, 0, 0);
        s.request = id;
        if (streamed)
            speech_stream(&s, &voice);
        else
            speech_document(&s, &voice);
    }
    json_decref(o);
}
