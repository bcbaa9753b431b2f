/*
 * From an agent's answer to a verdict: pure, no clock, no loop. May run on any thread
 * with a jsonpath of its own.
 */
#pragma once

#include "nines/answer.h"
#include "probe/answer_expect.h"
#include "probe/judge.h"
#include "wire/agent.h"

#include <stdbool.h>
#include <stdint.h>

struct answer_input {
    /* Of the request for the answer: its head. A `reason` of its own, or a local fault,
     * is the verdict; a run that ended the transfer itself, as the answer was over, says
     * REASON_NONE. The body is not looked at. */
    const struct http_response *resp;
    int64_t total_us; /* all steps */
    int64_t wall_us;  /* now, for certificates */
    /* What the run found wrong: a deadline, a document in place of a stream. It counts
     * when the status is one that is expected. REASON_NONE: nothing. */
    enum reason fault;
    const char *fault_text;      /* for people; NULL: nothing */
    const struct answer *answer; /* its numbers, complete; tells by its flags how it ended */
    const struct agent_answer *said;
    struct jsonpath *json; /* may be NULL unless e->reads_json */
};

/*
 * Judges. Status and headers come first; then what kept the answer from being one:
 * `fault`, an error in it (answer_error; rate_limited or overloaded if its code says
 * so), what its protocol does not have (sse_protocol of streams, json of documents), an
 * end without its terminator (sse_truncated). Of a whole answer all assertions are listed:
 * those on what it says (reason answer), then on times and speed (latency), cost (cost)
 * and certificates. The first failing one names the reason. A status 529 is
 * overloaded, as 503 with Retry-After is. `ret` holds pointers into itself: do not copy.
 */
void answer_judge(const struct agent_expect *e, const struct answer_input *in, struct verdict *ret);

/* Whether judging may take long, so that it belongs on the worker pool: by the size of the
 * text, and of the arguments of calls. */
bool answer_judge_heavy(const struct agent_expect *e, const struct agent_answer *said);

/* RATE_LIMITED, OVERLOADED or ANSWER_ERROR, by the code of an error. */
enum reason answer_error_reason(const char *code);
