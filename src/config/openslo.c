/* The documents as such: kinds, metadata, references. */
#include "config/openslo.h"

#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION "openslo/v1"
#define DIGITS_MAX 9
#define PREFIX_MAX 253
#define KEYS_MAX 16 /* of a mapping of the short form */

static const char *const kind_names[OPENSLO_KINDS] = {
    "DataSource", "SLO", "SLI", "AlertPolicy", "AlertCondition", "AlertNotificationTarget",
    "Service",
};

/* ---- nodes of the short form ----------------------------------------------------- */

static struct node *new_node(struct build *b, enum node_kind kind, struct pos pos)
{
    struct node *n = arena_alloc(&b->config->arena, sizeof(*n));
    n->kind = kind;
    n->pos = pos;
    n->text = "";
    return n;
}

struct node *openslo_scalar(struct build *b, struct pos pos, const char *text)
{
    struct node *n = new_node(b, NODE_SCALAR, pos);
    n->text = text;
    return n;
}

struct node *openslo_map(struct build *b, struct pos pos)
{
    struct node *n = new_node(b, NODE_MAP, pos);
    n->items = arena_alloc(&b->config->arena, 2 * KEYS_MAX * sizeof(*n->items));
    return n;
}

void openslo_put(struct build *b, struct node *map, const char *key, const struct node *value)
{
    if (!value)
        return;
    if (map->n == KEYS_MAX)
        abort();
    struct node *copy = new_node(b, value->kind, value->pos);
    *copy = *value;
    map->items[2 * map->n] = openslo_scalar(b, value->pos, key);
    map->items[2 * map->n + 1] = copy;
    map->n++;
}

/* ---- names ------------------------------------------------------------------------- */

static bool is_dns_label(const char *name)
{
    size_t len = strlen(name);
    bool ok = len > 0 && len <= OPENSLO_NAME_MAX && name[0] != '-' && name[len - 1] != '-';
    for (const char *p = name; ok && *p; p++)
        ok = islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '-';
    return ok;
}

/* What the name would be by the rules. */
static const char *as_dns_label(struct build *b, const char *name)
{
    char *label = arena_strndup(&b->config->arena, name, OPENSLO_NAME_MAX);
    for (char *p = label; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
    for (size_t len = strlen(label); len > 0 && label[len - 1] == '-'; len--)
        label[len - 1] = '\0';
    return label;
}

static bool check_name(struct build *b, const struct node *metadata, const char *name)
{
    if (is_dns_label(name))
        return true;
    if (!build_check_name(b, metadata, "name", name))
        return false;
    decode_warning(&b->decode, node_get(metadata, "name")->pos,
                   "name: OpenSLO asks for at most %d lowercase letters, digits and '-'; '%s' is "
                   "taken as it is, write '%s'",
                   OPENSLO_NAME_MAX, name, as_dns_label(b, name));
    return true;
}

/* [A-Za-z0-9], then up to 62 of them, '-', '_' and '.', the last one not. */
static bool is_label_key(const char *key)
{
    size_t len = strlen(key);
    bool ok = len > 0 && len <= OPENSLO_NAME_MAX && isalnum((unsigned char)key[0]) &&
              isalnum((unsigned char)key[len - 1]);
    for (const char *p = key; ok && *p; p++)
        ok = isalnum((unsigned char)*p) || strchr("-_.", *p);
    return ok;
}

static void check_label(struct build *b, const struct node *key, const struct node *value)
{
    char found[FOUND_MAX];
    bool ok = value->kind != NODE_MAP;
    if (!is_label_key(key->text))
        decode_warning(&b->decode, key->pos,
                       "labels: OpenSLO's keys are letters and digits, with '-', '_' and '.' "
                       "between them, at most %d; %s is taken as it is",
                       OPENSLO_NAME_MAX, decode_found(key, found));
    for (size_t i = 0; value->kind == NODE_SEQ && i < value->n; i++)
        ok = ok && value->items[i]->kind == NODE_SCALAR && !node_is_null(value->items[i]);
    if (value->kind == NODE_SCALAR)
        ok = !node_is_null(value);
    if (!ok)
        decode_error(&b->decode, value->pos, "labels: expected text or a list of texts; found %s",
                     decode_found(value, found));
}

static void check_annotation(struct build *b, const struct node *key, const struct node *value)
{
    char found[FOUND_MAX];
    const char *slash = strchr(key->text, '/');
    bool ok = is_label_key(slash ? slash + 1 : key->text);
    if (slash)
        ok = ok && slash > key->text && slash - key->text <= PREFIX_MAX;
    for (const char *p = key->text; ok && slash && p < slash; p++)
        ok = islower((unsigned char)*p) || isdigit((unsigned char)*p) || strchr("-.", *p);
    if (!ok)
        decode_error(&b->decode, key->pos,
                     "annotations: expected a key like team or example.org/team; found %s",
                     decode_found(key, found));
    if (value->kind != NODE_SCALAR || node_is_null(value))
        decode_error(&b->decode, value->pos, "annotations: expected text; found %s",
                     decode_found(value, found));
}

static void check_pairs(struct build *b, const struct node *n, const char *key,
                        void (*check)(struct build *, const struct node *, const struct node *))
{
    char found[FOUND_MAX];
    if (!n)
        return;
    if (n->kind != NODE_MAP)
        decode_error(&b->decode, n->pos, "%s: expected a mapping; found %s", key,
                     decode_found(n, found));
    for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
        check(b, n->items[2 * i], n->items[2 * i + 1]);
}

static const struct field metadata_fields[] = {
    {"name", FIELD_STRING, offsetof(struct openslo_metadata, name), .flags = FIELD_REQUIRED},
    {"displayName", FIELD_CUSTOM, offsetof(struct openslo_metadata, display_name),
     .decode = decode_keep},
    {"labels", FIELD_CUSTOM, offsetof(struct openslo_metadata, labels), .decode = decode_keep},
    {"annotations", FIELD_CUSTOM, offsetof(struct openslo_metadata, annotations),
     .decode = decode_keep},
    {0},
};

/* Characters of text that is known to be UTF-8. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void openslo_check_length(struct build *b, const char *key, const struct node *n, const char *text,
                          size_t max)
{
    size_t found = text ? characters(text) : 0;
    if (found > max)
        decode_error(&b->decode, n->pos, "%s: at most %zu characters; found %zu", key, max, found);
}

static void check_display_name(struct build *b, const struct node *n)
{
    static const struct field text = {"displayName", FIELD_STRING};
    const char *name = NULL;
    if (n)
        decode_value(&b->decode, n, &text, &name);
    openslo_check_length(b, "displayName", n, name, OPENSLO_NAME_MAX);
}

bool openslo_metadata(struct build *b, const struct node *n, struct openslo_metadata *ret)
{
    *ret = (struct openslo_metadata){0};
    size_t errors = b->decode.diag->errors;
    decode_object(&b->decode, n, metadata_fields, ret);
    if (!ret->name || !check_name(b, n, ret->name))
        return false;
    check_display_name(b, ret->display_name);
    check_pairs(b, ret->labels, "labels", check_label);
    check_pairs(b, ret->annotations, "annotations", check_annotation);
    if (b->decode.diag->errors != errors)
        ret->labels = ret->annotations = NULL;
    return true;
}

void openslo_check_description(struct build *b, const struct node *n)
{
    static const struct field text = {"description", FIELD_STRING};
    const char *description = NULL;
    if (n && !node_is_null(n))
        decode_value(&b->decode, n, &text, &description);
    openslo_check_length(b, "description", n, description, OPENSLO_DESCRIPTION_MAX);
}

/* ---- taking them up ------------------------------------------------------------------ */

bool openslo_is(const struct node *doc)
{
    const struct node *version = node_get(doc, "apiVersion");
    return version && version->kind == NODE_SCALAR && str_starts(version->text, "openslo");
}

struct envelope {
    const char *api_version;
    const struct node *kind, *metadata, *spec;
};

static const struct field envelope_fields[] = {
    {"apiVersion", FIELD_STRING, offsetof(struct envelope, api_version)},
    {"kind", FIELD_CUSTOM, offsetof(struct envelope, kind), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"metadata", FIELD_CUSTOM, offsetof(struct envelope, metadata), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"spec", FIELD_CUSTOM, offsetof(struct envelope, spec), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {0},
};

/* -1: reported. */
static int find_kind(struct build *b, const struct node *n)
{
    char found[FOUND_MAX];
    for (int i = 0; n->kind == NODE_SCALAR && i < OPENSLO_KINDS; i++)
        if (str_eq(n->text, kind_names[i]))
            return i;
    const char *near =
        n->kind == NODE_SCALAR ? str_nearest(n->text, kind_names, OPENSLO_KINDS) : NULL;
    decode_error(&b->decode, n->pos,
                 "kind: expected SLO, SLI, Service, DataSource, AlertPolicy, AlertCondition or "
                 "AlertNotificationTarget; found %s%s%s%s",
                 decode_found(n, found), near ? "; did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
    return -1;
}

const struct openslo_object *openslo_known(const struct build *b, enum openslo_kind kind,
                                           const char *name)
{
    return table_get(&b->openslo_names[kind], name);
}

void openslo_add(struct build *b, const struct node *doc)
{
    char found[FOUND_MAX];
    struct envelope e = {0};
    struct openslo_metadata m;
    const struct node *version = node_get(doc, "apiVersion");
    if (!str_eq(version->text, API_VERSION)) {
        decode_error(&b->decode, version->pos,
                     "apiVersion: of OpenSLO " API_VERSION " is read; found %s",
                     decode_found(version, found));
        b->unread = true;
        return;
    }
    decode_object(&b->decode, doc, envelope_fields, &e);
    int kind = e.kind ? find_kind(b, e.kind) : -1;
    if (kind < 0 || !e.metadata || !openslo_metadata(b, e.metadata, &m)) {
        b->unread = true; /* a name that others may refer to is not known */
        return;
    }
    struct openslo_object *o = arena_alloc(&b->config->arena, sizeof(*o));
    *o = (struct openslo_object){(enum openslo_kind)kind, m.name, node_get(e.metadata, "name")->pos,
                                 e.metadata, e.spec};
    const struct openslo_object *first = openslo_known(b, o->kind, m.name);
    if (!first) {
        table_set(&b->openslo_names[kind], m.name, o);
        vec_push(&b->openslo_lists[kind], m.name);
    } else if (o->kind != OPENSLO_SLO) /* those are told with the short form's */ {
        decode_error(&b->decode, o->pos,
                     "two documents of kind %s have the name '%s'; the other one is at %s:%d:%d",
                     kind_names[kind], m.name, first->pos.file, first->pos.line, first->pos.column);
    }
    vec_push(&b->openslo, o);
}

const struct openslo_object *openslo_find(struct build *b, enum openslo_kind kind, const char *key,
                                          const struct node *name)
{
    struct field text = {key, FIELD_STRING};
    const char *wanted = NULL;
    decode_value(&b->decode, name, &text, &wanted);
    if (!wanted)
        return NULL;
    const struct openslo_object *o = openslo_known(b, kind, wanted);
    if (o || b->unread)
        return o;
    const char *near =
        build_nearest(b, wanted, b->openslo_lists[kind].at, b->openslo_lists[kind].len);
    decode_error(&b->decode, name->pos, "%s: no document of kind %s has the name '%.128s'%s%s%s",
                 key, kind_names[kind], wanted, near ? "; did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
    return NULL;
}

/* ---- durations ------------------------------------------------------------------------- */

bool openslo_duration(struct build *b, const char *key, const struct node *n, unsigned flags,
                      struct openslo_duration *ret)
{
    char found[FOUND_MAX];
    bool scalar = n->kind == NODE_SCALAR && !node_is_null(n);
    const char *text = scalar ? n->text : "";
    bool minus = text[0] == '-' && (flags & OPENSLO_MINUS);
    size_t digits = strspn(text + minus, "0123456789");
    const char *unit = text + minus + digits;
    bool bare = digits > 0 && !*unit && (flags & OPENSLO_BARE);
    bool ok = digits >= 1 && digits <= DIGITS_MAX &&
              (bare || (*unit && strchr("mhdwMQY", *unit) && !unit[1]));
    *ret = (struct openslo_duration){ok ? strtoll(text + minus, NULL, 10) : 0, bare ? 'm' : *unit};
    if (!ok || (ret->n == 0 && !(flags & OPENSLO_ZERO))) {
        decode_error(&b->decode, n->pos,
                     "%s: expected one number and one unit like 5m, 1h, 30d or 4w (1M, 1Q or 1Y "
                     "of the calendar); found %s",
                     key, decode_found(n, found));
        return false;
    }
    if (minus || bare)
        decode_warning(&b->decode, n->pos, "%s: %s is taken for %" PRId64 "%c; write that", key,
                       decode_found(n, found), ret->n, ret->unit);
    return true;
}

/* ---- what they hold --------------------------------------------------------------------- */

static void check_service(struct build *b, const struct node *spec)
{
    const struct node *description = NULL;
    static const struct field fields[] = {
        {"description", FIELD_CUSTOM, 0, .decode = decode_keep},
        {0},
    };
    if (node_is_null(spec))
        return; /* all of it is optional */
    decode_object(&b->decode, spec, fields, &description);
    openslo_check_description(b, description);
}

static void build_object(struct build *b, const struct openslo_object *o)
{
    switch (o->kind) {
    case OPENSLO_DATA_SOURCE:
        openslo_check_data_source(b, o->spec);
        break;
    case OPENSLO_SLO:
        openslo_slo(b, o);
        break;
    case OPENSLO_SLI:
        openslo_check_sli(b, o->spec);
        break;
    case OPENSLO_ALERT_POLICY:
        openslo_check_policy(b, o->spec);
        break;
    case OPENSLO_ALERT_CONDITION:
        openslo_check_condition(b, o->spec);
        break;
    case OPENSLO_ALERT_TARGET:
        openslo_check_target(b, o->spec);
        break;
    case OPENSLO_SERVICE:
        check_service(b, o->spec);
        break;
    case OPENSLO_KINDS:
        break;
    }
}

void openslo_build(struct build *b)
{
    for (size_t i = 0; i < b->openslo.len; i++)
        if (b->openslo.at[i]->spec)
            build_object(b, b->openslo.at[i]);
}
