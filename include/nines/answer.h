/*
 * An agent's answer as it was measured: what a run of an `agent` probe knows
 * beside its result. docs/agents.md is the manual, docs/numbers.md says what the
 * numbers mean. Plain data, copied by value.
 *
 * Times are microseconds since the request for the answer began (of a run of
 * several requests the one that asks for it: name lookup, connect and TLS are in
 * there), at least 1; 0: it did not happen. An event is one of the stream;
 * comments and pings are none. A token is a piece of the answer that its reader
 * is after: text or a tool call, not its role, no reasoning. An answer that came as one document is
 * one event and one token, when it was complete.
 */
#pragma once

#include "base/str.h"
#include "base/units.h"

#include <stdbool.h>
#include <stdint.h>

#define ANSWER_STREAMED 1u   /* came as a stream of events */
#define ANSWER_ENDED 2u      /* said that it is over, by its protocol */
#define ANSWER_CUT 4u        /* the connection ended before that */
#define ANSWER_ERROR 8u      /* an event or document said that it failed */
#define ANSWER_MALFORMED 16u /* an event or document that its protocol does not have */
#define ANSWER_REASONED 32u  /* reasoning came */
#define ANSWER_TOOLS 64u     /* it calls a tool */
#define ANSWER_ABSURD 128u   /* it told token counts that cannot be: they are unknown */

/* A count of tokens above this cannot be. */
#define ANSWER_TOKENS_MAX 100000000

/* Of money: 10^-12 of the currency, so that a price per million tokens with six
 * decimals is whole for one token. */
#define COST_ONE 1000000000000LL

struct answer {
    uint32_t headers_us; /* the response's first line */
    uint32_t first_event_us, first_token_us, last_token_us, last_event_us;
    uint32_t gap_us; /* the longest time without a piece of the answer, reasoning being one:
                        from the first one to the end of the stream */
    uint32_t events;
    uint32_t flags; /* ANSWER_* */
    /* As the answer told, -1: it did not. `cached` are among `in`, `reasoning` among
     * `out`. */
    int32_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
    int64_t cost; /* by the prices in force when it ran, or as told; -1: not known */
};

/* What may be promised of one good answer, besides that it is good. */
enum answer_measure {
    MEASURE_NONE,
    MEASURE_TTFT,  /* first_token_us <= bound */
    MEASURE_GAP,   /* gap_us <= bound */
    MEASURE_SPEED, /* tokens a second >= bound / 1000 */
    MEASURE_COST,  /* cost <= bound */
    MEASURE_COUNT
};

/* Implemented in model/answer.c. */
const char *answer_measure_name(enum answer_measure m); /* "ttft_faster_than" */

/* A bound as people write it: "800ms", "30", "0.002". Returns buf. */
char *answer_bound_text(char buf[static UNITS_MAX], enum answer_measure m, int64_t bound);
/* "first token within 800ms"; nothing for MEASURE_NONE. `currency` of a cost: NULL, none. */
void answer_promise(enum answer_measure m, int64_t bound, const char *currency, struct str *out);

/*
 * The time that the answer's tokens took, for its speed: `tokens` of them (those of
 * reasoning aside) in `us`, from the first to the last; if it came in one piece since
 * the request began. False when either is not known, as the tokens are not of an answer
 * that reasoned and does not tell how much of them that took.
 */
bool answer_speed(const struct answer *a, int64_t *ret_tokens, int64_t *ret_us);

/* 1 it keeps the promise, 0 it does not, -1: what it takes to tell is not known. */
int answer_keeps(const struct answer *a, enum answer_measure m, int64_t bound);
