/* An SLO: each of its objectives becomes one of the short form. */
#include "config/openslo.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTIVES_MAX 64

struct slo_spec {
    const char *service;
    const struct node *description, *indicator, *indicator_ref, *budgeting, *window, *objectives,
        *policies, *service_node;
};

static const struct field slo_fields[] = {
    {"description", FIELD_CUSTOM, offsetof(struct slo_spec, description), .decode = decode_keep},
    {"service", FIELD_CUSTOM, offsetof(struct slo_spec, service_node), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"indicator", FIELD_CUSTOM, offsetof(struct slo_spec, indicator), .decode = decode_keep},
    {"indicatorRef", FIELD_CUSTOM, offsetof(struct slo_spec, indicator_ref), .decode = decode_keep},
    {"budgetingMethod", FIELD_CUSTOM, offsetof(struct slo_spec, budgeting), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"timeWindow", FIELD_CUSTOM, offsetof(struct slo_spec, window), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"objectives", FIELD_CUSTOM, offsetof(struct slo_spec, objectives), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"alertPolicies", FIELD_CUSTOM, offsetof(struct slo_spec, policies), .decode = decode_keep},
    {0},
};

/* ---- targets --------------------------------------------------------------------------- */

struct objective {
    const struct node *at;
    const char *name;
    const struct node *display_name, *op, *value, *target, *target_percent, *slice_target,
        *slice_window, *weight, *indicator, *indicator_ref;
};

#define KEEP(key, member)                                                                          \
    {                                                                                              \
        key, FIELD_CUSTOM, offsetof(struct objective, member), .decode = decode_keep               \
    }

static const struct field objective_fields[] = {
    KEEP("displayName", display_name),
    KEEP("op", op),
    KEEP("value", value),
    KEEP("target", target),
    KEEP("targetPercent", target_percent),
    KEEP("timeSliceTarget", slice_target),
    KEEP("timeSliceWindow", slice_window),
    KEEP("compositeWeight", weight),
    KEEP("indicator", indicator),
    KEEP("indicatorRef", indicator_ref),
    {0},
};

/* A ratio like 0.999 as the short form's percentage: [0, 1), of slices (0, 1]. */
static const struct node *percentage(struct build *b, const char *key, const struct node *n,
                                     bool percent, bool slices)
{
    static const struct decimal all = {1, 0};
    char found[FOUND_MAX], text[UNITS_MAX];
    struct decimal d = {-1, 0};
    struct err err;
    bool plain = n->kind == NODE_SCALAR && n->plain && strlen(n->text) < UNITS_MAX - 2;
    if (plain && percent)
        snprintf(text, sizeof(text), "%s%%", n->text);
    if (plain &&
        (percent ? decimal_parse_percent(text, &d, &err) : decimal_parse(n->text, &d, &err)) < 0)
        plain = false;
    int cmp = plain ? decimal_cmp(d, all) : 0;
    if (plain && (slices ? d.n > 0 && cmp <= 0 : cmp < 0))
        return openslo_scalar(b, n->pos, arena_strdup(&b->config->arena, decimal_percent(text, d)));
    if (plain && cmp > 0 && str_eq(key, "target"))
        decode_error(&b->decode, n->pos,
                     "target: a ratio below 1 like 0.999; percentages are 'targetPercent: %.20s'",
                     n->text);
    else
        decode_error(&b->decode, n->pos, "%s: expected a %s %s %s like %s; found %s", key,
                     percent ? "percentage" : "ratio",
                     slices ? "above 0 and not above" : "from 0 on and below",
                     percent ? "100" : "1", percent ? "99.9" : "0.999", decode_found(n, found));
    return NULL;
}

static const struct node *target(struct build *b, const struct objective *o)
{
    if (o->target && o->target_percent)
        decode_error(&b->decode, o->target_percent->pos,
                     "an objective has one of 'target' and 'targetPercent'");
    else if (o->target)
        return percentage(b, "target", o->target, false, false);
    else if (o->target_percent)
        return percentage(b, "targetPercent", o->target_percent, true, false);
    else if (!decode_misspelt(o->at, objective_fields, "target") &&
             !decode_misspelt(o->at, objective_fields, "targetPercent"))
        decode_error(&b->decode, o->at->pos, "missing key 'target' (or 'targetPercent')");
    return NULL;
}

/* ---- budgets ------------------------------------------------------------------------------ */

static bool no_slices(struct build *b, const struct node *n, const char *key, const char *method)
{
    if (n)
        decode_error(&b->decode, n->pos,
                     "%s: has no meaning with budgetingMethod: %s; leave it "
                     "out",
                     key, method);
    return n == NULL;
}

static const struct node *slices(struct build *b, const struct objective *o, const char *method,
                                 bool has_target)
{
    struct openslo_duration d;
    const struct node *share = NULL;
    if (!o->slice_window || (has_target && !o->slice_target)) {
        decode_error(&b->decode, o->at->pos, "missing key '%s': budgetingMethod: %s needs it",
                     o->slice_window ? "timeSliceTarget" : "timeSliceWindow", method);
        return NULL;
    }
    if (!has_target && !no_slices(b, o->slice_target, "timeSliceTarget", method))
        return NULL;
    if (has_target)
        share = percentage(b, "timeSliceTarget", o->slice_target, false, true);
    if (!openslo_duration(b, "timeSliceWindow", o->slice_window, OPENSLO_BARE, &d) ||
        (has_target && !share))
        return NULL;
    if (strchr("MQY", d.unit)) {
        decode_error(&b->decode, o->slice_window->pos,
                     "timeSliceWindow: months, quarters and years differ in length; write days");
        return NULL;
    }
    struct node *n = openslo_map(b, o->slice_window->pos);
    const char *text = arena_printf(&b->config->arena, "%" PRId64 "%c", d.n, d.unit);
    openslo_put(b, n, "method", openslo_scalar(b, o->slice_window->pos, method));
    openslo_put(b, n, "slice", openslo_scalar(b, o->slice_window->pos, text));
    openslo_put(b, n, "slice_target", share);
    return n;
}

/* NULL: reported. */
static const struct node *budgeting(struct build *b, const struct node *n,
                                    const struct objective *o)
{
    static const char *const methods[] = {"Occurrences", "Timeslices", "RatioTimeslices", NULL};
    static const struct field field = {"budgetingMethod", FIELD_ENUM, .names = methods};
    int method = -1;
    decode_value(&b->decode, n, &field, &method);
    if (method < 0)
        return NULL;
    if (method > 0)
        return slices(b, o, methods[method], method == 1);
    bool ok = no_slices(b, o->slice_window, "timeSliceWindow", "Occurrences");
    ok = no_slices(b, o->slice_target, "timeSliceTarget", "Occurrences") && ok;
    return ok ? openslo_scalar(b, n->pos, "Occurrences") : NULL;
}

/* ---- services --------------------------------------------------------------------- */

static void check_service(struct build *b, struct slo_spec *s)
{
    static const struct field field = {"service", FIELD_STRING};
    const char *const *names = b->openslo_lists[OPENSLO_SERVICE].at;
    size_t n = b->openslo_lists[OPENSLO_SERVICE].len;
    decode_value(&b->decode, s->service_node, &field, &s->service);
    if (!s->service || b->unread || openslo_known(b, OPENSLO_SERVICE, s->service))
        return;
    if (n == 0)
        return; /* a service need not be declared */
    const char *near = build_nearest(b, s->service, names, n);
    decode_warning(&b->decode, s->service_node->pos,
                   "service: no document of kind Service has the name '%.128s'%s%s%s", s->service,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* ---- one objective --------------------------------------------------------------------------- */

struct slo {
    const struct openslo_object *object;
    struct openslo_metadata metadata;
    struct slo_spec spec;
    const struct node *sli_spec, *window, *tiers;
    size_t objectives;
};

/* It is shown on terminals and in messages. */
static bool is_printable(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || (p[0] == '\xc2' && (unsigned char)p[1] < 0xa0))
            return false;
    return true;
}

static void read_objective(struct build *b, const struct node *n, size_t i, size_t count,
                           struct objective *o)
{
    static const struct field name = {"displayName", FIELD_STRING};
    char found[FOUND_MAX];
    *o = (struct objective){.at = n};
    if (n->kind != NODE_MAP)
        decode_error(&b->decode, n->pos, "objectives: expected a mapping with a 'target'; found %s",
                     decode_found(n, found));
    else
        decode_object(&b->decode, n, objective_fields, o);
    if (o->display_name)
        decode_value(&b->decode, o->display_name, &name, &o->name);
    openslo_check_length(b, "displayName", o->display_name, o->name, OPENSLO_NAME_MAX);
    if (o->name && !is_printable(o->name))
        decode_error(&b->decode, o->display_name->pos,
                     "displayName: expected text without control characters");
    if (count == 1)
        o->name = "";
    else if (!o->name || !o->name[0])
        o->name = arena_printf(&b->config->arena, "objective-%zu", i + 1);
}

/* Where a ratio is judged there is nothing to compare. */
static void check_comparison(struct build *b, const struct slo *s, const struct objective *o)
{
    const struct node *n = o->op ? o->op : o->value;
    if (n && openslo_has_ratio(s->sli_spec))
        decode_warning(&b->decode, n->pos,
                       "%s: belongs to a thresholdMetric; a ratioMetric does without, leave it out",
                       o->op && o->value ? "op and value"
                       : o->op           ? "op"
                                         : "value");
}

static void build_objective(struct build *b, const struct slo *s, const struct objective *o)
{
    size_t errors = b->decode.diag->errors;
    const struct openslo_objective comparison = {o->at, o->op, o->value};
    check_comparison(b, s, o);
    const struct node *share = target(b, o);
    const struct node *method = budgeting(b, s->spec.budgeting, o);
    const struct node *sli = openslo_sli(b, s->sli_spec, &comparison);
    struct node *slo = openslo_map(b, s->object->pos);
    openslo_put(b, slo, "name", node_get(s->object->metadata, "name"));
    openslo_put(b, slo, "service", s->spec.service_node);
    const struct node *description = s->spec.description;
    if (description && !node_is_null(description) && description->text[0])
        openslo_put(b, slo, "description", description);
    openslo_put(b, slo, "sli", sli);
    openslo_put(b, slo, "objective", share);
    openslo_put(b, slo, "window", s->window);
    if (method && method->kind == NODE_MAP)
        openslo_put(b, slo, "budgeting", method);
    bool ok = openslo_annotations(b, s->metadata.annotations, slo);
    if (!node_get(slo, "alerting")) /* which the annotation puts there */
        openslo_put(b, slo, "alerting", s->tiers ? s->tiers : openslo_scalar(b, slo->pos, "none"));
    openslo_put(b, slo, "labels", openslo_labels(b, s->metadata.labels));
    if (ok && sli && share && method && s->window && b->decode.diag->errors == errors)
        build_slo(b, slo, o->name);
}

/* Shown in many places: two of one SLO must differ. */
static void check_names(struct build *b, const struct objective *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (str_eq(list[i].name, list[j].name))
                decode_error(&b->decode, list[i].at->pos,
                             "displayName: two objectives have the name '%s'", list[i].name);
}

static void build_objectives(struct build *b, struct slo *s)
{
    const struct node *list = s->spec.objectives;
    if (list->kind != NODE_SEQ || list->n == 0 || list->n > OBJECTIVES_MAX) {
        decode_error(&b->decode, list->pos, "objectives: expected a list of 1 to %d",
                     OBJECTIVES_MAX);
        return;
    }
    struct objective *all = arena_alloc(b->decode.arena, list->n * sizeof(*all));
    for (size_t i = 0; i < list->n; i++)
        read_objective(b, list->items[i], i, list->n, &all[i]);
    check_names(b, all, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct objective *o = &all[i];
        const struct node *part = o->weight      ? o->weight
                                  : o->indicator ? o->indicator
                                                 : o->indicator_ref;
        if (!part)
            continue;
        decode_error(&b->decode, part->pos, "composite SLOs are not supported by this version");
        return;
    }
    for (size_t i = 0; s->sli_spec && i < list->n; i++)
        if (list->items[i]->kind == NODE_MAP)
            build_objective(b, s, &all[i]);
}

/* ---- one SLO --------------------------------------------------------------------------- */

struct indicator {
    const struct node *metadata, *spec;
};

static const struct field indicator_fields[] = {
    {"metadata", FIELD_CUSTOM, offsetof(struct indicator, metadata), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"spec", FIELD_CUSTOM, offsetof(struct indicator, spec), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {0},
};

/* The spec of its SLI; NULL, reported. */
static const struct node *find_sli(struct build *b, const struct openslo_object *object,
                                   const struct slo_spec *s)
{
    struct indicator in = {0};
    struct openslo_metadata m;
    if (s->indicator && s->indicator_ref) {
        decode_error(&b->decode, s->indicator_ref->pos,
                     "an SLO has one of 'indicator' and 'indicatorRef'");
        return NULL;
    }
    if (s->indicator_ref) {
        const struct openslo_object *sli =
            openslo_find(b, OPENSLO_SLI, "indicatorRef", s->indicator_ref);
        return sli ? sli->spec : NULL;
    }
    if (s->indicator) {
        decode_object(&b->decode, s->indicator, indicator_fields, &in);
        if (in.metadata)
            openslo_metadata(b, in.metadata, &m);
        return in.spec;
    }
    if (!decode_misspelt(object->spec, slo_fields, "indicator") &&
        !decode_misspelt(object->spec, slo_fields, "indicatorRef"))
        decode_error(&b->decode, object->spec->pos, "missing key 'indicator' (or 'indicatorRef')");
    return NULL;
}

/* Of a composite each objective has its own. */
static bool is_composite(const struct node *objectives)
{
    for (size_t i = 0; objectives && objectives->kind == NODE_SEQ && i < objectives->n; i++)
        if (node_get(objectives->items[i], "indicator") ||
            node_get(objectives->items[i], "indicatorRef") ||
            node_get(objectives->items[i], "compositeWeight"))
            return true;
    return false;
}

/* NULL for what is none, which is reported already. */
static const struct node *mapping_of(const struct node *metadata, const char *key)
{
    const struct node *n = node_get(metadata, key);
    return n && n->kind == NODE_MAP ? n : NULL;
}

void openslo_slo(struct build *b, const struct openslo_object *object)
{
    struct slo s = {.object = object};
    size_t errors = b->decode.diag->errors;
    decode_object(&b->decode, object->spec, slo_fields, &s.spec);
    if (object->spec->kind != NODE_MAP)
        return;
    s.metadata.labels = mapping_of(object->metadata, "labels");
    s.metadata.annotations = mapping_of(object->metadata, "annotations");
    openslo_check_description(b, s.spec.description);
    if (s.spec.service_node)
        check_service(b, &s.spec);
    if (s.spec.window)
        s.window = openslo_windows(b, s.metadata.annotations, openslo_window(b, s.spec.window));
    if (s.spec.policies)
        openslo_check_policies(b, s.spec.policies);
    if (!s.metadata.annotations || !node_get(s.metadata.annotations, "nines/alerting"))
        s.tiers = openslo_tiers(b, s.spec.policies);
    if (!is_composite(s.spec.objectives))
        s.sli_spec = find_sli(b, object, &s.spec);
    if (!s.spec.objectives || !s.spec.budgeting)
        return;
    if (b->decode.diag->errors != errors)
        s.window = NULL; /* what is left is looked at, nothing is built */
    build_objectives(b, &s);
}
