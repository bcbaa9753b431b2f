/* Words about what is excluded of an objective. */
#include "report/fmt.h"

#include <inttypes.h>

void fmt_unexcluded(struct str *out, const struct report_slo *s)
{
    const struct report_slo *u = s->unexcluded;
    char sli[FMT_MAX], spent[FMT_MAX], bad[FMT_MAX], total[FMT_MAX];
    if (!u->has_budget) {
        str_add(out, "Without exclusions: no data either");
        return;
    }
    str_addf(out, "Without exclusions: %s, %s, %s of the budget spent, %s bad of %s",
             fmt_sli(sli, u), fmt_state(u->state), fmt_percent(spent, u->consumed_ratio, 1),
             fmt_counted(bad, u, u->counts.bad), fmt_counted(total, u, counts_total(u->counts)));
}

void fmt_exclusion(struct str *out, const struct exclusion *x)
{
    bool author = x->author && x->author[0], why = x->reason && x->reason[0];
    if (why)
        str_addf(out, "%s (", x->reason);
    if (x->id)
        str_addf(out, "#%" PRId64, x->id);
    else
        str_add(out, x->name ? x->name : "");
    if (author)
        str_addf(out, "%sby %s", why && x->id == 0 ? ", " : " ", x->author);
    if (why)
        str_addc(out, ')');
}

void fmt_exclusions_left(struct str *out, const struct report_slo *s, size_t shown)
{
    char n[FMT_MAX];
    size_t left = s->excluded_spans - (s->exclusion_count < shown ? s->exclusion_count : shown);
    if (left)
        str_addf(out, "%s earlier %s not listed", fmt_count(n, (int64_t)left),
                 left == 1 ? "one is" : "ones are");
}
