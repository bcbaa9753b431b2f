#include "notify/receivers.h"

#include "base/str.h"

/* ---- what `global` says for all ------------------------------------------------------- */

/* The receiver's own node stays what errors about it point at. */
static void take_http_config(struct decode *c, const struct node *n, struct http_access *a)
{
    static const struct field as_object = {"http_config", FIELD_OBJECT, 0, .fields = access_fields};
    decode_value(c, n, &as_object, a);
}

void receiver_prepare(struct decode *c, const struct node *n, const struct node *global,
                      struct receiver_common *common)
{
    size_t errors = c->diag->errors;
    bool own = node_get(n, "http_config") != NULL;
    const struct node *given = own || !global ? NULL : node_get(global, "http_config");
    if (given)
        take_http_config(c, given, &common->access);
    if (c->diag->errors == errors)
        access_check(c, given ? global : n, &common->access);
}

static bool says(const struct decode *c, const struct node *n, const char *key)
{
    return node_get(n, key) || node_get(n, arena_printf(c->arena, "%s_file", key));
}

bool receiver_global_secret(struct decode *c, const struct node *n, const char *key,
                            const struct node *global, const char *from, struct secret *out)
{
    const struct node *at = global ? node_get(global, from) : NULL;
    const struct node *file =
        global ? node_get(global, arena_printf(c->arena, "%s_file", from)) : NULL;
    if (says(c, n, key))
        return true;
    c->key = from;
    if (at && file)
        secret_check_pair(c, global, from, false);
    else if (file)
        secret_decode_file(c, file, out);
    else if (at)
        secret_decode(c, at, out);
    return at || file;
}

void receiver_global_url(struct decode *c, const struct node *n, const char *key,
                         const struct node *global, const char *from, const char **out)
{
    const struct field as_text = {from, FIELD_STRING, 0};
    const struct node *at = global ? node_get(global, from) : NULL;
    if (!at || node_get(n, key))
        return;
    decode_value(c, at, &as_text, out);
    secret_check_url(c, global, from, *out);
}

/* ---- addresses -------------------------------------------------------------------------- */

void receiver_address_decode(struct decode *c, const struct node *n, void *out)
{
    struct secret *ret = out;
    bool plain = n->kind == NODE_SCALAR && n->text && n->text[0] != '$' && !node_is_null(n);
    if (plain)
        *ret = (struct secret){.value = n->text};
    else
        secret_decode(c, n, out);
}
