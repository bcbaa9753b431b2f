/*
 * From a response to a verdict: pure, no clock, no loop. May run on any thread
 * with a jsonpath of its own.
 */
#pragma once

#include "nines/probe.h"
#include "probe/expect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_response;

#define SEEN_TEXT_MAX 96
#define VERDICT_MESSAGE_MAX 512

struct judge_input {
    const struct http_response *resp; /* the last hop's */
    int64_t total_us;                 /* all hops */
    int64_t wall_us;                  /* now, for certificates */
    struct jsonpath *json;            /* may be NULL if the expectations hold no JSON */
};

/* Self-contained but for the `what` texts, which are the expectations'. */
struct verdict {
    enum outcome outcome;
    enum reason reason;
    char message[VERDICT_MESSAGE_MAX]; /* "" when good */
    size_t seen_count;
    struct assertion_seen seen[EXPECT_MAX_CHECKS];
    char text[EXPECT_MAX_CHECKS][SEEN_TEXT_MAX]; /* what seen[i].seen points to */
};

/*
 * Judges. A response that failed below HTTP keeps the reason it came with (a
 * local fault is skipped: the prober's own) and no assertion is looked at.
 * Else all are listed and the first failing one names the reason; a status
 * that was not expected is `rate_limited` when it is 429 and `overloaded` when
 * it is 503 with Retry-After. `ret` holds pointers into itself: do not copy.
 */
void judge(const struct expect *e, const struct judge_input *in, struct verdict *ret);

/* Judges one check of a response and lists it. `not_json`: why no document is bound;
 * NULL: one is, or none is asked for. */
void judge_check(const struct expect *e, const struct check *ch, const struct judge_input *in,
                 const char *not_json, struct verdict *v);

/* A verdict without a response: redirects that lead nowhere, no time left. */
void verdict_fail(struct verdict *v, enum reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Lists one more assertion that was looked at; `what` must outlive the verdict,
 * `seen` is copied and cut. NULL: more than EXPECT_MAX_CHECKS are not listed. */
struct assertion_seen *verdict_see(struct verdict *v, bool ok, const char *what, const char *seen);

/* A text as shown to people: quoted, control bytes as '.', cut with "...".
 * Valid UTF-8 whatever came in. */
void judge_show(char *buf, size_t size, const char *text, size_t n);

/* Whether a text fulfils a check on texts; -1 with the cause in `seen`. */
int judge_text(const struct check *ch, const char *text, size_t n, char *seen, size_t size);
/* "17 bytes, "all systems..."" */
void judge_show_body(char *seen, size_t size, const char *text, size_t n);

/* Of two numbers: -1, 0, 1; exact between integers. */
int judge_compare(const struct json_value *a, const struct json_value *b);

/* One JSON check; -1 with a message in `seen` if it could not be judged. */
int judge_json(const struct check *ch, struct jsonpath *json, char *seen, size_t size);
