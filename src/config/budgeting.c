#include "config/budgeting.h"

#include "base/str.h"
#include "base/units.h"

#include <inttypes.h>
#include <stddef.h>

static const char *const methods[] = {"Occurrences", "Timeslices", "RatioTimeslices", NULL};

struct budgeting {
    int method;
    int64_t slice_us;
    struct decimal slice_target;
};

static const struct field budgeting_fields[] = {
    {"method", FIELD_ENUM, offsetof(struct budgeting, method), .flags = FIELD_REQUIRED,
     .names = methods},
    {"slice", FIELD_DURATION, offsetof(struct budgeting, slice_us), .min = USEC_PER_MIN,
     .max = USEC_PER_DAY},
    {"slice_target", FIELD_PERCENT, offsetof(struct budgeting, slice_target)},
    {0},
};

/* ---- the key itself ------------------------------------------------------------------- */

static bool is_misspelt(const struct node *n, const char *key)
{
    return n->kind == NODE_MAP && decode_misspelt(n, budgeting_fields, key);
}

static void check_slice(struct decode *c, const struct node *n, const struct budgeting *b)
{
    const struct node *at = n->kind == NODE_MAP ? node_get(n, "slice") : NULL;
    char found[UNITS_MAX];
    if (b->method == METHOD_OCCURRENCES && at)
        decode_error(c, at->pos, "slice: Occurrences counts events, it has no slices");
    else if (b->method != METHOD_OCCURRENCES && !at && !is_misspelt(n, "slice"))
        decode_error(c, n->pos,
                     "budgeting: %s needs the length of its slices: {method: %s, slice: 1m%s}",
                     methods[b->method], methods[b->method],
                     b->method == METHOD_TIMESLICES ? ", slice_target: 95%" : "");
    else if (b->slice_us % USEC_PER_MIN)
        decode_error(c, at->pos, "slice: expected whole minutes; found %s",
                     units_duration(found, b->slice_us));
}

static void check_target(struct decode *c, const struct node *n, const struct budgeting *b)
{
    const struct node *at = n->kind == NODE_MAP ? node_get(n, "slice_target") : NULL;
    const struct decimal one = {1, 0};
    if (at && b->method != METHOD_TIMESLICES)
        decode_error(c, at->pos, "slice_target: %s judges no slice by itself, only Timeslices does",
                     methods[b->method]);
    else if (at && (b->slice_target.n <= 0 || decimal_cmp(b->slice_target, one) > 0))
        decode_error(c, at->pos,
                     "slice_target: the share of good events that makes a slice good is above 0%% "
                     "and at most 100%%");
    else if (b->method == METHOD_TIMESLICES && !at && node_get(n, "slice") &&
             !is_misspelt(n, "slice_target"))
        decode_error(c, n->pos,
                     "budgeting: Timeslices needs a slice_target: the share of good events that "
                     "makes a slice good, such as 95%%");
}

void decode_budgeting(struct decode *c, const struct node *n, void *out)
{
    static const struct field name = {"budgeting", FIELD_ENUM, .names = methods};
    struct slo_def *slo = out;
    struct budgeting b = {0};
    size_t errors = c->diag->errors;
    if (n->kind == NODE_MAP)
        decode_object(c, n, budgeting_fields, &b);
    else
        decode_value(c, n, &name, &b.method);
    if (c->diag->errors != errors)
        return;
    check_slice(c, n, &b);
    if (c->diag->errors == errors)
        check_target(c, n, &b);
    if (c->diag->errors != errors || b.method == METHOD_OCCURRENCES)
        return;
    slo->method = (enum budget_method)b.method;
    slo->slice_us = b.slice_us;
    slo->slice_pos = node_get(n, "slice")->pos;
    slo->slice_target = b.slice_target;
}

/* Existing revisions stay what they were. */
void budgeting_identify(const struct slo_def *slo, struct str *text)
{
    char target[UNITS_MAX];
    if (slo->method != METHOD_OCCURRENCES)
        str_addf(text, "\n%s %" PRId64 " %s", budget_method_name(slo->method), slo->slice_us,
                 decimal_text(target, slo->slice_target));
}
