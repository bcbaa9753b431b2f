/* Policies, conditions and targets are checked; openslo_tiers.c says what comes of
 * them. */
#include "config/openslo.h"

#include "base/str.h"

#include <string.h>

/* ---- what stands in its place, or elsewhere ------------------------------------------ */

struct reference {
    const char *ref_key, *what;
    enum openslo_kind kind;
    const char *kind_name;
    void (*check)(struct build *b, const struct node *spec);
};

struct inline_object {
    const struct node *ref, *kind, *metadata, *spec;
};

static void check_inline(struct build *b, const struct node *n, const struct reference *r,
                         const struct inline_object *o)
{
    static const char *const keys[] = {"kind", "metadata", "spec"};
    char found[FOUND_MAX];
    struct openslo_metadata m;
    for (size_t i = 0; i < countof(keys); i++)
        if (!node_get(n, keys[i]))
            decode_error(&b->decode, n->pos, "%s: missing key '%s'; or '%s' alone", r->what,
                         keys[i], r->ref_key);
    if (o->kind && (o->kind->kind != NODE_SCALAR || !str_eq(o->kind->text, r->kind_name)))
        decode_error(&b->decode, o->kind->pos, "kind: expected %s; found %s", r->kind_name,
                     decode_found(o->kind, found));
    if (o->metadata)
        openslo_metadata(b, o->metadata, &m);
    if (o->spec)
        r->check(b, o->spec);
}

static void check_one(struct build *b, const struct node *n, const struct reference *r)
{
    struct inline_object o = {0};
    const struct field fields[] = {
        {r->ref_key, FIELD_CUSTOM, offsetof(struct inline_object, ref), .decode = decode_keep},
        {"kind", FIELD_CUSTOM, offsetof(struct inline_object, kind), .decode = decode_keep},
        {"metadata", FIELD_CUSTOM, offsetof(struct inline_object, metadata), .decode = decode_keep},
        {"spec", FIELD_CUSTOM, offsetof(struct inline_object, spec), .decode = decode_keep},
        {0},
    };
    if (n->kind == NODE_SCALAR && !node_is_null(n)) {
        if (openslo_find(b, r->kind, r->what, n))
            decode_warning(&b->decode, n->pos, "%s: a name alone is taken for {%s: %s}; write that",
                           r->what, r->ref_key, n->text);
        return;
    }
    size_t errors = b->decode.diag->errors;
    decode_object(&b->decode, n, fields, &o);
    if (n->kind != NODE_MAP)
        return;
    if (o.ref && (o.kind || o.metadata || o.spec))
        decode_error(&b->decode, o.ref->pos,
                     "%s: either '%s' alone, or 'kind', 'metadata' and "
                     "'spec'",
                     r->what, r->ref_key);
    else if (o.ref)
        openslo_find(b, r->kind, r->ref_key, o.ref);
    else if (b->decode.diag->errors == errors)
        check_inline(b, n, r, &o);
}

static void check_list(struct build *b, const struct node *list, const struct reference *r,
                       size_t min)
{
    char found[FOUND_MAX];
    if (list->kind != NODE_SEQ)
        decode_error(&b->decode, list->pos, "%s: expected a list; found %s", r->what,
                     decode_found(list, found));
    else if (list->n < min)
        decode_error(&b->decode, list->pos, "%s: expected at least one", r->what);
    for (size_t i = 0; list->kind == NODE_SEQ && i < list->n; i++)
        check_one(b, list->items[i], r);
}

/* ---- conditions ------------------------------------------------------------------------ */

struct burn {
    const struct node *kind, *op, *threshold, *lookback, *alert_after;
};

struct alert_condition {
    const struct node *description, *condition;
    const char *severity;
};

static const struct field burn_fields[] = {
    {"kind", FIELD_CUSTOM, offsetof(struct burn, kind), .decode = decode_keep},
    {"op", FIELD_CUSTOM, offsetof(struct burn, op), .decode = decode_keep},
    {"threshold", FIELD_CUSTOM, offsetof(struct burn, threshold), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"lookbackWindow", FIELD_CUSTOM, offsetof(struct burn, lookback), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"alertAfter", FIELD_CUSTOM, offsetof(struct burn, alert_after), .decode = decode_keep},
    {0},
};

static const struct field condition_fields[] = {
    {"description", FIELD_CUSTOM, offsetof(struct alert_condition, description),
     .decode = decode_keep},
    {"severity", FIELD_STRING, offsetof(struct alert_condition, severity), .flags = FIELD_REQUIRED},
    {"condition", FIELD_CUSTOM, offsetof(struct alert_condition, condition),
     .flags = FIELD_REQUIRED, .decode = decode_keep},
    {0},
};

static void check_op(struct build *b, const struct node *n, const struct node *op)
{
    static const char *const names[] = {"lte", "gte", "lt", "gt", NULL};
    static const struct field field = {"op", FIELD_ENUM, .names = names};
    int which = 3;
    if (op)
        decode_value(&b->decode, op, &field, &which);
    else if (!decode_misspelt(n, burn_fields, "op"))
        decode_warning(&b->decode, n->pos, "missing key 'op', taken for 'op: gt'; write that");
    if (which == 0 || which == 2)
        decode_warning(&b->decode, op->pos,
                       "op: this alerts while the burn rate is low; taken for 'gte', write that");
}

static void check_threshold(struct build *b, const struct node *n)
{
    char found[FOUND_MAX];
    struct decimal d;
    struct err err;
    if (n->kind != NODE_SCALAR || !n->plain || decimal_parse(n->text, &d, &err) < 0)
        decode_error(&b->decode, n->pos, "threshold: expected a burn rate like 14.4; found %s",
                     decode_found(n, found));
}

static void check_burn(struct build *b, const struct node *n)
{
    static const char *const kinds[] = {"burnrate", NULL};
    static const struct field kind = {"kind", FIELD_ENUM, .names = kinds};
    struct burn burn = {0};
    struct openslo_duration d;
    int which = 0;
    decode_object(&b->decode, n, burn_fields, &burn);
    if (n->kind != NODE_MAP)
        return;
    if (burn.kind)
        decode_value(&b->decode, burn.kind, &kind, &which);
    check_op(b, n, burn.op);
    if (burn.threshold)
        check_threshold(b, burn.threshold);
    if (burn.lookback)
        openslo_duration(b, "lookbackWindow", burn.lookback, OPENSLO_MINUS, &d);
    if (burn.alert_after)
        openslo_duration(b, "alertAfter", burn.alert_after, OPENSLO_ZERO, &d);
}

void openslo_check_condition(struct build *b, const struct node *spec)
{
    struct alert_condition c = {0};
    decode_object(&b->decode, spec, condition_fields, &c);
    openslo_check_description(b, c.description);
    if (c.condition)
        check_burn(b, c.condition);
}

/* ---- targets, policies -------------------------------------------------------------------- */

struct target {
    const struct node *description;
    const char *target;
};

static const struct field target_fields[] = {
    {"description", FIELD_CUSTOM, offsetof(struct target, description), .decode = decode_keep},
    {"target", FIELD_STRING, offsetof(struct target, target), .flags = FIELD_REQUIRED},
    {0},
};

void openslo_check_target(struct build *b, const struct node *spec)
{
    struct target t = {0};
    decode_object(&b->decode, spec, target_fields, &t);
    openslo_check_description(b, t.description);
}

struct policy {
    const struct node *description, *conditions, *targets;
    bool breaching, resolved, no_data;
};

static const struct field policy_fields[] = {
    {"description", FIELD_CUSTOM, offsetof(struct policy, description), .decode = decode_keep},
    {"alertWhenBreaching", FIELD_BOOL, offsetof(struct policy, breaching)},
    {"alertWhenResolved", FIELD_BOOL, offsetof(struct policy, resolved)},
    {"alertWhenNoData", FIELD_BOOL, offsetof(struct policy, no_data)},
    {"conditions", FIELD_CUSTOM, offsetof(struct policy, conditions), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {"notificationTargets", FIELD_CUSTOM, offsetof(struct policy, targets), .flags = FIELD_REQUIRED,
     .decode = decode_keep},
    {0},
};

void openslo_check_policy(struct build *b, const struct node *spec)
{
    static const struct reference condition = {"conditionRef", "conditions",
                                               OPENSLO_ALERT_CONDITION, "AlertCondition",
                                               openslo_check_condition};
    static const struct reference target = {"targetRef", "notificationTargets",
                                            OPENSLO_ALERT_TARGET, "AlertNotificationTarget",
                                            openslo_check_target};
    struct policy p = {0};
    decode_object(&b->decode, spec, policy_fields, &p);
    openslo_check_description(b, p.description);
    if (p.conditions) {
        check_list(b, p.conditions, &condition, 1);
        if (p.conditions->kind == NODE_SEQ && p.conditions->n > 1)
            decode_warning(&b->decode, p.conditions->pos,
                           "conditions: a policy has one; write a policy for each of the %zu",
                           p.conditions->n);
    }
    if (p.targets)
        check_list(b, p.targets, &target, 1);
}

void openslo_check_policies(struct build *b, const struct node *list)
{
    static const struct reference policy = {"alertPolicyRef", "alertPolicies", OPENSLO_ALERT_POLICY,
                                            "AlertPolicy", openslo_check_policy};
    check_list(b, list, &policy, 0);
}
