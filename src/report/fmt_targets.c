/* Words about targets that changed, the same in every format. */
#include "report/fmt.h"

#define SHOWN 6 /* the newest of them */

bool fmt_has_targets(const struct report_slo *s)
{
    return s->target_count > 1 ||
           (s->target_count == 1 && decimal_cmp(s->targets[0].target, s->def->target) != 0);
}

void fmt_targets(struct str *out, const struct report_slo *s)
{
    char target[UNITS_MAX], allowed[FMT_MAX], total[FMT_MAX], at[FMT_MAX];
    size_t skip = s->target_count > SHOWN ? s->target_count - SHOWN : 0;
    if (skip)
        str_addf(out, "%zu others until %s, then ", skip,
                 fmt_instant(at, s->targets[skip].since_us));
    for (size_t i = skip; i < s->target_count; i++) {
        const struct report_target *t = &s->targets[i];
        bool last = i + 1 == s->target_count;
        str_addf(out, "%s%s%s", i > skip ? ", then " : "", decimal_percent(target, t->target),
                 last ? "" : " until ");
        if (!last)
            str_add(out, fmt_instant(at, s->targets[i + 1].since_us));
        str_addf(out, " (allows %s of %s)", fmt_events(allowed, t->allowed),
                 fmt_count(total, t->total));
    }
}
