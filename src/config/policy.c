#include "config/policy.h"

#include "base/units.h"

#include <string.h>

#define STEP(member) offsetof(struct policy_step, member)

static const struct field step_fields[] = {
    {"spent", FIELD_PERCENT, STEP(spent), .flags = FIELD_REQUIRED},
    {"then", FIELD_STRING, STEP(then), .flags = FIELD_REQUIRED},
    {"stop", FIELD_BOOL, STEP(stop)},
    {0},
};

static void check_spent(struct decode *c, const struct node *n, struct decimal spent)
{
    if (spent.n == 0 || decimal_cmp(spent, (struct decimal){10, 0}) > 0)
        decode_error(
            c, n->pos,
            "spent: the share of the budget that is spent is above 0%% and at most 1000%%; "
            "found '%.60s'",
            n->text);
}

static void check_then(struct decode *c, const struct node *n)
{
    size_t len = strlen(n->text);
    if (len == 0 || len > POLICY_TEXT_MAX)
        decode_error(c, n->pos, "then: expected what to do, in 1 to %d bytes; found %zu",
                     POLICY_TEXT_MAX, len);
}

/* False: it is not to be compared with. */
static bool decode_step(struct decode *c, const struct node *n, struct policy_step *ret)
{
    size_t errors = c->diag->errors;
    decode_object(c, n, step_fields, ret);
    if (c->diag->errors != errors)
        return false;
    check_spent(c, node_get(n, "spent"), ret->spent);
    check_then(c, node_get(n, "then"));
    return true;
}

void decode_policy(struct decode *c, const struct node *n, void *out)
{
    char found[FOUND_MAX], a[UNITS_MAX], b[UNITS_MAX];
    struct slo_policy *p = out;
    const struct policy_step *last = NULL;
    if (n->kind != NODE_SEQ) {
        decode_error(c, n->pos,
                     "policy: expected a list of steps such as {spent: 50%%, then: What to do}; "
                     "found %s",
                     decode_found(n, found));
        return;
    }
    if (n->n == 0 || n->n > POLICY_STEPS_MAX) {
        decode_error(c, n->pos, "policy: expected 1 to %d steps; found %zu", POLICY_STEPS_MAX,
                     n->n);
        return;
    }
    struct policy_step *steps = arena_alloc(c->arena, n->n * sizeof(*steps));
    for (size_t i = 0; i < n->n; i++) {
        if (!decode_step(c, n->items[i], &steps[i]))
            continue;
        if (last && decimal_cmp(steps[i].spent, last->spent) <= 0)
            decode_error(c, node_get(n->items[i], "spent")->pos,
                         "spent: steps rise, each by more spent than the one before: %s does not "
                         "come after %s",
                         decimal_percent(a, steps[i].spent), decimal_percent(b, last->spent));
        last = &steps[i];
    }
    p->at = steps;
    p->n = n->n;
}
