#include "wire/agent_path.h"

#include "wire/agent_internal.h"

#include <stdbool.h>
#include <string.h>

#define INDEX_MAX 1000000

struct path_step {
    const char *key; /* NULL: an index */
    size_t index;
    bool from_end;
};

struct agent_path {
    size_t n;
    struct path_step steps[AGENT_PATH_STEPS];
};

struct scan {
    struct arena *arena;
    const char *text;
    const char *p;
    struct err *err;
};

static int key_step(struct scan *s, size_t n, struct path_step *ret)
{
    if (n == 0)
        return err_set(s->err, "expected a key");
    *ret = (struct path_step){.key = arena_strndup(s->arena, s->p, n)};
    s->p += n;
    return 0;
}

/* Between quotes, which it stands on. */
static int quoted_step(struct scan *s, struct path_step *ret)
{
    char quote = *s->p++;
    const char *end = strchr(s->p, quote);
    if (!end) {
        s->p--;
        return err_set(s->err, "the quote is not closed");
    }
    if (key_step(s, (size_t)(end - s->p), ret) < 0)
        return -1;
    s->p++;
    return 0;
}

static int index_step(struct scan *s, struct path_step *ret)
{
    const char *begin = s->p;
    bool hash = *s->p == '#';
    s->p += hash;
    bool minus = *s->p == '-';
    s->p += minus;
    size_t digits = strspn(s->p, "0123456789");
    size_t index = 0;
    for (size_t i = 0; i < digits && index <= INDEX_MAX; i++)
        index = index * 10 + (size_t)(s->p[i] - '0');
    if (digits == 0 || (hash && !minus) || (minus && index == 0)) {
        s->p = begin;
        return err_set(s->err, "expected an index like 0 or -1, or a key in quotes");
    }
    if (index > INDEX_MAX) {
        s->p = begin;
        return err_set(s->err, "an index is at most %d", INDEX_MAX);
    }
    s->p += digits;
    *ret = (struct path_step){.index = index, .from_end = minus};
    return 0;
}

static int bracket_step(struct scan *s, struct path_step *ret)
{
    int rc = *s->p == '"' || *s->p == '\'' ? quoted_step(s, ret) : index_step(s, ret);
    if (rc < 0)
        return -1;
    if (*s->p != ']')
        return err_set(s->err, "expected ]");
    s->p++;
    return 0;
}

static int step(struct scan *s, struct path_step *ret)
{
    char c = *s->p++;
    if (c == '[')
        return bracket_step(s, ret);
    if (c != '.') {
        s->p--;
        return err_set(s->err, "expected . or [");
    }
    if (*s->p == '"')
        return quoted_step(s, ret);
    if (*s->p == '*')
        return err_set(s->err, "expected one key; * is not understood");
    return key_step(s, strcspn(s->p, ".[]\"' "), ret);
}

static int scan(struct scan *s, struct agent_path *path)
{
    if (*s->p != '$')
        return err_set(s->err, "a JSON path begins with '$', like $.output[0].text");
    if (strlen(s->text) > AGENT_PATH_MAX)
        return err_set(s->err, "a JSON path has at most %d bytes", AGENT_PATH_MAX);
    s->p++;
    while (*s->p) {
        if (path->n == AGENT_PATH_STEPS)
            return err_set(s->err, "a JSON path has at most %d steps", AGENT_PATH_STEPS);
        if (step(s, &path->steps[path->n]) < 0)
            return -1;
        path->n++;
    }
    return 0;
}

int agent_path_parse(struct arena *arena, const char *text, const struct agent_path **ret,
                     size_t *ret_at, struct err *reterr)
{
    struct agent_path *path = arena_alloc(arena, sizeof(*path));
    struct scan s = {.arena = arena, .text = text, .p = text, .err = reterr};
    if (scan(&s, path) < 0) {
        *ret_at = (size_t)(s.p - text);
        return -1;
    }
    *ret = path;
    return 0;
}

json_t *agent_path_get(const struct agent_path *p, json_t *doc)
{
    json_t *at = p ? doc : NULL;
    for (size_t i = 0; at && i < p->n; i++) {
        const struct path_step *s = &p->steps[i];
        if (s->key) {
            at = json_object_get(at, s->key);
            continue;
        }
        size_t n = json_array_size(at);
        if (s->from_end ? s->index > n : s->index >= n)
            return NULL;
        at = json_array_get(at, s->from_end ? n - s->index : s->index);
    }
    return at;
}

bool agent_matches(const struct agent_match *m)
{
    return m->event || m->data || m->path;
}
