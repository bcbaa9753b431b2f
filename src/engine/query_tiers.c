#include "engine/query_internal.h"

#include "base/mem.h"
#include "base/vec.h"
#include "engine/sieved.h"
#include "slo/slices.h"
#include "slo/tiers.h"

#include <stdlib.h>

/* A run may last this long: younger results are looked at one by one, for
 * whether they were visible at the evaluation instant. Timeouts are at most 1 h. */
#define SETTLE_US (2 * USEC_PER_HOUR)

struct unseen {
    int64_t slot_us;
    struct counts counts;
};

/* A slice with such events: what they make it to be worth more than it seemed. */
struct unseen_slice {
    int64_t begin_us, end_us;
    struct counts events, worth;
};

/* Events whose slot is before t and which were visible after it. */
struct unseen_list {
    const struct sli_def *sli;
    struct sieve *sieve;
    int64_t t_us;
    VEC(struct unseen) list;
    VEC(struct unseen_slice) slices;
};

static bool collect(void *ctx, const struct result *r)
{
    struct unseen_list *u = ctx;
    enum outcome o = sli_classify(u->sli, r);
    struct counts c = {
        .good = o == OUTCOME_GOOD, .bad = o == OUTCOME_BAD, .excluded = o == OUTCOME_EXCLUDED};
    if (r->done_us > u->t_us)
        vec_push(&u->list, ((struct unseen){r->slot_us, sieve_event(u->sieve, r->slot_us, c)}));
    return true;
}

static bool collect_derived(void *ctx, int64_t slot_us, int64_t done_us, struct counts c)
{
    struct unseen_list *u = ctx;
    if (done_us > u->t_us)
        vec_push(&u->list, ((struct unseen){slot_us, sieve_event(u->sieve, slot_us, c)}));
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

/* ---- slices ---------------------------------------------------------------------- */

static void add_to_slice(struct unseen_list *u, struct slice_grid *grid, const struct unseen *e)
{
    int64_t begin = slices_floor(grid, e->slot_us);
    size_t i = u->slices.len;
    while (i > 0 && u->slices.at[i - 1].begin_us != begin)
        i--;
    if (i == 0) {
        struct unseen_slice s = {.begin_us = begin, .end_us = slices_next(grid, begin)};
        vec_push(&u->slices, s);
        i = u->slices.len;
    }
    counts_add(&u->slices.at[i - 1].events, e->counts);
}

static int judge_slice(const struct slo_query *q, struct unseen_slice *s, struct err *reterr)
{
    struct counts all;
    int64_t slots = slo_query_slots(q, s->begin_us, s->end_us);
    if (sieved_counts(q->reader, &q->def->sli, q->sieve, s->begin_us, s->end_us, &all, reterr) < 0)
        return -1;
    s->worth = counts_minus(slices_judge(q->def, all, slots),
                            slices_judge(q->def, counts_minus(all, s->events), slots));
    return 0;
}

static int judge_slices(const struct slo_query *q, struct unseen_list *u, struct err *reterr)
{
    if (q->def->method == METHOD_OCCURRENCES)
        return 0;
    struct slice_grid grid = slices_grid(q->def);
    for (size_t i = 0; i < u->list.len; i++)
        add_to_slice(u, &grid, &u->list.at[i]);
    for (size_t i = 0; i < u->slices.len; i++)
        if (judge_slice(q, &u->slices.at[i], reterr) < 0)
            return -1;
    return 0;
}

static int window_slices(const struct slo_query *q, const struct unseen_list *u, int64_t start_us,
                         struct tier_counts *ret, struct err *reterr)
{
    struct counts c;
    if (slo_query_judged(q, start_us, u->t_us, &c, reterr) < 0)
        return -1;
    for (size_t i = 0; i < u->slices.len; i++) {
        const struct unseen_slice *s = &u->slices.at[i];
        if (s->end_us > start_us && s->end_us <= u->t_us)
            c = counts_minus(c, s->worth);
    }
    *ret = slices_tier_counts(q->def, c);
    return 0;
}

/* ---- tiers ----------------------------------------------------------------------- */

int query_look_window(const struct slo_query *q, const struct unseen_list *u, int64_t length_us,
                      struct tier_counts *ret, struct err *reterr)
{
    int64_t start = tier_window_start(u->t_us, length_us);
    struct counts c;
    if (q->def->method != METHOD_OCCURRENCES)
        return window_slices(q, u, start, ret, reterr);
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
        if (query_look_window(q, u, d->long_us, &lng, reterr) < 0 ||
            query_look_window(q, u, d->short_us, &shrt, reterr) < 0)
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
    if (q->whole) /* its members are looked at together, or not at all */
        return query_tiers_at(q->whole);
    return q->def->tier_count == 0 || t - SETTLE_US < q->raw_since_us ? 0 : t;
}

int query_look_begin(const struct slo_query *q, int64_t t_us, struct unseen_list **ret,
                     struct err *reterr)
{
    struct unseen_list *u = mem_alloc(sizeof(*u));
    *ret = u;
    u->sli = &q->def->sli;
    u->sieve = q->sieve;
    u->t_us = t_us;
    return collect_unseen(q, u, reterr) < 0 ? -1 : judge_slices(q, u, reterr);
}

struct counts query_look_unseen(const struct unseen_list *u, int64_t from_us, int64_t to_us)
{
    struct counts sum = {0};
    for (size_t i = 0; i < u->list.len; i++)
        if (u->list.at[i].slot_us >= from_us && u->list.at[i].slot_us < to_us)
            counts_add(&sum, u->list.at[i].counts);
    return sum;
}

size_t query_look_slices(const struct unseen_list *u)
{
    return u->slices.len;
}

int64_t query_look_slice(const struct unseen_list *u, size_t i)
{
    return u->slices.at[i].begin_us;
}

void query_look_end(struct unseen_list *u)
{
    if (!u)
        return;
    vec_release(&u->list);
    vec_release(&u->slices);
    free(u);
}

/* As the daemon saw it. */
int query_step_tiers(struct slo_query *q, struct err *reterr)
{
    struct unseen_list *u = NULL;
    int64_t t_us = query_tiers_at(q);
    if (!t_us)
        return 0;
    int rc = query_look_begin(q, t_us, &u, reterr);
    if (rc == 0)
        rc = evaluate(q, u, reterr);
    query_look_end(u);
    return rc;
}
