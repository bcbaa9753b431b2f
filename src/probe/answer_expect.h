/*
 * What an agent's answer must be like: the `expect` block of an `agent` probe.
 *
 *     expect:
 *       status: 2xx                      # status, headers, faster_than and
 *       headers: {...}                   # certificate_days as of http
 *       answer: {contains: [ready], matches: "^[A-Z]", equals: ...}   # its text
 *       json: {$.city: Paris}            # its text as a JSON document
 *       schema: {type: object, required: [city]}   # answer_schema.h
 *       tool: get_weather                # or {name: ..., arguments: {$.city: Paris}},
 *                                        # or a list of these: all must be called
 *       empty: false                     # true: it need not say anything
 *       refusal: false                   # true: it may refuse; or texts it refuses with
 *       min_tokens: 5
 *       finish: [stop, end_turn]
 *       ttft_faster_than: 2s
 *       gap_below: 1s
 *       tokens_per_second_at_least: 20
 *       cost_at_most: 0.002
 *
 * Unless it says otherwise an answer has to be whole, to say something, and not to
 * refuse. What a condition asks for and is not told (tokens, a cost) fails it.
 */
#pragma once

#include "nines/answer.h"
#include "nines/config.h"
#include "nines/probe.h"
#include "probe/expect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answer_schema;

/* A tool that has to be called; with arguments, one of its calls has all of them. */
struct expected_tool {
    const char *name;
    struct check_list arguments; /* CHECK_JSON */
    const char *what;            /* "a call of get_weather with $.city = \"Paris\"" */
};

/* What makes an answer a refusal: beginnings of texts; those of answer_refusal.h
 * unless there are own ones. */
struct refusal_rule {
    bool allowed;
    struct string_list own;
};

struct agent_expect {
    struct expect http;           /* status, headers, faster_than, certificate_days */
    struct check_list text, json; /* CHECK_ANSWER, CHECK_JSON */
    struct answer_schema *schema; /* NULL: any */
    struct expected_tool *tools;
    size_t tool_count;
    bool empty;
    struct refusal_rule refusal;
    int64_t min_tokens; /* 0: any */
    struct string_list finish;
    int64_t bounds[MEASURE_COUNT]; /* by enum answer_measure, in its unit; 0: any */

    /* made by agent_expect_prepare() */
    const char *whats[MEASURE_COUNT]; /* of bounds */
    const char *min_tokens_what, *finish_what;
    struct pos cost_pos, speed_pos, min_tokens_pos; /* of the bound on cost, and so on */
    bool reads_json;                                /* answer_judge() needs a jsonpath */
};

extern const struct field agent_expect_fields[];

/* As expect_prepare(): defaults, patterns, limits; `http` as well, so that the `expect` of
 * a struct http_spec beside it stays as it is. `n` is the map under `expect`, NULL when
 * there is none. What is promised of streams is refused unless `streams`. On any error
 * nothing needs releasing. */
void agent_expect_prepare(struct decode *c, const struct node *n, const struct probe_def *def,
                          bool streams, struct agent_expect *e);
/* Also after a prepare() that failed; before one, nothing of it may be there. */
void agent_expect_release(struct agent_expect *e);
