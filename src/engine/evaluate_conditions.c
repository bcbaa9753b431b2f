/* What conditions ask of SLOs: when there was data last, and what is left of a budget. */
#include "engine/evaluate_internal.h"

#include "slo/expected.h"
#include "slo/slices.h"

#include <assert.h>

#define PACE_WINDOW 3 /* of those for people: 6 hours, as of a report's exhausts_at */

static const struct eval_slo *ready(const struct evaluator *e, size_t i)
{
    const struct eval_slo *slo = &e->slo_list[i];
    return slo->settled && eval_is_merged(slo) && slo->tick_us ? slo : NULL;
}

bool evaluator_heard(const struct evaluator *e, size_t i, struct slo_heard *ret)
{
    const struct eval_slo *slo = ready(e, i);
    if (!slo)
        return false;
    *ret = (struct slo_heard){.data_us = INT64_MIN, .deaf_us = INT64_MIN};
    for (size_t k = 0; k < slo_part_count(slo->def); k++) {
        const struct eval_sli *sli = slo->parts ? slo->parts[k].sli : slo->sli;
        int64_t interval_us = slo_part(slo->def, k)->probe->interval_us;
        ret->data_us = sli->data_us > ret->data_us ? sli->data_us : ret->data_us;
        ret->deaf_us = sli->probe->deaf_us > ret->deaf_us ? sli->probe->deaf_us : ret->deaf_us;
        ret->interval_us = interval_us > ret->interval_us ? interval_us : ret->interval_us;
    }
    return true;
}

/* As a report counts: without what is missing. */
static struct counts recent(const struct eval_slo *slo)
{
    size_t window = slo->people[PACE_WINDOW];
    if (slo->line)
        return eval_line_counts(slo->line, window);
    return slo_apply_no_data(slo->def, slo->sli->windows.at[window].counts);
}

bool evaluator_spent(const struct evaluator *e, size_t i, struct budget_use *ret,
                     struct budget_pace *pace)
{
    const struct eval_slo *slo = ready(e, i);
    struct slo_view v = {0};
    if (!slo)
        return false;
    if (slo->parts)
        eval_draw_composite(slo, &v);
    else
        eval_draw_source(slo, &v);
    *ret = v.use;
    if (!pace)
        return true;
    assert(slo->def->window.type == WINDOW_ROLLING && (slo->line || slo->sli));
    pace->recent = slices_use(slo->def, recent(slo), slo->def->target);
    pace->full = slices_use(slo->def, v.judged, slo->def->target).allowed;
    pace->length_us = slo->def->window.duration_us;
    return true;
}

bool evaluator_mutes_slo(const struct evaluator *e, size_t i, int64_t t_us)
{
    return eval_muted(e, e->slo_list[i].def, t_us);
}
