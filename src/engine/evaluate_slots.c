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
    for (size_t i = 0; i < w->slis.len; i++) {
        struct eval_sli *sli = w->slis.at[i];
        sli->now.at_us = INT64_MIN;
        for (size_t j = 0; j < sli->windows.len; j++)
            sli->windows.at[j].from.at_us = INT64_MIN;
    }
}

static int64_t count_scheduled(const struct watched *w, int64_t from_us, int64_t to_us)
{
    if (w->revisions.len == 0)
        return 0;
    if (from_us < w->newest_us)
        return expected_slots(w->revisions.at, w->revisions.len, from_us, to_us);
    const struct probe_revision *last = &w->revisions.at[w->revisions.len - 1];
    return hours_count(last->hours, last->phase_us, last->interval_us, from_us, to_us);
}

int64_t eval_slots(const struct eval_sli *sli, struct sieve *v, int64_t from_us, int64_t to_us)
{
    const struct watched *w = sli->probe;
    int64_t slots = count_scheduled(w, from_us, to_us);
    if (!v->set || slots == 0)
        return slots;
    return slots - sieve_dropped(v, w->revisions.at, w->revisions.len, from_us, to_us);
}

/* From where the newest schedule began; negative before that. */
static int64_t slots_before(const struct eval_sli *sli, struct sieve *v, int64_t t_us)
{
    int64_t newest_us = sli->probe->newest_us;
    return t_us < newest_us ? -eval_slots(sli, v, t_us, newest_us)
                            : eval_slots(sli, v, newest_us, t_us);
}

static void move_edge(const struct eval_sli *sli, struct sieve *v, struct eval_edge *e,
                      int64_t to_us)
{
    if (e->at_us == INT64_MIN || to_us < e->at_us)
        e->slots = slots_before(sli, v, to_us);
    else
        e->slots += eval_slots(sli, v, e->at_us, to_us);
    e->at_us = to_us;
}

const struct eval_edge *eval_move_now(struct eval_sli *sli, int64_t t_us)
{
    struct eval_edge *now = sli->sieve.set ? &sli->now : &sli->probe->now;
    move_edge(sli, &sli->sieve, now, t_us);
    return now;
}

/* Each far end is in a stretch of its own, which it seldom leaves. */
void eval_move_from(struct eval_sli *sli, size_t window, int64_t to_us)
{
    struct eval_edge *from = &sli->windows.at[window].from;
    if (!sli->sieve.set) {
        move_edge(sli, &sli->sieve, from, to_us);
        return;
    }
    while (sli->ends.len <= window)
        vec_push(&sli->ends, sieve_again(&sli->sieve));
    move_edge(sli, &sli->ends.at[window], from, to_us);
}
