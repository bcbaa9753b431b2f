#include "demo/speech.h"

#define TOKEN_GAP_US (12 * USEC_PER_MSEC)
#define ANSWER_MAX 1024

static const char *const words[] = {
    "Your",   " error",   " budget", " is",       " what", " you",  " may",   " spend",
    " on",    " change,", " so",     " measure",  " it",   " from", " the",   " outside",
    " every", " second,", " and",    " remember", " what", " it",   " said.",
};

void speech_init(struct speech *s, struct call *c, int64_t tokens_in, int64_t max_tokens)
{
    int64_t all = (int64_t)countof(words);
    *s = (struct speech){
        .call = c,
        .id = ++c->p->next_id,
        .tokens_in = tokens_in,
        .tokens_out = max_tokens > 0 && max_tokens < all ? max_tokens : all,
        .usage = true,
    };
}

bool speech_is_cut(const struct speech *s)
{
    return s->tokens_out < (int64_t)countof(words);
}

/* For the numbers of the platform: as if the support agent had done it. */
static void count(const struct speech *s)
{
    traffic_execution(&s->call->p->traffic, traffic_agent("support"), true,
                      reply_takes(s->call->reply), s->tokens_in, s->tokens_out);
}

/* The last cut is followed by a break. */
static void pause_for(struct reply *r, int64_t us)
{
    if (r->cuts.len)
        r->cuts.at[r->cuts.len - 1].gap_us += us;
    else
        r->delay_us += us;
}

/* Half of the words, then how it goes wrong; false: no more of them. */
static bool go_wrong(const struct speech *s, const struct voice *v)
{
    struct reply *r = s->call->reply;
    switch (s->call->fault.kind) {
    case FAULT_STALL:
        pause_for(r, s->call->fault.delay_us);
        return true;
    case FAULT_MALFORMED:
        str_add(&r->body, "data: {\"half an\": \"obj\n\n");
        reply_cut(r);
        return true;
    case FAULT_ERROR_EVENT:
        v->fail(s);
        return false;
    default:
        return true;
    }
}

/* One event a token, each a write of its own, as a model gives them. */
void speech_stream(const struct speech *s, const struct voice *v)
{
    struct call *c = s->call;
    struct reply *r = c->reply;
    bool thinks = c->fault.kind == FAULT_REASONING_ONLY, whole = true;
    r->type = "text/event-stream; charset=utf-8";
    r->chunked = true;
    r->gap_us = TOKEN_GAP_US;
    call_takes(c, 40000, 0.4);
    if (v->begin) {
        v->begin(s);
        reply_cut(r);
    }
    pause_for(r, (int64_t)dice_lognormal(&c->p->dice, 120000, 0.4));
    if (c->fault.kind == FAULT_SLOW_TOKEN)
        pause_for(r, c->fault.delay_us);
    for (int64_t i = 0; i < s->tokens_out && whole; i++) {
        whole = i != s->tokens_out / 2 || go_wrong(s, v);
        if (!whole)
            break;
        v->token(s, words[i], thinks);
        reply_cut(r);
    }
    if (whole)
        v->end(s);
    count(s);
}

void speech_document(const struct speech *s, const struct voice *v)
{
    struct call *c = s->call;
    struct str answer;
    call_takes(c, 340000, 0.4);
    if (c->fault.kind == FAULT_ERROR_EVENT) {
        v->failure(s);
        return;
    }
    str_init(&answer, ANSWER_MAX);
    for (int64_t i = 0; i < s->tokens_out && c->fault.kind != FAULT_REASONING_ONLY; i++)
        str_add(&answer, words[i]);
    v->document(s, answer.buf ? answer.buf : "");
    str_release(&answer);
    count(s);
}

int call_agent(struct call *c)
{
    char id[32] = "";
    if (c->id_len < sizeof(id))
        str_copy(id, c->id_len + 1, c->id);
    int agent = traffic_agent(id);
    if (agent < 0)
        call_fail(c, 404, "no such agent; there are researcher, coder, reviewer and support");
    return agent;
}
