/*
 * How many slots a window should hold. Its edges move a little from tick to
 * tick, and only what lies between is counted: with service hours a day costs
 * something, and windows are long.
 */
#include "engine/evaluate_internal.h"

#include "slo/expected.h"
#include "slo/hours.h"

void eval_revised(struct watched *w)
{
    int64_t newest = 0;
    for (size_t i = 1; i < w->revisions.len; i++)
        if (w->revisions.at[i].since_us > newest)
            newest = w->revisions.at[i].since_us;
    w->newest_us = newest;
    w->now.at_us = INT64_MIN;
    for (size_t i = 0; i < w->slis.len; i++)
        for (size_t j = 0; j < w->slis.at[i]->windows.len; j++)
            w->slis.at[i]->windows.at[j].from.at_us = INT64_MIN;
}

int64_t eval_slots(const struct watched *w, int64_t from_us, int64_t to_us)
{
    if (w->revisions.len == 0)
        return 0;
    if (from_us < w->newest_us)
        return expected_slots(w->revisions.at, w->revisions.len, from_us, to_us);
    const struct probe_revision *last = &w->revisions.at[w->revisions.len - 1];
    return hours_count(last->hours, last->phase_us, last->interval_us, from_us, to_us);
}

/* From where the newest schedule began; negative before that. */
static int64_t slots_before(const struct watched *w, int64_t t_us)
{
    return t_us < w->newest_us ? -eval_slots(w, t_us, w->newest_us)
                               : eval_slots(w, w->newest_us, t_us);
}

void eval_move_edge(const struct watched *w, struct eval_edge *e, int64_t to_us)
{
    if (e->at_us == INT64_MIN || to_us < e->at_us)
        e->slots = slots_before(w, to_us);
    else
        e->slots += eval_slots(w, e->at_us, to_us);
    e->at_us = to_us;
}
