/* JSON that users write as YAML, or as text. */
#include "probe/agent_keys.h"

#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "config/decode.h"

#include <ctype.h>
#include <string.h>

#define JSON_MAX (2u << 20)

/* Digits from p on. */
static size_t digits(const char *p)
{
    return strspn(p, "0123456789");
}

/* Whether a plain scalar is a number as JSON writes them. */
static bool is_number(const char *p)
{
    p += *p == '-';
    size_t n = digits(p);
    if (n == 0 || (n > 1 && *p == '0'))
        return false;
    p += n;
    if (*p == '.') {
        n = digits(p + 1);
        if (n == 0)
            return false;
        p += n + 1;
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        n = digits(p);
        if (n == 0)
            return false;
        p += n;
    }
    return *p == '\0';
}

static void add_scalar(struct str *out, const struct node *n)
{
    bool word = n->plain && (str_eq(n->text, "true") || str_eq(n->text, "false"));
    if (node_is_null(n))
        str_add(out, "null");
    else if (word || (n->plain && is_number(n->text)))
        str_add(out, n->text);
    else
        json_add_string(out, n->text);
}

/* YAML's depth is bounded when it is read. */
static void add_node(struct str *out, const struct node *n)
{
    if (n->kind == NODE_SCALAR) {
        add_scalar(out, n);
        return;
    }
    bool map = n->kind == NODE_MAP;
    str_addc(out, map ? '{' : '[');
    for (size_t i = 0; i < n->n; i++) {
        str_add(out, i ? "," : "");
        if (map) {
            json_add_string(out, n->items[2 * i]->text);
            str_addc(out, ':');
        }
        add_node(out, n->items[map ? 2 * i + 1 : i]);
    }
    str_addc(out, map ? '}' : ']');
}

static void decode_as(struct decode *c, const struct node *n, const char **out)
{
    struct str json;
    str_init(&json, JSON_MAX);
    add_node(&json, n);
    if (json.overflow)
        decode_error(c, n->pos, "%s: longer than 2MiB as JSON", c->key);
    else
        *out = arena_strndup(c->arena, json.buf, json.len);
    str_release(&json);
}

static void expected(struct decode *c, const struct node *n, const char *what)
{
    char found[FOUND_MAX];
    decode_error(c, n->pos, "%s: expected %s; found %s", c->key, what, decode_found(n, found));
}

void agent_decode_body(struct decode *c, const struct node *n, void *out)
{
    const char **text = out;
    if (n->kind == NODE_SCALAR && !node_is_null(n) && *n->text)
        *text = n->text;
    else if (n->kind == NODE_MAP)
        decode_as(c, n, text);
    else
        expected(c, n, "the request's JSON, as text or as a mapping");
}

void agent_decode_tools(struct decode *c, const struct node *n, void *out)
{
    if (n->kind == NODE_SEQ && n->n)
        decode_as(c, n, out);
    else
        expected(c, n, "a list of tools, as the protocol has them");
}

void agent_decode_arguments(struct decode *c, const struct node *n, void *out)
{
    if (n->kind == NODE_MAP)
        decode_as(c, n, out);
    else
        expected(c, n, "a mapping, like {text: hello}");
}

void agent_decode_wait(struct decode *c, const struct node *n, void *out)
{
    static const struct field wait = {"retry_after_max", FIELD_DURATION, 0, .max = USEC_PER_DAY};
    if (n->kind == NODE_SCALAR && str_eq(n->text, "0s"))
        *(int64_t *)out = -1;
    else
        decode_value(c, n, &wait, out);
}

void agent_decode_protocol(struct decode *c, const struct node *n, void *out)
{
    const char *names[16], **name = out;
    char found[FOUND_MAX], list[128] = "";
    size_t count = 0, len = 0;
    for (; agent_codecs[count] && count < 16; count++)
        names[count] = agent_codecs[count]->name;
    if (n->kind == NODE_SCALAR && agent_codec_find(n->text)) {
        *name = n->text;
        return;
    }
    for (size_t i = 0; i < count && len < sizeof(list); i++)
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
                                i == 0           ? ""
                                : i + 1 == count ? " or "
                                                 : ", ",
                                names[i]);
    const char *near = n->kind == NODE_SCALAR ? str_nearest(n->text, names, count) : NULL;
    decode_error(c, n->pos, "protocol: expected %s; found %s%s%s%s", list, decode_found(n, found),
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}
