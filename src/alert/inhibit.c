#include "alert/inhibit.h"

#include "base/str.h"
#include "model/matcher.h"

static bool equal(const struct inhibit_def *rule, const struct string_map *a,
                  const struct string_map *b)
{
    bool same = true;
    for (size_t i = 0; same && i < rule->equal.n; i++)
        same = str_eq(matcher_label(a, rule->equal.at[i]), matcher_label(b, rule->equal.at[i]));
    return same;
}

bool inhibit_mutes(const struct inhibit_def *rule, const struct string_map *source,
                   const struct string_map *target)
{
    if (!matchers_match(&rule->target, target) || !matchers_match(&rule->source, source) ||
        !equal(rule, source, target))
        return false;
    return !matchers_match(&rule->source, target) || !matchers_match(&rule->target, source);
}

bool inhibit_succeeds(const struct string_map *source, const struct string_map *target)
{
    bool same = source->n == target->n;
    for (size_t i = 0; same && i < source->n; i++)
        same = str_eq(source->at[i].key, target->at[i].key) &&
               (str_eq(source->at[i].key, "severity") ||
                str_eq(source->at[i].value, target->at[i].value));
    return same;
}

ptrdiff_t inhibit_find(const struct routing_def *r, const struct string_map *target,
                       const struct string_map *const *firing, size_t n,
                       const struct inhibit_def **ret_rule)
{
    for (size_t k = 0; k < r->inhibit_count; k++) {
        const struct inhibit_def *rule = &r->inhibits[k];
        if (!matchers_match(&rule->target, target))
            continue;
        for (size_t i = 0; i < n; i++) {
            if (!inhibit_mutes(rule, firing[i], target))
                continue;
            if (ret_rule)
                *ret_rule = rule;
            return (ptrdiff_t)i;
        }
    }
    return -1;
}
