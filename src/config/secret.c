#include "config/decode.h"
#include "config/file.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* Nothing here may put a secret's text into a message. */

static const char *from_env(struct decode *c, const struct node *n, const struct field *f)
{
    const char *value = getenv(n->text);
    if (!value)
        decode_error(c, n->pos, "%s: the environment variable %.100s is not set", f->name, n->text);
    return value ? arena_strdup(c->arena, value) : NULL;
}

static const char *from_file(struct decode *c, const struct node *n, const struct field *f,
                             const char *path)
{
    struct err err;
    struct str text;
    const char *value = NULL;
    str_init(&text, SECRET_MAX);
    if (file_read(path, &text, &err) < 0) {
        decode_error(c, n->pos, "%s: the file %.200s: %s", f->name, path, err.msg);
    } else if (memchr(text.buf, 0, text.len)) {
        decode_error(c, n->pos, "%s: the file %.200s holds a NUL", f->name, path);
    } else {
        size_t len = text.len;
        if (len > 0 && text.buf[len - 1] == '\n')
            len -= len > 1 && text.buf[len - 2] == '\r' ? 2 : 1;
        value = arena_strndup(c->arena, text.buf, len);
    }
    explicit_bzero(text.buf, text.len);
    str_release(&text);
    return value;
}

/* `{env: NAME}` or `{file: path}`, one of them and nothing else. */
static void from_map(struct decode *c, const struct node *n, const struct field *f,
                     struct secret *out)
{
    static const char *const names[] = {"env", "file"};
    if (n->n != 1) {
        decode_error(c, n->pos, "%s: expected one of {env: NAME} and {file: path}", f->name);
        return;
    }
    const struct node *key = n->items[0], *value = n->items[1];
    bool env = str_eq(key->text, "env");
    if (!env && !str_eq(key->text, "file")) {
        const char *near = str_nearest(key->text, names, 2);
        decode_error(c, key->pos, "%s: unknown key '%.60s'; %s", f->name, key->text,
                     !near                 ? "expected {env: NAME} or {file: path}"
                     : str_eq(near, "env") ? "did you mean 'env'?"
                                           : "did you mean 'file'?");
        return;
    }
    if (value->kind != NODE_SCALAR || value->text[0] == '\0' || node_is_null(value)) {
        decode_error(c, value->pos, "%s: expected %s", f->name,
                     env ? "the name of an environment variable" : "the path of a file");
        return;
    }
    if (env) {
        out->value = from_env(c, value, f);
        out->source = arena_printf(c->arena, "env %s", value->text);
    } else {
        const char *path = decode_path(c->arena, value->pos.file, value->text);
        out->value = from_file(c, value, f, path);
        out->source = arena_printf(c->arena, "file %s", path);
    }
    if (!out->value)
        return;
    c->secrets = hash_mix(c->secrets, str_hash(out->value, strlen(out->value)));
    if (out->value[0] == '\0')
        diag_warning(c->diag, value->pos, "%s: the secret is empty", f->name);
}

void decode_secret(struct decode *c, const struct node *n, const struct field *f,
                   struct secret *out)
{
    if (n->kind == NODE_MAP) {
        from_map(c, n, f, out);
        return;
    }
    if (n->kind == NODE_SEQ || node_is_null(n)) {
        decode_error(c, n->pos, "%s: expected a secret, {env: NAME} or {file: path}; found %s",
                     f->name, n->kind == NODE_SEQ ? "a list" : "nothing");
        return;
    }
    out->value = n->text;
    out->source = "the configuration";
    diag_warning(c->diag, n->pos,
                 "%s: a secret in plain text; {env: NAME} or {file: path} keeps it out of here",
                 f->name);
}

void decode_secret_map(struct decode *c, const struct node *n, const struct field *f,
                       struct secret_map *out)
{
    char found[FOUND_MAX];
    if (n->kind != NODE_MAP) {
        decode_error(c, n->pos, "%s: expected a mapping of names to texts; found %s", f->name,
                     decode_found(n, found));
        return;
    }
    out->at = arena_alloc(c->arena, (n->n + 1) * sizeof(*out->at));
    out->n = 0;
    for (size_t i = 0; i < n->n; i++) {
        const struct node *key = n->items[2 * i], *value = n->items[2 * i + 1];
        struct secret_pair *p = &out->at[out->n++];
        struct field named = {.name = key->text};
        p->key = key->text;
        p->secret = value->kind == NODE_MAP;
        if (p->secret)
            decode_secret(c, value, &named, &p->value);
        else if (value->kind == NODE_SCALAR && !node_is_null(value))
            p->value = (struct secret){value->text, "the configuration"};
        else
            decode_error(c, value->pos,
                         "%s: expected text, {env: NAME} or {file: path} for '%.60s'", f->name,
                         key->text);
    }
}
