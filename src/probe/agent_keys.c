/* What belongs together, by protocol. */
#include "probe/agent_keys.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "config/decode.h"
#include "io/jsonpath.h"
#include "nines/answer.h"
#include "probe/agent_ask.h"

#include <stdio.h>
#include <string.h>

#define PROTOCOLS_MAX 128
#define KEY_MAX 32

/* Those that only some protocols use, as their codecs say; the others refuse them. */
static const char *const own_keys[] = {"system", "prompt", "max_tokens", "tools", "body",
                                       "stream", "tool",   "arguments",  "read"};

/* Keys that `body`, being the whole request, takes the place of. */
static const char *const body_replaces[] = {"model", "system", "prompt", "max_tokens", "tools"};

static const struct node *given(const struct node *n, const char *key)
{
    return n && n->kind == NODE_MAP ? node_get(n, key) : NULL;
}

/* ---- which keys ---------------------------------------------------------------------- */

/* "openai, anthropic and a2a do"; those that use the key. */
static const char *users(char buf[static PROTOCOLS_MAX], const char *key)
{
    size_t count = 0, n = 0, len = 0;
    for (size_t i = 0; agent_codecs[i]; i++)
        count += agent_codec_uses(agent_codecs[i], key);
    for (size_t i = 0; agent_codecs[i] && len < PROTOCOLS_MAX; i++) {
        if (!agent_codec_uses(agent_codecs[i], key))
            continue;
        const char *before = n == 0 ? "" : n + 1 == count ? " and " : ", ";
        len +=
            (size_t)snprintf(buf + len, PROTOCOLS_MAX - len, "%s%s", before, agent_codecs[i]->name);
        n++;
    }
    if (len < PROTOCOLS_MAX)
        snprintf(buf + len, PROTOCOLS_MAX - len, " do%s", count == 1 ? "es" : "");
    return buf;
}

static void check_used(struct decode *c, const struct node *n, const struct agent_spec *s)
{
    char list[PROTOCOLS_MAX];
    for (size_t i = 0; i < countof(own_keys); i++) {
        const struct node *value = given(n, own_keys[i]);
        if (value && !agent_codec_uses(s->codec, own_keys[i]))
            diag_error(c->diag, value->pos, "%s: protocol %s does not use it; %s", own_keys[i],
                       s->protocol, users(list, own_keys[i]));
    }
}

static void check_body(struct decode *c, const struct node *n, const struct agent_spec *s)
{
    if (!s->body || !s->codec->chat)
        return;
    for (size_t i = 0; i < countof(body_replaces); i++) {
        const struct node *value = given(n, body_replaces[i]);
        if (value)
            diag_error(c->diag, value->pos, "%s: `body` is the whole request: it belongs in there",
                       body_replaces[i]);
    }
}

static void check_needed(struct decode *c, const struct node *n, const struct probe_def *def,
                         const struct agent_spec *s)
{
    struct pos pos = n ? n->pos : def->pos;
    char key[KEY_MAX];
    size_t len;
    if (s->codec->chat && given(n, "body"))
        return;
    for (const char *word = s->codec->needs; *word; word += len + (word[len] == ' ')) {
        len = strcspn(word, " ");
        snprintf(key, sizeof(key), "%.*s", (int)len, word);
        if (!given(n, key))
            diag_error(c->diag, pos, "protocol %s needs `%s`%s", s->protocol, key,
                       s->codec->chat ? ", or the whole request as `body`" : "");
    }
}

/* ---- times ---------------------------------------------------------------------------- */

static void check_time(struct decode *c, const struct node *n, const struct probe_def *def,
                       const struct agent_spec *s, const char *key, int64_t us)
{
    struct pos pos = http_key_pos(n, def->pos, key);
    if (us > def->timeout_us)
        diag_error(c->diag, pos, "%s is longer than the timeout", key);
    if (us && !s->stream)
        diag_error(c->diag, pos, "%s is of streams: a document is one event; the timeout holds",
                   key);
}

/* What comes with another status says why there is no answer. */
static void check_status(struct decode *c, const struct node *n, const struct probe_def *def,
                         const struct agent_spec *s)
{
    const struct status_set *set = &s->expect.http.status;
    for (int status = 100; set->text && status < 600; status++) {
        if (status / 100 != 2 && status_set_has(set, status)) {
            diag_error(c->diag, http_key_pos(given(n, "expect"), def->pos, "status"),
                       "status: %d is no answer: expected some of 2xx; an http probe can ask for "
                       "others",
                       status);
            return;
        }
    }
}

/* ---- the request ------------------------------------------------------------------------ */

static int64_t int_at(struct jsonpath *j, const char *path)
{
    struct json_value v;
    bool found = jsonpath_get(j, path, &v, NULL) == 0 && v.type == JSON_TYPE_INT;
    return found && v.i > 0 && v.i <= ANSWER_TOKENS_MAX ? v.i : 0;
}

/* What a body says of itself: whose price it is, and how much it may come to. */
static void read_body(struct decode *c, struct agent_spec *s)
{
    struct jsonpath *j;
    struct json_value v;
    if (jsonpath_new(&j, NULL) < 0)
        return;
    if (jsonpath_open(j, s->body, strlen(s->body), NULL) == 0) {
        if (!s->model && jsonpath_get(j, "$.model", &v, NULL) == 0 && v.type == JSON_TYPE_STRING)
            s->model = arena_strndup(c->arena, v.text, v.text_len);
        int64_t most = int_at(j, "$.max_tokens"), whole = int_at(j, "$.max_completion_tokens");
        s->max_tokens = most > whole ? most : whole;
    }
    jsonpath_free(j);
}

static size_t length(const char *text)
{
    return text ? strlen(text) : 0;
}

/* Asks once without sending: what the codec refuses is refused here, and how long a
 * request is, is known. */
static void try_asking(struct decode *c, const struct node *n, const struct probe_def *def,
                       struct agent_spec *s)
{
    struct agent_ask ask;
    struct agent_talk talk;
    struct agent_request request;
    struct err err;
    size_t bytes = length(s->system) + length(s->prompt) + length(s->body) + length(s->tools) +
                   length(s->arguments);
    agent_ask_make(c->arena, s, "0000000000000000", &ask);
    agent_talk_init(&talk, s->codec, &ask);
    int rc = agent_next(&talk, &request, &err);
    if (rc < 0)
        diag_error(c->diag, http_key_pos(n, def->pos, s->body ? "body" : "protocol"), "%s",
                   err.msg);
    else if (rc > 0 && request.body_len > bytes)
        bytes = request.body_len;
    agent_talk_release(&talk);
    s->worst_in = (int64_t)(bytes / 3);
    s->worst_out = s->max_tokens ? s->max_tokens : AGENT_TOKENS_UNSAID;
}

static bool says(const struct node *n, const char *key, const char *text)
{
    const struct node *v = given(n, key);
    return v && v->kind == NODE_SCALAR && str_eq(v->text, text);
}

void agent_prepare_keys(struct decode *c, const struct node *n, const struct probe_def *def,
                        struct agent_spec *s)
{
    size_t errors = c->diag->errors;
    s->codec = agent_codec_find(s->protocol);
    s->stream = s->codec->streams && !(s->codec->documents && says(n, "stream", "false"));
    if (s->retry_after_max_us <= 0)
        s->retry_after_max_us = s->retry_after_max_us < 0 ? 0 : AGENT_RETRY_AFTER_MAX_US;
    check_used(c, n, s);
    check_body(c, n, s);
    check_needed(c, n, def, s);
    check_status(c, n, def, s);
    check_time(c, n, def, s, "first_event_timeout", s->first_event_us);
    check_time(c, n, def, s, "idle_timeout", s->idle_us);
    if (c->diag->errors > errors || !s->http.url || (!s->body && given(n, "body")))
        return;
    if (s->body)
        read_body(c, s);
    try_asking(c, n, def, s);
}
