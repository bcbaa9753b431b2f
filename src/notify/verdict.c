#include "notify/verdict.h"

#include "base/str.h"
#include "base/when.h"
#include "base/units.h"
#include "notify/retry.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* First words of what the receiver said: often the only hint there is. */
static void answer_text(const struct http_response *r, char *buf, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < r->body_len && n + 1 < size && r->body[i] != '\n'; i++) {
        unsigned char c = (unsigned char)r->body[i];
        if (c >= ' ' && c < 0x7f)
            buf[n++] = (char)c;
    }
    buf[n] = '\0';
}

/* An answer that began is an answer: its body need not come to its end. */
static bool answered(const struct http_response *r)
{
    return r->reason == REASON_NONE ||
           (r->status > 0 && (r->reason == REASON_BODY || r->reason == REASON_TRUNCATED));
}

void verdict_http(const struct http_response *r, int64_t now_us, struct verdict *ret)
{
    char said[96], after[64];
    *ret = (struct verdict){.delivery = DELIVERY_REJECTED};
    if (!answered(r)) {
        ret->delivery = DELIVERY_RETRY;
        snprintf(ret->detail, sizeof(ret->detail), "%s", r->message);
        return;
    }
    if (r->status >= 200 && r->status < 300)
        ret->delivery = DELIVERY_OK;
    else if (r->status == 408 || r->status == 429 || r->status >= 500)
        ret->delivery = DELIVERY_RETRY;
    if (ret->delivery == DELIVERY_RETRY && http_header(r, "Retry-After", after, sizeof(after)))
        ret->retry_after_us = when_retry_after_us(after, now_us);
    answer_text(r, said, sizeof(said));
    snprintf(ret->detail, sizeof(ret->detail), "HTTP %d%s%s", r->status, *said ? ": " : "", said);
}

/* The body as a JSON object, or NULL. */
static json_t *body_object(const struct http_response *r)
{
    json_t *doc = r->body_len ? json_loadb(r->body, r->body_len, 0, NULL) : NULL;
    if (doc && !json_is_object(doc)) {
        json_decref(doc);
        doc = NULL;
    }
    return doc;
}

void verdict_slack(const struct http_response *r, int64_t now_us, struct verdict *ret)
{
    static const char *const passing[] = {
        "ratelimited",         "rate_limited",    "fatal_error", "internal_error",
        "service_unavailable", "request_timeout", "rollup_error"};
    verdict_http(r, now_us, ret);
    if (ret->delivery != DELIVERY_OK)
        return;
    json_t *doc = body_object(r);
    const char *error = json_string_value(json_object_get(doc, "error"));
    if (json_is_false(json_object_get(doc, "ok"))) {
        ret->delivery = DELIVERY_REJECTED;
        for (size_t i = 0; error && i < sizeof(passing) / sizeof(*passing); i++)
            if (str_eq(error, passing[i]))
                ret->delivery = DELIVERY_RETRY;
    }
    json_decref(doc);
}

/* Seconds, rounded up, if they are more than what the header said. */
static void take_seconds(const json_t *seconds, struct verdict *ret)
{
    double s = json_number_value(seconds);
    if (ret->delivery != DELIVERY_RETRY || !(s > 0) || s > 1e6)
        return;
    int64_t us = (int64_t)ceil(s) * USEC_PER_SEC;
    if (us > ret->retry_after_us)
        ret->retry_after_us = us;
}

void verdict_telegram(const struct http_response *r, int64_t now_us, struct verdict *ret)
{
    verdict_http(r, now_us, ret);
    json_t *doc = body_object(r);
    take_seconds(json_object_get(json_object_get(doc, "parameters"), "retry_after"), ret);
    if (ret->delivery == DELIVERY_OK && json_is_false(json_object_get(doc, "ok")))
        ret->delivery = DELIVERY_REJECTED;
    json_decref(doc);
}

void verdict_discord(const struct http_response *r, int64_t now_us, struct verdict *ret)
{
    verdict_http(r, now_us, ret);
    json_t *doc = body_object(r);
    take_seconds(json_object_get(doc, "retry_after"), ret);
    json_decref(doc);
}

void verdict_msteams(const struct http_response *r, int64_t now_us, struct verdict *ret)
{
    static const char refusal[] = "Microsoft Teams endpoint returned HTTP error ";
    verdict_http(r, now_us, ret);
    const char *at = ret->delivery == DELIVERY_OK && r->body_len
                         ? memmem(r->body, r->body_len, refusal, sizeof(refusal) - 1)
                         : NULL;
    if (!at)
        return;
    int status = 0;
    const char *end = r->body + r->body_len;
    for (at += sizeof(refusal) - 1; at < end && *at >= '0' && *at <= '9' && status < 1000; at++)
        status = status * 10 + (*at - '0');
    ret->delivery = status == 429 || status >= 500 ? DELIVERY_RETRY : DELIVERY_REJECTED;
}
