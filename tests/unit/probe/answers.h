/* Expectations on answers from YAML text, and answers made by hand. */
#pragma once

#include "fixture.h"

#include "io/http.h"
#include "probe/answer_judge.h"

/* A kind with `expect`, and `stream`, true by default. */
extern const struct probe_kind answer_kind;

struct answer_spec {
    struct agent_expect expect;
    bool document;
};

/* What is judged: a whole streamed answer with this text, 200, until a test says
 * otherwise. */
struct told {
    struct http_response resp;
    struct answer answer;
    struct agent_answer said;
    enum reason fault;
    const char *fault_text;
    int64_t total_us;
};

struct told *told_new(const char *text);
void told_free(struct told *t);
void told_call(struct told *t, const char *name, const char *arguments);

/* Judges by `expect: {...}` given as flow YAML; the caller frees. */
struct verdict *told_judge(const struct told *t, const char *expect);
/* The reason, and what the first failing assertion saw (of a good one: the last); NULL:
 * whatever. */
void told_verdict(const struct told *t, const char *expect, enum reason reason, const char *seen);
/* The same for the text alone. */
void text_verdict(const char *text, const char *expect, enum reason reason, const char *seen);
