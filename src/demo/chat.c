/* The routes that do an agent platform's work: executions and completions. */
#include "demo/platform_internal.h"

#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <jansson.h>

#define TOKEN_GAP_US (12 * USEC_PER_MSEC)
#define TEXT_MAX 256
#define CREATED 1767225600 /* completions carry a date; a fixed one keeps runs alike */

static const char *const words[] = {
    "Your",  "error",   "budget", "is",       "what", "you",  "may",   "spend",
    "on",    "change,", "so",     "measure",  "it",   "from", "the",   "outside",
    "every", "second,", "and",    "remember", "what", "it",   "said.",
};

/* The body as an object, or NULL after the reply says why not. */
static json_t *read_object(struct call *c)
{
    json_error_t why;
    json_t *o = json_loadb(c->request->body, c->request->body_len, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(o))
        return o;
    json_decref(o);
    call_fail(c, 400, "the body must be a JSON object");
    return NULL;
}

/* ---- executions -------------------------------------------------------------- */

void route_execute(struct call *c)
{
    struct platform *p = c->p;
    char id[32] = "";
    if (c->id_len < sizeof(id))
        str_copy(id, c->id_len + 1, c->id);
    int agent = traffic_agent(id);
    json_t *o = agent < 0 ? NULL : read_object(c);
    if (agent < 0)
        call_fail(c, 404, "no such agent; there are researcher, coder, reviewer and support");
    if (!o)
        return;
    const char *task = json_string_value(json_object_get(o, "task"));
    int64_t prompt = 20 + (task ? (int64_t)strlen(task) / 4 : 0);
    int64_t completion = 40 + dice_poisson(&p->dice, 60);
    call_takes(c, 120000, 0.35);
    traffic_execution(&p->traffic, agent, true, c->reply->delay_us, prompt, completion);
    struct str *b = &c->reply->body;
    str_addf(b,
             "{\"execution_id\":\"exec-%06" PRId64 "\",\"agent_id\":\"%s\","
             "\"status\":\"completed\",\"output\":\"Done: ",
             ++p->next_id, id);
    if (task) { /* without the quotes that json_add_stringn() puts around it */
        struct str quoted;
        str_init(&quoted, 8 * TEXT_MAX);
        json_add_stringn(&quoted, task, strnlen(task, TEXT_MAX));
        if (quoted.len >= 2)
            str_addn(b, quoted.buf + 1, quoted.len - 2);
        str_release(&quoted);
    }
    str_addf(b, "\",\"tokens_used\":%" PRId64 ",\"duration_ms\":%" PRId64 "}\n",
             prompt + completion, (int64_t)(c->reply->delay_us / USEC_PER_MSEC));
    json_decref(o);
}

/* ---- completions --------------------------------------------------------------- */

static void put_chunk(struct reply *r, int64_t id, const char *delta, const char *finish)
{
    str_addf(&r->body,
             "data: {\"id\":\"chatcmpl-%06" PRId64 "\",\"object\":\"chat.completion.chunk\","
             "\"created\":%d,\"model\":\"sample-large\",\"choices\":[{\"index\":0,"
             "\"delta\":{%s},\"finish_reason\":%s}]}\n\n",
             id, CREATED, delta, finish);
    reply_cut(r);
}

/* One event a token, each a write of its own, as a model gives them. */
static void stream(struct call *c, int64_t id)
{
    struct reply *r = c->reply;
    r->type = "text/event-stream; charset=utf-8";
    r->chunked = true;
    r->gap_us = TOKEN_GAP_US;
    put_chunk(r, id, "\"role\":\"assistant\",\"content\":\"\"", "null");
    for (size_t i = 0; i < countof(words); i++) {
        char delta[64];
        snprintf(delta, sizeof(delta), "\"content\":\"%s%s\"", i ? " " : "", words[i]);
        put_chunk(r, id, delta, "null");
    }
    put_chunk(r, id, "", "\"stop\"");
    str_add(&r->body, "data: [DONE]\n\n");
}

static void complete(struct call *c, int64_t id, size_t messages)
{
    struct str *b = &c->reply->body;
    str_addf(b,
             "{\"id\":\"chatcmpl-%06" PRId64 "\",\"object\":\"chat.completion\",\"created\":%d,"
             "\"model\":\"sample-large\",\"choices\":[{\"index\":0,\"message\":{"
             "\"role\":\"assistant\",\"content\":\"",
             id, CREATED);
    for (size_t i = 0; i < countof(words); i++)
        str_addf(b, "%s%s", i ? " " : "", words[i]);
    str_addf(b,
             "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":%zu,"
             "\"completion_tokens\":%zu,\"total_tokens\":%zu}}\n",
             messages * 12, countof(words), messages * 12 + countof(words));
}

void route_chat(struct call *c)
{
    json_t *o = read_object(c);
    if (!o)
        return;
    size_t messages = json_array_size(json_object_get(o, "messages"));
    bool streamed = json_is_true(json_object_get(o, "stream"));
    json_decref(o);
    if (messages == 0) {
        call_fail(c, 400, "'messages' must hold at least one message");
        return;
    }
    int64_t id = ++c->p->next_id;
    call_takes(c, streamed ? 160000 : 340000, 0.4);
    traffic_execution(&c->p->traffic, traffic_agent("support"), true, c->reply->delay_us,
                      (int64_t)messages * 12, countof(words));
    if (streamed)
        stream(c, id);
    else
        complete(c, id, messages);
}
