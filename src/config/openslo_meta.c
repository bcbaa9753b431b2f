/* Labels and annotations of an SLO. */
#include "config/openslo.h"

#include "config/tree.h"

#include "base/str.h"

#include <string.h>

#define OURS "nines/" /* annotations that are meant for us */

/* A key of the short form: letters, digits and '_', the first one no digit. */
static const char *label_name(struct build *b, const char *key)
{
    bool digit = key[0] >= '0' && key[0] <= '9';
    char *name = arena_printf(&b->config->arena, "%s%s", digit ? "_" : "", key);
    for (char *p = name; *p; p++)
        if (*p == '-' || *p == '.')
            *p = '_';
    return name;
}

static const struct node *label_value(struct build *b, const struct node *n)
{
    struct str text;
    if (n->kind == NODE_SCALAR)
        return n;
    str_init(&text, YAML_FILE_MAX);
    for (size_t i = 0; i < n->n; i++)
        str_addf(&text, "%s%s", i ? "," : "", n->items[i]->text);
    const struct node *joined =
        openslo_scalar(b, n->pos, arena_strdup(&b->config->arena, text.buf));
    str_release(&text);
    return joined;
}

const struct node *openslo_labels(struct build *b, const struct node *n)
{
    if (!n || n->n == 0)
        return NULL;
    struct arena *a = &b->config->arena;
    struct table seen = {0};
    struct node *map = openslo_map(b, n->pos);
    map->items = arena_alloc(a, 2 * n->n * sizeof(*map->items));
    for (size_t i = 0; i < n->n; i++) {
        const struct node *key = n->items[2 * i];
        const char *name = label_name(b, key->text);
        if (table_get(&seen, name)) {
            decode_error(&b->decode, key->pos,
                         "labels: '-' and '.' become '_', and there is a label '%s' already", name);
            continue;
        }
        struct node *value = arena_alloc(a, sizeof(*value));
        *value = *label_value(b, n->items[2 * i + 1]);
        map->items[2 * map->n] = openslo_scalar(b, key->pos, name);
        map->items[2 * map->n + 1] = value;
        map->n++;
        table_set(&seen, name, value);
    }
    table_release(&seen);
    return map;
}

static void move_to(struct node *n, struct pos pos)
{
    size_t items = n->kind == NODE_MAP ? 2 * n->n : n->n;
    n->pos = pos;
    for (size_t i = 0; i < items; i++)
        move_to(n->items[i], pos);
}

/* What the short form has under a key, as text of an annotation; NULL, reported. */
static const struct node *parsed(struct build *b, const struct node *text, const char *expected)
{
    struct yaml_documents docs = {0};
    struct diag diag = {0};
    struct arena *a = &b->config->arena;
    int rc = yaml_parse(a, a, text->pos.file, text->text, strlen(text->text), &diag, &docs);
    bool ok = rc == 0 && diag.errors == 0 && docs.n == 1;
    if (!ok)
        decode_error(&b->decode, text->pos, "%s%s%s%s", OURS, expected, diag.n ? ": " : "",
                     diag.n ? diag.items[0].text : "");
    diag_release(&diag);
    if (!ok)
        return NULL;
    move_to(docs.at[0], text->pos);
    return docs.at[0];
}

const struct node *openslo_windows(struct build *b, const struct node *annotations,
                                   const struct node *first)
{
    static const char expected[] =
        "windows: expected a list of further windows as the short form has them, such as "
        "'[7d, {calendar: 1 month}]'";
    char found[FOUND_MAX];
    const struct node *text = annotations ? node_get(annotations, OURS "windows") : NULL;
    const struct node *more = text && first ? parsed(b, text, expected) : NULL;
    if (!text || !first)
        return first;
    if (!more)
        return NULL;
    if (more->kind != NODE_SEQ || more->n == 0) {
        decode_error(&b->decode, text->pos, OURS "%s; found %s", expected,
                     decode_found(more, found));
        return NULL;
    }
    struct node *all = openslo_scalar(b, text->pos, "");
    all->kind = NODE_SEQ;
    all->n = more->n + 1;
    all->items = arena_alloc(&b->config->arena, all->n * sizeof(*all->items));
    all->items[0] = arena_alloc(&b->config->arena, sizeof(**all->items));
    *all->items[0] = *first;
    memcpy(all->items + 1, more->items, more->n * sizeof(*more->items));
    return all;
}

/* Annotations that hold what a key of the short form does, as text. */
static const struct {
    const char *key, *expected;
} texts[] = {
    {"alerting", "alerting: expected what 'alerting' has in the short form, such as default or "
                 "none"},
    {"alerts", "alerts: expected what 'alerts' has in the short form, such as "
               "'[{budget_spent: 75%}]'"},
    {"depends_on", "depends_on: expected names of SLOs, such as database or '[database, cache]'"},
    {"policy", "policy: expected what 'policy' has in the short form, such as "
               "'[{spent: 100%, then: Only fixes, stop: true}]'"},
};

/* 1: `key` was one of those, -1: reported, 0: it is another. */
static int take_text(struct build *b, const char *key, const struct node *value, struct node *slo)
{
    for (size_t i = 0; i < countof(texts); i++) {
        if (!str_eq(key, texts[i].key))
            continue;
        const struct node *n = parsed(b, value, texts[i].expected);
        openslo_put(b, slo, texts[i].key, n);
        return n ? 1 : -1;
    }
    return 0;
}

bool openslo_annotations(struct build *b, const struct node *n, struct node *slo)
{
    static const char *const names[] = {OURS "alerting",   OURS "alerts",  OURS "dashboard",
                                        OURS "depends_on", OURS "no_data", OURS "policy",
                                        OURS "runbook",    OURS "windows"};
    bool ok = true;
    for (size_t i = 0; n && i < n->n; i++) {
        const struct node *key = n->items[2 * i], *value = n->items[2 * i + 1];
        if (!str_starts(key->text, OURS))
            continue;
        int taken = take_text(b, key->text + strlen(OURS), value, slo);
        ok = ok && taken >= 0;
        if (taken || str_eq(key->text, OURS "windows")) /* which openslo_windows() takes */
            continue;
        if (str_eq(key->text, OURS "no_data") || str_eq(key->text, OURS "runbook") ||
            str_eq(key->text, OURS "dashboard")) {
            openslo_put(b, slo, key->text + strlen(OURS), value);
            continue;
        }
        const char *near = str_nearest(key->text, names, countof(names));
        decode_error(
            &b->decode, key->pos, "unknown annotation '%.60s'; %s%s%s", key->text,
            near ? "did you mean '"
                 : "ours are nines/alerting, nines/alerts, nines/dashboard, nines/depends_on, "
                   "nines/no_data, nines/policy, nines/runbook and ",
            near ? near : "nines/windows", near ? "'?" : "");
        ok = false;
    }
    return ok;
}
