/*
 * What a response must be like: the `expect` block of a probe, decoded into
 * one flat list of checks in the order in which they are judged (status,
 * headers, body, JSON, latency, certificate).
 *
 *     expect:
 *       status: [200, 204, 300-399]        # or 200, or 2xx (the default)
 *       headers:
 *         Content-Type: application/json   # equal, as text
 *         X-Request-Id: {present: true}
 *       body: {contains: [ready, steady], not_matches: "(?i)error"}
 *       json:
 *         $.status: healthy                # equal, typed: text, number, bool, null
 *         $.queue.depth: "< 100"
 *         $.models: {length: ">= 2", contains: gpt-5}
 *       faster_than: 500ms
 *       certificate_days: 14
 *
 * Conditions by name: equals, not, lt, lte, gt, gte, contains, not_contains,
 * matches, not_matches, present, type, length. All but `present: false` ask
 * for a value that is there. A list of texts means all of them.
 */
#pragma once

#include "io/jsonpath.h"
#include "nines/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct regex;

#define EXPECT_MAX_CHECKS 64

enum check_kind {
    CHECK_STATUS,
    CHECK_HEADER,
    CHECK_BODY,
    CHECK_JSON,
    CHECK_LATENCY,
    CHECK_CERT,
    CHECK_ANSWER, /* text of an agent's answer */
};

enum check_op {
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_CONTAINS,
    OP_LACKS,
    OP_LIKE,
    OP_UNLIKE,
    OP_PRESENT,
    OP_ABSENT,
    OP_TYPE,
};

struct check {
    enum check_kind kind;
    enum check_op op;
    bool of_length;         /* compares the length of the value */
    const char *subject;    /* header name or JSON path */
    struct json_value want; /* literal; INT also for LATENCY (us) and CERT (days); TYPE: text */
    struct regex *re;       /* LIKE, UNLIKE: compiled by expect_prepare() */
    const char *what;       /* "status 2xx": a noun phrase for people */
    struct pos pos;
};

struct check_list {
    struct check *at;
    size_t n, cap;
};

/* HTTP status codes 100 to 599. */
struct status_set {
    uint64_t bits[8];
    const char *text; /* as shown: "200, 204, 300-399"; NULL: not set */
};

struct expect {
    struct status_set status;
    struct check_list headers, body, json; /* as decoded; checks are copied from here */
    int64_t faster_than_us;                /* 0: any */
    int64_t certificate_days;              /* 0: any */

    /* made by expect_prepare() */
    struct check *checks;
    size_t check_count;
    bool reads_body, reads_json;
};

extern const struct field expect_fields[];

/* Fills the defaults (status 2xx), compiles patterns, builds `checks`. On any
 * error nothing needs releasing. */
void expect_prepare(struct decode *c, struct pos pos, struct expect *e);
void expect_release(struct expect *e);

/* Compiles the patterns of a list, and releases them. */
void checks_compile(struct decode *c, struct check *checks, size_t n);
void checks_release(struct check *checks, size_t n);

/* "200", "2xx", "300-399" and lists of them with commas. */
int status_set_parse(struct arena *a, const char *text, struct status_set *ret, struct err *reterr);
bool status_set_has(const struct status_set *s, int status);

/* One operand as people write it: null, true, false and numbers are typed when
 * `plain`, all else is text. The value points to `text`. */
struct json_value expect_literal(const char *text, bool plain);

/* FIELD_CUSTOM: into a struct status_set. */
void expect_decode_status(struct decode *c, const struct node *n, void *out);

/* FIELD_CUSTOM decoders of condition maps; expect_conditions.c. */
void expect_decode_headers(struct decode *c, const struct node *n, void *list);
void expect_decode_body(struct decode *c, const struct node *n, void *list);
void expect_decode_json(struct decode *c, const struct node *n, void *list);
void expect_decode_answer(struct decode *c, const struct node *n, void *list);
