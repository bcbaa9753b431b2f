/* Messages as Anthropic's API has them. */
#include "demo/speech.h"

#include <inttypes.h>
#include <jansson.h>

#define FAILURE                                                                                    \
    "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"the model gave up\"}}"

static void put_message(const struct speech *s)
{
    str_addf(&s->call->reply->body,
             "{\"id\":\"msg_%06" PRId64 "\",\"type\":\"message\",\"role\":\"assistant\","
             "\"model\":\"sample-careful\",\"content\":",
             s->id);
}

static const char *stop(const struct speech *s)
{
    return speech_is_cut(s) ? "max_tokens" : "end_turn";
}

static void begin(const struct speech *s)
{
    struct str *b = &s->call->reply->body;
    bool thinks = s->call->fault.kind == FAULT_REASONING_ONLY;
    str_add(b, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
    put_message(s);
    str_addf(b,
             "[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":%" PRId64
             ",\"cache_read_input_tokens\":0,\"cache_creation_input_tokens\":0,"
             "\"output_tokens\":1}}}\n\n",
             s->tokens_in);
    str_addf(b,
             "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
             "\"content_block\":{\"type\":\"%s\",\"%s\":\"\"}}\n\n",
             thinks ? "thinking" : "text", thinks ? "thinking" : "text");
    str_add(b, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

static void token(const struct speech *s, const char *text, bool reasoning)
{
    const char *key = reasoning ? "thinking" : "text";
    str_addf(&s->call->reply->body,
             "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
             "\"delta\":{\"type\":\"%s_delta\",\"%s\":\"%s\"}}\n\n",
             key, key, text);
}

static void end(const struct speech *s)
{
    str_addf(&s->call->reply->body,
             "event: content_block_stop\n"
             "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
             "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
             "\"stop_reason\":\"%s\",\"stop_sequence\":null},"
             "\"usage\":{\"output_tokens\":%" PRId64 "}}\n\n"
             "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
             stop(s), s->tokens_out);
}

static void fail(const struct speech *s)
{
    str_add(&s->call->reply->body, "event: error\ndata: " FAILURE "\n\n");
}

static void document(const struct speech *s, const char *answer)
{
    struct str *b = &s->call->reply->body;
    put_message(s);
    if (*answer)
        str_addf(b, "[{\"type\":\"text\",\"text\":\"%s\"}]", answer);
    else
        str_add(b, "[{\"type\":\"thinking\",\"thinking\":\"Hm.\",\"signature\":\"\"}]");
    str_addf(b,
             ",\"stop_reason\":\"%s\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":%" PRId64
             ",\"output_tokens\":%" PRId64 "}}\n",
             stop(s), s->tokens_in, s->tokens_out);
}

static void failure(const struct speech *s)
{
    str_add(&s->call->reply->body, FAILURE "\n");
}

static const struct voice voice = {begin, token, end, fail, document, failure};

void route_messages(struct call *c)
{
    struct speech s;
    json_t *o = call_object(c);
    if (!o)
        return;
    size_t messages = json_array_size(json_object_get(o, "messages"));
    int64_t most = json_integer_value(json_object_get(o, "max_tokens"));
    bool streamed = json_is_true(json_object_get(o, "stream"));
    json_decref(o);
    if (!request_header(c->request, "anthropic-version")) {
        call_fail(c, 400, "anthropic-version: header is required");
    } else if (messages == 0 || most < 1) {
        call_fail(c, 400, "'messages' and 'max_tokens' are required");
    } else {
        speech_init(&s, c, (int64_t)messages * 12, most);
        if (streamed)
            speech_stream(&s, &voice);
        else
            speech_document(&s, &voice);
    }
}
