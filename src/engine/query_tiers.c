#include "engine/query_internal.h"

#include "base/vec.h"
#include "slo/tiers.h"

/* A run may last this long: younger results are looked at one by one, for
 * whether they were visible at the evaluation instant. Timeouts are at most 1 h. */
#define SETTLE_US (2 * USEC_PER_HOUR)

struct unseen {
    int64_t slot_us;
    struct counts counts;
};

/* Events whose slot is before t and which were visible after it. */
struct unseen_list {
    const struct sli_def *sli;
    int64_t t_us;
    VEC(struct unseen) list;
};

static bool collect(void *ctx, const struct result *r)
{
    struct unseen_list *u = ctx;
    enum outcome o = sli_classify(u->sli, r);
    struct counts c = {
        .good = o == OUTCOME_GOOD, .bad = o == OUTCOME_BAD, .excluded = o == OUTCOME_EXCLUDED};
    if (r->done_us > u->t_us)
        vec_push(&u->list, ((struct unseen){r->slot_us, c}));
    return true;
}

static bool collect_derived(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct unseen_list *u = ctx;
    if (done_us > u->t_us)
        vec_push(&u->list, ((struct unseen){slot_us, c}));
    return true;
}

static int64_t longest_tier(const struct slo_def *def)
{
    int64_t longest = 0;
    for (size_t i = 0; i < def->tier_count; i++)
        longest = def->tiers[i].long_us > longest ? def->tiers[i].long_us : longest;
    return longest;
}

/* A scrape that was still going on is among the last ones, but what it found to
 * have grown may have been spread far back. */
static int collect_metric(const struct slo_query *q, struct unseen_list *u, struct err *reterr)
{
    int64_t start = tier_window_start(u->t_us, longest_tier(q->def));
    if (store_reader_events(q->reader, u->sli, u->t_us - SETTLE_US, u->t_us, collect_derived, u,
                            reterr) < 0)
        return -1;
    if (u->list.len == 0 || start >= u->t_us - SETTLE_US)
        return 0;
    return store_reader_events(q->reader, u->sli, start, u->t_us - SETTLE_US, collect_derived, u,
                               reterr);
}

static int collect_unseen(const struct slo_query *q, struct unseen_list *u, struct err *reterr)
{
    if (u->sli->metric)
        return collect_metric(q, u, reterr);
    return store_reader_results(q->reader, u->sli->probe, u->t_us - SETTLE_US, u->t_us, collect, u,
                                reterr);
}

static void forget_unseen(struct counts *c, const struct unseen_list *u, int64_t start_us)
{
    for (size_t i = 0; i < u->list.len; i++) {
        if (u->list.at[i].slot_us >= start_us)
            *c = counts_minus(*c, u->list.at[i].counts);
    }
}

static int window_counts(const struct slo_query *q, const struct unseen_list *u, int64_t length_us,
                         struct tier_counts *ret, struct err *reterr)
{
    int64_t start = tier_window_start(u->t_us, length_us);
    struct counts c;
    if (slo_query_stored(q, start, u->t_us, &c, reterr) < 0)
        return -1;
    forget_unseen(&c, u, start);
    *ret = tier_counts_make(q->def, c, slo_query_slots(q, start, u->t_us));
    return 0;
}

static int evaluate(struct slo_query *q, const struct unseen_list *u, struct err *reterr)
{
    const struct slo_def *def = q->def;
    struct report_slo *s = q->out;
    s->tiers = arena_alloc(q->arena, def->tier_count * sizeof(*s->tiers));
    for (size_t i = 0; i < def->tier_count; i++) {
        const struct tier_def *d = &def->tiers[i];
        struct tier_counts lng, shrt;
        if (window_counts(q, u, d->long_us, &lng, reterr) < 0 ||
            window_counts(q, u, d->short_us, &shrt, reterr) < 0)
            return -1;
        s->tiers[s->tier_count++] =
            (struct report_tier){.def = *d,
                                 .firing = tier_fires(d, def->target, lng, shrt),
                                 .long_burn = tier_burn(lng, def->target),
                                 .short_burn = tier_burn(shrt, def->target)};
    }
    return 0;
}

/* The last evaluation instant before `at`. There are no tiers where results are
 * gone: what the daemon had not seen yet is not known. */
int64_t query_tiers_at(const struct slo_query *q)
{
    int64_t t = q->at_us / EVALUATE_EVERY_US * EVALUATE_EVERY_US;
    return q->def->tier_count == 0 || t - SETTLE_US < q->raw_since_us ? 0 : t;
}

/* As the daemon saw it. */
int query_step_tiers(struct slo_query *q, struct err *reterr)
{
    struct unseen_list u = {.sli = &q->def->sli, .t_us = query_tiers_at(q)};
    if (!u.t_us)
        return 0;
    int rc = collect_unseen(q, &u, reterr);
    if (rc == 0)
        rc = evaluate(q, &u, reterr);
    vec_release(&u.list);
    return rc;
}
