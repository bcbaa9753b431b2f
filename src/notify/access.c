#include "notify/access.h"

#include "base/str.h"
#include "base/units.h"

#include <ctype.h>
#include <string.h>

/* ---- secrets ---------------------------------------------------------------------- */

static struct field as_secret(const struct decode *c)
{
    return (struct field){c->key ? c->key : "secret", FIELD_SECRET, 0};
}

/* As if `{key: text}` had been written where `n` is. */
static void decode_as_map(struct decode *c, const struct node *n, const char *key, const char *text,
                          void *out)
{
    struct node *nodes = arena_alloc(c->arena, 3 * sizeof(*nodes));
    struct node **items = arena_alloc(c->arena, 2 * sizeof(*items));
    nodes[0] = (struct node){.kind = NODE_MAP, .pos = n->pos, .n = 1, .items = items};
    nodes[1] = (struct node){.kind = NODE_SCALAR, .pos = n->pos, .text = key};
    nodes[2] = (struct node){.kind = NODE_SCALAR, .pos = n->pos, .text = text};
    items[0] = &nodes[1];
    items[1] = &nodes[2];
    const struct field field = as_secret(c);
    decode_value(c, &nodes[0], &field, out);
}

/* The NAME of `$NAME` or `${NAME}`, or NULL. */
static const char *variable(struct decode *c, const char *text)
{
    size_t n = strlen(text);
    bool braces = n > 3 && text[1] == '{' && text[n - 1] == '}';
    const char *name = text + (braces ? 2 : 1);
    size_t len = braces ? n - 3 : n - 1;
    if (n < 2 || text[0] != '$' || isdigit((unsigned char)name[0]))
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_')
            return NULL;
    return arena_strndup(c->arena, name, len);
}

void secret_decode(struct decode *c, const struct node *n, void *out)
{
    const char *name = n->kind == NODE_SCALAR && n->text ? variable(c, n->text) : NULL;
    const struct field field = as_secret(c);
    if (name)
        decode_as_map(c, n, "env", name, out);
    else
        decode_value(c, n, &field, out);
}

void secret_decode_file(struct decode *c, const struct node *n, void *out)
{
    static const struct field as_path = {"file", FIELD_STRING, 0};
    const char *path = NULL;
    decode_value(c, n, &as_path, &path);
    if (path)
        decode_as_map(c, n, "file", path, out);
}

void secret_check_pair(struct decode *c, const struct node *n, const char *key, bool required)
{
    const char *file = arena_printf(c->arena, "%s_file", key);
    const struct node *a = node_get(n, key), *b = node_get(n, file);
    if (a && b)
        diag_error(c->diag, b->pos, "one of %s and %s, not both", key, file);
    else if (required && !a && !b)
        diag_error(c->diag, n->pos, "missing key '%s' or '%s'", key, file);
}

/* ---- addresses -------------------------------------------------------------------- */

bool access_url_ok(const char *url)
{
    size_t scheme = str_starts(url, "http://") ? 7 : str_starts(url, "https://") ? 8 : 0;
    if (scheme == 0 || url[scheme] == '\0' || url[scheme] == '/')
        return false;
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

void secret_check_url(struct decode *c, const struct node *n, const char *key, const char *url)
{
    const struct node *at = node_get(n, key);
    if (url && !access_url_ok(url))
        diag_error(c->diag, at ? at->pos : n->pos, "%s is not an http:// or https:// address", key);
}

/* ---- http_config ------------------------------------------------------------------ */

static void decode_redirects(struct decode *c, const struct node *n, void *out)
{
    static const struct field as_bool = {"follow_redirects", FIELD_BOOL, 0};
    bool *ret = out;
    decode_value(c, n, &as_bool, ret);
    if (*ret)
        diag_error(c->diag, n->pos,
                   "follow_redirects: redirects are never followed; give the final address");
}

static const struct field basic_fields[] = {
    {"username", FIELD_STRING, offsetof(struct http_access, basic.username),
     .flags = FIELD_REQUIRED, .help = "user name"},
    SECRET_FIELDS("password", offsetof(struct http_access, basic.password), "its password"),
    {0},
};

static const struct field authorization_fields[] = {
    {"type", FIELD_STRING, offsetof(struct access_auth, type), .help = "Bearer by default"},
    SECRET_FIELDS("credentials", offsetof(struct access_auth, credentials),
                  "what follows the type in the header Authorization"),
    {0},
};

static const struct field tls_fields[] = {
    {"ca_file", FIELD_PATH, offsetof(struct http_access, ca_file),
     .help = "PEM file of the authorities to trust instead of the system's"},
    {"cert_file", FIELD_PATH, offsetof(struct http_access, cert_file),
     .help = "PEM file of our own certificate"},
    {"key_file", FIELD_PATH, offsetof(struct http_access, key_file), .help = "and of its key"},
    {"insecure_skip_verify", FIELD_BOOL, offsetof(struct http_access, insecure),
     .help = "do not verify the certificate"},
    {0},
};

const struct field access_fields[] = {
    {"basic_auth", FIELD_OBJECT, 0, .fields = basic_fields, .help = "user and password"},
    {"authorization", FIELD_OBJECT, offsetof(struct http_access, authorization),
     .fields = authorization_fields, .help = "another header Authorization"},
    {"tls_config", FIELD_OBJECT, 0, .fields = tls_fields},
    {"follow_redirects", FIELD_CUSTOM, offsetof(struct http_access, follow_redirects),
     .decode = decode_redirects, .help = "only false"},
    {0},
};

static bool token_ok(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return *s != '\0';
}

static bool line_ok(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

/* A header of a secret that has a line break would be two. */
static void check_header(struct decode *c, const struct node *n, const struct http_access *a)
{
    const struct access_auth *auth = &a->authorization;
    if (auth->type && !token_ok(auth->type))
        diag_error(c->diag, n->pos, "type: not a word");
    if (auth->credentials.value && !line_ok(auth->credentials.value))
        diag_error(c->diag, n->pos, "credentials have control characters");
}

void access_check(struct decode *c, const struct node *n, struct http_access *a)
{
    const struct node *config = node_get(n, "http_config");
    const struct node *basic = config ? node_get(config, "basic_auth") : NULL;
    const struct node *auth = config ? node_get(config, "authorization") : NULL;
    if (a->timeout_us == 0)
        a->timeout_us = ACCESS_TIMEOUT_US;
    if (basic && auth)
        diag_error(c->diag, auth->pos, "one of basic_auth and authorization, not both");
    if (basic)
        secret_check_pair(c, basic, "password", false);
    if (auth) {
        secret_check_pair(c, auth, "credentials", true);
        check_header(c, auth, a);
    }
    if (auth && !a->authorization.type)
        a->authorization.type = "Bearer";
    if (!a->cert_file != !a->key_file)
        diag_error(c->diag, config->pos, "cert_file and key_file go together");
}
