/*
 * Receivers: those of the Daemon document, which have a kind by its name or lists of them,
 * and those of an alertmanager.yml, which have lists. What `global` says is for both.
 */
#include "config/receivers.h"

#include "base/str.h"
#include "config/routing.h"

#include <assert.h>
#include <string.h>

#define RECEIVERS_MAX 1000
#define INTEGRATIONS_MAX 100 /* of one list */
#define RATE_MAX 100000

struct receiver_raw {
    const char *name;
    int64_t rate;
    struct choice kind, lists;
};

static const struct field own_fields[] = {
    {"name", FIELD_STRING, offsetof(struct receiver_raw, name), .flags = FIELD_REQUIRED},
    {"rate", FIELD_INT, offsetof(struct receiver_raw, rate), .min = 1, .max = RATE_MAX,
     .help = "messages in a minute, at most"},
    {0},
};

/* Names of kinds and, behind them, of their lists. */
struct kind_names {
    size_t n;
    const char *names[2 * KINDS_MAX], *helps[2 * KINDS_MAX];
};

static void fill_names(struct kind_names *k, struct arena *a, const struct config_tables *t)
{
    k->n = 0;
    while (t->notifiers[k->n])
        k->n++;
    assert(k->n <= KINDS_MAX);
    for (size_t i = 0; i < k->n; i++) {
        k->names[i] = t->notifiers[i]->name;
        k->helps[i] = k->helps[k->n + i] = t->notifiers[i]->help;
        k->names[k->n + i] = arena_printf(a, "%s_configs", t->notifiers[i]->name);
    }
}

const struct receiver_tables *receivers_tables(struct arena *a, const struct config_tables *tables)
{
    struct receiver_tables *ret = arena_alloc(a, sizeof(*ret));
    struct kind_names *k = arena_alloc(a, sizeof(*k));
    fill_names(k, a, tables);
    ret->names = k;
    const struct field *lists = build_kind_fields(a, own_fields, k->names + k->n, k->helps, k->n,
                                                  offsetof(struct receiver_raw, lists));
    ret->own =
        build_kind_fields(a, lists, k->names, k->helps, k->n, offsetof(struct receiver_raw, kind));
    static const struct field outside_fields[] = {
        {"name", FIELD_STRING, offsetof(struct receiver_raw, name), .flags = FIELD_REQUIRED},
        {0},
    };
    ret->outside = build_kind_fields(a, outside_fields, k->names + k->n, k->helps, k->n,
                                     offsetof(struct receiver_raw, lists));
    return ret;
}

/* ---- integrations ------------------------------------------------------------------------- */

const struct notifier_spec *receiver_spec(struct decode *c, const struct notifier_kind *kind,
                                          const struct node *n, const struct node *global)
{
    const struct field object = {.name = kind->name, .type = FIELD_OBJECT, .fields = kind->fields};
    size_t errors = c->diag->errors;
    void *spec = arena_alloc(c->arena, kind->spec_size);
    if (kind->defaults)
        memcpy(spec, kind->defaults, kind->spec_size);
    decode_value(c, n, &object, spec);
    if (c->diag->errors == errors && kind->prepare)
        kind->prepare(c, n, global, spec);
    return spec;
}

/* "slack", "slack 2": an order that others in the list do not change by being added. */
static void add_integration(struct build *b, struct receiver_def *def,
                            const struct notifier_kind *kind, const struct node *n, size_t number)
{
    struct integration_def *to = &def->at[def->n++];
    to->name =
        number == 1 ? kind->name : arena_printf(b->decode.arena, "%s %zu", kind->name, number);
    to->kind = kind;
    to->pos = n->pos;
    to->spec = receiver_spec(&b->decode, kind, n, b->routing_global);
}

static void add_kind(struct build *b, struct receiver_def *def, size_t kind,
                     const struct receiver_raw *raw)
{
    const struct notifier_kind *k = b->tables->notifiers[kind];
    const struct node *list = raw->lists.at[kind];
    size_t number = 0;
    if (raw->kind.at[kind])
        add_integration(b, def, k, raw->kind.at[kind], ++number);
    for (size_t i = 0; list && i < list->n; i++)
        add_integration(b, def, k, list->items[i], ++number);
}

/* Lists that are none are taken out. */
static size_t count_integrations(struct build *b, struct receiver_raw *raw)
{
    const struct kind_names *k = b->receiver_tables->names;
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++) {
        const struct node *list = raw->lists.at[i];
        if (list)
            list = routing_list(b, list, k->names[k->n + i], INTEGRATIONS_MAX);
        raw->lists.at[i] = list;
        n += (raw->kind.at[i] != NULL) + (list ? list->n : 0);
    }
    return n;
}

/* ---- receivers ----------------------------------------------------------------------------- */

static bool has_kind(const struct kind_names *k, const struct receiver_raw *raw)
{
    for (size_t i = 0; i < k->n; i++)
        if (raw->kind.at[i] || raw->lists.at[i])
            return true;
    return false;
}

/* A receiver of the Daemon document has a kind: one without would be a slip. */
static bool check_own(struct build *b, const struct node *n, struct receiver_raw *raw)
{
    const struct receiver_tables *t = b->receiver_tables;
    if (raw->name && !build_check_name(b, n, "name", raw->name))
        raw->name = NULL;
    if (has_kind(t->names, raw))
        return true;
    for (size_t i = 0; i < t->names->n; i++)
        if (decode_misspelt(n, t->own, t->names->names[t->names->n + i]))
            return false;
    build_no_choice(b, n, t->own, t->names->names, t->names->n, "receiver");
    return false;
}

static void build_receiver(struct build *b, const struct node *n, bool own)
{
    struct receiver_raw raw = {0};
    decode_object(&b->decode, n, own ? b->receiver_tables->own : b->receiver_tables->outside, &raw);
    if (n->kind != NODE_MAP || (own && !check_own(b, n, &raw)))
        return;
    struct receiver_def *def = arena_alloc(b->decode.arena, sizeof(*def));
    size_t count = count_integrations(b, &raw);
    def->name = raw.name;
    def->rate = raw.rate;
    def->at = arena_alloc(b->decode.arena, (count + 1) * sizeof(*def->at));
    for (size_t i = 0; i < b->receiver_tables->names->n; i++)
        add_kind(b, def, i, &raw);
    if (!raw.name)
        return;
    def->pos = node_get(n, "name")->pos;
    if (!*raw.name)
        decode_error(&b->decode, def->pos, "name: a receiver has one; found ''");
    vec_push(&b->receivers, def);
}

static void build_all(struct build *b, const struct node *list, bool own)
{
    list = list ? routing_list(b, list, "receivers", RECEIVERS_MAX) : NULL;
    for (size_t i = 0; list && i < list->n; i++)
        build_receiver(b, list->items[i], own);
}

/* ---- the default one ------------------------------------------------------------------------ */

static struct node *make_scalar(struct build *b, const char *text)
{
    struct node *n = arena_alloc(&b->config->arena, sizeof(*n));
    n->kind = NODE_SCALAR;
    n->text = text;
    n->pos.file = b->daemon ? b->daemon->pos.file : "";
    return n;
}

static struct node *make_map(struct build *b, size_t pairs)
{
    struct node *n = make_scalar(b, NULL);
    n->kind = NODE_MAP;
    n->n = pairs;
    n->items = arena_alloc(&b->config->arena, 2 * pairs * sizeof(*n->items) + 1);
    return n;
}

/* As if `- {name: log, log: {}}` had been written. */
static void build_default(struct build *b)
{
    size_t i = 0;
    while (b->tables->notifiers[i] && !str_eq(b->tables->notifiers[i]->name, "log"))
        i++;
    if (!b->tables->notifiers[i])
        return;
    struct node *n = make_map(b, 2);
    n->items[0] = make_scalar(b, "name");
    n->items[1] = make_scalar(b, "log");
    n->items[2] = make_scalar(b, "log");
    n->items[3] = make_map(b, 0);
    build_receiver(b, n, true);
}

void build_receivers(struct build *b)
{
    const struct node *own = b->daemon ? node_get(b->daemon, "receivers") : NULL;
    const struct node *global = b->alertmanager ? b->alertmanager_nodes.global : b->routing.global;
    b->routing_global = global && global->kind == NODE_MAP ? global : NULL;
    build_all(b, own, true);
    build_all(b, b->alertmanager_receivers, false);
    if (!own && !b->alertmanager_receivers)
        build_default(b);
}
