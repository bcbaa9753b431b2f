#include "probe/agent_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "io/jsonpath.h"
#include "io/timer.h"
#include "io/work.h"
#include "probe/agent_wait.h"
#include "probe/answer_judge.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* How long a response may go on when its answer is over. */
#define LINGER_NS (250 * 1000000LL)
/* How long a request after the run may take. */
#define PARTING_US (5 * USEC_PER_SEC)

static void step(struct agent_run *run);
static void on_time(void *ctx);

static int64_t since_us(int64_t start_ns, int64_t now_ns)
{
    return (now_ns - start_ns) / NSEC_PER_USEC;
}

/* ---- judging ------------------------------------------------------------------ */

static struct verdict *verdict_new(struct agent_run *run)
{
    if (!run->verdict)
        run->verdict = arena_alloc(&run->arena, sizeof(*run->verdict));
    return run->verdict;
}

/* When there was no answer to judge. */
static void fail(struct agent_run *run, enum reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct agent_run *run, enum reason reason, const char *fmt, ...)
{
    char text[VERDICT_MESSAGE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    verdict_fail(verdict_new(run), reason, "%s", text);
    if (!run->starting) {
        agent_finish(run);
        return;
    }
    run->state = AGENT_FAILED; /* `done` may not come from inside start() */
    timer_start(run->timer, run->started_ns, on_time, run);
}

static void judge_with(struct agent_run *run, struct jsonpath *json)
{
    const struct agent_meter *m = &run->meter;
    struct answer answer = m->answer;
    answer.cost = agent_run_cost(run, &answer);
    struct answer_input in = {
        .resp = &run->resp,
        .total_us = run->total_us,
        .wall_us = run->wall_us,
        .fault = m->fault,
        .fault_text = m->fault == REASON_NONE ? NULL : m->fault_text,
        .answer = &answer,
        .said = &run->talk.answer,
        .json = json,
    };
    answer_judge(&run->spec->expect, &in, run->verdict);
}

static void judge_on_pool(void *ctx)
{
    struct agent_run *run = ctx;
    struct jsonpath *json = NULL;
    struct err err;
    if (run->spec->expect.reads_json && jsonpath_new(&json, &err) < 0)
        verdict_fail(run->verdict, REASON_PROBER, "%s", err.msg);
    else
        judge_with(run, json);
    jsonpath_free(json);
}

static void on_judged(void *ctx)
{
    struct agent_run *run = ctx;
    assert(run->state == AGENT_JUDGE);
    run->work = NULL;
    agent_finish(run);
}

static void judge_answer_of(struct agent_run *run)
{
    verdict_new(run);
    run->wall_us = run->env->wall_us(run->env->ctx);
    if (!answer_judge_heavy(&run->spec->expect, &run->talk.answer)) {
        judge_with(run, run->env->json);
        agent_finish(run);
        return;
    }
    run->state = AGENT_JUDGE;
    run->work = work_start(run->env->loop, judge_on_pool, on_judged, run);
}

/* A step on the way to the answer: the reason it failed for, or NONE. */
static enum reason step_fault(const struct agent_run *run, char *text, size_t size)
{
    const struct agent_meter *m = &run->meter;
    const struct http_response *r = &run->resp;
    const char *said = run->talk.answer.error;
    char value[64];
    if (r->reason != REASON_NONE || r->local_fault) {
        str_copy(text, size, r->message);
        return r->local_fault ? REASON_PROBER : r->reason;
    }
    if (r->status / 100 != 2) {
        snprintf(text, size, "expected status 2xx; got %d%s%s", r->status, *said ? ": " : "", said);
        if (r->status == 429)
            return REASON_RATE_LIMITED;
        bool later = r->status == 503 && http_header(r, "Retry-After", value, sizeof(value));
        return later || r->status == 529 ? REASON_OVERLOADED : REASON_STATUS;
    }
    str_copy(text, size, m->fault != REASON_NONE ? m->fault_text : said);
    if (m->fault != REASON_NONE)
        return m->fault;
    if (m->bits & AGENT_ERROR)
        return answer_error_reason(run->talk.answer.error_code);
    if (m->bits & AGENT_MALFORMED)
        return m->shape == SHAPE_STREAM ? REASON_SSE_PROTOCOL : REASON_JSON;
    if (m->shape != SHAPE_STREAM || m->bits & AGENT_END)
        return REASON_NONE;
    str_copy(text, size, "the stream ended without its terminator");
    return REASON_SSE_TRUNCATED;
}

/* ---- a step's response ------------------------------------------------------------ */

/* It is complete, and read. */
static void step_over(struct agent_run *run)
{
    char text[METER_FAULT_MAX + 64];
    agent_meter_end(&run->meter, &run->resp);
    run->resp.body = NULL;
    run->resp.body_len = 0;
    if (run->meter.fault == REASON_SSE_TRUNCATED)
        run->resp.reason = REASON_NONE; /* the same, in the words of streams */
    agent_meter_mark(&run->meter, MARK_CLOSED, run->resp.total_us, "", NULL, 0);
    if (run->meter.request.answer) {
        judge_answer_of(run);
        return;
    }
    enum reason reason = step_fault(run, text, sizeof(text));
    if (reason == REASON_NONE)
        step(run);
    else
        fail(run, reason, "%s: %s", run->meter.request.what, text);
}

static void read_on_pool(void *ctx)
{
    struct agent_run *run = ctx;
    agent_meter_read(&run->meter, run->resp.total_us, run->text, run->text_len);
}

static void on_read(void *ctx)
{
    struct agent_run *run = ctx;
    assert(run->state == AGENT_READ);
    run->work = NULL;
    run->state = AGENT_STEP;
    step_over(run);
}

static void read_document(struct agent_run *run, const struct http_response *r)
{
    const char *text;
    size_t n;
    if (!agent_meter_document(&run->meter, &run->resp, &text, &n)) {
        step_over(run);
    } else if (n <= HTTP_PROBE_POOL_BODY) {
        agent_meter_read(&run->meter, r->total_us, text, n);
        step_over(run);
    } else {
        if (text == r->body)
            text = run->raw = str_detach(r->room);
        run->text = text;
        run->text_len = n;
        run->state = AGENT_READ;
        run->work = work_start(run->env->loop, read_on_pool, on_read, run);
    }
}

/* By its protocol: how long a server then takes to close the response, or would have
 * taken, is no time that anybody waits for. */
static void end_with_answer(const struct agent_meter *m, struct http_response *r)
{
    int64_t over_us = m->bits & AGENT_END && m->ended_us ? r->total_us - m->ended_us : 0;
    if (over_us <= 0)
        return;
    r->total_us -= over_us;
    r->phases.transfer_us -= over_us < r->phases.transfer_us ? over_us : r->phases.transfer_us;
}

/* A response lives only during its callback. */
static void keep(struct agent_run *run, const struct http_response *r)
{
    struct arena *a = &run->arena;
    struct http_response *kept = &run->resp;
    char limit[UNITS_MAX];
    *kept = *r;
    kept->message = arena_strdup(a, r->message);
    kept->protocol = arena_strdup(a, r->protocol ? r->protocol : "");
    kept->address = arena_strdup(a, r->address ? r->address : "");
    kept->headers = r->headers_len ? arena_strndup(a, r->headers, r->headers_len) : "";
    kept->room = NULL;
    /* What became of the transfer once the answer was over, or no use, says nothing. */
    if (run->lingered || run->meter.stopped || run->meter.bits & AGENT_END) {
        kept->reason = REASON_NONE;
        kept->message = "";
    }
    /* The deadline was not that of the whole: a head that did not end is no event. */
    if (run->expired && kept->reason == REASON_TOTAL_TIMEOUT) {
        kept->reason = REASON_EVENT_TIMEOUT;
        kept->message = arena_printf(a, "no event within %s: the headers did not end",
                                     units_duration(limit, run->spec->first_event_us));
    }
    end_with_answer(&run->meter, kept);
}

static void add_hop(struct agent_run *run)
{
    const struct http_response *r = &run->resp;
    assert(run->hop_count < AGENT_HOPS_MAX);
    run->hops[run->hop_count++] = (struct hop){
        .url = run->meter.request.url,
        .address = r->address,
        .protocol = r->protocol,
        .status = r->status,
        .reused = r->reused,
        .phases = r->phases,
        .bytes = (int64_t)r->received,
    };
}

static void on_response(void *ctx, const struct http_response *r)
{
    struct agent_run *run = ctx;
    assert(run->state == AGENT_STEP);
    run->call = NULL;
    timer_stop(run->timer);
    keep(run, r);
    run->total_us = since_us(run->started_ns, run->step_ns) + run->resp.total_us;
    add_hop(run);
    read_document(run, r);
    /* The run may be gone. */
}

/* ---- while it comes in ---------------------------------------------------------------- */

static bool on_head(void *ctx, int64_t first_us, const struct http_response *head)
{
    struct agent_run *run = ctx;
    return agent_meter_head(&run->meter, first_us, head);
}

/* When the next deadline of ours is due; 0: there is none. */
static int64_t due_ns(const struct agent_run *run)
{
    const struct agent_meter *m = &run->meter;
    int64_t began_ns = http_began_ns(run->call);
    bool counts = m->request.answer && m->shape != SHAPE_DOCUMENT && m->shape != SHAPE_OTHER;
    if (m->ended_us)
        return began_ns + m->ended_us * NSEC_PER_USEC + LINGER_NS;
    if (!counts)
        return 0;
    if (m->answer.first_event_us && run->spec->idle_us)
        return began_ns + (m->answer.last_event_us + run->spec->idle_us) * NSEC_PER_USEC;
    if (m->answer.first_event_us || !run->spec->first_event_us)
        return 0;
    return (began_ns ? began_ns : clock_mono_ns()) + run->spec->first_event_us * NSEC_PER_USEC;
}

static void arm(struct agent_run *run)
{
    int64_t at_ns = due_ns(run);
    if (at_ns)
        timer_start(run->timer, at_ns, on_time, run);
    else
        timer_stop(run->timer);
}

static bool on_data(void *ctx, int64_t since_start_us, const char *data, size_t n)
{
    struct agent_run *run = ctx;
    struct agent_meter *m = &run->meter;
    bool begun = m->answer.first_event_us, ended = m->ended;
    bool more = agent_meter_data(m, since_start_us, data, n);
    /* Later events only move an idle deadline on: the timer looks when it is due. */
    if (more && (begun != (m->answer.first_event_us != 0) || ended != m->ended))
        arm(run);
    return more;
}

static void expire(struct agent_run *run)
{
    const struct agent_meter *m = &run->meter;
    char text[160], limit[UNITS_MAX], at[UNITS_MAX];
    if (m->ended_us) {
        run->lingered = true;
        http_stop(run->call, REASON_BODY, "it went on after its end");
    } else if (m->answer.first_event_us) {
        snprintf(text, sizeof(text), "no event for %s: %u came, the last one after %s",
                 units_duration(limit, run->spec->idle_us), m->answer.events,
                 units_human_us(at, m->answer.last_event_us));
        http_stop(run->call, REASON_IDLE_TIMEOUT, text);
    } else if (m->answer.headers_us) {
        snprintf(text, sizeof(text), "no event within %s: the headers came after %s",
                 units_duration(limit, run->spec->first_event_us),
                 units_human_us(at, m->answer.headers_us));
        http_stop(run->call, REASON_EVENT_TIMEOUT, text);
    } else {
        run->expired = true;
        http_expire(run->call, run->spec->first_event_us);
    }
}

static void on_time(void *ctx)
{
    struct agent_run *run = ctx;
    if (run->state == AGENT_FAILED) {
        agent_finish(run);
        return;
    }
    int64_t at_ns = due_ns(run);
    if (at_ns && at_ns <= clock_mono_ns())
        expire(run);
    else
        arm(run);
}

/* ---- requests --------------------------------------------------------------------------- */

static struct http_request request_of(struct agent_run *run, const struct agent_request *r,
                                      int64_t left_us, const char *lines[static AGENT_LINES_MAX])
{
    const struct http_spec *s = &run->spec->http;
    return (struct http_request){
        .method = r->method,
        .url = r->url,
        .headers = lines,
        .header_count = agent_ask_lines(&run->arena, run->spec, run->nonce, r, lines),
        .body = r->body,
        .body_len = r->body_len,
        .user = s->auth.basic.user,
        .password = s->auth.basic.password.value,
        .bearer = s->auth.bearer.value,
        .connect_timeout_us = s->connect_timeout_us,
        .timeout_us = left_us,
        .max_body = s->max_body,
        .family = (enum ip_family)s->ip,
        .reuse = s->reuse,
        .dns_fresh = s->dns == 1,
        .insecure = s->tls.insecure,
        .ca_file = s->tls.ca_file,
        .cert_file = s->tls.cert_file,
        .key_file = s->tls.key_file,
        .server_name = s->tls.server_name,
    };
}

static void send_request(struct agent_run *run, const struct agent_request *r, int64_t left_us)
{
    const char *lines[AGENT_LINES_MAX];
    struct http_request req = request_of(run, r, left_us, lines);
    req.head = on_head;
    agent_meter_begin(&run->meter, r, since_us(run->started_ns, run->step_ns));
    run->asked |= r->answer;
    run->call = http_start(run->env->http, &req, on_data, on_response, run);
    arm(run);
}

static void step(struct agent_run *run)
{
    struct agent_request request;
    struct err err;
    char limit[UNITS_MAX];
    run->state = AGENT_STEP;
    run->step_ns = run->starting ? run->started_ns : clock_mono_ns();
    int64_t left_us = run->def->timeout_us - since_us(run->started_ns, run->step_ns);
    left_us -= left_us % USEC_PER_MSEC; /* messages name it */
    int rc = agent_next(&run->talk, &request, &err);
    if (rc < 0)
        fail(run, REASON_ANSWER, "%s", err.msg);
    else if (rc == 0)
        fail(run, REASON_INTERNAL, "the talk ended without an answer");
    else if (left_us <= 0)
        fail(run, REASON_TOTAL_TIMEOUT, "%s: nothing was left of the timeout of %s", request.what,
             units_duration(limit, run->def->timeout_us));
    else
        send_request(run, &request, left_us);
}

static void on_parted(void *ctx, const struct http_response *r)
{
    (void)ctx, (void)r;
}

void agent_part_with(struct agent_run *run)
{
    struct agent_request r;
    const char *lines[AGENT_LINES_MAX];
    if (!run->hop_count || !agent_part(&run->talk, &r))
        return;
    struct http_request req = request_of(run, &r, PARTING_US, lines);
    http_start(run->env->http, &req, NULL, on_parted, NULL);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void take_spend(struct agent_run *run)
{
    struct probe_env *env = run->env;
    if (!env->spend)
        return;
    run->took = true;
    run->taken = agent_worst(env, run->def, env->wall_us(env->ctx));
    spend_take(env->spend, spend_account(env->spend, run->def->id), &run->taken);
}

void *agent_run_start(struct probe_env *env, const struct probe_def *def,
                      struct probe_memory *memory, probe_done_fn done, void *ctx)
{
    struct agent_run *run = mem_alloc(sizeof(*run));
    run->env = env;
    run->def = def;
    run->spec = def->spec;
    run->memory = memory;
    run->done = done;
    run->ctx = ctx;
    run->started_ns = clock_mono_ns();
    run->timer = timer_new(env->loop);
    run->hops = arena_alloc(&run->arena, AGENT_HOPS_MAX * sizeof(*run->hops));
    run->resp = (struct http_response){.message = "", .headers = ""};
    agent_nonce_new(run->nonce);
    agent_ask_make(&run->arena, run->spec, run->nonce, &run->ask);
    agent_talk_init(&run->talk, run->spec->codec, &run->ask);
    run->meter = (struct agent_meter){.talk = &run->talk, .http = &run->spec->http, .env = env};
    take_spend(run);
    run->starting = true;
    step(run);
    run->starting = false;
    return run;
}

void agent_run_cancel(void *ctx)
{
    struct agent_run *run = ctx;
    assert(run->state != AGENT_FINISHED);
    if (run->call)
        http_cancel(run->call);
    if (run->work)
        work_cancel(run->work);
    if (run->took)
        spend_settle(run->env->spend, spend_account(run->env->spend, run->def->id), &run->taken,
                     run->asked ? -1 : 0, run->asked ? -1 : 0);
    agent_run_free(run);
}
