/*
 * Objectives with indicators of their own: an SLO each, and one more that is made of
 * them, as `composite` of the short form is.
 */
#include "config/openslo_slo.h"

#include "config/composite.h"

#include "base/str.h"
#include "base/units.h"

#include <stdlib.h>

bool openslo_is_composite(const struct node *objectives)
{
    for (size_t i = 0; objectives && objectives->kind == NODE_SEQ && i < objectives->n; i++) {
        const struct node *n = objectives->items[i];
        if (n->kind == NODE_MAP && (node_get(n, "indicator") || node_get(n, "indicatorRef")))
            return true;
    }
    return false;
}

/* An objective as the short form has it. */
struct part {
    const struct openslo_objective *said;
    const struct node *sli, *target, *budgeting;
};

static void read_part(struct build *b, const struct openslo_slo *s, struct part *p)
{
    const struct openslo_objective *o = p->said;
    struct decimal weight;
    if (!o->indicator && !o->indicator_ref && !openslo_is_misspelt(o, "indicator") &&
        !openslo_is_misspelt(o, "indicatorRef"))
        decode_error(&b->decode, o->at->pos,
                     "missing key 'indicator' (or 'indicatorRef'): of a composite each objective "
                     "has its own");
    const struct node *spec = openslo_indicator(b, o->indicator, o->indicator_ref);
    if (o->weight)
        composite_weight(&b->decode, "compositeWeight", o->weight, &weight);
    if (spec) {
        openslo_check_comparison(b, spec, o);
        p->sli = openslo_sli(b, spec, o);
    }
    p->target = openslo_target(b, o);
    p->budgeting = openslo_budgeting(b, s->budgeting, o);
}

/* ---- one budget for all -------------------------------------------------------------- */

static bool is_share(const char *a, const char *b)
{
    struct decimal x, y;
    struct err err;
    return decimal_parse_percent(a, &x, &err) == 0 && decimal_parse_percent(b, &y, &err) == 0 &&
           decimal_cmp(x, y) == 0;
}

static bool is_duration(const char *a, const char *b)
{
    int64_t x, y;
    struct err err;
    return units_parse_duration(a, &x, &err) == 0 && units_parse_duration(b, &y, &err) == 0 &&
           x == y;
}

static bool is_same(const struct node *budgeting, const struct node *first, const char *key)
{
    const struct node *a = node_get(budgeting, key), *b = node_get(first, key);
    return !a || !b || (str_eq(key, "slice") ? is_duration : is_share)(a->text, b->text);
}

/* The slices are the composite's: they are judged once, and by one target. */
static void check_same(struct build *b, const struct part *p, const struct part *first)
{
    const struct openslo_objective *o = p->said;
    const struct node *target = o->target ? o->target : o->target_percent;
    const char *method = node_get(p->budgeting, "method")->text;
    if (!is_share(p->target->text, first->target->text))
        decode_error(&b->decode, target->pos,
                     "%s: under %s the objectives of a composite have one target, which is its "
                     "own; the first has %s",
                     o->target ? "target" : "targetPercent", method, first->target->text);
    if (!is_same(p->budgeting, first->budgeting, "slice"))
        decode_error(&b->decode, o->slice_window->pos,
                     "timeSliceWindow: the objectives of a composite are joined slice by slice; "
                     "the first has %s",
                     node_get(first->budgeting, "slice")->text);
    if (!is_same(p->budgeting, first->budgeting, "slice_target"))
        decode_error(&b->decode, o->slice_target->pos,
                     "timeSliceTarget: the objectives of a composite are judged by one; the first "
                     "has %s",
                     node_get(first->budgeting, "slice_target")->text);
}

/* ---- building ------------------------------------------------------------------------ */

static void put_budget(struct build *b, struct node *slo, const struct part *p)
{
    if (p->budgeting->kind == NODE_MAP)
        openslo_put(b, slo, "budgeting", p->budgeting);
}

static void build_member(struct build *b, const struct openslo_slo *s, const struct part *p,
                         const struct node *annotated)
{
    struct node *slo = openslo_begin(b, s);
    openslo_put(b, slo, "sli", p->sli);
    openslo_put(b, slo, "objective", p->target);
    openslo_put(b, slo, "window", s->first_window);
    put_budget(b, slo, p);
    openslo_put(b, slo, "no_data", node_get(annotated, "no_data"));
    openslo_put(b, slo, "alerting", openslo_scalar(b, slo->pos, "none"));
    build_slo(b, slo, p->said->name);
}

/* The short form's list of members. */
static struct node *member_list(struct build *b, const struct openslo_slo *s,
                                const struct part *parts, size_t n)
{
    struct node *list = openslo_scalar(b, parts[0].said->at->pos, "");
    list->kind = NODE_SEQ;
    list->items = arena_alloc(&b->config->arena, n * sizeof(*list->items));
    for (; list->n < n; list->n++) {
        const struct openslo_objective *o = parts[list->n].said;
        struct node *member = openslo_map(b, o->at->pos);
        openslo_put(b, member, "slo", openslo_scalar(b, o->at->pos, s->object->name));
        openslo_put(b, member, "objective", openslo_scalar(b, o->at->pos, o->name));
        openslo_put(b, member, "weight", o->weight);
        list->items[list->n] = member;
    }
    return list;
}

/* Alerts, what was agreed to do, and further windows are the composite's. */
static void build_whole(struct build *b, const struct openslo_slo *s, const struct part *parts,
                        size_t n, const struct node *annotated)
{
    static const char *const own[] = {"alerting",   "alerts", "dashboard",
                                      "depends_on", "policy", "runbook"};
    struct node *slo = openslo_begin(b, s);
    openslo_put(b, slo, "composite", member_list(b, s, parts, n));
    if (parts[0].budgeting->kind == NODE_MAP) /* else the members' targets are all */
        openslo_put(b, slo, "objective", parts[0].target);
    put_budget(b, slo, &parts[0]);
    openslo_put(b, slo, "window", s->window);
    for (size_t i = 0; i < countof(own); i++)
        openslo_put(b, slo, own[i], node_get(annotated, own[i]));
    if (!node_get(slo, "alerting"))
        openslo_put_tiers(b, slo, s);
    build_slo(b, slo, "");
}

/* Over several windows the composite has their names, beside those of its members. */
static void check_names(struct build *b, const struct part *parts, size_t n, size_t built)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = built; k < b->slos.len; k++)
            if (str_eq(b->slos.at[k].def->objective_name, parts[i].said->name))
                decode_error(&b->decode, parts[i].said->at->pos,
                             "displayName: '%s' is what the composite is called over that window",
                             parts[i].said->name);
}

void openslo_composite(struct build *b, const struct openslo_slo *s,
                       const struct openslo_objective *list, size_t n)
{
    size_t errors = b->decode.diag->errors;
    struct part *parts = arena_alloc(b->decode.arena, n * sizeof(*parts));
    for (size_t i = 0; i < n; i++) {
        parts[i].said = &list[i];
        if (list[i].at->kind == NODE_MAP)
            read_part(b, s, &parts[i]);
    }
    struct node *annotated = openslo_map(b, s->object->pos);
    openslo_annotations(b, s->metadata.annotations, annotated);
    for (size_t i = 1; i < n; i++)
        if (parts[0].target && parts[0].budgeting && parts[0].budgeting->kind == NODE_MAP &&
            parts[i].target && parts[i].budgeting)
            check_same(b, &parts[i], &parts[0]);
    if (b->decode.diag->errors != errors || !s->window)
        return;
    for (size_t i = 0; i < n; i++)
        build_member(b, s, &parts[i], annotated);
    size_t members = b->slos.len;
    build_whole(b, s, parts, n, annotated);
    check_names(b, parts, n, members);
}
