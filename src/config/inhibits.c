/* Inhibition rules, and those that would mute each other's sources. */
#include "config/routing.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/matcher.h"

#include <stdlib.h>

#define CYCLE_SHOWN 8

struct inhibit_raw {
    struct matcher_nodes source, target;
    struct string_list equal;
};

#define RAW(member) offsetof(struct inhibit_raw, member)

static const struct field inhibit_fields[] = {
    {"source_match", FIELD_CUSTOM, RAW(source.match), .decode = decode_keep},
    {"source_match_re", FIELD_CUSTOM, RAW(source.match_re), .decode = decode_keep},
    {"source_matchers", FIELD_CUSTOM, RAW(source.matchers), .decode = decode_keep},
    {"target_match", FIELD_CUSTOM, RAW(target.match), .decode = decode_keep},
    {"target_match_re", FIELD_CUSTOM, RAW(target.match_re), .decode = decode_keep},
    {"target_matchers", FIELD_CUSTOM, RAW(target.matchers), .decode = decode_keep},
    {"equal", FIELD_STRING_LIST, RAW(equal)},
    {0},
};

void routing_inhibits(struct build *b, const struct node *n, struct routing_def *out)
{
    n = routing_list(b, n, "inhibit_rules", INHIBITS_MAX);
    if (!n || n->n == 0)
        return;
    out->inhibits = arena_alloc(b->decode.arena, n->n * sizeof(*out->inhibits));
    out->inhibit_count = n->n;
    for (size_t i = 0; i < n->n; i++) {
        struct inhibit_def *rule = &out->inhibits[i];
        struct inhibit_raw raw = {0};
        decode_object(&b->decode, n->items[i], inhibit_fields, &raw);
        if (raw.equal.n > ROUTE_LIST_MAX)
            decode_error(&b->decode, n->items[i]->pos, "equal: at most %d labels", ROUTE_LIST_MAX);
        rule->pos = n->items[i]->pos;
        rule->equal = raw.equal;
        routing_matchers(b, &raw.source, &rule->source);
        routing_matchers(b, &raw.target, &rule->target);
    }
}

/* ---- cycles ------------------------------------------------------------------------------ */

/* The one value that a label must have; NULL: there may be others. */
static const char *only_value(const struct matchers *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->at[i].op == MATCH_EQUAL && str_eq(list->at[i].name, name))
            return list->at[i].value;
    return NULL;
}

static bool is_among(const struct matchers *list, const struct matcher *m)
{
    bool found = false;
    for (size_t i = 0; !found && i < list->n; i++)
        found = list->at[i].op == m->op && str_eq(list->at[i].name, m->name) &&
                str_eq(list->at[i].value, m->value);
    return found;
}

/* Is it plain to see that whatever `list` matches, `by` matches? */
static bool implies(const struct matchers *list, const struct matchers *by)
{
    bool all = true;
    for (size_t i = 0; all && i < by->n; i++) {
        const char *value = only_value(list, by->at[i].name);
        all = value ? matcher_takes(&by->at[i], value) : is_among(list, &by->at[i]);
    }
    return all;
}

/* Some label has one value on the one side and another one on the other. */
static bool never_equal(const struct inhibit_def *a, const struct inhibit_def *b)
{
    bool differ = false;
    for (size_t i = 0; !differ && i < b->equal.n; i++) {
        const char *x = only_value(&a->target, b->equal.at[i]);
        const char *y = only_value(&b->target, b->equal.at[i]);
        differ = x && y && !str_eq(x, y);
    }
    return differ;
}

/* Each target of `a` is a source of `b`, and not one of those that `b` lets be because
 * both its sides match them. */
static bool leads_to(const struct inhibit_def *a, const struct inhibit_def *b)
{
    return implies(&a->target, &b->source) && !implies(&a->target, &b->target) &&
           !never_equal(a, b);
}

enum seen { SEEN_NOT, SEEN_OPEN, SEEN_DONE };

struct cycles {
    struct build *b;
    const struct routing_def *r;
    enum seen *seen;
    size_t *path; /* open ones, in order */
    size_t depth;
};

static void report(struct cycles *c, size_t first)
{
    struct str text;
    size_t start = c->depth;
    while (start > 0 && c->path[start - 1] != first)
        start--;
    start--;
    str_init(&text, 4096);
    for (size_t i = start; i < c->depth && i < start + CYCLE_SHOWN; i++)
        str_addf(&text, "line %d -> ", c->r->inhibits[c->path[i]].pos.line);
    if (c->depth > start + CYCLE_SHOWN)
        str_add(&text, "... -> ");
    str_addf(&text, "line %d", c->r->inhibits[first].pos.line);
    decode_error(&c->b->decode, c->r->inhibits[first].pos,
                 "inhibit_rules: what the one mutes is a source of the next, round to the first: "
                 "they could all be mute at once (%s)",
                 text.buf);
    str_release(&text);
}

/* Deep at most as there are rules. */
static void visit(struct cycles *c, size_t i)
{
    c->seen[i] = SEEN_OPEN;
    c->path[c->depth++] = i;
    for (size_t k = 0; k < c->r->inhibit_count; k++) {
        if (c->seen[k] == SEEN_DONE || !leads_to(&c->r->inhibits[i], &c->r->inhibits[k]))
            continue;
        if (c->seen[k] == SEEN_OPEN)
            report(c, k);
        else
            visit(c, k);
    }
    c->depth--;
    c->seen[i] = SEEN_DONE;
}

void routing_check_cycles(struct build *b, const struct routing_def *r)
{
    struct cycles c = {.b = b, .r = r};
    if (r->inhibit_count < 2)
        return;
    c.seen = mem_array(r->inhibit_count, sizeof(*c.seen));
    c.path = mem_array(r->inhibit_count, sizeof(*c.path));
    for (size_t i = 0; i < r->inhibit_count; i++)
        if (c.seen[i] == SEEN_NOT)
            visit(&c, i);
    mem_free(&c.seen);
    mem_free(&c.path);
}
