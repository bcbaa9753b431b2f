/* One objective of an SLO: its target, its slices, its name. */
#include "config/openslo_slo.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- targets --------------------------------------------------------------------------- */

#define KEEP(key, member)                                                                          \
    {                                                                                              \
        key, FIELD_CUSTOM, offsetof(struct openslo_objective, member), .decode = decode_keep       \
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

bool openslo_is_misspelt(const struct openslo_objective *o, const char *key)
{
    return decode_misspelt(o->at, objective_fields, key);
}

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

const struct node *openslo_target(struct build *b, const struct openslo_objective *o)
{
    if (o->target && o->target_percent)
        decode_error(&b->decode, o->target_percent->pos,
                     "an objective has one of 'target' and 'targetPercent'");
    else if (o->target)
        return percentage(b, "target", o->target, false, false);
    else if (o->target_percent)
        return percentage(b, "targetPercent", o->target_percent, true, false);
    else if (!openslo_is_misspelt(o, "target") && !openslo_is_misspelt(o, "targetPercent"))
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

static const struct node *slices(struct build *b, const struct openslo_objective *o,
                                 const char *method, bool has_target)
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

const struct node *openslo_budgeting(struct build *b, const struct node *n,
                                     const struct openslo_objective *o)
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

/* ---- all of it ------------------------------------------------------------------------ */

/* It is shown on terminals and in messages. */
static bool is_printable(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f || (p[0] == '\xc2' && (unsigned char)p[1] < 0xa0))
            return false;
    return true;
}

void openslo_read_objective(struct build *b, const struct node *n, size_t i, bool alone,
                            struct openslo_objective *o)
{
    static const struct field name = {"displayName", FIELD_STRING};
    char found[FOUND_MAX];
    *o = (struct openslo_objective){.at = n};
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
    if (alone)
        o->name = "";
    else if (!o->name || !o->name[0])
        o->name = arena_printf(&b->config->arena, "objective-%zu", i + 1);
}

void openslo_check_comparison(struct build *b, const struct node *sli_spec,
                              const struct openslo_objective *o)
{
    const struct node *n = o->op ? o->op : o->value;
    if (n && openslo_has_ratio(sli_spec))
        decode_warning(&b->decode, n->pos,
                       "%s: belongs to a thresholdMetric; a ratioMetric does without, leave it out",
                       o->op && o->value ? "op and value"
                       : o->op           ? "op"
                                         : "value");
}
