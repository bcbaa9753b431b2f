/* `hours`: when a probe is in service. */
#include "config/build.h"

#include "base/mem.h"
#include "base/str.h"

#include <string.h>

/* Slots that a clock change brings within must count: any year will do. */
#define SOME_INSTANT_US (20454LL * 86400 * 1000000) /* 2026-01-01 */

static const struct field rule_fields[] = {
    {"timezone", FIELD_STRING, offsetof(struct hours_rule, timezone)},
    {"days", FIELD_STRING, offsetof(struct hours_rule, days)},
    {"from", FIELD_STRING, offsetof(struct hours_rule, from)},
    {"to", FIELD_STRING, offsetof(struct hours_rule, to)},
    {0},
};

static const struct node *entry(const struct node *n, size_t i)
{
    return n->kind == NODE_SEQ ? n->items[i] : n;
}

/* Each by itself, to tell the mistakes of all. */
static void find_faults(struct build *b, const struct node *n, const struct hours_rule *rules,
                        size_t count)
{
    size_t bad;
    struct err err;
    for (size_t i = 0; i < count; i++) {
        struct hours *hours = NULL;
        if (b->tables->hours->make(&rules[i], 1, &hours, &bad, &err) < 0)
            decode_error(&b->decode, entry(n, i)->pos, "hours: %s", err.msg);
        else
            b->tables->hours->unref(hours);
    }
}

struct hours *build_hours(struct build *b, const struct node *n)
{
    struct hours *hours = NULL;
    struct err err;
    size_t errors = b->decode.diag->errors, bad = 0;
    size_t count = n->kind == NODE_SEQ ? n->n : 1;
    struct hours_rule *rules = mem_array(count + 1, sizeof(*rules));
    for (size_t i = 0; i < count; i++) {
        rules[i] = (struct hours_rule){"UTC", "daily", "00:00", "24:00"};
        decode_object(&b->decode, entry(n, i), rule_fields, &rules[i]);
    }
    if (b->decode.diag->errors == errors && b->tables->hours &&
        b->tables->hours->make(rules, count, &hours, &bad, &err) < 0) {
        find_faults(b, n, rules, count);
        if (b->decode.diag->errors == errors) /* it is between them */
            decode_error(&b->decode, bad < count ? entry(n, bad)->pos : n->pos, "hours: %s",
                         err.msg);
    }
    mem_free(&rules);
    return hours;
}

void build_check_hours(struct build *b, const struct node *n, const struct probe_def *def)
{
    const struct hours_ops *ops = b->tables->hours;
    char interval[UNITS_MAX];
    if (def->hours &&
        ops->next(def->hours, def->phase_us, def->interval_us, SOME_INSTANT_US) == INT64_MAX)
        decode_error(&b->decode, n->pos,
                     "hours: at an interval of %s no run of this probe ever falls within them",
                     units_duration(interval, def->interval_us));
}
