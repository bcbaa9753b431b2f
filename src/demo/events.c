/* An agent's work as events of its own kind: delta, done and error. */
#include "demo/speech.h"

#include <inttypes.h>
#include <jansson.h>

static void begin(const struct speech *s)
{
    str_addf(&s->call->reply->body,
             "event: started\ndata: {\"execution_id\":\"exec-%06" PRId64 "\"}\n\n", s->id);
}

static void token(const struct speech *s, const char *text, bool reasoning)
{
    str_addf(&s->call->reply->body, "event: delta\ndata: {\"%s\":\"%s\"}\n\n",
             reasoning ? "thought" : "text", text);
}

static void end(const struct speech *s)
{
    str_addf(&s->call->reply->body,
             "event: done\ndata: {\"finish\":\"%s\",\"usage\":{\"in\":%" PRId64 ",\"out\":%" PRId64
             "}}\n\n",
             speech_is_cut(s) ? "length" : "stop", s->tokens_in, s->tokens_out);
}

static void fail(const struct speech *s)
{
    str_add(&s->call->reply->body,
            "event: error\ndata: {\"code\":\"agent_error\",\"message\":\"a tool gave up\"}\n\n");
}

static const struct voice voice = {begin, token, end, fail, NULL, NULL};

void route_events(struct call *c)
{
    struct speech s;
    json_t *o = call_agent(c) < 0 ? NULL : call_object(c);
    if (!o)
        return;
    const char *task = json_string_value(json_object_get(o, "task"));
    speech_init(&s, c, 20 + (task ? (int64_t)strlen(task) / 4 : 0), 0);
    json_decref(o);
    speech_stream(&s, &voice);
}
