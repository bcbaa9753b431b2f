/* The tiers of a composite as the daemon saw them. */
#include "engine/query_internal.h"

#include "engine/sieved.h"
#include "slo/composite.h"
#include "slo/slices.h"

/* Slices with events that the daemon had not seen, and what they would take back. */
struct seen_slice {
    int64_t begin_us, end_us;
    struct counts less;
};

struct look {
    struct slo_query *whole;
    int64_t t_us;
    struct unseen_list *parts[SLO_MEMBERS_MAX];
    VEC(struct seen_slice) slices;
};

static void note_slice(struct look *l, struct slice_grid *grid, int64_t begin_us)
{
    for (size_t i = 0; i < l->slices.len; i++)
        if (l->slices.at[i].begin_us == begin_us)
            return;
    vec_push(&l->slices,
             ((struct seen_slice){.begin_us = begin_us, .end_us = slices_next(grid, begin_us)}));
}

static int judge_slice(const struct look *l, struct seen_slice *s, struct err *reterr)
{
    const struct slo_query *whole = l->whole;
    struct counts all[SLO_MEMBERS_MAX], seen[SLO_MEMBERS_MAX], c;
    for (size_t i = 0; i < whole->member_count; i++) {
        const struct slo_query *part = &whole->members[i];
        int64_t slots = slo_query_slots(part, s->begin_us, s->end_us);
        if (sieved_counts(part->reader, &part->def->sli, part->sieve, s->begin_us, s->end_us, &c,
                          reterr) < 0)
            return -1;
        all[i] = slices_judge(part->def, c, slots);
        c = counts_minus(c, query_look_unseen(l->parts[i], s->begin_us, s->end_us));
        seen[i] = slices_judge(part->def, c, slots);
    }
    s->less = counts_minus(composite_slice(whole->def, all), composite_slice(whole->def, seen));
    return 0;
}

static int look_at_parts(struct look *l, struct err *reterr)
{
    struct slo_query *whole = l->whole;
    for (size_t i = 0; i < whole->member_count; i++)
        if (query_look_begin(&whole->members[i], l->t_us, &l->parts[i], reterr) < 0)
            return -1;
    if (whole->def->method == METHOD_OCCURRENCES)
        return 0;
    struct slice_grid grid = slices_grid(whole->def);
    for (size_t i = 0; i < whole->member_count; i++)
        for (size_t k = 0; k < query_look_slices(l->parts[i]); k++)
            note_slice(l, &grid, query_look_slice(l->parts[i], k));
    for (size_t i = 0; i < l->slices.len; i++)
        if (judge_slice(l, &l->slices.at[i], reterr) < 0)
            return -1;
    return 0;
}

static int window_slices(const struct look *l, int64_t length_us, struct tier_counts *ret,
                         struct err *reterr)
{
    int64_t start = tier_window_start(l->t_us, length_us);
    struct counts c;
    if (slo_query_judged(l->whole, start, l->t_us, &c, reterr) < 0)
        return -1;
    for (size_t i = 0; i < l->slices.len; i++)
        if (l->slices.at[i].end_us > start && l->slices.at[i].end_us <= l->t_us)
            c = counts_minus(c, l->slices.at[i].less);
    *ret = slices_tier_counts(l->whole->def, c);
    return 0;
}

static int window_counts(const struct look *l, int64_t length_us, struct tier_counts *ret,
                         struct err *reterr)
{
    const struct slo_query *whole = l->whole;
    struct tier_counts members[SLO_MEMBERS_MAX];
    if (whole->def->method != METHOD_OCCURRENCES)
        return window_slices(l, length_us, ret, reterr);
    for (size_t i = 0; i < whole->member_count; i++)
        if (query_look_window(&whole->members[i], l->parts[i], length_us, &members[i], reterr) < 0)
            return -1;
    *ret = composite_tier_counts(whole->def, members);
    return 0;
}

static int evaluate(const struct look *l, struct err *reterr)
{
    const struct slo_def *def = l->whole->def;
    struct report_slo *s = l->whole->out;
    s->tiers = arena_alloc(l->whole->arena, def->tier_count * sizeof(*s->tiers));
    for (size_t i = 0; i < def->tier_count; i++) {
        struct tier_counts lng, shrt;
        if (window_counts(l, def->tiers[i].long_us, &lng, reterr) < 0 ||
            window_counts(l, def->tiers[i].short_us, &shrt, reterr) < 0)
            return -1;
        s->tiers[s->tier_count++] =
            (struct report_tier){.def = def->tiers[i],
                                 .firing = tier_fires(&def->tiers[i], def->target, lng, shrt),
                                 .long_burn = tier_burn(lng, def->target),
                                 .short_burn = tier_burn(shrt, def->target)};
    }
    return 0;
}

int query_composite_tiers(struct slo_query *whole, struct err *reterr)
{
    struct look l = {.whole = whole, .t_us = query_tiers_at(whole)};
    if (!l.t_us)
        return 0;
    int rc = look_at_parts(&l, reterr);
    if (rc == 0)
        rc = evaluate(&l, reterr);
    for (size_t i = 0; i < whole->member_count; i++)
        query_look_end(l.parts[i]);
    vec_release(&l.slices);
    return rc;
}
