/* An SLO: each of its objectives becomes one of the short form. */
#include "config/openslo_slo.h"

#include "base/str.h"

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

struct node *openslo_begin(struct build *b, const struct openslo_slo *s)
{
    struct node *slo = openslo_map(b, s->object->pos);
    const struct node *description = s->description;
    openslo_put(b, slo, "name", node_get(s->object->metadata, "name"));
    openslo_put(b, slo, "service", s->service);
    if (description && !node_is_null(description) && description->text[0])
        openslo_put(b, slo, "description", description);
    openslo_put(b, slo, "labels", openslo_labels(b, s->metadata.labels));
    return slo;
}

static void build_objective(struct build *b, const struct openslo_slo *s,
                            const struct openslo_objective *o)
{
    size_t errors = b->decode.diag->errors;
    openslo_check_comparison(b, s->sli_spec, o);
    const struct node *share = openslo_target(b, o);
    const struct node *method = openslo_budgeting(b, s->budgeting, o);
    const struct node *sli = openslo_sli(b, s->sli_spec, o);
    struct node *slo = openslo_begin(b, s);
    openslo_put(b, slo, "sli", sli);
    openslo_put(b, slo, "objective", share);
    openslo_put(b, slo, "window", s->window);
    if (method && method->kind == NODE_MAP)
        openslo_put(b, slo, "budgeting", method);
    bool ok = openslo_annotations(b, s->metadata.annotations, slo);
    if (!node_get(slo, "alerting")) /* which the annotation puts there */
        openslo_put_tiers(b, slo, s);
    if (ok && sli && share && method && s->window && b->decode.diag->errors == errors)
        build_slo(b, slo, o->name);
}

void openslo_put_tiers(struct build *b, struct node *slo, const struct openslo_slo *s)
{
    openslo_put(b, slo, "alerting", s->tiers ? s->tiers : openslo_scalar(b, slo->pos, "none"));
    if (s->tiers && s->silence && !node_get(slo, "alerts"))
        openslo_put(b, slo, "alerts", s->silence);
}

/* Shown in many places: two of one SLO must differ. */
static void check_names(struct build *b, const struct openslo_objective *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (str_eq(list[i].name, list[j].name))
                decode_error(&b->decode, list[i].at->pos,
                             "displayName: two objectives have the name '%s'", list[i].name);
}

static void build_objectives(struct build *b, struct openslo_slo *s, const struct node *list)
{
    bool composite = openslo_is_composite(list);
    size_t errors = b->decode.diag->errors;
    if (list->kind != NODE_SEQ || list->n == 0 || list->n > OBJECTIVES_MAX) {
        decode_error(&b->decode, list->pos, "objectives: expected a list of 1 to %d",
                     OBJECTIVES_MAX);
        return;
    }
    struct openslo_objective *all = arena_alloc(b->decode.arena, list->n * sizeof(*all));
    for (size_t i = 0; i < list->n; i++)
        openslo_read_objective(b, list->items[i], i, list->n == 1 && !composite, &all[i]);
    check_names(b, all, list->n);
    if (composite) {
        if (b->decode.diag->errors != errors)
            s->window = NULL;
        openslo_composite(b, s, all, list->n);
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (all[i].weight)
            decode_error(&b->decode, all[i].weight->pos,
                         "compositeWeight: belongs to an objective with an indicator of its own");
        else if (s->sli_spec && list->items[i]->kind == NODE_MAP)
            build_objective(b, s, &all[i]);
    }
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

/* People name the SLO that they have in mind. */
static bool is_slo_instead(struct build *b, const struct node *ref)
{
    bool is = ref->kind == NODE_SCALAR && !openslo_known(b, OPENSLO_SLI, ref->text) &&
              openslo_known(b, OPENSLO_SLO, ref->text);
    if (is)
        decode_error(&b->decode, ref->pos,
                     "indicatorRef: '%.128s' is an SLO; expected the name of a document of kind "
                     "SLI, such as the one it has itself",
                     ref->text);
    return is;
}

const struct node *openslo_indicator(struct build *b, const struct node *indicator,
                                     const struct node *ref)
{
    struct indicator in = {0};
    struct openslo_metadata m;
    if (indicator && ref) {
        decode_error(&b->decode, ref->pos, "an SLO has one of 'indicator' and 'indicatorRef'");
        return NULL;
    }
    if (ref) {
        const struct openslo_object *sli =
            is_slo_instead(b, ref) ? NULL : openslo_find(b, OPENSLO_SLI, "indicatorRef", ref);
        return sli ? sli->spec : NULL;
    }
    if (!indicator)
        return NULL;
    decode_object(&b->decode, indicator, indicator_fields, &in);
    if (in.metadata)
        openslo_metadata(b, in.metadata, &m);
    return in.spec;
}

/* The SLI of all of its objectives; NULL: reported, or each has its own. */
static const struct node *find_sli(struct build *b, const struct openslo_object *object,
                                   const struct slo_spec *s)
{
    const struct node *here = s->indicator ? s->indicator : s->indicator_ref;
    bool composite = openslo_is_composite(s->objectives);
    if (here && composite)
        decode_error(&b->decode, here->pos,
                     "%s: this is a composite, whose objectives have indicators of their own; an "
                     "indicator stands in the spec or in each objective",
                     s->indicator ? "indicator" : "indicatorRef");
    else if (!here && !composite && !decode_misspelt(object->spec, slo_fields, "indicator") &&
             !decode_misspelt(object->spec, slo_fields, "indicatorRef"))
        decode_error(&b->decode, object->spec->pos, "missing key 'indicator' (or 'indicatorRef')");
    return composite ? NULL : openslo_indicator(b, s->indicator, s->indicator_ref);
}

/* NULL for what is none, which is reported already. */
static const struct node *mapping_of(const struct node *metadata, const char *key)
{
    const struct node *n = node_get(metadata, key);
    return n && n->kind == NODE_MAP ? n : NULL;
}

void openslo_slo(struct build *b, const struct openslo_object *object)
{
    struct openslo_slo s = {.object = object};
    struct slo_spec spec = {0};
    size_t errors = b->decode.diag->errors;
    decode_object(&b->decode, object->spec, slo_fields, &spec);
    if (object->spec->kind != NODE_MAP)
        return;
    s.metadata.labels = mapping_of(object->metadata, "labels");
    s.metadata.annotations = mapping_of(object->metadata, "annotations");
    s.service = spec.service_node;
    s.description = spec.description;
    s.budgeting = spec.budgeting;
    openslo_check_description(b, spec.description);
    if (spec.service_node)
        check_service(b, &spec);
    if (spec.window)
        s.first_window = openslo_window(b, spec.window);
    s.window = openslo_windows(b, s.metadata.annotations, s.first_window);
    if (spec.policies)
        openslo_check_policies(b, spec.policies);
    if (!s.metadata.annotations || !node_get(s.metadata.annotations, "nines/alerting"))
        s.tiers = openslo_tiers(b, spec.policies, &s.silence);
    s.sli_spec = find_sli(b, object, &spec);
    if (!spec.objectives || !spec.budgeting)
        return;
    if (b->decode.diag->errors != errors)
        s.window = NULL; /* what is left is looked at, nothing is built */
    build_objectives(b, &s, spec.objectives);
}
