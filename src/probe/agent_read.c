/* `read`, of an agent that speaks no protocol of its own: where things are. */
#include "probe/agent_keys.h"

#include "config/decode.h"
#include "wire/agent_path.h"

#include <stdio.h>

/* The fault is within the text: quotes take one column before it. */
static void decode_where(struct decode *c, const struct node *n, void *out)
{
    struct err err;
    size_t at = 0;
    char found[FOUND_MAX];
    if (n->kind != NODE_SCALAR || node_is_null(n)) {
        decode_error(c, n->pos, "%s: expected a path like $.output.text; found %s", c->key,
                     decode_found(n, found));
        return;
    }
    if (agent_path_parse(c->arena, n->text, out, &at, &err) == 0)
        return;
    struct pos pos = n->pos;
    pos.column += (int)at + (n->plain ? 0 : 1);
    decode_error(c, pos, "%s: %s", c->key, err.msg);
}

#define WHERE(key, type, member, text)                                                             \
    {                                                                                              \
        key, FIELD_CUSTOM, offsetof(type, member), .decode = decode_where, .help = (text)          \
    }

static const struct field match_fields[] = {
    {"event", FIELD_STRING, offsetof(struct agent_match, event), .help = "an event of this name"},
    {"data", FIELD_STRING, offsetof(struct agent_match, data), .help = "one whose data is this"},
    WHERE("path", struct agent_match, path, "one that has something there"),
    {0},
};

static void decode_match(struct decode *c, const struct node *n, void *out)
{
    struct agent_match *m = out;
    const char *key = c->key;
    size_t errors = c->diag->errors;
    decode_object(c, n, match_fields, m);
    if (c->diag->errors == errors && !m->event + !m->data + !m->path != 2)
        decode_error(c, n->pos, "%s: expected one of event, data and path", key);
}

static const struct field read_fields[] = {
    WHERE("text", struct agent_paths, text, "the answer's text, or a piece of it"),
    WHERE("reasoning", struct agent_paths, reasoning, "what it reasons"),
    WHERE("tool", struct agent_paths, tool, "the name of a tool that it calls"),
    WHERE("arguments", struct agent_paths, arguments, "with what arguments"),
    WHERE("model", struct agent_paths, model, "which model answers"),
    WHERE("finish", struct agent_paths, finish, "why it ended"),
    WHERE("tokens_in", struct agent_paths, tokens_in, "tokens of the request"),
    WHERE("tokens_out", struct agent_paths, tokens_out, "of the answer"),
    WHERE("tokens_cached", struct agent_paths, tokens_cached, "those of the request from a cache"),
    WHERE("tokens_reasoning", struct agent_paths, tokens_reasoning,
          "those of the answer that reason"),
    WHERE("cost", struct agent_paths, cost, "what it cost, in the currency of `prices`"),
    {"event", FIELD_STRING, offsetof(struct agent_paths, event),
     .help = "sse: only events of this name are looked at"},
    {"end", FIELD_CUSTOM, offsetof(struct agent_paths, end), .decode = decode_match,
     .help = "sse: which event is the last: {event: name}, {data: text} or {path: $.done}"},
    {"error", FIELD_CUSTOM, offsetof(struct agent_paths, error), .decode = decode_match,
     .help = "what says that the answer failed, in the same way"},
    {0},
};

void agent_decode_read(struct decode *c, const struct node *n, void *out)
{
    decode_object(c, n, read_fields, out);
}
