/* Runs of the agent kind against tests/servers/answers.py: what is measured, and what each
 * way to go wrong is called. */
#include "runs.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"
#include "model/spend.h"
#include "probe/agent.h"
#include "support/spawn.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MARKS_MAX 128
#define NOW_US (1700000000LL * USEC_PER_SEC)

struct told {
    int calls;
    struct result result;
    char message[600], text[5000], tools[200], model[200], finish[200], body[1100], url[300];
    size_t hops, assertions, body_len;
    bool cut, versioned;
    int marks; /* all that came; the first are kept */
    enum mark_kind mark[MARKS_MAX];
    int64_t mark_us[MARKS_MAX];
    char mark_text[MARKS_MAX][64], mark_name[MARKS_MAX][64];
};

struct bench {
    struct runs *runs;
    struct told told;
    struct probe_memory *memory;
};

static void on_mark(void *ctx, const struct answer_mark *m)
{
    struct told *t = &((struct bench *)ctx)->told;
    if (t->marks < MARKS_MAX) {
        t->mark[t->marks] = m->kind;
        t->mark_us[t->marks] = m->at_us;
        snprintf(t->mark_text[t->marks], sizeof(t->mark_text[0]), "%s", m->text);
        snprintf(t->mark_name[t->marks], sizeof(t->mark_name[0]), "%s", m->name);
    }
    t->marks++;
}

static void on_done(void *ctx, const struct observation *obs)
{
    struct told *t = ctx;
    assert_non_null(obs->told);
    assert_true(obs->hop_count > 0 && (obs->result.flags & RESULT_ANSWER));
    assert_true((obs->result.outcome == OUTCOME_GOOD) == (obs->message[0] == '\0'));
    t->calls++;
    t->result = obs->result;
    t->hops = obs->hop_count;
    t->assertions = obs->assertion_count;
    t->cut = obs->told->cut;
    t->versioned = obs->version != NULL;
    snprintf(t->url, sizeof(t->url), "%s", obs->hops[0].url);
    snprintf(t->message, sizeof(t->message), "%s", obs->message);
    snprintf(t->text, sizeof(t->text), "%s", obs->told->text);
    snprintf(t->tools, sizeof(t->tools), "%s", obs->told->tools);
    snprintf(t->model, sizeof(t->model), "%s", obs->told->model);
    snprintf(t->finish, sizeof(t->finish), "%s", obs->told->finish);
    t->body_len = obs->body_len;
    if (obs->body)
        memcpy(t->body, obs->body, obs->body_len);
}

/* Decodes an agent at a path of the server; `keys` are those beside url and prompt. */
static void declare(struct bench *b, struct fixture *f, const char *path, const char *keys)
{
    char yaml[2048];
    const char *chat = strstr(keys, "prompt:") ? "protocol: openai, model: m, "
                                               : "protocol: openai, model: m, prompt: hello, ";
    int n = snprintf(yaml, sizeof(yaml), "{url: 'http://127.0.0.1:%d/%s', %s%s}",
                     spawn_port(b->runs->server, "http"), path,
                     strstr(keys, "protocol:") ? "" : chat, keys);
    assert_true(n > 0 && n < (int)sizeof(yaml));
    fixture_init_kind(f, &probe_agent, yaml);
    for (size_t i = 0; i < f->diag.n && f->diag.errors; i++) {
        if (!f->diag.items[i].warning)
            fail_msg("%s: %s", yaml, f->diag.items[i].text);
    }
}

/* The same of an MCP server, with a tool to call. */
static void declare_tool(struct bench *b, struct fixture *f, const char *path, const char *keys)
{
    char yaml[512];
    snprintf(yaml, sizeof(yaml),
             "{protocol: mcp, url: 'http://127.0.0.1:%d/%s', tool: echo, arguments: {a: 1}%s}",
             spawn_port(b->runs->server, "http"), path, keys);
    fixture_init_kind(f, &probe_agent, yaml);
    if (f->diag.errors)
        fail_msg("%s: %s", yaml, f->diag.items[0].text);
}

static struct told *run_def(struct bench *b, struct fixture *f)
{
    b->told = (struct told){0};
    void *run = probe_agent.start(&b->runs->env, &f->def, b->memory, on_done, &b->told);
    assert_non_null(run);
    assert_int_equal(b->told.calls, 0);
    while (!b->told.calls)
        uv_run(&b->runs->loop, UV_RUN_ONCE);
    assert_int_equal(b->told.calls, 1);
    return &b->told;
}

static struct told *ask_in(struct bench *b, const char *path, const char *keys, int64_t timeout_us)
{
    struct fixture f;
    declare(b, &f, path, keys);
    f.def.timeout_us = timeout_us;
    struct told *t = run_def(b, &f);
    fixture_release(&f);
    return t;
}

static struct told *ask(void **state, const char *path, const char *keys)
{
    return ask_in(*state, path, keys, 20 * USEC_PER_SEC);
}

static void expect(const struct told *t, enum reason reason, const char *message)
{
    if (t->result.reason != reason || !strstr(t->message, message))
        fail_msg("%s: %s, not %s: %s", reason_name(t->result.reason), t->message,
                 reason_name(reason), message);
}

static void good(const struct told *t)
{
    expect(t, REASON_NONE, "");
    assert_int_equal(t->result.outcome, OUTCOME_GOOD);
}

/* ---- what is measured --------------------------------------------------------------- */

static void test_whole(void **state)
{
    struct told *t = ask(state, "whole", "");
    const struct answer *a = &t->result.answer;
    good(t);
    assert_string_equal(t->text, "ready now");
    assert_string_equal(t->model, "m-1");
    assert_string_equal(t->finish, "stop");
    assert_true(t->versioned);
    assert_int_equal(a->events, 6);
    assert_int_equal(a->flags, ANSWER_STREAMED | ANSWER_ENDED);
    assert_int_equal(a->tokens_in, 10);
    assert_int_equal(a->tokens_out, 20);
    assert_int_equal(a->tokens_cached, 4);
    assert_int_equal(a->tokens_reasoning, -1);
    assert_int_equal(a->cost, -1); /* no price */
    assert_true(a->headers_us && a->headers_us <= a->first_event_us);
    assert_true(a->first_event_us <= a->first_token_us && a->first_token_us <= a->last_token_us);
    assert_true(a->last_token_us <= a->last_event_us);
    assert_true(a->last_event_us <= t->result.total_us);
    assert_int_equal(t->body_len, 0);
}

static void test_times(void **state)
{
    struct told *t = ask(state, "slow", "");
    const struct answer *a = &t->result.answer;
    good(t);
    /* The comment between the tokens does not end their gap, and the role is no token. */
    assert_true(a->first_token_us >= a->first_event_us + 55000);
    assert_true(a->gap_us >= 75000);
    assert_true(a->last_token_us >= a->first_token_us + 75000);
    assert_true(a->last_event_us >= a->last_token_us + 25000);
    assert_int_equal(a->events, 6);
}

static void test_bytewise(void **state)
{
    struct told *t = ask(state, "bytewise", "");
    good(t);
    assert_string_equal(t->text, "ready\xf0\x9f\x98\x80\xef\xbf\xbd");
    assert_int_equal(t->result.answer.events, 5);
}

static void test_document(void **state)
{
    struct told *t = ask(state, "document", "stream: false");
    const struct answer *a = &t->result.answer;
    good(t);
    assert_int_equal(a->events, 1);
    assert_int_equal(a->flags, ANSWER_ENDED);
    assert_true(a->first_token_us && a->first_token_us == a->last_event_us);
    assert_int_equal(a->gap_us, 0);
    assert_string_equal(t->text, "ready");
    t = ask(state, "document_big", "stream: false, expect: {answer: {contains: word}}");
    good(t);
    assert_int_equal(strlen(t->text), ANSWER_SHOWN_MAX);
    assert_true(t->cut);
    t = ask(state, "document_none", "stream: false");
    expect(t, REASON_JSON, "");
}

static void test_large_answers_are_judged(void **state)
{
    struct told *t = ask(state, "big", "expect: {answer: {contains: word}, finish: [stop]}");
    good(t);
    t = ask(state, "big", "expect: {answer: {contains: absent}}");
    expect(t, REASON_ANSWER, "");
    assert_int_equal(t->body_len, 1024);
}

static void test_marks(void **state)
{
    static const enum mark_kind kinds[] = {MARK_REQUEST, MARK_HEADERS,    MARK_PING,  MARK_EVENT,
                                           MARK_TEXT,    MARK_PING,       MARK_TEXT,  MARK_EVENT,
                                           MARK_EVENT,   MARK_TERMINATOR, MARK_CLOSED};
    struct told *t = ask(state, "slow", "");
    good(t);
    assert_int_equal(t->marks, countof(kinds));
    for (size_t i = 0; i < countof(kinds); i++) {
        assert_int_equal(t->mark[i], kinds[i]);
        assert_true(i == 0 || t->mark_us[i] >= t->mark_us[i - 1]);
    }
    assert_string_equal(t->mark_text[4], "ready");
    assert_string_equal(t->mark_text[6], " now");
}

static void test_tools_and_reasoning(void **state)
{
    struct told *t = ask(state, "calls", "expect: {tool: get_weather}");
    good(t);
    assert_string_equal(t->tools, "get_weather");
    assert_true(t->result.answer.flags & ANSWER_TOOLS);
    t = ask(state, "reasons", "");
    expect(t, REASON_ANSWER, "");
    assert_true(t->result.answer.flags & ANSWER_REASONED);
    assert_int_equal(t->result.answer.first_token_us, 0);
    good(ask(state, "reasons", "expect: {empty: true}"));
}

/* ---- what goes wrong ---------------------------------------------------------------- */

static void test_ends(void **state)
{
    struct told *t = ask(state, "no_end", "");
    expect(t, REASON_SSE_TRUNCATED, "without its terminator");
    assert_true(t->result.answer.flags & ANSWER_CUT);
    t = ask(state, "cut", "");
    expect(t, REASON_SSE_TRUNCATED, "the connection closed");
    assert_true(t->result.answer.first_token_us > 0);
    t = ask(state, "comments", "");
    expect(t, REASON_SSE_TRUNCATED, "");
    assert_int_equal(t->result.answer.events, 0);
    assert_int_equal(t->result.answer.first_event_us, 0);
    t = ask(state, "after_end", ""); /* what follows the end is nobody's business */
    good(t);
    assert_string_equal(t->text, "ready now");
    assert_int_equal(t->result.total_us, t->result.answer.last_event_us);
    assert_true(t->result.phases.transfer_us <= t->result.total_us);
    t = ask(state, "ends_late", ""); /* nor how long it takes to close */
    good(t);
    assert_int_equal(t->result.total_us, t->result.answer.last_event_us);
    assert_true(t->result.phases.transfer_us <= t->result.total_us);
}

/* A stream without a terminator of its own ends with its connection, but not within an
 * event. */
static void test_ends_by_close(void **state)
{
    struct told *t = ask(state, "words", "protocol: sse");
    good(t);
    assert_string_equal(t->text, "onetwo");
    assert_int_equal(t->result.answer.flags, ANSWER_STREAMED | ANSWER_ENDED);
    t = ask(state, "half_a_word", "protocol: sse");
    expect(t, REASON_SSE_TRUNCATED, "");
    assert_string_equal(t->text, "one");
    assert_true(t->result.answer.flags & ANSWER_CUT);
    expect(ask(state, "words", "protocol: sse, read: {end: {event: done}}"), REASON_SSE_TRUNCATED,
           "without its terminator");
}

static void test_errors(void **state)
{
    struct told *t = ask(state, "error", "");
    expect(t, REASON_ANSWER_ERROR, "the GPU fell off");
    assert_true(t->result.answer.flags & ANSWER_ERROR);
    assert_int_equal(t->result.answer.cost, -1);
    expect(ask(state, "error_rate", ""), REASON_RATE_LIMITED, "slow down");
    expect(ask(state, "document_error", "stream: false"), REASON_OVERLOADED, "too busy");
    expect(ask(state, "document_error", ""), REASON_OVERLOADED, "too busy");
    t = ask(state, "malformed", "");
    expect(t, REASON_SSE_PROTOCOL, "JSON");
    assert_true(t->result.answer.flags & ANSWER_MALFORMED);
    assert_non_null(strstr(t->body, "oops"));
}

static void test_other_form(void **state)
{
    expect(ask(state, "document", ""), REASON_SSE_PROTOCOL, "a JSON document came");
    expect(ask(state, "html", ""), REASON_SSE_PROTOCOL, "text/html came");
    expect(ask(state, "whole", "stream: false"), REASON_JSON, "a stream of events came");
    good(ask(state, "untyped", ""));
}

static void test_too_much(void **state)
{
    struct told *t = ask(state, "endless", "max_body: 256KiB");
    expect(t, REASON_BODY, "the body is over 256KiB");
    assert_int_equal(t->body_len, 1024);
    t = ask(state, "long_line", "");
    expect(t, REASON_SSE_PROTOCOL, "");
    t = ask_in(*state, "endless_slow", "", 200000);
    expect(t, REASON_TOTAL_TIMEOUT, "did not end within 200ms");
    assert_true(t->result.total_us >= 200000);
    assert_true(t->result.answer.events > 0);
}

/* Asks with a first_event_timeout of 120 ms; where the machine is so busy that not even the
 * head came by then, with longer ones. */
static struct told *await_event(void **state, const char *path, const char *more,
                                enum reason reason, const char *message)
{
    struct told *t;
    int ms = 120;
    for (int again = 2;; ms *= 5, again--) {
        char keys[100];
        snprintf(keys, sizeof(keys), "first_event_timeout: %dms%s", ms, more);
        t = ask(state, path, keys);
        if (t->result.reason != REASON_TTFB_TIMEOUT || !again)
            break;
    }
    expect(t, reason, message);
    assert_true(t->result.total_us >= (int64_t)ms * 1000);
    return t;
}

static void test_stalls(void **state)
{
    const char *idle = "idle_timeout: 120ms";
    struct told *t = ask(state, "stall_response", "first_event_timeout: 120ms");
    expect(t, REASON_TTFB_TIMEOUT, "no response within 120ms");
    assert_true(t->result.total_us >= 120000);
    await_event(state, "stall_head", "", REASON_EVENT_TIMEOUT, "the headers did not end");
    t = await_event(state, "stall_event", "", REASON_EVENT_TIMEOUT, "no event within ");
    assert_int_equal(t->result.code, 200);
    await_event(state, "comments_hold", "", REASON_EVENT_TIMEOUT, "no event within ");
    t = ask(state, "stall_token", idle);
    expect(t, REASON_IDLE_TIMEOUT, "no event for 120ms: 1 came");
    t = await_event(state, "stall_middle", ", idle_timeout: 130ms", REASON_IDLE_TIMEOUT, "2 came");
    assert_true(t->result.total_us >= 130000 + (int64_t)t->result.answer.last_event_us);
    assert_true(t->result.answer.gap_us >= 130000);
    expect(ask(state, "stall_end", idle), REASON_IDLE_TIMEOUT, "3 came");
    expect(ask_in(*state, "stall_event", "", 400000), REASON_TOTAL_TIMEOUT, "0 body bytes");
}

static void test_packed(void **state)
{
    good(ask(state, "packed", ""));
    expect(ask(state, "packed_broken", ""), REASON_PROTOCOL, "is not");
    expect(ask(state, "packed_other", ""), REASON_PROTOCOL, "packed by br");
    expect(ask(state, "packed_bomb", ""), REASON_BODY, "unpacks to more than 256KiB");
    expect(ask(state, "packed_bomb", "max_body: 64KiB"), REASON_BODY, "over 64KiB");
    good(ask(state, "packed_document", "stream: false"));
    expect(ask(state, "packed_document_cut", "stream: false"), REASON_TRUNCATED, "middle");
}

static void test_connections(void **state)
{
    struct bench *b = *state;
    struct fixture f;
    struct told *t;
    declare(b, &f, "whole", "");
    ((struct agent_spec *)f.def.spec)->http.url = "http://127.0.0.1:1/";
    t = run_def(b, &f);
    expect(t, REASON_CONNECT, "refused");
    assert_int_equal(t->result.answer.tokens_in, 0); /* nobody was asked */
    assert_int_equal(t->result.answer.tokens_out, 0);
    assert_int_equal(t->result.answer.cost, 0);
    fixture_release(&f);
    declare(b, &f, "whole", "reuse: true");
    good(run_def(b, &f));
    assert_false(b->told.result.flags & RESULT_REUSED);
    good(run_def(b, &f));
    assert_true(b->told.result.flags & RESULT_REUSED);
    fixture_release(&f);
}

/* ---- several requests --------------------------------------------------------------- */

static void step_fails(struct bench *b, const char *path, const char *keys, enum reason reason,
                       const char *message)
{
    struct fixture f;
    declare_tool(b, &f, path, keys);
    struct told *t = run_def(b, &f);
    expect(t, reason, message);
    assert_int_equal(t->result.answer.tokens_out, 0); /* nobody was asked for an answer */
    assert_int_equal(t->result.answer.cost, 0);
    assert_int_equal(t->result.answer.headers_us, 0);
    fixture_release(&f);
}

static void test_steps(void **state)
{
    struct bench *b = *state;
    struct fixture f;
    declare_tool(b, &f, "mcp", "");
    struct told *t = run_def(b, &f);
    good(t);
    assert_string_equal(t->text, "hello");
    assert_int_equal(t->hops, 4); /* initialize, the notification, tools/list, tools/call */
    assert_true(t->result.total_us > t->result.answer.last_event_us); /* of the last alone */
    assert_int_equal(t->result.answer.events, 1);
    fixture_release(&f);
    step_fails(b, "mcp_limited", "", REASON_RATE_LIMITED, "initialize: ");
    step_fails(b, "mcp_tools", "", REASON_ANSWER, "echo");
    declare_tool(b, &f, "mcp_stall", "");
    f.def.timeout_us = 100000;
    expect(run_def(b, &f), REASON_TTFB_TIMEOUT, "initialize: no response within");
    fixture_release(&f);
    declare_tool(b, &f, "mcp_call_stall", ", first_event_timeout: 100ms");
    t = run_def(b, &f);
    expect(t, REASON_EVENT_TIMEOUT, "no event within 100ms");
    assert_int_equal(t->result.answer.tokens_out, -1); /* that one was */
    fixture_release(&f);
}

/* The session is closed when the run is over; the run does not wait for that. */
static void test_parting(void **state)
{
    struct bench *b = *state;
    struct fixture f;
    declare_tool(b, &f, "mcp", "");
    good(run_def(b, &f));
    assert_false(http_client_idle(b->runs->http));
    while (!http_client_idle(b->runs->http))
        uv_run(&b->runs->loop, UV_RUN_ONCE);
    fixture_release(&f);
    good(ask(state, "sessions", "stream: false, expect: {answer: {matches: 'closed [1-9]'}}"));
}

/* ---- what is asked, and shown ------------------------------------------------------- */

static void test_nonce(void **state)
{
    char first[5000];
    const char *keys = "headers: {X-Run: 'run {nonce}'}, system: 's {nonce}', "
                       "prompt: 'a {nonce} b {nonce}'";
    struct told *t = ask(state, "echo", keys);
    good(t);
    snprintf(first, sizeof(first), "%s", t->text);
    assert_null(strstr(first, "{nonce}"));
    char *at = strstr(first, "X-Run: run ");
    assert_non_null(at);
    char nonce[17] = "";
    memcpy(nonce, at + strlen("X-Run: run "), 16);
    assert_int_equal(strspn(nonce, "0123456789abcdef"), 16);
    size_t seen = 0;
    for (char *p = first; (p = strstr(p, nonce)) != NULL; p++)
        seen++;
    assert_int_equal(seen, 4); /* the same all over a run */
    t = ask(state, "echo", keys);
    assert_null(strstr(t->text, nonce));
}

static void test_request(void **state)
{
    struct told *t = ask(state, "echo", "auth: {bearer: sesame-open-up}, max_tokens: 5");
    good(t);
    assert_non_null(strstr(t->text, "max_tokens\\\":5"));
    assert_non_null(strstr(t->text, "Accept: text/event-stream"));
    assert_non_null(strstr(t->text, "Accept-Encoding: identity"));
    assert_null(strstr(t->text, "sesame"));
    bool hidden = false;
    for (int i = 0; i < t->marks && i < MARKS_MAX; i++) {
        assert_null(strstr(t->mark_text[i], "sesame"));
        assert_null(strstr(t->mark_name[i], "sesame"));
        hidden |= str_starts(t->mark_name[i], "****");
    }
    assert_true(hidden);
    t = ask(state, "denied?api_key=verysecret", "auth: {bearer: sesame-open-up}");
    expect(t, REASON_STATUS, "got 401: bad key ***");
    assert_non_null(strstr(t->body, "bad key ***"));
    assert_null(strstr(t->url, "verysecret"));
    t = ask(state, "echo", "headers: {Accept: '*/*'}");
    assert_null(strstr(t->text, "text/event-stream"));
}

/* ---- Retry-After --------------------------------------------------------------------------- */

static bool held_at(struct bench *b, const struct fixture *f, int64_t after_s, struct held_slot *h)
{
    return probe_agent.held(&b->runs->env, &f->def, b->memory, NOW_US + after_s * USEC_PER_SEC, h);
}

static void waits(struct bench *b, const char *path, const char *keys, enum reason reason,
                  int64_t seconds)
{
    struct fixture f;
    struct held_slot h;
    declare(b, &f, path, keys);
    b->memory = probe_agent.memory_new(&f.def);
    assert_false(held_at(b, &f, 0, &h));
    expect(run_def(b, &f), reason, "got ");
    if (seconds) {
        assert_true(held_at(b, &f, seconds - 1, &h));
        assert_int_equal(h.outcome, OUTCOME_BAD);
        assert_int_equal(h.reason, reason);
        assert_non_null(strstr(h.message, "not sent: it asked to be left alone until 2023-11-14T"));
        assert_non_null(strstr(h.message, "got "));
    }
    assert_false(held_at(b, &f, seconds, &h));
    probe_agent.memory_free(b->memory);
    b->memory = NULL;
    fixture_release(&f);
}

static void test_retry_after(void **state)
{
    struct bench *b = *state;
    waits(b, "limited", "", REASON_RATE_LIMITED, 120);
    waits(b, "limited_date", "", REASON_RATE_LIMITED, 60);
    waits(b, "limited_long", "", REASON_RATE_LIMITED, 600);
    waits(b, "limited_bare", "", REASON_RATE_LIMITED, 0);
    waits(b, "overloaded", "", REASON_OVERLOADED, 5);
    waits(b, "overloaded_529", "", REASON_OVERLOADED, 0);
    waits(b, "unavailable", "", REASON_STATUS, 0);
    waits(b, "limited", "retry_after_max: 30s", REASON_RATE_LIMITED, 30);
    waits(b, "limited", "retry_after_max: 0s", REASON_RATE_LIMITED, 0);
}

/* ---- what it costs ------------------------------------------------------------------ */

static const struct price price = {.model = "m", .in = 150000, .out = 600000, .cached = 75000};

static struct told *priced(struct bench *b, const char *path)
{
    struct fixture f;
    declare(b, &f, path, "");
    ((struct agent_spec *)f.def.spec)->price = &price;
    struct told *t = run_def(b, &f);
    fixture_release(&f);
    return t;
}

static void test_cost(void **state)
{
    struct bench *b = *state;
    struct told *t = priced(b, "whole");
    /* (10 - 4) * 0.15 + 4 * 0.075 + 20 * 0.60, of a millionth */
    assert_int_equal(t->result.answer.cost, 6 * 150000 + 4 * 75000 + 20 * 600000);
    t = priced(b, "usage_none");
    good(t);
    assert_int_equal(t->result.answer.tokens_out, -1);
    assert_int_equal(t->result.answer.cost, -1);
    t = priced(b, "usage_absurd");
    good(t);
    assert_int_equal(t->result.answer.tokens_in, -1);
    assert_int_equal(t->result.answer.tokens_out, -1);
    assert_int_equal(t->result.answer.cost, -1);
    assert_true(t->result.answer.flags & ANSWER_ABSURD);
}

static void test_spend(void **state)
{
    struct bench *b = *state;
    struct fixture f;
    struct held_slot h;
    struct spend_caps now;
    struct spend *s = b->runs->env.spend = spend_new();
    declare(b, &f, "whole", "max_tokens: 50, spend: {hour: {tokens: 150}}");
    struct spend_account *a = spend_account(s, f.def.id);
    for (int i = 0; i < 2; i++) { /* it takes under 110, and used 30 */
        assert_false(held_at(b, &f, 0, &h));
        good(run_def(b, &f));
        spend_now(s, a, NOW_US, &now);
        assert_int_equal(now.tokens_hour, 30 * (i + 1));
    }
    assert_true(held_at(b, &f, 0, &h));
    assert_int_equal(h.outcome, OUTCOME_EXCLUDED);
    assert_int_equal(h.reason, REASON_SPEND_CAP);
    assert_non_null(strstr(h.message, "150"));
    assert_false(held_at(b, &f, 3600, &h)); /* the next hour */
    /* Cancelled in its middle it counts as what it may have come to, before it is sent not. */
    void *run = probe_agent.start(&b->runs->env, &f.def, NULL, on_done, &b->told);
    spend_now(s, a, NOW_US, &now);
    int64_t taken = now.tokens_hour;
    assert_true(taken > 60 + 50);
    probe_agent.cancel(run);
    spend_now(s, a, NOW_US, &now);
    assert_int_equal(now.tokens_hour, taken);
    fixture_release(&f);
    declare(b, &f, "stall_event", "first_event_timeout: 50ms");
    spend_now(s, a, NOW_US, &now);
    taken = now.tokens_hour;
    expect(run_def(b, &f), REASON_EVENT_TIMEOUT, "");
    spend_now(s, a, NOW_US, &now);
    assert_true(now.tokens_hour >= taken + AGENT_TOKENS_UNSAID); /* nobody said what it used */
    fixture_release(&f);
    b->runs->env.spend = NULL;
    spend_free(s);
}

/* ---- cancel ------------------------------------------------------------------------- */

/* Cancels once a mark of this kind came; before any for MARK_REQUEST. */
static void cancel_at(struct bench *b, const char *path, const char *keys, enum mark_kind kind)
{
    struct fixture f;
    declare(b, &f, path, keys);
    b->told = (struct told){0};
    void *run = probe_agent.start(&b->runs->env, &f.def, NULL, on_done, &b->told);
    for (bool seen = false; !seen;) {
        for (int i = 0; i < b->told.marks && i < MARKS_MAX; i++)
            seen |= b->told.mark[i] == kind;
        if (!seen)
            uv_run(&b->runs->loop, UV_RUN_ONCE);
    }
    assert_int_equal(b->told.calls, 0);
    probe_agent.cancel(run);
    uv_run(&b->runs->loop, UV_RUN_NOWAIT);
    assert_int_equal(b->told.calls, 0);
    fixture_release(&f);
}

static void test_cancel(void **state)
{
    struct bench *b = *state;
    cancel_at(b, "stall_response", "first_event_timeout: 3s", MARK_REQUEST);
    cancel_at(b, "stall_event", "first_event_timeout: 3s", MARK_HEADERS);
    cancel_at(b, "stall_token", "idle_timeout: 3s", MARK_EVENT);
    cancel_at(b, "stall_middle", "", MARK_TEXT);
    cancel_at(b, "after_end", "", MARK_TERMINATOR);
    struct fixture f;
    declare_tool(b, &f, "mcp", "");
    for (int turns = 0; turns < 12; turns++) { /* wherever the talk is by then */
        b->told = (struct told){0};
        void *run = probe_agent.start(&b->runs->env, &f.def, NULL, on_done, &b->told);
        for (int i = 0; i < turns && !b->told.calls; i++)
            uv_run(&b->runs->loop, UV_RUN_ONCE);
        if (!b->told.calls)
            probe_agent.cancel(run);
    }
    fixture_release(&f);
    cancel_at(b, "big", "expect: {answer: {contains: word}}", MARK_CLOSED); /* on the pool */
}

/* ---- memory ------------------------------------------------------------------------- */

#define MANY 200
#define STREAM_BYTES_MAX (48 << 10)

static void on_counted(void *ctx, const struct answer_mark *m)
{
    ((struct bench *)ctx)->told.marks += m->kind == MARK_TEXT;
}

/* What streams take that are under way, each of them having said something. */
static void test_memory(void **state)
{
    struct bench *b = *state;
    struct fixture f;
    void *runs[MANY];
    declare(b, &f, "stall_middle", "idle_timeout: 4s");
    b->told = (struct told){0};
    b->runs->env.watch = on_counted;
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < MANY; i++)
        runs[i] = probe_agent.start(&b->runs->env, &f.def, NULL, on_done, &b->told);
    while (b->told.marks < MANY)
        uv_run(&b->runs->loop, UV_RUN_ONCE);
    size_t each = (mallinfo2().uordblks - before) / MANY;
    print_message("%zu bytes a stream\n", each);
    assert_true(each < STREAM_BYTES_MAX);
    for (int i = 0; i < MANY; i++)
        probe_agent.cancel(runs[i]);
    assert_int_equal(b->told.calls, 0);
    b->runs->env.watch = on_mark;
    fixture_release(&f);
}

/* ---- the bench ---------------------------------------------------------------------- */

static int64_t wall_us(void *ctx)
{
    (void)ctx;
    return NOW_US;
}

static int setup(void **state)
{
    struct bench *b = mem_alloc(sizeof(*b));
    void *runs;
    runs_setup(&runs, "answers.py");
    b->runs = runs;
    b->runs->env.wall_us = wall_us;
    b->runs->env.ctx = b;
    b->runs->env.watch = on_mark;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    void *runs = b->runs;
    free(b);
    return runs_teardown(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_bytewise),
        cmocka_unit_test(test_document),
        cmocka_unit_test(test_large_answers_are_judged),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_tools_and_reasoning),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_ends_by_close),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_other_form),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_stalls),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_parting),
        cmocka_unit_test(test_nonce),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_spend),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
