/* Documents of kind Exclusions: spans of time that objectives leave out. */
#include "config/build.h"
#include "config/decode.h"

#include "base/str.h"
#include "base/when.h"
#include "nines/exclusion.h"

#include <ctype.h>
#include <string.h>

struct exclusions_doc {
    const char *api_version, *kind;
    const struct node *exclusions;
};

struct exclusion_raw {
    struct exclusion x;
    const char *from, *to, *timezone;
    int64_t for_us;
    int mode;
};

static const struct field document_fields[] = {
    {"apiVersion", FIELD_STRING, offsetof(struct exclusions_doc, api_version)},
    {"kind", FIELD_STRING, offsetof(struct exclusions_doc, kind)},
    {"exclusions", FIELD_CUSTOM, offsetof(struct exclusions_doc, exclusions),
     .decode = decode_keep},
    {0},
};

#define RAW(member) offsetof(struct exclusion_raw, member)

static const struct field exclusion_fields[] = {
    {"name", FIELD_STRING, RAW(x.name), .flags = FIELD_REQUIRED},
    {"slos", FIELD_STRING_LIST, RAW(x.slos)},
    {"service", FIELD_STRING, RAW(x.service)},
    {"labels", FIELD_STRING_MAP, RAW(x.labels)},
    {"from", FIELD_STRING, RAW(from), .flags = FIELD_REQUIRED},
    {"to", FIELD_STRING, RAW(to)},
    {"for", FIELD_DURATION, RAW(for_us)},
    {"rrule", FIELD_STRING, RAW(x.rrule)},
    {"timezone", FIELD_STRING, RAW(timezone)},
    {"mode", FIELD_ENUM, RAW(mode), .names = (const char *const[]){"drop", "count_good", NULL}},
    {"reason", FIELD_STRING, RAW(x.reason)},
    {0},
};

/* Where `key` is said; an exclusion may do without it. */
static struct pos pos_of(const struct node *n, const char *key)
{
    const struct node *at = node_get(n, key);
    return at ? at->pos : n->pos;
}

static void wrong(struct build *b, const struct node *n, const char *key, const char *why)
{
    if (str_eq(key, "to") && !node_get(n, key))
        key = "for";
    decode_error(&b->decode, pos_of(n, key), "%s: %s", key, why);
}

static bool read_time(struct build *b, const struct node *n, const char *key, const char *text,
                      const char *zone, int64_t *ret_us)
{
    struct err err;
    if (b->tables->exclusions->time(text, zone, ret_us, &err) == 0)
        return true;
    decode_error(&b->decode, pos_of(n, key), "%s: %s", key, err.msg);
    return false;
}

static bool read_span(struct build *b, const struct node *n, struct exclusion_raw *raw)
{
    if ((raw->to != NULL) == (node_get(n, "for") != NULL)) {
        decode_error(&b->decode, n->pos, "an exclusion has one of 'to' and 'for'");
        return false;
    }
    bool ok = read_time(b, n, "from", raw->from, raw->timezone, &raw->x.from_us);
    if (raw->to)
        return read_time(b, n, "to", raw->to, raw->timezone, &raw->x.to_us) && ok;
    raw->x.to_us = raw->x.from_us + raw->for_us;
    return ok;
}

static void check_reason(struct build *b, const struct node *n, const char *reason)
{
    bool ok = strlen(reason) <= EXCLUSION_TEXT_MAX;
    for (const char *p = reason; ok && *p; p++)
        ok = !iscntrl((unsigned char)*p);
    if (!ok)
        decode_error(&b->decode, pos_of(n, "reason"), "reason: expected one line of up to %d bytes",
                     EXCLUSION_TEXT_MAX);
}

/* A list that names none would be of all. */
static void check_empty(struct build *b, const struct node *n, const struct exclusion *x)
{
    const struct node *slos = node_get(n, "slos"), *labels = node_get(n, "labels");
    if (slos && x->slos.n == 0)
        decode_error(&b->decode, slos->pos, "slos: names none; without the key it is of all");
    if (labels && x->labels.n == 0)
        decode_error(&b->decode, labels->pos, "labels: names none; without the key any will do");
}

static void build_exclusion(struct build *b, const struct node *n)
{
    struct exclusion_raw raw = {.x = {.reason = "", .author = "", .removed_by = ""}};
    struct err err;
    const char *key;
    size_t errors = b->decode.diag->errors;
    decode_object(&b->decode, n, exclusion_fields, &raw);
    if (!raw.x.name || !build_check_name(b, n, "name", raw.x.name))
        return;
    raw.x.pos = node_get(n, "name")->pos;
    raw.x.mode = (enum exclusion_mode)raw.mode;
    build_check_labels(b, &raw.x.labels);
    check_empty(b, n, &raw.x);
    check_reason(b, n, raw.x.reason);
    if (b->decode.diag->errors == errors && b->tables->exclusions && read_span(b, n, &raw)) {
        raw.x.timezone = raw.timezone ? raw.timezone : "UTC";
        if (b->tables->exclusions->check(&raw.x, &key, &err) < 0)
            wrong(b, n, key, err.msg);
    }
    vec_push(&b->exclusions,
             ((struct built_exclusion){raw.x, n, b->decode.diag->errors == errors}));
}

void build_exclusions(struct build *b, const struct node *doc)
{
    struct exclusions_doc d = {0};
    decode_object(&b->decode, doc, document_fields, &d);
    const struct node *list = build_list(b, doc, "exclusions");
    for (size_t i = 0; list && i < list->n; i++)
        build_exclusion(b, list->items[i]);
}

/* ---- between documents --------------------------------------------------------------- */

static bool is_slo(const struct build *b, const char *name)
{
    for (size_t i = 0; i < b->slos.len; i++)
        if (str_eq(b->slos.at[i].def->name, name))
            return true;
    return false;
}

static void unknown_slo(struct build *b, struct pos pos, const char *name)
{
    const char **names = mem_array(b->slos.len + 1, sizeof(*names));
    for (size_t i = 0; i < b->slos.len; i++)
        names[i] = b->slos.at[i].def->name;
    const char *near = str_nearest(name, names, b->slos.len);
    mem_free(&names);
    decode_error(&b->decode, pos, "slos: no SLO has the name '%.128s'%s%s%s", name,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void check_slos(struct build *b, const struct built_exclusion *x)
{
    const struct node *list = node_get(x->node, "slos");
    for (size_t i = 0; i < x->x.slos.n; i++)
        if (!is_slo(b, x->x.slos.at[i]))
            unknown_slo(b, list->kind == NODE_SEQ ? list->items[i]->pos : list->pos,
                        x->x.slos.at[i]);
}

/* It may say too much at once, or name a service that is gone. */
static void check_any(struct build *b, const struct built_exclusion *x)
{
    if (!x->good || !b->tables->exclusions)
        return;
    for (size_t i = 0; i < b->slos.len; i++)
        if (b->tables->exclusions->fits(&x->x, b->slos.at[i].def))
            return;
    decode_error(&b->decode, x->x.pos,
                 "the exclusion '%s' is of no SLO: none is of all its slos, service and labels",
                 x->x.name);
}

void build_finish_exclusions(struct build *b)
{
    struct config *c = b->config;
    c->exclusions = arena_alloc(&c->arena, (b->exclusions.len + 1) * sizeof(*c->exclusions));
    for (size_t i = 0; i < b->exclusions.len; i++) {
        const struct built_exclusion *x = &b->exclusions.at[i];
        size_t errors = b->decode.diag->errors;
        if (!b->unread && !b->replaced)
            check_slos(b, x);
        if (!b->unread && !b->replaced && b->decode.diag->errors == errors)
            check_any(b, x);
        if (x->good)
            c->exclusions[c->exclusion_count++] = x->x;
    }
}
