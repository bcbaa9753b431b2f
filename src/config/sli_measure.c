/* SLIs by a measure of answers. */
#include "config/sli_internal.h"

#include "base/units.h"

#include <inttypes.h>

bool measure_choose(struct decode *c, const struct node *n, const struct sli_raw *raw,
                    const char *form, struct sli_def *sli)
{
    const struct node *fast = node_get(n, "faster_than");
    bool ok = true;
    for (int i = MEASURE_NONE + 1; i < MEASURE_COUNT; i++) {
        enum answer_measure m = (enum answer_measure)i;
        const struct node *at = node_get(n, answer_measure_name(m));
        if (!at)
            continue;
        const char *other = sli->measure ? answer_measure_name(sli->measure)
                            : form       ? form
                            : fast       ? "faster_than"
                                         : NULL;
        if (other) {
            sli_two_things(c, at, other, answer_measure_name(m));
            ok = false;
        } else {
            sli->measure = m;
            sli->bound = raw->bounds[m];
            sli->measure_pos = at->pos;
        }
    }
    return ok;
}

void measure_add_key(struct str *key, const struct sli_def *sli)
{
    char text[UNITS_MAX];
    if (sli->measure == MEASURE_TTFT || sli->measure == MEASURE_GAP)
        str_addf(key, " %s=%" PRId64 "us", answer_measure_name(sli->measure), sli->bound);
    else if (sli->measure != MEASURE_NONE)
        str_addf(key, " %s=%s", answer_measure_name(sli->measure),
                 answer_bound_text(text, sli->measure, sli->bound));
}

/* "agent", or several with commas. */
static const char *kinds_that_answer(struct arena *a, const struct probe_kind *const *kinds)
{
    const char *list = "";
    for (size_t i = 0; kinds[i]; i++) {
        if (kinds[i]->answers)
            list = arena_printf(a, "%s%s%s", list, *list ? ", " : "", kinds[i]->name);
    }
    return list;
}

bool sli_check_measure(struct decode *c, const struct probe_kind *const *kinds,
                       const struct slo_def *def, struct pos probe)
{
    const struct probe_def *p = def->probe;
    enum answer_measure m = def->sli.measure;
    struct pos bound = def->sli.measure_pos;
    bool time = m == MEASURE_TTFT || m == MEASURE_GAP;
    char text[UNITS_MAX], timeout[UNITS_MAX];
    if (m == MEASURE_NONE || !p->kind)
        return true;
    if (!p->kind->answers) {
        decode_error(c, probe,
                     "probe: '%s' is of the kind %s, whose runs have no answers; %s is of those of "
                     "the kind %s",
                     p->id, p->kind->name, answer_measure_name(m),
                     kinds_that_answer(c->arena, kinds));
        return false;
    }
    if (time && p->spec && p->kind->streams && !p->kind->streams(p->spec)) {
        decode_error(c, bound,
                     "%s: the answers of '%s' are not streamed: each comes in one piece; "
                     "faster_than bounds when",
                     answer_measure_name(m), p->id);
        return false;
    }
    if (time && def->sli.bound > p->timeout_us)
        decode_warning(c, bound,
                       "%s: %s is more than the probe's timeout of %s: every answer that arrives "
                       "keeps it",
                       answer_measure_name(m), units_duration(text, def->sli.bound),
                       units_duration(timeout, p->timeout_us));
    return true;
}
