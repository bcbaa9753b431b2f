/* The tree of routes, with what children have from their parents. */
#include "config/routing.h"

#include "base/mem.h"
#include "base/str.h"

struct route_raw {
    const char *receiver;
    struct matcher_nodes conditions;
    const struct node *routes;
    struct string_list group_by, mute, active;
    int64_t wait_us, interval_us, repeat_us; /* -1: not given */
    bool go_on;
};

#define RAW(member) offsetof(struct route_raw, member)

static const struct field route_fields[] = {
    {"receiver", FIELD_STRING, RAW(receiver)},
    {"group_by", FIELD_STRING_LIST, RAW(group_by)},
    {"match", FIELD_CUSTOM, RAW(conditions.match), .decode = decode_keep},
    {"match_re", FIELD_CUSTOM, RAW(conditions.match_re), .decode = decode_keep},
    {"matchers", FIELD_CUSTOM, RAW(conditions.matchers), .decode = decode_keep},
    {"continue", FIELD_BOOL, RAW(go_on)},
    {"group_wait", FIELD_CUSTOM, RAW(wait_us), .decode = decode_wait},
    {"group_interval", FIELD_CUSTOM, RAW(interval_us), .decode = decode_wait},
    {"repeat_interval", FIELD_CUSTOM, RAW(repeat_us), .decode = decode_wait},
    {"mute_time_intervals", FIELD_STRING_LIST, RAW(mute)},
    {"active_time_intervals", FIELD_STRING_LIST, RAW(active)},
    {"routes", FIELD_CUSTOM, RAW(routes), .decode = decode_keep},
    {0},
};

struct walk {
    struct build *b;
    const struct route_names *names;
    size_t count, total; /* decoded, and made room for */
};

static struct pos pos_of(const struct node *n, const char *key)
{
    const struct node *at = node_get(n, key);
    return at ? at->pos : n->pos;
}

/* ---- names ------------------------------------------------------------------------------- */

static void unknown(struct build *b, struct pos pos, const char *what, const char *name,
                    const char *const *names, size_t n)
{
    const char *near = build_nearest(b, name, names, n);
    if (near)
        decode_error(&b->decode, pos, "no %s has the name '%.128s'; did you mean '%s'?", what, name,
                     near);
    else
        decode_error(&b->decode, pos, "no %s has the name '%.128s'", what, name);
}

static void check_intervals(struct walk *w, const struct node *n, const char *key,
                            const struct string_list *list)
{
    const struct node *at = node_get(n, key);
    if (list->n > ROUTE_LIST_MAX)
        decode_error(&w->b->decode, at->pos, "%s: at most %d", key, ROUTE_LIST_MAX);
    for (size_t i = 0; i < list->n; i++)
        if (!table_get(&w->names->intervals, list->at[i]))
            unknown(w->b, at->kind == NODE_SEQ && list->n == at->n ? at->items[i]->pos : at->pos,
                    "time interval", list->at[i], w->names->interval_list.at,
                    w->names->interval_list.len);
}

/* ---- one route --------------------------------------------------------------------------- */

/* An empty list says nothing, as for Alertmanager. */
static void set_group_by(struct walk *w, const struct node *n, const struct string_list *list,
                         struct route_def *out)
{
    struct pos pos = pos_of(n, "group_by");
    if (list->n == 0)
        return;
    if (list->n > ROUTE_LIST_MAX) {
        decode_error(&w->b->decode, pos, "group_by: at most %d labels", ROUTE_LIST_MAX);
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (!*list->at[i])
            decode_error(&w->b->decode, pos, "group_by: a label has a name; found ''");
        if (str_eq(list->at[i], "...") && list->n > 1)
            decode_error(&w->b->decode, pos, "group_by: '...' is all labels and stands alone");
        for (size_t k = 0; k < i; k++)
            if (str_eq(list->at[i], list->at[k]))
                decode_error(&w->b->decode, pos, "group_by: '%.128s' is there twice", list->at[i]);
    }
    out->group_by_all = str_eq(list->at[0], "...");
    out->group_by = out->group_by_all ? (struct string_list){0} : *list;
}

static void set_waits(struct walk *w, const struct node *n, const struct route_raw *raw,
                      struct route_def *out)
{
    if (raw->interval_us == 0)
        decode_error(&w->b->decode, pos_of(n, "group_interval"),
                     "group_interval: must be more than 0");
    if (raw->repeat_us == 0)
        decode_error(&w->b->decode, pos_of(n, "repeat_interval"),
                     "repeat_interval: must be more than 0");
    if (raw->wait_us >= 0)
        out->group_wait_us = raw->wait_us;
    if (raw->interval_us > 0)
        out->group_interval_us = raw->interval_us;
    if (raw->repeat_us > 0)
        out->repeat_interval_us = raw->repeat_us;
}

static void set_receiver(struct walk *w, const struct node *n, const char *name,
                         struct route_def *out)
{
    if (!name)
        return;
    out->receiver = name;
    if (!table_get(&w->names->receivers, name))
        unknown(w->b, pos_of(n, "receiver"), "receiver", name, w->names->receiver_list.at,
                w->names->receiver_list.len);
}

/* `out` has what it inherits. */
static const struct node *decode_route(struct walk *w, const struct node *n, struct route_def *out)
{
    struct route_raw raw = {.wait_us = -1, .interval_us = -1, .repeat_us = -1};
    decode_object(&w->b->decode, n, route_fields, &raw);
    if (n->kind != NODE_MAP)
        return NULL;
    out->pos = n->pos;
    out->index = w->count++;
    out->go_on = raw.go_on;
    out->mute_time_intervals = raw.mute;
    out->active_time_intervals = raw.active;
    set_receiver(w, n, raw.receiver, out);
    set_group_by(w, n, &raw.group_by, out);
    set_waits(w, n, &raw, out);
    check_intervals(w, n, "mute_time_intervals", &raw.mute);
    check_intervals(w, n, "active_time_intervals", &raw.active);
    routing_matchers(w->b, &raw.conditions, &out->matchers);
    return raw.routes;
}

static void decode_routes(struct walk *w, const struct node *list, int depth, struct route_def *of)
{
    struct build *b = w->b;
    if (depth > ROUTE_DEPTH_MAX) {
        decode_error(&b->decode, list->pos, "routes: more than %d levels", ROUTE_DEPTH_MAX);
        return;
    }
    if (!routing_list(b, list, "routes", ROUTES_MAX) || list->n == 0)
        return;
    w->total += list->n;
    if (w->total > ROUTES_MAX) {
        decode_error(&b->decode, list->pos, "routes: more than %d of them", ROUTES_MAX);
        return;
    }
    of->routes = arena_alloc(b->decode.arena, list->n * sizeof(*of->routes));
    of->route_count = list->n;
    for (size_t i = 0; i < list->n; i++) {
        struct route_def *r = &of->routes[i];
        *r = (struct route_def){.receiver = of->receiver,
                                .group_by = of->group_by,
                                .group_by_all = of->group_by_all,
                                .group_wait_us = of->group_wait_us,
                                .group_interval_us = of->group_interval_us,
                                .repeat_interval_us = of->repeat_interval_us};
        const struct node *below = decode_route(w, list->items[i], r);
        if (below)
            decode_routes(w, below, depth + 1, r);
    }
}

/* ---- the root ---------------------------------------------------------------------------- */

static void check_root(struct build *b, const struct node *n)
{
    static const char *const barred[] = {"match",
                                         "match_re",
                                         "matchers",
                                         "continue",
                                         "mute_time_intervals",
                                         "active_time_intervals"};
    if (!node_get(n, "receiver") && !decode_misspelt(n, route_fields, "receiver"))
        decode_error(&b->decode, n->pos,
                     "route: missing key 'receiver': what no other route takes goes there");
    for (size_t i = 0; i < countof(barred); i++) {
        const struct node *at = node_get(n, barred[i]);
        bool nothing = at && (at->kind == NODE_SCALAR ? str_eq(at->text, "false") : at->n == 0);
        if (at && !nothing)
            decode_error(&b->decode, at->pos,
                         "%s: the root of the routes takes every alert, always", barred[i]);
    }
}

void routing_route(struct build *b, const struct node *n, const struct route_names *names,
                   struct route_def *root)
{
    struct walk w = {.b = b, .names = names, .total = 1};
    const struct node *below = decode_route(&w, n, root);
    if (n->kind == NODE_MAP)
        check_root(b, n);
    if (below)
        decode_routes(&w, below, 1, root);
}
