/*
 * What one slot of a probe produced: the record everything else is computed
 * from. Plain data, copied by value; strings travel beside it.
 */
#pragma once

#include "nines/answer.h"

#include <stdbool.h>
#include <stdint.h>

/* What happened to a slot. Never a boolean: excluded results leave the
 * arithmetic, skipped ones are missing data with the prober to blame. */
enum outcome { OUTCOME_GOOD, OUTCOME_BAD, OUTCOME_EXCLUDED, OUTCOME_SKIPPED, OUTCOME_COUNT };

/*
 * Why a result is not good: a closed list. The numbers are stored, so append
 * only. Columns: name, text for people.
 */
#define REASON_MAP(XX)                                                                             \
    XX(NONE, "none", "no failure")                                                                 \
    XX(DNS, "dns", "the name could not be resolved")                                               \
    XX(CONNECT, "connect", "no connection")                                                        \
    XX(TLS, "tls", "the TLS handshake failed")                                                     \
    XX(CERT, "cert", "the certificate is not acceptable")                                          \
    XX(WRITE, "write", "the request could not be sent")                                            \
    XX(TTFB_TIMEOUT, "ttfb_timeout", "no first byte in time")                                      \
    XX(IDLE_TIMEOUT, "idle_timeout", "the response stalled")                                       \
    XX(TOTAL_TIMEOUT, "total_timeout", "the response did not end in time")                         \
    XX(PROTOCOL, "protocol", "the response is not valid HTTP")                                     \
    XX(TRUNCATED, "truncated", "the connection closed before the response ended")                  \
    XX(REDIRECT, "redirect", "the redirects lead nowhere")                                         \
    XX(STATUS, "status", "unexpected status")                                                      \
    XX(HEADER, "header", "a header assertion failed")                                              \
    XX(BODY, "body", "a body assertion failed")                                                    \
    XX(JSON, "json", "a JSON assertion failed")                                                    \
    XX(LATENCY, "latency", "slower than the assertion allows")                                     \
    XX(METRIC, "metric", "a metric assertion failed")                                              \
    XX(SSE_PROTOCOL, "sse_protocol", "the event stream is malformed")                              \
    XX(SSE_TRUNCATED, "sse_truncated", "the event stream ended early")                             \
    XX(RATE_LIMITED, "rate_limited", "the target limits the rate")                                 \
    XX(OVERLOADED, "overloaded", "the target is overloaded")                                       \
    XX(SPEND_CAP, "spend_cap", "the spend cap is reached")                                         \
    XX(PROBER, "prober", "a local fault of the prober")                                            \
    XX(INTERNAL, "internal", "a defect of the prober")                                             \
    XX(HEALTH, "health", "the target says that it is not well")                                    \
    XX(EXPOSITION, "exposition", "the page is not valid exposition text")                          \
    XX(QUERY, "query", "the query was not answered")                                               \
    XX(READINESS, "readiness", "the target says that it is not ready")                             \
    XX(EVENT_TIMEOUT, "event_timeout", "no first event in time")                                   \
    XX(ANSWER_ERROR, "answer_error", "the answer says that it failed")                             \
    XX(ANSWER, "answer", "an assertion on the answer failed")                                      \
    XX(COST, "cost", "dearer than is allowed")

enum reason {
#define XX(sym, name, text) REASON_##sym,
    REASON_MAP(XX)
#undef XX
        REASON_COUNT
};

/*
 * Phases in microseconds, each a difference and never negative. A phase that
 * did not happen (TLS on http, connect on a reused connection) is 0. `dns` ends
 * when the first socket is opened. `send` ends when the request is written, or
 * the last piece of a large body; `wait` then lasts to the first response byte,
 * by our own stamp, taken as soon as the loop is free to. With redirects they
 * are those of the last hop; `total_us` covers all hops.
 */
struct phases {
    int64_t dns_us, connect_us, tls_us, send_us, wait_us, transfer_us;
};

#define RESULT_REUSED 1u   /* came over a kept connection */
#define RESULT_IMPORTED 2u /* not measured by this process */
#define RESULT_SCRAPED 4u  /* its samples are complete: what is not among them was not there */
#define RESULT_ANSWER 8u   /* a run of an agent: `answer` says what it measured */

struct result {
    int64_t slot_us;  /* the slot: where the event counts */
    int64_t done_us;  /* when it became visible; >= slot_us */
    int64_t total_us; /* start of the run to its end */
    struct phases phases;
    int32_t lag_us;  /* slot to start of the run */
    int16_t code;    /* HTTP status, 0 when there was none */
    uint8_t outcome; /* enum outcome */
    uint8_t reason;  /* enum reason */
    uint32_t flags;
    struct answer answer; /* with RESULT_ANSWER; else zeroes, which nobody looks at */
};

/* Implemented in model/result.c. */
const char *outcome_name(enum outcome o);
int outcome_parse(const char *name); /* enum outcome, or -1 */
const char *reason_name(enum reason r);
const char *reason_text(enum reason r);
int reason_parse(const char *name); /* enum reason, or -1 */
