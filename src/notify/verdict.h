/*
 * What an answer means: delivered, to be tried again (and when), or refused for good.
 * Pure; each service has its own way to say that it refuses.
 */
#pragma once

#include "io/http.h"
#include "nines/notifier.h"

#include <stdint.h>

struct verdict {
    enum delivery delivery;
    int64_t retry_after_us; /* what the service asks for; 0: nothing */
    char detail[512];       /* one line, for people; no secrets of ours */
};

/* By the status alone: 2xx is delivered; 408, 429, 5xx and everything that is no
 * answer is tried again, after Retry-After if there is one; the rest is refused. */
void verdict_http(const struct http_response *r, int64_t now_us, struct verdict *ret);

/* Beyond that: `{"ok": false, "error": "..."}` in a 200 is refused, but for the errors
 * that are Slack's own and pass. */
void verdict_slack(const struct http_response *r, int64_t now_us, struct verdict *ret);
/* How long to wait is in the body: `{"parameters": {"retry_after": 5}}`. */
void verdict_telegram(const struct http_response *r, int64_t now_us, struct verdict *ret);
/* And here: `{"retry_after": 0.65}`. */
void verdict_discord(const struct http_response *r, int64_t now_us, struct verdict *ret);
/* Connectors of Teams answer 200 and say in the text that Teams itself refused. */
void verdict_msteams(const struct http_response *r, int64_t now_us, struct verdict *ret);
