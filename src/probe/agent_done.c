/* The end of a run: what it cost, what is told of it. */
#include "probe/agent_run.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/timer.h"
#include "probe/agent_wait.h"

#include <assert.h>
#include <stdlib.h>

#define TOOLS_SHOWN_MAX 1024

void agent_run_free(struct agent_run *run)
{
    timer_free(run->timer);
    agent_meter_release(&run->meter);
    agent_talk_release(&run->talk);
    free(run->raw);
    arena_release(&run->arena);
    free(run);
}

/* ---- what it cost ---------------------------------------------------------------- */

/* Whether nobody can have begun to answer. */
static bool never_sent(const struct agent_run *run)
{
    if (run->asked && run->meter.answer.headers_us)
        return false; /* it began, whatever became of the connection */
    if (run->resp.local_fault)
        return true;
    switch (run->resp.reason) {
    case REASON_DNS:
    case REASON_CONNECT:
    case REASON_TLS:
    case REASON_CERT:
    case REASON_WRITE:
        return true;
    default:
        return !run->asked;
    }
}

int64_t agent_run_cost(const struct agent_run *run, const struct answer *a)
{
    int64_t told = run->talk.answer.cost;
    return told >= 0 ? told
                     : spend_cost(run->spec->price, a->tokens_in, a->tokens_out, a->tokens_cached);
}

static void count_cost(const struct agent_run *run, struct answer *a)
{
    if (never_sent(run)) {
        a->tokens_in = a->tokens_out = a->tokens_cached = a->tokens_reasoning = 0;
        a->cost = 0;
        return;
    }
    a->cost = agent_run_cost(run, a);
}

static void settle(struct agent_run *run, const struct answer *a)
{
    struct spend *s = run->env->spend;
    bool known = a->tokens_in >= 0 && a->tokens_out >= 0;
    if (!run->took)
        return;
    run->took = false;
    spend_settle(s, spend_account(s, run->def->id), &run->taken,
                 known ? (int64_t)a->tokens_in + a->tokens_out : -1, a->cost);
}

/* ---- what is told ------------------------------------------------------------------- */

static const char *hidden_copy(struct agent_run *run, const char *text, size_t n)
{
    char *copy = arena_strndup(&run->arena, text, n);
    http_hide(&run->spec->http, copy, n);
    return copy;
}

/* As much as fits, and no half character. */
static size_t shown_len(const struct str *text)
{
    size_t n = 0;
    while (n < text->len) {
        size_t bytes = json_utf8((const unsigned char *)text->buf + n, text->len - n);
        bytes = bytes ? bytes : 1;
        if (n + bytes > ANSWER_SHOWN_MAX)
            break;
        n += bytes;
    }
    return n;
}

static void tell(struct agent_run *run, struct answer_told *ret)
{
    const struct agent_answer *said = &run->talk.answer;
    size_t n = shown_len(&said->text);
    struct str tools;
    str_init(&tools, TOOLS_SHOWN_MAX);
    for (size_t i = 0; i < said->tool_count; i++)
        str_addf(&tools, "%s%s", i ? ", " : "", said->tools[i].name);
    *ret = (struct answer_told){
        .text = hidden_copy(run, said->text.buf, n),
        .tools = hidden_copy(run, tools.buf, tools.len),
        .model = hidden_copy(run, said->model, strlen(said->model)),
        .finish = hidden_copy(run, said->finish, strlen(said->finish)),
        .cut = (int64_t)n < said->text_bytes,
    };
    str_release(&tools);
}

static void hide_verdict(struct agent_run *run)
{
    const struct http_spec *s = &run->spec->http;
    struct verdict *v = run->verdict;
    for (size_t i = 0; i < v->seen_count; i++)
        http_hide(s, v->text[i], strlen(v->text[i]));
    http_hide(s, v->message, strlen(v->message));
    for (size_t i = 0; i < run->hop_count; i++)
        run->hops[i].url = hidden_copy(run, run->hops[i].url, strlen(run->hops[i].url));
}

static struct result result_of(const struct agent_run *run, const struct answer *a)
{
    const struct hop *last = &run->hops[run->hop_count - 1];
    return (struct result){
        .total_us = run->total_us,
        .phases = last->phases,
        .code = (int16_t)last->status,
        .outcome = (uint8_t)run->verdict->outcome,
        .reason = (uint8_t)run->verdict->reason,
        .flags = RESULT_ANSWER | (last->reused ? RESULT_REUSED : 0),
        .answer = *a,
    };
}

/* What an earlier request of the talk measured is nobody's answer. */
static void forget_steps(struct answer *a)
{
    a->headers_us = a->first_event_us = a->first_token_us = 0;
    a->last_token_us = a->last_event_us = a->gap_us = 0;
    a->events = a->flags = 0;
}

static void observe(struct agent_run *run, const struct answer *a)
{
    const struct verdict *v = run->verdict;
    struct answer_told told;
    bool verbose = run->env->verbose;
    bool keeps = (v->outcome == OUTCOME_BAD || verbose) && run->meter.evidence_len;
    const char *headers = NULL;
    size_t headers_len = 0;
    if (verbose && run->resp.headers_len)
        headers_len = http_show_headers(&run->arena, &run->spec->http, &run->resp, &headers);
    tell(run, &told);
    if (keeps)
        http_hide(&run->spec->http, run->meter.evidence, run->meter.evidence_len);
    struct observation obs = {
        .result = result_of(run, a),
        .message = v->message,
        .hops = run->hops,
        .hop_count = run->hop_count,
        .assertions = v->seen,
        .assertion_count = v->seen_count,
        .body = keeps ? run->meter.evidence : NULL,
        .body_len = keeps ? run->meter.evidence_len : 0,
        .headers = headers,
        .headers_len = headers_len,
        .version = *told.model ? told.model : NULL,
        .cert_not_after_us = run->resp.cert_not_after_us,
        .told = &told,
    };
    run->done(run->ctx, &obs);
}

void agent_finish(struct agent_run *run)
{
    struct probe_env *env = run->env;
    assert(run->state != AGENT_FINISHED && !run->call && !run->work);
    run->state = AGENT_FINISHED;
    timer_stop(run->timer);
    if (!run->hop_count)
        run->hops[run->hop_count++] =
            (struct hop){.url = run->spec->http.url, .address = "", .protocol = ""};
    struct answer a = run->meter.answer;
    count_cost(run, &a);
    settle(run, &a);
    if (!run->asked)
        forget_steps(&a);
    agent_part_with(run);
    hide_verdict(run);
    agent_wait_note(run->memory, run->spec, &run->resp, run->verdict, env->wall_us(env->ctx));
    observe(run, &a);
    agent_run_free(run);
}
