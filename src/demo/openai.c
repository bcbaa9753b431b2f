/* Chat completions as OpenAI's API has them. */
#include "demo/speech.h"

#include <inttypes.h>
#include <jansson.h>

#define CREATED 1767225600 /* completions carry a date; a fixed one keeps runs alike */
#define FAILURE                                                                                    \
    "{\"error\":{\"message\":\"the model gave up\",\"type\":\"server_error\","                     \
    "\"code\":\"server_error\"}}"

static void put_head(const struct speech *s, const char *object)
{
    str_addf(&s->call->reply->body,
             "{\"id\":\"chatcmpl-%06" PRId64 "\",\"object\":\"%s\",\"created\":%d,"
             "\"model\":\"sample-large\",\"choices\":[",
             s->id, object, CREATED);
}

static void put_delta(const struct speech *s, const char *key, const char *text)
{
    struct str *b = &s->call->reply->body;
    str_add(b, "data: ");
    put_head(s, "chat.completion.chunk");
    str_add(b, "{\"index\":0,\"delta\":{");
    str_addf(b, "%s\"%s\":\"%s\"}", *text ? "" : "\"role\":\"assistant\",", key, text);
    str_add(b, ",\"finish_reason\":null}]}\n\n");
}

static void put_usage(const struct speech *s)
{
    str_addf(&s->call->reply->body,
             ",\"usage\":{\"prompt_tokens\":%" PRId64 ",\"completion_tokens\":%" PRId64
             ",\"total_tokens\":%" PRId64 "}",
             s->tokens_in, s->tokens_out, s->tokens_in + s->tokens_out);
}

static const char *finish(const struct speech *s)
{
    return speech_is_cut(s) ? "length" : "stop";
}

static void begin(const struct speech *s)
{
    put_delta(s, "content", "");
}

static void token(const struct speech *s, const char *text, bool reasoning)
{
    put_delta(s, reasoning ? "reasoning_content" : "content", text);
}

static void end(const struct speech *s)
{
    struct str *b = &s->call->reply->body;
    str_add(b, "data: ");
    put_head(s, "chat.completion.chunk");
    str_addf(b, "{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}\n\n", finish(s));
    if (s->usage) {
        str_add(b, "data: ");
        put_head(s, "chat.completion.chunk");
        str_addc(b, ']');
        put_usage(s);
        str_add(b, "}\n\n");
    }
    str_add(b, "data: [DONE]\n\n");
}

static void fail(const struct speech *s)
{
    str_add(&s->call->reply->body, "data: " FAILURE "\n\n");
}

static void document(const struct speech *s, const char *answer)
{
    struct str *b = &s->call->reply->body;
    put_head(s, "chat.completion");
    str_addf(b,
             "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},"
             "\"finish_reason\":\"%s\"}]",
             answer, finish(s));
    put_usage(s);
    str_add(b, "}\n");
}

static void failure(const struct speech *s)
{
    str_add(&s->call->reply->body, FAILURE "\n");
}

static const struct voice voice = {begin, token, end, fail, document, failure};

void route_chat(struct call *c)
{
    struct speech s;
    json_t *o = call_object(c);
    if (!o)
        return;
    size_t messages = json_array_size(json_object_get(o, "messages"));
    bool streamed = json_is_true(json_object_get(o, "stream"));
    const json_t *options = json_object_get(o, "stream_options");
    if (messages == 0) {
        call_fail(c, 400, "'messages' must hold at least one message");
        json_decref(o);
        return;
    }
    const json_t *most = json_object_get(o, "max_completion_tokens");
    speech_init(&s, c, (int64_t)messages * 12,
                json_integer_value(most ? most : json_object_get(o, "max_tokens")));
    s.usage = json_is_true(json_object_get(options, "include_usage"));
    json_decref(o);
    if (streamed)
        speech_stream(&s, &voice);
    else
        speech_document(&s, &voice);
}
