/* The formats, and what their readers have in common. */
#include "config/import_slo.h"

#include "config/decode.h"
#include "config/import_internal.h"
#include "config/tree.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_MAX 1024
#define KEYS_MAX 32

static const struct import_format {
    bool (*is)(const struct node *doc);
    void (*read)(struct import *m, const struct node *doc);
} formats[] = {
    {import_is_openslo, import_openslo},
    {import_is_sloth, import_sloth},
    {import_is_pyrra, import_pyrra},
};

const struct import_key import_metadata_keys[] = {
    {"name", NULL},        {"labels", NULL},
    {"annotations", NULL}, {"namespace", "names of SLOs are unique without it"},
    IMPORT_CLUSTER_KEYS,   {0},
};

/* ---- what is not carried over ---------------------------------------------------------------- */

static void note(struct import *m, struct pos pos, const char *text)
{
    const char *comment =
        arena_printf(&m->arena, "%s:%d:%d: %s", pos.file, pos.line, pos.column, text);
    struct decode c = {.arena = &m->arena, .diag = m->diag};
    decode_warning(&c, pos, "%s", text);
    if (m->slo)
        vec_push(&m->slo->notes, comment);
    else
        vec_push(&m->notes, comment);
}

void import_note(struct import *m, struct pos pos, const char *fmt, ...)
{
    char text[NOTE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    note(m, pos, text);
}

void import_drop(struct import *m, struct pos pos, const char *fmt, ...)
{
    char text[NOTE_MAX], why[NOTE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    snprintf(text, sizeof(text), "SLO '%.60s' is not carried over: %.900s", m->slo->name, why);
    note(m, pos, text);
    m->slo->dropped = true;
}

/* ---- looking at documents -------------------------------------------------------------------- */

static void unknown_key(struct import *m, const struct node *key, const char *what,
                        const struct import_key *keys)
{
    const char *names[KEYS_MAX];
    size_t n = 0;
    for (; keys[n].name && n < KEYS_MAX; n++)
        names[n] = keys[n].name;
    const char *near = str_nearest(key->text, names, n);
    import_note(m, key->pos, "'%.60s' is not carried over: %s has no such key%s%s%s", key->text,
                what, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

bool import_keys(struct import *m, const struct node *n, const char *what,
                 const struct import_key *keys)
{
    char found[FOUND_MAX];
    if (n->kind != NODE_MAP) {
        import_note(m, n->pos, "%s is not carried over: expected a mapping; found %s", what,
                    decode_found(n, found));
        return false;
    }
    for (size_t i = 0; i < n->n; i++) {
        const struct node *key = n->items[2 * i];
        const struct import_key *k = keys;
        while (k->name && strcmp(k->name, key->text) != 0)
            k++;
        if (!k->name)
            unknown_key(m, key, what, keys);
        else if (k->why && !node_is_null(n->items[2 * i + 1]))
            import_note(m, key->pos, "'%s' is not carried over: %s", key->text, k->why);
    }
    return true;
}

const struct node *import_get(const struct node *map, const char *key, const char *other)
{
    const struct node *n = map ? node_get(map, key) : NULL;
    if (!n && map && other)
        n = node_get(map, other);
    return n && !node_is_null(n) ? n : NULL;
}

const char *import_text(struct import *m, const struct node *map, const char *key,
                        const char *other)
{
    char found[FOUND_MAX];
    const struct node *n = import_get(map, key, other);
    if (!n || n->kind == NODE_SCALAR)
        return n ? n->text : NULL;
    import_note(m, n->pos, "'%s' is not carried over: expected text; found %s", key,
                decode_found(n, found));
    return NULL;
}

bool import_true(struct import *m, const struct node *map, const char *key)
{
    const char *text = import_text(m, map, key, NULL);
    if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        import_note(m, import_get(map, key, NULL)->pos,
                    "'%s' is not carried over: expected true or false; found '%.60s'", key, text);
    return text && strcmp(text, "true") == 0;
}

/* ---- parts of an SLO ------------------------------------------------------------------------- */

struct import_slo *import_begin(struct import *m, struct pos pos, const char *name)
{
    struct import_slo *s = arena_alloc(&m->arena, sizeof(*s));
    if (m->slos.len == IMPORT_SLOS_MAX)
        diag_error(m->diag, pos, "more than %d SLOs; import the files one by one", IMPORT_SLOS_MAX);
    s->pos = pos;
    s->name = arena_strdup(&m->arena, name);
    s->alerting = "default";
    vec_push(&m->slos, s);
    m->slo = s;
    return s;
}

void import_end(struct import *m)
{
    m->slo = NULL;
}

static bool label_name(const char *name)
{
    bool ok = name[0] && !isdigit((unsigned char)name[0]) && strlen(name) <= 128;
    for (; ok && *name; name++)
        ok = isalnum((unsigned char)*name) || *name == '_';
    return ok;
}

void import_label(struct import *m, const struct node *key, const char *name,
                  const struct node *value)
{
    char found[FOUND_MAX];
    if (!label_name(name)) {
        import_note(m, key->pos,
                    "label '%.60s' is not carried over: names of labels are letters, digits and "
                    "'_'; rename it",
                    name);
        return;
    }
    if (value->kind != NODE_SCALAR) {
        import_note(m, value->pos, "label '%.60s' is not carried over: expected text; found %s",
                    name, decode_found(value, found));
        return;
    }
    for (size_t i = 0; i < m->slo->labels.len; i++) {
        const struct pair *p = &m->slo->labels.at[i];
        if (strcmp(p->key, name) != 0)
            continue;
        if (strcmp(p->value, value->text) != 0)
            import_note(m, key->pos,
                        "label '%.60s' is not carried over a second time: it is '%.60s' already",
                        name, p->value);
        return;
    }
    vec_push(&m->slo->labels, ((struct pair){name, value->text, key->pos}));
}

void import_labels(struct import *m, const struct node *map)
{
    char found[FOUND_MAX];
    if (map && map->kind != NODE_MAP)
        import_note(m, map->pos, "labels are not carried over: expected a mapping; found %s",
                    decode_found(map, found));
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
        import_label(m, map->items[2 * i], map->items[2 * i]->text, map->items[2 * i + 1]);
}

void import_annotation(struct import *m, const struct node *key, const char *name,
                       const struct node *value)
{
    bool runbook = strcmp(name, "runbook") == 0 || strcmp(name, "runbook_url") == 0;
    if (runbook && !m->slo->runbook && value->kind == NODE_SCALAR && value->text[0])
        m->slo->runbook = value->text;
    else
        import_note(m, key->pos,
                    "annotation '%.60s' is not carried over: alerts have a 'runbook', the "
                    "'description' of the SLO and its labels; put it there",
                    name);
}

void import_target(struct import *m, const struct node *n, const char *key, bool percent)
{
    char found[FOUND_MAX];
    struct decimal d, one = {1, 0};
    if (!n || n->kind != NODE_SCALAR) {
        import_drop(m, n ? n->pos : m->slo->pos, "it has no '%s'", key);
        return;
    }
    const char *text = percent ? arena_printf(&m->arena, "%s%%", n->text) : n->text;
    int rc = percent ? decimal_parse_percent(text, &d, NULL) : decimal_parse(text, &d, NULL);
    if (rc < 0)
        import_drop(m, n->pos, "%s: expected a number such as %s; found %s", key,
                    percent ? "99.9" : "0.999", decode_found(n, found));
    else if (d.n == 0 || decimal_cmp(d, one) >= 0)
        import_drop(m, n->pos,
                    "%s: %s leaves nothing to reckon with; nines takes what is above 0%% and below "
                    "100%%",
                    key, n->text);
    else
        m->slo->target = d;
}

/* A factor of 1 / (1 - target) is what a total outage reaches. */
static bool can_fire(const struct import_slo *s, const struct import_tier *t)
{
    struct decimal rest = decimal_one_minus(s->target);
    __extension__ typedef __int128 wide;
    return (wide)rest.n * t->factor10 <= (wide)10 * decimal_pow10(rest.scale);
}

void import_tiers(struct import *m, struct pos pos, const struct import_tier *tiers, size_t n)
{
    char a[UNITS_MAX], b[UNITS_MAX], factor[UNITS_MAX];
    const char *list = "", *sep = "";
    if (m->slo->dropped)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct import_tier *t = &tiers[i];
        if (!can_fire(m->slo, t)) {
            import_note(m, pos,
                        "the burn rate %d.%d is left out: with this target not even a total outage "
                        "reaches it",
                        t->factor10 / 10, t->factor10 % 10);
            continue;
        }
        decimal_text(factor, decimal_lowest((struct decimal){t->factor10, 1}));
        list = arena_printf(&m->arena, "%s%s{severity: %s, long: %s, short: %s, factor: %s}", list,
                            sep, t->severity, units_duration(a, t->long_us),
                            units_duration(b, t->short_us), factor);
        sep = ", ";
    }
    m->slo->alerting = *list ? arena_printf(&m->arena, "{tiers: [%s]}", list) : "none";
}

/* ---- files ----------------------------------------------------------------------------------- */

static const struct import_format *format_of(const struct node *doc)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        if (doc->kind == NODE_MAP && formats[i].is(doc))
            return &formats[i];
    return NULL;
}

static const char *said(const struct node *doc, const char *key)
{
    const struct node *n = doc->kind == NODE_MAP ? node_get(doc, key) : NULL;
    return n && n->kind == NODE_SCALAR ? n->text : NULL;
}

/* The list that a document stands for, or NULL: itself. */
static const struct node *list_of(const struct node *doc)
{
    const char *kind = said(doc, "kind");
    const struct node *items = doc->kind == NODE_MAP ? node_get(doc, "items") : NULL;
    size_t n = kind ? strlen(kind) : 0;
    if (doc->kind == NODE_SEQ)
        return doc;
    return items && items->kind == NODE_SEQ && n >= 4 && strcmp(kind + n - 4, "List") == 0 ? items
                                                                                           : NULL;
}

static bool read_document(struct import *m, const struct node *doc)
{
    const struct import_format *f = format_of(doc);
    if (f)
        f->read(m, doc);
    m->slo = NULL;
    return f != NULL;
}

/* A document that is nothing of ours: an error when all of its file's are so. */
static void not_understood(struct import *m, const struct node *doc, bool fatal)
{
    const char *version = said(doc, "apiVersion");
    struct decode c = {.arena = &m->arena, .diag = m->diag};
    if (!version)
        version = said(doc, "version");
    if (!fatal)
        import_note(m, doc->pos,
                    "this document is not carried over: it is no SLO of OpenSLO "
                    "v1alpha, Sloth or Pyrra");
    else if (version && strcmp(version, "openslo/v1") == 0)
        decode_error(&c, doc->pos, "OpenSLO v1 is read as it is: put the file among your SLOs");
    else if (version && strcmp(version, "nines/v1") == 0)
        decode_error(&c, doc->pos, "this is nines' own form already: put the file among your SLOs");
    else
        decode_error(&c, doc->pos,
                     "expected apiVersion openslo/v1alpha, sloth.slok.dev/v1 or "
                     "pyrra.dev/v1alpha1, or version prometheus/v1; found %s%.60s%s",
                     version ? "'" : "", version ? version : "none", version ? "'" : "");
}

static void read_file(struct import *m, const struct import_slo_file *file)
{
    struct yaml_documents docs = {0};
    VEC(const struct node *) all = {0};
    bool any = false;
    if (yaml_parse(&m->arena, &m->arena, file->name, file->text, file->len, m->diag, &docs) < 0)
        return;
    for (size_t i = 0; i < docs.n; i++) {
        const struct node *list = list_of(docs.at[i]);
        if (!list)
            vec_push(&all, docs.at[i]);
        for (size_t k = 0; list && k < list->n; k++)
            vec_push(&all, list->items[k]);
    }
    for (size_t i = 0; i < all.len; i++)
        any |= format_of(all.at[i]) != NULL;
    if (all.len == 0)
        diag_error(m->diag, (struct pos){.file = file->name}, "there is no document in this file");
    for (size_t i = 0; i < all.len; i++)
        if (!read_document(m, all.at[i]))
            not_understood(m, all.at[i], !any);
    vec_release(&all);
}

int import_slos(const struct import_slo_file *files, size_t n, const struct import_slo_options *o,
                struct str *out, struct diag *diag, struct import_slo_counts *ret)
{
    struct import m = {.options = o, .diag = diag};
    struct str text;
    size_t errors = diag->errors;
    str_init(&text, out->max - out->len);
    for (size_t i = 0; i < n; i++)
        read_file(&m, &files[i]);
    if (diag->errors == errors) {
        import_write(&m, &text, ret);
        if (text.overflow)
            diag_error(diag, (struct pos){.file = files[0].name}, "there is too much to write");
    }
    int rc = diag->errors == errors ? str_addn(out, text.buf, text.len) : -1;
    for (size_t i = 0; i < m.slos.len; i++) {
        vec_release(&m.slos.at[i]->labels);
        vec_release(&m.slos.at[i]->notes);
    }
    vec_release(&m.slos);
    vec_release(&m.notes);
    str_release(&text);
    arena_release(&m.arena);
    return rc;
}
