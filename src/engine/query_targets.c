/*
 * Targets that changed: what each of them allows of the events or slices in its part of
 * the window, and what the budget comes to.
 */
#include "engine/query_internal.h"

#include "base/mem.h"
#include "slo/budget.h"
#include "slo/expected.h"
#include "slo/slices.h"

#include <stdlib.h>

int query_step_targets(struct slo_query *q, struct err *reterr)
{
    const struct report_slo *s = q->out;
    const struct slo_target always = {0, q->def->target};
    struct slo_target *known;
    size_t n;
    if (store_reader_slo_targets(q->reader, q->def->name, q->def->objective_name, &known, &n,
                                 reterr) < 0)
        return -1;
    bool in_force = targets_in_force(q->def, known, n);
    q->parts = arena_alloc(q->arena, (n + 1) * sizeof(*q->parts));
    q->part_count = targets_cut(q->def, in_force ? known : &always, in_force ? n : 1, s->start_us,
                                s->upto_us, q->parts);
    free(known);
    return 0;
}

/* Events or slices of a part, and what they allow. */
struct part {
    struct budget_use use;
    int64_t total;
    int64_t whole; /* those that would be there if nothing were missing */
};

/* A ratio's events come by scrapes: as many as they did in the window so far. */
static int64_t events_of_slots(const struct report_slo *s, int64_t slots, int64_t seen)
{
    if (s->source != SOURCE_RATIO && s->source != SOURCE_HISTOGRAM)
        return slots;
    if (s->observed == 0)
        return seen;
    uint128 whole = (uint128)counts_total(s->counts) * (uint128)slots / (uint128)s->observed;
    return whole < BUDGET_EVENTS_MAX ? (int64_t)whole : BUDGET_EVENTS_MAX;
}

static int count_events(const struct slo_query *q, const struct target_part *p,
                        int64_t slots_to_come, struct part *ret, struct err *reterr)
{
    struct counts c;
    if (slo_query_counts(q, p->from_us, p->to_us, &c, reterr) < 0)
        return -1;
    int64_t seen = sli_observed(&q->def->sli, c) + c.silent;
    int64_t slots = slo_query_slots(q, p->from_us, p->to_us) - c.excluded;
    ret->total = counts_total(c) / slices_whole(q->def);
    ret->whole = events_of_slots(q->out, (slots > seen ? slots : seen) + slots_to_come, ret->total);
    ret->use = slices_use(q->def, c, p->target);
    return 0;
}

static int count_slices(const struct slo_query *q, const struct target_part *p, int64_t to_come,
                        struct part *ret, struct err *reterr)
{
    struct counts worth;
    if (slo_query_judged(q, p->from_us, p->to_us, &worth, reterr) < 0)
        return -1;
    ret->total = counts_total(worth) / slices_whole(q->def);
    ret->whole = ret->total + worth.silent + to_come;
    ret->use = slices_use(q->def, worth, p->target);
    return 0;
}

static int count(const struct slo_query *q, const struct target_part *p, int64_t to_come,
                 struct part *ret, struct err *reterr)
{
    if (q->def->method == METHOD_OCCURRENCES)
        return count_events(q, p, to_come, ret, reterr);
    return count_slices(q, p, to_come, ret, reterr);
}

static int64_t slots_to_come(const struct slo_query *q)
{
    if (q->def->method != METHOD_OCCURRENCES)
        return query_slices_to_come(q);
    return slo_query_slots(q, q->out->upto_us, q->out->end_us);
}

static bool is_newest(const struct slo_query *q, const struct target_part *p)
{
    return decimal_cmp(p->target, q->def->target) == 0;
}

int query_use(struct slo_query *q, uint128 *ret_projected, struct err *reterr)
{
    struct report_slo *s = q->out;
    const struct slo_def *def = q->def;
    const struct target_part *last = &q->parts[q->part_count - 1];
    const struct target_part beyond = {s->upto_us, s->upto_us, def->target};
    int64_t to_come = slots_to_come(q);
    struct part c;
    *ret_projected = 0;
    s->targets = arena_alloc(q->arena, q->part_count * sizeof(*s->targets));
    for (size_t i = 0; i < q->part_count; i++) {
        const struct target_part *p = &q->parts[i];
        if (count(q, p, p == last && is_newest(q, p) ? to_come : 0, &c, reterr) < 0)
            return -1;
        budget_use_add(&s->use, c.use);
        *ret_projected += budget_allows(p->target, c.whole, slices_whole(def));
        q->full += budget_allows(def->target, c.whole, slices_whole(def));
        s->targets[s->target_count++] = (struct report_target){
            p->from_us, p->target, c.total, (double)c.use.allowed / (double)c.use.one};
    }
    if (!is_newest(q, last)) {
        if (count(q, &beyond, to_come, &c, reterr) < 0)
            return -1;
        *ret_projected += budget_allows(def->target, c.whole, slices_whole(def));
        q->full += budget_allows(def->target, c.whole, slices_whole(def));
    }
    if (def->window.type == WINDOW_ROLLING)
        q->full = slices_use(def, s->judged, def->target).allowed;
    return 0;
}
