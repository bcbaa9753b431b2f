#include "config/composite.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"

#include <string.h>

#define WEIGHT_MAX 1000
#define WEIGHT_SCALE_MAX 6
#define KEY_BYTES_MAX 65536
#define NAMES_SHOWN 512

/* ---- the list ------------------------------------------------------------------- */

struct raw_member {
    const char *slo, *objective;
    struct decimal weight;
};

int composite_weight(struct decode *c, const char *key, const struct node *n, struct decimal *ret)
{
    const struct decimal most = {WEIGHT_MAX, 0};
    char found[FOUND_MAX];
    struct decimal d = {0, 0};
    struct err err;
    bool ok = n->kind == NODE_SCALAR && !node_is_null(n) && decimal_parse(n->text, &d, &err) == 0;
    if (ok && d.n > 0 && d.scale <= WEIGHT_SCALE_MAX && decimal_cmp(d, most) <= 0) {
        *ret = d;
        return 0;
    }
    decode_error(c, n->pos,
                 "%s: expected a number above 0 and up to %d, of at most %d decimals; found %s",
                 key, WEIGHT_MAX, WEIGHT_SCALE_MAX, decode_found(n, found));
    return -1;
}

static void decode_weight(struct decode *c, const struct node *n, void *out)
{
    (void)composite_weight(c, "weight", n, out);
}

static const struct field member_fields[] = {
    {"slo", FIELD_STRING, offsetof(struct raw_member, slo), .flags = FIELD_REQUIRED},
    {"objective", FIELD_STRING, offsetof(struct raw_member, objective)},
    {"weight", FIELD_CUSTOM, offsetof(struct raw_member, weight), .decode = decode_weight},
    {0},
};

static bool is_again(const struct raw_member *list, size_t i)
{
    bool again = false;
    for (size_t k = 0; !again && k < i; k++)
        again = list[k].slo && str_eq(list[k].slo, list[i].slo) &&
                (list[k].objective == list[i].objective ||
                 str_eq(list[k].objective ? list[k].objective : "",
                        list[i].objective ? list[i].objective : ""));
    return again;
}

static void decode_member(struct build *b, const struct node *n, struct raw_member *list, size_t i)
{
    char found[FOUND_MAX];
    list[i] = (struct raw_member){.weight = {1, 0}};
    if (n->kind != NODE_MAP) {
        decode_error(&b->decode, n->pos, "composite: expected a mapping like {slo: NAME}; found %s",
                     decode_found(n, found));
        return;
    }
    decode_object(&b->decode, n, member_fields, &list[i]);
    if (list[i].slo && is_again(list, i))
        decode_error(&b->decode, node_get(n, "slo")->pos,
                     "composite: '%.128s' is a member already; a larger weight counts it more",
                     list[i].slo);
}

/* Revisions of the composite differ when this does: what a member is worth, and which. */
static const char *key_of(struct build *b, const struct raw_member *list, size_t n)
{
    char weight[UNITS_MAX];
    struct str text;
    str_init(&text, KEY_BYTES_MAX);
    str_add(&text, "composite:");
    for (size_t i = 0; i < n; i++)
        str_addf(&text, " %s/%s*%s", list[i].slo, list[i].objective ? list[i].objective : "",
                 decimal_text(weight, list[i].weight));
    const char *key = arena_strdup(&b->config->arena, text.buf);
    str_release(&text);
    return key;
}

static void decode_list(struct build *b, const struct node *list, struct slo_def *def)
{
    char found[FOUND_MAX];
    struct raw_member raw[SLO_MEMBERS_MAX];
    size_t errors = b->decode.diag->errors;
    if (list->kind != NODE_SEQ || list->n == 0 || list->n > SLO_MEMBERS_MAX) {
        decode_error(&b->decode, list->pos,
                     "composite: expected a list of 1 to %d members like {slo: NAME, weight: 2}; "
                     "found %s",
                     SLO_MEMBERS_MAX, decode_found(list, found));
        return;
    }
    for (size_t i = 0; i < list->n; i++)
        decode_member(b, list->items[i], raw, i);
    if (b->decode.diag->errors != errors)
        return;
    struct slo_member *members = arena_alloc(&b->config->arena, list->n * sizeof(*members));
    for (size_t i = 0; i < list->n; i++)
        members[i].weight = raw[i].weight;
    def->members = members;
    def->member_count = list->n;
    def->sli.key = key_of(b, raw, list->n);
}

void composite_decode(struct build *b, const struct node *n, const struct node *list,
                      struct slo_def *def)
{
    const struct node *no_data = node_get(n, "no_data"), *objective = node_get(n, "objective");
    const struct node *sli = node_get(n, "sli");
    if (sli)
        decode_error(&b->decode, sli->pos, "an SLO has one of 'sli' and 'composite'");
    if (no_data)
        decode_error(&b->decode, no_data->pos,
                     "no_data: a composite has no runs of its own; its members say what theirs are "
                     "without data");
    if (objective && def->method == METHOD_OCCURRENCES)
        decode_error(&b->decode, objective->pos,
                     "objective: under Occurrences the members' objectives say when the budget of "
                     "a composite is used up; leave it out, or take 'budgeting' by slices");
    if (!objective && def->method != METHOD_OCCURRENCES)
        decode_error(&b->decode, n->pos,
                     "missing key 'objective': under %s a composite has one of its own",
                     budget_method_name(def->method));
    decode_list(b, list, def);
}

/* ---- its members ---------------------------------------------------------------- */

struct lookup {
    struct build *b;
    const struct slo_def *def; /* the composite */
    const struct node *at;     /* the member */
    const char *name, *objective;
};

static void unknown(const struct lookup *l)
{
    struct build *b = l->b;
    const char **names = mem_array(b->slos.len + 1, sizeof(*names));
    size_t n = 0;
    for (size_t i = 0; i < b->slos.len; i++)
        if (b->slos.at[i].def->member_count == 0)
            names[n++] = b->slos.at[i].def->name;
    const char *near = str_nearest(l->name, names, n);
    mem_free(&names);
    if (near)
        decode_error(&b->decode, node_get(l->at, "slo")->pos,
                     "slo: no SLO has the name '%.128s'; did you mean '%s'?", l->name, near);
    else
        decode_error(&b->decode, node_get(l->at, "slo")->pos, "slo: no SLO has the name '%.128s'",
                     l->name);
}

/* The SLO is there, but not with that objective. */
static void unknown_objective(const struct lookup *l)
{
    struct build *b = l->b;
    const struct node *objective = node_get(l->at, "objective");
    struct str names;
    size_t n = 0;
    str_init(&names, NAMES_SHOWN);
    for (size_t i = 0; i < b->slos.len; i++) {
        const struct slo_def *s = b->slos.at[i].def;
        if (str_eq(s->name, l->name) && s->objective_name[0])
            str_addf(&names, "%s'%s'", n++ ? ", " : "", s->objective_name);
    }
    if (n == 0)
        decode_error(&b->decode, objective->pos, "objective: '%.128s' has one without a name",
                     l->name);
    else if (objective)
        decode_error(&b->decode, objective->pos, "objective: '%.128s' has no '%.128s', only %s%s",
                     l->name, l->objective, names.buf, names.overflow ? ", ..." : "");
    else
        decode_error(&b->decode, node_get(l->at, "slo")->pos,
                     "slo: '%.128s' has several objectives; name one of %s%s with 'objective'",
                     l->name, names.buf, names.overflow ? ", ..." : "");
    str_release(&names);
}

static bool is_mutual(const struct slo_def *def, const struct node *list)
{
    bool back = false;
    for (size_t i = 0; !back && list->kind == NODE_SEQ && i < list->n; i++) {
        const struct node *slo =
            list->items[i]->kind == NODE_MAP ? node_get(list->items[i], "slo") : NULL;
        back = slo && str_eq(slo->text, def->name);
    }
    return back;
}

static void nested(const struct lookup *l, const struct built_slo *found)
{
    struct pos pos = node_get(l->at, "slo")->pos;
    if (str_eq(found->def->name, l->def->name))
        decode_error(&l->b->decode, pos, "composite: '%s' cannot be a member of itself",
                     l->def->name);
    else if (is_mutual(l->def, found->composite))
        decode_error(&l->b->decode, pos, "composite: '%s' and '%s' are members of each other",
                     l->def->name, found->def->name);
    else
        decode_error(&l->b->decode, pos,
                     "composite: '%s' is a composite itself; name its members here",
                     found->def->name);
}

/* What a composite sums up are whole events, of all its members alike. */
static bool is_raw(const struct slo_def *def)
{
    return sli_event(&def->sli) != 1;
}

static void raw(const struct lookup *l, const struct built_slo *found)
{
    decode_error(&l->b->decode, node_get(l->at, "slo")->pos,
                 "composite: '%s' is of a raw ratio, whose events are shares of one and do not add "
                 "up with whole ones; take one with a ratio of counters or a threshold",
                 found->def->name);
}

static const struct slo_def *find_member(const struct lookup *l)
{
    struct build *b = l->b;
    bool named = false;
    for (size_t i = 0; i < b->slos.len; i++) {
        const struct built_slo *s = &b->slos.at[i];
        if (!str_eq(s->def->name, l->name))
            continue;
        named = true;
        if (!str_eq(s->def->objective_name, l->objective ? l->objective : ""))
            continue;
        if (!s->composite && !is_raw(s->def))
            return s->def;
        if (s->composite)
            nested(l, s);
        else
            raw(l, s);
        return NULL;
    }
    if (named)
        unknown_objective(l);
    else if (!b->unread)
        unknown(l);
    return NULL;
}

static const char *text_of(const struct node *map, const char *key)
{
    const struct node *n = node_get(map, key);
    return n ? n->text : NULL;
}

/* The member's SLO under the composite's rules. */
static struct slo_def *as_counted(struct build *b, const struct slo_def *def,
                                  const struct slo_def *member)
{
    struct slo_def *as = arena_alloc(&b->config->arena, sizeof(*as));
    *as = *member;
    as->window = def->window;
    as->method = def->method;
    as->slice_us = def->slice_us;
    as->slice_pos = def->slice_pos;
    as->slice_target = def->slice_target;
    as->alerting = def->alerting;
    as->min_failures = def->min_failures;
    if (def->method != METHOD_OCCURRENCES)
        as->target = def->target;
    return as;
}

static void link_composite(struct build *b, struct built_slo *s)
{
    struct slo_def *def = s->def, *as[SLO_MEMBERS_MAX];
    struct slo_member *members =
        arena_alloc(&b->config->arena, def->member_count * sizeof(*members));
    size_t errors = b->decode.diag->errors;
    bool whole = true;
    for (size_t i = 0; i < def->member_count; i++) {
        const struct node *at = s->composite->items[i];
        struct lookup l = {b, def, at, text_of(at, "slo"), text_of(at, "objective")};
        const struct slo_def *member = find_member(&l);
        members[i] = def->members[i];
        members[i].slo = member;
        whole = whole && member && member->sli.key && member->probe && member->probe->spec;
        if (whole)
            members[i].as = as[i] = as_counted(b, def, member);
    }
    def->members = members;
    if (!whole || b->decode.diag->errors != errors)
        return;
    if (b->tables->finish_slo)
        b->tables->finish_slo(def, &b->decode);
    for (size_t i = 0; i < def->member_count; i++) {
        as[i]->tiers = def->tiers;
        as[i]->tier_count = def->tier_count;
    }
}

void build_composites(struct build *b)
{
    for (size_t i = 0; i < b->slos.len; i++)
        if (b->slos.at[i].composite && b->slos.at[i].def->member_count &&
            b->slos.at[i].def->sli.key)
            link_composite(b, &b->slos.at[i]);
}
