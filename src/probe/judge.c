#include "probe/judge.h"

#include "base/json.h"
#include "base/steer.h"
#include "base/str.h"
#include "base/units.h"
#include "io/http.h"
#include "model/regex.h"

#include <assert.h>
#include <stdarg.h>

#define HEADER_VALUE_MAX 8192

void verdict_fail(struct verdict *v, enum reason reason, const char *fmt, ...)
{
    v->outcome = reason == REASON_PROBER ? OUTCOME_SKIPPED : OUTCOME_BAD;
    v->reason = reason;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(v->message, sizeof(v->message), fmt, ap);
    va_end(ap);
    steer_blank(v->message); /* whatever a server sent */
}

struct assertion_seen *verdict_see(struct verdict *v, bool ok, const char *what, const char *seen)
{
    if (v->seen_count == EXPECT_MAX_CHECKS)
        return NULL;
    char *text = v->text[v->seen_count];
    str_copy(text, SEEN_TEXT_MAX, seen);
    struct assertion_seen *one = &v->seen[v->seen_count++];
    *one = (struct assertion_seen){.ok = ok, .what = what, .seen = text};
    return one;
}

void judge_show(char *buf, size_t size, const char *text, size_t n)
{
    static const char more[] = "\"...";
    assert(size > 16);
    size_t len = 0, i = 0;
    buf[len++] = '"';
    while (i < n) {
        size_t bytes = json_utf8((const unsigned char *)text + i, n - i);
        if (len + (bytes ? bytes : 1) + sizeof(more) > size)
            break;
        if (bytes == 0 || steer_at(text + i, n - i)) {
            buf[len++] = bytes ? '.' : '?';
            i += bytes ? bytes : 1;
        } else {
            memcpy(buf + len, text + i, bytes);
            len += bytes;
            i += bytes;
        }
    }
    str_copy(buf + len, size - len, i < n ? more : "\"");
}

/* ---- texts ------------------------------------------------------------------- */

void judge_show_body(char *seen, size_t size, const char *text, size_t n)
{
    char start[64];
    judge_show(start, sizeof(start), text, n);
    snprintf(seen, size, "%zu bytes, %s", n, n ? start : "empty");
}

int judge_text(const struct check *ch, const char *text, size_t n, char *seen, size_t size)
{
    const char *want = ch->want.text;
    size_t len = ch->want.text_len;
    struct err err;
    int rc;
    switch (ch->op) {
    case OP_EQ:
    case OP_NE:
        return (n == len && memcmp(text, want, n) == 0) == (ch->op == OP_EQ);
    case OP_CONTAINS:
    case OP_LACKS:
        return (memmem(text, n, want, len) != NULL) == (ch->op == OP_CONTAINS);
    case OP_LIKE:
    case OP_UNLIKE:
        rc = regex_match(ch->re, text, n, &err);
        if (rc < 0) {
            str_copy(seen, size, err.msg);
            return -1;
        }
        return rc == (ch->op == OP_LIKE);
    default:
        return ch->op == OP_PRESENT;
    }
}

static bool check_header(const struct check *ch, const struct http_response *r, char *seen,
                         size_t size)
{
    char value[HEADER_VALUE_MAX];
    if (!http_header(r, ch->subject, value, sizeof(value))) {
        str_copy(seen, size, "absent");
        return ch->op == OP_ABSENT;
    }
    judge_show(seen, size, value, strlen(value));
    return ch->op != OP_ABSENT && judge_text(ch, value, strlen(value), seen, size) == 1;
}

static bool check_body(const struct check *ch, const struct http_response *r, char *seen,
                       size_t size)
{
    const char *body = r->body ? r->body : "";
    judge_show_body(seen, size, body, r->body_len);
    return judge_text(ch, body, r->body_len, seen, size) == 1;
}

/* ---- numbers ------------------------------------------------------------------- */

static bool check_latency(const struct check *ch, int64_t total_us, char *seen, size_t size)
{
    char text[UNITS_MAX];
    str_copy(seen, size, units_human_us(text, total_us));
    return total_us <= ch->want.i;
}

static bool check_certificate(const struct check *ch, const struct judge_input *in, char *seen,
                              size_t size)
{
    int64_t end_us = in->resp->cert_not_after_us;
    if (!end_us) {
        str_copy(seen, size, "no certificate");
        return false;
    }
    int64_t left_us = end_us - in->wall_us;
    long long days = (long long)(left_us / USEC_PER_DAY);
    if (left_us < 0)
        snprintf(seen, size, "expired %lld days ago", -days);
    else
        snprintf(seen, size, "%lld days", days);
    return left_us >= ch->want.i * USEC_PER_DAY;
}

/* ---- all of it ------------------------------------------------------------------ */

static bool check_one(const struct expect *e, const struct check *ch, const struct judge_input *in,
                      const char *not_json, char *seen, size_t size)
{
    switch (ch->kind) {
    case CHECK_STATUS:
        snprintf(seen, size, "%d", in->resp->status);
        return status_set_has(&e->status, in->resp->status);
    case CHECK_HEADER:
        return check_header(ch, in->resp, seen, size);
    case CHECK_BODY:
        return check_body(ch, in->resp, seen, size);
    case CHECK_JSON:
        if (not_json) {
            str_copy(seen, size, not_json);
            return false;
        }
        return judge_json(ch, in->json, seen, size) == 1;
    case CHECK_LATENCY:
        return check_latency(ch, in->total_us, seen, size);
    case CHECK_CERT:
        return check_certificate(ch, in, seen, size);
    case CHECK_ANSWER: /* answer_judge.h */
        break;
    }
    return false;
}

static enum reason reason_of(const struct check *ch, const struct http_response *r)
{
    static const enum reason reasons[] = {
        [CHECK_STATUS] = REASON_STATUS,   [CHECK_HEADER] = REASON_HEADER,
        [CHECK_BODY] = REASON_BODY,       [CHECK_JSON] = REASON_JSON,
        [CHECK_LATENCY] = REASON_LATENCY, [CHECK_CERT] = REASON_CERT,
        [CHECK_ANSWER] = REASON_ANSWER,
    };
    char value[64];
    if (ch->kind == CHECK_STATUS && r->status == 429)
        return REASON_RATE_LIMITED;
    if (ch->kind == CHECK_STATUS && r->status == 503 &&
        http_header(r, "Retry-After", value, sizeof(value)))
        return REASON_OVERLOADED;
    return reasons[ch->kind];
}

void judge_check(const struct expect *e, const struct check *ch, const struct judge_input *in,
                 const char *not_json, struct verdict *v)
{
    assert(v->seen_count < EXPECT_MAX_CHECKS);
    char *seen = v->text[v->seen_count];
    bool ok = check_one(e, ch, in, not_json, seen, SEEN_TEXT_MAX);
    v->seen[v->seen_count++] = (struct assertion_seen){.ok = ok, .what = ch->what, .seen = seen};
    if (!ok && v->outcome == OUTCOME_GOOD)
        verdict_fail(v, reason_of(ch, in->resp), "expected %s; got %s", ch->what, seen);
}

static void judge_response(const struct expect *e, const struct judge_input *in,
                           struct verdict *ret)
{
    const struct http_response *r = in->resp;
    struct err err;
    const char *not_json = NULL;
    if (e->reads_json && jsonpath_open(in->json, r->body, r->body_len, &err) < 0)
        not_json = err.msg;
    assert(e->check_count <= EXPECT_MAX_CHECKS);
    for (size_t i = 0; i < e->check_count; i++)
        judge_check(e, &e->checks[i], in, not_json, ret);
}

void judge(const struct expect *e, const struct judge_input *in, struct verdict *ret)
{
    const struct http_response *r = in->resp;
    ret->outcome = OUTCOME_GOOD;
    ret->reason = REASON_NONE;
    ret->message[0] = '\0';
    ret->seen_count = 0;
    if (r->local_fault)
        verdict_fail(ret, REASON_PROBER, "%s", r->message);
    else if (r->reason != REASON_NONE)
        verdict_fail(ret, r->reason, "%s", r->message);
    else
        judge_response(e, in, ret);
}
