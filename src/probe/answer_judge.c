#include "probe/answer_judge.h"

#include "base/mem.h"
#include "base/units.h"
#include "io/http.h"
#include "probe/answer_refusal.h"
#include "probe/answer_schema.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define CALLS_SHOWN_MAX SEEN_TEXT_MAX
/* What is judged at once: in bytes of text and arguments, and less of them if each value
 * may be held against many schemas. */
#define LIGHT (16u << 10)
#define LIGHT_SCHEMA (2u << 10)

/* A judgement on its way. `text` is the answer's without white space around it. */
struct judging {
    const struct agent_expect *e;
    const struct answer_input *in;
    struct verdict *v;
    const char *text;
    size_t len;
    bool cut; /* there was more text than is kept */
};

/* Lists an assertion; the first that fails names the reason. */
static void see(struct judging *j, bool ok, enum reason reason, const char *what, const char *seen)
{
    verdict_see(j->v, ok, what, seen);
    if (!ok && j->v->outcome == OUTCOME_GOOD)
        verdict_fail(j->v, reason, "expected %s; got %s", what, seen);
}

/* ---- the response ------------------------------------------------------------------ */

static void judge_head(struct judging *j)
{
    const struct answer_input *in = j->in;
    const struct agent_answer *said = in->said;
    struct judge_input head = {.resp = in->resp, .total_us = in->total_us, .wall_us = in->wall_us};
    char message[VERDICT_MESSAGE_MAX];
    for (size_t i = 0; i < j->e->http.check_count; i++) {
        const struct check *ch = &j->e->http.checks[i];
        if (ch->kind == CHECK_STATUS || ch->kind == CHECK_HEADER)
            judge_check(&j->e->http, ch, &head, NULL, j->v);
    }
    if (j->v->outcome == OUTCOME_GOOD)
        return;
    str_copy(message, sizeof(message), j->v->message);
    if (j->v->reason == REASON_STATUS && in->resp->status == 529)
        j->v->reason = REASON_OVERLOADED;
    if (said->error[0] && !status_set_has(&j->e->http.status, in->resp->status))
        verdict_fail(j->v, j->v->reason, "%s: %s", message, said->error);
}

static void judge_end(struct judging *j)
{
    const struct answer_input *in = j->in;
    struct judge_input head = {.resp = in->resp, .total_us = in->total_us, .wall_us = in->wall_us};
    for (size_t i = 0; i < j->e->http.check_count; i++) {
        const struct check *ch = &j->e->http.checks[i];
        if (ch->kind != CHECK_STATUS && ch->kind != CHECK_HEADER)
            judge_check(&j->e->http, ch, &head, NULL, j->v);
    }
}

/* ---- whether it is an answer ------------------------------------------------------ */

enum reason answer_error_reason(const char *code)
{
    static const struct {
        const char *part;
        enum reason reason;
    } known[] = {{"rate_limit", REASON_RATE_LIMITED},
                 {"ratelimit", REASON_RATE_LIMITED},
                 {"throttl", REASON_RATE_LIMITED},
                 {"too_many_requests", REASON_RATE_LIMITED},
                 {"429", REASON_RATE_LIMITED},
                 {"insufficient_quota", REASON_RATE_LIMITED},
                 {"overloaded", REASON_OVERLOADED},
                 {"529", REASON_OVERLOADED},
                 {"503", REASON_OVERLOADED},
                 {"unavailable", REASON_OVERLOADED},
                 {"resource_exhausted", REASON_RATE_LIMITED}};
    char lower[AGENT_NAME_MAX];
    str_copy(lower, sizeof(lower), code);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (size_t i = 0; i < countof(known); i++) {
        const char *at = strstr(lower, known[i].part);
        bool number = isdigit((unsigned char)known[i].part[0]);
        if (at && (!number || str_eq(lower, known[i].part)))
            return known[i].reason;
    }
    return REASON_ANSWER_ERROR;
}

static void not_whole(struct judging *j, enum reason reason, const char *seen)
{
    char text[SEEN_TEXT_MAX];
    judge_show(text, sizeof(text), seen, strlen(seen));
    verdict_see(j->v, false, "a whole answer", text);
    verdict_fail(j->v, reason, "%s", seen);
}

/* False: what came is none, and says nothing to be asserted. */
static bool judge_whole(struct judging *j)
{
    const struct answer *a = j->in->answer;
    const struct agent_answer *said = j->in->said;
    bool streamed = a->flags & ANSWER_STREAMED;
    char seen[SEEN_TEXT_MAX];
    if (j->in->fault != REASON_NONE)
        not_whole(j, j->in->fault, j->in->fault_text);
    else if (a->flags & ANSWER_ERROR)
        not_whole(j, answer_error_reason(said->error_code),
                  said->error[0] ? said->error : "the answer says that it failed");
    else if (a->flags & ANSWER_MALFORMED)
        not_whole(j, streamed ? REASON_SSE_PROTOCOL : REASON_JSON,
                  said->error[0] ? said->error : "it is not of the protocol");
    else if (!(a->flags & ANSWER_ENDED))
        not_whole(j, streamed ? REASON_SSE_TRUNCATED : REASON_TRUNCATED,
                  streamed ? "the stream ended without its terminator"
                           : "the answer does not say that it is over");
    if (j->v->outcome != OUTCOME_GOOD)
        return false;
    snprintf(seen, sizeof(seen), "%" PRIu32 " event%s", a->events, a->events == 1 ? "" : "s");
    verdict_see(j->v, true, "a whole answer", streamed ? seen : "one document");
    return true;
}

/* ---- what it says ------------------------------------------------------------------ */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *len)
{
    while (*len && is_space(**text)) {
        ++*text;
        --*len;
    }
    while (*len && is_space((*text)[*len - 1]))
        --*len;
}

/* The names of what is called: "a, b"; "no call". */
static const char *show_calls(const struct agent_answer *said, char buf[static CALLS_SHOWN_MAX])
{
    char name[AGENT_NAME_MAX];
    struct str names;
    str_init(&names, CALLS_SHOWN_MAX - 4);
    for (size_t i = 0; i < said->tool_count; i++) {
        judge_show(name, sizeof(name), said->tools[i].name, strlen(said->tools[i].name));
        str_addf(&names, "%s%s", i ? ", " : "", name);
    }
    snprintf(buf, CALLS_SHOWN_MAX, "%s%s",
             said->calls ? names.len ? names.buf : "a call" : "no call",
             names.overflow || said->calls > said->tool_count ? "..." : "");
    str_release(&names);
    return buf;
}

static void judge_said_something(struct judging *j)
{
    char seen[SEEN_TEXT_MAX];
    const struct answer *a = j->in->answer;
    if (j->e->empty)
        return;
    if (j->len)
        judge_show_body(seen, sizeof(seen), j->text, j->len);
    else if (j->in->said->calls)
        show_calls(j->in->said, seen);
    else
        str_copy(seen, sizeof(seen),
                 a->flags & ANSWER_REASONED ? "reasoning alone" : "an empty answer");
    see(j, j->len || j->in->said->calls, REASON_ANSWER, "text or a tool call", seen);
}

static bool refuses(const struct judging *j)
{
    const struct refusal_rule *r = &j->e->refusal;
    if (j->in->said->refused)
        return true;
    if (j->in->said->calls)
        return false; /* it does something */
    for (size_t i = 0; i < r->own.n; i++) {
        if (refusal_is(j->text, j->len, r->own.at[i]))
            return true;
    }
    return !r->own.n && refusal_begins(j->text, j->len);
}

static void judge_refusal(struct judging *j)
{
    char seen[SEEN_TEXT_MAX] = "none";
    if (j->e->refusal.allowed)
        return;
    bool refused = refuses(j);
    if (refused && j->len)
        judge_show(seen, sizeof(seen), j->text, j->len);
    else if (refused)
        str_copy(seen, sizeof(seen), "one, by the protocol's word");
    see(j, !refused, REASON_ANSWER, "no refusal", seen);
}

/* What is not kept might have been what is asked for, or is not to be there. */
static void judge_texts(struct judging *j)
{
    for (size_t i = 0; i < j->e->text.n; i++) {
        const struct check *ch = &j->e->text.at[i];
        char seen[SEEN_TEXT_MAX];
        judge_show_body(seen, sizeof(seen), j->text, j->len);
        bool ok = judge_text(ch, j->text, j->len, seen, sizeof(seen)) == 1;
        if (j->cut && !(ok && (ch->op == OP_CONTAINS || ch->op == OP_LIKE))) {
            ok = false;
            str_copy(seen, sizeof(seen), "more text than is kept");
        }
        see(j, ok, REASON_ANSWER, ch->what, seen);
    }
}

/* The text that is JSON: a single Markdown code fence around it is taken off. */
static bool unfence(const char **text, size_t *len)
{
    const char *p = *text, *end = p + *len;
    if (*len < 7 || memcmp(p, "```", 3) != 0 || memcmp(end - 3, "```", 3) != 0)
        return false;
    const char *line = memchr(p, '\n', *len);
    if (!line || line > end - 3)
        return false;
    for (const char *word = p + 3; word < line; word++) {
        if (!isalnum((unsigned char)*word) && !is_space(*word))
            return false;
    }
    *text = line + 1;
    *len = (size_t)(end - 3 - *text);
    trim(text, len);
    return true;
}

static void judge_documents(struct judging *j)
{
    const struct agent_expect *e = j->e;
    const char *text = j->text, *not_json = NULL;
    size_t len = j->len;
    struct err err;
    char seen[SEEN_TEXT_MAX];
    bool fenced = unfence(&text, &len);
    if (j->cut)
        not_json = "more text than is kept";
    else if (e->json.n && jsonpath_open(j->in->json, text, len, &err) < 0)
        not_json = err.msg;
    for (size_t i = 0; i < e->json.n; i++) {
        bool ok = !not_json && judge_json(&e->json.at[i], j->in->json, seen, sizeof(seen)) == 1;
        see(j, ok, REASON_ANSWER, e->json.at[i].what, not_json ? not_json : seen);
    }
    if (!e->schema)
        return;
    bool fits = !j->cut && answer_schema_check(e->schema, text, len, &err) == 0;
    see(j, fits, REASON_ANSWER, "JSON by its schema",
        fits     ? fenced ? "it, in a code fence" : "it"
        : j->cut ? not_json
                 : err.msg);
}

/* ---- tools ------------------------------------------------------------------ */

/* Whether a call has all the arguments; if not, `seen` says which it has not. */
static bool has_arguments(struct judging *j, const struct expected_tool *want,
                          const struct agent_tool *tool, char *seen, size_t size)
{
    struct err err;
    const struct str *json = &tool->arguments;
    const char *text = json->len ? json->buf : "{}"; /* none at all are written so, too */
    if (want->arguments.n == 0)
        return true;
    if (jsonpath_open(j->in->json, text, strlen(text), &err) < 0) {
        snprintf(seen, size, "arguments that are %.64s", err.msg);
        return false;
    }
    for (size_t i = 0; i < want->arguments.n; i++) {
        char value[SEEN_TEXT_MAX];
        const struct check *ch = &want->arguments.at[i];
        if (judge_json(ch, j->in->json, value, sizeof(value)) == 1)
            continue;
        snprintf(seen, size, "%.40s %.50s", ch->subject, value);
        return false;
    }
    return true;
}

static void judge_tool(struct judging *j, const struct expected_tool *want)
{
    const struct agent_answer *said = j->in->said;
    char seen[SEEN_TEXT_MAX];
    bool ok = false;
    show_calls(said, seen);
    for (size_t i = 0; i < said->tool_count && !ok; i++) {
        if (str_eq(said->tools[i].name, want->name))
            ok = has_arguments(j, want, &said->tools[i], seen, sizeof(seen));
    }
    see(j, ok, REASON_ANSWER, want->what, ok ? "it" : seen);
}

/* ---- numbers ------------------------------------------------------------------ */

static void judge_finish(struct judging *j)
{
    const struct agent_expect *e = j->e;
    const char *finish = j->in->said->finish;
    char seen[SEEN_TEXT_MAX];
    bool ok = false;
    if (e->finish.n == 0)
        return;
    for (size_t i = 0; i < e->finish.n; i++)
        ok = ok || str_eq(e->finish.at[i], finish);
    judge_show(seen, sizeof(seen), finish, strlen(finish));
    see(j, ok, REASON_ANSWER, e->finish_what, *finish ? seen : "an end without a word why");
}

static void judge_tokens(struct judging *j)
{
    char seen[SEEN_TEXT_MAX] = "no count of tokens";
    int32_t n = j->in->answer->tokens_out;
    if (!j->e->min_tokens)
        return;
    if (n >= 0)
        snprintf(seen, sizeof(seen), "%" PRId32, n);
    see(j, n >= j->e->min_tokens, REASON_ANSWER, j->e->min_tokens_what, seen);
}

static void show_speed(const struct answer *a, char *seen, size_t size)
{
    int64_t tokens, us;
    if (!answer_speed(a, &tokens, &us))
        return;
    int64_t milli = tokens * 1000000000 / us; /* at most 10^17 */
    snprintf(seen, size, "%" PRId64 ".%" PRId64 " tokens a second", milli / 1000,
             milli % 1000 / 100);
}

/* What was seen of a measure; "not known" with the cause where it is not. */
static void show_measure(const struct answer *a, enum answer_measure m, char *seen, size_t size)
{
    char text[UNITS_MAX];
    str_copy(seen, size,
             m == MEASURE_SPEED  ? "no count of tokens"
             : m == MEASURE_COST ? "a cost that is not known"
                                 : "no token");
    if (m == MEASURE_TTFT && a->first_token_us)
        str_copy(seen, size, units_human_us(text, a->first_token_us));
    else if (m == MEASURE_GAP && a->last_event_us)
        str_copy(seen, size, units_human_us(text, a->gap_us));
    else if (m == MEASURE_COST && a->cost >= 0)
        str_copy(seen, size, answer_bound_text(text, m, a->cost));
    else if (m == MEASURE_SPEED)
        show_speed(a, seen, size);
}

static void judge_bounds(struct judging *j)
{
    char seen[SEEN_TEXT_MAX];
    for (int i = MEASURE_NONE + 1; i < MEASURE_COUNT; i++) {
        enum answer_measure m = (enum answer_measure)i;
        if (!j->e->bounds[m])
            continue;
        show_measure(j->in->answer, m, seen, sizeof(seen));
        see(j, answer_keeps(j->in->answer, m, j->e->bounds[m]) == 1,
            m == MEASURE_COST ? REASON_COST : REASON_LATENCY, j->e->whats[m], seen);
    }
}

/* ---- all of it ------------------------------------------------------------------ */

static void judge_answer(struct judging *j)
{
    judge_said_something(j);
    judge_refusal(j);
    judge_texts(j);
    judge_documents(j);
    for (size_t i = 0; i < j->e->tool_count; i++)
        judge_tool(j, &j->e->tools[i]);
    judge_finish(j);
    judge_tokens(j);
    judge_bounds(j);
    judge_end(j);
}

bool answer_judge_heavy(const struct agent_expect *e, const struct agent_answer *said)
{
    size_t bytes = said->text.len;
    for (size_t i = 0; e->tool_count && i < said->tool_count; i++)
        bytes += said->tools[i].arguments.len;
    return bytes > (e->schema ? LIGHT_SCHEMA : LIGHT);
}

void answer_judge(const struct agent_expect *e, const struct answer_input *in, struct verdict *ret)
{
    const struct http_response *r = in->resp;
    const struct str *text = &in->said->text;
    struct judging j = {.e = e, .in = in, .v = ret, .text = text->len ? text->buf : ""};
    j.len = text->len;
    j.cut = in->said->text_bytes > (int64_t)text->len;
    trim(&j.text, &j.len);
    ret->outcome = OUTCOME_GOOD;
    ret->reason = REASON_NONE;
    ret->message[0] = '\0';
    ret->seen_count = 0;
    if (r->local_fault)
        verdict_fail(ret, REASON_PROBER, "%s", r->message);
    else if (r->reason != REASON_NONE)
        verdict_fail(ret, r->reason, "%s", r->message);
    else
        judge_head(&j);
    if (ret->outcome == OUTCOME_GOOD && judge_whole(&j))
        judge_answer(&j);
}
