/*
 * A2A in its JSON-RPC binding, 0.3 and 1.0: the agent's card says where and in which of
 * the two the message goes. The answer is what the message or the task's artifacts say;
 * what a working task says of itself is progress and no content.
 */
#include "wire/agent_internal.h"
#include "wire/agent_rpc.h"

#include "base/json.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

#define CARD_PATH "/.well-known/agent-card.json"
#define ORIGIN_MAX 300
#define INTERFACES_MAX 32
#define PROMPT_MAX (2u << 20)

enum phase { FIRST, CARD, MESSAGE };

struct a2a {
    enum phase phase;              /* of the request that is out */
    const char *url;               /* of the agent, from its card; NULL before */
    bool v1;                       /* 1.0; else 0.3 */
    bool artifacts;                /* pieces of artifacts came */
    char artifact[AGENT_NAME_MAX]; /* the one that the last piece belongs to */
};

/* ---- the card -------------------------------------------------------------------------- */

/* Scheme, host and port of a plain URL, in lower case and with the port; false when it is
 * none, or has a user, or anything that two readers may read differently. */
static bool origin_of(char buf[static ORIGIN_MAX], const char *url)
{
    bool https = str_starts(url, "https://");
    if (!https && !str_starts(url, "http://"))
        return false;
    const char *host = strstr(url, "://") + 3;
    size_t n = strcspn(host, "/?#");
    if (!n || n > ORIGIN_MAX - 20)
        return false;
    for (const char *p = url; *p; p++) {
        if (*p <= 0x20 || *p >= 0x7f || *p == '\\')
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)host[i]) && !strchr(".-_[]:", host[i]))
            return false;
    }
    const char *bracket = memchr(host, ']', n);
    const char *rest = bracket ? bracket : host;
    bool port = memchr(rest, ':', n - (size_t)(rest - host)) != NULL;
    snprintf(buf, ORIGIN_MAX, "%s%.*s%s", https ? "https://" : "http://", (int)n, host,
             port    ? ""
             : https ? ":443"
                     : ":80");
    for (char *p = buf; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return true;
}

static bool is_json_rpc(json_t *interface, const char *key)
{
    return str_eq(agent_rpc_text(interface, key, NULL), "JSONRPC");
}

/* The 1.0 card lists interfaces, each with its version; a server that has both versions
 * is asked in the newer one. */
static const char *listed_url(json_t *card, bool *ret_v1)
{
    json_t *all = json_object_get(card, "supportedInterfaces");
    const char *url = "";
    for (size_t i = 0; i < json_array_size(all) && i < INTERFACES_MAX; i++) {
        json_t *one = json_array_get(all, i);
        const char *version = agent_rpc_text(one, "protocolVersion", NULL);
        if (!is_json_rpc(one, "protocolBinding"))
            continue;
        if (str_starts(version, "1.")) {
            *ret_v1 = true;
            return agent_rpc_text(one, "url", NULL);
        }
        if (str_starts(version, "0.3") && !*url)
            url = agent_rpc_text(one, "url", NULL);
    }
    return url;
}

/* That of 0.3 has a preferred one and others. */
static const char *preferred_url(json_t *card)
{
    const char *transport = agent_rpc_text(card, "preferredTransport", NULL);
    json_t *others = json_object_get(card, "additionalInterfaces");
    if (!*transport || str_eq(transport, "JSONRPC"))
        return agent_rpc_text(card, "url", NULL);
    for (size_t i = 0; i < json_array_size(others) && i < INTERFACES_MAX; i++) {
        json_t *one = json_array_get(others, i);
        if (is_json_rpc(one, "transport"))
            return agent_rpc_text(one, "url", NULL);
    }
    return "";
}

/* The card is a stranger's: it may not send the probe, and its credentials, elsewhere. */
static unsigned take_url(struct agent_talk *t, const char *url)
{
    struct a2a *a = t->state;
    char ours[ORIGIN_MAX], theirs[ORIGIN_MAX];
    if (!*url)
        return agent_fail(&t->answer, AGENT_ERROR,
                          "the agent's card offers no JSON-RPC interface of A2A 0.3 or 1.0");
    if (!origin_of(theirs, url) || !origin_of(ours, t->ask->url))
        return agent_fail(&t->answer, AGENT_ERROR,
                          "the agent's card names no plain http or https URL: '%.100s'", url);
    if (!str_eq(ours, theirs))
        return agent_fail(&t->answer, AGENT_ERROR,
                          "the agent's card leads from %.90s to another origin, %.90s", ours,
                          theirs);
    a->url = arena_strdup(&t->arena, url);
    return AGENT_END;
}

static unsigned read_card(struct agent_talk *t, json_t *card)
{
    struct a2a *a = t->state;
    if (!json_is_object(card))
        return agent_fail(&t->answer, AGENT_MALFORMED, "the agent's card is no JSON object");
    agent_rpc_model(&t->answer, card);
    json_t *capabilities = json_object_get(card, "capabilities");
    if (t->ask->stream && !json_is_true(json_object_get(capabilities, "streaming")))
        return agent_fail(&t->answer, AGENT_ERROR,
                          "the agent's card says that it does not stream; ask it with "
                          "stream: false");
    bool listed = json_array_size(json_object_get(card, "supportedInterfaces")) > 0;
    return take_url(t, listed ? listed_url(card, &a->v1) : preferred_url(card));
}

/* ---- what it says ---------------------------------------------------------------------- */

static unsigned say_part(struct agent_talk *t, json_t *part)
{
    json_t *text = json_object_get(part, "text"), *data = json_object_get(part, "data");
    json_t *file = json_object_get(part, "file");
    if (json_is_string(text))
        return agent_say(&t->answer, json_string_value(text), json_string_length(text));
    if (data)
        return agent_rpc_say_json(&t->answer, data);
    return agent_rpc_say_other(&t->answer, file ? file : part, "file");
}

static unsigned say_parts(struct agent_talk *t, json_t *holder)
{
    json_t *parts = json_object_get(holder, "parts"), *part;
    unsigned bits = 0;
    size_t i;
    json_array_foreach(parts, i, part)
    {
        if (i && t->answer.text_bytes)
            agent_say(&t->answer, "\n", 1);
        bits |= say_part(t, part);
    }
    return bits;
}

static unsigned say_artifact(struct agent_talk *t, json_t *artifact)
{
    struct a2a *a = t->state;
    const char *id = agent_rpc_text(artifact, "artifactId", NULL);
    if (t->answer.text_bytes && strncmp(id, a->artifact, sizeof(a->artifact) - 1) != 0)
        agent_say(&t->answer, "\n", 1);
    str_copy(a->artifact, sizeof(a->artifact), id);
    return say_parts(t, artifact);
}

/* "TASK_STATE_INPUT_REQUIRED" and "input-required" are one. */
static const char *state_name(char buf[static AGENT_NAME_MAX], json_t *status)
{
    static const char prefix[] = "TASK_STATE_";
    const char *state = agent_rpc_text(status, "state", NULL);
    str_copy(buf, AGENT_NAME_MAX, str_starts(state, prefix) ? state + strlen(prefix) : state);
    for (char *p = buf; *p; p++)
        *p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
    return buf;
}

static unsigned task_failed(struct agent_talk *t, json_t *status, const char *state)
{
    json_t *parts = json_object_get(json_object_get(status, "message"), "parts");
    const char *why = agent_rpc_text(json_array_get(parts, 0), "text", NULL);
    str_copy(t->answer.error_code, sizeof(t->answer.error_code), state);
    return agent_fail(&t->answer, AGENT_ERROR, "the task is %s%s%.180s", state, *why ? ": " : "",
                      why);
}

/* `over`: nothing comes after this. */
static unsigned on_status(struct agent_talk *t, json_t *status, bool over)
{
    static const char *const failures[] = {"failed", "rejected", "canceled", "auth-required"};
    char state[AGENT_NAME_MAX];
    state_name(state, status);
    if (!*state)
        return agent_fail(&t->answer, AGENT_MALFORMED, "a task came without a state");
    for (size_t i = 0; i < countof(failures); i++) {
        if (str_eq(state, failures[i]))
            return task_failed(t, status, state);
    }
    json_t *message = json_object_get(status, "message");
    bool asks = str_eq(state, "input-required");
    if (asks || str_eq(state, "completed")) {
        str_copy(t->answer.finish, sizeof(t->answer.finish), state);
        return AGENT_END | (asks || !t->answer.text_bytes ? say_parts(t, message) : 0);
    }
    if (over)
        return agent_fail(&t->answer, AGENT_ERROR,
                          "it ended with the task only %.40s: that is no answer", state);
    return 0;
}

/* The task as a whole: with what it made, unless that came in pieces before. */
static unsigned on_task(struct agent_talk *t, json_t *task, bool over)
{
    const struct a2a *a = t->state;
    json_t *artifacts = json_object_get(task, "artifacts"), *artifact;
    unsigned bits = 0;
    size_t i;
    bool came = a->artifacts;
    json_array_foreach(artifacts, i, artifact)
    {
        bits |= came ? 0 : say_artifact(t, artifact);
    }
    return bits | on_status(t, json_object_get(task, "status"), over);
}

static unsigned on_piece(struct agent_talk *t, json_t *update)
{
    struct a2a *a = t->state;
    a->artifacts = true;
    return say_artifact(t, json_object_get(update, "artifact"));
}

static unsigned on_message(struct agent_talk *t, json_t *message)
{
    str_copy(t->answer.finish, sizeof(t->answer.finish), "message");
    return say_parts(t, message) | AGENT_END;
}

/* In 0.3 an object says by `kind` what it is, in 1.0 it is in a member of that name. */
static unsigned on_result(struct agent_talk *t, json_t *result)
{
    const char *kind = agent_rpc_text(result, "kind", NULL);
    bool final = json_is_true(json_object_get(result, "final"));
    json_t *task = json_object_get(result, "task"), *message = json_object_get(result, "message");
    json_t *status = json_object_get(result, "statusUpdate");
    json_t *piece = json_object_get(result, "artifactUpdate");
    bool plain = !t->ask->stream;
    if (task || str_eq(kind, "task"))
        return on_task(t, task ? task : result, plain);
    if (status || str_eq(kind, "status-update"))
        return on_status(t, json_object_get(status ? status : result, "status"), final);
    if (piece || str_eq(kind, "artifact-update"))
        return on_piece(t, piece ? piece : result);
    if (message || str_eq(kind, "message"))
        return on_message(t, message ? message : result);
    return agent_fail(&t->answer, AGENT_MALFORMED,
                      "the result is no task, message, status or artifact");
}

static struct agent_rpc expected(const struct agent_talk *t)
{
    const struct a2a *a = t->state;
    const char *send = a->v1 ? "SendMessage" : "message/send";
    const char *stream = a->v1 ? "SendStreamingMessage" : "message/stream";
    return (struct agent_rpc){.id = 1, .what = t->ask->stream ? stream : send, .result = on_result};
}

static unsigned a2a_event(struct agent_talk *t, const struct sse_event *e)
{
    const struct a2a *a = t->state;
    struct agent_rpc rpc = expected(t);
    if (a->phase == CARD)
        return agent_fail(&t->answer, AGENT_MALFORMED, "the agent's card came as a stream");
    return agent_rpc_event(t, &rpc, e);
}

static unsigned a2a_document(struct agent_talk *t, const char *json, size_t n)
{
    const struct a2a *a = t->state;
    struct agent_rpc rpc = expected(t);
    if (a->phase != CARD)
        return agent_rpc_document(t, &rpc, json, n);
    struct err ignored;
    json_t *card = agent_json_read(json, n, &ignored);
    unsigned bits = read_card(t, card);
    json_decref(card);
    return bits;
}

/* ---- what is asked --------------------------------------------------------------------- */

static int get_card(struct agent_talk *t, struct agent_request *r)
{
    struct a2a *a = t->state;
    const char *url = t->ask->url;
    size_t path = strcspn(url, "?#"), dir = path;
    while (dir && url[dir - 1] == '/')
        dir--;
    bool is_card = path > 5 && strncmp(url + path - 5, ".json", 5) == 0;
    a->phase = CARD;
    *r = (struct agent_request){.method = "GET", .url = url, .what = "agent card"};
    if (!is_card)
        r->url = arena_printf(&t->arena, "%.*s" CARD_PATH "%.*s", (int)dir, url,
                              (int)strcspn(url + path, "#"), url + path);
    agent_headers(r, NULL);
    return 1;
}

static const char *message_params(struct agent_talk *t)
{
    const struct a2a *a = t->state;
    struct str p;
    str_init(&p, 6 * PROMPT_MAX);
    str_addf(&p,
             "{\"message\":{%s\"role\":\"%s\",\"messageId\":", a->v1 ? "" : "\"kind\":\"message\",",
             a->v1 ? "ROLE_USER" : "user");
    json_add_string(&p, t->ask->nonce ? t->ask->nonce : "nines");
    str_addf(&p, ",\"parts\":[{%s\"text\":", a->v1 ? "" : "\"kind\":\"text\",");
    json_add_string(&p, t->ask->prompt);
    str_add(&p, "}]}");
    if (!a->v1 && !t->ask->stream)
        str_add(&p, ",\"configuration\":{\"blocking\":true}");
    str_add(&p, "}");
    const char *params = p.overflow ? NULL : arena_strndup(&t->arena, p.buf, p.len);
    str_release(&p);
    return params;
}

static int send_message(struct agent_talk *t, struct agent_request *r, struct err *reterr)
{
    struct a2a *a = t->state;
    if (!a->url)
        return err_set(reterr, "the agent's card does not say where to ask it");
    a->phase = MESSAGE;
    const char *params = message_params(t);
    if (!params)
        return err_set(reterr, "the prompt is longer than %u bytes", PROMPT_MAX);
    *r = (struct agent_request){.method = "POST", .url = a->url, .what = expected(t).what};
    r->body = agent_rpc_request(t, 1, r->what, params);
    r->body_len = strlen(r->body);
    r->stream = t->ask->stream;
    r->answer = true;
    agent_headers(r, a->v1 ? "A2A-Version: 1.0" : NULL);
    return 1;
}

static int a2a_next(struct agent_talk *t, struct agent_request *ret, struct err *reterr)
{
    if (!t->state)
        t->state = arena_alloc(&t->arena, sizeof(struct a2a));
    const struct a2a *a = t->state;
    if (!t->ask->prompt || !*t->ask->prompt)
        return err_set(reterr, "a2a needs a `prompt`, the message to the agent");
    if (a->phase == FIRST)
        return get_card(t, ret);
    return a->phase == CARD ? send_message(t, ret, reterr) : 0;
}

const struct agent_codec agent_a2a_codec = {
    .name = "a2a",
    .help = "an agent of the Agent2Agent protocol, found by its card",
    .streams = true,
    .documents = true,
    .keys = "prompt stream",
    .needs = "prompt",
    .next = a2a_next,
    .event = a2a_event,
    .document = a2a_document,
};
