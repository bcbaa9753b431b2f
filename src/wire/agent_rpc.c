#include "wire/agent_rpc.h"

#include "wire/agent_internal.h"
#include "wire/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *agent_rpc_request(struct agent_talk *t, int64_t id, const char *method,
                              const char *params)
{
    if (!id)
        return arena_printf(&t->arena, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", method);
    return arena_printf(&t->arena,
                        "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"method\":\"%s\",\"params\":%s}",
                        id, method, params);
}

const char *agent_rpc_text(json_t *object, const char *key, size_t *ret_len)
{
    json_t *v = json_object_get(object, key);
    if (ret_len)
        *ret_len = json_string_length(v);
    return json_is_string(v) ? json_string_value(v) : "";
}

void agent_rpc_model(struct agent_answer *a, json_t *who)
{
    const char *name = agent_rpc_text(who, "name", NULL);
    const char *version = agent_rpc_text(who, "version", NULL);
    char text[2 * AGENT_NAME_MAX];
    if (!*name)
        return;
    snprintf(text, sizeof(text), "%s%s%s", name, *version ? " " : "", version);
    utf8_copy(a->model, sizeof(a->model), text, strlen(text));
}

unsigned agent_rpc_say_json(struct agent_answer *a, json_t *data)
{
    char *text =
        json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    unsigned bits = text ? agent_say(a, text, strlen(text)) : 0;
    free(text);
    return bits;
}

unsigned agent_rpc_say_other(struct agent_answer *a, json_t *part, const char *kind)
{
    static const char *const keys[] = {"mimeType", "mediaType"};
    char text[AGENT_NAME_MAX + 4];
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        const char *type = agent_rpc_text(part, keys[i], NULL);
        kind = *type ? type : kind;
    }
    snprintf(text, sizeof(text), "[%.*s]", AGENT_NAME_MAX, kind);
    return agent_say(a, text, strlen(text));
}

/* ---- what comes back ------------------------------------------------------------------- */

static unsigned failed(struct agent_talk *t, const struct agent_rpc *rpc, json_t *error)
{
    json_t *code = json_object_get(error, "code");
    const char *message = agent_rpc_text(error, "message", NULL);
    if (!json_is_object(error) || !json_is_integer(code))
        return agent_fail(&t->answer, AGENT_MALFORMED, "the error of %s has no code", rpc->what);
    if (!*t->answer.error_code)
        snprintf(t->answer.error_code, sizeof(t->answer.error_code), "%lld",
                 (long long)json_integer_value(code));
    return agent_fail(&t->answer, AGENT_ERROR, "%s: %s (%lld)", rpc->what,
                      *message ? message : "no message", (long long)json_integer_value(code));
}

/* Whether it answers our request; an error may be of one whose number was not read. */
static bool is_ours(json_t *message, const struct agent_rpc *rpc)
{
    json_t *id = json_object_get(message, "id");
    if (json_object_get(message, "error") && (!id || json_is_null(id)))
        return true;
    return json_is_integer(id) && json_integer_value(id) == rpc->id;
}

/* *ret_response: it was one to a request. */
static unsigned read_message(struct agent_talk *t, const struct agent_rpc *rpc, json_t *message,
                             bool *ret_response)
{
    if (!str_eq(agent_rpc_text(message, "jsonrpc", NULL), "2.0"))
        return agent_fail(&t->answer, AGENT_MALFORMED, "what answers %s is no JSON-RPC 2.0",
                          rpc->what);
    if (json_object_get(message, "method"))
        return 0;
    *ret_response = true;
    if (!is_ours(message, rpc))
        return agent_fail(&t->answer, AGENT_MALFORMED,
                          "a response came that is not to request %" PRId64 " (%s)", rpc->id,
                          rpc->what);
    json_t *error = json_object_get(message, "error"), *result = json_object_get(message, "result");
    if (error && !json_is_null(error))
        return failed(t, rpc, error);
    if (!json_is_object(result))
        return agent_fail(&t->answer, AGENT_MALFORMED, "the response to %s has no result",
                          rpc->what);
    return rpc->result(t, result);
}

static unsigned read_all(struct agent_talk *t, const struct agent_rpc *rpc, const char *json,
                         size_t n, bool *ret_response)
{
    struct err err;
    json_t *doc = agent_json_read(json, n, &err);
    if (!doc)
        return agent_fail(&t->answer, AGENT_MALFORMED, "what answers %s is no JSON: %s", rpc->what,
                          err.msg);
    unsigned bits = 0;
    size_t count = json_array_size(doc);
    if (!json_is_array(doc))
        bits = read_message(t, rpc, doc, ret_response);
    for (size_t i = 0; i < count && i < AGENT_RPC_BATCH_MAX; i++)
        bits |= read_message(t, rpc, json_array_get(doc, i), ret_response);
    json_decref(doc);
    return bits;
}

unsigned agent_rpc_event(struct agent_talk *t, const struct agent_rpc *rpc,
                         const struct sse_event *e)
{
    bool response = false;
    if (!e->data_len) /* how some servers open a stream that can be resumed */
        return AGENT_PING;
    return read_all(t, rpc, e->data, e->data_len, &response);
}

unsigned agent_rpc_document(struct agent_talk *t, const struct agent_rpc *rpc, const char *json,
                            size_t n)
{
    bool response = false;
    unsigned bits = read_all(t, rpc, json, n, &response);
    if (!response && !(bits & AGENT_MALFORMED))
        bits |= agent_fail(&t->answer, AGENT_MALFORMED,
                           "there is no response to %s in the document", rpc->what);
    return bits;
}
