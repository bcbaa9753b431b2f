#include "engine/alert_summary.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/units.h"
#include "report/fmt.h"
#include "slo/composite.h"
#include "slo/source.h"

#define EXPRESSION_MAX 16384
#define SUMMARY_EXPRESSION 120 /* bytes of it in the summary */

static enum sli_source source_of(const struct slo_def *def)
{
    return def->member_count ? SOURCE_COMPOSITE : sli_source(&def->sli);
}

static void describe(const struct slo_def *def, struct str *out)
{
    if (def->member_count)
        composite_expression(def, out);
    else
        sli_expression(&def->sli, out);
}

/* Names the component, the metric or the members, which an SLO's name need not; "" for
 * results of the probe. At most SUMMARY_EXPRESSION bytes, cut between
 * characters. */
static char *condition(const struct slo_def *def)
{
    struct str text;
    str_init(&text, EXPRESSION_MAX);
    str_add(&text, "; ");
    describe(def, &text);
    size_t n = text.len;
    bool cut = n > SUMMARY_EXPRESSION;
    for (n = cut ? SUMMARY_EXPRESSION : n; cut && ((unsigned char)text.buf[n] & 0xC0) == 0x80; n--)
        ;
    char *line = source_of(def) == SOURCE_RESULTS
                     ? mem_strdup("")
                     : mem_printf("%.*s%s", (int)n, text.buf, cut ? "..." : "");
    str_release(&text);
    return line;
}

/* "api", or "api / goal" where there are several; the caller frees. */
static char *title(const struct alert_transition *t)
{
    return mem_printf("%s%s%s", t->slo, t->objective_name[0] ? " / " : "", t->objective_name);
}

char *alert_summary(const struct slo_view *v, const struct alert_transition *t)
{
    char lng[UNITS_MAX], shrt[UNITS_MAX], target[UNITS_MAX], took[FMT_MAX];
    mem_auto char *name = title(t);
    if (t->kind == ALERT_EVENT_RESOLVE)
        return mem_printf("%s: resolved after %s", name, fmt_span(took, t->at_us - t->since_us));
    mem_auto char *what = condition(v->def);
    decimal_percent(target, v->def->target);
    if (!t->tier.long_us)
        return mem_printf("%s (%s %s%s) burns its error budget", name, v->def->service, target,
                          what);
    return mem_printf("%s (%s %s%s) burns its error budget at %.1fx over %s and %.1fx over %s",
                      name, v->def->service, target, what, t->long_burn,
                      units_duration(lng, t->tier.long_us), t->short_burn,
                      units_duration(shrt, t->tier.short_us));
}
