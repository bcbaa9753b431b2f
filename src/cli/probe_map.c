#include "cli/probe_map.h"

#include "cli/probe_subject.h"
#include "wire/agent.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT "Reply with the word ready. Run {nonce}."
#define MAX_TOKENS "64"
#define JSON_DEPTH 64

struct node *probe_map_room(struct arena *a, size_t keys)
{
    struct node *n = arena_alloc(a, sizeof(*n));
    n->kind = NODE_MAP;
    n->items = arena_alloc(a, 2 * (keys + 1) * sizeof(*n->items));
    n->text = "";
    return n;
}

struct node *probe_map_new(struct arena *a)
{
    return probe_map_room(a, PROBE_MAP_KEYS);
}

struct node *probe_map_text(struct arena *a, const char *text, bool plain)
{
    struct node *n = arena_alloc(a, sizeof(*n));
    *n = (struct node){.kind = NODE_SCALAR, .plain = plain, .text = text};
    return n;
}

void probe_map_put(struct arena *a, struct node *map, const char *key, struct node *value)
{
    map->items[2 * map->n] = probe_map_text(a, key, true);
    map->items[2 * map->n++ + 1] = value;
}

/* ---- agents ---------------------------------------------------------------------------- */

/* By the paths that everybody gives them; NULL: it may be any. */
static const struct agent_codec *codec_of(const char *url)
{
    size_t n = strcspn(url, "?#");
    for (size_t i = 0; agent_codecs[i]; i++) {
        const char *path = agent_codecs[i]->path;
        size_t len = path ? strlen(path) : 0;
        if (len && n > len && strncmp(url + n - len, path, len) == 0)
            return agent_codecs[i];
    }
    return NULL;
}

static int no_protocol(struct err *reterr)
{
    char names[256] = "";
    for (size_t i = 0, n = 0; agent_codecs[i] && n < sizeof(names); i++)
        n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "",
                              agent_codecs[i]->name);
    return err_set(reterr, "the URL does not tell what the agent speaks; --protocol is one of %s",
                   names);
}

/* `--read text=$.delta` and the like. */
static int put_read(struct arena *a, struct node *map, const struct option_list *given,
                    struct err *reterr)
{
    if (!given->n)
        return 0;
    struct node *read = probe_map_room(a, given->n);
    for (size_t i = 0; i < given->n; i++) {
        const char *equals = strchr(given->at[i], '=');
        if (!equals || equals == given->at[i])
            return err_set(reterr, "expected --read KEY=PATH, like text=$.delta; found '%.60s'",
                           given->at[i]);
        probe_map_put(a, read, arena_strndup(a, given->at[i], (size_t)(equals - given->at[i])),
                      probe_map_text(a, equals + 1, false));
    }
    probe_map_put(a, map, "read", read);
    return 0;
}

static void put_text(struct arena *a, struct node *map, const char *key, const char *text)
{
    if (text)
        probe_map_put(a, map, key, probe_map_text(a, text, false));
}

/* ---- JSON ------------------------------------------------------------------------------ */

static struct node *json_node(struct arena *a, json_t *v, int depth)
{
    bool map = json_is_object(v);
    if (!map && !json_is_array(v)) {
        char *text =
            json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        struct node *n =
            probe_map_text(a, arena_strdup(a, text ? text : json_string_value(v)), text != NULL);
        free(text);
        return n;
    }
    struct node *n = probe_map_room(a, map ? json_object_size(v) : json_array_size(v));
    const char *key;
    json_t *item;
    size_t i;
    n->kind = map ? NODE_MAP : NODE_SEQ;
    if (depth == JSON_DEPTH)
        return NULL;
    json_object_foreach(v, key, item)
    {
        struct node *child = json_node(a, item, depth + 1);
        if (!child)
            return NULL;
        probe_map_put(a, n, arena_strdup(a, key), child);
    }
    json_array_foreach(v, i, item)
    {
        n->items[n->n] = json_node(a, item, depth + 1);
        if (!n->items[n->n++])
            return NULL;
    }
    return n;
}

static int put_json(struct arena *a, struct node *map, const char *key, const char *text,
                    struct err *reterr)
{
    json_error_t e;
    if (!text)
        return 0;
    json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    if (!doc)
        return err_set(reterr, "--%s is no JSON: %s, at byte %d", key, e.text, e.position);
    struct node *n = json_node(a, doc, 0);
    json_decref(doc);
    if (!n)
        return err_set(reterr, "--%s is deeper than %d", key, JSON_DEPTH);
    probe_map_put(a, map, key, n);
    return 0;
}

int probe_map_agent(struct arena *a, struct node *map, const struct probe_options *o,
                    const char *url, struct err *reterr)
{
    const struct agent_codec *codec = o->protocol ? agent_codec_find(o->protocol) : codec_of(url);
    bool chat = codec && codec->chat && !o->body;
    bool asks = chat || (codec && !codec->chat && agent_codec_uses(codec, "prompt"));
    if (!o->protocol && !codec)
        return no_protocol(reterr);
    put_text(a, map, "protocol", codec ? codec->name : o->protocol);
    put_text(a, map, "model", o->model);
    put_text(a, map, "system", o->system);
    put_text(a, map, "prompt", o->prompt ? o->prompt : asks ? PROMPT : NULL);
    put_text(a, map, "tool", o->tool);
    if (o->max_tokens || chat)
        probe_map_put(a, map, "max_tokens",
                      probe_map_text(a, o->max_tokens ? o->max_tokens : MAX_TOKENS, true));
    if (o->no_stream)
        probe_map_put(a, map, "stream", probe_map_text(a, "false", true));
    if (put_json(a, map, "arguments", o->arguments, reterr) < 0)
        return -1;
    return put_read(a, map, &o->read, reterr);
}

const char *probe_agent_option(const struct probe_options *o)
{
    return o->protocol     ? "--protocol"
           : o->model      ? "--model"
           : o->system     ? "--system"
           : o->prompt     ? "--prompt"
           : o->max_tokens ? "--max-tokens"
           : o->no_stream  ? "--no-stream"
           : o->tool       ? "--tool"
           : o->arguments  ? "--arguments"
           : o->read.n     ? "--read"
                           : NULL;
}
